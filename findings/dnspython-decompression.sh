#!/usr/bin/env bash
# Guess: which compressed names dnspython reads in RDATA does not change within 2.9.
# Seen: 2.9.0 reads them in records of every type; 2.9.1 and 2.9.2 raise DecompressionForbidden for the types whose definition
# forbids compression (RFC 3597 4), and read those that RFC 1035 defines and those that RFC 3597 says to decompress.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/read.py" <<'PYTHON'
import struct

import dns.message
import dns.version

PREFIXES = {
    "NS": (2, 0), "CNAME": (5, 0), "MX": (15, 2), "AFSDB": (18, 2), "SRV": (33, 6), "NAPTR": (35, 7),
    "KX": (36, 2), "DNAME": (39, 0), "NSEC": (47, 0), "SVCB": (64, 2), "HTTPS": (65, 2), "LP": (107, 2),
}


def message(rtype: int, prefix: int) -> bytes:
    """An answer whose record ends in a pointer to the name in the question."""
    question = b"\3www\7example\3com\0" + struct.pack("!HH", rtype, 1)
    rdata = bytes(prefix) + b"\xc0\x0c"
    record = b"\xc0\x0c" + struct.pack("!HHIH", rtype, 1, 60, len(rdata)) + rdata
    return struct.pack("!HHHHHH", 1, 0x8400, 1, 1, 0, 0) + question + record


def outcome(rtype: int, prefix: int) -> str:
    try:
        dns.message.from_wire(message(rtype, prefix))
    except dns.exception.DNSException as error:
        return type(error).__name__
    return "read"


refused = [name for name, (rtype, prefix) in PREFIXES.items() if outcome(rtype, prefix) != "read"]
print(dns.version.version, "refuses:", " ".join(refused) or "none")
PYTHON
told=""
for version in 2.9.0 2.9.1 2.9.2; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet --disable-pip-version-check "dnspython==$version"
    told+=$("$folder/$version/bin/python" "$folder/read.py")$'\n'
done
printf '%s' "$told"
[ "$told" = "2.9.0 refuses: none
2.9.1 refuses: KX DNAME NSEC SVCB HTTPS LP
2.9.2 refuses: KX DNAME NSEC SVCB HTTPS LP
" ]
