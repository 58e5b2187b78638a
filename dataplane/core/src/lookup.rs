//! Name -> node: the zone, and what it has there (RFC 1034 4.3.2); the twin of `gtm/engine/lookup.py`.
//!
//! ```text
//! below a delegation      Referral    the NS records of the cut
//! the name exists         Match       an empty non-terminal exists, and has nothing
//! a wildcard covers it    Match       at the name that was asked (RFC 4592)
//! neither                 Nothing     NXDOMAIN
//! ```

use crate::name::{Name, MAX_NAME};
use crate::nodes::Node;
use crate::plan::Names;
use crate::wire::rtype as kind;

/// What a zone has for a name.
pub enum Found<'a> {
    Match(Node<'a>),
    /// A delegation, and how many labels of the name stand before it.
    Referral(Node<'a>, usize),
    Nothing,
}

/// The zone with the longest matching origin; for DS at an apex the one above (RFC 4035 3.1.4.1).
///
/// Also the node, where the zone has one of this name that nothing above it takes away: the most common case.
#[inline]
pub fn locate<'a>(names: &'a Names, name: &Name, rtype: u16) -> Option<(u32, Option<Node<'a>>)> {
    if rtype != kind::DS {
        if let Some(node) = names.nodes.visible(name.octets()) {
            return Some((node.zone, (!node.delegated()).then_some(node)));
        }
    }
    let closest = |from: usize| (from..=name.labels()).find_map(|cut| names.origins.get(name.suffix(cut)).copied());
    let found = closest(0)?;
    let at_apex = names.zones[found as usize].labels == name.labels();
    if rtype == kind::DS && at_apex && name.labels() > 0 {
        return Some((closest(1).unwrap_or(found), None));
    }
    Some((found, None))
}

/// What a zone has for a name in it.
#[inline]
pub fn find<'a>(names: &'a Names, zone: u32, name: &Name, rtype: u16) -> Found<'a> {
    let depth = name.labels() - names.zones[zone as usize].labels;
    let mut encloser = depth;
    for cut in (0..=depth).rev() {
        let Some(node) = names.nodes.of_zone(zone, name.suffix(cut)) else {
            return covering(names, zone, name.suffix(encloser));
        };
        encloser = cut;
        // RFC 4035 3.1.4.1: the parent is authoritative for DS at the cut itself
        if node.delegation() && !(cut == 0 && rtype == kind::DS) {
            return Found::Referral(node, cut);
        }
        if cut == 0 {
            return Found::Match(node);
        }
    }
    Found::Nothing
}

/// The wildcard below the closest encloser.
fn covering<'a>(names: &'a Names, zone: u32, encloser: &[u8]) -> Found<'a> {
    let mut wildcard = [0; 2 + MAX_NAME];
    wildcard[0] = 1;
    wildcard[1] = b'*';
    wildcard[2..2 + encloser.len()].copy_from_slice(encloser);
    names.nodes.of_zone(zone, &wildcard[..2 + encloser.len()]).map_or(Found::Nothing, Found::Match)
}
