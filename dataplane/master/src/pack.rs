//! Records -> rows, sorted; the form is that of `gtm/zone/bulk.py`, octet for octet.

use std::collections::HashSet;

use crate::rdata::{CNAME, DS, NS};
use crate::{GiveUp, Result};

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
}

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

/// Packs the records of a file.
pub fn pack(mut records: Vec<Record>, octets: &[u8]) -> Result<Packed> {
    // exported files are sorted, more or less, which this sort makes use of; it keeps the order of values
    records.sort_by(|a, b| a.key(octets).cmp(b.key(octets)).then(a.rtype.cmp(&b.rtype)));
    let mut packed = Packed { values: records.len(), ..Packed::default() };
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
        let size: usize = records.iter().map(|record| RECORD_OVERHEAD + usize::from(record.rdata.1)).sum();
        if size > MAX_RRSET || records.iter().any(|record| record.ttl != first.ttl) || has_equal(records, octets) {
            return Err(GiveUp);
        }
        self.rows.extend(first.rtype.to_be_bytes());
        self.rows.extend(first.ttl.to_be_bytes());
        self.rows.extend(first.line.to_be_bytes());
        self.rows.extend((records.len() as u16).to_be_bytes());
        for record in records {
            self.rows.extend(record.rdata.1.to_be_bytes());
            self.rows.extend(record.rdata(octets));
        }
        Ok(())
    }
}

fn has_equal(records: &[Record], octets: &[u8]) -> bool {
    if records.len() > FEW {
        let mut seen = HashSet::new();
        return records.iter().any(|record| !seen.insert(record.rdata(octets)));
    }
    let is_before = |at: usize| records[..at].iter().any(|other| other.rdata(octets) == records[at].rdata(octets));
    (1..records.len()).any(is_before)
}
