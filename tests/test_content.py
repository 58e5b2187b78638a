"""Files of a folder that others may write: links lead nowhere out of it, whatever is swapped meanwhile."""

import os
import threading
from pathlib import Path

import pytest

from gtm.content import OUTSIDE, STUCK
from gtm.errors import FileUnreadable
from gtm.files import FileReader


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("hunter2")
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "secret").write_text("hunter2")
    inside = tmp_path / "folder"
    inside.mkdir()
    return inside


def said(path: Path) -> str:
    """What is in a file of a folder, or why it is not read."""
    try:
        return FileReader("test").read(path, limit=100, within=path.parent).data.decode()
    except FileUnreadable as error:
        return error.reason


@pytest.mark.parametrize(
    "target",
    [
        "../secret",
        "..data/../../secret",
        "..data/up/secret",
        "..data/far/secret",
        "again",
        "{folder}/../secret",
        "{folder}er/secret",
        "//{folder}/../secret",
        "/proc/self/environ",
        "/proc/self/cwd",
        "/dev/stdin",
        "/",
        "..",
        "../folder/../secret",
    ],
)
def test_a_link_out_of_the_folder_is_not_followed(folder: Path, target: str) -> None:
    (folder / "..data").mkdir()
    (folder / "..data" / "up").symlink_to("../..")
    (folder / "..data" / "far").symlink_to(folder.parent / "near")
    (folder / "again").symlink_to("../secret")
    (folder / "a.yaml").symlink_to(target.format(folder=folder))
    assert said(folder / "a.yaml") == OUTSIDE


@pytest.mark.parametrize(
    "target",
    ["b.yaml", "..data/b.yaml", "..data/../b.yaml", "{folder}/b.yaml", "{folder}/..data/b.yaml", "./link.yaml"],
)
def test_a_link_within_the_folder_is_followed(folder: Path, target: str) -> None:
    (folder / "..2026").mkdir()
    (folder / "..data").symlink_to("..2026")
    for place in (folder, folder / "..2026"):
        (place / "b.yaml").write_text("good")
    (folder / "link.yaml").symlink_to("..data/b.yaml")
    (folder / "a.yaml").symlink_to(target.format(folder=folder))
    assert said(folder / "a.yaml") == "good"


def test_the_folder_itself_may_be_a_link(folder: Path) -> None:
    link = folder.parent / "current"
    link.symlink_to("folder")
    (folder / "b.yaml").write_text("good")
    (folder / "a.yaml").symlink_to(link / "b.yaml")
    assert said(link / "a.yaml") == said(folder / "a.yaml").replace(OUTSIDE, "good") == "good"


def test_links_that_go_round_are_told(folder: Path) -> None:
    (folder / "a.yaml").symlink_to("b.yaml")
    (folder / "b.yaml").symlink_to("a.yaml")
    assert said(folder / "a.yaml") == os.strerror(40)


def test_a_link_out_of_the_folder_is_not_even_looked_at(folder: Path) -> None:
    (folder / "a.yaml").symlink_to("../secret")
    (folder / "b.yaml").write_text("good")
    disk = FileReader("test")
    out, good, none = disk.stamps([folder / "a.yaml", folder / "b.yaml", folder / "c.yaml"], within=folder)
    assert out == STUCK
    assert good == disk.stamp(folder / "b.yaml")
    assert none is None


@pytest.mark.slow
def test_what_is_swapped_while_it_is_read_leads_nowhere_either(folder: Path) -> None:
    """A race of whoever writes the folder against whoever reads it."""
    (folder / "d").mkdir()
    (folder / "d" / "secret").write_text("good")
    (folder / "x").symlink_to("..")
    (folder / "a.yaml").symlink_to("d/secret")
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            for one, other in (("d", "e"), ("x", "d"), ("d", "x"), ("e", "d")):
                (folder / one).rename(folder / other)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        seen = {said(folder / "a.yaml") for _ in range(2_000)}
    finally:
        ended.set()
        thread.join()
    assert "hunter2" not in seen
    assert "good" in seen
