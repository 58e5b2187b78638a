from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gtm.admin.credentials import Credentials
from gtm.engine.protocol import TcpLimits
from gtm.errors import NodeInvalid, Problem
from gtm.geo.place import Coordinates
from gtm.health.consensus.quorum import AllUp, AnyUp, AtLeast, Majority, Quorum, Rule, Share
from gtm.ids import NodeName, VantageName
from gtm.node.config.model import EngineChoice, GeoFiles, NodeConfig, Role
from gtm.node.config.parse import default_config, parse_node_file
from gtm.node.config.shipped import shipped
from gtm.probe.permits import NO_PERMITS, KeptCertificate, KeptSecret
from gtm.probe.targets import parse_allowed
from gtm.serve.listen import ListenAddress
from gtm.share.addresses import Peer
from gtm.share.keys import generate_key

KEY = generate_key().public

WHOLE = f"""
node: ns1-fra
at: [50.11, 8.68]              # where this node's probes look from
vantage: eu-central            # probes of one vantage are one voice
roles: [dns, probe, admin]
engine: auto                   # auto | rust | reference
threads: auto                  # serving threads of the Rust engine; auto = one per core
zones: zones
state: /var/lib/gtm            # plan, status, serials, overrides, event log
listen:
  dns: ["0.0.0.0:53", "[::]:53"]
  admin: "127.0.0.1:8053"
geo:
  databases: [geodata/regions.mmdb]      # City, Country or ASN schema; the first that knows an address wins
  networks: geodata/networks.yaml        # CIDR -> place or tag; longest prefix, wins over every database
share:
  mode: mesh                   # mesh | etcd
  key: keys/ns1-fra.key        # made by gtm keygen
  peers:
    - {{node: probe-iad, url: "https://probe-iad.example.net:8053", key: "{KEY}"}}
quorum: {{rule: majority, voters: 2}}      # rule: majority | share: 0.18 | all | any | n: 3
"""


def parsed(text: str, base: Path = Path("/etc/gtm"), hostname: str = "the-host") -> NodeConfig:
    return parse_node_file(text, "gtm.yaml", base, hostname)


def at(text: str, port: int) -> ListenAddress:
    return ListenAddress(ip_address(text), port)


def peers(*names: str) -> str:
    listed = ", ".join(f'{{node: {name}, url: "http://{name}:8053", key: "{KEY}"}}' for name in names)
    return f"share: {{peers: [{listed}]}}\n"


def test_the_whole_file_of_the_design_says_exactly_this() -> None:
    assert parsed(WHOLE) == NodeConfig(
        node=NodeName("ns1-fra"),
        vantage=VantageName("eu-central"),
        dns=(at("0.0.0.0", 53), at("::", 53)),
        admin=at("127.0.0.1", 8053),
        zones=Path("/etc/gtm/zones"),
        state=Path("/var/lib/gtm"),
        geo=GeoFiles((Path("/etc/gtm/geodata/regions.mmdb"),), Path("/etc/gtm/geodata/networks.yaml")),
        at=Coordinates(50.11, 8.68),
        roles=frozenset({Role.DNS, Role.PROBE, Role.ADMIN}),
        engine=EngineChoice.AUTO,
        threads=None,
        key=Path("/etc/gtm/keys/ns1-fra.key"),
        peers=(Peer(NodeName("probe-iad"), "https://probe-iad.example.net:8053", KEY),),
        quorum=Quorum(Majority(), 2, vantages=2),
    )


def test_without_a_file_one_machine_is_served_on_loopback(tmp_path: Path) -> None:
    assert default_config(tmp_path, "the-host") == NodeConfig(
        node=NodeName("the-host"),
        vantage=VantageName("the-host"),
        dns=(at("127.0.0.1", 5300),),
        admin=at("127.0.0.1", 8053),
        zones=shipped("zones"),
        state=tmp_path / ".gtm",
        geo=GeoFiles(
            (shipped("geodata") / "regions.mmdb",),
            shipped("geodata") / "networks.yaml",
            instead=tmp_path / "geodata/regions.mmdb",
        ),
        at=None,
        roles=frozenset(Role),
        engine=EngineChoice.AUTO,
        threads=None,
        key=None,
        peers=(),
        quorum=Quorum(Majority(), 1),
    )


def test_a_file_that_says_next_to_nothing_has_the_defaults(tmp_path: Path) -> None:
    assert parsed("node: the-host", tmp_path) == default_config(tmp_path, "the-host")


