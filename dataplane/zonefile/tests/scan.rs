//! The scanner by itself: what it packs, what it leaves to the reference, and that no bytes make it panic.
//!
//! That it agrees with the reference is tested from Python (`tests/zone/records_file/test_parse.py`), on random files.

#![allow(clippy::unwrap_used, missing_docs)]

use gtm_zonefile::{scan, Note, Oddity, Packed};

const ORIGIN: &[u8] = b"\x01z\x04test\x00";

fn read(text: &[u8]) -> Option<Packed> {
    scan(text, ORIGIN, 300, &mut |_, _, _| None, &mut |_, _, _, _| None)
}

fn note(line: u32, oddity: Oddity) -> Note {
    Note { line, oddity, first_line: 0, ttl: 0, first_ttl: 0, least_ttl: 0 }
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
    let mut compose = |rtype: &str, text: &str, origin: &[u8]| {
        asked.push((rtype.to_owned(), text.to_owned(), origin.to_vec()));
        Some((257, vec![1, 2]))
    };
    let text = b"$ORIGIN sub\na CAA ( 0 issue\n \"x\" )\n";
    let packed = scan(text, ORIGIN, 300, &mut compose, &mut |_, _, _, _| None);
    assert_eq!(asked, [("CAA".into(), "0 issue \"x\"".into(), b"\x03sub\x01z\x04test\x00".to_vec())]);
    assert!(packed.unwrap().rows.ends_with(&[0, 1, 0, 2, 1, 2]));
}

#[test]
fn whatever_is_wrong_is_left_to_the_reference() {
    let wrong: [&[u8]; 12] = [
        b"a A 192.0.2.300\n",
        b"a",
        b" A 192.0.2.1\n",
        b"a.example. A 192.0.2.1\n",
        b"a.z.test A 192.0.2.1\n",
        b"a CH A 192.0.2.1\n",
        b"$INCLUDE other\n",
        b"$GENERATE 1-2 a A 192.0.2.1\n",
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
fn what_is_odd_is_noted_by_line() {
    let packed = read(b"b A 192.0.2.1\na 60 MX 1 X\na 30 MX 1 x\nB 300 A 192.0.2.1\n@ SOA ( \n)\n@ NS\n").unwrap();
    let ttl = Note { first_line: 2, ttl: 30, first_ttl: 60, least_ttl: 30, ..note(3, Oddity::Ttl) };
    let twice = |line, first_line| Note { first_line, ..note(line, Oddity::Duplicate) };
    let made = [note(5, Oddity::Soa), note(7, Oddity::Ns)];
    assert_eq!(packed.notes, [&[twice(3, 2), ttl, twice(4, 1)][..], &made].concat());
    assert_eq!((packed.odd, packed.values), (5, 2));
}

#[test]
fn a_line_that_makes_many_odd_records_is_noted_once() {
    let mut more = |_: &str, _: &str, line: u32, _: u32| Some((b"h A 192.0.2.1\n".repeat(30), line));
    let packed = scan(b"$GENERATE 1-30 h A 192.0.2.1\n", ORIGIN, 300, &mut |_, _, _| None, &mut more).unwrap();
    assert_eq!(packed.notes, [Note { first_line: 1, ..note(1, Oddity::Duplicate) }]);
    assert_eq!((packed.values, packed.odd), (1, 1));
}

#[test]
fn of_many_values_those_that_differ_in_case_alone_are_the_same_where_they_are_names() {
    let values = |number| format!("a MX 1 Host{number}\na TXT T{number}\n");
    let many = (0..30).map(|number| values(number % 20)).collect::<Vec<_>>().concat();
    let other = many.replace("Host", "hOST").replace("TXT T", "TXT t");
    let packed = read((many + &other).as_bytes()).unwrap();
    assert_eq!((packed.values, packed.odd, packed.notes.len()), (60, 60, 60));
}

#[test]
fn more_lines_have_the_numbers_that_they_come_with_and_generated_ones_that_of_the_directive() {
    let mut asked = Vec::new();
    let mut more = |directive: &str, argument: &str, line: u32, depth: u32| {
        asked.push((directive.to_owned(), argument.to_owned(), line, depth));
        Some(match directive {
            "$INCLUDE" => (b" A 192.0.2.2\n\nx A 192.0.2.3\n$GENERATE 1-2 y$ A \"1\"\n".to_vec(), 100),
            _ => (b"y A 192.0.2.4\nw A 192.0.2.4".to_vec(), line),
        })
    };
    let text = b"a A 192.0.2.1\n$include \"i.zone\" sub\n A 192.0.2.5\n";
    let packed = scan(text, ORIGIN, 300, &mut |_, _, _| None, &mut more).unwrap();
    let include = ("$INCLUDE".into(), "i.zone".into(), 2, 0);
    assert_eq!(asked, [include, ("$GENERATE".into(), "1-2 y$ A \"1\"".into(), 103, 1)]);
    let line_of = |name: &[u8]| {
        let at = packed.rows.windows(name.len()).position(|octets| octets == name).unwrap() + name.len();
        u32::from_be_bytes(packed.rows[at + 8..at + 12].try_into().unwrap())
    };
    assert_eq!((line_of(b"\x01a"), line_of(b"\x01x"), line_of(b"\x01y"), line_of(b"\x01w")), (1, 102, 103, 103));
    assert_eq!((packed.values, packed.odd), (6, 0));
}

#[test]
fn no_bytes_make_it_panic() {
    let alphabet = b"a.@\\\"();$ \t\n\r019IN A TXT MX CNAME $TTL $ORIGIN $GENERATE $INCLUDE = alpn= \xc3\xa9\x00\x7f";
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
