#!/bin/sh
# keys.sh key NAME PRIVATE PUBLIC   makes the key pair of a probe: PRIVATE/NAME.key and PUBLIC/NAME.pub
# keys.sh file DRAFT PUBLIC         writes PUBLIC/dns.yaml: DRAFT with every public key that is in PUBLIC
# PRIVATE is a volume that only this probe has. Does nothing where it was done before: a key is what peers know a probe by.
set -eu

make_key() {
    name=$1 private=$2 public=$3
    [ ! -e "$public/$name.pub" ] || return 0
    rm -f "$private/$name.key" # left by a run that was interrupted; nobody knows it yet
    gtm keygen "$private/$name.key" >"$public/$name.pub.new"
    mv "$public/$name.pub.new" "$public/$name.pub"
}

write_file() {
    draft=$(cat "$1") public=$2
    [ ! -e "$public/dns.yaml" ] || return 0
    for file in "$public"/*.pub; do
        name=$(basename "$file" .pub)
        draft=$(printf '%s\n' "$draft" | sed "s|KEY OF $name\"|$(cat "$file")\"|")
    done
    printf '%s\n' "$draft" >"$public/dns.yaml.new"
    mv "$public/dns.yaml.new" "$public/dns.yaml"
}

case $1 in
key) make_key "$2" "$3" "$4" ;;
file) write_file "$2" "$3" ;;
esac
