//! Extended DNS Error (RFC 8914): why an answer is not what it would be at best.

use super::option::EdnsOption;
use crate::closing::Closing;
use crate::wire::Malformed;

/// RFC 8914 4.1: none of the others says that a server answers although every check fails.
const OTHER: u16 = 0;
const ALL_DOWN_WORDS: &[u8] = b"no endpoint is up; answering as configured for that";

/// The option of a query, where it has no meaning.
#[derive(Clone, Copy)]
pub struct ExtendedError;

impl<'a> EdnsOption<'a> for ExtendedError {
    const CODE: u16 = 15;

    fn parse(_: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self)
    }

    fn octets(_: Option<&Self>, closing: &Closing) -> Option<usize> {
        closing.all_down.then_some(2 + ALL_DOWN_WORDS.len())
    }

    fn compose(_: Option<&Self>, _: &Closing, put: &mut impl FnMut(&[u8])) {
        put(&OTHER.to_be_bytes());
        put(ALL_DOWN_WORDS);
    }
}
