//! Statements -> records: what later lines refer to, names, TTLs and classes.

use crate::give_up::{GiveUp, Result};
use crate::name::{decimal, parse, Zone};
use crate::pack::{pack, Note, Oddity, Packed, Record};
use crate::rdata::{self, NS};
use crate::token::{Token, Tokens};

/// RFC 2181 8.
const MAX_TTL: u64 = 0x7FFF_FFFF;

/// Type and value as text, and the origin of names in it -> type and RDATA; none where they are a mistake.
pub type Compose<'a> = dyn FnMut(&str, &str, &[u8]) -> Option<(u16, Vec<u8>)> + 'a;

/// A directive that stands for more lines, what it says, its line, and how deep its file is -> content, and the number
/// of its first line; none where that is a mistake.
pub type More<'a> = dyn FnMut(&str, &str, u32, u32) -> Option<(Vec<u8>, u32)> + 'a;

/// Reads a file of a zone whose records have this TTL where they say nothing else; none where the reference has to.
pub fn scan(content: &[u8], origin: &[u8], ttl: u32, compose: &mut Compose, more: &mut More) -> Option<Packed> {
    let mut reading = Reading {
        zone: Zone::new(origin),
        origin: origin.to_vec(),
        default_ttl: None,
        last_ttl: ttl,
        owner: None,
        records: Vec::with_capacity(content.len() / 48),
        octets: Vec::with_capacity(content.len() / 2),
        name: Vec::new(),
        notes: Vec::new(),
        compose,
        more,
    };
    reading.read(content, Lines { first: 1, depth: 0, are_generated: false }).ok()?;
    pack(reading.records, &reading.octets, reading.notes).ok()
}

/// Where the lines of a content are.
#[derive(Clone, Copy)]
struct Lines {
    first: u32,
    /// How many files are around it.
    depth: u32,
    /// All of them are the one that asks for them.
    are_generated: bool,
}

struct Reading<'a, 'b> {
    zone: Zone<'a>,
    /// Of relative names.
    origin: Vec<u8>,
    default_ttl: Option<u32>,
    last_ttl: u32,
    /// Where the key of the last record is.
    owner: Option<(u32, u8)>,
    records: Vec<Record>,
    /// Keys and RDATA.
    octets: Vec<u8>,
    name: Vec<u8>,
    notes: Vec<Note>,
    compose: &'a mut Compose<'b>,
    more: &'a mut More<'b>,
}

impl Reading<'_, '_> {
    fn read(&mut self, content: &[u8], lines: Lines) -> Result<()> {
        std::str::from_utf8(content).map_err(|_| GiveUp)?;
        let mut tokens = Tokens::new(content, lines.first);
        let mut statement = Vec::new();
        while let Some(start) = tokens.statement(&mut statement)? {
            let line = if lines.are_generated { lines.first } else { start.line };
            match statement.as_slice() {
                [first, value @ ..] if !start.is_blank && !first.quoted && first.text.starts_with(b"$") => {
                    self.directive(first.text, value, Lines { first: line, ..lines })?;
                }
                [first, rest @ ..] if !start.is_blank => {
                    self.set_owner(first)?;
                    self.record(line, rest)?;
                }
                rest => self.record(line, rest)?,
            }
        }
        Ok(())
    }

    /// Reads what a directive stands for. Behind it origin and owner are what they were (RFC 1035 5.1).
    fn read_on(&mut self, directive: &str, argument: &[u8], origin: Option<Vec<u8>>, here: Lines) -> Result<()> {
        let argument = std::str::from_utf8(argument).map_err(|_| GiveUp)?;
        let (content, first) = (self.more)(directive, argument, here.first, here.depth).ok_or(GiveUp)?;
        let (before, owner) = (self.origin.clone(), self.owner);
        let are_generated = origin.is_none();
        self.origin = origin.unwrap_or_else(|| before.clone());
        self.read(&content, Lines { first, depth: here.depth + 1, are_generated })?;
        (self.origin, self.owner) = (before, owner);
        Ok(())
    }

    fn include(&mut self, value: &[Token], here: Lines) -> Result<()> {
        let (file, origin) = match value {
            [file] => (file, self.origin.clone()),
            [file, Token { text, quoted: false, .. }] => {
                let mut origin = Vec::new();
                parse(text, &self.origin, &mut origin)?;
                (file, origin)
            }
            _ => return Err(GiveUp),
        };
        self.read_on("$INCLUDE", file.text, Some(origin), here)
    }

    fn directive(&mut self, name: &[u8], value: &[Token], here: Lines) -> Result<()> {
        if name.eq_ignore_ascii_case(b"$GENERATE") {
            return self.read_on("$GENERATE", &text_of(value), None, here);
        }
        if name.eq_ignore_ascii_case(b"$INCLUDE") {
            return self.include(value, here);
        }
        let [Token { text, quoted: false, .. }] = value else { return Err(GiveUp) };
        if name.eq_ignore_ascii_case(b"$TTL") {
            self.default_ttl = Some(ttl(text)?);
            return Ok(());
        }
        if !name.eq_ignore_ascii_case(b"$ORIGIN") {
            return Err(GiveUp);
        }
        let mut origin = Vec::new();
        parse(text, &self.origin, &mut origin)?;
        self.origin = origin;
        Ok(())
    }

