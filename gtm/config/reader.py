"""YAML text -> the Document of a file, in which everything knows its line and column.

In come the text of one file and the kind of file that it is; out goes a Document, or the exception of that kind of file
with every mistake of syntax that can be told. It must not do more than YAML 1.2's core schema does. Keys are always
text. Aliases are followed, but what they expand to is counted; the tree is built from events, so that the depth of
nesting takes no stack.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

import yaml

from gtm.config.core_schema import core_value
from gtm.config.document import Document, Mapping, Node, Scalar, Sequence
from gtm.config.yaml_errors import in_our_words
from gtm.errors import FileInvalid, Problem, Problems

MAX_CHARACTERS = 4 * 1024 * 1024
"""Characters of one file: about 50,000 records, parsed in a few seconds; more is a mistake or an attack."""
MAX_DEPTH = 16
"""Levels of nesting. A zone file needs seven; the limit protects all code that walks the tree."""
MAX_VALUES = 500_000
"""Values of one file, with aliases expanded; MAX_CHARACTERS already limits the values that are written out."""
MAX_FROM_ALIASES = 100_000
"""Values of one file that aliases stand for: 10,000 services with three endpoints each by one alias. Code that reads a
file reads the values behind an alias once for each use."""
_HALF = re.compile("[\ud800-\udfff]")
"""Half of a character (a surrogate). An escape in YAML can write it, but UTF-8 cannot."""


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of YAML file: the exception for a mistake in one, and the limits of its size."""

    invalid: type[FileInvalid]
    max_characters: int = MAX_CHARACTERS
    too_long: str = ""
    """Advice for a message about a file with more characters than that."""
    max_values: int = MAX_VALUES
    max_from_aliases: int = MAX_FROM_ALIASES
    may_be_empty: bool = False
    """Whether a file without any key is valid."""


def parse_document(text: str, file: str, kind: FileKind) -> Document:
    """Returns the document of a YAML text; raises `kind.invalid` with all mistakes, and no other exception."""
    document, problems = read_document(text, file, kind)
    if problems:
        raise kind.invalid(problems.all)
    return document


def read_document(text: str, file: str, kind: FileKind) -> tuple[Document, Problems]:
    """Returns the document of a YAML text without its invalid and duplicate keys, and the problems of these keys.

    Raises `kind.invalid` where the text is not YAML, is too large, or is not a mapping.
    """
    if len(text) > kind.max_characters:
        message = f"the file has {len(text)} characters, and {kind.max_characters} are the limit"
        raise kind.invalid([Problem(file, 1, 1, f"{message}; {kind.too_long}" if kind.too_long else message)])
    text = text.removeprefix("\ufeff")
    try:
        # The C parser is ten times faster. Its messages are others, and it refuses some text that is fine: where it
        # fails, the parser in Python has the last word, so that wording does not depend on how PyYAML was built.
        return _compose(file, kind, yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except (yaml.YAMLError, UnicodeEncodeError):
        pass
    try:
        return _compose(file, kind, yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise kind.invalid([in_our_words(error, text, file)]) from error


def _compose(file: str, kind: FileKind, events: Iterable[yaml.Event]) -> tuple[Document, Problems]:
    composer = _Composer(file, kind)
    for event in events:
        composer.feed(event)
    return composer.document(), composer.problems


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end event has not come yet."""

    event: yaml.SequenceStartEvent | yaml.MappingStartEvent
    children: list[Node]
    size: int = 1


class _Composer:
    """Builds the tree from events of the YAML parser; its state is the stack of open lists and mappings."""

    def __init__(self, file: str, kind: FileKind) -> None:
        self.file = file
        self.kind = kind
        self.open: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.problems = Problems()
        self.from_aliases = 0
        self.roots: list[Node] = []
        self.documents = 0

    def document(self) -> Document:
        root = self.roots[0] if self.roots else Scalar(1, 1, None, "")
        if isinstance(root, Mapping):
            return Document(self.file, root)
        is_empty = isinstance(root, Scalar) and root.value is None
        if is_empty and self.kind.may_be_empty:
            return Document(self.file, Mapping(root.line, root.column, {}, root.size))
        message = "the file is empty" if is_empty else "expected keys with values at the top of the file"
        self.problems.add(Problem(self.file, root.line, root.column, message))
        raise self.kind.invalid(self.problems.all)

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
        if self.from_aliases > self.kind.max_from_aliases:
            self._refuse(event, f"aliases up to here stand for more than {self.kind.max_from_aliases} values")
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
        if top.size > self.kind.max_values:
            self._refuse(alias or top.event, f"more than {self.kind.max_values} values, aliases expanded")

    def _check_tag(self, event: yaml.NodeEvent, tag: str | None) -> None:
        if tag is not None and tag != "!":
            self._refuse(event, "tags are not used in this file; put text in quotes")

    def _refuse(self, event: yaml.Event, message: str) -> NoReturn:
        """Adds a problem and raises `kind.invalid`: later problems could be consequences of this one."""
        line, column = _position(event)
        self.problems.add(Problem(self.file, line, column, message))
        raise self.kind.invalid(self.problems.all)


def _position(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    assert mark is not None  # every event of a text has one
    return (mark.line + 1, mark.column + 1)
