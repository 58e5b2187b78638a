"""The floors of gtm/: the pure ones reach nothing outside, and every folder stands on one.

`lint-imports` checks who imports whom among our own modules; here is what it cannot see.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.test_house.purity import impurities

ROOT = Path(__file__).parents[2]
PURE_FLOORS = (
    "dns",
    "geo",
    "config",
    "zone",
    "health",
    "checks",
    "steer",
    "plan",
    "engine",
    "explain",
    "errors",
    "event",
    "ids",
    "clock",
    "counters",
    "token_bucket",
)
PURE_FILES = sorted(
    file
    for floor in PURE_FLOORS
    for file in [*(ROOT / "gtm" / floor).rglob("*.py"), *(ROOT / "gtm").glob(f"{floor}.py")]
)
# Run in a process of its own: an audit hook cannot be removed.
IMPORT_ALL_AND_TELL = """
import importlib, sys

OUTSIDE = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "_thread.start")

def tell(event, arguments):
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event.startswith(OUTSIDE) or writes:
        print(f"{module}: {event} {arguments}", flush=True)

sys.dont_write_bytecode = True
module = ""
sys.addaudithook(tell)
for module in sys.argv[1:]:
    importlib.import_module(module)
print("imported", len(sys.argv[1:]), "; asyncio" if "asyncio" in sys.modules else "")
"""


@pytest.mark.slow
def test_a_pure_file_reaches_nothing_outside() -> None:
    reaching = {file.relative_to(ROOT).as_posix(): impurities(file.read_text(encoding="utf-8")) for file in PURE_FILES}
    assert {path: lines for path, lines in reaching.items() if lines} == {}


def test_every_pure_floor_has_files() -> None:
    found = {file.relative_to(ROOT / "gtm").parts[0].removesuffix(".py") for file in PURE_FILES}
    assert found == set(PURE_FLOORS)


@pytest.mark.slow
def test_importing_the_pure_floors_opens_no_socket_and_starts_nothing() -> None:
    modules = [_module(file) for file in PURE_FILES]
    run = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL_AND_TELL, *modules], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.stderr == ""
    assert run.stdout.split() == ["imported", str(len(modules))]


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("import socket", "1: imports socket (the network)"),
        ("import os.path as p", "1: imports os.path (files)"),
        ("from time import monotonic", "1: imports time.monotonic (the clock)"),
        ("def f():\n    from random import random", "2: imports random.random (chance)"),
        ("from dns import resolver", "1: imports dns.resolver (the network)"),
        ("import numpy as np\nnp.random.default_rng()", "2: uses numpy.random"),
        ("from numpy import random", "1: imports numpy.random (chance)"),
        ("import maxminddb\nmaxminddb.open_database('x')", "2: uses maxminddb.open_database"),
        ("def f():\n    return open('x')", "2: calls open()"),
        ("print(1)", "1: calls print()"),
    ],
)
def test_what_reaches_outside_is_found(source: str, finding: str) -> None:
    assert impurities(source) == [finding]


@pytest.mark.parametrize(
    "source", ["import struct", "from dns.name import Name", "import numpy as np\nnp.load_nothing", "import timeit"]
)
def test_what_stays_inside_is_not_found(source: str) -> None:
    assert impurities(source) == []


def test_every_folder_and_module_of_gtm_stands_on_a_floor() -> None:
    contract, *_ = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    on_floors = {name.strip(" ()") for layer in contract["layers"] for name in layer.split("|")}
    exists = {path.stem for path in (ROOT / "gtm").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert contract["exhaustive"] is True
    assert exists - {"__init__"} - on_floors == set()
    assert on_floors - exists - {"__main__"} == set()


def _module(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
