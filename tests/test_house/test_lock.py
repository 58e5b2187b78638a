"""The lock file: every library of a release has one version, allowed by pyproject.toml, and its hashes."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def pins(lock: str) -> dict[str, str]:
    """Returns the pinned version of each library; one that has several, by Python version, has its last."""
    return {
        canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([\w.+]+)", lock, re.MULTILINE)
    }


def without_hash(lock: str) -> list[str]:
    """Returns the pins that no hash stands below."""
    blocks = re.split(r"^(?=[\w.-]+==)", lock, flags=re.MULTILINE)
    return [block.split()[0] for block in blocks if "==" in block and "--hash=sha256:" not in block]


def test_the_lock_file_pins_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [Requirement(text) for text in (*project["dependencies"], *project["optional-dependencies"]["otlp"])]
    pinned = pins((ROOT / "requirements.lock").read_text())
    wrong = [
        str(one)
        for one in asked
        if not one.specifier.contains(pinned.get(canonicalize_name(one.name), "0"), prereleases=True)
    ]
    assert wrong == []


def test_every_pin_has_its_hashes() -> None:
    assert without_hash((ROOT / "requirements.lock").read_text()) == []
    assert without_hash("a==1 \\\n    --hash=sha256:0\nb==2\n") == ["b==2"]
