#!/bin/sh
# Puts version 1 of the MNIST model into the bucket `models`, and the same again as version 2.
# usage: upload.sh [http://127.0.0.1:9100]
set -eu
store=${1:-http://127.0.0.1:9100}
folder=$(dirname "$0")/../mnist/model/1
s3() {
  curl -sSf --aws-sigv4 aws:amz:us-east-1:s3 --user "${MINIO_USER:-tutorial}:${MINIO_PASSWORD:-tutorial-secret}" "$@"
}
# A bucket that is there already is fine.
s3 -I "$store/models" >/dev/null 2>&1 || s3 -X PUT "$store/models"
for version in 1 2; do
  (cd "$folder" && find . -type f) | while read -r file; do
    s3 -T "$folder/${file#./}" "$store/models/mnist/$version/${file#./}"
    echo "models/mnist/$version/${file#./}"
  done
done
