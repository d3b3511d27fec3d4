#!/bin/sh
# Manages the gateway's certificate and API keys in a directory outside any repository:
#
#     sh secrets.sh DIR certificate HOST   # self-signed, for trying out; use your own tls.crt and tls.key for production
#     sh secrets.sh DIR add NAME           # prints a new key for a client; it is shown only once
#     sh secrets.sh DIR revoke NAME        # revokes all of a client's keys
#
# The gateway reads them when it starts and at `nginx -s reload`.
set -eu
umask 022

usage() {
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

[ $# -eq 3 ] || usage
directory=$1 action=$2 name=$3
case $name in
  "" | *[!A-Za-z0-9._-]*)
    echo "A name must consist of letters, digits, dots, underscores and hyphens. Received: $name" >&2
    exit 2
    ;;
esac
# The gateway runs as another user and must read the files; the enclosing directory keeps everybody else out.
mkdir -p "$directory"
chmod 700 "$directory"
files=$directory/gateway
keys=$files/api_keys.map
mkdir -p "$files"
[ -e "$keys" ] || printf '# "Bearer KEY" client-name;\n' >"$keys"

case $action in
  certificate)
    if [ -e "$files/tls.key" ]; then
      echo "$files/tls.key already exists. Remove it to create a new one." >&2
      exit 1
    fi
    openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj "/CN=$name" \
      -addext "subjectAltName=DNS:$name,DNS:localhost,IP:127.0.0.1" \
      -keyout "$files/tls.key" -out "$files/tls.crt" 2>/dev/null
    chmod 644 "$files/tls.key"
    echo "Wrote $files/tls.crt, which clients must trust, and $files/tls.key, which must stay secret."
    ;;
  add)
    key=$(openssl rand -hex 32)
    { cat "$keys" && printf '"Bearer %s" %s;\n' "$key" "$name"; } >"$keys.new"
    mv "$keys.new" "$keys"
    echo "$key"
    ;;
  revoke)
    if ! awk -v name="$name;" '$3 == name { found = 1 } END { exit !found }' "$keys"; then
      echo "The client must have a key in $keys. Received: $name" >&2
      exit 1
    fi
    awk -v name="$name;" '$3 != name' "$keys" >"$keys.new"
    mv "$keys.new" "$keys"
    ;;
  *) usage ;;
esac
