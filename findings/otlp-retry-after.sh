#!/usr/bin/env bash
# Guess: an exporter with a timeout of 2 s gives up at once where a collector answers 503 with Retry-After: 60 (OTLP
# 1.0, "OTLP/HTTP Throttling": the client SHOULD honour the waiting interval), as release 1.45.2 does.
# Seen (opentelemetry-exporter-otlp-proto-http 1.27.0): neither counts. It asks again after 1, 2, 4, ... 32 s, and one
# export() takes a minute.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cat >"$folder/export.py" <<'PYTHON'
import logging
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import MetricsData

asked = threading.Semaphore(0)


class Busy(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503)
        self.send_header("Retry-After", "60")
        self.send_header("Content-Length", "0")
        self.end_headers()
        asked.release()

    def log_message(self, *_):
        pass


logging.disable()
server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
threading.Thread(target=server.serve_forever, daemon=True).start()
exporter = OTLPMetricExporter(f"http://127.0.0.1:{server.server_address[1]}/v1/metrics", timeout=2)
exporting = threading.Thread(target=exporter.export, args=(MetricsData([]),), daemon=True)
exporting.start()
exporting.join(5)
is_over = not exporting.is_alive()
requests = 0
while asked.acquire(blocking=False):
    requests += 1
print(f"requests in 5 s: {requests}, over: {is_over}", flush=True)
os._exit(0)
PYTHON
for release in 1.27.0 1.45.2; do
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
        "opentelemetry-exporter-otlp-proto-http==$release" "opentelemetry-sdk==$release" 'setuptools<80'
    "$folder/venv/bin/python" "$folder/export.py"
done >"$folder/told"
cat "$folder/told"
[ "$(cat "$folder/told")" = "requests in 5 s: 3, over: False
requests in 5 s: 1, over: True" ]
