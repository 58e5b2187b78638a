import gzip
import urllib.error
import urllib.request

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.fakes.collector import Collector


def send(collector: Collector, body: bytes, *, encoding: str = "") -> int:
    request = urllib.request.Request(f"{collector.url}/v1/metrics", body, {"Content-Encoding": encoding})
    with urllib.request.urlopen(request, timeout=10) as answer:
        status: int = answer.status
        return status


def test_it_decodes_what_it_gets_and_answers_as_it_is_told() -> None:
    collector = Collector()
    try:
        request = ExportMetricsServiceRequest()
        request.resource_metrics.add().scope_metrics.add().scope.name = "gtm"
        body = request.SerializeToString()
        assert send(collector, body) == 200
        assert send(collector, gzip.compress(body), encoding="gzip") == 200
        assert collector.requests == [request, request]
        assert collector.metrics() == {}
        assert collector.resource() == {}
        collector.status = 503
        with pytest.raises(urllib.error.HTTPError) as raised:
            send(collector, body)
        raised.value.close()
        assert collector.paths == ["/v1/metrics"] * 3
    finally:
        collector.close()
