"""DNS answers: whose they are, and what they say of an endpoint."""

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from dns.message import Message
from dns.name import Name
from dns.rrset import RRset
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.verdict.reading import Reason
from gtm.probe.dns_answer import UDP_PAYLOAD_BYTES, is_answer, is_truncated, judged, query_for, without_edns
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.zone.monitors.kinds.dns import DnsSettings

ASKED = DnsSettings("www.example.com")


def answer_to(query: Message, *records: str, rcode: int = dns.rcode.NOERROR) -> Message:
    """An answer with these records: `NAME TTL IN TYPE VALUE`."""
    answer = dns.message.make_response(query)
    answer.set_rcode(dns.rcode.Rcode(rcode))
    for record in records:
        answer.answer.append(_rrset(*record.split(" ", 4)))
    return answer


def _rrset(name: str, ttl: str, rdclass: str, rtype: str, value: str) -> RRset:
    return dns.rrset.from_text(name, int(ttl), rdclass, rtype, value)


def judgement(asked: DnsSettings, *records: str, rcode: int = dns.rcode.NOERROR) -> CheckOutcome | None:
    query = query_for(asked)
    return taken(query, answer_to(query, *records, rcode=rcode).to_wire(), asked)


def taken(query: Message, wire: bytes, asked: DnsSettings = ASKED) -> CheckOutcome | None:
    """What a message says, if it is an answer to a query."""
    return judged(wire, asked) if is_answer(query.to_wire(), wire) else None


def test_the_query_is_what_the_settings_say() -> None:
    query = query_for(DnsSettings("www.example.com", "AAAA"))
    assert str(query.question[0]) == "www.example.com. IN AAAA"
    assert (query.flags, query.edns, query.payload) == (0, 0, UDP_PAYLOAD_BYTES)
    assert query_for(DnsSettings("www.example.com", recursion=True)).flags == dns.flags.RD


def test_ids_are_random() -> None:
    assert len({query_for(ASKED).id for _ in range(50)}) > 40


def test_any_answer_is_good_where_none_is_named() -> None:
    assert judgement(ASKED, "www.example.com. 60 IN A 192.0.2.1") == PASSED
    assert judgement(ASKED) == PASSED


def test_another_rcode_is_bad_and_named() -> None:
    assert judgement(ASKED, rcode=dns.rcode.SERVFAIL) == CheckOutcome(Reason.STATUS, "RCODE SERVFAIL, wanted NOERROR")
    assert judgement(ASKED, rcode=dns.rcode.REFUSED) == CheckOutcome(Reason.STATUS, "RCODE REFUSED, wanted NOERROR")


def test_an_rcode_that_is_expected_is_good() -> None:
    absent = DnsSettings("absent.example.com", rcodes=("NOERROR", "NXDOMAIN"))
    assert judgement(absent, rcode=dns.rcode.NXDOMAIN) == PASSED


def test_one_expected_value_is_enough() -> None:
    asked = DnsSettings("www.example.com", answers=("192.0.2.1", "192.0.2.2"))
    assert judgement(asked, "www.example.com. 60 IN A 192.0.2.2", "www.example.com. 60 IN A 192.0.2.9") == PASSED
    wrong = judgement(asked, "www.example.com. 60 IN A 192.0.2.9")
    assert wrong == CheckOutcome(Reason.BODY, "RCODE NOERROR with A 192.0.2.9, wanted 192.0.2.1, 192.0.2.2")
    none = judgement(asked)
    assert none == CheckOutcome(Reason.BODY, "RCODE NOERROR with A none, wanted 192.0.2.1, 192.0.2.2")


@pytest.mark.parametrize(
    ("rtype", "wanted", "answer", "got"),
    [
        ("AAAA", "2001:db8::1", "2001:db8::2", "2001:db8::2"),
        ("CNAME", "a.example.com.", "B.example.com.", "b.example.com."),
        ("TXT", "yes", '"n" "o\\027"', r'"no\u001b"'),
        ("MX", "10 a.example.com.", "10 b.example.com.", "a value of 17 bytes"),
    ],
)
def test_other_values_are_told_and_those_that_are_wanted(rtype: str, wanted: str, answer: str, got: str) -> None:
    outcome = judgement(
        DnsSettings("www.example.com", rtype, answers=(wanted,)), f"www.example.com. 60 IN {rtype} {answer}"
    )
    assert outcome == CheckOutcome(Reason.BODY, f"RCODE NOERROR with {rtype} {got}, wanted {wanted}")


def test_of_very_many_values_a_few_are_told() -> None:
    many = [f"www.example.com. 60 IN A 198.51.100.{number}" for number in range(100, 130)]
    outcome = judgement(DnsSettings("www.example.com", answers=("192.0.2.1",)), *many)
    shown = "198.51.100.100, 198.51.100.101, 198.51.100.102 and 27 more"
    assert outcome == CheckOutcome(Reason.BODY, f"RCODE NOERROR with A {shown}, wanted 192.0.2.1")


