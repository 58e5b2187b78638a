"""Finds the node's own private files that its node file also gives to checks by mistake.

What comes in: the private files of this node, and the files that its node file lists for checks. What goes out: by keys
of the node file, the problem of each file that is both. A monitor would send such a file to an endpoint, or act in the
name of the node there. Symbolic and hard links are followed, if the files exist when the node file is read.
"""

from collections.abc import Mapping
from pathlib import Path

Keys = tuple[str, ...]


def own_files_listed(listed: Mapping[Keys, Path], own: Mapping[str, Path], *, state: Path) -> Mapping[Keys, str]:
    """Returns the problem of each file for checks that is also a file of the node itself, by its keys.

    `listed` has the files for checks, by their keys in the node file. `own` has the private files of the node, by their
    key in the node file. `state` is the state folder, whose files no check may have.
    """
    problems = {}
    for keys, path in listed.items():
        owner = next((name for name, each in own.items() if _is_same(path, each)), "")
        if owner:
            problems[keys] = f"this file is {owner}, the node's own: no check may have it; give checks one of their own"
        elif _resolved(path).is_relative_to(_resolved(state)):
            problems[keys] = "this file is in the state folder, which no check may see; keep it elsewhere"
    return problems


def _is_same(path: Path, other: Path) -> bool:
    """Returns whether two paths lead to one file; false when one of the files does not exist."""
    try:
        return _resolved(path) == _resolved(other) or path.samefile(other)
    except OSError:  # one of the files does not exist
        return False


def _resolved(path: Path) -> Path:
    """Returns the absolute path with all links followed; with links that lead in circles, the absolute path."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # links that go round in circles
        return path.absolute()
