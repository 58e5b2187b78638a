#!/usr/bin/env bash
# Guess: what a zone file printer prints is read back as the same record, by itself at least.
# Seen: ldns 1.8.3 prints values of SvcParams without the quotes that they need, so that a `;` in one begins a comment
# and the record that is read back is a shorter one, without an error; a SINK without its data; and the name in an
# NSAP-PTR as a string.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download --quiet --quiet ldnsutils=1.8.3-1+b1 libldns3=1.8.3-1+b1 2>/dev/null
for package in *.deb; do dpkg --extract "$package" root; done
LD_LIBRARY_PATH=$(echo root/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH

reprint() { # what ldns prints of a record, twice: of what was written, and of what it printed
    head='example.com. 3600 IN SOA ns.example.com. host.example.com. 1 3600 600 604800 300'
    printf '%s\nx.example.com. 60 IN %s\n' "$head" "$1" >zone
    printf '%s\n' "$head" >again
    root/usr/bin/ldns-read-zone zone | grep '^x' | tee -a again | cut -f4-
    root/usr/bin/ldns-read-zone again | grep '^x' | cut -f4- || true
}

told=$(
    reprint 'SVCB 1 . key667="a;b"'
    reprint 'SINK \# 6 400102010203'
    reprint 'TYPE23 \# 17 076e736170707472076578616d706c6500'
)
printf '%s\n' "$told"
[ "$told" = 'SVCB	1 . key667=a;b
SVCB	1 . key667=a
SINK	64
SINK	64
NSAP-PTR	"nsapptr"
NSAP-PTR	"nsapptr"' ]
