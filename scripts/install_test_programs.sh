#!/usr/bin/env bash
# What the tests use beside Python: Chromium, PostgreSQL and Apache from Debian's packages, Node packages from npm's
# registry (versions and hashes in tests/interop/npm-shrinkwrap.json). Does nothing for what is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/debian.sh

missing=()
command -v chromium >/dev/null || missing+=(chromium)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v pdftotext >/dev/null || missing+=(poppler-utils)
# The server's programs alone (apache2-bin): the package `apache2` would start a service on port 80.
[ -x /usr/sbin/apache2 ] || missing+=(apache2-bin)
[ -e /usr/lib/apache2/modules/mod_auth_openidc.so ] || missing+=(libapache2-mod-auth-openidc)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
[ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"

node_packages=var/interop
state=$(cat tests/interop/package.json tests/interop/npm-shrinkwrap.json | sha256sum)
if [ "$(cat "$node_packages/installed" 2>/dev/null)" != "$state" ]; then
  echo "install: Node packages for tests/interop" >&2
  mkdir -p "$node_packages"
  cp tests/interop/package.json tests/interop/npm-shrinkwrap.json "$node_packages"
  if npm ci --prefix "$node_packages" --ignore-scripts --no-audit --no-fund --silent >/dev/null; then
    echo "$state" >"$node_packages/installed"
  else
    echo "install: npm could not bring openid-client and oidc-client-ts: the tests that run them will fail and say so" >&2
  fi
fi
