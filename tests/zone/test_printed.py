"""What BIND, dnspython, Knot, ldns and NSD print for every type that they know is read, to the RDATA that it is.

tests/data/printed/records.txt has a type and its RDATA in a line, and below it who prints what. It was written down
from BIND 9.18.49 (named-compilezone, and dig AXFR), dnspython 2.9.2 (Zone.to_text), Knot 3.2.6 (knotd, and kdig AXFR),
ldns 1.8.3 (ldns-read-zone) and NSD 4.6.1 (nsd-checkzone -p), each of which read the type as text, where it knows that,
and as octets (RFC 3597 5).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dns.name import from_text
from dns.rdatatype import RdataType

from gtm.dns.rdata import compose_rdata, parse_rdata, parse_type
from gtm.errors import ZoneInvalid
from gtm.watch.scanner import native_scanner
from gtm.zone.records_file.packed import Bulk
from gtm.zone.records_file.parse import MasterFile, Scan, read_master

PRINTED = Path(__file__).parents[1] / "data/printed/records.txt"
ORIGIN = from_text("example.com")
SIGNING = frozenset(
    {RdataType.RRSIG, RdataType.NSEC, RdataType.NSEC3, RdataType.NSEC3PARAM, RdataType.DNSKEY, RdataType.DNAME}
)
"""Types that no zone here has."""

LOST = {
    "ATMA\t01313233": "the octet of the format stands with the others, which BIND takes for an address of another",
    "ATMA\t0039246f000e7c9c03120001000100001234567800": "the same",
    "ATMA\t013631323030313233343536": "the same",
    "ATMA\t0131": "the same",
    "CAA\t128 issue": "the value is left out, and neither ldns nor others read that",
    'CNAME\ta\\.b\\032c\\;"d\\\\e@f$g\\(h\\200.other.test.': "the quote has no escape",
    'NSAP-PTR\t"nsapptr.other.test."': "it is a string to ldns, and no name",
    'NSAP-PTR\t"nsapptr"': "the same",
    "SINK\t64": "only the first field",
    "SINK\t1": "the same",
    "SVCB\t1 . key667=\\000\\001\\255;()": "without quotes, so a comment begins",
    "SVCB\t16 foo.other.test. alpn=f\\\\oo\\,bar,h2": "escaped once, where RFC 9460 A.1 says twice",
    'SVCB\t1 . alpn=a\\,b,c\\\\d,e\\"f': "the same",
    'SVCB\t1 . alpn="a\\\\,b,c\\\\\\\\d,e\\\\\\"f"': "NSD escapes a quote in an id twice",
}
"""What ldns, and once NSD, print that is not the record any more."""


@dataclass(frozen=True, slots=True)
class Printed:
    rtype: RdataType
    rdata: bytes
    by: str
    text: str


def printed() -> Iterator[Printed]:
    rtype, rdata = RdataType.NONE, b""
    for line in PRINTED.read_text().splitlines():
        if line.startswith("\t"):
            _, by, text = line.split("\t", maxsplit=2)
            yield Printed(rtype, rdata, by, text)
        else:
            mnemonic, octets = line.split(" ")
            rtype, rdata = parse_type(mnemonic), bytes.fromhex(octets.strip("-"))


ALL = list(printed())
READ = [each for each in ALL if each.text not in LOST]


def read(text: str, scan: Scan | None) -> Bulk:
    return read_master(MasterFile("z.zone", f"x 3600 IN {text}\n".encode(), scan), ORIGIN, 300).bulk


def test_all_types_that_bind_knows_are_there_and_five_print_most() -> None:
    assert len({each.rtype for each in ALL}) > 80
    assert {name for each in ALL for name in each.by.split()} == {"bind", "dnspython", "knot", "ldns", "nsd"}
    assert len(READ) > 580


@pytest.mark.parametrize("scan", [None, native_scanner()], ids=["reference", "native"])
@pytest.mark.parametrize("rtype", sorted({each.rtype for each in READ} - SIGNING))
def test_what_they_print_is_read_to_the_same_octets(rtype: RdataType, scan: Scan | None) -> None:
    for each in READ:
        if each.rtype == rtype:
            (rrset,) = read(each.text, scan).find(b"\1x") or ()
            assert (rrset.rtype, rrset.rdatas) == (rtype, (each.rdata,)), each


@pytest.mark.parametrize("rtype", sorted({each.rtype for each in READ}))
def test_a_value_of_a_zone_file_is_read_alike(rtype: RdataType) -> None:
    for each in READ:
        mnemonic, _, value = each.text.replace("\t", " ", 1).partition(" ")
        if each.rtype == rtype and ";{" not in value:  # a comment of ldns, which no value has
            assert parse_type(mnemonic) == rtype
            rdata = parse_rdata(rtype, value.strip(), ORIGIN, plain_text=False)
            assert compose_rdata(rdata) == each.rdata, each


@pytest.mark.parametrize("scan", [None, native_scanner()], ids=["reference", "native"])
@pytest.mark.parametrize("rtype", sorted(SIGNING))
def test_types_that_no_zone_here_has_are_refused_in_words(rtype: RdataType, scan: Scan | None) -> None:
    text = next(each.text for each in READ if each.rtype == rtype)
    with pytest.raises(ZoneInvalid, match=r"made by whoever signs|DNAME is not supported"):
        read(text, scan)


@pytest.mark.parametrize("text", LOST)
def test_what_is_not_the_record_any_more_is_refused_or_is_what_bind_reads(text: str) -> None:
    try:
        (rrset,) = read(text, None).find(b"\1x") or ()
    except ZoneInvalid:
        return
    assert (text.startswith("ATMA") and rrset.rdatas[0] == b"\0" + bytes.fromhex(text.split()[1])) or "key667" in text
