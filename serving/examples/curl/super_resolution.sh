#!/usr/bin/env bash
# Calls every signature of a super-resolution model over REST. Writes into the current directory.
#   zoo export fsrcnn_x3 && zoo serve
#   bash serving/examples/curl/super_resolution.sh photo.jpg
set -euo pipefail
SERVER=${SERVER:-http://localhost:8501}
PHOTO=$1

echo "# upscale_png, the default: a PNG or JPEG, three times as large"
{
  printf '{"instances": [{"image_bytes": {"b64": "'
  base64 < "$PHOTO" | tr -d '\n'
  printf '"}}]}'
} |
  curl -sS --fail-with-body "$SERVER/v1/models/fsrcnn_x3:predict" --data-binary @- |
  grep -o '"b64": *"[^"]*"' | cut -d'"' -f4 | base64 -d > large.png

echo "# upscale: pixels of any size, here 1 x 2"
curl -sS --fail-with-body "$SERVER/v1/models/fsrcnn_x3:predict" \
  -d '{"signature_name": "upscale", "inputs": {"images": [[[[255, 0, 0], [0, 0, 255]]]]}}' > large.json
