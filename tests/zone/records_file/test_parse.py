"""Master files: the words for every mistake, and that the extension's scanner makes what the reference makes."""

import random
from collections.abc import Iterator

import pytest
from dns.name import Name, from_text

from gtm.dns.name import relative_key
from gtm.errors import MAX_PROBLEMS, TextInvalid, ZoneInvalid
from gtm.watch.scanner import native_scanner
from gtm.zone.records_file.packed import Bulk
from gtm.zone.records_file.parse import MasterFile, Records, Scan, parse_master_ttl, read_by_reference, read_master

ORIGIN = from_text("z.test")
FILE = "z.zone"

needs_extension = pytest.mark.skipif(native_scanner() is None, reason="the extension is not built")


def read(text: str, scan: Scan | None = None) -> Bulk:
    return whole(text, scan).bulk


def whole(text: str, scan: Scan | None = None) -> Records:
    return read_master(MasterFile(FILE, text.encode(), scan), ORIGIN, 300)


def none(*_: object) -> None:
    """Includes nothing."""


def records(bulk: Bulk) -> Iterator[tuple[str, int, int, tuple[bytes, ...]]]:
    for name in bulk.names():
        for rrset in bulk.find(name) or ():
            yield (name.decode("latin-1"), rrset.rtype, rrset.ttl, rrset.rdatas)


def test_names_ttls_and_classes_may_be_left_out_or_change_places() -> None:
    text = """; a comment
a       A 192.0.2.1
b 60 IN A 192.0.2.2
  IN 1m TXT "x" y
c       A 192.0.2.3
$TTL 1h
d  in   a 192.0.2.4
"""
    assert list(records(read(text))) == [
        ("\1a", 1, 300, (b"\xc0\0\2\1",)),
        ("\1b", 1, 60, (b"\xc0\0\2\2",)),
        ("\1b", 16, 60, (b"\1x\1y",)),
        ("\1c", 1, 60, (b"\xc0\0\2\3",)),
        ("\1d", 1, 3600, (b"\xc0\0\2\4",)),
    ]


def test_an_origin_holds_for_names_and_values_behind_it() -> None:
    bulk = read("$ORIGIN sub\nwww CNAME host\n$ORIGIN z.test.\nwww CNAME host\n")
    assert [rdatas[0] for *_, rdatas in records(bulk)] == [b"\4host\3sub\1z\4test\0", b"\4host\1z\4test\0"]


def test_parentheses_comments_quotes_and_escapes() -> None:
    bulk = read('a ( ; one\n TXT ; two\n "x;(" \\065 ) ; three\n\\098\\.c A 192.0.2.1\n')
    assert [(name, rdatas) for name, *_, rdatas in records(bulk)] == [
        ("\1a", (b"\3x;(\1A",)),
        ("\3b.c", (b"\xc0\0\2\1",)),
    ]


def test_the_line_of_a_record_is_that_of_its_first_value() -> None:
    (rrset,) = (
        read("\n\na (\n A 192.0.2.1 )\n A 192.0.2.2\n").find(relative_key(from_text("a", ORIGIN).labels, ORIGIN.labels))
        or ()
    )
    assert rrset.line == 3


