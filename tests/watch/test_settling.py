from dataclasses import replace

import pytest

from gtm.content import Stamp
from gtm.watch.folder import Scan
from gtm.watch.settling import GONE_LOOKS, OVERDUE_LOOKS, Look, Settling, as_it_is


def scan(**versions: int) -> Scan:
    """What a folder looks like that has these versions of these files, each renamed into place."""
    stamps = {name: Stamp(1, version, version, 1, changed_ns=version + 1) for name, version in versions.items()}
    return Scan(tuple((f"{name}.yaml", stamp) for name, stamp in stamps.items()))


def written(*, inode: int = 1, at: int, changed: int | None = None, folder: int = 0) -> Scan:
    """What a folder looks like whose only file was last written then."""
    return Scan((("a.yaml", Stamp(1, inode, at, at, changed_ns=changed or at)),), modified_ns=folder)


def read(settling: Settling, found: Scan) -> tuple[list[str], list[str]] | None:
    """What one more look finds settled and unsettled, if there is news; then that counts as read."""
    look = settling.look(found)
    if not settling.has_news(look):
        return None
    settling.began(look)
    return sorted(look.settled), sorted(look.unsettled)


def read_once(found: Scan) -> Settling:
    """A settling that a reading began with."""
    settling = Settling()
    settling.began(as_it_is(found))
    return settling


def started(found: Scan) -> Settling:
    """A settling after a start, which took what was there, and one look."""
    settling = Settling()
    settling.began(as_it_is(found))
    assert read(settling, found) is None
    return settling


def test_a_file_is_read_once_two_looks_agree_on_something_new() -> None:
    settling = Settling()
    assert read(settling, scan(a=1)) is None, "seen once"
    assert read(settling, scan(a=1)) == (["a.yaml"], [])
    assert read(settling, scan(a=1)) is None, "nothing new"
    assert read(settling, scan(a=2)) is None, "perhaps half-written"
    assert read(settling, scan(a=3)) is None, "surely"
    assert read(settling, scan(a=3)) == (["a.yaml"], [])
    assert read(settling, scan(a=4)) is None
    assert read(settling, scan(a=3)) is None
    assert read(settling, scan(a=3)) is None, "undone"


def test_no_file_waits_for_another() -> None:
    settling = started(scan(a=1, b=1))
    assert read(settling, scan(a=2, b=2)) is None
    assert read(settling, scan(a=2, b=3)) == (["a.yaml"], ["b.yaml"])
    assert read(settling, scan(a=2, b=4)) is None
    assert read(settling, scan(a=2, b=4)) == (["a.yaml", "b.yaml"], [])


def test_a_new_file_settles_as_the_others() -> None:
    settling = started(scan(a=1))
    assert read(settling, scan(a=1, b=1)) is None
    assert read(settling, scan(a=1, b=1)) == (["a.yaml", "b.yaml"], [])


def test_what_is_gone_is_so_at_the_second_look() -> None:
    settling = started(scan(a=1, b=1))
    assert read(settling, scan(a=1)) is None
    assert read(settling, scan(a=1)) == (["a.yaml"], [])


def test_what_is_gone_waits_for_what_is_being_written_for_it_may_be_on_its_way_there() -> None:
    settling = started(scan(a=1, b=1))
    assert read(settling, scan(b=1)) is None
    assert read(settling, scan(b=2)) is None
    assert "a.yaml" in settling.look(scan(b=3)).unsettled
    assert read(settling, scan(b=3)) == (["b.yaml"], []), "both at once"


def test_what_was_there_before_the_first_look_waits_too() -> None:
    settling = Settling(after=read_once(scan(a=1)))
    assert read(settling, scan(c=1)) is None
    assert read(settling, scan(b=1, c=1)) == (["c.yaml"], ["a.yaml", "b.yaml"])
    assert read(settling, scan(b=2, c=2)) is None
    assert read(settling, scan(b=3, c=2)) == (["c.yaml"], ["a.yaml", "b.yaml"])
    assert read(settling, scan(b=3, c=2)) == (["b.yaml", "c.yaml"], [])


def test_what_is_gone_waits_for_a_while_only() -> None:
    settling = started(scan(a=1, b=1))
    news = [read(settling, scan(b=version)) for version in range(2, 2 + GONE_LOOKS + 2)]
    assert [each for each in news if each is not None] == [([], ["b.yaml"])]
    assert news[GONE_LOOKS] is not None


def test_what_is_written_for_long_is_told_once_and_so_is_its_end() -> None:
    settling = started(scan(a=1, b=1))
    looks = [settling.look(scan(a=version, b=1)) for version in range(2, 2 + OVERDUE_LOOKS)]
    assert not looks[-2].overdue
    assert looks[-1].overdue == {"a.yaml"}
    assert settling.has_news(looks[-1])
    settling.began(looks[-1])
    last = 2 + OVERDUE_LOOKS
    assert read(settling, scan(a=last, b=1)) is None, "nothing new"
    assert read(settling, scan(a=last, b=1)) == (["a.yaml", "b.yaml"], [])


def test_a_folder_that_cannot_be_read_is_so_at_two_looks_and_comes_back_with_all_files() -> None:
    settling, gone = started(scan(a=1)), Scan(is_readable=False)
    assert read(settling, gone) is None
    assert read(settling, gone) == ([], [])
    assert read(settling, gone) is None
    assert read(settling, scan(a=1)) is None
    assert read(settling, scan(a=1)) == (["a.yaml"], [])


