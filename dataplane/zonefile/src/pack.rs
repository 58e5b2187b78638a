//! Records -> rows, sorted; the form is that of `gtm/zone/records_file/packed.py`, octet for octet.

use std::collections::hash_map::{Entry, HashMap};

use crate::give_up::{GiveUp, Result};
use crate::rdata::{A, AAAA, CNAME, DS, MX, NS, PTR, SRV, TXT};

/// What no answer can hold: `MAX_RRSET_BYTES` of `gtm/zone/records.py`.
const MAX_RRSET: usize = 65_000;
const RECORD_OVERHEAD: usize = 12;
/// Up to here every value is compared with every other; then a set pays.
const FEW: usize = 16;

/// The records of a file.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Packed {
    /// One for every name.
    pub rows: Vec<u8>,
    /// Where each begins: four octets each.
    pub starts: Vec<u8>,
    /// Where those begin that have an alias or a delegation.
    pub notable: Vec<u8>,
    /// How many records there are.
    pub values: usize,
    /// What was odd: the first of it, by line.
    pub notes: Vec<Note>,
    /// How much was odd.
    pub odd: usize,
}

/// What is odd and loads all the same; `gtm/zone/records_file/warnings.py` has the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// Of the record.
    pub line: u32,
    /// What is odd.
    pub oddity: Oddity,
    /// Of what the record repeats or differs from.
    pub first_line: u32,
    /// Of the record, where that differs.
    pub ttl: u32,
    /// Of the first record of the set.
    pub first_ttl: u32,
    /// Of the set.
    pub least_ttl: u32,
}

/// What a note is about; the numbers are those of `gtm/zone/records_file/warnings.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Oddity {
    /// The record is there already.
    Duplicate = 0,
    /// TTLs differ within a set.
    Ttl = 1,
    /// The SOA, which the zone file makes.
    Soa = 2,
    /// One of the NS of the zone itself, which the zone file makes.
    Ns = 3,
}

impl Note {
    pub(crate) const fn at(line: u32, oddity: Oddity) -> Self {
        Self { line, oddity, first_line: 0, ttl: 0, first_ttl: 0, least_ttl: 0 }
    }
}

/// What is told of one file: `MAX_PROBLEMS` of `gtm/errors.py`.
const MAX_NOTES: usize = 100;

/// One record: its key and its RDATA are in the octets.
pub struct Record {
    pub key: (u32, u8),
    pub rdata: (u32, u16),
    pub rtype: u16,
    pub ttl: u32,
    pub line: u32,
}

impl Record {
    fn key<'a>(&self, octets: &'a [u8]) -> &'a [u8] {
        let start = self.key.0 as usize;
        &octets[start..start + usize::from(self.key.1)]
    }

    fn rdata<'a>(&self, octets: &'a [u8]) -> &'a [u8] {
        let start = self.rdata.0 as usize;
        &octets[start..start + usize::from(self.rdata.1)]
    }
}

/// Packs the records of a file, of which so much was odd before.
pub fn pack(mut records: Vec<Record>, octets: &[u8], notes: Vec<Note>) -> Result<Packed> {
    // exported files are sorted, more or less, which this sort makes use of; it keeps the order of values
    records.sort_by(|a, b| a.key(octets).cmp(b.key(octets)).then(a.rtype.cmp(&b.rtype)));
    let mut packed = Packed { notes, ..Packed::default() };
    packed.rows.reserve(octets.len() + records.len() * 20);
    if records.first().is_none_or(|first| first.key.1 > 0) {
        packed.row(b"", &[], octets)?;
    }
    let mut last: &[u8] = b"";
    for name in records.chunk_by(|a, b| a.key(octets) == b.key(octets)) {
        let key = name[0].key(octets);
        for above in above(key).filter(|above| !last.starts_with(above)) {
            packed.row(above, &[], octets)?;
        }
        packed.row(key, name, octets)?;
        last = key;
    }
    packed.notes.sort_unstable();
    packed.notes.dedup(); // of a line that makes many records
    packed.odd = packed.notes.len();
    packed.notes.truncate(MAX_NOTES);
    Ok(packed)
}

/// The names above one that are below the origin, from the top down.
fn above(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += 1 + usize::from(*key.get(at)?);
        key.get(..at).filter(|above| above.len() < key.len())
    })
}

