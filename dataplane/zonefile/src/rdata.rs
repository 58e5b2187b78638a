//! Values of the types that most records have; of the others the reference makes RDATA.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::name::{decimal, parse, Zone};
use crate::token::Token;

pub const A: u16 = 1;
pub const NS: u16 = 2;
pub const CNAME: u16 = 5;
pub const PTR: u16 = 12;
pub const MX: u16 = 15;
pub const TXT: u16 = 16;
pub const AAAA: u16 = 28;
pub const SRV: u16 = 33;
pub const DS: u16 = 43;
const MAX_STRING: usize = 255;

/// Appends the RDATA of a value and returns its type; none, with nothing of use appended, where the reference must.
pub fn compose(rtype: &[u8], value: &[Token], origin: &[u8], zone: &Zone, into: &mut Vec<u8>) -> Option<u16> {
    let is = |name: &str| rtype.eq_ignore_ascii_case(name.as_bytes());
    if is("TXT") {
        return txt(value, into);
    }
    // RFC 3597 5: RDATA of any type in hexadecimal
    if value.iter().any(|token| token.quoted || token.text.starts_with(b"\\#")) {
        return None;
    }
    let name = |text: &[u8], into: &mut Vec<u8>| {
        let start = into.len();
        parse(text, origin, into).ok()?;
        (!zone.is_doubled(&into[start..], text)).then_some(())
    };
    match value {
        [one] if is("A") => {
            into.extend(Ipv4Addr::from_str(std::str::from_utf8(one.text).ok()?).ok()?.octets());
            Some(A)
        }
        [one] if is("AAAA") => {
            into.extend(Ipv6Addr::from_str(std::str::from_utf8(one.text).ok()?).ok()?.octets());
            Some(AAAA)
        }
        [one] if is("CNAME") || is("NS") || is("PTR") => {
            name(one.text, into)?;
            Some(if is("CNAME") {
                CNAME
            } else if is("NS") {
                NS
            } else {
                PTR
            })
        }
        [preference, exchange] if is("MX") => {
            number(preference, into)?;
            name(exchange.text, into)?;
            Some(MX)
        }
        [priority, weight, port, target] if is("SRV") => {
            for each in [priority, weight, port] {
                number(each, into)?;
            }
            name(target.text, into)?;
            Some(SRV)
        }
        _ => None,
    }
}

fn number(token: &Token, into: &mut Vec<u8>) -> Option<()> {
    into.extend(u16::try_from(decimal(token.text)?).ok()?.to_be_bytes());
    Some(())
}

fn txt(value: &[Token], into: &mut Vec<u8>) -> Option<u16> {
    for token in value {
        if token.text.len() > MAX_STRING
            || !token.text.iter().all(|octet| (b' '..=b'~').contains(octet) && *octet != b'\\')
        {
            return None;
        }
        into.push(token.text.len() as u8);
        into.extend(token.text);
    }
    (!value.is_empty()).then_some(TXT)
}
