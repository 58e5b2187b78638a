"""Whom a node believes, and what is told where the list of peers has another key for it than its own."""

import json
from pathlib import Path

import pytest

from gtm.health.report.signature import PublicKey
from gtm.node.config.model import NodeConfig
from gtm.node.trust import key_problem, node_problems
from gtm.share.keys import save_key
from tests.cli.command import gtm
from tests.fakes.peers import key_of
from tests.node.present import SMALL, config

OWN, NEXT, OTHER = (key_of(name) for name in ("ns1", "next", "other"))


def listing(folder: Path, *keys: PublicKey) -> NodeConfig:
    shown = json.dumps([str(key) for key in keys] if len(keys) > 1 else str(keys[0]))
    return config(folder, f"share: {{key: ns1.key, peers: [{{node: ns1, key: {shown}}}]}}\n")


@pytest.mark.parametrize("keys", [(OWN.public,), (OWN.public, NEXT.public), (NEXT.public, OWN.public)])
def test_its_own_key_or_one_of_two_is_right(tmp_path: Path, keys: tuple[PublicKey, ...]) -> None:
    assert key_problem(listing(tmp_path, *keys), OWN.public) == ""


def test_another_key_is_told_with_its_own(tmp_path: Path) -> None:
    words = key_problem(listing(tmp_path, OTHER.public), OWN.public)
    assert words.startswith(
        f"share.peers lists this node, ns1, with another key than its own (share.key), {OWN.public}:"
    )


def test_who_is_not_listed_has_no_wrong_key(tmp_path: Path) -> None:
    assert key_problem(config(tmp_path), OWN.public) == ""


def test_files_of_a_node_may_be_checked_where_its_key_is_not(tmp_path: Path) -> None:
    listed = listing(tmp_path, OTHER.public)
    assert node_problems(listed) == ()
    save_key(tmp_path / "ns1.key", OWN)
    assert node_problems(listed) == (key_problem(listed, OWN.public),)


def test_gtm_check_tells_it_as_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones" / "a.yaml").write_text(SMALL)
    save_key(tmp_path / "ns1.key", OWN)
    file = tmp_path / "gtm.yaml"
    file.write_text(f'node: ns1\nshare: {{key: ns1.key, peers: [{{node: ns1, key: "{OTHER.public}"}}]}}\n')
    ran = gtm("check", "--config", str(file))
    assert ran.code == 1
    assert ran.lines == [key_problem(listing(tmp_path, OTHER.public), OWN.public)]
    file.write_text(file.read_text().replace(str(OTHER.public), str(OWN.public)))
    assert gtm("check", "--config", str(file)).code == 0
