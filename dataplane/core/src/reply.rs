//! Reply -> bytes, written in place: header, question as it was asked, records, OPT; truncated where the limit asks.
//!
//! The names are compressed as the reference engine's are (`gtm/dns/buffer.py`): a name points to the longest suffix
//! that was written before in the same case. Nearly every owner is the name that was asked or a suffix of it, whose
//! place is known without looking. Names within RDATA are compressed for the types of RFC 1035 that are in use, and for
//! no others (RFC 3597 4).

use crate::closing::Closing;
use crate::name::{self, Name};
use crate::query::{Edns, Query};
use crate::record::{Tail, TAIL_RDATA};
use crate::wire::{flag, rtype, DNSSEC_OK, HEADER};

/// No fragments on any path (DNS flag day 2020); also what our OPT announces.
pub const UDP_LIMIT: usize = 1232;
/// RFC 1035 2.3.4.
const UDP_LIMIT_WITHOUT_EDNS: usize = 512;
pub const TCP_LIMIT: usize = 65_535;

/// What a reply takes over; CD is cleared (RFC 4035 3.1.6).
const KEPT: u16 = flag::OPCODE | flag::RD;
const POINTER: u16 = (crate::wire::POINTER as u16) << 8;
/// A compression pointer has 14 bits (RFC 1035 4.1.4).
const POINTER_REACH: usize = 0x4000;
/// So many suffixes behind the question are remembered: each name is compared with all of them, and an answer may have
/// thousands.
const REMEMBERED: usize = 64;
/// Where RDLENGTH is, behind type, class and TTL.
const TAIL_LENGTH: usize = TAIL_RDATA - 2;

/// The most octets that a UDP answer to this query may have (RFC 6891 6.2.3 and 6.2.5).
pub fn udp_limit(edns: Option<&Edns>) -> usize {
    edns.map_or(UDP_LIMIT_WITHOUT_EDNS, |edns| usize::from(edns.size).clamp(UDP_LIMIT_WITHOUT_EDNS, UDP_LIMIT))
}

/// Who owns a record.
#[derive(Clone, Copy)]
pub enum Owner<'a> {
    /// The name that was asked, without its first so many labels.
    Asked(usize),
    /// A name of the plan, in its own case.
    Plan(&'a [u8]),
}

/// A section of a message, as its counter's place in the header.
#[derive(Clone, Copy)]
pub enum Section {
    Answer = 6,
    Authority = 8,
    Additional = 10,
}

/// Writes one reply.
pub struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
    limit: usize,
    overflow: bool,
    query: &'a Query<'a>,
    asked: &'a Name,
    /// Where suffixes of names of the plan were written, and how long they are without compression.
    written: &'a mut Vec<(u16, u8)>,
}

impl<'a> Writer<'a> {
    /// Begins a reply with room for the header, and the question.
    pub fn begin(
        out: &'a mut [u8],
        limit: usize,
        query: &'a Query<'a>,
        asked: &'a Name,
        written: &'a mut Vec<(u16, u8)>,
    ) -> Self {
        written.clear();
        let limit = limit.min(out.len());
        let mut writer = Self { out, at: 0, limit, overflow: false, query, asked, written };
        writer.open();
        writer
    }

    fn open(&mut self) {
        self.put(&[0; HEADER]);
        if let Some((rtype, rclass)) = self.query.question {
            self.put(self.asked.octets());
            self.put(&rtype.to_be_bytes());
            self.put(&rclass.to_be_bytes());
        }
    }

    /// Takes back every record.
    pub fn clear_records(&mut self) {
        self.at = 0;
        self.overflow = false;
        self.written.clear();
        self.open();
    }

    /// Adds a record: its owner, and everything behind that.
    pub fn record(&mut self, section: Section, owner: Owner, tail: &[u8]) {
        self.owner(owner);
        match names_within(tail) {
            None => self.put(tail),
            Some(names) => {
                self.put(&tail[..TAIL_LENGTH]);
                self.compressed(&tail[TAIL_LENGTH..], names);
            }
        }
        self.count(section);
    }

    /// Adds a record with another TTL than its tail has.
    pub fn record_with_ttl(&mut self, section: Section, owner: Owner, tail: &[u8], ttl: u32) {
        self.owner(owner);
        self.put(&tail[..4]);
        self.put(&ttl.to_be_bytes());
        match names_within(tail) {
            None => self.put(&tail[TAIL_LENGTH..]),
            Some(names) => self.compressed(&tail[TAIL_LENGTH..], names),
        }
        self.count(section);
    }

    /// Adds records of one name and type to the additional section if they and the OPT fit, or none of them: what is
    /// left out there does not make an answer truncated (RFC 2181 9).
    pub fn additional(&mut self, owner: Owner, tails: &[Tail], closing: &Closing) {
        if self.overflow {
            return;
        }
        let (at, written, limit) = (self.at, self.written.len(), self.limit);
        let counted = Section::Additional as usize..Section::Additional as usize + 2;
        let count = [self.out[counted.start], self.out[counted.start + 1]];
        self.limit = limit.saturating_sub(self.opt_octets(closing));
        for tail in tails {
            self.record(Section::Additional, owner, tail);
        }
        self.limit = limit;
        if self.overflow {
            self.overflow = false;
            self.at = at;
            self.written.truncate(written);
            self.out[counted].copy_from_slice(&count);
        }
    }