def test_folders_beside_the_file_win_over_those_that_were_shipped(tmp_path: Path) -> None:
    (tmp_path / "zones").mkdir()
    (tmp_path / "geodata").mkdir()
    found = default_config(tmp_path, "h")
    assert found.zones == tmp_path / "zones"
    assert found.geo == GeoFiles((tmp_path / "geodata/regions.mmdb",), None), "no networks file is no mistake"


def test_what_the_file_names_is_taken_although_it_is_not_there(tmp_path: Path) -> None:
    found = parsed("zones: mine\ngeo: {databases: [a.mmdb, /b.mmdb], networks: c.yaml}", tmp_path)
    assert found.zones == tmp_path / "mine"
    assert found.geo == GeoFiles((tmp_path / "a.mmdb", Path("/b.mmdb")), tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("written", "limits"),
    [
        ("{}", TcpLimits(1000, 250, 10.0)),
        ("{connections: 4000}", TcpLimits(4000, 1000, 10.0)),
        ("{connections: 3}", TcpLimits(3, 1, 10.0)),
        ("{connections: 100, per_network: 100, idle: 1m}", TcpLimits(100, 100, 60.0)),
    ],
)
def test_tcp_has_the_limits_that_the_file_says(written: str, limits: TcpLimits) -> None:
    assert parsed(f"listen: {{tcp: {written}}}").tcp == limits


@pytest.mark.parametrize(
    ("written", "is_unready"), [("{}", False), ("{when_blind: ready}", False), ("{when_blind: unready}", True)]
)
def test_a_blind_node_is_ready_unless_the_file_says_otherwise(written: str, *, is_unready: bool) -> None:
    assert parsed(f"listen: {{readyz: {written}}}").is_unready_when_blind is is_unready


def test_no_database_at_all_can_be_wanted() -> None:
    assert parsed("geo: {databases: []}").geo.databases == ()


@pytest.mark.parametrize(
    ("hostname", "node"),
    [("ns1.example.net", "ns1.example.net"), ("my host!", "my-host-"), ("", "gtm"), ("x" * 99, "x" * 64)],
)
def test_a_node_without_a_name_has_that_of_its_host(hostname: str, node: str) -> None:
    found = parsed("zones: zones", hostname=hostname)
    assert (found.node, found.vantage) == (node, node)


def test_the_vantage_of_a_node_is_by_default_its_own() -> None:
    assert parsed("node: a").vantage == "a"
    assert parsed("node: a\nvantage: b").vantage == "b"


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("majority", Majority()),
        ("all", AllUp()),
        ("any", AnyUp()),
        ("{share: 0.18}", Share(0.18)),
        ("{share: 0}", Share(0.0)),
        ("{n: 1}", AtLeast(1)),
    ],
)
def test_every_rule_of_a_quorum_can_be_written(written: str, rule: Rule) -> None:
    assert parsed(f"quorum: {{rule: {written}}}").quorum.rule == rule


@pytest.mark.parametrize(
    ("roles", "names", "voters"),
    [
        ("[probe]", (), 1),
        ("[dns]", (), 1),
        ("[dns, admin]", ("a",), 1),
        ("[dns, admin]", ("a", "b"), 2),
        ("[dns, admin]", ("a", "b", "c"), 2),
    ],
)
def test_the_default_quorum_can_be_reached(roles: str, names: tuple[str, ...], voters: int) -> None:
    quorum = parsed(f"roles: {roles}\n{peers(*names)}").quorum
    assert (quorum.voters, quorum.vantages) == (voters, voters)


def test_as_many_vantages_are_asked_for_as_voters_up_to_two() -> None:
    roles = f"roles: [dns]\n{peers('a', 'b', 'c')}"
    assert parsed(f"{roles}quorum: {{voters: 3}}").quorum.vantages == 2
    assert parsed(f"{roles}quorum: {{voters: 1}}").quorum.vantages == 1
    assert parsed(f"{roles}quorum: {{voters: 3, vantages: 1}}").quorum.vantages == 1


def test_a_quorum_that_nobody_could_fill_is_refused() -> None:
    with pytest.raises(NodeInvalid, match="3 voters are asked for, but at most 2 can be heard"):
        parsed(f"roles: [dns]\n{peers('a', 'b')}quorum: {{voters: 3}}")
    assert parsed(f"roles: [dns]\n{peers('a', 'b', 'c')}quorum: {{voters: 3}}").quorum.voters == 3


