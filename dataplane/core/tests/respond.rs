//! The engine on a small plan: what every kind of name is answered, and that no bytes make it panic.
//!
//! That it agrees with the reference engine is tested from Python (tests/engine/), on random plans.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod small;

use std::net::{IpAddr, Ipv4Addr};

use gtm_core::{respond, Names, Plan, Scratch, Tally, Transport, NONE};
use small::{blobs, decisions, numbers, query, Spread};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

fn plan() -> Plan {
    let blobs = blobs();
    Plan::first(Names::parse(&blobs.names).unwrap(), &blobs.decisions).unwrap()
}

fn ask(wire: &[u8]) -> Option<(Vec<u8>, Tally)> {
    let mut out = vec![0; 65_535];
    let (length, tally) = respond(&plan(), wire, CLIENT, Transport::Udp, 5, &mut Scratch::default(), &mut out)?;
    out.truncate(length);
    Some((out, tally))
}

fn counts(message: &[u8]) -> [u16; 4] {
    [4, 6, 8, 10].map(|at| u16::from_be_bytes([message[at], message[at + 1]]))
}

fn contains(message: &[u8], part: &[u8]) -> bool {
    message.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_steered_name_answers_by_the_cell_of_the_subnet_with_its_scope() {
    for (network, last, region, ttl) in [([10, 0, 0], 1, 0, 30), ([200, 0, 0], 2, 1, 40)] {
        let (message, tally) = ask(&query("api.z.test", 1, Some(network))).unwrap();
        assert_eq!(counts(&message), [1, 1, 0, 1]);
        assert!(contains(&message, &[0, 0, 0, ttl, 0, 4, 192, 0, 2, last]), "the address of the cell, and its TTL");
        assert!(contains(&message, &[0, 8, 0, 7, 0, 1, 24, 1]), "the scope is the length of the cell's network");
        assert_eq!((tally.zone, tally.service, tally.region, tally.rcode), (0, 0, region, 0));
    }
}

#[test]
fn an_alias_is_followed_within_the_zone_and_keeps_its_case() {
    let (message, tally) = ask(&query("www.z.test", 1, None)).unwrap();
    assert_eq!(counts(&message), [1, 2, 0, 1]);
    assert!(contains(&message, b"\x03API\xc0\x10"), "the rest points to the question");
    assert_eq!(tally.service, 0);
}

#[test]
fn wildcards_nodata_nxdomain_referrals_and_refusals() {
    let cases: [(&str, u16, u16, [u16; 4]); 8] = [
        ("H.bulk.z.test", 1, 0, [1, 1, 0, 1]),
        ("bulk.z.test", 1, 0, [1, 0, 1, 1]),
        ("x.w.z.test", 1, 0, [1, 1, 0, 1]),
        ("w.z.test", 1, 0, [1, 0, 1, 1]),
        ("api.z.test", 28, 0, [1, 0, 1, 1]),
        ("nothing.z.test", 1, 3, [1, 0, 1, 1]),
        ("a.sub.z.test", 1, 0, [1, 0, 1, 2]),
        ("elsewhere.test", 1, 5, [1, 0, 0, 1]),
    ];
    for (name, rtype, rcode, expected) in cases {
        let (message, tally) = ask(&query(name, rtype, None)).unwrap();
        assert_eq!((tally.rcode, counts(&message)), (rcode, expected), "{name}");
    }
}

#[test]
fn a_plan_of_nothing_refuses_everything() {
    let mut out = [0; 1232];
    let asked = query("api.z.test", 1, None);
    let (_, tally) =
        respond(&Plan::empty(), &asked, CLIENT, Transport::Udp, 0, &mut Scratch::default(), &mut out).unwrap();
    assert_eq!((tally.rcode, tally.zone), (5, NONE));
}

#[test]
fn responses_and_scraps_get_silence() {
    let mut response = query("api.z.test", 1, None);
    response[2] |= 0x80;
    assert!(ask(&response).is_none());
    assert!(ask(&response[..11]).is_none());
}

#[test]
fn no_damage_makes_it_panic() {
    let seeds =
        [query("api.z.test", 1, Some([10, 1, 2])), query("www.z.test", 255, None), query("a.sub.z.test", 43, None)];
    let (plan, mut scratch, mut out) = (plan(), Scratch::default(), vec![0; 65_535]);
    let mut state = 1_u64;
    let mut dice = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..200_000 {
        let mut wire = seeds[dice(seeds.len())].clone();
        for _ in 0..=dice(4) {
            let at = dice(wire.len());
            match dice(3) {
                0 => wire[at] = dice(256) as u8,
                1 => wire[at] = 0xC0 | dice(64) as u8,
                _ => wire.truncate(at + 1),
            }
        }
        let transport = if dice(2) == 0 { Transport::Udp } else { Transport::Tcp };
        if let Some((length, _)) = respond(&plan, &wire, CLIENT, transport, 3, &mut scratch, &mut out) {
            assert!(length >= 12 && out[..2] == wire[..2]);
        }
    }
}

#[test]
fn no_damage_to_a_blob_makes_it_panic() {
    let blobs = blobs();
    for at in 0..blobs.names.len() {
        for value in [0, 1, 0x7F, 0x80, 0xC0, 0xFF] {
            let mut names = blobs.names.clone();
            names[at] = value;
            if let Ok(names) = Names::parse(&names) {
                let _ = Plan::first(names, &blobs.decisions).map(|plan| {
                    let mut out = [0; 1232];
                    let asked = query("www.z.test", 1, Some([200, 0, 0]));
                    respond(&plan, &asked, CLIENT, Transport::Udp, 0, &mut Scratch::default(), &mut out)
                });
            }
        }
    }
    for at in 0..blobs.decisions.len() {
        let mut decisions = blobs.decisions.clone();
        decisions[at] ^= 0x5A;
        let _ = Plan::first(Names::parse(&blobs.names).unwrap(), &decisions);
    }
    assert!(plan().next(&blobs.names).is_err(), "names are no decisions");
}

#[test]
fn a_service_that_is_not_decided_is_no_plan() {
    let blobs = blobs();
    let nothing = decisions(&[], &[], &[]);
    assert!(Plan::first(Names::parse(&blobs.names).unwrap(), &nothing).is_err());
    assert_eq!(plan().next(&nothing).unwrap().generation, 7, "a flip that changes nothing");
}

#[test]
fn decisions_that_lead_nowhere_are_refused() {
    let spread =
        |cells: &[u32], number: u32| -> Spread { (numbers(cells), vec![vec![(1, 1, 0, 0, 0, vec![(number, 1)])]]) };
    let (good, ttl): (_, &[u32]) = (spread(&[0, 0], 1), &[30]);
    assert!(plan().next(&decisions(&[&good], &[ttl], &[0, 0, 0])).is_ok());
    let endless = (numbers(&[0, 0]), vec![vec![(1, 1, 0, 0, 0, vec![(0, u64::MAX), (1, 1)])]]);
    let cases = [
        ("an endpoint that the service has not", decisions(&[&spread(&[0, 0], 2)], &[ttl], &[0, 0, 0])),
        ("a cell without a decision", decisions(&[&spread(&[0, 1], 1)], &[ttl], &[0, 0, 0])),
        ("fewer cells than the map has", decisions(&[&spread(&[0], 1)], &[ttl], &[0, 0, 0])),
        ("weights that do not add up", decisions(&[&endless], &[ttl], &[0, 0, 0])),
        ("no such service", decisions(&[&good], &[ttl], &[1, 0, 0])),
        ("no such spread", decisions(&[&good], &[ttl], &[0, 1, 0])),
        ("no such TTLs", decisions(&[&good], &[ttl], &[0, 0, 1])),
        ("TTLs of another spread", decisions(&[&good], &[&[30, 40]], &[0, 0, 0])),
        ("half a row", decisions(&[&good], &[ttl], &[0, 0])),
    ];
    for (what, blob) in cases {
        assert!(plan().next(&blob).is_err(), "{what}");
    }
}