impl Packed {
    fn row(&mut self, key: &[u8], records: &[Record], octets: &[u8]) -> Result<()> {
        let start = u32::try_from(self.rows.len()).map_err(|_| GiveUp)?.to_be_bytes();
        self.starts.extend(start);
        if records.iter().any(|record| matches!(record.rtype, NS | CNAME | DS)) {
            self.notable.extend(start);
        }
        self.rows.push(key.len() as u8);
        self.rows.extend(key);
        let rrsets = records.chunk_by(|a, b| a.rtype == b.rtype);
        self.rows.extend((rrsets.clone().count() as u16).to_be_bytes());
        for rrset in rrsets {
            self.rrset(rrset, octets)?;
        }
        Ok(())
    }

    fn rrset(&mut self, records: &[Record], octets: &[u8]) -> Result<()> {
        let first = &records[0];
        let ttl = self.ttl(records);
        self.rows.extend(first.rtype.to_be_bytes());
        self.rows.extend(ttl.to_be_bytes());
        self.rows.extend(first.line.to_be_bytes());
        let count_at = self.rows.len();
        self.rows.extend([0, 0]);
        let (mut count, mut size) = (0, 0);
        let mut seen = Seen::new(first.rtype, records, octets);
        for (at, record) in records.iter().enumerate() {
            if let Some(first_line) = seen.line_of_equal(at)? {
                self.notes.push(Note { first_line, ..Note::at(record.line, Oddity::Duplicate) });
                continue;
            }
            count += 1;
            size += RECORD_OVERHEAD + usize::from(record.rdata.1);
            self.rows.extend(record.rdata.1.to_be_bytes());
            self.rows.extend(record.rdata(octets));
        }
        self.values += count;
        let count = u16::try_from(count).ok().filter(|_| size <= MAX_RRSET).ok_or(GiveUp)?;
        self.rows[count_at..count_at + 2].copy_from_slice(&count.to_be_bytes());
        Ok(())
    }

    /// The TTL of an `RRset`: the least (RFC 2181 5.2).
    fn ttl(&mut self, records: &[Record]) -> u32 {
        let first = &records[0];
        let Some(other) = records.iter().find(|record| record.ttl != first.ttl) else { return first.ttl };
        let least = records.iter().fold(first.ttl, |least, record| least.min(record.ttl));
        let (first_line, ttl, first_ttl, least_ttl) = (first.line, other.ttl, first.ttl, least);
        self.notes.push(Note { line: other.line, oddity: Oddity::Ttl, first_line, ttl, first_ttl, least_ttl });
        least
    }
}

/// Which values of an `RRset` are equal (RFC 2181 5): names in the types of RFC 4034 6.2 whatever their case is.
struct Seen<'a> {
    records: &'a [Record],
    octets: &'a [u8],
    /// Where the part begins in which case makes no difference; none for values without names.
    folded: Folded,
    /// Of many values.
    lines: HashMap<Vec<u8>, u32>,
}

#[derive(Clone, Copy)]
enum Folded {
    From(usize),
    Nothing,
    /// The reference knows.
    Unclear,
}

impl<'a> Seen<'a> {
    fn new(rtype: u16, records: &'a [Record], octets: &'a [u8]) -> Self {
        let folded = match rtype {
            NS | CNAME | PTR => Folded::From(0),
            MX => Folded::From(2),
            SRV => Folded::From(6),
            A | TXT | AAAA => Folded::Nothing,
            _ => Folded::Unclear,
        };
        Self { records, octets, folded, lines: HashMap::new() }
    }

    /// The line of the first value that equals one; it is asked for each in turn.
    fn line_of_equal(&mut self, at: usize) -> Result<Option<u32>> {
        let own = self.records[at].rdata(self.octets);
        if self.records.len() > FEW {
            let line = self.records[at].line;
            let key = self.folded_value(own);
            if matches!(self.folded, Folded::Unclear) && self.lines.contains_key(&key) {
                return Err(GiveUp);
            }
            return Ok(match self.lines.entry(key) {
                Entry::Occupied(first) => Some(*first.get()),
                Entry::Vacant(place) => {
                    place.insert(line);
                    None
                }
            });
        }
        for other in &self.records[..at] {
            let value = other.rdata(self.octets);
            if value == own {
                return Ok(Some(other.line));
            }
            if value.eq_ignore_ascii_case(own) {
                match self.folded {
                    Folded::From(start) if value.get(..start) == own.get(..start) => return Ok(Some(other.line)),
                    Folded::Unclear => return Err(GiveUp),
                    _ => {}
                }
            }
        }
        Ok(None)
    }

    fn folded_value(&self, own: &[u8]) -> Vec<u8> {
        let mut value = own.to_vec();
        match self.folded {
            Folded::Nothing => {}
            Folded::From(start) => value.iter_mut().skip(start).for_each(u8::make_ascii_lowercase),
            Folded::Unclear => value.make_ascii_lowercase(),
        }
        value
    }
}
