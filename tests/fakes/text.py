r"""Text that somebody wrote to do harm where it is shown, and how to see that it did not.

\x1b]0;x\x07                         sets the title of a terminal
\n2026-01-01 ERROR forged            a line that looks like one of the log
\u202e                               turns what follows around
"""

TITLE, FORGED, TURNED = "\x1b]0;x\x07", "\n2026-01-01 ERROR forged", "\u202e"
HOSTILE = TITLE + FORGED + TURNED
ESCAPED = r"\x1b]0;x\x07\n2026-01-01 ERROR forged\u202e"
"""How it is shown, outside JSON."""


def harm(shown: str) -> list[str]:
    """Returns the lines that do harm."""
    lines = (line.replace("\t", "") for line in shown.split("\n"))
    return [line for line in lines if not line.isprintable() or line.startswith(FORGED[1:])]
