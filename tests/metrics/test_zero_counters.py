"""A counter that exists is there from the first scrape on; what the source counts is held against the table."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gtm.event import EventKind
from gtm.health.verdict.reading import Reason
from gtm.ids import NodeName
from gtm.metrics.counted import COUNTED, counter_families, parse_series
from gtm.metrics.zero_counters import ALWAYS, REPORT_REASONS, births
from gtm.plan.model import EMPTY_PLAN, Plan
from tests.fakes import world

ROOT = Path(__file__).parents[2] / "gtm"
OPEN = {"admin_requests_refused", "health_port_requests_refused", "dns_questions"}
"""Counters whose labels nobody knows before."""
ELSEWHERE = {
    "readings",
    "reports_refused",
    "overrides_refused",
    "overrides_ahead",
    "overrides_put_off",
    "filter_failures",
    "etcd",
}
"""Counters that depend on what the node is."""
BY_RUST = {"dns_failed_open", "dns_zone_responses", "dns_service_responses", "dns_region_responses"}


def of(plan: Plan = EMPTY_PLAN, *, engine: str = "reference", by_etcd: bool = False) -> dict[str, set[str]]:
    """The series of each counter, by its name."""
    born = births(plan, engine=engine, peers=[NodeName("fra")], filters={"moon"}, by_etcd=by_etcd)
    assert set(born.values()) == {0}
    found: dict[str, set[str]] = {}
    for series in born:
        found.setdefault(parse_series(series)[0], set()).add(series)
    return found


def counting() -> Iterator[tuple[str, dict[str, ast.expr]]]:
    """Every `counters.add("NAME", label=...)` of the source: the name, and its labels."""
    for file in sorted(ROOT.rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "add":
                name = call.args[0] if call.args else None
                if ast.unparse(call.func.value).endswith("counters") and isinstance(name, ast.Constant):
                    yield str(name.value), {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}


@pytest.mark.slow
def test_every_counter_of_the_source_has_a_name_outside_and_is_born_or_open() -> None:
    names = {name for name, _ in counting()}
    assert len(names) > 20
    assert names <= COUNTED.keys()
    assert names <= ALWAYS.keys() | ELSEWHERE | OPEN


def test_every_known_counter_is_born_or_open() -> None:
    assert COUNTED.keys() == ALWAYS.keys() | ELSEWHERE | OPEN | BY_RUST


@pytest.mark.slow
def test_every_label_that_the_source_spells_out_is_born() -> None:
    born = of(world.plan(world.zone()), by_etcd=True)
    for name, labels in counting():
        for label, value in labels.items():
            if isinstance(value, ast.Constant) and name not in OPEN:
                said = f'{label}="{value.value!s}"'
                assert any(said in series for series in born[name]), (name, label, str(value.value))
            elif name not in OPEN:
                assert all(f'{label}="' in series for series in born[name]), (name, label)


@pytest.mark.parametrize(("file", "function"), [("health", "ReportInvalid"), ("probe/push_handler.py", "_refuse")])
def test_every_reason_that_the_source_spells_out_is_born(file: str, function: str) -> None:
    files = sorted((ROOT / file).rglob("*.py")) if (ROOT / file).is_dir() else [ROOT / file]
    calls = [call for one in files for call in ast.walk(ast.parse(one.read_text())) if isinstance(call, ast.Call)]
    named = [call for call in calls if ast.unparse(call.func).rpartition(".")[2] == function]
    said = {call.args[0].value for call in named if isinstance(call.args[0], ast.Constant)}
    assert said
    assert said == set(REPORT_REASONS if function == "ReportInvalid" else ALWAYS["heartbeats_refused"]["reason"])


@pytest.mark.slow
def test_every_file_of_the_state_folder_is_born() -> None:
    folder, said = ROOT / "node" / "state", set[str]()
    for file in (folder / "folder.py", folder / "boot_plan.py"):
        names = [each for each in ast.walk(ast.parse(file.read_text())) if isinstance(each, ast.Constant)]
        said |= {str(name.value) for name in names if re.fullmatch(r"[a-z-]+\.(json|bin)", str(name.value))}
    assert said == set(ALWAYS["state_errors"]["file"])


def test_every_change_of_an_override_that_is_an_event_is_born() -> None:
    kinds = [kind.value.rpartition(".")[2] for kind in EventKind if kind.value.startswith("gtm.override.")]
    assert sorted(kinds) == sorted(ALWAYS["overrides"]["kind"])


def test_closed_sets_are_born_whole() -> None:
    born = of()
    assert 'state_errors{file="status.json"}' in born["state_errors"]
    assert born["reports_refused"] == {f'reports_refused{{peer="fra",reason="{one}"}}' for one in REPORT_REASONS}
    assert born["filter_failures"] == {'filter_failures{filter="moon"}'}
    assert born["safety_failures"] == {"safety_failures"}


def test_checks_are_born_by_the_kinds_of_monitor_that_the_zones_have() -> None:
    assert "readings" not in of()
    born = of(world.plan(world.zone()))
    assert born["readings"] == {f'readings{{kind="http",outcome="{reason.value}"}}' for reason in Reason}


def test_what_only_the_rust_engine_counts_is_born_with_it_alone() -> None:
    plan = world.plan(world.zone())
    assert not BY_RUST & of(plan).keys()
    born = of(plan, engine="rust")
    assert born["dns_zone_responses"] == {'dns_zone_responses{zone="gtm.example.com"}'}
    assert 'dns_service_responses{service="api.gtm.example.com"}' in born["dns_service_responses"]
    assert 'dns_region_responses{region="eu-west"}' in born["dns_region_responses"]


def test_etcd_is_counted_where_nodes_share_by_it() -> None:
    assert "etcd" not in of()
    assert 'etcd{outcome="failed",task="hearing"}' in of(by_etcd=True)["etcd"]


def test_a_counter_that_moved_shows_beside_those_that_did_not() -> None:
    counters = {**births(EMPTY_PLAN, engine="reference", peers=[], filters=set(), by_etcd=False)}
    counters['polls{outcome="failed"}'] = 3
    [polls] = [
        counter_family for counter_family in counter_families(counters) if counter_family.metric is COUNTED["polls"]
    ]
    assert {point.labels["outcome"]: point.value for point in polls.points} == {"news": 0, "quiet": 0, "failed": 3}
