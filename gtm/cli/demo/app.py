"""`gtm demo` and its commands: what an operator types, and the exit status."""

import asyncio
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from gtm.cli.console import print_fields, print_json, print_lines, print_plain, print_table
from gtm.cli.demo.control import ask_modes, ask_switch
from gtm.cli.demo.mode import Mode
from gtm.cli.demo.play import play
from gtm.cli.demo.scripts import Shipped
from gtm.cli.demo.stage import STAGE
from gtm.cli.options import JsonOption, relative
from gtm.ids import RegionName
from gtm.node.config.shipped import shipped

demo_app = typer.Typer(invoke_without_command=True, no_args_is_help=False)

CONTROL = f"http://{STAGE.control}"


def _regions() -> list[str]:
    return ["us-east", "eu-west", "ap-southeast"]


Region = Annotated[
    str, typer.Argument(metavar="REGION", autocompletion=_regions, help="us-east, eu-west or ap-southeast.")
]


@demo_app.callback()
def demo(context: typer.Context, *, json: JsonOption = False) -> None:
    """Run three toy regions, three probes and a DNS node here until Ctrl-C; the commands break and mend a region."""
    if context.invoked_subcommand is None:
        asyncio.run(_play(_print_said if json else print_lines))
    elif json:
        raise typer.BadParameter(f"say it behind the command: gtm demo {context.invoked_subcommand} --json")


@demo_app.command()
def stop(region: Region, *, json: JsonOption = False) -> None:
    """End a region's process: connections are refused."""
    _switch(region, Mode.STOPPED, as_json=json)


@demo_app.command()
def start(region: Region, *, json: JsonOption = False) -> None:
    """Start a region, or make it well again."""
    _switch(region, Mode.OK, as_json=json)


@demo_app.command()
def slow(region: Region, *, json: JsonOption = False) -> None:
    """Let a region answer after longer than its monitor waits."""
    _switch(region, Mode.SLOW, as_json=json)


@demo_app.command()
def fail(region: Region, *, json: JsonOption = False) -> None:
    """Let a region answer HTTP 503."""
    _switch(region, Mode.FAIL, as_json=json)


@demo_app.command()
def status(*, json: JsonOption = False) -> None:
    """Show the mode of every region."""
    modes = asyncio.run(ask_modes(CONTROL))
    if json:
        print_fields({"regions": [{"region": name, "mode": mode.value} for name, mode in modes.items()]})
        return
    print_table("Regions of the demo", ("region", "mode"), ((name, mode.value) for name, mode in modes.items()))


def _switch(region: str, mode: Mode, *, as_json: bool) -> None:
    is_now = asyncio.run(ask_switch(CONTROL, RegionName(region), mode))[RegionName(region)].value
    if as_json:
        print_fields({"region": region, "mode": is_now})
    else:
        print_plain(f"region {region} is {is_now}")


def _print_said(text: str) -> None:
    """Prints what is said as one line of JSON."""
    print_json(dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "text": text}))


async def _play(show: Callable[[str], None]) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ending.set)

    def say(line: str) -> None:
        try:
            show(line)
            sys.stdout.flush()
        except OSError:  # nobody reads any more; in a task it would tear the loop down
            ending.set()

    await play(STAGE, Shipped(shipped("zones"), shipped("geodata")), gtm=_typed(), say=say, stop=ending)


def _typed() -> str:
    """Returns the way in which an operator types `gtm` in another terminal.

    After `make demo` it is in no folder of PATH.
    """
    installed = Path(sys.executable).with_name("gtm")
    if not installed.exists():
        return f"{sys.executable} -m gtm"
    program = shutil.which("gtm")
    return "gtm" if program and Path(program).samefile(installed) else str(relative(installed))
