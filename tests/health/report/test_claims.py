"""Which vantage a peer may speak for: each rule of gtm/health/report/claims.py, and what liars make of them."""

from dataclasses import replace

import pytest

from gtm.errors import ReportInvalid
from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.report.claims import Claim, Claims, ClaimsByKey, Listed
from gtm.health.report.report import Report
from gtm.ids import CheckId, NodeName, VantageName
from tests.fakes.peers import key_of
from tests.health.examples import report, vote

OWN, FRA, IAD, SIN = NodeName("ns1"), NodeName("fra-1"), NodeName("iad-1"), NodeName("sin-1")
FRANKFURT, BERLIN, SINGAPORE = Coordinates(50.11, 8.68), Coordinates(52.52, 13.4), Coordinates(1.35, 103.82)
CAST = {CheckId("z/web/192.0.2.1"): vote(Belief.UP)}


def listed(vantage: str, at: Coordinates | None = None, *, probes: bool = True) -> Listed:
    return Listed(VantageName(vantage), at, probes)


def claims(held: ClaimsByKey | None = None, *, own: Listed | None = None, **peers: Listed) -> Claims:
    """Of a node that hears three probes; `fra` is `fra-1`, and so on."""
    said = {NodeName(f"{name}-1"): one for name, one in peers.items()}
    keys = {node: key_of(node).public for node in (FRA, IAD, SIN)}
    return Claims(OWN, {OWN: own or listed("here"), **said}, keys, held)


def saying(node: NodeName, vantage: str, at: Coordinates | None = None) -> Report:
    return replace(report(node, CAST, vantage=vantage), at=at)


def accept(to: Claims, said: Report) -> Report:
    return to.accept(said)


def refusal(to: Claims, said: Report) -> str:
    with pytest.raises(ReportInvalid) as raised:
        accept(to, said)
    assert raised.value.reason == "vantage"
    return str(raised.value)


def test_a_listed_peer_speaks_for_its_vantage_and_for_no_other() -> None:
    known = claims(fra=listed("fra"))
    assert accept(known, saying(FRA, "fra")).vantage == "fra"
    assert refusal(known, saying(FRA, "iad")) == ("fra-1 speaks for the vantage iad; share.peers lists fra for it")


def test_several_probes_may_share_a_vantage_that_is_listed_for_each() -> None:
    known = claims(own=listed("fra"), fra=listed("fra"), iad=listed("fra"))
    for node in (FRA, IAD):
        assert accept(known, saying(node, "fra")).vantage == "fra"


def test_who_is_not_listed_never_speaks_for_what_is_anothers() -> None:
    known = claims(fra=listed("fra"))
    accept(known, saying(IAD, "washington"))
    why = {
        "fra": "share.peers lists that for fra-1",
        "here": "that is this node's own",
        "iad-1": "that is the name of another peer",
        "washington": "iad-1 did so before, and share.peers lists that for neither",
    }
    found = {vantage: refusal(known, saying(SIN, vantage)).partition("; ")[2] for vantage in why}
    assert found == why
    assert accept(known, saying(SIN, "sin-1")).vantage == "sin-1", "what the default of its own node file is"


def test_a_node_that_checks_nothing_has_no_vantage_of_its_own() -> None:
    known = claims(own=listed("fra", FRANKFURT, probes=False))
    assert accept(known, saying(FRA, "fra", SINGAPORE)).at == SINGAPORE


def test_who_is_not_listed_stays_where_it_was_first() -> None:
    known = claims()
    accept(known, saying(SIN, "sin"))
    assert refusal(known, saying(SIN, "asia")) == (
        "sin-1 speaks for the vantage asia; it was sin before, and share.peers lists none for it"
    )


def test_what_was_claimed_first_is_told_to_be_kept_and_holds_in_the_next_run() -> None:
    known, kept = claims(), list[ClaimsByKey]()
    known.on_held = kept.append
    for _ in range(3):
        accept(known, saying(SIN, "sin", SINGAPORE))
    assert kept == [{str(key_of(SIN).public): Claim(VantageName("sin"), SINGAPORE)}]
    after = claims(kept[-1])
    refusal(after, saying(SIN, "asia"))
    refusal(after, saying(FRA, "sin"))
    assert accept(after, saying(SIN, "sin", None)).at == SINGAPORE


def test_a_key_that_took_the_place_of_another_claims_anew() -> None:
    held = {"ed25519:of-before": Claim(VantageName("sin"), SINGAPORE)}
    known = claims(held)
    assert accept(known, saying(SIN, "asia", FRANKFURT)).at == FRANKFURT


def test_what_is_listed_wins_over_what_was_claimed_before() -> None:
    held = {str(key_of(SIN).public): Claim(VantageName("fra"), SINGAPORE)}
    known = claims(held, fra=listed("fra", FRANKFURT))
    assert accept(known, saying(FRA, "fra", FRANKFURT)).at == FRANKFURT
    assert accept(known, saying(SIN, "sin")).vantage == "sin", "it may begin anew"


def test_a_vantage_is_where_it_is_listed_whatever_is_claimed_nearby() -> None:
    known = claims(fra=listed("fra", FRANKFURT))
    assert accept(known, saying(FRA, "fra", BERLIN)).at == FRANKFURT
    assert accept(known, saying(FRA, "fra")).at == FRANKFURT
    assert refusal(known, saying(FRA, "fra", SINGAPORE)) == (
        "fra-1 claims to be at 1.35,103.82; fra is at 50.11,8.68, as listed"
    )


def test_no_probe_of_a_vantage_moves_it() -> None:
    known = claims(fra=listed("europe"), iad=listed("europe"))
    assert accept(known, saying(IAD, "europe", FRANKFURT)).at == FRANKFURT
    refusal(known, saying(FRA, "europe", SINGAPORE))
    assert accept(known, saying(FRA, "europe", BERLIN)).at == FRANKFURT


def test_who_shares_this_nodes_own_vantage_does_not_move_it() -> None:
    known = claims(own=listed("europe", FRANKFURT), fra=listed("europe"))
    refusal(known, saying(FRA, "europe", SINGAPORE))


def test_a_report_without_votes_claims_nothing() -> None:
    known = claims(fra=listed("fra", FRANKFURT))
    told = list[ClaimsByKey]()
    known.on_held = told.append
    empty = replace(report(SIN, {}, vantage="fra"), at=SINGAPORE, overrides=("said",))
    assert accept(known, empty) == replace(empty, at=None)
    assert told == []


def test_a_peer_that_checks_nothing_has_no_votes() -> None:
    known = claims(sin=Listed(probes=False))
    said = accept(known, saying(SIN, "here", SINGAPORE))
    assert (said.votes, said.at) == ({}, None)


def test_peers_for_which_nobody_lists_a_vantage_are_known() -> None:
    assert claims(fra=listed("fra"), iad=Listed(probes=False)).unlisted == (SIN,)
