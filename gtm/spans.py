"""Spans: seconds -> words for people: `4m 10s`. It knows no clock."""


def span(seconds: float) -> str:
    """Returns a duration in its two largest units."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = ((days, "d"), (hours, "h"), (minutes, "m"), (rest, "s"))
    shown = [f"{count}{unit}" for count, unit in units if count]
    return " ".join(shown[:2]) or "0s"
