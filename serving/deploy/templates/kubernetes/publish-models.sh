#!/bin/sh
# Copies versions to the cluster's volume that it does not have yet. Each appears atomically, because a server
# loads a version as soon as its directory exists:
#
#     sh kubernetes/publish-models.sh [MODELS_DIR]
#
# kubectl's namespace must be the deployment's.
set -eu
models_dir=${1:-@models_dir_in_shell@}
here=$(dirname "$0")
inside() {
  kubectl exec models-writer -- "$@"
}

kubectl apply --filename "$here/models-writer.yaml"
trap 'kubectl delete pod models-writer --wait=false' EXIT
kubectl wait --for condition=Ready --timeout 5m pod/models-writer

for file in "$models_dir"/*/[1-9]*/saved_model.pb; do
  [ -e "$file" ] || continue
  version_dir=$(dirname "$file")
  version=$(basename "$version_dir")
  model=$(basename "$(dirname "$version_dir")")
  case $version in *[!0-9]*) continue ;; esac
  if inside test -e "@models_mount@/$model/$version"; then
    echo "$model version $version exists already"
    continue
  fi
  incoming=@models_mount@/.incoming/$model
  inside rm -rf "$incoming"
  inside mkdir -p "$incoming" "@models_mount@/$model"
  tar -C "$models_dir/$model" -c "$version" | kubectl exec -i models-writer -- tar -C "$incoming" -x
  inside mv "$incoming/$version" "@models_mount@/$model/$version"
  echo "$model version $version published"
done