    /// Adds OPT and header; returns how long the message is.
    pub fn close(mut self, closing: &Closing) -> usize {
        self.opt(closing);
        let mut flags = flag::QR | self.query.bitmap & KEPT | closing.rcode & 0xF;
        if closing.authoritative {
            flags |= flag::AA;
        }
        if self.overflow {
            // no records, and TC says to ask again over TCP (RFC 2181 9)
            self.clear_records();
            self.opt(closing);
            flags |= flag::TC;
        }
        self.out[..2].copy_from_slice(&self.query.id.to_be_bytes());
        self.out[2..4].copy_from_slice(&flags.to_be_bytes());
        self.out[5] = u8::from(self.query.question.is_some());
        self.at
    }

    /// How long the OPT will be.
    fn opt_octets(&self, closing: &Closing) -> usize {
        self.query.edns.as_ref().map_or(0, |edns| 1 + TAIL_RDATA + edns.options.octets(closing))
    }

    fn opt(&mut self, closing: &Closing) {
        let query = self.query;
        let Some(edns) = &query.edns else { return };
        let [size_high, size_low] = (UDP_LIMIT as u16).to_be_bytes();
        let [flags_high, flags_low] = if edns.dnssec_ok { DNSSEC_OK } else { 0 }.to_be_bytes();
        let code_high = (closing.rcode >> 4) as u8;
        self.put(&[0, 0, rtype::OPT as u8, size_high, size_low, code_high, 0, flags_high, flags_low]);
        self.put(&(edns.options.octets(closing) as u16).to_be_bytes());
        edns.options.compose(closing, &mut |octets| self.put(octets));
        self.count(Section::Additional);
    }

    fn owner(&mut self, owner: Owner) {
        match owner {
            Owner::Asked(cut) if cut < self.asked.labels() => {
                let at = HEADER + self.asked.offset(cut);
                self.put(&(POINTER | at as u16).to_be_bytes());
            }
            Owner::Asked(_) => self.put(&[0]),
            Owner::Plan(name) => self.name(name),
        }
    }

    /// Writes RDLENGTH and RDATA, with compressed names.
    fn compressed(&mut self, rest: &[u8], (before, names): (usize, usize)) {
        let length_at = self.at;
        let Some((start, mut rest)) = rest.split_at_checked(2 + before) else { return self.put(rest) };
        self.put(start);
        for _ in 0..names {
            let Some((name, behind)) = name::octets(rest).and_then(|octets| rest.split_at_checked(octets)) else {
                break;
            };
            self.name(name);
            rest = behind;
        }
        self.put(rest);
        if !self.overflow {
            let length = (self.at - length_at - 2) as u16;
            self.out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        }
    }

    /// Writes a name of the plan, pointing to the longest suffix that stands in the message already.
    fn name(&mut self, name: &[u8]) {
        let (start, mut own, mut pointer) = (self.at, 0, None);
        while let Some(&length) = name.get(own).filter(|length| **length != 0) {
            pointer = self.standing(&name[own..]);
            if pointer.is_some() {
                break;
            }
            own += 1 + usize::from(length);
        }
        let own = own.min(name.len());
        self.put(&name[..own]);
        match pointer {
            Some(at) => self.put(&(POINTER | at).to_be_bytes()),
            None => self.put(&[0]),
        }
        let mut label = 0;
        while label < own && start + label < POINTER_REACH && self.written.len() < REMEMBERED {
            self.written.push(((start + label) as u16, (name.len() - label) as u8));
            label += 1 + usize::from(name[label]);
        }
    }

    /// Where a name stands in the message, in this case of its letters.
    fn standing(&self, name: &[u8]) -> Option<u16> {
        if let Some(at) = self.asked.place_of(name) {
            return Some((HEADER + at) as u16);
        }
        let same = |&&(at, length): &&(u16, u8)| usize::from(length) == name.len() && self.stands_at(at.into(), name);
        self.written.iter().find(same).map(|&(at, _)| at)
    }

    fn stands_at(&self, mut at: usize, mut name: &[u8]) -> bool {
        loop {
            let (Some(&there), Some(&here)) = (self.out.get(at), name.first()) else { return false };
            if there & crate::wire::POINTER == crate::wire::POINTER {
                let low = self.out.get(at + 1).copied().unwrap_or(0);
                at = usize::from(there & !crate::wire::POINTER) << 8 | usize::from(low);
                continue;
            }
            let end = 1 + usize::from(here);
            if there != here || self.out.get(at..at + end) != name.get(..end) {
                return false;
            }
            if here == 0 {
                return true;
            }
            at += end;
            name = &name[end..];
        }
    }

    fn count(&mut self, section: Section) {
        if self.overflow {
            return;
        }
        let at = section as usize;
        let count = u16::from_be_bytes([self.out[at], self.out[at + 1]]).wrapping_add(1);
        self.out[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }

    fn put(&mut self, octets: &[u8]) {
        let end = self.at + octets.len();
        if self.overflow || end > self.limit {
            self.overflow = true;
            return;
        }
        self.out[self.at..end].copy_from_slice(octets);
        self.at = end;
    }
}

/// The octets of RDATA before its names, and how many they are; none where they are not to be compressed.
fn names_within(tail: &[u8]) -> Option<(usize, usize)> {
    match u16::from_be_bytes(*tail.first_chunk()?) {
        rtype::NS | rtype::CNAME | rtype::PTR => Some((0, 1)),
        rtype::MX => Some((2, 1)),
        rtype::SOA => Some((0, 2)),
        _ => None,
    }
}

impl Owner<'_> {
    /// The name without so many labels more.
    pub fn parent(self, cut: usize) -> Self {
        match self {
            Self::Asked(before) => Self::Asked(before + cut),
            Self::Plan(name) => Self::Plan(name::suffix(name, cut)),
        }
    }
}
