//! Names as text -> names on the wire, and the keys that rows have.

use crate::give_up::{GiveUp, Result};

/// RFC 1035 2.3.4.
const MAX_NAME: usize = 255;
const MAX_LABEL: usize = 63;

/// Appends the absolute name of a text, in its own case; `@` is the origin.
pub fn parse(text: &[u8], origin: &[u8], into: &mut Vec<u8>) -> Result<()> {
    let start = into.len();
    match text {
        b"@" => into.extend(origin),
        b"." => into.push(0),
        _ => labels(text, origin, into)?,
    }
    if into.len() - start > MAX_NAME {
        return Err(GiveUp);
    }
    Ok(())
}

fn labels(mut text: &[u8], origin: &[u8], into: &mut Vec<u8>) -> Result<()> {
    while !text.is_empty() {
        let length_at = into.len();
        into.push(0);
        let is_last = label(&mut text, into)?;
        let length = into.len() - length_at - 1;
        if length == 0 || length > MAX_LABEL {
            return Err(GiveUp);
        }
        into[length_at] = length as u8;
        if is_last {
            into.extend(origin);
            return Ok(());
        }
    }
    into.push(0); // the last dot
    Ok(())
}

/// Takes a label and the dot behind it off; returns whether there was none.
fn label(text: &mut &[u8], into: &mut Vec<u8>) -> Result<bool> {
    while let Some((&octet, rest)) = text.split_first() {
        *text = rest;
        match octet {
            b'.' => return Ok(false),
            b'\\' => into.push(escaped(text)?),
            b'!'..=b'~' => into.push(octet),
            _ => return Err(GiveUp),
        }
    }
    Ok(true)
}

fn escaped(text: &mut &[u8]) -> Result<u8> {
    let (&first, rest) = text.split_first().ok_or(GiveUp)?;
    if !first.is_ascii_digit() {
        *text = rest;
        return if first.is_ascii_graphic() { Ok(first) } else { Err(GiveUp) };
    }
    let (digits, rest) = text.split_first_chunk::<3>().ok_or(GiveUp)?;
    *text = rest;
    decimal(digits).and_then(|number| u8::try_from(number).ok()).ok_or(GiveUp)
}

/// The number that some digits are; none for more than ten.
pub fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// What a zone's name decides of other names.
pub struct Zone<'a> {
    origin: &'a [u8],
    /// The zone's name below itself, unless that is too long for a name.
    doubled: Option<Vec<u8>>,
}

impl<'a> Zone<'a> {
    pub fn new(origin: &'a [u8]) -> Self {
        let doubled = [origin.strip_suffix(b"\0").unwrap_or(origin), origin].concat();
        Self { origin, doubled: Some(doubled).filter(|doubled| doubled.len() <= MAX_NAME) }
    }

    pub const fn origin(&self) -> &'a [u8] {
        self.origin
    }

    /// Whether a final dot was surely forgotten: `text` is what `name` was read from.
    pub fn is_doubled(&self, name: &[u8], text: &[u8]) -> bool {
        !text.ends_with(b".") && self.doubled.as_ref().is_some_and(|doubled| below(name, doubled).is_some())
    }

    /// Appends the key of a name; fails for one that is not in the zone.
    pub fn key(&self, name: &[u8], into: &mut Vec<u8>) -> Result<()> {
        let mut own = below(name, self.origin).ok_or(GiveUp)?;
        let start = into.len();
        into.resize(start + own.len(), 0);
        let mut end = into.len();
        while let Some((label, rest)) = own.first().and_then(|&length| own.split_at_checked(1 + usize::from(length))) {
            // a length is below 64, and no letter
            into[end - label.len()..end].copy_from_slice(label);
            end -= label.len();
            own = rest;
        }
        into[start..].make_ascii_lowercase();
        Ok(())
    }
}

/// The labels that a name has before a suffix, if it ends in that.
fn below<'a>(name: &'a [u8], suffix: &[u8]) -> Option<&'a [u8]> {
    let own = name.len().checked_sub(suffix.len())?;
    if !name[own..].eq_ignore_ascii_case(suffix) {
        return None;
    }
    let mut at = 0;
    while at < own {
        at += 1 + usize::from(name[at]);
    }
    (at == own).then_some(&name[..own])
}