def test_the_address_of_a_peer_may_end_in_a_slash() -> None:
    text = f'roles: [dns]\nshare: {{peers: [{{node: a, url: "https://[2001:db8::1]:8053/", key: "{KEY}"}}]}}'
    assert parsed(text).peers == (Peer(NodeName("a"), "https://[2001:db8::1]:8053", KEY),)


def test_a_peer_that_checks_nothing_is_no_voice_that_a_quorum_waits_for() -> None:
    key = "key: 'ed25519:gKbnQpe8hJYHjF3o6VIJ0Rf6zx8vdOJVPk0zz0rd0hE='"

    def voters(more: str) -> int:
        probe, server = (f"node: {name}, url: 'http://192.0.2.7:8053', {key}" for name in ("fra", "ns2"))
        text = f"roles: [dns, admin]\nshare: {{key: ns1.key, peers: [{{{probe}}}, {{{server}{more}}}]}}"
        return parse_node_file(text, "gtm.yaml", Path(), "the-host").quorum.voters

    assert voters("") == 2
    assert voters(", probe: false") == 1


def test_who_may_say_overrides_is_nobody_but_the_socket_unless_the_file_names_them() -> None:
    text = "listen: {tls: {certificate: a.pem, ca: ca.pem}}\noverrides:\n  tokens: {deploy: {file: t}}\n"
    named = parse_node_file(f"{text}  certificates: [ann@example.net, CN 1]\n", "gtm.yaml", Path("/etc"), "the-host")
    assert named.credentials == Credentials({"deploy": Path("/etc/t")}, frozenset(["ann@example.net", "CN 1"]))
    assert default_config(Path(), "the-host").credentials == Credentials()


def test_no_peers_overrides_count_unless_they_are_named() -> None:
    peer = (
        "{node: probe-iad, url: 'http://192.0.2.7:8053', key: 'ed25519:gKbnQpe8hJYHjF3o6VIJ0Rf6zx8vdOJVPk0zz0rd0hE='}"
    )
    share = f"share: {{key: ns1.key, peers: [{peer}]}}\n"

    def accepted(text: str) -> frozenset[NodeName] | None:
        return parse_node_file(share + text, "gtm.yaml", Path(), "the-host").overrides_from

    assert accepted("") == frozenset()
    assert accepted("overrides: {accept_from: all}") is None
    assert accepted("overrides: {accept_from: []}") == frozenset()
    assert accepted("overrides: {accept_from: [probe-iad]}") == frozenset([NodeName("probe-iad")])


def test_only_programs_that_the_file_lists_may_be_run() -> None:
    listed = "[/usr/lib/gtm/check-db, {program: /bin/true}, {program: /bin/false, zones: [GTM.example.com.]}]"
    assert parsed(f"probe: {{exec: {listed}}}").permits.programs == {
        "/usr/lib/gtm/check-db": None,
        "/bin/true": None,
        "/bin/false": frozenset({"gtm.example.com"}),
    }
    assert parsed("probe: {}").permits == NO_PERMITS


def test_what_checks_may_use_is_listed_and_relative_to_the_file() -> None:
    permits = parsed("""
probe:
  secrets:
    api: {file: secrets/api.token, zones: [GTM.example.com., b.example.com]}
    beat: {env: BEAT_TOKEN}
  certificates:
    pair: {certificate: own.pem, key: /etc/keys/own.key, zones: [gtm.example.com]}
    whole: {certificate: whole.pem}
  authorities: {internal: roots.pem}
""").permits
    two = frozenset({"gtm.example.com", "b.example.com"})
    assert permits.secrets == {
        "api": KeptSecret("api", "file", "/etc/gtm/secrets/api.token", two),
        "beat": KeptSecret("beat", "env", "BEAT_TOKEN"),
    }
    one = frozenset({"gtm.example.com"})
    assert permits.certificates == {
        "pair": KeptCertificate(Path("/etc/gtm/own.pem"), Path("/etc/keys/own.key"), one),
        "whole": KeptCertificate(Path("/etc/gtm/whole.pem")),
    }
    assert permits.authorities == {"internal": Path("/etc/gtm/roots.pem")}


