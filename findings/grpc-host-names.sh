#!/usr/bin/env bash
# Guess: gRPC's C core takes the common name of a certificate as curl does, only where there is no subjectAltName at
# all, and no wildcard right below a top-level domain.
# Seen (grpcio 1.85.3): it takes the common name also where the subjectAltName has an address alone, and `*.local` for
# a.local, which OpenSSL and curl refuse; `a*.example.com` is refused as everywhere.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.85.3 cryptography==50.0.2
cat >"$folder/names.py" <<'PYTHON'
import datetime
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def issued(alternative):
    key, day = ec.generate_private_key(ec.SECP256R1()), datetime.timedelta(days=1)
    now, name = datetime.datetime.now(datetime.UTC), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "api.example.com")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM), secret


def verdict(alternative, host):
    certificate, key = issued(alternative)
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    server.start()
    options = [("grpc.ssl_target_name_override", host)]
    with grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(certificate), options) as channel:
        try:
            channel.unary_unary("/a/b")(b"", timeout=10)
        except grpc.RpcError as error:  # whoever answers "unimplemented" was reached
            told = "taken" if error.code() is grpc.StatusCode.UNIMPLEMENTED else "refused"
    server.stop(0)
    return told


print(verdict([], "api.example.com"), verdict([x509.IPAddress(ip_address("192.0.2.1"))], "api.example.com"))
print(verdict([x509.DNSName("*.local")], "a.local"), verdict([x509.DNSName("a*.example.com")], "api.example.com"))
PYTHON
told=$("$folder/venv/bin/python" "$folder/names.py" 2>/dev/null)
echo "$told"
[ "$told" = "taken taken
taken refused" ]
