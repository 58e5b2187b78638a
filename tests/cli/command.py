"""Runs `gtm` as an operator does: in this process for what is quick, or as a process of its own."""

import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from gtm.cli.app import main

LIMIT_S = 30.0
"""A busy machine may take seconds to start Python."""

WIDE = {"COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb"}
"""So that no message is wrapped."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of it."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of its result."""
        return self.out.splitlines()


def gtm(*arguments: str) -> Ran:
    """Runs the command line in this process, the working folder as it is."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["gtm", *arguments])
        patch.delenv("GTM_CONFIG", raising=False)
        for name, value in WIDE.items():
            patch.setenv(name, value)
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Ran(code, out.getvalue(), err.getvalue())


def gtm_process(*arguments: str, cwd: Path) -> Ran:
    """Runs the command line in a process of its own, until it ends."""
    environment = {name: value for name, value in os.environ.items() if name != "GTM_CONFIG"} | WIDE
    ended = subprocess.run(
        [sys.executable, "-m", "gtm", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return Ran(ended.returncode, ended.stdout, ended.stderr)
