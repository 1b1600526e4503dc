# Sourced: install Debian packages where we may, name them where we may not.

install_packages() {
  if [ "$(id -u)" = 0 ]; then
    local as_root=()
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    local as_root=(sudo -n)
  else
    echo "Missing Debian packages: $*. Install them first: apt-get install $*" >&2
    exit 4
  fi
  echo "install: Debian packages $*" >&2
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
