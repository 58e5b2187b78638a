"""Keys of a node file that have to do with each other: one list of peers does for all nodes."""

import pytest

from gtm.errors import NodeInvalid
from gtm.health.consensus.quorum import Majority, Quorum
from gtm.ids import NodeName
from tests.fakes.peers import key_of
from tests.node.config.test_parse import KEY, parsed, peers


def test_one_list_of_peers_does_for_all_nodes() -> None:
    shared = peers("ns1", "iad", "sin").replace("share: {", "share: {key: own.key, ")
    shared += "overrides: {accept_from: [ns1, iad, sin]}\n"
    for name in ("ns1", "iad", "sin"):
        config = parsed(f"node: {name}\n{shared}")
        others = {NodeName(other) for other in ("ns1", "iad", "sin")} - {NodeName(name)}
        assert {peer.node for peer in config.peers} == others
        assert config.overrides_from == frozenset(others)
        assert config.listed is not None
        assert config.listed.key == KEY
        assert config.quorum == Quorum(Majority(), 2, vantages=2)
    alone = parsed(f"node: ns1\n{peers('ns1')}")
    assert (alone.peers, alone.quorum.voters, alone.key) == ((), 1, None)
    with pytest.raises(NodeInvalid, match="3 voters are asked for, but at most 2 can be heard"):
        parsed(f"node: ns1\n{peers('ns1', 'a').replace('share: {', 'share: {key: k, ')}quorum: {{voters: 3}}")


def test_this_node_needs_no_address_in_the_list_of_peers() -> None:
    listed = f'{{node: ns1, key: "{KEY}"}}, {{node: a, url: "http://a:8053", key: "{KEY}"}}'
    assert [peer.node for peer in parsed(f"node: ns1\nshare: {{key: k, peers: [{listed}]}}").peers] == ["a"]


def test_a_peer_may_have_the_two_keys_of_a_rotation() -> None:
    other = key_of("a").public
    listed = peers("a").replace(f'"{KEY}"', f'["{KEY}", "{other}"]')
    [peer] = parsed(f"roles: [dns]\n{listed}").peers
    assert peer.key == (KEY, other)


@pytest.mark.parametrize(
    ("listen", "words"),
    [
        ('health: "127.0.0.1:8053"', "127.0.0.1:8053 is taken by listen.admin (127.0.0.1:8053)"),
        ('health: "127.0.0.1:5300"', "127.0.0.1:5300 is taken by listen.dns (127.0.0.1:5300)"),
        ('dns: ["[::]:8053"], admin: "[::1]:8053"', "[::1]:8053 is taken by listen.dns ([::]:8053)"),
        ('admin: "0.0.0.0:8054", health: "127.0.0.1:8054"', "127.0.0.1:8054 is taken by listen.admin (0.0.0.0:8054)"),
        ('dns: ["127.0.0.1:53", "127.0.0.1:53"]', "127.0.0.1:53 is taken by listen.dns (127.0.0.1:53)"),
        ('dns: ["127.0.0.1:53", "0.0.0.0:53"]', "0.0.0.0:53 is taken by listen.dns (127.0.0.1:53)"),
    ],
)
def test_two_listeners_do_not_share_an_address(listen: str, words: str) -> None:
    text = f"listen: {{{listen}}}\n"
    with pytest.raises(NodeInvalid) as refused:
        parsed(text)
    [problem] = refused.value.problems
    assert problem.message == f"{words}: each listener needs an address, or a port, of its own"
    assert (problem.line, problem.column) == (1, text.rindex(f'"{words.split(maxsplit=1)[0]}"') + 1)


@pytest.mark.parametrize(
    "file",
    [
        'listen: {health: "127.0.0.1:8054"}',
        'listen: {health: "[::1]:8053"}',
        'listen: {health: "127.0.0.2:8053"}',
        'listen: {dns: ["0.0.0.0:53", "[::]:53"], admin: "127.0.0.1:54"}',
        'listen: {dns: ["127.0.0.1:0", "127.0.0.1:0"], admin: "127.0.0.1:0", health: "127.0.0.1:0"}',
        'roles: [probe, admin]\nlisten: {admin: "127.0.0.1:5300"}',
        'roles: [dns]\nlisten: {health: "127.0.0.1:8053"}',
    ],
)
def test_listeners_that_this_node_does_not_have_are_in_nobodys_way(file: str) -> None:
    parsed(file)
