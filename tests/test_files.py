import asyncio
import os
import ssl
import threading
from pathlib import Path

import pytest

from gtm.content import STUCK, Progress
from gtm.errors import FileUnreadable
from gtm.files import HANGS, MOST_HANGING, MOST_IN_FOLDER, FileReader, as_path
from tests.fakes.certificates import Authority
from tests.fakes.cluster import within
from tests.fakes.hung import hung_mount

LIMIT_S = 0.1
PATIENCE_S = 10.0
MANY = 20
"""Paths that hang."""


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

    def slow(progress: Progress) -> int:
        for _ in range(turns):
            threading.Event().wait(LIMIT_S / 2)
            progress.step()
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


def test_so_many_hang_in_a_folder_and_the_others_in_it_take_no_more_threads(tmp_path: Path) -> None:
    disk, back = reader(), threading.Event()
    (tmp_path / "good").write_text("good")

    def hang(_progress: object) -> None:
        back.wait(PATIENCE_S)

    for number in range(MANY):
        with pytest.raises(FileUnreadable, match=HANGS):
            disk.call(tmp_path / "stuck" / str(number), hang)
    assert threads_of("test") == MOST_IN_FOLDER
    assert disk.stamp(tmp_path / "stuck" / "another") is STUCK
    assert disk.read(tmp_path / "good", limit=10).data == b"good"
    back.set()
    within(PATIENCE_S, lambda: threads_of("test") == 0)
    assert disk.stamp(tmp_path / "stuck" / "another") is None


@pytest.mark.slow
def test_so_many_hang_in_all_folders_and_no_more_threads_are_taken(tmp_path: Path) -> None:
    disk, back = FileReader("test", limit_s=0.005), threading.Event()

    def hang_in(folder: Path) -> int:
        with pytest.raises(FileUnreadable):
            disk.call(folder / "a", lambda _: back.wait(PATIENCE_S))
        return threads_of("test")

    threads = [hang_in(tmp_path / str(number)) for number in range(2 * MOST_HANGING)]
    assert threads[-1] == max(threads) == MOST_HANGING
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


@pytest.mark.slow
@pytest.mark.parametrize("is_within", [True, False])
def test_many_links_into_a_mount_that_hangs_hide_no_file_beside_them(tmp_path: Path, *, is_within: bool) -> None:
    disk = reader()
    only = tmp_path if is_within else None
    links = [tmp_path / f"{number:02}.yaml" for number in range(MANY)]
    (tmp_path / "early").write_text("good")
    (tmp_path / "round").symlink_to("early")
    with hung_mount(tmp_path / "mount") as mount:
        for link in links:
            link.symlink_to(f"mount/{link.name}")
        found = disk.stamps([*links, tmp_path / "early", tmp_path / "round"], within=only)
        assert found[:MANY] == [STUCK] * MANY
        assert found[MANY] == found[MANY + 1] is not None
        for link in links:
            with pytest.raises(FileUnreadable, match=HANGS):
                disk.read(link, limit=10, within=only)
            with pytest.raises(FileUnreadable, match=HANGS):
                disk.look(link)
        assert threads_of("test") <= MOST_IN_FOLDER
        (tmp_path / "new").write_text("good")
        for name in ("early", "round", "new"):
            disk.look(tmp_path / name)
            assert disk.read(tmp_path / name, limit=10, within=only).data == b"good"
        mount.mend()
        within(PATIENCE_S, lambda: disk.stamps(links, within=only) == [None] * MANY)


@pytest.mark.slow
def test_many_files_in_a_mount_that_hangs_hide_none_of_another_folder(tmp_path: Path) -> None:
    disk, good, mounted = reader(), tmp_path / "own" / "key", tmp_path / "mount"
    good.parent.mkdir()
    good.write_text("good")
    with hung_mount(mounted) as mount:
        assert {reason(mounted / str(number), by=disk) for number in range(MANY)} == {HANGS}
        assert disk.read(good, limit=10).data == b"good"
        mount.mend()
    (mounted / "0").write_text("mended")
    within(PATIENCE_S, lambda: disk.stamp(mounted / "0") is not STUCK)
    assert disk.read(mounted / "0", limit=10).data == b"mended"


@pytest.mark.slow
def test_a_path_at_which_a_look_and_a_read_hung_counts_no_longer_once_both_are_back(tmp_path: Path) -> None:
    disk, path = reader(), tmp_path / "mount" / "a"

    async def look_and_read() -> None:
        await asyncio.gather(
            disk.soon(disk.stamp, path),
            disk.soon(lambda: disk.read(path, limit=10)),
            return_exceptions=True,
        )

    for _ in range(MOST_IN_FOLDER + 1):
        with hung_mount(path.parent):
            asyncio.run(look_and_read())
        within(PATIENCE_S, lambda: threads_of("test") == 0)
    assert reason(path, by=disk) == "No such file or directory"


def test_a_library_that_takes_only_paths_is_given_one(tmp_path: Path) -> None:
    content = Authority(tmp_path).issue("a.example").read_bytes()
    with as_path(content) as path:
        assert Path(path).read_bytes() == content
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
