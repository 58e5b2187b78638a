//! Reply -> bytes, written in place: header, question as it was asked, records, OPT; truncated where the limit asks.
//!
//! The names are compressed as the reference engine's are (`gtm/dns/buffer.py`): a name points to the longest suffix
//! that was written before in the same case. Nearly every owner is the name that was asked or a suffix of it, whose
//! place is known without looking.

use crate::name::Name;
use crate::query::{Edns, Query};
use crate::wire::{flag, option, rcode, rtype, DNSSEC_OK, HEADER};

/// No fragments on any path (DNS flag day 2020); also what our OPT announces.
pub const UDP_LIMIT: usize = 1232;
/// RFC 1035 2.3.4.
const UDP_LIMIT_WITHOUT_EDNS: usize = 512;
pub const TCP_LIMIT: usize = 65_535;

/// What a reply takes over.
const KEPT: u16 = flag::OPCODE | flag::RD | flag::CD;
const POINTER: u16 = (crate::wire::POINTER as u16) << 8;
/// A compression pointer has 14 bits (RFC 1035 4.1.4).
const POINTER_REACH: usize = 0x4000;
const EXTENDED_ERROR_OTHER: u16 = 0;
pub const ALL_DOWN_WORDS: &[u8] = b"no endpoint is up; answering as configured for that";

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

/// What closes a reply.
pub struct Closing {
    pub rcode: u16,
    pub authoritative: bool,
    /// SCOPE PREFIX-LENGTH; none sends no client subnet option.
    pub scope: Option<u8>,
    pub all_down: bool,
}

/// Writes one reply.
pub struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
    limit: usize,
    overflow: bool,
    query: &'a Query<'a>,
    asked: &'a Name,
    /// Where suffixes of names of the plan were written.
    written: &'a mut Vec<u16>,
}

impl<'a> Writer<'a> {
    /// Begins a reply with room for the header, and the question.
    pub fn begin(
        out: &'a mut [u8],
        limit: usize,
        query: &'a Query<'a>,
        asked: &'a Name,
        written: &'a mut Vec<u16>,
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
        self.put(tail);
        self.count(section);
    }

    /// Adds a record with another TTL than its tail has.
    pub fn record_with_ttl(&mut self, section: Section, owner: Owner, tail: &[u8], ttl: u32) {
        self.owner(owner);
        self.put(&tail[..4]);
        self.put(&ttl.to_be_bytes());
        self.put(&tail[8..]);
        self.count(section);
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

    fn opt(&mut self, closing: &Closing) {
        let Some(edns) = &self.query.edns else { return };
        let [size_high, size_low] = (UDP_LIMIT as u16).to_be_bytes();
        let [flags_high, flags_low] = if edns.dnssec_ok { DNSSEC_OK } else { 0 }.to_be_bytes();
        let code_high = (closing.rcode >> 4) as u8;
        self.put(&[0, 0, rtype::OPT as u8, size_high, size_low, code_high, 0, flags_high, flags_low]);
        let length_at = self.at;
        self.put(&[0, 0]);
        if let (Some(scope), Some(subnet)) = (closing.scope, edns.subnet) {
            self.option(option::CLIENT_SUBNET, 4 + subnet.address.len());
            self.put(&subnet.family.to_be_bytes());
            self.put(&[subnet.source, scope]);
            self.put(subnet.address);
        }
        if closing.all_down {
            self.option(option::EXTENDED_ERROR, 2 + ALL_DOWN_WORDS.len());
            self.put(&EXTENDED_ERROR_OTHER.to_be_bytes());
            self.put(ALL_DOWN_WORDS);
        }
        if !self.overflow {
            let length = (self.at - length_at - 2) as u16;
            self.out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        }
        self.count(Section::Additional);
    }

    fn option(&mut self, code: u16, length: usize) {
        self.put(&code.to_be_bytes());
        self.put(&(length as u16).to_be_bytes());
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

    /// Writes a name of the plan, pointing to the longest suffix that stands in the message already.
    fn name(&mut self, mut name: &[u8]) {
        while let Some((&length, _)) = name.split_first().filter(|(length, _)| **length != 0) {
            if let Some(at) = self.standing(name) {
                self.put(&(POINTER | at).to_be_bytes());
                return;
            }
            if self.at < POINTER_REACH {
                self.written.push(self.at as u16);
            }
            let (label, rest) = name.split_at((1 + usize::from(length)).min(name.len()));
            self.put(label);
            name = rest;
        }
        self.put(&[0]);
    }

    /// Where a name stands in the message, in this case of its letters.
    fn standing(&self, name: &[u8]) -> Option<u16> {
        for cut in 0..self.asked.labels() {
            if self.asked.suffix(cut) == name {
                return Some((HEADER + self.asked.offset(cut)) as u16);
            }
        }
        self.written.iter().copied().find(|&at| self.stands_at(usize::from(at), name))
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

impl Closing {
    /// A refusal without records.
    pub const fn refusal(rcode: u16) -> Self {
        Self { rcode, authoritative: false, scope: None, all_down: false }
    }

    /// An authoritative NOERROR.
    pub const fn answer(scope: Option<u8>) -> Self {
        Self { rcode: rcode::NOERROR, authoritative: true, scope, all_down: false }
    }
}