WORDS = [
    ("a A 1.2.3", '"1.2.3" is not an A record'),
    ("a SOA . . 1 2 3 4 5", "the SOA is made from nameservers and hostmaster"),
    ("a RRSIG x", "RRSIG is made by whoever signs the zone"),
    ("a.test. A 192.0.2.1", '"a.test." is a.test., which is outside the zone z.test.'),
    ("a.z.test A 192.0.2.1", '"a.z.test" without a final dot means a.z.test.z.test.'),
    ("a CNAME b.z.test", '"b.z.test" without a final dot means b.z.test.z.test.'),
    ("a 1x A 192.0.2.1", '"1x" is not a TTL such as 3600 or 1h'),
    ("a 9999999999 A 192.0.2.1", "a TTL is 0 to 2147483647 seconds, not 9999999999"),
    ("a CH A 192.0.2.1", "the class is IN, not CH"),
    ("a", "the type is missing"),
    ("a 60", "the type is missing"),
    ("  A 192.0.2.1", "a record without a name"),
    ('"a" A 192.0.2.1', "a name is not written in quotes"),
    ("a..b A 192.0.2.1", '"a..b" is not a name: a label between two dots is empty'),
    ("a FOO x", 'unknown record type "FOO"'),
    ("$INCLUDE a/../../o.zone", '$INCLUDE "a/../../o.zone": a file of the folder of zone files, or below it, can be'),
    ("$INCLUDE ../o.zone", '$INCLUDE "../o.zone": a file of the folder'),
    ("$INCLUDE /etc/o.zone", '$INCLUDE "/etc/o.zone": a file of the folder'),
    ("$INCLUDE .o.zone", '$INCLUDE ".o.zone": a file of the folder'),
    ("$INCLUDE a/.o", '$INCLUDE "a/.o": a file of the folder'),
    ("$INCLUDE a//o", '$INCLUDE "a//o": a file of the folder'),
    ("$INCLUDE a/", '$INCLUDE "a/": a file of the folder'),
    ("$INCLUDE o.yaml", '$INCLUDE "o.yaml": a file of the folder'),
    ("$INCLUDE db.other", "db.other is not here: this text is read without the folder of its file"),
    ("$INCLUDE sub/db.other", "sub/db.other is not here: this text is read without the folder of its file"),
    ("$INCLUDE a/../o.zone", "o.zone is not here: this text is read without the folder of its file"),
    ("$INCLUDE o.zone", "o.zone is not here: this text is read without the folder of its file"),
    ("$INCLUDE", "$INCLUDE has the name of a file, and an origin if it has its own"),
    ("$INCLUDE o.zone a b", "$INCLUDE has the name of a file, and an origin if it has its own"),
    ("$INCLUDE o.zone a..b", '"a..b" is not a name'),
    ("$GENERATE 1-9 a$ A", "$GENERATE has a range, a name, a type and a value"),
    ("$GENERATE 1-9 a$ MX 10 b", "$GENERATE has one value; a value with spaces is put in quotes as a whole"),
    ("$GENERATE 250-256 a$ A 192.0.2.$", '"192.0.2.256" is not an A record'),
    ("$LOAD x", "$LOAD is not supported; a records file has $ORIGIN, $TTL, $INCLUDE and $GENERATE"),
    ("$TTL", "$TTL has one value"),
    ("$ORIGIN a b", "$ORIGIN has one value"),
    ('a TXT "x\ny"', "a quote is not closed on its line"),
    ("a A ( 192.0.2.1", "a parenthesis is not closed"),
    ("a A 192.0.2.1 )", "a parenthesis that closes none"),
]


@pytest.mark.parametrize(("text", "words"), WORDS, ids=[text for text, _ in WORDS])
@pytest.mark.parametrize("scan", [None, native_scanner()], ids=["reference", "native"])
def test_every_mistake_has_its_words_and_its_line(text: str, words: str, scan: Scan | None) -> None:
    with pytest.raises(ZoneInvalid) as raised:
        read(f"; the first line\n{text}\n".removeprefix("; the first line\n" if "\n" in text else ""), scan)
    (problem,) = raised.value.problems
    assert problem.message.startswith(words)
    assert (problem.file, problem.line) == (FILE, 1 if '"x\ny"' in text else 2)


def test_all_mistakes_are_told_at_once_but_not_more_than_anybody_reads() -> None:
    with pytest.raises(ZoneInvalid) as raised:
        read("a A x\n" * 3)
    assert [problem.line for problem in raised.value.problems] == [1, 2, 3]
    with pytest.raises(ZoneInvalid) as raised:
        read("a A x\n" * 300)
    *told, rest = raised.value.problems
    assert [problem.line for problem in told] == list(range(1, MAX_PROBLEMS + 1))
    assert str(rest) == f"{FILE}: not all of this file was looked at: mend these first"


def test_a_record_that_no_answer_can_hold_is_refused() -> None:
    with pytest.raises(ZoneInvalid, match=r"z\.zone:1:1: the record has .* no answer can hold more than 65000"):
        read("".join(f"a A 10.0.{number // 250}.{number % 250}\n" for number in range(4100)))


def test_bytes_that_are_no_text_are_placed() -> None:
    with pytest.raises(ZoneInvalid, match=r"z\.zone:2:1: not UTF-8"):
        read_master(MasterFile(FILE, b"a A 192.0.2.1\nb TXT \xff\n"), ORIGIN, 300)


@pytest.mark.parametrize("scan", [None, native_scanner()], ids=["reference", "native"])
@pytest.mark.parametrize("text", ["a A 192.0.2.1\n", "; exported\na A 192.0.2.1\n", "$TTL 300\na A 192.0.2.1\n"])
def test_the_mark_that_windows_puts_before_utf_8_is_no_part_of_a_name(text: str, scan: Scan | None) -> None:
    assert read("\ufeff" + text, scan) == read(text, scan)
    assert read(text, scan).find(b"\x01a")


@pytest.mark.parametrize(("text", "ttl_s"), [("0", 0), ("2147483647", 2**31 - 1), ("1h30m", 5400), ("1W", 604_800)])
def test_ttls_have_units_or_none(text: str, ttl_s: int) -> None:
    assert parse_master_ttl(text) == ttl_s


