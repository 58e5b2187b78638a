"""What was measured, as text: a row for each incident, and the first message of each way below."""

from tests.afternoon.measuring import Played
from tests.afternoon.places import BOLD, SAFE

HEADING = f"{'incident':<40} {'wrong':>11} {'dead':>11} {'dead s':>11} {'busiest %':>11} {'lasted s':>8} {'well s':>6}"


def heading() -> str:
    """Returns the head of the table: each pair is with the default rules of safety, and without."""
    return HEADING


def row(played: Played) -> str:
    """Returns the row of an incident."""
    safe, bold = played.by_zone[SAFE], played.by_zone[BOLD]
    pairs = (
        (str(len(safe.wrong)), str(len(bold.wrong))),
        (str(safe.dead), str(bold.dead)),
        (f"{safe.dead_s:.1f}", f"{bold.dead_s:.1f}"),
        (f"{100 * safe.busiest:.0f}", f"{100 * bold.busiest:.0f}"),
    )
    columns = " ".join(f"{with_rules:>5}/{without:>5}" for with_rules, without in pairs)
    return f"{played.incident.name:<40} {columns} {played.lasted_s:8.1f} {played.recovered_s:6.1f}"


def messages(played: Played) -> str:
    """Returns which message told first, of each way."""
    lines = [f"{after:5.1f} s  {way.value:<6} {message}" for way, (after, message) in played.told.items()]
    return "\n".join([played.incident.name, *(f"    {line[:400]}" for line in lines or ["nobody told"])])
