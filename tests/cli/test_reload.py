from pathlib import Path

import pytest

from gtm.cli.reload import RECENT_S
from tests.admin.served import serving
from tests.cli.command import gtm
from tests.node.present import BROKEN, SMALL


def test_a_reload_says_which_generation_serves(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        (node.folder / "a.yaml").write_text(SMALL.replace("192.0.2.2", "192.0.2.3"))
        before = node.planner.present.plan.generation
        ran = gtm("reload", "--admin", node.at)
        after = node.planner.present.plan.generation
    assert after > before
    changed = (
        "zone gtm.example.com: removed endpoint api.gtm.example.com eu-west/192.0.2.2; "
        "added endpoint api.gtm.example.com eu-west/192.0.2.3"
    )
    assert (ran.code, ran.lines, ran.err) == (0, [changed, f"generation {after} serves"], "")


def test_a_reload_tells_what_was_taken_up_just_before_it(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        (node.folder / "a.yaml").write_text(SMALL.replace("  api:", "  web:"))
        first = gtm("reload", "--admin", node.at)
        generation = node.planner.present.plan.generation
        second = gtm("reload", "--admin", node.at)
        node.clock.advance(RECENT_S + 1.0)
        third = gtm("reload", "--admin", node.at)
    changes = [
        "zone gtm.example.com: 1 served name is answered no more: api.gtm.example.com",
        "zone gtm.example.com: removed service api.gtm.example.com; added service web.gtm.example.com",
    ]
    serves = f"generation {generation} serves"
    assert first.lines == [*changes, serves]
    heading = f"no zone changed with this reload; 0 s ago, with generation {generation}:"
    assert second.lines == [heading, *changes, serves]
    assert third.lines == ["no zone changed with this reload", serves]


def test_a_reload_of_a_broken_file_says_what_is_wrong_and_what_serves_on(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        (node.folder / "a.yaml").write_text(BROKEN)
        before = node.planner.present.plan.generation
        ran = gtm("reload", "--admin", node.at)
    assert ran.code == 1
    assert ran.lines == [
        f'{node.folder}/a.yaml:18:18: unknown region "us-esat"; did you mean "us-east"?',
        f"generation {before} serves",
    ]


@pytest.mark.slow
def test_a_zone_that_loses_most_is_taken_when_it_is_forced(tmp_path: Path) -> None:
    many = SMALL + "".join(f"  h{number:02}: {{A: [192.0.2.9]}}\n" for number in range(40))
    with serving(tmp_path, a=many) as node:
        (node.folder / "a.yaml").write_text(SMALL)
        held = gtm("reload", "--admin", node.at)
        assert held.code == 1
        assert held.lines[0].startswith(
            f"{node.folder}/a.yaml:2:7: it would lose 40 of 42 names (h00.gtm.example.com, "
        )
        assert held.lines[0].endswith("if this is meant: gtm reload --force gtm.example.com")
        stranger = gtm("reload", "--admin", node.at, "--force", "gtm.example.com")
        assert (stranger.code, stranger.out) == (1, "")
        assert stranger.err.startswith("over TCP this needs a token")
        with_token = ("--admin", node.at, "--token-file", str(node.token_file))
        unknown = gtm("reload", *with_token, "--force", "gtm.example.org")
        assert (unknown.code, unknown.err.partition(";")[0]) == (1, 'force: no zone "gtm.example.org" serves here')
        forced = gtm("reload", *with_token, "--force", "gtm.example.com")
        assert (forced.code, forced.err) == (0, "")
        assert len(node.planner.present.catalogue.zones[0].records) == 2
