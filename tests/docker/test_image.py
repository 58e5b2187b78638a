"""The image has the Rust engine: its build gets each file that it needs, past Dockerfile.dockerignore."""

import re
import tomllib
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docker/Dockerfile").read_text(encoding="utf-8")
IGNORED = (ROOT / "docker/Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
MADE = {"__pycache__", "target"}
"""Folders that only a build makes."""


def copied() -> list[str]:
    """Returns the paths that COPY takes from the repository."""
    lines = [line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY ")]
    return [name for names in lines if not names[0].startswith("--from") for name in names]


def is_ignored(path: str, patterns: list[str]) -> bool:
    """Returns whether the build does not get the file: the last pattern that matches it, or a folder of it, decides."""
    parts = PurePosixPath(path).parts
    ancestors = ["/".join(parts[: length + 1]) for length in range(len(parts))]
    ignored = False
    for pattern in patterns:
        matcher = re.compile(_expression(pattern.removeprefix("!")))
        if any(matcher.fullmatch(ancestor) for ancestor in ancestors):
            ignored = not pattern.startswith("!")
    return ignored


def _expression(pattern: str) -> str:
    """Returns the regular expression of a pattern, in which * is within one folder and **/ any number of them."""
    return re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("gtm/a.py", False),
        ("gtm/_native.abi3.so", True),
        ("gtm/__pycache__/a.pyc", True),
        ("dataplane/core/src/lib.rs", False),
        ("dataplane/target/release/lib_native.so", True),
        ("dataplane/fuzz/target/a", True),
        ("tests/conftest.py", True),
        ("README.md", False),
    ],
)
def test_patterns_are_read_as_docker_reads_them(path: str, *, ignored: bool) -> None:
    assert is_ignored(path, IGNORED) is ignored


def test_every_path_that_is_copied_exists() -> None:
    assert copied()
    assert [name for name in copied() if not (ROOT / name).exists()] == []


def test_no_file_that_is_copied_is_kept_out() -> None:
    names = [name for name in copied() if (ROOT / name).is_file()]
    folders = [ROOT / name for name in copied() if (ROOT / name).is_dir()]
    below = [file.relative_to(ROOT) for folder in folders for file in folder.rglob("*") if file.is_file()]
    sources = [file.as_posix() for file in below if not MADE & set(file.parts) and file.suffix != ".so"]
    assert [name for name in (*names, *sources) if is_ignored(name, IGNORED)] == []


def test_nothing_else_is_sent_to_the_build() -> None:
    kept = {line[1:] for line in IGNORED if line.startswith("!")}
    assert kept == set(copied())


def test_the_extension_and_the_licences_are_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (extension,) = project["tool"]["setuptools-rust"]["ext-modules"]
    for path in (extension["path"], project["project"]["readme"], *project["project"]["license-files"]):
        assert any(PurePosixPath(path).is_relative_to(name) for name in copied()), path


def test_the_toolchain_is_one_that_the_crates_allow() -> None:
    found = re.search(r"^FROM rust:(\d+)\.(\d+)\.\d+-slim-bookworm AS wheel$", DOCKERFILE, re.MULTILINE)
    assert found, "the toolchain is pinned"
    manifest = tomllib.loads((ROOT / "dataplane/Cargo.toml").read_text(encoding="utf-8"))
    wanted = tuple(map(int, manifest["workspace"]["package"]["rust-version"].split(".")))
    assert tuple(map(int, found.groups())) >= wanted


def test_the_build_fails_without_the_rust_engine() -> None:
    assert "RUN /opt/gtm/bin/gtm --version | tee /dev/stderr | grep --quiet ' rust engine$'\n" in DOCKERFILE
