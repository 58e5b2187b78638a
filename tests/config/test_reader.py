import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.config.core_schema import core_value
from gtm.config.document import Mapping, plain
from gtm.config.reader import MAX_CHARACTERS, MAX_DEPTH, MAX_FROM_ALIASES, FileKind, parse_document, read_document
from gtm.errors import NetworksInvalid, NodeInvalid, Problem, ZoneInvalid

ZONE_FILE = FileKind(ZoneInvalid, too_long="move records to a records_file, or split the zone")


def values(text: str) -> object:
    return plain(parse_document(text, "zone.yaml", ZONE_FILE).root)


def complaints(text: str) -> list[str]:
    with pytest.raises(ZoneInvalid) as raised:
        parse_document(text, "zone.yaml", ZONE_FILE)
    return [str(problem) for problem in raised.value.problems]


STILL_TEXT = ["NO", "no", "on", "off", "yes", "Y", "1:30", "12:30:45", "2024-01-01", "2001:db8::1", "0b1", "1_000"]


@pytest.mark.parametrize("typed", [*STILL_TEXT, ".inf", ".nan", "0o9", "<<"])
def test_what_is_no_number_in_yaml_1_2_stays_text(typed: str) -> None:
    assert values(f"a: {typed}") == {"a": typed}


CONSTANTS = [("true", True), ("False", False), ("null", None), ("~", None), ("", None)]
INTEGERS = [("12", 12), ("-7", -7), ("+7", 7), ("0x1F", 31), ("0o17", 15), ("007", 7)]
FLOATS = [("1.5", 1.5), ("-.5", -0.5), ("1e3", 1000.0), ("2.", 2.0)]


@pytest.mark.parametrize(("typed", "value"), [*CONSTANTS, *INTEGERS, *FLOATS])
def test_plain_scalars_follow_the_core_schema(typed: str, value: object) -> None:
    result = values(f"a: {typed}")
    assert result == {"a": value}
    assert isinstance(result, dict)
    assert type(result["a"]) is type(value)


def test_quoted_scalars_are_text() -> None:
    assert values("a: 'true'\nb: \"12\"\nc: |\n  7\n") == {"a": "true", "b": "12", "c": "7\n"}


def test_keys_are_text_whatever_they_look_like() -> None:
    assert values("no: 1\nnull: 2\n007: 3\n1.50: 4\n") == {"no": 1, "null": 2, "007": 3, "1.50": 4}


def test_a_number_of_thousands_of_digits_stays_text() -> None:
    assert core_value("9" * 5000) == "9" * 5000
    assert core_value("1e999") == "1e999"


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter() -> None:
    assert values("\ufeffa: 1\r\nb: 2\r\n") == {"a": 1, "b": 2}


def test_every_duplicate_key_is_told() -> None:
    assert complaints("a: 1\nb: {c: 1, c: 2}\na: 3\n") == [
        'zone.yaml:2:11: duplicate key "c"; the first one is on line 2',
        'zone.yaml:3:1: duplicate key "a"; the first one is on line 1',
    ]


def test_a_document_is_read_without_its_duplicate_keys() -> None:
    document, problems = read_document("a: 1\na: 2\nb: 3\n", "zone.yaml", ZONE_FILE)
    assert plain(document.root) == {"a": 1, "b": 3}
    assert [problem.line for problem in problems.all] == [2]


def test_a_kind_of_file_has_its_exception_and_its_limits() -> None:
    kind = FileKind(NodeInvalid, max_characters=30, max_values=8, max_from_aliases=2)
    for text, message in (
        ("#" * 31, "the file has 31 characters, and 30 are the limit"),
        ("a: [1, 2, 3, 4, 5, 6, 7, 8]", "more than 8 values"),
        ("a: &x [1, 2]\nb: *x", "aliases up to here stand for more than 2 values"),
        ("", "the file is empty"),
    ):
        with pytest.raises(NodeInvalid, match=message):
            parse_document(text, "gtm.yaml", kind)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "null\n"])
def test_some_kinds_of_file_may_be_empty(text: str) -> None:
    kind = FileKind(NetworksInvalid, may_be_empty=True)
    assert plain(parse_document(text, "networks.yaml", kind).root) == {}


def test_keys_that_differ_only_in_quotes_are_the_same() -> None:
    assert complaints("a: 1\n'a': 2\n") == ['zone.yaml:2:1: duplicate key "a"; the first one is on line 1']


def test_aliases_are_followed() -> None:
    assert values("a: &x [1, 2]\nb: *x\n") == {"a": [1, 2], "b": [1, 2]}


def test_an_alias_within_its_own_anchor_is_an_error() -> None:
    assert complaints("a: &x [*x]\n") == [
        'zone.yaml:1:8: nothing before this alias has its name; put text that starts with "*" in quotes'
    ]


def test_a_billion_laughs_are_counted_not_expanded() -> None:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (complaint,) = complaints("\n".join(lines))
    assert f"aliases up to here stand for more than {MAX_FROM_ALIASES} values" in complaint


@pytest.mark.slow
@pytest.mark.parametrize("opening", ["[", "{a: ", "a: [", "- "])
def test_depth_is_bounded(opening: str) -> None:
    (complaint,) = complaints("a: " * (opening == "- ") + "\n" * (opening == "- ") + opening * 5000)
    assert f"nested deeper than {MAX_DEPTH} levels" in complaint or "not YAML" in complaint


@pytest.mark.slow
def test_size_is_bounded() -> None:
    [complaint] = complaints("#" * (MAX_CHARACTERS + 1))
    assert complaint == (
        f"zone.yaml:1:1: the file has {MAX_CHARACTERS + 1} characters, and {MAX_CHARACTERS} are the limit; "
        "move records to a records_file, or split the zone"
    )


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "null\n"])
def test_an_empty_file_is_called_empty(text: str) -> None:
    (complaint,) = complaints(text)
    assert complaint.endswith(":1: the file is empty")


def test_a_lone_document_marker_is_fine() -> None:
    assert values("%YAML 1.2\n---\na: 1\n...\n") == {"a": 1}


def test_characters_that_yaml_forbids_have_their_place() -> None:
    assert complaints("a: 1\nb: \x07\n") == ["zone.yaml:2:4: not YAML: a control character, which YAML does not allow"]
    assert complaints("a: \ud800\n") == ["zone.yaml:1:4: not YAML: a control character, which YAML does not allow"]


YAMLISH = st.text(alphabet="ab01 \n\t:-[]{},&*!|>'\"%#?@`~.<" + "\u00e9\u2028\x00\ud800", max_size=80)


@pytest.mark.slow
@given(st.one_of(st.text(max_size=200), YAMLISH, st.text(alphabet=string.printable, max_size=200)))
def test_no_text_raises_anything_but_zone_invalid(text: str) -> None:
    try:
        root: Mapping | None = parse_document(text, "zone.yaml", ZONE_FILE).root
        problems: tuple[Problem, ...] = ()
    except ZoneInvalid as invalid:
        root, problems = None, invalid.problems
    assert (root is None) == bool(problems)
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)


@pytest.mark.parametrize("text", ['a: "\\ud800"\n', '"\\udfff": 1\n', 'a: ["x", {b: "\\ud83d\\ude00"}]\n'])
def test_half_a_character_is_refused_where_it_stands(text: str) -> None:
    with pytest.raises(ZoneInvalid) as raised:
        parse_document(text, "zone.yaml", ZONE_FILE)
    (problem,) = raised.value.problems
    assert "is half a character" in problem.message
    assert (problem.line, problem.column) == (1, text.index('"\\u') + 1)
