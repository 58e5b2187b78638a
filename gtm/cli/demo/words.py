"""What the demo says to the person who started it: what runs where, what to try, what will change."""

from pathlib import Path

from gtm.cli.demo.stage import Stage, ToyRegion


def introduction(stage: Stage, folder: Path, *, gtm: str) -> str:
    """Returns the page that is printed once everything runs; `gtm` is how the operator types the command."""
    return "\n\n".join((_what_runs(stage, folder), _what_to_ask(stage), _what_to_break(stage, gtm)))


def _what_runs(stage: Stage, folder: Path) -> str:
    rows = [
        *((region.name, f"http://{region.listen}", "a toy API region") for region in stage.regions),
        *((probe.name, probe.url, f"a probe; its vantage is {probe.vantage}") for probe in stage.probes),
        (stage.server.name, f"{stage.dns}", "the DNS node, UDP and TCP"),
        ("", stage.server.url, "its admin API: /v1/status, /v1/regions"),
    ]
    return "\n".join(
        (
            "Running, each as a process of its own:",
            *(f"  {name:<14}{where:<26}{what}" for name, where, what in rows),
            f"Their logs and node files are in {folder} until the demo ends.",
        )
    )


def _what_to_ask(stage: Stage) -> str:
    return "\n".join(
        (
            "Ask for the closest region, from another terminal:",
            *(f"  {dig(stage, region)}   # {region.listen.address}, {region.name}" for region in stage.regions),
            f"  {_dig(stage)} +noedns   # the closest to the address that asks",
        )
    )


def _what_to_break(stage: Stage, gtm: str) -> str:
    victim = stage.regions[1].name
    return "\n".join(
        (
            "Break a region, and ask again:",
            f"  {gtm} demo stop {victim}    # its process ends: connections are refused",
            f"  {gtm} demo slow {victim}    # it answers too late",
            f"  {gtm} demo fail {victim}    # it answers HTTP 503",
            f"  {gtm} demo start {victim}   # it is well again",
            f"  {gtm} demo status",
            f"Within 5 s, clients of {victim} get the closest region that is up; once it is well, they come back.",
            "Ctrl-C ends the demo.",
        )
    )


def dig(stage: Stage, region: ToyRegion) -> str:
    """Returns the command that asks as a client close to a region."""
    return f"{_dig(stage)} +subnet={region.client}"


def _dig(stage: Stage) -> str:
    return f"dig +short @{stage.dns.address} -p {stage.dns.port} {stage.name} A"
