#!/usr/bin/env bash
# Calls every signature of dcgan over REST. Writes into the current directory.
#   zoo export dcgan_fashion_mnist && zoo serve
#   bash serving/examples/curl/dcgan.sh
set -euo pipefail
SERVER=${SERVER:-http://localhost:8501}

echo "# Status and metadata: the available versions, and the signatures"
curl -sS --fail-with-body "$SERVER/v1/models/dcgan"
echo
curl -sS --fail-with-body "$SERVER/v1/models/dcgan/metadata" > dcgan-metadata.json

echo "# generate_png, the default: the same seed and category give the same picture on every call"
curl -sS --fail-with-body "$SERVER/v1/models/dcgan:predict" \
  -d '{"instances": [{"seed": 7, "category": "bag"}]}' |
  grep -o '"b64": *"[^"]*"' | cut -d'"' -f4 | base64 -d > bag.png

echo "# generate: pixels, here of two pictures; the category \"\" is drawn at random"
curl -sS --fail-with-body "$SERVER/v1/models/dcgan:predict" \
  -d '{"signature_name": "generate", "inputs": {"seed": [7, 8], "category": ["bag", ""]}}' > generated.json

echo "# decode: the picture at a point of the latent space"
latents=$(printf '0.5, %.0s' {1..63})0.5
curl -sS --fail-with-body "$SERVER/v1/models/dcgan:predict" \
  -d '{"signature_name": "decode", "inputs": {"latents": [['"$latents"']], "category": ["bag"]}}' > decoded.json

echo "# A wrong row reports its own error and does not affect the others"
curl -sS --fail-with-body "$SERVER/v1/models/dcgan:predict" \
  -d '{"instances": [{"seed": 7, "category": "bag"}, {"seed": 7, "category": "spoon"}]}' | grep '"error"'
