"""`gtm down`, `up`, `drain`, `obey`: what a person says counts until it ends; `clear` ends it, `overrides` lists it.

They go to the node's socket in its state folder, where there is one, and so work with no network and no peer alive; the
node tells its peers. Another machine's node is asked with `--admin ADDR:PORT --token-file FILE`. Of several scopes in
one command all are taken or none. Each prints what it really changes; what would change nothing is refused.
"""

import getpass
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from gtm.admin.address import UNIX
from gtm.admin.typed_time import shown
from gtm.cli.completing import said as names_of_said
from gtm.cli.completing import scopes
from gtm.cli.console import print_aside, print_plain, print_table, print_view
from gtm.cli.options import AdminOption, ConfigOption, JsonOption, TokenFileOption, admin_address, read_token
from gtm.health.override.override import MAX_BY_LENGTH, MAX_SPAN_S, Action, SafetyRule

if TYPE_CHECKING:
    from gtm.admin.views import NodeStatus

ScopeArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SCOPE",
        autocompletion=scopes,
        help="A region (eu-west), service (api), endpoint (api/eu-west/192.0.2.20) or zone; of several all or none.",
    ),
]
SaidArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SCOPE|ID",
        autocompletion=names_of_said,
        help="Of what it was said, or its id in `gtm overrides`; all or none.",
    ),
]
ForOption = Annotated[
    str | None, typer.Option("--for", metavar="DURATION", help="How long: 30m, 2h; 4h when left out, 72h at most.")
]
WhyOption = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason; everybody sees it.")]
ByOption = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who says so; you when left out, also under sudo.")
]
RuleOption = Annotated[
    list[SafetyRule] | None,
    typer.Option("--override-rule", help="A safety rule that must not stand in the way; may be repeated."),
]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The node that gets the override: its admin address, and a token or an empty text."""

    admin: str
    token: str


def down(  # one argument for each option of the command
    scope: ScopeArgument,
    *,
    why: WhyOption,
    span: ForOption = None,
    by: ByOption = None,
    rules: RuleOption = None,
    admin: AdminOption = None,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    json: JsonOption = False,
) -> None:
    """Force DOWN, ignoring the health checks."""
    node = _asked(admin_address(admin, config), token_file)
    _say(Action.DOWN, scope, why=why, span=span, by=by, rules=rules, node=node, as_json=json)


def up(  # one argument for each option of the command
    scope: ScopeArgument,
    *,
    why: WhyOption,
    span: ForOption = None,
    by: ByOption = None,
    rules: RuleOption = None,
    admin: AdminOption = None,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    json: JsonOption = False,
) -> None:
    """Force UP, ignoring the health checks."""
    node = _asked(admin_address(admin, config), token_file)
    _say(Action.UP, scope, why=why, span=span, by=by, rules=rules, node=node, as_json=json)


def drain(  # one argument for each option of the command
    scope: ScopeArgument,
    *,
    why: WhyOption,
    span: ForOption = None,
    by: ByOption = None,
    rules: RuleOption = None,
    admin: AdminOption = None,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    json: JsonOption = False,
) -> None:
    """Remove from the answers, without counting it as a failure."""
    node = _asked(admin_address(admin, config), token_file)
    _say(Action.DRAIN, scope, why=why, span=span, by=by, rules=rules, node=node, as_json=json)


def obey(  # one argument for each option of the command
    scope: ScopeArgument,
    *,
    why: WhyOption = "the checks are right here",
    span: ForOption = None,
    by: ByOption = None,
    rules: RuleOption = None,
    admin: AdminOption = None,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    json: JsonOption = False,
) -> None:
    """Follow the health checks here, exempt from the overrides of wider scopes; `gtm clear` ends it."""
    node = _asked(admin_address(admin, config), token_file)
    _say(Action.OBEY, scope, why=why, span=span, by=by, rules=rules, node=node, as_json=json)


def clear(  # one argument for each option of the command
    said: SaidArgument,
    *,
    why: WhyOption = "over",
    by: ByOption = None,
    rules: RuleOption = None,
    admin: AdminOption = None,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    json: JsonOption = False,
) -> None:
    """End the overrides of these scopes."""
    from gtm.admin.client import fetch_status  # noqa: PLC0415  # who completes or shows help waits for none of these
    from gtm.cli.scope import find_said, split_scopes  # noqa: PLC0415

    node = _asked(admin_address(admin, config), token_file)
    status = fetch_status(node.admin)
    parsed_scopes = [_found(find_said, text, status) for text in split_scopes(said)]
    ids = list(dict.fromkeys(scope for scope in parsed_scopes if isinstance(scope, str)))
    scopes = list(dict.fromkeys(str(scope) for scope in parsed_scopes if not isinstance(scope, str)))
    body: dict[str, object] = {"scopes": scopes, "ids": ids, "action": Action.CLEAR.value, "why": why}
    _send(body, by=by, rules=rules, node=node, as_json=json)


def overrides(*, admin: AdminOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """List the overrides in force."""
    from gtm.admin.client import fetch_overrides  # noqa: PLC0415
    from gtm.cli.said import note_of  # noqa: PLC0415

    view = fetch_overrides(admin_address(admin, config))
    if json:
        print_view(view)
        return
    rows = [
        (
            override.scope,
            override.action,
            shown(override.until),
            override.by,
            override.why,
            override.id,
            note_of(override),
        )
        for override in view.overrides
    ]
    print_table("overrides", ("scope", "action", "until", "by", "why", "id", "note"), rows)


def _say(  # one argument for each option of the command
    action: Action,
    typed: list[str],
    *,
    why: str,
    span: str | None,
    by: str | None,
    rules: list[SafetyRule] | None,
    node: _Asked,
    as_json: bool,
) -> None:
    from gtm.admin.client import fetch_status  # noqa: PLC0415
    from gtm.cli.scope import find_scope, split_scopes  # noqa: PLC0415

    if span is not None:
        _require_span(span)
    status = fetch_status(node.admin)
    scopes = [str(_found(find_scope, text, status)) for text in split_scopes(typed)]
    body: dict[str, object] = {"scopes": list(dict.fromkeys(scopes)), "action": action.value, "why": why}
    body |= {} if span is None else {"for": span}
    _send(body, by=by, rules=rules, node=node, as_json=as_json)


_Found = TypeVar("_Found")


def _found(find: "Callable[[str, NodeStatus], _Found]", text: str, status: "NodeStatus") -> _Found:
    try:
        return find(text, status)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="SCOPE") from error


def _send(
    body: Mapping[str, object], *, by: str | None, rules: list[SafetyRule] | None, node: _Asked, as_json: bool
) -> None:
    from gtm.admin.client import say_overrides  # noqa: PLC0415
    from gtm.admin.override_view import SaidTogether  # noqa: PLC0415
    from gtm.cli.said import said_lines  # noqa: PLC0415

    whole = {**body, "by": by or _user()} | ({"rules": [rule.value for rule in rules]} if rules else {})
    answers = say_overrides(node.admin, whole, token=node.token)
    if as_json:
        print_view(SaidTogether(answers))
    for line in () if as_json else (line for answer in answers for line in said_lines(answer)):
        print_plain(line)
    if answers and not answers[0].saved:
        print_aside(
            f"warning: it counts, but node {answers[0].node} could not write it to its disk: a restart of that node "
            "may lose it; see the problems in `gtm status`, and say it again once the disk is well"
        )


def _asked(admin: str, token_file: Path | None) -> _Asked:
    token = read_token(token_file)
    if token and not admin.startswith(("https://", UNIX)) and not _is_local(admin):
        print_aside(f"warning: the token goes to {admin} in plain HTTP: who can listen on the way may use it")
    return _Asked(admin, token)


def _is_local(admin: str) -> bool:
    host = admin.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _require_span(span: str) -> None:
    from gtm.config.fields import seconds  # noqa: PLC0415

    try:
        span_s = seconds(span)
    except ValueError as error:
        raise typer.BadParameter(f'"{span}" is no duration such as 30m or 2h', param_hint="--for") from error
    if not 1 <= span_s <= MAX_SPAN_S:
        raise typer.BadParameter("an override lasts 1s to 72h; say it again to make it last", param_hint="--for")


def _user() -> str:
    """Returns the name of the user who runs the command: under sudo and doas the person, and not the target user."""
    for name in ("SUDO_USER", "DOAS_USER"):
        person = os.environ.get(name, "")
        if person and person.isprintable() and len(person) <= MAX_BY_LENGTH:
            return person
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"uid {os.getuid()}"
