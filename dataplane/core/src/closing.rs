//! What a reply is beside its records: RCODE and AA in the header, and what options say of it.

use crate::wire::rcode;

/// What closes a reply.
pub struct Closing {
    pub rcode: u16,
    pub authoritative: bool,
    /// SCOPE PREFIX-LENGTH; none sends no client subnet option.
    pub scope: Option<u8>,
    pub all_down: bool,
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
