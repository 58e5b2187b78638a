import asyncio
import os
import ssl
import threading
from pathlib import Path

import pytest

from gtm.content import STUCK
from gtm.errors import FileUnreadable
from gtm.files import HANGS, MOST_HANGING, FileReader, as_path
from tests.fakes.certificates import Authority
from tests.fakes.cluster import within
from tests.fakes.hung import hung_mount

LIMIT_S = 0.1
PATIENCE_S = 10.0


def reader() -> FileReader:
    return FileReader("test", limit_s=LIMIT_S)


def reason(path: Path, *, by: FileReader | None = None, limit: int = 100) -> str:
    with pytest.raises(FileUnreadable) as raised:
        (by or reader()).read(path, limit=limit)
    assert str(raised.value) == f"{path}: {raised.value.reason}"
    return raised.value.reason


def threads_of(purpose: str) -> int:
    return sum(thread.name == purpose for thread in threading.enumerate())


def test_a_file_is_read_whole_with_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x" * 3_000_000)
    file.chmod(0o640)
    content = reader().read(file, limit=3_000_000)
    assert content.data == b"x" * 3_000_000
    assert content.mode == 0o640


def test_what_is_no_regular_file_of_the_right_size_is_refused_at_once(tmp_path: Path) -> None:
    pipe, long, gone = tmp_path / "pipe", tmp_path / "long", tmp_path / "gone"
    os.mkfifo(pipe)
    long.write_bytes(b"x" * 101)
    (tmp_path / "link").symlink_to(pipe)
    (tmp_path / "round").symlink_to(tmp_path / "round")
    assert reason(pipe) == reason(tmp_path / "link") == reason(Path("/dev/zero")) == "not a regular file"
    assert reason(tmp_path) == "Is a directory"
    assert reason(long) == "larger than 100 bytes"
    assert reason(gone) == "No such file or directory"
    assert reason(tmp_path / "round") == "Too many levels of symbolic links"
    assert reason(Path("a\0b")) == "no path has a NUL"


def test_a_pipe_that_takes_the_place_of_the_file_after_the_look_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a"
    file.write_text("good")
    look = Path.stat

    def swap(path: Path) -> os.stat_result:
        found = look(path)
        file.unlink()
        os.mkfifo(file)
        return found

    monkeypatch.setattr(Path, "stat", swap)
    assert reason(file, by=FileReader("test")) == "not a regular file"


def test_a_call_that_hangs_is_left_and_its_path_is_tried_again_when_it_is_back(tmp_path: Path) -> None:
    disk, path, other = reader(), tmp_path / "a", tmp_path / "b"
    other.write_text("good")
    back = threading.Event()

    def hang(_step: object) -> None:
        back.wait(PATIENCE_S)

    with pytest.raises(FileUnreadable, match=HANGS):
        disk.call(path, hang)
    before = threads_of("test")
    for _ in range(50):
        assert reason(path, by=disk) == HANGS
    assert threads_of("test") <= before, "one thread hangs at a path, and no more"
    assert disk.stamps([path, other])[0] is STUCK
    assert disk.read(other, limit=10).data == b"good"
    path.write_text("mended")
    back.set()
    within(PATIENCE_S, lambda: disk.stamp(path) is not STUCK)
    assert disk.read(path, limit=10).data == b"mended"


def test_what_is_slow_and_goes_on_is_waited_for(tmp_path: Path) -> None:
    turns = 8

    def slow(step: object) -> int:
        assert callable(step)
        for _ in range(turns):
            threading.Event().wait(LIMIT_S / 2)
            step()
        return turns

    assert reader().call(tmp_path, slow) == turns


def test_two_threads_are_not_at_one_path_at_once(tmp_path: Path) -> None:
    disk = reader()
    at_it: list[int] = []
    most: list[int] = []

    def look(_step: object) -> None:
        at_it.append(1)
        most.append(len(at_it))
        threading.Event().wait(0.005)
        at_it.pop()

    async def all_at_once() -> None:
        await asyncio.gather(*(disk.soon(disk.call, tmp_path, look) for _ in range(10)))

    asyncio.run(all_at_once())
    assert max(most) == 1
    assert len(most) == 10


def test_so_many_hang_at_once_and_no_more_threads_are_taken(tmp_path: Path) -> None:
    disk, back = reader(), threading.Event()

    def hang(_step: object) -> None:
        back.wait(PATIENCE_S)

    for number in range(MOST_HANGING + 10):
        with pytest.raises(FileUnreadable):
            disk.call(tmp_path / str(number), hang)
    assert threads_of("test") == MOST_HANGING
    back.set()
    within(PATIENCE_S, lambda: threads_of("test") == 0)


@pytest.mark.slow
def test_a_mount_that_hangs_hides_only_what_is_in_it(tmp_path: Path) -> None:
    good, disk = tmp_path / "good", reader()
    good.write_text("good")
    link = tmp_path / "link"
    with hung_mount(tmp_path / "mount") as mount:
        link.symlink_to(mount.folder / "file")
        found = disk.stamps([good, link, mount.folder / "other", good])
        assert found[1:3] == [STUCK, STUCK]
        assert found[0] == found[3] is not None
        assert reason(link, by=disk) == HANGS
        assert disk.read(good, limit=10).data == b"good"
        mount.mend()
        link.unlink()
        link.write_text("mended")
        within(PATIENCE_S, lambda: disk.stamp(link) not in {None, STUCK})
        assert disk.read(link, limit=10).data == b"mended"


def test_a_library_that_takes_only_paths_is_given_one(tmp_path: Path) -> None:
    content = Authority(tmp_path).issue("a.example").read_bytes()
    with as_path(content) as path:
        assert Path(path).read_bytes() == content
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