    fn set_owner(&mut self, token: &Token) -> Result<()> {
        self.name.clear();
        parse(token.text, &self.origin, &mut self.name)?;
        let is_relative_to_zone = self.origin.eq_ignore_ascii_case(self.zone.origin());
        if token.quoted || is_relative_to_zone && self.zone.is_doubled(&self.name, token.text) {
            return Err(GiveUp);
        }
        let start = u32::try_from(self.octets.len()).map_err(|_| GiveUp)?;
        self.zone.key(&self.name, &mut self.octets)?;
        self.owner = Some((start, (self.octets.len() - start as usize) as u8));
        Ok(())
    }

    fn record(&mut self, line: u32, tokens: &[Token]) -> Result<()> {
        let key = self.owner.ok_or(GiveUp)?;
        let (ttl, tokens) = self.ttl_and_class(tokens)?;
        let [rtype, value @ ..] = tokens else { return Err(GiveUp) };
        if rtype.quoted {
            return Err(GiveUp);
        }
        // the zone file makes these two
        let made = |name: &str, oddity| rtype.text.eq_ignore_ascii_case(name.as_bytes()).then_some(oddity);
        if let Some(oddity) = made("SOA", Oddity::Soa).or(made("NS", Oddity::Ns)).filter(|_| key.1 == 0) {
            self.notes.push(Note::at(line, oddity));
            return Ok(());
        }
        let start = self.octets.len();
        let rtype = match rdata::compose(rtype.text, value, &self.origin, &self.zone, &mut self.octets) {
            Some(rtype) => rtype,
            None => self.by_reference(start, rtype.text, value)?,
        };
        // the servers of the zone itself are named elsewhere
        if rtype == NS && key.1 == 0 {
            return Err(GiveUp);
        }
        let length = u16::try_from(self.octets.len() - start).map_err(|_| GiveUp)?;
        let rdata = (u32::try_from(start).map_err(|_| GiveUp)?, length);
        self.records.push(Record { key, rdata, rtype, ttl, line });
        Ok(())
    }

    fn by_reference(&mut self, start: usize, rtype: &[u8], value: &[Token]) -> Result<u16> {
        let text = text_of(value);
        let utf8 = |octets| std::str::from_utf8(octets).map_err(|_| GiveUp);
        let (rtype, rdata) = (self.compose)(utf8(rtype)?, utf8(&text)?, &self.origin).ok_or(GiveUp)?;
        self.octets.truncate(start);
        self.octets.extend(rdata);
        Ok(rtype)
    }

    fn ttl_and_class<'t, 'c>(&mut self, mut tokens: &'t [Token<'c>]) -> Result<(u32, &'t [Token<'c>])> {
        let (mut own, mut has_class) = (None, false);
        while let Some((token, rest)) = tokens.split_first().filter(|(token, _)| !token.quoted) {
            let is = |class: &str| token.text.eq_ignore_ascii_case(class.as_bytes());
            if own.is_none() && token.text.first().is_some_and(u8::is_ascii_digit) {
                own = Some(ttl(token.text)?);
            } else if !has_class && is("IN") {
                has_class = true;
            } else if !has_class && (is("CH") || is("HS") || is("CS")) {
                return Err(GiveUp);
            } else {
                break;
            }
            tokens = rest;
        }
        self.last_ttl = own.unwrap_or(self.last_ttl);
        Ok((own.or(self.default_ttl).unwrap_or(self.last_ttl), tokens))
    }
}

/// The tokens of a value as one text.
fn text_of(value: &[Token]) -> Vec<u8> {
    let mut text = Vec::new();
    for (at, token) in value.iter().enumerate() {
        let quote: &[u8] = if token.quoted { b"\"" } else { b"" };
        let space: &[u8] = if at == 0 || token.glued { b"" } else { b" " };
        text.extend([space, quote, token.text, quote].concat());
    }
    text
}

/// Seconds, or numbers with units: `1h30m`.
fn ttl(text: &[u8]) -> Result<u32> {
    let seconds = match decimal(text) {
        Some(seconds) => Some(seconds),
        None => text.split_inclusive(u8::is_ascii_alphabetic).map(part).sum(),
    };
    seconds.filter(|&seconds| seconds <= MAX_TTL).map(|seconds| seconds as u32).ok_or(GiveUp)
}

fn part(text: &[u8]) -> Option<u64> {
    let (unit, digits) = text.split_last()?;
    let unit_s = match unit.to_ascii_lowercase() {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86_400,
        b'w' => 604_800,
        _ => return None,
    };
    Some(decimal(digits)? * unit_s)
}
