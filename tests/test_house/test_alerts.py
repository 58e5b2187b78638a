"""The rules for Prometheus that are shipped: of the right form, about metrics that are exposed, each with a page."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families as parse

from gtm.ids import NodeName
from gtm.metrics.exposition import expose
from gtm.metrics.snapshot import families
from gtm.metrics.zero_counters import births
from tests.metrics.measured import Measured
from tests.test_house.alerting import Rule, rules
from tests.test_house.pages import anchors

DOCS = Path(__file__).parents[2] / "docs" / "guides"
TEXT = (DOCS / "alerts.yaml").read_text(encoding="utf-8")
PAGE = (DOCS / "alerts.md").read_text(encoding="utf-8")
RULES = rules(TEXT)
DURATION = re.compile(r"\d+[smhd]")
BASE = "https://gtm.example.net/docs/guides/"
"""What stands for where a reader keeps these pages: a name that is nobody's (RFC 2606 3)."""
OF_PROMETHEUS = {"instance", "job"}

Exposed = Mapping[str, Mapping[str, set[str]]]
"""By the name of a series, the values of each of its labels."""

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Exposed:
    """What a node with one of everything exposes."""
    present = Measured(tmp_path_factory.mktemp("node")).present()
    born = births(present.plan, engine="rust", peers=[NodeName("fra")], filters={"moon"}, by_etcd=True)
    shown = expose(families(replace(present, counters={**born, **present.counters})), "")
    found: dict[str, dict[str, set[str]]] = {}
    for metric in parse(shown.body.decode()):
        for sample in metric.samples:
            values = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                values.setdefault(label, set()).add(value)
    return found


def test_the_file_is_one_that_prometheus_reads() -> None:
    read = yaml.safe_load(TEXT)
    assert read.keys() == {"groups"}
    assert all(group.keys() == {"name", "rules"} for group in read["groups"])
    names = [group["name"] for group in read["groups"]]
    assert len(set(names)) == len(names)
    assert len({rule.name for rule in RULES}) == len(RULES) > 10


@each_rule
def test_a_rule_has_the_right_form(rule: Rule) -> None:
    wanted = {"alert", "expr", "for", "labels", "annotations", "labels.severity"}
    may = {"labels.says", "labels.applied"}
    """Words that are no part of what an alert is, and the moment that tells two of a kind apart."""
    assert rule.keys - may == wanted | {"annotations.summary", "annotations.runbook_url"}
    assert re.fullmatch(r"Gtm([A-Z][a-z]+)+", rule.name)
    assert rule.severity in {"critical", "warning", "info"}
    assert DURATION.fullmatch(rule.waits_for)
    assert rule.is_balanced
    assert len(rule.summary) > 20
    assert rule.summary.count("{{") == rule.summary.count("}}")


@each_rule
def test_a_rule_looks_at_what_a_node_exposes(rule: Rule, exposed: Exposed) -> None:
    assert rule.metrics
    assert rule.metrics <= exposed.keys()
    for name, label, value in rule.matched:
        assert any(re.fullmatch(value, shown) for shown in exposed[name][label]), name
    known = OF_PROMETHEUS.union(*(exposed[name] for name in rule.metrics))
    assert rule.named <= known


@each_rule
def test_a_rule_leads_to_what_to_do(rule: Rule) -> None:
    page, _, anchor = rule.runbook.partition("#")
    assert page == f"{BASE}alerts.md"
    assert anchor == rule.name.lower()
    assert anchor in anchors(PAGE)


def test_one_command_puts_the_readers_own_base_there() -> None:
    [(old, new)] = re.findall(r"^    sed 's\|(\S+)\|(\S+)\|' docs/guides/alerts.yaml > ", PAGE, re.MULTILINE)
    assert old == BASE
    assert all(rule.runbook.startswith(f"{new}alerts.md#") for rule in rules(re.sub(old, new, TEXT)))
    assert BASE not in re.sub(old, new, TEXT)


@each_rule
def test_an_alert_that_counts_events_shows_no_fraction(rule: Rule) -> None:
    """Prometheus extrapolates: of four events within a window it makes 4.08."""
    if "increase(" in rule.expression and "$value" in rule.summary:
        assert rule.expression.startswith("round(")
        assert "%.0f" in rule.summary


def test_the_page_has_no_alert_that_is_not_shipped() -> None:
    headings = set(re.findall(r"^### (\w+)$", PAGE, re.MULTILINE))
    assert headings == {rule.name for rule in RULES}


@pytest.mark.parametrize(
    ("expression", "metrics", "matched", "named", "is_balanced"),
    [
        ("gtm_ready == 0", {"gtm_ready"}, set(), set(), True),
        (
            'sum by (a, b) (gtm_x{c=~"(|d"}) > 0',
            {"gtm_x"},
            {("gtm_x", "c", "("), ("gtm_x", "c", "d")},
            {"a", "b"},
            True,
        ),
        ('rate(gtm_x{c="1",d!="2"}[5m)]', {"gtm_x"}, {("gtm_x", "c", "1"), ("gtm_x", "d", "2")}, set(), False),
        ("(gtm_x", {"gtm_x"}, set(), set(), False),
    ],
)
def test_expressions_are_read(
    expression: str, metrics: set[str], matched: set[tuple[str, ...]], named: set[str], *, is_balanced: bool
) -> None:
    rule = Rule("GtmX", expression, "0m", "info", "a summary", "", frozenset())
    assert (set(rule.metrics), set[tuple[str, ...]](rule.matched), set(rule.named)) == (metrics, matched, named)
    assert rule.is_balanced is is_balanced
