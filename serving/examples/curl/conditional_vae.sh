#!/usr/bin/env bash
# Calls every signature of conditional_vae over REST. Writes into the current directory.
#   zoo export cvae_fashion_mnist && zoo serve
#   bash serving/examples/curl/conditional_vae.sh
set -euo pipefail
SERVER=${SERVER:-http://localhost:8501}

echo "# generate_png, the default"
curl -sS --fail-with-body "$SERVER/v1/models/conditional_vae:predict" \
  -d '{"instances": [{"seed": 7, "category": "sneaker"}]}' |
  grep -o '"b64": *"[^"]*"' | cut -d'"' -f4 | base64 -d > sneaker.png

echo "# edit_png: that picture as another product; the category \"\" lets the model judge the category"
{
  printf '{"signature_name": "edit_png", "instances": [{"category": "", "target_category": "ankle boot",'
  printf ' "image_bytes": {"b64": "%s"}}]}' "$(base64 < sneaker.png | tr -d '\n')"
} |
  curl -sS --fail-with-body "$SERVER/v1/models/conditional_vae:predict" --data-binary @- |
  grep -o '"b64": *"[^"]*"' | cut -d'"' -f4 | base64 -d > ankle-boot.png

echo "# generate: pixels"
curl -sS --fail-with-body "$SERVER/v1/models/conditional_vae:predict" \
  -d '{"signature_name": "generate", "inputs": {"seed": [7], "category": ["sneaker"]}}' > generated.json

echo "# encode: pixels of any size, here 2 x 2, as latents"
curl -sS --fail-with-body "$SERVER/v1/models/conditional_vae:predict" \
  -d '{"signature_name": "encode", "inputs": {"images": [[[[0], [90]], [[180], [255]]]], "category": ["bag"]}}' \
  > encoded.json

echo "# decode: those latents as another product"
latents=$(python3 -c 'import json; print(json.load(open("encoded.json"))["outputs"]["latents"])')
curl -sS --fail-with-body "$SERVER/v1/models/conditional_vae:predict" \
  -d '{"signature_name": "decode", "inputs": {"latents": '"$latents"', "category": ["shirt"]}}' > decoded.json

echo "# edit: pixels as another product; the target \"\" keeps the category"
curl -sS --fail-with-body "$SERVER/v1/models/conditional_vae:predict" -d '{
  "signature_name": "edit",
  "inputs": {
    "images": [[[[0], [90]], [[180], [255]]]], "category": ["bag"], "target_category": ["shirt"]
  }
}' > edited.json
