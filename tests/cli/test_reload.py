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