def test_values_are_compared_and_not_their_spelling() -> None:
    asked = DnsSettings("www.example.com", "AAAA", answers=("2001:DB8:0::1",))
    assert judgement(asked, "www.example.com. 60 IN AAAA 2001:db8::1") == PASSED
    mail = DnsSettings("example.com", "MX", answers=("10 MAIL.example.com.",))
    assert judgement(mail, "example.com. 60 IN MX 10 mail.example.com.") == PASSED


def test_text_is_written_as_in_records() -> None:
    asked = DnsSettings("example.com", "TXT", answers=("v=spf1 -all",))
    assert judgement(asked, 'example.com. 60 IN TXT "v=spf1 -all"') == PASSED


def test_the_value_may_be_at_the_end_of_aliases() -> None:
    asked = DnsSettings("www.example.com", answers=("192.0.2.1",))
    chain = ("www.example.com. 60 IN CNAME web.example.net.", "web.example.net. 60 IN A 192.0.2.1")
    assert judgement(asked, *chain) == PASSED


def test_another_id_or_question_is_nobodys_answer() -> None:
    query, other = query_for(ASKED), query_for(DnsSettings("other.example.com"))
    other.id = query.id
    assert taken(query, answer_to(other).to_wire()) is None
    stray = answer_to(query)
    stray.id ^= 1
    assert taken(query, stray.to_wire()) is None
    assert taken(query, query.to_wire()) is None, "our own query, echoed, is no answer"


def test_an_answer_that_cannot_be_read_is_the_endpoints_fault() -> None:
    query = query_for(ASKED)
    wire = answer_to(query, "www.example.com. 60 IN A 192.0.2.1").to_wire()
    assert taken(query, wire[:-20]) == CheckOutcome(Reason.STATUS, "no DNS message: FormError")
    assert taken(query, wire + b"more") == PASSED, "clients pass over what follows the last record"


def with_rdata(rtype: int, *rdata: bytes, asked: DnsSettings) -> CheckOutcome | None:
    """The judgement of an answer with this RDATA, which need not be what a library would send."""
    query = query_for(asked)
    end = dns.message.make_response(query).to_wire()
    question = end[12 : end.index(b"\0", 12) + 5]
    records = [b"\xc0\x0c" + rtype.to_bytes(2) + b"\0\1\0\0\0\x3c" + len(each).to_bytes(2) + each for each in rdata]
    head = query.to_wire()[:2] + b"\x84\0\0\1" + len(rdata).to_bytes(2) + bytes(4)
    return taken(query, head + question + b"".join(records), asked)


HTTPS, A, TXT, MX = 65, 1, 16, 15
ALIAS = b"\0\0\3foo\7example\0"
SERVICE = b"\0\1\0\0\1\0\3\2h2"
STRANGE = {
    "a parameter in AliasMode": ALIAS + b"\0\1\0\3\2h2",
    "an ech that is no ECHConfigList": b"\0\1\0\0\5\0\4abcd",
    "an unknown key": b"\0\1\0\xff\0\0\2ab",
    "no-default-alpn without alpn": b"\0\1\0\0\2\0\0",
    "a mandatory key that is not there": b"\0\1\0\0\0\0\2\0\4",
    "keys that are out of order": b"\0\1\0\0\3\0\2\1\xbb\0\1\0\3\2h2",
    "a port of three bytes": b"\0\1\0\0\3\0\3\1\xbb\0",
    "nothing at all": b"",
}


class TestRecordsThatNoStrictParserTakes:
    """RFC 3597: what a record is does not matter where nobody asked for its value."""

    @pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
    def test_one_is_an_answer_where_no_value_is_expected(self, strange: bytes) -> None:
        assert with_rdata(HTTPS, strange, asked=DnsSettings("foo.example", "HTTPS")) == PASSED

    @pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
    def test_one_beside_the_expected_value_is_in_nobodys_way(self, strange: bytes) -> None:
        asked = DnsSettings("foo.example", "HTTPS", answers=("1 . alpn=h2",))
        assert with_rdata(HTTPS, strange, SERVICE, asked=asked) == PASSED
        missing = with_rdata(HTTPS, strange, asked=asked)
        assert missing is not None
        assert missing.reason is Reason.BODY

    def test_an_alias_is_what_it_points_to(self) -> None:
        asked = DnsSettings("foo.example", "HTTPS", answers=("0 foo.example.",))
        assert with_rdata(HTTPS, STRANGE["a parameter in AliasMode"], asked=asked) == PASSED
        assert with_rdata(HTTPS, ALIAS, asked=asked) == PASSED

    @pytest.mark.parametrize(
        ("rtype", "text", "strange", "good"),
        [
            (A, "192.0.2.1", b"\1\2\3", b"\xc0\0\2\1"),
            (TXT, "ok", b"\x09short", b"\2ok"),
            (MX, "10 foo.example.", b"\0\x0a", b"\0\x0a\xc0\x0c"),
            (MX, "10 foo.example.", b"\0\x0a\xc0\x0c more", b"\0\x0a\xc0\x0c"),
        ],
    )
    def test_other_types_alike(self, rtype: int, text: str, strange: bytes, good: bytes) -> None:
        asked = DnsSettings("foo.example", dns.rdatatype.to_text(dns.rdatatype.RdataType(rtype)), answers=(text,))
        assert with_rdata(rtype, strange, good, asked=asked) == PASSED
        missing = with_rdata(rtype, strange, asked=asked)
        assert missing is not None
        assert missing.reason is Reason.BODY