def test_what_was_given_up_is_read_again() -> None:
    settling = started(scan(a=1))
    settling.forget()
    assert read(settling, scan(a=2)) is None
    assert read(settling, scan(a=2)) == (["a.yaml"], [])


def test_an_empty_folder_is_news_too() -> None:
    settling = Settling()
    assert read(settling, scan()) is None
    assert read(settling, scan()) == ([], [])
    assert read(settling, scan()) is None


def test_a_start_takes_what_is_there() -> None:
    assert as_it_is(scan(a=1)) == Look({"a.yaml": Stamp(1, 1, 1, 1, changed_ns=2)})


def looks_until_read(settling: Settling, found: Scan) -> int:
    """At how many further looks a file is read that stays as it is now, as one look has seen it."""
    assert read(settling, found) is None
    return next(looks for looks in range(1, 100) if read(settling, found) is not None)


IN_PLACE_LOOKS = 10
"""2.5 s."""


def test_what_is_written_in_place_must_have_been_still_for_longer() -> None:
    settling = started(written(at=1))
    assert looks_until_read(settling, written(at=2)) == IN_PLACE_LOOKS
    for at in range(3, 6):
        assert [read(settling, written(at=at)) for _ in range(IN_PLACE_LOOKS)] == [None] * IN_PLACE_LOOKS, "it stalls"
    assert read(settling, written(at=5)) is not None


@pytest.mark.parametrize(
    ("found", "looks"),
    [
        (written(inode=2, at=5, changed=6, folder=6), 1),
        (written(inode=2, at=5, changed=6, folder=0), 1),
        (written(inode=2, at=5, folder=5), 2),
        (written(inode=2, at=5, folder=6), 2),
        (written(inode=2, at=5, folder=4), IN_PLACE_LOOKS),
        (written(inode=1, at=5, changed=9, folder=9), IN_PLACE_LOOKS),
    ],
    ids=["renamed", "given its times", "renamed at once", "renamed, and others after it", "made anew", "cp -p"],
)
def test_how_a_file_came_there_says_how_long_it_must_be_still(found: Scan, looks: int) -> None:
    assert looks_until_read(started(written(at=1)), found) == looks


@pytest.mark.parametrize(
    ("found", "looks"),
    [
        (written(inode=2, at=5, changed=6, folder=6), 1),
        (written(inode=2, at=5, folder=5), 2),
        (written(inode=2, at=5, folder=4), IN_PLACE_LOOKS),
    ],
    ids=["renamed", "renamed at once", "written in place"],
)
def test_a_new_file_is_no_other_case(found: Scan, looks: int) -> None:
    old = Scan((("b.yaml", Stamp(1, 8, 1, 1, changed_ns=2)),))
    assert looks_until_read(started(old), replace(found, stamps=(*found.stamps, *old.stamps))) == looks


def test_one_that_was_renamed_into_place_and_is_written_then_waits_as_any_other_that_is_written() -> None:
    settling = started(written(at=1))
    assert read(settling, written(inode=2, at=5, folder=5)) is None
    assert looks_until_read(settling, written(inode=2, at=6, folder=5)) == IN_PLACE_LOOKS


def test_one_that_was_removed_and_has_the_same_inode_again_is_written_in_place() -> None:
    settling = started(written(at=1))
    assert read(settling, Scan()) is None
    assert looks_until_read(settling, written(at=5, changed=9, folder=9)) == IN_PLACE_LOOKS


def test_the_time_is_a_setting() -> None:
    for settle_s, looks in ((0.0, 1), (0.2, 1), (0.25, 1), (0.5, 2), (1.0, 4), (10.0, 40)):
        settling = Settling(settle_s=settle_s)
        settling.began(as_it_is(written(at=1)))
        read(settling, written(at=1))
        assert looks_until_read(settling, written(at=2)) == looks


def test_who_goes_on_after_another_waits_for_what_that_one_waits_for() -> None:
    first = started(written(at=1))
    assert [read(first, written(at=2)) for _ in range(4)] == [None] * 4
    second = Settling(after=first)
    assert looks_until_read(second, written(at=2)) == IN_PLACE_LOOKS - 3
    third = Settling(after=first)
    assert looks_until_read(third, written(at=3)) == IN_PLACE_LOOKS, "it sees what has changed since"
    assert looks_until_read(Settling(after=started(written(at=1))), written(at=1)) == 1


def test_what_is_gone_waits_for_as_long_as_a_file_takes_to_settle() -> None:
    settling = Settling(settle_s=10.0)
    settling.began(as_it_is(scan(a=1)))
    read(settling, scan(a=1))
    found = [read(settling, Scan((("b.yaml", Stamp(1, 9, 5, 5, changed_ns=5)),)))]
    while found[-1] is None:
        found.append(read(settling, Scan((("b.yaml", Stamp(1, 9, 5, 5, changed_ns=5)),))))
    assert found[-1] == (["b.yaml"], []), "both at once"
    assert len(found) == 41


def test_a_look_that_comes_late_counts_for_those_that_were_missed() -> None:
    settling = started(written(at=1))
    settling.look(written(at=2), at=10.0)
    assert "a.yaml" in settling.look(written(at=2), at=11.0).unsettled
    assert "a.yaml" in settling.look(written(at=2), at=12.0).unsettled
    assert "a.yaml" in settling.look(written(at=2), at=12.1).unsettled
    assert "a.yaml" in settling.look(written(at=2), at=12.6).settled
