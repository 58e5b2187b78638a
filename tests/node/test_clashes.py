"""Keys of a node file that have to do with each other: one list of peers does for all nodes."""

import pytest

from gtm.errors import NodeInvalid
from gtm.health.quorum import Majority, Quorum
from gtm.ids import NodeName
from tests.fakes.peers import key_of
from tests.node.test_nodefile import KEY, parsed, peers


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
