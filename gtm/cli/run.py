"""`gtm serve` and `gtm probe`: run a node in the foreground."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gtm.cli.log import fatal_errors_logged, log_to_stderr
from gtm.cli.options import ConfigOption, read_config
from gtm.node.config.changes import NodeFileReread
from gtm.node.config.log_options import DEFAULT_LOG, LogChoice, LogFormat, LogLevel
from gtm.node.config.model import EngineChoice, NodeConfig, Role
from gtm.node.config.shipped import shipped
from gtm.probe.targets import AllowedNetwork, parse_allowed
from gtm.serve.listen import ListenAddress, parse_listen

log = logging.getLogger(__name__)


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        """Returns seconds since an arbitrary moment; it never goes back."""
        return time.monotonic()

    def wall(self) -> float:
        """Returns seconds since 1970-01-01 UTC."""
        return time.time()


def _listen(text: str) -> ListenAddress:
    try:
        return parse_listen(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _allowed(text: str) -> AllowedNetwork:
    try:
        return parse_allowed(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


ZonesOption = Annotated[Path | None, typer.Option("--zones", metavar="DIR", help="The folder of zone files.")]
ListenOption = Annotated[
    list[ListenAddress] | None,
    typer.Option("--listen", metavar="ADDR:PORT", parser=_listen, help="Serve DNS here, UDP and TCP; may be repeated."),
]
AdminListenOption = Annotated[
    ListenAddress | None,
    typer.Option("--admin", metavar="ADDR:PORT", parser=_listen, help="Serve the admin API here."),
]
AllowOption = Annotated[
    list[AllowedNetwork] | None,
    typer.Option(
        "--allow",
        metavar="NETWORK[:PORT]",
        parser=_allowed,
        help="Let checks look here too, as probe.allow does: 127.0.0.0/8 for endpoints on this machine.",
    ),
]
EngineOption = Annotated[EngineChoice | None, typer.Option("--engine", help="Which engine answers.")]
LogFormatOption = Annotated[
    LogFormat | None, typer.Option("--log-format", help="Log lines of text, or one JSON object a line.")
]
LogLevelOption = Annotated[LogLevel | None, typer.Option("--log-level", help="Log from this level on.")]


def serve(
    *,
    zones: ZonesOption = None,
    config: ConfigOption = None,
    listen: ListenOption = None,
    admin: AdminListenOption = None,
    engine: EngineOption = None,
    allow: AllowOption = None,
    log_format: LogFormatOption = None,
    log_level: LogLevelOption = None,
) -> None:
    """Serve DNS, with health checks and the admin API: what the node file says, or one machine's defaults."""

    def chosen() -> NodeConfig:
        made = _with_options(read_config(config), zones, admin, allow)
        if listen:
            made = replace(made, dns=tuple(listen))
        if engine is not None:
            made = replace(made, engine=engine)
        return replace(made, log=_logging(made.log, log_format, log_level))

    with fatal_errors_logged(_logging(DEFAULT_LOG, log_format, log_level)):
        _run(chosen, has_file=config is not None)


def probe(
    *,
    zones: ZonesOption = None,
    config: ConfigOption = None,
    admin: AdminListenOption = None,
    allow: AllowOption = None,
    log_format: LogFormatOption = None,
    log_level: LogLevelOption = None,
) -> None:
    """Run health checks and share what they say: the same node without DNS."""

    def chosen() -> NodeConfig:
        made = _with_options(read_config(config), zones, admin, allow)
        made = replace(made, roles=frozenset({Role.PROBE, Role.ADMIN}))
        return replace(made, log=_logging(made.log, log_format, log_level))

    with fatal_errors_logged(_logging(DEFAULT_LOG, log_format, log_level)):
        _run(chosen, has_file=config is not None)


def _logging(choice: LogChoice, form: LogFormat | None, level: LogLevel | None) -> LogChoice:
    return LogChoice(form or choice.format, level or choice.level)


def _with_options(
    config: NodeConfig, zones: Path | None, admin: ListenAddress | None, allow: list[AllowedNetwork] | None
) -> NodeConfig:
    if zones is not None:
        config = replace(config, zones=zones)
    if admin is not None:
        config = replace(config, admin=admin)
    if allow:
        config = replace(config, permits=config.permits.allowing(*allow))
    return config


def _run(chosen: Callable[[], NodeConfig], *, has_file: bool) -> None:
    config = chosen()
    log_to_stderr(config.log)
    if config.zones == shipped("zones"):
        message = "no zones/ here: serving the shipped example, %s; --allow 127.0.0.0/8 lets its endpoints be checked"
        log.warning(message, config.zones)
    from gtm.node.start import run_node  # noqa: PLC0415  # who completes, or shows help, runs none

    rereading = NodeFileReread(chosen, log_to_stderr) if has_file else None
    asyncio.run(run_node(config, SystemClock(), rereading=rereading))
