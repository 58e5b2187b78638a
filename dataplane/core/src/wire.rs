//! Numbers of the protocol: the header (RFC 1035 4.1.1), types, classes and codes; and what breaks its rules.

/// Octets that are not what they should be.
#[derive(Debug)]
pub struct Malformed;

/// The octets of a header.
pub const HEADER: usize = 12;

/// The second word of a header.
pub mod flag {
    pub const QR: u16 = 0x8000;
    pub const OPCODE: u16 = 0x7800;
    pub const AA: u16 = 0x0400;
    pub const TC: u16 = 0x0200;
    pub const RD: u16 = 0x0100;
}

pub mod rcode {
    pub const NOERROR: u16 = 0;
    pub const FORMERR: u16 = 1;
    pub const NXDOMAIN: u16 = 3;
    pub const NOTIMP: u16 = 4;
    pub const REFUSED: u16 = 5;
    /// RFC 6891 6.1.3.
    pub const BADVERS: u16 = 16;
}

/// Of records, and of questions.
pub mod rtype {
    pub const A: u16 = 1;
    pub const NS: u16 = 2;
    pub const CNAME: u16 = 5;
    pub const SOA: u16 = 6;
    pub const PTR: u16 = 12;
    pub const HINFO: u16 = 13;
    pub const MX: u16 = 15;
    pub const AAAA: u16 = 28;
    pub const OPT: u16 = 41;
    pub const DS: u16 = 43;
    pub const ANY: u16 = 255;
}

pub const CLASS_IN: u16 = 1;

/// The first bit of the flags in an OPT (RFC 3225).
pub const DNSSEC_OK: u16 = 0x8000;
/// The two bits that make a compression pointer of an octet (RFC 1035 4.1.4).
pub const POINTER: u8 = 0xC0;