@pytest.mark.parametrize("text", ["", "x", "1h1", "2147483648", "h", "1y", "-1", "1.5"])
def test_what_is_no_ttl_is_refused(text: str) -> None:
    with pytest.raises(TextInvalid):
        parse_master_ttl(text)


TWICE = "duplicate value, left out; the first one is on line 1"
ODDITIES = [
    ("a A 192.0.2.1\na A 192.0.2.1", [(2, TWICE)], 1),
    ("a MX 5 B\nA MX 5 b\na MX 6 b", [(2, TWICE)], 2),
    ("a CNAME B\na CNAME b", [(2, TWICE)], 1),
    ('a TXT "B"\na TXT "b"', [], 2),
    ("a TYPE65280 \\# 1 41\na TYPE65280 \\# 1 61", [], 2),
    (
        "a CAA 0 issue x\na CAA 0 issue x",
        [(2, TWICE)],
        1,
    ),
    (
        "a 60 A 192.0.2.1\na 30 A 192.0.2.2\na A 192.0.2.3",
        [(2, "all values of a record have one TTL, 30, the least of them: this has 30, that on line 1 has 60")],
        3,
    ),
    (
        "a 30 A 192.0.2.1\na 60 A 192.0.2.1",
        [
            (2, TWICE),
            (2, "all values of a record have one TTL, 30, the least of them: this has 60, that on line 1 has 30"),
        ],
        1,
    ),
    (
        "@ 30 SOA ns. host. (\n1 2 3 4 5 )\n@ NS ns.\na A 192.0.2.1",
        [
            (1, "the SOA is made from the zone file; this one is left out"),
            (3, "the NS of the zone itself are made from nameservers; this one is left out"),
        ],
        1,
    ),
]


@pytest.mark.parametrize(("text", "warnings", "values"), ODDITIES, ids=[text for text, *_ in ODDITIES])
@pytest.mark.parametrize("scan", [None, native_scanner()], ids=["reference", "native"])
def test_what_bind_and_nsd_load_with_a_warning_loads_with_one(
    text: str, warnings: list[tuple[int, str]], values: int, scan: Scan | None
) -> None:
    read = whole(f"{text}\n", scan)
    assert [(warning.line, warning.message) for warning in read.warnings] == warnings
    assert {warning.file for warning in read.warnings} <= {FILE}
    assert read.bulk.values == values == sum(len(rdatas) for *_, rdatas in records(read.bulk))
    assert {ttl for _, _, ttl, _ in records(read.bulk)} <= {300, 30}


@needs_extension
@pytest.mark.parametrize("text", [text for text, *_ in ODDITIES])
def test_a_large_file_with_oddities_needs_no_second_reader(text: str) -> None:
    scan = native_scanner()
    assert scan is not None
    assert scan(f"{text}\n".encode(), b"\1z\4test\0", 300, lambda *_: (65_280, b"x"), none) is not None or "CAA" in text


@pytest.mark.parametrize("scan", [None, native_scanner()], ids=["reference", "native"])
def test_of_many_warnings_some_are_told_and_the_others_counted(scan: Scan | None) -> None:
    read = whole("".join(f"a A 10.0.0.{number % 50}\n" for number in range(400)), scan)
    *told, rest = read.warnings
    assert [each.line for each in told] == list(range(51, 51 + MAX_PROBLEMS))
    assert str(rest) == f"{FILE}: and 250 more warnings"
    assert read.bulk.values == 50


