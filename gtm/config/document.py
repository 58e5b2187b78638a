"""The tree of one YAML file, in which every value knows its line and column.

gtm/config/reader.py makes it of text. Out of it come plain values, and problems at their places. It must not know what
the file is about.
"""

from dataclasses import dataclass

from gtm.errors import Problem

Plain = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None
"""A value as the core schema of YAML 1.2 has it."""
Path = tuple[int | str, ...]
"""Keys and indexes from the top of the file down to a value."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One YAML value that is neither a list nor a mapping."""

    line: int
    column: int
    value: bool | int | float | str | None
    text: str
    """As typed, without its quotes."""
    size: int = 1


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    line: int
    column: int
    items: tuple["Node", ...]
    size: int
    """The number of values in it, with aliases expanded."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with their values, in the order of the file."""

    line: int
    column: int
    entries: dict[str, tuple[Scalar, "Node"]]
    size: int


Node = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file, parsed, with the position of each value."""

    file: str
    root: Mapping

    def problem(self, path: Path, message: str, *, at_key: bool = False) -> Problem:
        """Returns a problem at the value of a path, or at its key.

        Steps that the file does not have are left out: a missing key points at the mapping that lacks it, and the
        parts of a short form (one value instead of a list) point at that value.
        """
        key: Scalar | None = None
        node: Node = self.root
        for step in path:
            if isinstance(node, Mapping) and step in node.entries:
                key, node = node.entries[str(step)]
            elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
                key, node = None, node.items[step]
        place = key if at_key and key is not None else node
        return Problem(self.file, place.line, place.column, message)

    def at(self, path: Path) -> Node | None:
        """Returns the node at a path; None when the file has no such path."""
        node: Node | None = self.root
        for step in path:
            if isinstance(node, Mapping):
                _, node = node.entries.get(str(step), (None, None))
            else:
                node = node.items[step] if isinstance(node, Sequence) and isinstance(step, int) else None
        return node

    def line(self, path: Path) -> int:
        """Returns the line of the key at a path; of the value if it is an item of a list. The first line is 1."""
        return self.problem(path, "", at_key=True).line


def plain(node: Node) -> Plain:
    """Returns the values of a node without their positions."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, (_, value) in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value
