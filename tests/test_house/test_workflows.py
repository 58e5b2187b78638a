"""What GitHub reads: workflows name what exists here and test the Pythons of pyproject.toml; forms, updates, hooks."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
MADE = (".venv/", "dist/")
"""Paths below these are made by earlier steps."""


@dataclass(frozen=True)
class Step:
    """What the tests read of one step of a job."""

    run: str
    uses: str
    folder: str


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    """Returns the jobs of a workflow by name."""
    loaded: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    found: dict[str, dict[str, Any]] = loaded["jobs"]
    return found


def steps(file: Path) -> Iterator[Step]:
    """Yields every step of a workflow."""
    for job in jobs(file).values():
        for step in job["steps"]:
            yield Step(step.get("run", ""), step.get("uses", ""), step.get("working-directory", "."))


def make_targets() -> set[str]:
    """Returns what `make` can be asked for."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def unknown(command: str, targets: set[str]) -> list[str]:
    """Returns the targets of `make`, and the paths in the repository, that a command names and that do not exist."""
    wrong = []
    for part in re.split(r"&&|\|\||[|;\n]", command):
        words = part.split()
        if words[:1] == ["make"]:
            wrong += [f"make {word}" for word in words[1:] if "=" not in word and word not in targets]
        paths = [word for word in words if re.fullmatch(r"\.?[A-Za-z][\w.-]*(/[\w.-]+)+|[A-Z]\w+\.md", word)]
        wrong += [path for path in paths if not path.startswith(MADE) and not (ROOT / path).exists()]
    return wrong


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_what_a_step_runs_exists(file: Path) -> None:
    commands = [step for step in steps(file) if step.run]
    assert commands
    assert [wrong for step in commands for wrong in unknown(step.run, make_targets())] == []
    assert [step.folder for step in commands if not (ROOT / step.folder).is_dir()] == []


def test_what_does_not_exist_is_found() -> None:
    assert unknown("make nothing fast PYTHON=python3", {"fast"}) == ["make nothing"]
    assert unknown(".ci/run && .ci/gone | cat docs/gone.md", set()) == [".ci/gone", "docs/gone.md"]
    assert unknown("grep a CHANGELOG.md GONE.md\n.venv/bin/gtm", set()) == ["GONE.md"]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_job_has_a_time_limit_and_every_action_a_version(file: Path) -> None:
    assert [name for name, job in jobs(file).items() if "timeout-minutes" not in job] == []
    assert [step.uses for step in steps(file) if step.uses and "@" not in step.uses] == []


def test_every_python_of_the_project_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [found for text in project["classifiers"] for found in re.findall(r"Python :: (3\.\d+)$", text)]
    matrix = jobs(ROOT / ".github/workflows/ci.yml")["python"]["strategy"]["matrix"]
    assert matrix["python"] == listed
    assert f">={listed[0]}" == project["requires-python"]
    assert {one["python"] for one in matrix["include"]} <= set(listed)


def test_both_machines_are_tested_and_released_for() -> None:
    matrix = jobs(ROOT / ".github/workflows/ci.yml")["python"]["strategy"]["matrix"]
    tested = {*matrix["machine"], *(one["machine"] for one in matrix["include"])}
    released = jobs(ROOT / ".github/workflows/release.yml")["wheel"]["strategy"]["matrix"]["machine"]
    assert tested == set(released) == {"ubuntu-24.04", "ubuntu-24.04-arm"}


def test_the_fuzz_targets_are_those_of_the_crate() -> None:
    matrix = jobs(ROOT / ".github/workflows/weekly.yml")["fuzz"]["strategy"]["matrix"]
    assert set(matrix["target"]) == {file.stem for file in (ROOT / "dataplane/fuzz/fuzz_targets").glob("*.rs")}


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_a_form_of_issues_asks_for_what_it_names(name: str) -> None:
    form = yaml.safe_load((ROOT / f".github/ISSUE_TEMPLATE/{name}.yml").read_text(encoding="utf-8"))
    asked = [part for part in form["body"] if part["type"] != "markdown"]
    assert form["name"]
    assert form["description"]
    assert all(part["type"] in {"input", "textarea"} and part["attributes"]["label"] for part in asked)
    assert len({part["id"] for part in asked}) == len(asked) > 0


def test_each_folder_that_is_kept_up_to_date_has_its_manifest() -> None:
    manifests = {"pip": "pyproject.toml", "cargo": "Cargo.toml", "docker": "Dockerfile", "github-actions": ".github"}
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text(encoding="utf-8"))["updates"]
    assert {update["package-ecosystem"] for update in updates} == set(manifests)
    folders = [
        ROOT / folder.lstrip("/") / manifests[update["package-ecosystem"]]
        for update in updates
        for folder in update.get("directories", [update.get("directory")])
    ]
    assert [folder for folder in folders if not folder.exists()] == []


def test_a_commit_is_checked_for_rust_too() -> None:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    entries = [hook["entry"] for hook in local["hooks"]]
    for command in ("fmt", "clippy"):
        assert [entry for entry in entries if entry.startswith(f"cargo {command} --manifest-path dataplane/Cargo.toml")]
