from pathlib import Path

from tests.admin.served import serving
from tests.cli.command import gtm
from tests.node.present import BROKEN, SMALL


def test_a_reload_says_which_generation_serves(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        (node.folder / "a.yaml").write_text(SMALL.replace("192.0.2.2", "192.0.2.3"))
        before = node.planner.plan.generation
        ran = gtm("reload", "--admin", node.at)
        after = node.planner.plan.generation
    assert after > before
    assert (ran.code, ran.out, ran.err) == (0, f"generation {after} serves\n", "")


def test_a_reload_of_a_broken_file_says_what_is_wrong_and_what_serves_on(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        (node.folder / "a.yaml").write_text(BROKEN)
        before = node.planner.plan.generation
        ran = gtm("reload", "--admin", node.at)
    assert ran.code == 1
    assert ran.lines == [
        f'{node.folder}/a.yaml:18:18: unknown region "us-esat"; did you mean "us-east"?',
        f"generation {before} serves",
    ]


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
        assert len(node.planner.catalogue.zones[0].records) == 2
