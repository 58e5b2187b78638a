"""All generated pages: which file has what, and which files are out of date.

What comes in: the folder of the repository, whose pages hold hand-written text around the generated part. What goes
out: the whole text of each file by its path. Nothing is written here.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from tools.docs.commands import commands_section
from tools.docs.events import events_section
from tools.docs.man import man_pages
from tools.docs.metrics import metrics_section
from tools.docs.node_file import node_file_section
from tools.docs.picture import picture
from tools.docs.section import with_section

MAN = "packaging/man"
PICTURE = "docs/three-rivers.svg"
SECTIONS: Mapping[str, Callable[[], str]] = {
    "docs/reference/commands.md": commands_section,
    "docs/reference/events.md": events_section,
    "docs/reference/metrics.md": metrics_section,
    "docs/reference/node-file.md": node_file_section,
}


def generated(root: Path) -> Mapping[str, str]:
    """Returns the text of every generated file by its path."""
    pages = {
        path: with_section((root / path).read_text(encoding="utf-8"), section()) for path, section in SECTIONS.items()
    }
    drawn = picture((root / "docs/three-rivers.txt").read_text(encoding="utf-8"))
    return {**pages, PICTURE: drawn, **{f"{MAN}/{name}": text for name, text in man_pages().items()}}


def stale(root: Path, pages: Mapping[str, str]) -> list[str]:
    """Returns the paths of files that differ from what is generated, or that nothing generates any more."""
    there = {file.relative_to(root).as_posix() for file in (root / MAN).glob("*.1")}
    wrong = {
        path
        for path, text in pages.items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text
    }
    return sorted(wrong | (there - pages.keys()))
