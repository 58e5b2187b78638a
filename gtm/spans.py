"""Spans: a number of seconds -> text for people, such as `4m 10s`. It reads no clock."""


def span(seconds: float) -> str:
    """Returns a duration as text in its two largest units: `2d 3h`, `4m 10s`; `0s` for less than a second."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = ((days, "d"), (hours, "h"), (minutes, "m"), (rest, "s"))
    shown = [f"{count}{unit}" for count, unit in units if count]
    return " ".join(shown[:2]) or "0s"
