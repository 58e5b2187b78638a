r"""$GENERATE: what BIND 9.18 makes of it, as named-compilezone printed it; and the words for what it refuses."""

import pytest

from gtm.dns.generate import expand
from gtm.errors import TextInvalid

LINES = [
    ("1-2 h$ A 192.0.2.$", ["h1 A 192.0.2.1", "h2 A 192.0.2.2"]),
    ("1-3/2 h${5,3,x} 60 IN CNAME a-${-1,2}-$$", [r"h006 60 IN CNAME a-00-\$", r"h008 60 IN CNAME a-02-\$"]),
    ("0-17/16 ${0,4,x}.h CNAME ${0,4,X}.${8,2,o}", ["0000.h CNAME 0000.10", "0010.h CNAME 0010.30"]),
    ('1-2 h$ MX "10 mail$"', ["h1 MX 10 mail1", "h2 MX 10 mail2"]),
    (r'1-1 h$ CAA "0 issue \"ca$.test\""', ['h1 CAA 0 issue "ca1.test"']),
    (r'1-1 h$ TYPE65280 "\# 1 0$"', [r"h1 TYPE65280 \# 1 01"]),
    (r"1-1 a\$b$ CNAME c$$d", [r"a\$b1 CNAME c\$d"]),
    ("1-1 ${-5,3,d} CNAME x", ["-04 CNAME x"]),
    ("0-0 h$ CNAME ${0,0,n}", ["h0 CNAME 0"]),
    ("254-257/3 ${0,3,n} CNAME x", ["e.f CNAME x", "1.0.1 CNAME x"]),
    ("254-254 @ CNAME x${0,4,N}y", ["@ CNAME xE.F.y"]),
    ("5-5 *.h$ 1h IN A 192.0.2.${0}", ["*.h5 1h IN A 192.0.2.5"]),
    ("9-11 $ PTR h${0,3}.x.", ["9 PTR h009.x.", "10 PTR h010.x.", "11 PTR h011.x."]),
    ("2147483647-2147483647 $ A 192.0.2.1", ["2147483647 A 192.0.2.1"]),
]


@pytest.mark.parametrize(("argument", "lines"), LINES, ids=[argument for argument, _ in LINES])
def test_a_range_and_a_template_are_so_many_lines(argument: str, lines: list[str]) -> None:
    assert expand(argument, limit=10, limit_bytes=1000) == lines


WORDS = [
    ("", "$GENERATE has a range, a name, a type and a value"),
    ("1 h$ A 192.0.2.$", '"1" is no range'),
    ("3-1 h$ A 192.0.2.$", '"3-1" is no range'),
    ("1-3/0 h$ A 192.0.2.$", '"1-3/0" is no range'),
    ("1-2147483648 h$ A 192.0.2.$", '"1-2147483648" is no range'),
    ("1-11 h$ A 192.0.2.$", "$GENERATE 1-11 makes 11 records, and 10 is what is left for this zone"),
    ("1-2147483647 h$ A 192.0.2.$", "makes 2147483647 records"),
    ("1-2 h$ TXT a$ b$", "$GENERATE has one value"),
    ('1-2 h$ TXT "a', "a quote is not closed"),
    ("1-2 h${0,3 A 192.0.2.1", '"h${0,3" has a $ that is none of'),
    ("1-2 h${0,2,z} A 192.0.2.1", "has a $ that is none of"),
    ("1-2 h${,3} A 192.0.2.1", "has a $ that is none of"),
    ("1-2 h${0,256} A 192.0.2.1", "a number is at most 255 wide, not 256"),
    ("1-2 h${-5,2,x} A 192.0.2.1", "-4 is below 0, and only base d has such numbers"),
    ("1-2 h${9}$ A 192.0.2.1", "has a $ behind ${9..}; write ${0} for the number without an offset"),
]


@pytest.mark.parametrize(("argument", "words"), WORDS, ids=[argument for argument, _ in WORDS])
def test_what_bind_refuses_or_means_otherwise_has_its_words(argument: str, words: str) -> None:
    with pytest.raises(TextInvalid) as raised:
        expand(argument, limit=10, limit_bytes=1000)
    assert words in str(raised.value)


def test_lines_are_made_up_to_a_number_of_bytes() -> None:
    """Those of a line of a thousand octets would else have more than a machine has memory."""
    argument = '1-3 h$ TXT "${0,9}"'
    lines = ["h1 TXT 000000001", "h2 TXT 000000002", "h3 TXT 000000003"]
    assert expand(argument, limit=10, limit_bytes=51) == lines
    with pytest.raises(TextInvalid, match=r"^\$GENERATE 1-3 makes more than 50 bytes, which are left for this zone$"):
        expand(argument, limit=10, limit_bytes=50)
    with pytest.raises(TextInvalid, match="makes more than 1000 bytes"):
        expand(f'1-2147483647 h$ TXT "{"${0,255}" * 1000}"', limit=2**31, limit_bytes=1000)
