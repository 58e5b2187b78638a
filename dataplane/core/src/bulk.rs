//! The records of a records file as `gtm/zone/records_file/packed.py` packs them: rows of names, in octets that are
//! read in place.
//!
//! ```text
//! row      octets of key 1 | key | RRsets 2 | RRset ...
//! key      labels relative to the origin, that next to the origin first, each behind its length; lower case
//! RRset    type 2 | TTL 4 | line 4 | values 2 | value ...
//! value    octets 2 | RDATA
//! ```

use crate::name::MAX_NAME;
use crate::wire::Malformed;

/// What one name has.
#[derive(Clone)]
pub struct Row<'a> {
    pub key: &'a [u8],
    rrsets: RRsets<'a>,
}

/// The rows of one zone, all of which were looked at.
#[derive(Clone, Copy)]
pub struct Bulk<'a> {
    octets: &'a [u8],
    pub count: usize,
}

impl<'a> Bulk<'a> {
    /// Looks at all rows.
    pub fn parse(octets: &'a [u8], origin: &[u8]) -> Result<Self, Malformed> {
        let (mut rest, mut count) = (octets, 0);
        while !rest.is_empty() {
            let row = row(&mut rest)?;
            name_length(row.key).filter(|length| length + origin.len() <= MAX_NAME).ok_or(Malformed)?;
            count += 1;
        }
        Ok(Self { octets, count })
    }

    /// How many octets there are.
    pub const fn octets(&self) -> usize {
        self.octets.len()
    }

    /// The rows.
    pub fn rows(self) -> impl Iterator<Item = Row<'a>> {
        let mut rest = self.octets;
        std::iter::from_fn(move || row(&mut rest).ok())
    }
}

impl<'a> Row<'a> {
    /// Type, TTL and values.
    pub fn rrsets(&self) -> RRsets<'a> {
        self.rrsets.clone()
    }

    /// The absolute name: written at the end of `into`, of which it returns the part.
    pub fn name<'b>(&self, origin: &[u8], into: &'b mut [u8; MAX_NAME]) -> &'b [u8] {
        let mut start = MAX_NAME - origin.len();
        into[start..].copy_from_slice(origin);
        let mut key = self.key;
        while let Some((label, rest)) = key.first().and_then(|&length| key.split_at_checked(1 + usize::from(length))) {
            into[start - label.len()..start].copy_from_slice(label);
            start -= label.len();
            key = rest;
        }
        &into[start..]
    }
}

/// Sets of records that are left.
#[derive(Clone)]
pub struct RRsets<'a> {
    count: u16,
    octets: &'a [u8],
}

impl<'a> Iterator for RRsets<'a> {
    type Item = (u16, u32, Values<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.count = self.count.checked_sub(1)?;
        rrset(&mut self.octets).ok()
    }
}

/// Values that are left.
#[derive(Clone)]
pub struct Values<'a> {
    count: u16,
    octets: &'a [u8],
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.count = self.count.checked_sub(1)?;
        value(&mut self.octets).ok()
    }
}

fn row<'a>(rest: &mut &'a [u8]) -> Result<Row<'a>, Malformed> {
    let [length] = *take(rest)?;
    let key = split(rest, usize::from(length))?;
    let count = u16::from_be_bytes(*take(rest)?);
    let octets = *rest;
    for _ in 0..count {
        rrset(rest)?;
    }
    Ok(Row { key, rrsets: RRsets { count, octets } })
}

fn rrset<'a>(rest: &mut &'a [u8]) -> Result<(u16, u32, Values<'a>), Malformed> {
    let rtype = u16::from_be_bytes(*take(rest)?);
    let ttl = u32::from_be_bytes(*take(rest)?);
    let _line = take::<4>(rest)?; // its line in the file: for messages alone
    let count = u16::from_be_bytes(*take(rest)?);
    let octets = *rest;
    for _ in 0..count {
        value(rest)?;
    }
    Ok((rtype, ttl, Values { count, octets }))
}

fn value<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let length = u16::from_be_bytes(*take(rest)?);
    split(rest, usize::from(length))
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Malformed> {
    let (octets, behind) = rest.split_first_chunk().ok_or(Malformed)?;
    *rest = behind;
    Ok(octets)
}

fn split<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
    let (octets, behind) = rest.split_at_checked(length).ok_or(Malformed)?;
    *rest = behind;
    Ok(octets)
}

/// The octets of a key, if it is one.
fn name_length(mut key: &[u8]) -> Option<usize> {
    let octets = key.len();
    while let Some(&length) = key.first() {
        if length == 0 || length > 63 {
            return None;
        }
        key = key.get(1 + usize::from(length)..)?;
    }
    Some(octets)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ORIGIN: &[u8] = b"\x01z\x00";

    fn packed() -> Vec<u8> {
        let mut octets = b"\x00\x00\x00".to_vec();
        octets.extend(b"\x04\x01b\x01a\x00\x01");
        octets.extend(
            b"\x00\x01\x00\x00\x00\x3c\x00\x00\x00\x05\x00\x02\x00\x04\x01\x02\x03\x04\x00\x04\x01\x02\x03\x05",
        );
        octets
    }

    #[test]
    fn rows_give_their_names_and_values() {
        let octets = packed();
        let bulk = Bulk::parse(&octets, ORIGIN).unwrap();
        let mut buffer = [0; MAX_NAME];
        let names: Vec<_> = bulk.rows().map(|row| row.name(ORIGIN, &mut buffer).to_vec()).collect();
        assert_eq!(names, [b"\x01z\x00".to_vec(), b"\x01a\x01b\x01z\x00".to_vec()]);
        let last = bulk.rows().last().unwrap();
        let (rtype, ttl, values) = last.rrsets().next().unwrap();
        assert_eq!((rtype, ttl), (1, 60));
        assert_eq!(values.collect::<Vec<_>>(), [[1, 2, 3, 4], [1, 2, 3, 5]]);
        assert_eq!(bulk.count, 2);
    }

    #[test]
    fn cut_and_bent_octets_are_no_rows_or_others() {
        let octets = packed();
        for end in 0..octets.len() {
            if let Ok(bulk) = Bulk::parse(&octets[..end], ORIGIN) {
                assert_eq!(bulk.rows().count(), bulk.count);
            }
        }
        for at in 0..octets.len() {
            let mut bent = octets.clone();
            bent[at] ^= 0x41;
            if let Ok(bulk) = Bulk::parse(&bent, ORIGIN) {
                let mut buffer = [0; MAX_NAME];
                assert!(bulk.rows().all(|row| row.name(ORIGIN, &mut buffer).ends_with(ORIGIN)));
            }
        }
    }

    #[test]
    fn a_name_longer_than_255_octets_is_none() {
        let mut octets = vec![252];
        octets.extend([b"\x3e".as_slice(), &[b'x'; 62]].concat().repeat(4));
        octets.extend([0, 0]);
        assert!(Bulk::parse(&octets, ORIGIN).is_ok());
        assert!(Bulk::parse(&octets, b"\x02zz\x00").is_err());
    }
}
