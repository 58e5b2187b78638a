"""A collector of OpenTelemetry: a real HTTP server on loopback that decodes the protobuf which it is sent."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric


class Collector:
    """Takes what is sent, and answers with `status`, `answer_headers` and `body`."""

    def __init__(self) -> None:
        self.requests: list[ExportMetricsServiceRequest] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self.answer_headers: dict[str, str] = {}
        self.body = b""
        self.got = threading.Semaphore(0)
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.requests.append(ExportMetricsServiceRequest.FromString(body))
                collector.paths.append(self.path)
                collector.headers.append(dict(self.headers.items()))
                self.send_response(collector.status)
                for name, text in collector.answer_headers.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(collector.body)))
                self.end_headers()
                self.wfile.write(collector.body)
                collector.got.release()

            def log_message(self, *_arguments: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def metrics(self) -> dict[str, Metric]:
        [resource] = self.requests[-1].resource_metrics
        [scope] = resource.scope_metrics
        assert scope.scope.name == "gtm"
        return {metric.name: metric for metric in scope.metrics}

    def resource(self) -> dict[str, str]:
        [resource] = self.requests[-1].resource_metrics
        return {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
