"""The recipes of CONTRIBUTING.md for a monitor kind and for a filter: to follow them takes the files that they name.

Each test writes those files into a folder that a child process has in front of the package, as somebody who follows the
recipe would: the tables get the rows that the recipe asks for, and no other file changes.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RECIPES = (ROOT / "CONTRIBUTING.md").read_text().partition("## Recipes")[2].partition("\n## ")[0]
TITLES = re.findall(r"^\*\*(Add .*?)\*\*", RECIPES, re.MULTILINE)
MOST_FILES = 4


def files_of(title: str) -> set[str]:
    """The files of the repository that the steps of a recipe name."""
    text = RECIPES.partition(f"**{title}**")[2].partition("\n**Add")[0]
    steps = re.findall(r"^\d\. .*?(?=\n\d\. |\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    without_links = (re.sub(r"\]\([^)]*\)", "", step) for step in steps)
    return {name for step in without_links for name in re.findall(r"(?:gtm|docs)/[\w/.-]+", step)}


@pytest.mark.parametrize("title", TITLES)
def test_a_recipe_names_at_most_four_files(title: str) -> None:
    assert 1 <= len(files_of(title)) <= MOST_FILES


def test_there_is_a_recipe_for_a_monitor_kind_and_for_a_filter() -> None:
    assert {"Add a monitor kind", "Add a filter"} <= set(TITLES)


IN_FRONT = """
import importlib, json, sys
from pathlib import Path

front = Path(sys.argv[1])
for folder in sorted(path for path in front.rglob("*") if path.is_dir()):
    package = importlib.import_module(".".join(folder.relative_to(front).parts))
    package.__path__.insert(0, str(folder))
