//! Records as the plan has them: all octets behind the owner name, ready to be copied into an answer.

use crate::wire::CLASS_IN;

/// A record behind its owner name: type, class, TTL, RDLENGTH, RDATA.
pub type Tail = Box<[u8]>;
/// Where RDATA begins in one.
pub const TAIL_RDATA: usize = 10;

/// The addresses of one family that the zone has for a nameserver.
pub struct Glue {
    /// In the case of the NS record's RDATA.
    pub owner: Box<[u8]>,
    pub tails: Box<[Tail]>,
    /// Whether the nameserver is at or below the delegation itself: without it the delegation leads nowhere.
    pub in_domain: bool,
}

/// Puts a record behind its owner name together.
pub fn tail(rtype: u16, ttl: u32, rdata: &[u8]) -> Tail {
    let mut octets = Vec::with_capacity(TAIL_RDATA + rdata.len());
    write_tail(&mut octets, rtype, ttl, rdata);
    octets.into()
}

/// Appends a record behind its owner name.
pub fn write_tail(octets: &mut Vec<u8>, rtype: u16, ttl: u32, rdata: &[u8]) {
    let mut fixed = [0; TAIL_RDATA];
    fixed[..2].copy_from_slice(&rtype.to_be_bytes());
    fixed[2..4].copy_from_slice(&CLASS_IN.to_be_bytes());
    fixed[4..8].copy_from_slice(&ttl.to_be_bytes());
    fixed[8..].copy_from_slice(&(rdata.len() as u16).to_be_bytes());
    octets.extend(fixed);
    octets.extend(rdata);
}
