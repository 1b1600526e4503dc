#!/usr/bin/env bash
# Creates .venv and installs what is locked, by hash. Does nothing when the locks have not changed.
# Usage: scripts/install.sh base|test
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
wanted=${1:?base or test}

. scripts/debian.sh
python=${PYTHON:-python3}
command -v "$python" >/dev/null || install_packages python3 python3-venv
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "install: Python 3.11 or newer is needed" >&2; exit 4; }
# Debian ships venv without its installer: the module imports, and fails when it is used.
"$python" -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv

[ -x .venv/bin/python ] || "$python" -m venv .venv
locks=(requirements/base.txt)
[ "$wanted" = base ] || locks+=(requirements/test.txt)
stamp=.venv/installed-$wanted
state=$(cat "${locks[@]}" pyproject.toml | sha256sum)
[ "$(cat "$stamp" 2>/dev/null)" != "$state" ] || exit 0

requirements=()
for lock in "${locks[@]}"; do requirements+=(-r "$lock"); done
echo "install: ${locks[*]}" >&2
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: "${requirements[@]}"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
echo "$state" >"$stamp"
