#!/usr/bin/env bash
# Guess: the verifier of cryptography, which follows the rules of the web's CAs, refuses a server's certificate without
# extended key usage, takes a chain only up to a root, and takes every host that OpenSSL takes.
# Seen (50.0.2): a certificate without extended key usage is good; one that is itself in the Store is good, whoever
# issued it; and there is no way to ask about a host with an underscore or with a final dot, for DNSName refuses both,
# as ValueError.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cryptography==50.0.2
cat >"$folder/verify.py" <<'PYTHON'
import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

AUTHORITY, SERVER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
SIGNS = x509.KeyUsage(False, False, False, False, False, True, True, False, False)


def signed(name, key, *extensions):
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (name, "authority"))
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), now - day, now + day)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(AUTHORITY, SHA256())


root = signed(
    "authority",
    AUTHORITY,
    (x509.BasicConstraints(ca=True, path_length=None), True),
    (x509.SubjectKeyIdentifier.from_public_key(AUTHORITY.public_key()), False),
    (SIGNS, True),
)
leaf = signed(
    "server",
    SERVER,
    (x509.SubjectAlternativeName([x509.DNSName("*.example.com")]), False),
    (x509.AuthorityKeyIdentifier.from_issuer_public_key(AUTHORITY.public_key()), False),
)


def verdict(trusted, host):
    try:
        PolicyBuilder().store(Store([trusted])).build_server_verifier(x509.DNSName(host)).verify(leaf, [])
    except (VerificationError, ValueError) as error:
        return type(error).__name__
    return "good"


print(*(verdict(root, host) for host in ("api.example.com", "api.example.com.", "a_b.example.com", "api.example.net")))
print(verdict(leaf, "api.example.com"))
PYTHON
told=$("$folder/venv/bin/python" "$folder/verify.py")
echo "$told"
[ "$told" = "good ValueError ValueError VerificationError
good" ]
