"""Every file in tests/data/node/bad has one mistake, and beside it exactly what `gtm serve --config` says of it."""

from pathlib import Path

import pytest

from gtm.errors import NodeInvalid
from gtm.node.config.parse import parse_node_file

BAD = Path("tests/data/node/bad")
FILES = sorted((Path(__file__).parents[3] / BAD).glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_bad_file_says_exactly_what_is_beside_it(path: Path) -> None:
    with pytest.raises(NodeInvalid) as raised:
        parse_node_file(path.read_text(), str(BAD / path.name), Path(), "the-host")
    assert f"{raised.value}\n" == path.with_suffix(".txt").read_text()


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_one_mistake_has_one_message(path: Path) -> None:
    mistakes = 5 if path.stem == "five-mistakes" else 1
    assert path.with_suffix(".txt").read_text().count("\n") == mistakes


def test_there_are_enough_bad_files_and_none_without_its_message() -> None:
    assert len(FILES) > 50
    assert {path.stem for path in FILES} == {path.stem for path in FILES[0].parent.glob("*.txt")}
