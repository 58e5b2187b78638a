"""`gtm status`: what a running node believes, and on whose word."""

import math
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from gtm.cli.console import counted, print_plain, print_table, print_view
from gtm.cli.options import AdminOption, ConfigOption, JsonOption, admin_address
from gtm.cli.said import note_of
from gtm.health.consensus.local_view import MIN_VANTAGES
from gtm.health.consensus.voices import Voice
from gtm.health.override.override import SafetyRule
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import VerdictState
from gtm.probe.withheld import Withheld
from gtm.share.refusals import INNOCENT
from gtm.spans import span

if TYPE_CHECKING:
    from gtm.admin.views import EndpointView, NodeStatus, RegionList, RegionView, ServiceView, VotersView

TELLING_DISSENT = 0.1
"""The share of contradicting votes from which a probe gets a remark: less is normal when it sees a change first."""


def status(*, admin: AdminOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show regions and endpoints as a running node sees them, with the votes of the probes."""
    from gtm.admin.client import fetch_regions, fetch_status  # noqa: PLC0415  # who completes, or shows help, needs none

    where = admin_address(admin, config)
    node = fetch_status(where)
    if json:
        print_view(node)
        return
    _print_node(node)
    _print_regions(fetch_regions(where))
    for service in node.services:
        _print_service(service, node.voters)


def _print_node(node: "NodeStatus") -> None:
    _print_head(node)
    for zone in node.zones:
        size = f"{counted(zone.services, 'service')}, {counted(zone.records, 'record')}"
        print_plain(f"zone {zone.zone}: serial {zone.serial}, {size}")
    for problem in _problems(node):
        print_plain(f"problem: {problem}")
    for warning in node.warnings:
        print_plain(f"warning: {warning}")
    for probe in node.probes:
        checks = counted(probe.checks, "check")
        remarks = "; silent, none of its votes counts" if probe.is_silent else ""
        remarks += "; in quarantine, it is always against the others and does not count" if probe.is_quarantined else ""
        if not probe.is_quarantined and probe.dissent >= TELLING_DISSENT:
            remarks += f"; {probe.dissent:.0%} of what it says is against the others"
        print_plain(f"probe {probe.node} ({probe.vantage}): {checks}, heard {probe.heard_s_ago:.1f} s ago{remarks}")
    if node.vantages:
        is_enough = len(node.vantages) >= MIN_VANTAGES
        counts = "each for the clients near it" if is_enough else f"none, it takes {MIN_VANTAGES} of them"
        print_plain(f"local truth of {', '.join(node.vantages)}: {counts}")
    for line in _peers(node):
        print_plain(line)
    for refusal in node.refusals:
        if refusal.reason != INNOCENT:
            print_plain(f"peer {refusal.peer}: {counted(refusal.count, 'report')} refused as {refusal.reason}")
    for override in node.overrides:
        rules = f", overrides {', '.join(override.rules)}" if override.rules else ""
        note = f"; {note_of(override)}" if note_of(override) else ""
        print_plain(
            f"override {override.scope}: {override.action} {_left(override.until)}, by {override.by}: "
            f"{override.why}{rules}{note}"
        )
    for rule in node.safety:
        print_plain(f"safety rule {rule.rule}: {rule.words}")
    print_plain(f"queries {_queries(node.counters)}")
    print_plain()


def _problems(node: "NodeStatus") -> Iterator[str]:
    yield from (*node.problems, *node.geo_problems)
    yield from (str(Withheld(check.reason, check.checks, check.example)) for check in node.withheld)
    own = {check.reason for check in node.withheld}
    for check in node.unread:
        if check.node != node.node or check.reason not in own:
            others = f" and {check.checks - 1} more" if check.checks > 1 else ""
            yield f"probe {check.node} cannot check {check.example}{others}: {check.reason}"


def _peers(node: "NodeStatus") -> Iterator[str]:
    polled = {peer.node: peer for peer in node.peers}
    for name in node.unheard:
        trouble = polled[name].trouble if name in polled else ""
        yield f"peer {name}: no report heard; {f'it cannot be polled: {trouble}' if trouble else 'see the log'}"
    for peer in node.peers:
        if peer.trouble and peer.node not in node.unheard:
            yield f"peer {peer.node}: {peer.state.value}, it cannot be polled: {peer.trouble}"


def _queries(counters: Mapping[str, int]) -> str:
    """Returns the answers given, by RCODE over all transports: `12 answered: NOERROR 10, NXDOMAIN 2`."""
    totals: Counter[str] = Counter()
    for series, count in counters.items():
        match = _RESPONSES.fullmatch(series)
        if match is not None:
            totals[match[1]] += count
    by_rcode = ", ".join(f"{rcode} {count}" for rcode, count in totals.most_common())
    return f"{totals.total()} answered" + (f": {by_rcode}" if by_rcode else "")


_RESPONSES = re.compile(r'dns_responses\{(?:.*,)?rcode="([^"]*)".*\}')


def _print_head(node: "NodeStatus") -> None:
    ready = "ready" if node.ready else f"not ready ({node.unready})" if node.unready else "not ready"
    print_plain(f"node {node.node} ({node.version}, {_engine(node)}): {ready}, generation {node.generation}")
    if "dns" not in node.roles:
        lacks = "no geo data, no answers to explain, and no safety rules"
        print_plain(f"roles {', '.join(node.roles)}: no DNS here, so {lacks}")
    print_plain(f"quorum {node.quorum}; up for {span(node.uptime_s)}")


def _engine(node: "NodeStatus") -> str:
    return "no engine" if node.engine == "none" else f"{node.engine} engine"


def _print_regions(regions: "RegionList") -> None:
    rows = [
        (region.region, region.zone, _region_state(region), f"{region.up}", f"{region.down}", f"{region.unknown}")
        for region in regions.regions
    ]
    print_table("regions", ("region", "zone", "state", "up", "down", "unknown"), rows)
    print_plain()


def _region_state(region: "RegionView") -> str:
    """Returns the state of a region, with overrides and safety rules: `up; a person says drain (ann, for 1h more)`."""
    parts = [region.state.value]
    for hold in region.holds:
        some = "" if hold.endpoints == region.endpoints else f" of {hold.endpoints} of {region.endpoints} endpoints"
        if hold.until is not None:
            parts.append(f"a person says {hold.what}{some} ({hold.by}, {_left(hold.until)})")
        elif hold.what == SafetyRule.MIN_HEALTHY.value:
            parts.append(f"{hold.endpoints} of {region.endpoints} skipped for want of {hold.what}")
        else:
            parts.append(f"{hold.endpoints} of {region.endpoints} held up by {hold.what}")
    return "; ".join(parts)


def _left(until: float) -> str:
    return f"for {span(max(0.0, until - time.time()))} more"


def _print_service(service: "ServiceView", voters: "VotersView | None") -> None:
    state = service.state.value if service.endpoints else "nothing of it is enabled, it answers nothing"
    print_plain(f"{service.service}: {service.steer}, {state}")
    rows = [_endpoint(endpoint, voters) for endpoint in service.endpoints]
    rows += [
        (disabled_endpoint.endpoint, "disabled", "", str(disabled_endpoint.by), "")
        for disabled_endpoint in service.disabled
    ]
    print_table("", ("endpoint", "belief", "since", "reason", "voices"), rows)
    print_plain()


def _endpoint(endpoint: "EndpointView", voters: "VotersView | None") -> tuple[str, ...]:
    since = "" if endpoint.since is None else f"{span(max(0.0, time.time() - endpoint.since))} ago"
    reason = endpoint.reason.value if endpoint.monitor else "not checked"
    if endpoint.detail:
        reason += f" ({endpoint.detail})"
    voices = [", ".join(f"{voice.vantage}: {_said(voice)}" for voice in endpoint.voices)] if endpoint.voices else []
    voices += [_frozen(endpoint.voices, voters)] if endpoint.frozen else []
    return (endpoint.endpoint, _believed(endpoint), since, reason, "; ".join(voices))


def _frozen(voices: Sequence[Voice], voters: "VotersView | None") -> str:
    """Returns the words for a frozen check, with the votes that are missing: `frozen: 1 of 3 votes, 2 needed`."""
    counting = [voice for voice in voices if voice.counts]
    votes, vantages = sum(voice.agreeing for voice in counting), len(counting)
    if voters is not None and votes < voters.votes:
        return f"frozen: {votes} of {counted(voters.probes, 'vote')}, {voters.votes} needed"
    if voters is not None and vantages < voters.vantages:
        return f"frozen: votes of {counted(vantages, 'vantage')}, {voters.vantages} needed"
    return "frozen, too few voices"


def _said(voice: Voice) -> str:
    if voice.fresh:
        return voice.belief.value
    return f"cannot check ({voice.detail})" if voice.reason is Reason.UNREAD and voice.detail else "stale"


def _believed(endpoint: "EndpointView") -> str:
    """Returns the belief of an endpoint, and its state where that is more exact: `up, flapping`."""
    belief, state = endpoint.belief.value, endpoint.state
    message = f"{belief}, {state.value}" if state in {VerdictState.DEGRADED, VerdictState.FLAPPING} else belief
    if endpoint.down_from:
        message += f"; down as seen from {', '.join(endpoint.down_from)}"
    if endpoint.back_in_s is not None:
        message += (
            f"; answers again, back in {span(math.ceil(endpoint.back_in_s))}"
            if endpoint.back_in_s
            else "; answers again"
        )
    if endpoint.override:
        whose = (
            "" if endpoint.override_until is None else f" ({endpoint.override_by}, {_left(endpoint.override_until)})"
        )
        return f"{message}; a person says {endpoint.override}{whose}"
    if endpoint.held_by:
        message += f"; held up by {endpoint.held_by}"
    if endpoint.is_skipped:
        message += "; skipped, its region has fewer up than min_healthy"
    return f"{message}; last resort" if endpoint.is_last_resort else message
