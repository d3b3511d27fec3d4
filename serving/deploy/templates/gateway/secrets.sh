#!/bin/sh
# Certificate and API keys of the gateway, in a directory outside of any repository:
#
#     sh secrets.sh DIR certificate HOST   # self-signed, for a first try; for users bring tls.crt and tls.key
#     sh secrets.sh DIR add NAME           # prints a new key for a client; it is shown only now
#     sh secrets.sh DIR revoke NAME        # takes all keys of a client away
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
    echo "A name may have letters, digits, dots, underscores and hyphens. Received: $name" >&2
    exit 2
    ;;
esac
# The gateway runs as a user of its own and must read the files; the directory around them keeps others out.
mkdir -p "$directory"
chmod 700 "$directory"
files=$directory/gateway
keys=$files/api_keys.map
mkdir -p "$files"
[ -e "$keys" ] || printf '# "Bearer KEY" client-name;\n' >"$keys"

case $action in
  certificate)
    if [ -e "$files/tls.key" ]; then
      echo "$files/tls.key is there already. Remove it to make another one." >&2
      exit 1
    fi
    openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj "/CN=$name" \
      -addext "subjectAltName=DNS:$name,DNS:localhost,IP:127.0.0.1" \
      -keyout "$files/tls.key" -out "$files/tls.crt" 2>/dev/null
    chmod 644 "$files/tls.key"
    echo "Wrote $files/tls.crt, which clients must trust, and $files/tls.key, which nobody else may have."
    ;;
  add)
    key=$(openssl rand -hex 32)
    { cat "$keys" && printf '"Bearer %s" %s;\n' "$key" "$name"; } >"$keys.new"
    mv "$keys.new" "$keys"
    echo "$key"
    ;;
  revoke)
    if ! awk -v name="$name;" '$3 == name { found = 1 } END { exit !found }' "$keys"; then
      echo "No key of this client is in $keys. Received: $name" >&2
      exit 1
    fi
    awk -v name="$name;" '$3 != name' "$keys" >"$keys.new"
    mv "$keys.new" "$keys"
    ;;
  *) usage ;;
esac
