#!/usr/bin/env bash
# Guess: in $GENERATE a plain $ is the number of the round, as the manual says, whatever ${OFFSET} stands beside it.
# Seen: in BIND 9.18.49 the offset of ${9} is added to every plain $ behind it in the same word; ${0} ends that. And a
# value of several words is refused, or loses its quotes: "a $ b" for a TXT is three strings.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download --quiet --quiet bind9-utils=1:9.18.49-1~deb12u3 bind9-libs=1:9.18.49-1~deb12u3 \
    libuv1 libmaxminddb0 libjson-c5 liblmdb0 libnghttp2-14 libxml2 libfstrm0 libprotobuf-c1 2>/dev/null
for package in *.deb; do dpkg --extract "$package" root; done
LD_LIBRARY_PATH=$(echo root/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH
cat >zone <<'ZONE'
$TTL 60
@ SOA ns host 1 3600 600 604800 300
@ NS ns.example.net.
$GENERATE 5-5 h CNAME ${9}-$-${0}-$
$GENERATE 5-5 t TXT "a $ b"
ZONE
told=$(root/usr/bin/named-compilezone -q -i none -o - example.com zone | grep -E '^[ht]' | tr -s ' \t' ' ')
printf '%s\n' "$told"
[ "$told" = 'h.example.com. 60 IN CNAME 14-14-5-5.example.com.
t.example.com. 60 IN TXT "a" "5" "b"' ]
