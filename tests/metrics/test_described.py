"""What the code says of its metrics is true: each has the labels that it names, and a sentence about it."""

from dataclasses import replace
from pathlib import Path

import pytest

from gtm.ids import NodeName
from gtm.metrics.model import MetricKind
from gtm.metrics.snapshot import families
from gtm.metrics.zero_counters import births
from tests.metrics.measured import Measured


@pytest.mark.slow
def test_points_have_the_labels_that_their_metric_names(tmp_path: Path) -> None:
    present = Measured(tmp_path).present()
    born = births(present.plan, engine="rust", peers=[NodeName("fra")], filters={"moon"}, by_etcd=True)
    unborn = {'dns_questions{type="A"}': 1, 'admin_requests_refused{path="/",status="404"}': 1}
    wrong = []
    for family in families(replace(present, counters={**born, **unborn, **present.counters})):
        metric = family.metric
        own = {metric.prometheus} if metric.kind is MetricKind.STATE else set[str]()
        named = {name for point in family.points for name in point.labels} | own
        if family.points and named != set(metric.labels):
            wrong.append((metric.prometheus, sorted(named), metric.labels))
        assert metric.help.endswith(".")
    assert wrong == []
