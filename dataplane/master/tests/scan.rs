//! The scanner by itself: what it packs, what it leaves to the reference, and that no bytes make it panic.
//!
//! That it agrees with the reference is tested from Python (`tests/zone/test_master.py`), on random files.

#![allow(clippy::unwrap_used, missing_docs)]

use gtm_master::{scan, Packed};

const ORIGIN: &[u8] = b"\x01z\x04test\x00";

fn read(text: &[u8]) -> Option<Packed> {
    scan(text, ORIGIN, 300, &mut |_, _, _| None)
}

#[test]
fn a_record_is_a_row_below_one_for_the_origin() {
    let packed = read(b"; a comment\nWww.A 60 IN A 192.0.2.1\n").unwrap();
    let mut rows = b"\x00\x00\x00\x02\x01a\x00\x00\x06\x01a\x03www\x00\x01".to_vec();
    rows.extend(b"\x00\x01\x00\x00\x00\x3c\x00\x00\x00\x02\x00\x01\x00\x04\xc0\x00\x02\x01");
    assert_eq!(packed.rows, rows);
    assert_eq!(packed.starts, [0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 8]);
    assert_eq!((packed.notable, packed.values), (vec![], 1));
}

#[test]
fn an_empty_file_has_the_origin() {
    assert_eq!(read(b"").unwrap().rows, [0, 0, 0]);
}

#[test]
fn other_types_are_composed_elsewhere_with_the_origin_that_holds() {
    let mut asked = Vec::new();
    let packed = scan(b"$ORIGIN sub\na CAA ( 0 issue\n \"x\" )\n", ORIGIN, 300, &mut |rtype, text, origin| {
        asked.push((rtype.to_owned(), text.to_owned(), origin.to_vec()));
        Some((257, vec![1, 2]))
    });
    assert_eq!(asked, [("CAA".into(), "0 issue \"x\"".into(), b"\x03sub\x01z\x04test\x00".to_vec())]);
    assert!(packed.unwrap().rows.ends_with(&[0, 1, 0, 2, 1, 2]));
}

#[test]
fn whatever_is_wrong_is_left_to_the_reference() {
    let wrong: [&[u8]; 14] = [
        b"a A 192.0.2.300\n",
        b"a",
        b" A 192.0.2.1\n",
        b"a.example. A 192.0.2.1\n",
        b"a.z.test A 192.0.2.1\n",
        b"@ NS ns\n",
        b"a CH A 192.0.2.1\n",
        b"a A 192.0.2.1\na 60 A 192.0.2.2\n",
        b"a A 192.0.2.1\na A 192.0.2.1\n",
        b"$INCLUDE other\n",
        b"a TXT \"open\n",
        b"a A ( 192.0.2.1\n",
        b"a A 192.0.2.1 )\n",
        b"a 99999999999 A 192.0.2.1\n",
    ];
    for text in wrong {
        assert_eq!(read(text), None, "{}", text.escape_ascii());
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let alphabet = b"a.@\\\"();$ \t\n\r019IN A TXT MX CNAME $TTL $ORIGIN \xc3\xa9\x00\x7f";
    let mut state = 1_u64;
    for _ in 0..50_000 {
        let mut text = Vec::new();
        for _ in 0..state % 60 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push(alphabet[(state >> 33) as usize % alphabet.len()]);
        }
        state = state.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ state >> 31;
        let _ = read(&text);
    }
}
