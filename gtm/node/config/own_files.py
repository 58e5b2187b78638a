"""The node's own files, which no check may be given by a slip of the node file.

What comes in: the private files of this node, and what its file lists for checks. What goes out: by its keys, what is
wrong with a file that is both. A monitor would send it to an endpoint, or speak in the node's name there. Links and
hard links are seen through, as far as the files are there when the node file is read.
"""

from collections.abc import Mapping
from pathlib import Path

Keys = tuple[str, ...]


def own_files_listed(listed: Mapping[Keys, Path], own: Mapping[str, Path], *, state: Path) -> Mapping[Keys, str]:
    """Returns the problems, by the keys of the list; `own` is by what the node file calls it."""
    problems = {}
    for keys, path in listed.items():
        owner = next((name for name, each in own.items() if _is_same(path, each)), "")
        if owner:
            problems[keys] = f"this file is {owner}, the node's own: no check may have it; give checks one of their own"
        elif _resolved(path).is_relative_to(_resolved(state)):
            problems[keys] = "this file is in the state folder, which no check may see; keep it elsewhere"
    return problems


def _is_same(path: Path, other: Path) -> bool:
    try:
        return _resolved(path) == _resolved(other) or path.samefile(other)
    except OSError:  # one of them is not there
        return False


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # links that go round in circles
        return path.absolute()
