"""A master file (RFC 1035 5) -> the records of a zone, packed; or every mistake in it, with its line.

    content --tokens (dnspython)--> statements --directive or record--> RRsets --bulk.pack--> Bulk

In come the bytes of a file and the zone's name and TTL; out goes a Bulk, or ZoneInvalid. This is the reference. Where
the extension is built, its scanner (dataplane/zonefile/) makes the same of files without mistakes, fifty times faster;
where it finds a mistake, or something it does not know, this has the last word. It must not open files: whoever
reads the folder hands in what fetches one that is included (sources.py).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from dns.exception import DNSException
from dns.name import Name
from dns.name import from_wire as name_from_wire
from dns.rdata import Rdata
from dns.rdatatype import RdataType
from dns.tokenizer import Token, Tokenizer

from gtm.dns.name import relative_key, wire
from gtm.dns.rdata import compose_rdata, parse_rdata, parse_type, rdata_of
from gtm.dns.text import parse_name
from gtm.errors import Problem, Problems, TextInvalid, ZoneInvalid
from gtm.zone.fields import MAX_TTL
from gtm.zone.names import no_doubled_zone
from gtm.zone.records import MAX_RRSET_BYTES, check_target, check_type
from gtm.zone.records_file.packed import Bulk, BulkRRset, NameKey, pack
from gtm.zone.records_file.sources import Include, Sources, no_files
from gtm.zone.records_file.warnings import Note, Oddity, Place, first_notes, warnings_of

Compose = Callable[[str, str, bytes], tuple[int, bytes] | None]
"""Type and value as text, and the origin of names in it -> type and RDATA; None where they are a mistake."""
Notes = tuple[list[tuple[int, int, int, int, int, int]], int]
"""What was odd (warnings.py): the first of it, and how much there was."""
More = Callable[[str, str, int, int], tuple[bytes, int] | None]
"""$INCLUDE or $GENERATE, what it says, its line, how deep its file is -> content, and the number of its first line."""
Scan = Callable[[bytes, bytes, int, Compose, More], tuple[tuple[bytes, bytes, bytes, int], Notes] | None]
"""Content, origin, TTL -> what a Bulk is made of, and notes; None where the reference has to have a look."""


@dataclass(frozen=True, slots=True)
class MasterFile:
    """One file, and who may read it."""

    file: str
    """For messages."""
    content: bytes
    scan: Scan | None = None
    include: Include = no_files
    """What reads the files that it includes."""
    folder: str = ""
    """The whole path of the folder of zone files; empty for a text that is read without its folder."""
    name: str = ""
    """Of the file within that folder; empty for one that is right in it."""


@dataclass(frozen=True, slots=True)
class Records:
    """What a file has."""

    bulk: Bulk
    warnings: tuple[Problem, ...] = ()
    """What was odd in it."""
    place: Place = field(default=lambda line: ("", line), compare=False)
    """The number of a line -> its file, and its number there."""
    size_bytes: int = field(default=0, compare=False)
    """Of all the text that was read for it: each file as often as it is included, and what is generated."""


def read_master(master: MasterFile, origin: Name, zone_ttl: int) -> Records:
    """Returns the records of a file; raises ZoneInvalid with all its problems."""
    if master.scan is not None:
        sources = _sources_of(master)
        scanned = master.scan(sources.main, wire(origin), zone_ttl, _composing(origin), _continuing(sources))
        if scanned is not None:
            packed, (notes, count) = scanned
            return Records(Bulk(*packed), warnings_of(notes, count, sources.place), sources.place, sources.size_bytes)
    return read_by_reference(master, origin, zone_ttl)


def _sources_of(master: MasterFile) -> Sources:
    return Sources(master.file, master.content, master.include, folder=master.folder, name=master.name)


def read_by_reference(master: MasterFile, origin: Name, zone_ttl: int) -> Records:
    """Returns the records of a file; raises ZoneInvalid with all its problems."""
    sources = _sources_of(master)
    reader = _Reader(sources, origin, zone_ttl)
    reader.read(sources.main, 1, depth=0)
    return reader.records()


def _continuing(sources: Sources) -> More:
    """Returns a function that reads on for the scanner; None where it cannot."""

    def more(directive: str, argument: str, line: int, depth: int) -> tuple[bytes, int] | None:
        try:
            return sources.more(directive, argument, line, depth)
        except TextInvalid:
            return None

    return more


def _composing(zone: Name) -> Compose:
    """Returns a function that reads the types that the scanner leaves to us."""

    def compose(type_text: str, text: str, origin: bytes) -> tuple[int, bytes] | None:
        try:
            rtype = parse_type(type_text.upper())
            # the apex has no type that other names cannot have, but NS, which the scanner knows
            check_type(zone, rtype, zone)
            rdata = parse_rdata(rtype, text, name_from_wire(origin, 0)[0], plain_text=False)
            check_target(rdata, text, zone)
            return rtype, compose_rdata(rdata)
        except TextInvalid:
            return None

    return compose


_MADE = {RdataType.SOA: Oddity.SOA, RdataType.NS: Oddity.NS}
"""What the zone itself has of the zone file."""


@dataclass(frozen=True, slots=True)
class _Statement:
    """One entry of the file: a line, or several in parentheses."""

    line: int
    begins_blank: bool
    """Then the owner is that of the record before."""
    tokens: tuple[Token, ...]
    glued: frozenset[int]
    """Which of them belong to the one before: `alpn="h2"` is two tokens (RFC 9460 2.1)."""

    def text_of(self, first: int) -> str:
        """Returns the tokens from one on as the text of a value."""
        parts = []
        for number in range(first, len(self.tokens)):
            token = self.tokens[number]
            parts.append("" if number == first or number in self.glued else " ")
            parts.append(f'"{token.value}"' if token.is_quoted_string() else token.value)
        return "".join(parts)


@dataclass(slots=True)
class _RRset:
    """The values of one name and type."""

    ttl: int
    """The least."""
    line: int
    first_ttl: int
    lines: dict[bytes, int] = field(default_factory=dict)
    """Of each value, in the form in which equal ones are alike (RFC 4034 6.2); empty while there is one value."""
    rdatas: list[bytes] = field(default_factory=list)
    other: tuple[int, int] | None = None
    """Line and TTL of the first value with another TTL than the first."""


class _Reader:
    """One reading of a file. Its state is what later lines refer to: origin, owner and TTL."""

    def __init__(self, sources: Sources, zone: Name, zone_ttl: int) -> None:
        self._sources = sources
        self.zone = zone
        self.problems = Problems()
        self._origin = zone
        self._default_ttl: int | None = None
        self._last_ttl = zone_ttl
        self._owner: Name | None = None
        self._has_owner = False
        self._rrsets: dict[NameKey, dict[RdataType, _RRset]] = {}
        self._notes: set[Note] = set()
        """A line that makes many records has each of its oddities once."""

    def records(self) -> Records:
        """Returns the records; raises ZoneInvalid if there were problems."""
        for by_type in self._rrsets.values():
            for rrset in by_type.values():
                if rrset.other is not None:
                    line, ttl = rrset.other
                    self._notes.add(Note(line, Oddity.TTL, rrset.line, ttl, rrset.first_ttl, rrset.ttl))
                size_bytes = sum(12 + len(rdata) for rdata in rrset.rdatas)
                if size_bytes > MAX_RRSET_BYTES:
                    message = f"the record has {size_bytes} bytes; no answer can hold more than {MAX_RRSET_BYTES}"
                    self._add(rrset.line, message)
        if self.problems:
            raise ZoneInvalid(self.problems.all)
        bulk = pack(
            {
                key: [BulkRRset(rtype, each.ttl, each.line, tuple(each.rdatas)) for rtype, each in by_type.items()]
                for key, by_type in self._rrsets.items()
            }
        )
        warnings = warnings_of(first_notes(self._notes), len(self._notes), self._sources.place)
        return Records(bulk, warnings, self._sources.place, self._sources.size_bytes)

    def read(self, content: bytes, first_line: int, *, depth: int, is_generated: bool = False) -> None:
        """Reads a content whose lines are numbered from here on; what is generated is of one line."""
        file, _ = self._sources.place(first_line)
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            line = first_line + content.count(b"\n", 0, error.start)
            self._add(line, "not UTF-8; save the file in that encoding")
            return
        for statement in self._statements(text, first_line, is_generated=is_generated):
            self._take(statement, depth)
            if self.problems.is_full(file):
                self.problems.stop(file)
                return

    def _statements(self, text: str, first_line: int, *, is_generated: bool) -> Iterator[_Statement]:
        """Yields the statements of a text; after a mistake of syntax nothing can be told apart any more."""
        tokenizer = Tokenizer(text)
        while True:
            line = first_line if is_generated else first_line - 1 + tokenizer.line_number
            try:
                token = tokenizer.get(want_leading=True)
                begins_blank, is_awaited = token.is_whitespace(), False
                tokens: list[Token] = []
                glued: set[int] = set()
                while not token.is_eol_or_eof():
                    if not token.is_whitespace():
                        if is_awaited and token.is_quoted_string():
                            glued.add(len(tokens))
                        tokens.append(token)
                    is_awaited = token.value[-1:] == "=" and token.is_identifier()
                    token = tokenizer.get(want_leading=is_awaited)
            except DNSException:
                self._add(line, _syntax_words(tokenizer))
                return
            if tokens:
                yield _Statement(line, begins_blank, tuple(tokens), frozenset(glued))
            if token.is_eof():
                return

    def _take(self, statement: _Statement, depth: int) -> None:
        """Reads one statement."""
        first = statement.tokens[0]
        try:
            if not statement.begins_blank and first.is_identifier() and first.value.startswith("$"):
                self._directive(first.value.upper(), statement, depth)
            else:
                self._record(statement)
        except TextInvalid as invalid:
            self._add(statement.line, str(invalid))

    def _directive(self, name: str, statement: _Statement, depth: int) -> None:
        values = statement.tokens[1:]
        if name == "$GENERATE":
            self._read_on(name, statement.text_of(1), statement.line, depth=depth)
            return
        if name == "$INCLUDE":
            self._read_included(statement, depth)
            return
        if name not in {"$ORIGIN", "$TTL"}:
            raise TextInvalid(f"{name} is not supported; a records file has $ORIGIN, $TTL, $INCLUDE and $GENERATE")
        if len(values) != 1 or not values[0].is_identifier():
            raise TextInvalid(f"{name} has one value")
        if name == "$ORIGIN":
            self._origin = parse_name(values[0].value, self._origin)
        else:
            self._default_ttl = parse_master_ttl(values[0].value)

    def _read_included(self, statement: _Statement, depth: int) -> None:
        values = statement.tokens[1:]
        if not 1 <= len(values) <= 2 or (not values[-1].is_identifier() and len(values) == 2):
            raise TextInvalid("$INCLUDE has the name of a file, and an origin if it has its own")
        origin = parse_name(values[1].value, self._origin) if len(values) == 2 else self._origin
        self._read_on("$INCLUDE", values[0].value, statement.line, depth=depth, origin=origin)

    def _read_on(self, name: str, argument: str, line: int, *, depth: int, origin: Name | None = None) -> None:
        """Reads what a directive stands for. Behind it origin and owner are what they were (RFC 1035 5.1)."""
        content, first_line = self._sources.more(name, argument, line, depth)
        before = self._origin, self._owner, self._has_owner
        self._origin = self._origin if origin is None else origin
        self.read(content, first_line, depth=depth + 1, is_generated=origin is None)
        self._origin, self._owner, self._has_owner = before

    def _record(self, statement: _Statement) -> None:
        tokens = list(statement.tokens)
        if not statement.begins_blank:
            self._has_owner, self._owner = True, None
            self._owner = self._owner_of(tokens.pop(0))
        elif not self._has_owner:
            raise TextInvalid("a record without a name, and no record before it whose name it could have")
        owner = self._owner
        ttl = self._ttl_and_class(tokens)
        if not tokens or not tokens[0].is_identifier():
            raise TextInvalid("the type is missing: a record is a name, a TTL if it has its own, a type and a value")
        rtype = parse_type(tokens.pop(0).value.upper())
        if owner is None:
            return  # the line with its name has the problem
        if rtype in _MADE and owner == self.zone:
            self._notes.add(Note(statement.line, _MADE[rtype]))
            return
        check_type(owner, rtype, self.zone)
        text = statement.text_of(len(statement.tokens) - len(tokens))
        rdata = parse_rdata(rtype, text, self._origin, plain_text=False)
        check_target(rdata, text, self.zone)
        self._put(statement.line, relative_key(owner.labels, self.zone.labels), rtype, ttl, rdata)

    def _owner_of(self, token: Token) -> Name:
        if not token.is_identifier():
            raise TextInvalid("a name is not written in quotes")
        name = parse_name(token.value, self._origin)
        if not name.is_subdomain(self.zone):
            raise TextInvalid(f'"{token.value}" is {name}, which is outside the zone {self.zone}')
        # relative to another $ORIGIN the zone's name may stand in it twice, on purpose
        return no_doubled_zone(name, token.value, self.zone) if self._origin == self.zone else name

    def _ttl_and_class(self, tokens: list[Token]) -> int:
        """Takes TTL and class off the tokens, in either order, and returns the TTL."""
        own, has_class = None, False
        while tokens and tokens[0].is_identifier():
            word = tokens[0].value
            if own is None and word[0] in "0123456789":
                own = parse_master_ttl(word)
            elif not has_class and word.upper() in {"IN", "CH", "HS", "CS"}:
                has_class = True
                if word.upper() != "IN":
                    raise TextInvalid(f"the class is IN, not {word}")
            else:
                break
            del tokens[0]
        if own is not None:
            self._last_ttl = own
            return own
        # RFC 2308 4: $TTL; without one RFC 1035 5.1: the last that was stated
        return self._last_ttl if self._default_ttl is None else self._default_ttl

    def _put(self, line: int, key: NameKey, rtype: RdataType, ttl: int, rdata: Rdata) -> None:
        rrset = self._rrsets.setdefault(key, {}).setdefault(rtype, _RRset(ttl, line, ttl))
        rrset.ttl = min(rrset.ttl, ttl)
        if rrset.other is None and ttl != rrset.first_ttl:
            rrset.other = (line, ttl)
        if not rrset.rdatas:
            rrset.rdatas.append(compose_rdata(rdata))
            return
        if not rrset.lines:  # most have one value, which needs nothing to be compared by
            rrset.lines[rdata_of(rtype, rrset.rdatas[0]).to_digestable()] = rrset.line
        first = rrset.lines.setdefault(rdata.to_digestable(), line)
        if len(rrset.lines) > len(rrset.rdatas):
            rrset.rdatas.append(compose_rdata(rdata))
        else:
            self._notes.add(Note(line, Oddity.DUPLICATE, first))

    def _add(self, line: int, message: str) -> None:
        file, line = self._sources.place(line)
        self.problems.add(Problem(file, line, 1, message))


_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_master_ttl(text: str) -> int:
    """Returns a TTL: seconds, or with units as BIND has them (1h30m)."""
    if not re.fullmatch(r"[0-9]{1,10}|([0-9]{1,10}[smhdwSMHDW]){1,5}", text):
        raise TextInvalid(f'"{text}" is not a TTL such as 3600 or 1h')
    ttl_s = sum(int(number) * _UNITS_S[unit.lower()] for number, unit in re.findall("([0-9]+)([a-zA-Z]?)", text))
    if ttl_s > MAX_TTL:
        raise TextInvalid(f"a TTL is 0 to {MAX_TTL} seconds, not {text}")
    return ttl_s


def _syntax_words(tokenizer: Tokenizer) -> str:
    if tokenizer.quoting:
        return "a quote is not closed on its line"
    return (
        "a parenthesis is not closed" if tokenizer.multiline else "a parenthesis that closes none, or a backslash alone"
    )
