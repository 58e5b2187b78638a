"""Tests of one xdist_group run on one worker: they use one address. pytest 9.2 with pytest-xdist 3.8 ignores groups."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import os, pytest
pytestmark = pytest.mark.xdist_group("one address")
@pytest.mark.parametrize("number", range(8))
def test_worker(number):
    print("worker", os.environ["PYTEST_XDIST_WORKER"])
"""


@pytest.mark.slow
def test_the_tests_of_a_group_run_on_one_worker(tmp_path: Path) -> None:
    (tmp_path / "test_group.py").write_text(TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-rP", "-p", "no:cacheprovider", "."]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    workers = [line for line in run.stdout.splitlines() if line.startswith("worker ")]
    assert len(workers) == 8, run.stdout
    assert len(set(workers)) == 1
