import json
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from gtm.admin.encode import encode, encode_plain
from tests.fakes.text import HOSTILE, harm


@dataclass(frozen=True, slots=True)
class View:
    """What may be shown."""

    text: str
    at: IPv4Address


AT = IPv4Address("192.0.2.1")


def test_json_prints_and_means_what_was_there() -> None:
    shown = encode(View(HOSTILE, AT), View)
    assert harm(shown.decode()) == []
    assert json.loads(shown) == {"text": HOSTILE, "at": str(ip_address("192.0.2.1"))}
    assert json.loads(encode_plain([HOSTILE])) == [HOSTILE]
    assert harm(encode_plain([HOSTILE]).decode()) == []


def test_what_utf_8_cannot_say_is_told_by_its_escape() -> None:
    assert json.loads(encode(View("\udcff.yaml", AT), View))["text"] == "\\udcff.yaml"
    assert json.loads(encode_plain({"a": ("\udcff", 1)})) == {"a": ["\\udcff", 1]}
