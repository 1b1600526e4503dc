#!/usr/bin/env bash
# What the tests use beside the locked Python packages: Chromium, PostgreSQL, Node and Apache from Debian's packages;
# the libraries of other services, whose versions and hashes are in tests/interop. Does nothing for what is there.
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

# What the services of others are made of, beside our own environment.
others=var/interop
state=$(cat tests/interop/package.json tests/interop/npm-shrinkwrap.json tests/interop/requirements.txt | sha256sum)
if [ "$(cat "$others/installed" 2>/dev/null)" != "$state" ]; then
  echo "install: packages for tests/interop" >&2
  mkdir -p "$others"
  cp tests/interop/package.json tests/interop/npm-shrinkwrap.json "$others"
  npm ci --prefix "$others" --ignore-scripts --no-audit --no-fund --silent >/dev/null \
    && .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --upgrade \
      --target "$others/python" -r tests/interop/requirements.txt \
    && echo "$state" >"$others/installed" \
    || echo "install: not all of it could be had: the tests that need it will fail and say so" >&2
fi

# One program of Java, where Maven is there already: the documented class for Spring Security beside a page.
snippet=docs/relying-parties/SpringSecurity.java
state=$(cat tests/interop/spring/* "$snippet" | sha256sum)
if command -v mvn >/dev/null && [ "$(cat "$others/spring/installed" 2>/dev/null)" != "$state" ]; then
  echo "install: Spring Boot for tests/interop" >&2
  sources="$others/spring/src/main/java/families"
  mkdir -p "$sources"
  cp tests/interop/spring/pom.xml "$others/spring"
  cp tests/interop/spring/ServicePage.java "$sources"
  { echo 'package families;'; cat "$snippet"; } >"$sources/SignIn.java"
  mvn --quiet --batch-mode --file "$others/spring/pom.xml" -DskipTests package >&2 \
    && echo "$state" >"$others/spring/installed" \
    || echo "install: Spring Boot could not be had: its tests are skipped" >&2
fi
