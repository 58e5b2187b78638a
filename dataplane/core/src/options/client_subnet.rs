//! EDNS Client Subnet (RFC 7871): what a resolver asks for, and the option of the answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::option::EdnsOption;
use crate::closing::Closing;
use crate::wire::Malformed;

const IPV4: u16 = 1;
const IPV6: u16 = 2;
/// FAMILY, SOURCE PREFIX-LENGTH, SCOPE PREFIX-LENGTH.
const FIXED: usize = 4;

/// The option as a query carries it.
#[derive(Clone, Copy)]
pub struct Subnet<'a> {
    pub family: u16,
    pub source: u8,
    /// As sent: the octets that the source prefix needs.
    pub address: &'a [u8],
}

impl Subnet<'_> {
    /// The first address of the network; none when the client asks not to be located.
    pub fn client(&self) -> Option<IpAddr> {
        if self.source == 0 {
            return None;
        }
        if self.family == IPV4 {
            let mut octets = [0; 4];
            octets[..self.address.len()].copy_from_slice(self.address);
            return Some(IpAddr::V4(Ipv4Addr::from(octets)));
        }
        let mut octets = [0; 16];
        octets[..self.address.len()].copy_from_slice(self.address);
        Some(IpAddr::V6(Ipv6Addr::from(octets)))
    }
}

impl<'a> EdnsOption<'a> for Subnet<'a> {
    const CODE: u16 = 8;

    fn parse(data: &'a [u8]) -> Result<Self, Malformed> {
        parse(data)
    }

    fn octets(asked: Option<&Self>, closing: &Closing) -> Option<usize> {
        closing.scope.and(asked).map(|subnet| FIXED + subnet.address.len())
    }

    fn compose(asked: Option<&Self>, closing: &Closing, put: &mut impl FnMut(&[u8])) {
        if let (Some(subnet), Some(scope)) = (asked, closing.scope) {
            put(&subnet.family.to_be_bytes());
            put(&[subnet.source, scope]);
            put(subnet.address);
        }
    }
}

/// Reads the option of a query; what RFC 7871 7.1.2 calls malformed is an error.
fn parse(data: &[u8]) -> Result<Subnet<'_>, Malformed> {
    let (fixed, address) = (data.get(..FIXED).ok_or(Malformed)?, &data[FIXED..]);
    let family = u16::from_be_bytes([fixed[0], fixed[1]]);
    let (source, scope) = (fixed[2], fixed[3]);
    if family == 0 && source == 0 && scope == 0 && address.is_empty() {
        return Ok(Subnet { family, source, address }); // what `dig +subnet=0` sends
    }
    let width = match family {
        IPV4 => 32,
        IPV6 => 128,
        _ => return Err(Malformed),
    };
    let spare = (8 - source % 8) % 8;
    let fits = address.len() == usize::from(source).div_ceil(8);
    let beyond = address.last().is_some_and(|last| last & ((1u8 << spare) - 1) != 0);
    if source > width || scope != 0 || !fits || beyond {
        return Err(Malformed);
    }
    Ok(Subnet { family, source, address })
}
