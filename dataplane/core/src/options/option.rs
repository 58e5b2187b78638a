//! What an EDNS option is to this server: a code, how it is read from a query, how it is written to a reply.

use crate::closing::Closing;
use crate::wire::Malformed;

/// One option, as a query has it.
pub trait EdnsOption<'a>: Sized {
    const CODE: u16;

    /// What the option's data in a query says.
    fn parse(data: &'a [u8]) -> Result<Self, Malformed>;

    /// How long its data in the reply is; none to leave the option out.
    fn octets(asked: Option<&Self>, closing: &Closing) -> Option<usize>;

    /// Writes so many octets of data.
    fn compose(asked: Option<&Self>, closing: &Closing, put: &mut impl FnMut(&[u8]));
}