def test_checks_may_look_at_what_the_file_allows_and_not_at_the_nodes_listeners() -> None:
    config = parsed(
        'probe: {allow: [127.0.0.0/8, "10.0.0.5:8080"]}\nlisten: {dns: ["0.0.0.0:53"]}\nroles: [probe, admin]'
    )
    targets = config.permitted.targets
    assert targets.allowed == (parse_allowed("127.0.0.0/8"), parse_allowed("10.0.0.5:8080"))
    assert targets.own == ((ip_address("127.0.0.1"), 8053),), "it does not answer DNS"
    both = replace(config, roles=frozenset(Role), admin=at("10.0.0.5", 9)).permitted.targets
    assert both.own == ((ip_address("0.0.0.0"), 53), (ip_address("10.0.0.5"), 9)), (
        "what the command line changes counts"
    )
    assert default_config(Path(), "h").permitted.targets.refusal(ip_address("127.0.0.1"), 80)


OWN = """
share: {key: keys/ns1.key, tls: {certificate: share.pem, key: share.key}}
listen: {tls: {certificate: listen.pem}}
overrides: {tokens: {deploy: {file: deploy.token}}}
"""


@pytest.mark.parametrize(
    ("listed", "owner"),
    [
        ("secrets: {a: {file: keys/../keys/ns1.key}}", "share.key"),
        ("secrets: {a: {file: share.key}}", "share.tls.key"),
        ("secrets: {a: {file: link}}", "share.key"),
        ("secrets: {a: {file: hard}}", "share.key"),
        ("secrets: {a: {file: listen.pem}}", "listen.tls.key"),
        ("secrets: {a: {file: deploy.token}}", "overrides.tokens.deploy"),
        ("certificates: {a: {certificate: listen.pem}}", "listen.tls.key"),
        ("certificates: {a: {certificate: share.pem, key: share.key}}", "share.tls.key"),
    ],
)
def test_no_check_may_have_a_key_of_the_node_itself(listed: str, owner: str, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "ns1.key").write_text("a key")
    (tmp_path / "link").symlink_to("keys/ns1.key")
    (tmp_path / "hard").hardlink_to(tmp_path / "keys" / "ns1.key")
    with pytest.raises(NodeInvalid) as raised:
        parsed(f"{OWN}probe: {{{listed}}}", tmp_path)
    [problem] = raised.value.problems
    assert (
        problem.message == f"this file is {owner}, the node's own: no check may have it; give checks one of their own"
    )
    assert problem.line == 5


def test_no_check_may_have_a_file_of_the_state_folder(tmp_path: Path) -> None:
    with pytest.raises(NodeInvalid, match="this file is in the state folder, which no check may see"):
        parsed("state: var\nprobe: {secrets: {a: {file: var/zones.json}}}", tmp_path)
    assert parsed("state: var\nprobe: {secrets: {a: {file: various/token}}}", tmp_path).permits.secrets


def test_every_mistake_is_told_at_once_in_the_order_of_the_file() -> None:
    with pytest.raises(NodeInvalid) as raised:
        parsed("node: a b\nzone: z\nlisten:\n  dns: [x, '127.0.0.1:53', y]\nquorum: {voters: -1}\n")
    assert [(problem.line, problem.column) for problem in raised.value.problems] == [
        (1, 7),
        (2, 1),
        (4, 9),
        (4, 28),
        (5, 18),
    ]


LINES = [line for line in WHOLE.splitlines() if line]


@pytest.mark.slow
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
@example("\ud800")
@example("node: '\ud800'")
@example("a: &a [*a]")
@example("[" * 10_000)
@example("{" * 10_000)
@example("threads: 999999999999999999999999999999")
@example("at: [1e99, .inf]")
@example("? {a: b}\n: c")
@example("share: {peers: [{url: 'http://[', node: a, key: b}]}")
@example("listen: {dns: ['127.0.0.1:" + "9" * 5000 + "']}")
@example("listen: {dns: ['127.0.0.1:²']}")
def test_any_text_is_a_node_file_or_node_invalid(text: str) -> None:
    for problem in problems_of(text):
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.message


def problems_of(text: str) -> tuple[Problem, ...]:
    """The problems of a node file, none for a good one; whatever else it raises fails the test."""
    try:
        parsed(text)
    except NodeInvalid as invalid:
        return invalid.problems or (Problem("", 0, 0, "refused without a reason"),)
    return ()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, len(LINES) - 1), max_size=4), st.data())
def test_a_mangled_node_file_is_good_or_node_invalid(mangled: list[int], data: st.DataObject) -> None:
    lines = list(LINES)
    for number in mangled:
        key, colon, _ = lines[number].partition(":")
        lines[number] = f"{key}{colon} {data.draw(values)!r}"
    assert all(problem.line >= 1 for problem in problems_of("\n".join(lines)))
