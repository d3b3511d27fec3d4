#!/usr/bin/env bash
# Calls every signature of the classifier over REST.
#   zoo export classifier_fashion_mnist && zoo serve
#   bash serving/examples/curl/classifier.sh photo.png
set -euo pipefail
SERVER=${SERVER:-http://localhost:8501}
PHOTO=$1

echo "# classify_png, the default: the most probable category, and every category's probability"
{
  printf '{"instances": [{"image_bytes": {"b64": "'
  base64 < "$PHOTO" | tr -d '\n'
  printf '"}}]}'
} |
  curl -sS --fail-with-body "$SERVER/v1/models/classifier:predict" --data-binary @-
echo
