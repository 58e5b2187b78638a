//! Names of the plan, as octets: uncompressed, in lower case, with the root at the end.

use super::error::{wrong, BlobError};
use crate::name::MAX_NAME;

/// A copy of a name; an error where the octets are not one name of at most 255 octets.
pub fn key(name: &[u8]) -> Result<Box<[u8]>, BlobError> {
    let mut at = 0;
    while let Some(&length) = name.get(at) {
        at += 1 + usize::from(length);
        if length == 0 && at == name.len() && at <= MAX_NAME {
            return Ok(Box::from(name));
        }
        if length == 0 || length > 63 {
            break;
        }
    }
    wrong("a name that is none")
}

/// How many labels a name has, without the root.
pub fn labels(name: &[u8]) -> usize {
    let (mut at, mut count) = (0, 0);
    while let Some(&length) = name.get(at) {
        if length == 0 {
            break;
        }
        at += 1 + usize::from(length);
        count += 1;
    }
    count
}

/// A name, and then without its first label, and so on to the root.
pub fn suffixes(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(name), |rest| match rest.first() {
        Some(&length) if length > 0 => rest.get(1 + usize::from(length)..),
        _ => None,
    })
}
