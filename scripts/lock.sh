#!/usr/bin/env bash
# Makes the hashed locks anew, without index addresses. Needs uv (only whoever updates the locks does).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for name in base test; do
  uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal \
    --python-version 3.11 "$@" "requirements/$name.in" -o "requirements/$name.txt"
done
