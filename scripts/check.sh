#!/usr/bin/env bash
# Everything that can be said of the code without running it. Goes on to the end, then fails if anything failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
failed=()
step() { local name=$1; shift; echo "── $name"; "$@" || failed+=("$name"); }

step format .venv/bin/ruff format --check --quiet .
step lint .venv/bin/ruff check --quiet .
step types .venv/bin/mypy
step "import contracts" .venv/bin/lint-imports --no-cache
step "dependency audit" scripts/audit.sh

[ ${#failed[@]} -eq 0 ] || { echo "check: failed: ${failed[*]}" >&2; exit 1; }
echo "check: all good"
