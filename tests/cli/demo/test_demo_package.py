import subprocess
import sys

import pytest

import gtm.cli.demo
from gtm.cli.demo.app import demo_app


def test_the_package_offers_the_command() -> None:
    assert gtm.cli.demo.demo_app is demo_app


def test_the_package_offers_nothing_else() -> None:
    with pytest.raises(AttributeError, match="no attribute 'demo'"):
        _ = gtm.cli.demo.demo


@pytest.mark.slow
def test_a_toy_region_starts_without_the_command_line() -> None:
    source = "import sys, gtm.cli.demo.region; print(*sorted({'typer', 'pydantic', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []
