import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from gtm.errors import StateInvalid
from gtm.event import Event, EventKind, Recorded, compose_line, recorded
from gtm.ids import NodeName
from gtm.node.events.files import FILES, EventFiles, Tail, path_of, read_events


def event(number: int, *, wall: float = 100.0) -> Recorded:
    return recorded(
        Event(EventKind.PLAN, str(number), "generation serves"),
        number,
        node=NodeName("ns1"),
        boot=1,
        monotonic=float(number),
        wall=wall,
        at="then",
    )


def lines(*numbers: int) -> bytes:
    return b"".join(compose_line(event(number)) for number in numbers)


def subjects(folder: Path, *, since: float = 0.0) -> list[int]:
    return [int(read_event.subject) for read_event in read_events(folder, since=since)]


def test_what_is_written_is_read_in_order_by_the_next_run_too(tmp_path: Path) -> None:
    journal = EventFiles(tmp_path / "new" / "state")
    journal.write(lines(1, 2))
    journal.write(lines(3))
    journal.close()
    again = EventFiles(tmp_path / "new" / "state")
    again.write(lines(4))
    again.close()
    assert subjects(tmp_path / "new" / "state") == [1, 2, 3, 4]


def test_files_never_take_more_than_their_bound_and_the_oldest_lines_go(tmp_path: Path) -> None:
    size = 10 * len(lines(1000))
    journal = EventFiles(tmp_path, file_bytes=size, files=FILES)
    for number in range(1000, 1200):
        journal.write(lines(number))
    journal.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == FILES
    assert all(file.stat().st_size <= size for file in files)
    assert subjects(tmp_path) == list(range(1150, 1200))


def test_a_link_to_another_folder_takes_lines_up_to_the_bound_too(tmp_path: Path) -> None:
    """Then it is rotated as a file is, and the next one is in the state folder; not opened anew for each write."""
    state, elsewhere = tmp_path / "state", tmp_path / "elsewhere.jsonl"
    state.mkdir()
    path_of(state, 0).symlink_to(elsewhere)
    size = 10 * len(lines(1000))
    journal = EventFiles(state, file_bytes=size)
    for number in range(1000, 1025):
        journal.write(lines(number))
    journal.close()
    assert elsewhere.read_bytes() == lines(*range(1000, 1010))
    assert [path.name for path in sorted(state.iterdir())] == ["events.1.jsonl", "events.2.jsonl", "events.jsonl"]
    assert path_of(state, 2).is_symlink()
    assert subjects(state) == list(range(1000, 1025))


def test_a_link_that_leads_elsewhere_is_followed_from_then_on(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    journal = EventFiles(state)
    for number in (1, 2):
        path_of(state, 0).unlink(missing_ok=True)
        path_of(state, 0).symlink_to(tmp_path / str(number))
        journal.write(lines(number))
    journal.close()
    assert [(tmp_path / str(number)).read_bytes() for number in (1, 2)] == [lines(1), lines(2)]


def test_only_what_is_young_enough_is_read(tmp_path: Path) -> None:
    journal = EventFiles(tmp_path)
    journal.write(b"".join(compose_line(event(number, wall=float(number))) for number in range(10)))
    journal.close()
    assert subjects(tmp_path, since=7.0) == [7, 8, 9]


def test_a_file_last_written_too_long_ago_is_not_even_opened(tmp_path: Path) -> None:
    journal = EventFiles(tmp_path)
    journal.write(lines(1))
    journal.close()
    os.utime(path_of(tmp_path, 0), (50.0, 50.0))
    assert subjects(tmp_path, since=60.0) == []


def test_a_line_that_a_crash_tore_costs_no_other(tmp_path: Path) -> None:
    journal = EventFiles(tmp_path)
    journal.write(lines(1, 2))
    journal.close()
    path = path_of(tmp_path, 0)
    path.write_bytes(path.read_bytes()[:-20])
    again = EventFiles(tmp_path)
    again.write(lines(3))
    again.close()
    assert subjects(tmp_path) == [1, 3]


def test_a_write_that_fails_half_way_costs_its_own_lines_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = EventFiles(tmp_path)
    journal.write(lines(1))
    whole = os.write

    def half(descriptor: int, content: bytes) -> int:
        if len(content) < 100:
            raise OSError(28, "No space left on device")
        return whole(descriptor, bytes(content[:100]))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space left"):
            journal.write(lines(2))
    journal.write(lines(3))
    journal.close()
    assert subjects(tmp_path) == [1, 3]


@pytest.mark.parametrize("garbage", [b"\n\n\n", b"\xff" * 50 + b"\n", b"null\n", b"[" * 500 + b"\n", b"x" * 600_000])
def test_garbage_in_the_file_costs_no_line_of_ours(tmp_path: Path, garbage: bytes) -> None:
    path_of(tmp_path, 0).write_bytes(lines(1) + garbage + b"\n" + lines(2))
    assert subjects(tmp_path) == [1, 2]


def test_a_first_run_has_no_events_and_no_folder(tmp_path: Path) -> None:
    assert subjects(tmp_path / "none") == []


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    path_of(tmp_path, 0).mkdir()
    with pytest.raises(StateInvalid, match=r"events\.jsonl cannot be read: Is a directory"):
        subjects(tmp_path)


def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory"):
        EventFiles(tmp_path / "file" / "state").write(lines(1))


def test_a_tail_gives_what_is_new_through_rotations_and_half_lines(tmp_path: Path) -> None:
    journal = EventFiles(tmp_path, file_bytes=3 * len(lines(10)))
    journal.write(lines(10))
    tail = Tail(tmp_path)
    assert tail.news() == []
    journal.write(lines(11)[:40])
    assert tail.news() == []
    journal.write(lines(11)[40:])
    journal.write(lines(12))
    journal.write(lines(13))
    journal.write(lines(14))
    assert [each.subject for each in tail.news()] == ["11", "12", "13", "14"]
    assert tail.news() == []
    journal.close()


def test_a_tail_of_nothing_waits_for_the_first_line(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "none")
    assert tail.news() == []
    journal = EventFiles(tmp_path / "none")
    journal.write(lines(1))
    assert [each.subject for each in tail.news()] == ["1"]
    journal.close()


@pytest.mark.parametrize("how", ["moved", "removed", "replaced", "whole folder"])
def test_what_is_at_the_path_is_written_whatever_happened_to_the_file_before(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "state"
    journal, path = EventFiles(folder), path_of(folder, 0)
    journal.write(lines(1))
    if how == "moved":
        path.rename(folder / "events.jsonl.1")
    elif how == "whole folder":
        folder.rename(tmp_path / "old")
    else:
        path.unlink()
    if how == "replaced":
        path.write_bytes(lines(0))
    journal.write(lines(2))
    journal.write(lines(3))
    journal.close()
    assert subjects(folder) == ([0, 2, 3] if how == "replaced" else [2, 3])


def test_a_file_that_was_copied_and_truncated_is_written_from_its_beginning_and_not_rotated_early(
    tmp_path: Path,
) -> None:
    journal, path = EventFiles(tmp_path, file_bytes=4 * len(lines(1))), path_of(tmp_path, 0)
    journal.write(lines(1, 2, 3))
    os.truncate(path, 0)
    journal.write(lines(4, 5))
    journal.close()
    assert path.read_bytes() == lines(4, 5)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_line_that_was_torn_before_the_file_was_truncated_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = EventFiles(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", Mock(side_effect=[20, OSError(28, "No space left on device")]))
        with pytest.raises(OSError, match="No space left"):
            journal.write(lines(1))
    os.truncate(path_of(tmp_path, 0), 0)
    journal.write(lines(2))
    journal.close()
    assert path_of(tmp_path, 0).read_bytes() == lines(2)


def test_a_tail_gives_what_is_new_wherever_the_file_was_moved(tmp_path: Path) -> None:
    journal, path = EventFiles(tmp_path), path_of(tmp_path, 0)
    journal.write(lines(1))
    tail = Tail(tmp_path)
    journal.write(lines(2))
    path.rename(tmp_path / "events.jsonl-20261129")
    assert [each.subject for each in tail.news()] == ["2"]
    with (tmp_path / "events.jsonl-20261129").open("ab") as late:  # whoever had it open still
        late.write(lines(3))
    journal.write(lines(4))
    assert [each.subject for each in tail.news()] == ["3", "4"]
    journal.write(lines(5))
    assert [each.subject for each in tail.news()] == ["5"]
    os.truncate(path, 0)
    journal.write(lines(6))
    assert [each.subject for each in tail.news()] == ["6"]
    journal.close()
    tail.close()
