"""What was measured, as text: a row for each incident, and the first message of each way below."""

from tests.afternoon.measuring import Played
from tests.afternoon.places import BOLD, SAFE, TTL_S

PAIRS = ("wrong", "dead", "dead s", "named s", "busiest %")
OTHERS = ("bound s", "told s")


def heading() -> str:
    """Returns the head of the table: each pair is with the default rules of safety, and without."""
    return f"{'incident':<38}" + "".join(f"{title:>11}" for title in (*PAIRS, *OTHERS))


def row(played: Played, *, bound_s: float) -> str:
    """Returns the row of an incident; the bound is until no node names what is dead, and printed with the TTL."""
    safe, bold = played.by_zone[SAFE], played.by_zone[BOLD]
    pairs = (
        (str(len(safe.wrong)), str(len(bold.wrong))),
        (str(safe.dead), str(bold.dead)),
        (f"{safe.dead_s:.1f}", f"{bold.dead_s:.1f}"),
        (f"{safe.named_s:.1f}", f"{bold.named_s:.1f}"),
        (f"{100 * safe.busiest:.0f}", f"{100 * bold.busiest:.0f}"),
    )
    columns = "".join(f"{f'{with_rules} {without}':>11}" for with_rules, without in pairs)
    first = min(played.told.items(), key=lambda told: told[1][0], default=None)
    told = "-" if first is None else f"{first[0].value} {first[1][0]:.1f}"
    bound = f"{bound_s + TTL_S:.1f}" if played.incident.dead else "-"
    return f"{played.incident.name:<38}{columns}{bound:>11}{told:>11}"


def messages(played: Played) -> str:
    """Returns which message told first, of each way."""
    lines = [f"{after:5.1f} s  {way.value:<6} {message}" for way, (after, message) in played.told.items()]
    says = played.incident.says
    missing = [f"    not told  {way.value:<6} {says[way]}" for way in says if way not in played.told]
    return "\n".join([played.incident.name, *(f"    {line[:400]}" for line in lines), *missing])
