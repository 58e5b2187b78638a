"""The lock files: every library of a release, and of a developer's environment, has one version and its hashes."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = {"requirements.lock": "otlp", "requirements-dev.lock": "dev"}
"""Each lock file, and the extra that it has beside the dependencies."""


def pins(lock: str) -> dict[str, str]:
    """Returns the pinned version of each library; one that has several, by Python version, has its last."""
    return {
        canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([\w.+]+)", lock, re.MULTILINE)
    }


def without_hash(lock: str) -> list[str]:
    """Returns the pins that no hash stands below."""
    blocks = re.split(r"^(?=[\w.-]+==)", lock, flags=re.MULTILINE)
    return [block.split()[0] for block in blocks if "==" in block and "--hash=sha256:" not in block]


@pytest.mark.parametrize(("file", "extra"), LOCKS.items())
def test_a_lock_file_pins_what_the_project_asks_for(file: str, extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [Requirement(text) for text in (*project["dependencies"], *project["optional-dependencies"][extra])]
    pinned = pins((ROOT / file).read_text())
    wrong = [
        str(one)
        for one in asked
        if not one.specifier.contains(pinned.get(canonicalize_name(one.name), "0"), prereleases=True)
    ]
    assert wrong == []


def test_every_library_of_a_release_is_tested_in_its_version() -> None:
    release, developer = (pins((ROOT / file).read_text()) for file in LOCKS)
    assert release
    assert {name: version for name, version in release.items() if developer.get(name) != version} == {}


@pytest.mark.parametrize("file", LOCKS)
def test_every_pin_has_its_hashes(file: str) -> None:
    assert without_hash((ROOT / file).read_text()) == []


def test_a_pin_without_a_hash_is_found() -> None:
    assert without_hash("a==1 \\\n    --hash=sha256:0\nb==2\n") == ["b==2"]


def test_make_installs_the_tools_from_their_lock_file() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert "--require-hashes --requirements requirements-dev.lock\n" in makefile
    assert re.search(r"^RECIPE := .*\brequirements-dev\.lock$", makefile, re.MULTILINE), "a new lock is installed"
