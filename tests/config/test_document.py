from gtm.config.reader import FileKind, parse_document
from gtm.errors import FileInvalid

ANY_FILE = FileKind(FileInvalid)


def test_every_key_and_value_knows_its_place() -> None:
    document = parse_document("a:\n  - {b: 1, c: [x, y]}\n", "zone.yaml", ANY_FILE)
    assert str(document.problem(("a", 0, "c", 1), "here")) == "zone.yaml:2:19: here"
    assert str(document.problem(("a", 0, "c"), "here", at_key=True)) == "zone.yaml:2:12: here"
    assert document.line(("a", 0, "b")) == 2


def test_a_path_that_the_file_lacks_points_at_what_there_is() -> None:
    document = parse_document("a:\n  b: text\n", "zone.yaml", ANY_FILE)
    assert str(document.problem(("a", "missing"), "here")) == "zone.yaml:2:3: here"
    assert str(document.problem(("a", "b", "values", 0), "here")) == "zone.yaml:2:6: here"
