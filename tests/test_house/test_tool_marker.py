"""A test marked `tool` is skipped on a machine without the program, and fails in CI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WANTS_WHAT_NOBODY_HAS = """
import pytest

@pytest.mark.tool("sh", "no-such-program")
def test_wants():
    pass
"""
WANTS_A_SHELL = WANTS_WHAT_NOBODY_HAS.replace(', "no-such-program"', "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "ci", "outcome"),
    [
        (WANTS_WHAT_NOBODY_HAS, "", "1 skipped"),
        (WANTS_WHAT_NOBODY_HAS, "true", "1 error"),
        (WANTS_A_SHELL, "true", "1 passed"),
    ],
    ids=["missing on a laptop", "missing in CI", "installed"],
)
def test_a_missing_program_skips_on_a_laptop_and_fails_in_ci(
    tmp_path: Path, source: str, ci: str, outcome: str
) -> None:
    file = tmp_path / "test_wants.py"
    file.write_text(source)
    arguments = ["-m", "pytest", "-rs", "-c", os.devnull, f"--rootdir={tmp_path}", "-p", "tests.conftest", str(file)]
    arguments += ["-o", "markers=tool(name)", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome in run.stdout
    assert ("no-such-program" in run.stdout) == (source == WANTS_WHAT_NOBODY_HAS)