def test_the_second_query_is_the_same_without_edns_and_has_another_id() -> None:
    for _ in range(20):
        query = query_for(DnsSettings("www.example.com", "AAAA", recursion=True))
        plain = without_edns(query)
        assert (plain.edns, plain.flags, plain.question) == (-1, dns.flags.RD, query.question)
        assert plain.id != query.id


def test_long_names_in_many_records_cost_no_more_than_to_read_each(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = DnsSettings("www.example.com", "SRV", answers=("0 0 1 example.com.",))
    query, records = query_for(asked), 20
    question = (dns.name.from_text(asked.name).to_wire() or b"") + b"\0\x21\0\1"
    owner, name = b"\xc0\x0c\0\x21\0\1" + bytes(4), b"\1a" * 127 + b"\0"
    pointer = (0xC000 + 12 + len(question) + len(owner) + 2 + 6).to_bytes(2)
    wire = query.to_wire()[:2] + b"\x84\0\0\1" + records.to_bytes(2) + bytes(4) + question
    for number in range(records):
        rdata = number.to_bytes(2) + bytes(4) + (pointer if number else name)
        wire += owner + len(rdata).to_bytes(2) + rdata
    made = 0
    make = Name.__init__

    def counted(self: Name, labels: object) -> None:
        nonlocal made
        made += 1
        make(self, labels)  # type: ignore[arg-type]

    monkeypatch.setattr(Name, "__init__", counted)
    found = taken(query, wire, asked)
    assert found is not None
    assert found.reason is Reason.BODY, "all of them were read, and none is the one expected"
    assert made < 5 * records


def test_a_truncated_answer_says_so_however_little_of_it_there_is() -> None:
    query = query_for(ASKED)
    answer = answer_to(query)
    assert not is_truncated(answer.to_wire())
    answer.flags |= dns.flags.TC
    wire = answer.to_wire()
    assert is_truncated(wire)
    for length in range(12, len(wire)):
        assert is_answer(query.to_wire(), wire[:length])
    assert is_answer(query.to_wire(), wire[:4] + bytes(8))
    answer.id ^= 1
    assert not is_answer(query.to_wire(), answer.to_wire())


@pytest.mark.parametrize("name", ["www.example.com", "WWW.example.COM", "xn--bcher-kva.example", "a" * 63 + ".example"])
def test_the_question_may_come_back_in_another_case(name: str) -> None:
    query = query_for(DnsSettings(name)).to_wire()
    answer = dns.message.make_response(dns.message.from_wire(query)).to_wire()
    end = answer.index(b"\0\0\1\0\1", 12)
    assert is_answer(query, answer[:12] + answer[12:end].upper().replace(b"\3COM", b"\3cOm") + answer[end:])


def test_another_type_or_class_is_another_question() -> None:
    query = query_for(DnsSettings("www.example.com", "HTTPS")).to_wire()
    answer = bytearray(dns.message.make_response(dns.message.from_wire(query)).to_wire())
    assert is_answer(query, bytes(answer))
    place = bytes(answer).index(b"\0\x41\0\1")
    for at, other in ((place + 1, 0x61), (place + 3, 3)):
        changed = bytearray(answer)
        changed[at] = other
        assert not is_answer(query, bytes(changed))


@pytest.mark.parametrize("rcode", [dns.rcode.NOERROR, dns.rcode.SERVFAIL])
def test_only_who_failed_may_leave_the_question_out(rcode: dns.rcode.Rcode) -> None:
    query = query_for(ASKED)
    answer = answer_to(query, rcode=rcode)
    answer.question = []
    assert (taken(query, answer.to_wire()) is None) is (rcode == dns.rcode.NOERROR)


@pytest.mark.slow
@given(st.sampled_from(["ours", "any"]), st.binary(max_size=80))
def test_whatever_comes_raises_nothing(whose_id: str, wire: bytes) -> None:
    query = query_for(ASKED)
    message = query.id.to_bytes(2) + wire if whose_id == "ours" else wire
    judged(message, ASKED) if len(message) >= 12 else None
    assert taken(query, message) is None or message[:2] == query.id.to_bytes(2)


@given(st.data())
def test_a_damaged_answer_raises_nothing(data: st.DataObject) -> None:
    asked = DnsSettings("www.example.com", answers=("192.0.2.1",))
    query = query_for(asked)
    wire = bytearray(answer_to(query, "www.example.com. 60 IN A 192.0.2.1").to_wire())
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    taken(query, bytes(wire), asked)