GOOD = (
    b'a A 192.0.2.1 | a 300 IN A 192.0.2.5 |  60 AAAA ::1 | b.c 5m TXT "x y" z | d IN 1h MX 10 mail | e CNAME a'
    b'| sub NS ns1.example.net. | s SRV 0 1 443 A.z.test. | c CAA 0 issue "ca.example.net" | $TTL 1h | $ORIGIN sub'
    b"| $ORIGIN z.test. | q TYPE65280 \\# 2 abcd | p (\n A\n 9.9.9.9 ; c\n ) |   ; only | | *.w A 7.7.7.7"
    b'| x.y.v A 1.1.1.1 | A.B.C.d TXT "q;q" ( w ) | h TXT \\097\\" | a\\.b.e A 5.5.5.5 | u TXT "\xc3\xa9"'
    b"| n TYPE1 \\# 4 01020304"
    b"| t CNAME \\# 1 00 | t2 CNAME \\# | h PTR X.y. | @ MX 0 . | g AAAA fe80::1.2.3.4"
    b"| v A 01.2.3.4 | x.z.test A 1.2.3.4 | a 60 A 192.0.2.1 | a 60 A 192.0.2.7"
    b"| d MX 10 MAIL | D MX 10 mail. | E CNAME A"
    b'| c CAA 0 issue "CA.example.net" | s SRV 0 1 443 a.Z.test. | sub NS NS1.example.net. | @ 60 NS X'
    b'| @ SOA . . 1 2 3 4 5 | $GENERATE 1-3 a$ 60 A 192.0.2.$ | $GENERATE 0-2/2 b CNAME "x${1,2,x}" | $INCLUDE i.zone'
    b'| $INCLUDE "i.zone" sub | $INCLUDE ./j.zone | $include no.zone | $INCLUDE loop.zone'
    b'| h HTTPS 1 . alpn="h2,h3" port="443" | h HTTPS 1 . alpn= "h2" | h HTTPS 0 a alpn="h2" | d 9 TXT "q;q" "W"'
).split(b"|")
ODD = (
    b"a @ b.c www.z.test. *.w $TTL $ORIGIN z.test sub 60 1h IN in CH A a AAAA TXT NS MX CNAME SRV PTR DS TYPE2 1.2.3.4"
    b' ::1 "a;b" "" 10 65536 \\# 4 01020304 \\097 \\256 a\\.b ( ) ; \\ " \xc3\xa9 \t . .. host. \x0b \x00 SOA $INCLUDE'
).split(b" ")


def drawn(dice: random.Random) -> bytes:
    """Returns a file that is mostly right."""
    lines = []
    for _ in range(dice.randrange(1, 9)):
        line = dice.choice(GOOD).strip(b" ") if dice.random() < 0.5 else dice.choice(GOOD)[1:]
        if dice.random() < 0.15:
            line = b" ".join(dice.choice(ODD) for _ in range(dice.randrange(1, 7)))
        if dice.random() < 0.05:
            at = dice.randrange(len(line) + 1)
            line = line[:at] + bytes((dice.randrange(256),)) + line[at + dice.randrange(2) :]
        lines.append(line)
    return dice.choice([b"\n", b"\n", b"\r\n"]).join(lines) + dice.choice([b"", b"\n"])


def included(name: str) -> bytes:
    """What is in a file that another one includes."""
    files = {
        "i.zone": b"in A 192.0.2.1\n 9 A 192.0.2.1\n$ORIGIN deep\n$TTL 7\nin A 192.0.2.2\n$INCLUDE j.zone\n",
        "j.zone": b" TXT j\n",
        "loop.zone": b"$INCLUDE loop.zone\n",
    }
    if name not in files:
        raise TextInvalid(f"{name} cannot be read")
    return files[name]


def outcome(content: bytes, scan: Scan | None, origin: Name) -> Records | str:
    try:
        return read_master(MasterFile(FILE, content, scan, included), origin, 300)
    except ZoneInvalid as invalid:
        return str(invalid)


@needs_extension
@pytest.mark.slow
@pytest.mark.parametrize("origin", ["z.test", "Z.test", "test"])
def test_the_scanner_makes_what_the_reference_makes(origin: str) -> None:
    dice, zone, scan, scanned = random.Random(origin), from_text(origin), native_scanner(), 0
    assert scan is not None
    for _ in range(3000):
        content = drawn(dice)
        found: list[object] = []

        def watched(*arguments: object, found: list[object] = found) -> object:
            found.append(scan(*arguments))  # type: ignore[arg-type]
            return found[-1]

        assert outcome(content, watched, zone) == outcome(content, None, zone), content  # type: ignore[arg-type]
        scanned += found[0] is not None
    assert scanned > 500, "the scanner gave up nearly always"


@needs_extension
def test_the_scanner_reads_common_files_itself() -> None:
    scan = native_scanner()
    assert scan is not None
    text = "$TTL 60\n" + "".join(f"h{number:05} A 10.0.{number // 250}.{number % 250}\n" for number in range(5000))

    def never(rtype: str, value: str, origin: bytes) -> None:
        raise AssertionError((rtype, value, origin))

    found = scan(text.encode(), b"\1z\4test\0", 300, never, none)
    assert found is not None
    assert Records(Bulk(*found[0])) == read_by_reference(MasterFile(FILE, text.encode()), ORIGIN, 300)
    assert found[1] == ([], 0)


@needs_extension
def test_names_in_any_order_and_a_hundred_values_of_one_are_packed_alike() -> None:
    lines = [f"h{number % 50}.s{number % 7} A 10.0.0.{number}" for number in range(200)]
    random.Random(1).shuffle(lines)
    text = "\n".join([*lines, *(f"many A 10.1.0.{number}" for number in range(100))])
    assert read(text, native_scanner()) == read(text)
