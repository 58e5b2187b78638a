//! Names on the wire: where they end, and their lower-case form that the plan is keyed by (RFC 4343).

use crate::wire::{Malformed, POINTER};

/// RFC 1035 2.3.4.
pub const MAX_NAME: usize = 255;
/// A name of 255 octets has at most so many labels, and needs a pointer for none but them.
const MAX_POINTERS: usize = 127;

/// An uncompressed name of a query, with the places of its labels.
pub struct Name {
    octets: [u8; MAX_NAME],
    length: usize,
    starts: [u8; 128],
    labels: usize,
}

impl Name {
    /// Makes an empty name to read into.
    pub const fn empty() -> Self {
        Self { octets: [0; MAX_NAME], length: 0, starts: [0; 128], labels: 0 }
    }

    /// The octets, with the root label at the end.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }

    /// How many labels it has, without the root.
    pub const fn labels(&self) -> usize {
        self.labels
    }

    /// Where the suffix without the first `cut` labels begins.
    pub fn offset(&self, cut: usize) -> usize {
        if cut < self.labels {
            usize::from(self.starts[cut])
        } else {
            self.length - 1
        }
    }

    /// The suffix without the first `cut` labels.
    pub fn suffix(&self, cut: usize) -> &[u8] {
        &self.octets[self.offset(cut)..self.length]
    }

    /// Where a name that is not the root stands in this one, as a suffix of it.
    pub fn place_of(&self, name: &[u8]) -> Option<usize> {
        let at = self.length.checked_sub(name.len())?;
        // nearly all are told apart by one octet; and octets within a label may look like a name
        let same = self.octets[at] == *name.first()? && self.octets[at..self.length] == *name;
        (same && self.starts[..self.labels].contains(&(at as u8))).then_some(at)
    }

    /// Sets this name to an uncompressed one of the plan.
    pub fn set(&mut self, octets: &[u8]) {
        self.clear();
        let mut at = 0;
        while let Some(&length) = octets.get(at) {
            let end = at + 1 + usize::from(length);
            let Some(label) = octets.get(at + 1..end) else { break };
            if length == 0 || self.push(label).is_err() {
                break;
            }
            at = end;
        }
        self.finish();
    }

    /// Sets this name to the lower-case form of another.
    pub fn fold(&mut self, other: &Self) {
        self.length = other.length;
        self.labels = other.labels;
        self.starts = other.starts;
        // length octets are below 64, and so not letters
        for (to, from) in self.octets[..other.length].iter_mut().zip(other.octets()) {
            *to = from.to_ascii_lowercase();
        }
    }

    fn clear(&mut self) {
        self.length = 0;
        self.labels = 0;
    }

    fn push(&mut self, label: &[u8]) -> Result<(), Malformed> {
        let end = self.length + 1 + label.len();
        // one octet is left for the root
        if end >= MAX_NAME || self.labels >= self.starts.len() {
            return Err(Malformed);
        }
        self.starts[self.labels] = self.length as u8;
        self.labels += 1;
        self.octets[self.length] = label.len() as u8;
        self.octets[self.length + 1..end].copy_from_slice(label);
        self.length = end;
        Ok(())
    }

    fn finish(&mut self) {
        self.octets[self.length] = 0;
        self.length += 1;
    }
}

/// How long an uncompressed name is, with its root; none if it has no end, or is too long.
pub fn octets(name: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < MAX_NAME {
        let length = usize::from(*name.get(at)?);
        at += 1 + length;
        if length == 0 {
            return (at <= MAX_NAME).then_some(at);
        }
    }
    None
}

/// An uncompressed name without its first labels.
pub fn suffix(mut name: &[u8], cut: usize) -> &[u8] {
    for _ in 0..cut {
        let Some((&length, rest)) = name.split_first() else { break };
        name = rest.get(usize::from(length)..).unwrap_or_default();
    }
    name
}

/// Reads a name, following compression pointers (RFC 1035 4.1.4), and returns where the message goes on behind it.
pub fn read(wire: &[u8], start: usize, into: &mut Name) -> Result<usize, Malformed> {
    into.clear();
    let end = walk(wire, start, |label| into.push(label))?;
    into.finish();
    Ok(end)
}

/// Passes over a name; returns where the message goes on behind it, and whether the name is the root.
pub fn skip(wire: &[u8], start: usize) -> Result<(usize, bool), Malformed> {
    let mut octets = 1;
    let end = walk(wire, start, |label| {
        octets += 1 + label.len();
        if octets > MAX_NAME {
            Err(Malformed)
        } else {
            Ok(())
        }
    })?;
    Ok((end, octets == 1))
}

fn walk(wire: &[u8], start: usize, mut take: impl FnMut(&[u8]) -> Result<(), Malformed>) -> Result<usize, Malformed> {
    let (mut at, mut barrier, mut end, mut pointers) = (start, start, None, 0);
    loop {
        let length = *wire.get(at).ok_or(Malformed)?;
        if length == 0 {
            return Ok(end.unwrap_or(at + 1));
        }
        if length & POINTER == POINTER {
            let low = *wire.get(at + 1).ok_or(Malformed)?;
            let target = usize::from(length & !POINTER) << 8 | usize::from(low);
            end = end.or(Some(at + 2));
            pointers += 1;
            if target >= barrier || pointers > MAX_POINTERS {
                return Err(Malformed);
            }
            at = target;
            barrier = target;
            continue;
        }
        if length & POINTER != 0 {
            return Err(Malformed);
        }
        let next = at + 1 + usize::from(length);
        take(wire.get(at + 1..next).ok_or(Malformed)?)?;
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_with_its_root_and_what_has_no_end_is_none() {
        assert_eq!(octets(b"\x01a\x02bc\x00rest"), Some(6));
        assert_eq!(octets(b"\x00"), Some(1));
        for none in [b"".as_slice(), b"\x01a", b"\x05ab\x00", &[1; 300]] {
            assert_eq!(octets(none), None);
        }
        let longest =
            [[b"\x3f".as_slice(), &[b'x'; 63]].concat().repeat(3), vec![61], vec![b'x'; 61], vec![0]].concat();
        assert_eq!(octets(&longest), Some(MAX_NAME));
        assert_eq!(octets(&[b"\x01y".as_slice(), &longest].concat()), None);
    }

    #[test]
    fn a_suffix_begins_behind_so_many_labels() {
        let name = b"\x01a\x02bc\x00";
        assert_eq!(suffix(name, 0), name);
        assert_eq!(suffix(name, 1), b"\x02bc\x00");
        assert_eq!(suffix(name, 2), b"\x00");
        assert_eq!(suffix(b"\x05ab", 1), b"");
    }
}