"""


def printed_by(script: str, files: Mapping[str, str], folder: Path) -> Any:
    """The JSON that a script prints where the package has these files."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))
    command = [sys.executable, "-c", IN_FRONT + dedent(script), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def with_rows(name: str, rows: Mapping[str, str]) -> str:
    """The text of a file with more rows, each after a line that it has once."""
    text = (ROOT / name).read_text()
    for line, row in rows.items():
        assert text.count(f"{line}\n") == 1, line
        text = text.replace(f"{line}\n", f"{line}\n{row}\n")
    return text


def as_named(name: str) -> str:
    """What a recipe calls a file: one that is new by its folder."""
    return name if (ROOT / name).exists() else f"{Path(name).parent.as_posix()}/"


HOURS_KIND = '''
    from dataclasses import dataclass
    from typing import Annotated

    from pydantic import ConfigDict, Field

    from gtm.config.entry import Entry
    from gtm.config.fields import error, whole, whole_schema
    from gtm.zone.monitors.common import CommonKeys
    from gtm.zone.monitors.kind import MonitorKind
    from gtm.zone.monitors.settings import Settings


    @dataclass(frozen=True, slots=True)
    class HoursSettings(Settings):
        """Kind `hours`: an endpoint that serves at some hours of the day."""

        opens: int
        closes: int


    class HoursKeys(Entry):
        """The hours."""

        model_config = ConfigDict(defer_build=True)

        opens: Annotated[int, whole(0, 23), whole_schema(0, 23), Field(description="The first hour")] = 0
        closes: Annotated[int, whole(0, 24), whole_schema(0, 24), Field(description="The hour of the end")] = 0


    def _settings(keys: HoursKeys) -> HoursSettings:
        return HoursSettings(keys.opens, keys.closes)


    def _check(keys: HoursKeys, _common: CommonKeys) -> None:
        if keys.closes <= keys.opens:
            raise error(f"closes at {keys.closes}, before it opens at {keys.opens}")


    HOURS = MonitorKind(HoursKeys, _settings, needed={"closes": "an hours monitor has an end"}, rule=_check)
'''

HOURS_CHECK = """
    from gtm.health.verdict.reading import Reason
    from gtm.probe.failures import PASSED, CheckOutcome
    from gtm.probe.instruments import Instruments
    from gtm.checks.model import Check
    from gtm.zone.monitors.kinds.hours import HoursSettings


    async def check_hours(check: Check, settings: HoursSettings, instruments: Instruments) -> CheckOutcome:
        hour = int(instruments.clock.wall() % 86_400 // 3_600)
        is_open = settings.opens <= hour < settings.closes
        return PASSED if is_open else CheckOutcome(Reason.STATUS, f"closed at {hour} h")
"""

HOURS_USED = """
    import asyncio

    from gtm.errors import ZoneInvalid
    from gtm.probe.instruments import open_instruments
    from gtm.probe.kinds import read
    from gtm.steer.vocabulary import STEERING
    from gtm.zone.json_schema import zone_schema
    from gtm.checks.model import checks
    from gtm.zone.parse import NO_SHARED, parse
    from tests.fakes.clock import FakeClock
    from tests.fakes.permits import permits

    HEAD = '''zone: example.com
    nameservers: [ns.example.net]
    hostmaster: hostmaster@example.com
    regions: {one: {}}
    services: {api: {monitor: it, steer: weighted, endpoints: [{region: one, address: 127.0.0.1}]}}
    '''
    OPEN = "type: hours, opens: 8, closes: 18"


    def zone(keys):
        return parse(f"{HEAD}monitors: {{it: {{{keys}}}}}", "zone.yaml", NO_SHARED, STEERING)


    def messages(keys):
        try:
            zone(keys)
        except ZoneInvalid as invalid:
            return [problem.message for problem in invalid.problems]


    async def reading(hour):
        (check,) = checks((zone(OPEN),))
        async with open_instruments(FakeClock(wall=hour * 3600.0), permits=permits()) as instruments:
            taken = await read(check, instruments)
        return [taken.reason.value, taken.detail]


    monitor = zone(OPEN).services[0].monitor
    properties = zone_schema(STEERING)["$defs"]["MonitorEntry"]["properties"]
    print(json.dumps({
        "monitor": [monitor.type.value, monitor.port, repr(monitor.settings)],
        "needed": messages("type: hours"),
        "rule": messages("type: hours, opens: 9, closes: 8"),
        "of another kind": messages("type: icmp, opens: 9"),
        "schema": [key for key in properties if key in {"opens", "closes"}],
        "at 9": asyncio.run(reading(9)),
        "at 18": asyncio.run(reading(18)),
    }))
"""


@pytest.mark.slow
def test_a_kind_of_monitor_takes_two_files_and_rows_in_two_tables(tmp_path: Path) -> None:
    registry = with_rows(
        "gtm/zone/monitors/registry.py",
        {
            "from gtm.zone.monitors.kinds.grpc import GRPC": "from gtm.zone.monitors.kinds.hours import HOURS",
            '    CALCULATED = "calculated"': '    HOURS = "hours"',
            "    MonitorType.CALCULATED: CALCULATED,": "    MonitorType.HOURS: HOURS,",
        },
    )
    kinds = with_rows(
        "gtm/probe/kinds.py",
        {
            "from gtm.probe.failures import CheckOutcome": "from gtm.probe.hours import check_hours",
            "from gtm.zone.monitors.kinds.grpc import GrpcSettings": (
                "from gtm.zone.monitors.kinds.hours import HoursSettings"
            ),
            "    MonitorType.CALCULATED: Runner(CalculatedSettings, check_calculated),": (
                "    MonitorType.HOURS: Runner(HoursSettings, check_hours),"
            ),
        },
    )
    files = {
        "gtm/zone/monitors/kinds/hours.py": HOURS_KIND,
        "gtm/zone/monitors/registry.py": registry,
        "gtm/probe/hours.py": HOURS_CHECK,
        "gtm/probe/kinds.py": kinds,
    }
    assert {*map(as_named, files)} == files_of("Add a monitor kind")
    assert printed_by(HOURS_USED, files, tmp_path) == {
        "monitor": ["hours", 0, "HoursSettings(opens=8, closes=18)"],
        "needed": ['missing key "closes": an hours monitor has an end'],
        "rule": ["closes at 8, before it opens at 9"],
        "of another kind": ["icmp monitors have no opens; it is for hours"],
        "schema": ["opens", "closes"],
        "at 9": ["ok", ""],
        "at 18": ["status", "closed at 18 h"],
    }


ONLY_FILTER = """
    from gtm.steer.filter import Candidates, Filter, View
    from gtm.zone.steering import Argument


    def parse(argument: Argument) -> Filter:
        if not isinstance(argument, str):
            raise ValueError("takes the name of a region")

        def keep(candidates: Candidates, _view: View) -> Candidates:
            return tuple(candidate for candidate in candidates if candidate.region == argument)

        return Filter("only", keep)
"""

ONLY_USED = """
    from gtm.errors import ZoneInvalid
    from gtm.health.belief import Belief
    from gtm.ids import RegionName
    from gtm.steer.chain import select
    from gtm.steer.filter import Candidate
    from gtm.steer.vocabulary import STEERING
    from gtm.zone.parse import NO_SHARED, parse

    TEXT = '''zone: example.com
    nameservers: [ns.example.net]
    hostmaster: hostmaster@example.com
    regions: {one: {}, two: {}}
    monitors: {it: {type: icmp}}
    services:
      api:
        monitor: it
        steer: [up, STEP]
        endpoints: [{region: one, address: 192.0.2.1}, {region: two, address: 192.0.2.2}]
    '''


    def zone(step):
        return parse(TEXT.replace("STEP", step), "zone.yaml", NO_SHARED, STEERING)


    def messages(step):
        try:
            zone(step)
        except ZoneInvalid as invalid:
            return [problem.message for problem in invalid.problems]


    chain = STEERING.build(zone("{only: two}").services[0].steer)
    both = (Candidate(0, RegionName("one"), Belief.UP), Candidate(1, RegionName("two"), Belief.UP))
    print(json.dumps({
        "kept": [candidate.region for candidate in select(chain, both, ((), ())).candidates],
        "without argument": messages("only"),
    }))
"""


@pytest.mark.slow
def test_a_filter_takes_one_file_and_a_row_in_the_vocabulary(tmp_path: Path) -> None:
    vocabulary = with_rows(
        "gtm/steer/vocabulary.py",
        {
            "from gtm.steer.filters import first, nearest, priority, shuffle, up, weight": (
                "from gtm.steer.filters import only"
            ),
            '    "nearest": nearest.parse,': '    "only": only.parse,',
        },
    )
    files = {"gtm/steer/filters/only.py": ONLY_FILTER, "gtm/steer/vocabulary.py": vocabulary}
    assert {*map(as_named, files)} == files_of("Add a filter")
    assert printed_by(ONLY_USED, files, tmp_path) == {
        "kept": ["two"],
        "without argument": ["filter only takes the name of a region"],
    }
