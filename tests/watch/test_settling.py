from gtm.content import Stamp
from gtm.watch.folder import Scan
from gtm.watch.settling import GONE_LOOKS, OVERDUE_LOOKS, Look, Settling, as_it_is


def scan(**versions: int) -> Scan:
    """What a folder looks like that has these versions of these files."""
    return Scan(tuple((f"{name}.yaml", Stamp(1, 1, version, 1)) for name, version in versions.items()))


def read(settling: Settling, found: Scan) -> tuple[list[str], list[str]] | None:
    """What one more look finds settled and unsettled, if there is news; then that counts as read."""
    look = settling.look(found)
    if not settling.has_news(look):
        return None
    settling.began(look)
    return sorted(look.settled), sorted(look.unsettled)


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
    settling = Settling(there={"a.yaml"})
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
    assert as_it_is(scan(a=1)) == Look({"a.yaml": Stamp(1, 1, 1, 1)})
