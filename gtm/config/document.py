"""YAML text -> a tree of plain values in which everything knows its line and column.

In comes the text of one file; out goes a Document, or ZoneInvalid with every mistake of syntax that can be told.
It must not do more than YAML 1.2's core schema does: only true, false, null and numbers are anything but text, so
`NO`, `on`, `1:30`, `2024-01-01` and `2001:db8::1` stay as they were typed. Keys are always text. Aliases are
followed, but what they expand to is counted; the tree is built from events, so depth costs no stack.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

import yaml

from gtm.config.yaml_errors import in_our_words
from gtm.errors import Problem, Problems, ZoneInvalid

MAX_CHARACTERS = 4 * 1024 * 1024
"""Of one file: about 50,000 records, parsed in a few seconds; more is a mistake or an attack."""
MAX_DEPTH = 16
"""Of nesting. A zone file needs seven; a bound keeps everything that walks the tree safe."""
MAX_VALUES = 500_000
"""Of one file, aliases expanded: what is typed in full is bounded by MAX_CHARACTERS already."""
MAX_FROM_ALIASES = 100_000
"""Values of one file that aliases stand for: 10,000 services with three endpoints each by one alias. Everything that
looks at a file looks at what is behind an alias as often as it is used."""

Plain = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None
"""What YAML's core schema can say."""
Path = tuple[int | str, ...]
"""Keys and indexes from the top of the file down to a value."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value without parts."""

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
    """How many values are in it, aliases expanded."""


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
    """One file, parsed."""

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
        """Returns the line of the key of a path, or of the value where it is in a list."""
        return self.problem(path, "", at_key=True).line


def parse_document(text: str, file: str) -> Document:
    """Returns the document of a text; raises ZoneInvalid and nothing else."""
    if len(text) > MAX_CHARACTERS:
        words = (
            f"the file has {len(text)} characters, and {MAX_CHARACTERS} are the limit; move records to a records_file, "
            "or split the zone"
        )
        raise ZoneInvalid([Problem(file, 1, 1, words)])
    text = text.removeprefix("\ufeff")
    try:
        # The C parser is ten times faster. Its messages are others, and it refuses some text that is fine: where it
        # fails, the parser in Python has the last word, so that wording does not depend on how PyYAML was built.
        return _compose(file, yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except (yaml.YAMLError, UnicodeEncodeError):
        pass
    try:
        return _compose(file, yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ZoneInvalid([in_our_words(error, text, file)]) from error


def plain(node: Node) -> Plain:
    """Returns the values of a node without their positions."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, (_, value) in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value


def _compose(file: str, events: Iterable[yaml.Event]) -> Document:
    composer = _Composer(file)
    for event in events:
        composer.feed(event)
    return composer.document()


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    event: yaml.SequenceStartEvent | yaml.MappingStartEvent
    children: list[Node]
    size: int = 1


class _Composer:
    """Builds the tree from events; its state is the stack of what is still open."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.open: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.problems = Problems()
        self.from_aliases = 0
        self.roots: list[Node] = []
        self.documents = 0

    def document(self) -> Document:
        if not self.roots:
            self.problems.add(Problem(self.file, 1, 1, "the file is empty"))
        elif not isinstance(self.roots[0], Mapping):
            root = self.roots[0]
            empty = isinstance(root, Scalar) and root.value is None
            message = "the file is empty" if empty else "expected keys with values at the top of the file"
            self.problems.add(Problem(self.file, root.line, root.column, message))
        elif not self.problems:
            return Document(self.file, self.roots[0])
        raise ZoneInvalid(self.problems.all)

    def feed(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._refuse(event, 'a second document starts here; one file is one document, without "---" inside')
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.ScalarEvent):
            self._check_tag(event, event.tag)
            if _HALF.search(event.value):
                self._refuse(
                    event, "a character by its number (\\ud800 to \\udfff) is half a character; write it as it is"
                )
            is_plain = event.implicit[0]
            line, column = _position(event)
            value = core_value(event.value) if is_plain else event.value
            self._add(Scalar(line, column, value, event.value), event.anchor)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            self._check_tag(event, event.tag)
            if len(self.open) >= MAX_DEPTH:
                self._refuse(event, f"nested deeper than {MAX_DEPTH} levels")
            self.open.append(_Open(event, []))
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            self._close()

    def _close(self) -> None:
        frame = self.open.pop()
        line, column = _position(frame.event)
        if isinstance(frame.event, yaml.SequenceStartEvent):
            self._add(Sequence(line, column, tuple(frame.children), frame.size), frame.event.anchor)
        else:
            entries = self._entries(frame.children)
            self._add(Mapping(line, column, entries, frame.size), frame.event.anchor)

    def _entries(self, children: list[Node]) -> dict[str, tuple[Scalar, Node]]:
        entries: dict[str, tuple[Scalar, Node]] = {}
        for key, value in zip(children[::2], children[1::2], strict=True):
            if not isinstance(key, Scalar):
                self.problems.add(Problem(self.file, key.line, key.column, "a key must be text"))
            elif key.text in entries:
                first = entries[key.text][0].line
                message = f'duplicate key "{key.text}"; the first one is on line {first}'
                self.problems.add(Problem(self.file, key.line, key.column, message))
            else:
                entries[key.text] = (key, value)
        return entries

    def _alias(self, event: yaml.AliasEvent) -> None:
        node = self.anchors.get(event.anchor or "")
        if node is None:
            # its name is not repeated: it may be a secret that starts with "*"
            self._refuse(event, 'nothing before this alias has its name; put text that starts with "*" in quotes')
        self.from_aliases += node.size
        if self.from_aliases > MAX_FROM_ALIASES:
            self._refuse(event, f"aliases up to here stand for more than {MAX_FROM_ALIASES} values")
        self._add(node, None, event)

    def _add(self, node: Node, anchor: str | None, alias: yaml.AliasEvent | None = None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.open:
            self.roots.append(node)
            return
        top = self.open[-1]
        top.children.append(node)
        top.size += node.size
        if top.size > MAX_VALUES:
            self._refuse(alias or top.event, f"more than {MAX_VALUES} values, aliases expanded")

    def _check_tag(self, event: yaml.NodeEvent, tag: str | None) -> None:
        if tag is not None and tag != "!":
            self._refuse(event, "tags are not used in this file; put text in quotes")

    def _refuse(self, event: yaml.Event, message: str) -> NoReturn:
        """Ends the parse: what follows this mistake cannot be told apart from it."""
        line, column = _position(event)
        self.problems.add(Problem(self.file, line, column, message))
        raise ZoneInvalid(self.problems.all)


def _position(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    assert mark is not None  # every event of a text has one
    return (mark.line + 1, mark.column + 1)


_HALF = re.compile("[\ud800-\udfff]")
"""Escapes of YAML can write it; nothing that is sent, kept or shown can have it."""
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,30}")
_BASED = re.compile(r"0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,2})?")
"""YAML 1.2.2 10.3.2, bounded: longer digits, infinities and NaN stay text, which no key accepts as a number."""


def core_value(text: str) -> bool | int | float | str | None:
    """Returns the value of a plain scalar in YAML 1.2's core schema."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
