//! What the zones have at their names, end to end in one arena: an answer is read from one place in memory.
//!
//! ```text
//! node     body length 4 | service 4 | zone 4 | flags 1 | name length 1 | name | body, padded to eight octets
//! body     RRsets: octets 4 | record tails, each as long as its RDLENGTH says
//! place    where a node begins, in units of eight octets
//! ```
//!
//! Everything is written by `Builder`, and read without trust: lengths that lead out of the arena make an empty node.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::index::Index;
use crate::record::{write_tail, Glue, TAIL_RDATA};

const HEADER: usize = 14;
const UNIT: usize = 8;
const CACHE_LINE: usize = 64;
const NO_SERVICE: u32 = u32::MAX;
const DELEGATION: u8 = 1;
/// At or below a delegation.
const DELEGATED: u8 = 2;
/// Another zone here answers for this name: it lies below the origin of a hosted child.
const HIDDEN: u8 = 4;
/// Nobody chooses the names of a zone to make its look-ups slow; those who could own it.
const HASH_SEED: u64 = 0;

/// The nodes of all zones, and where each name is.
#[derive(Default)]
pub struct Nodes {
    arena: Vec<u8>,
    index: Index,
    /// For delegations, by place: address records of the nameservers, as far as the zone has them.
    glue: HashMap<u32, Box<[Glue]>>,
}

/// What a zone has at one name.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    pub place: u32,
    pub zone: u32,
    pub service: Option<u32>,
    flags: u8,
    name: &'a [u8],
    body: &'a [u8],
}

impl Nodes {
    /// The node of a name in the zone that answers for it.
    pub fn visible(&self, name: &[u8]) -> Option<Node<'_>> {
        self.find(name, |node| node.flags & HIDDEN == 0)
    }

    /// The node of a name in one zone, whether or not that zone answers for it.
    pub fn of_zone(&self, zone: u32, name: &[u8]) -> Option<Node<'_>> {
        self.find(name, |node| node.zone == zone)
    }

    /// The glue of a delegation.
    pub fn glue(&self, node: Node) -> &[Glue] {
        self.glue.get(&node.place).map_or(&[], |glue| glue)
    }

    /// Large pieces of memory that a look-up reads at random.
    pub fn memory(&self) -> (&[u8], &[u64]) {
        (&self.arena, self.index.memory())
    }

    /// Reads the beginnings of nodes that will be asked for, and gives their sum, which means nothing.
    ///
    /// Each step waits for memory once for all names, instead of once for each of them: the processor reads ahead of
    /// what does not depend on what it waits for.
    pub fn touch(&self, hashes: &[u64], places: &mut Vec<u32>) -> u8 {
        places.clear();
        places.extend(hashes.iter().filter_map(|&hash| self.index.likely(hash)));
        let octet = |at: usize| self.arena.get(at).copied().unwrap_or(0);
        places.iter().fold(0, |sum, &place| {
            let at = place as usize * UNIT;
            sum ^ octet(at) ^ octet(at + CACHE_LINE)
        })
    }

    fn find<'a>(&'a self, name: &[u8], mut is_right: impl FnMut(Node<'a>) -> bool) -> Option<Node<'a>> {
        let place = self.index.find(hash(name), |place| {
            let node = self.at(place);
            node.name == name && is_right(node)
        })?;
        Some(self.at(place))
    }

    /// The node of a place that `Builder::add` returned.
    #[inline]
    pub fn at(&self, place: u32) -> Node<'_> {
        self.read(place).unwrap_or(Node { place, zone: u32::MAX, service: None, flags: 0, name: &[], body: &[] })
    }

    #[inline]
    fn read(&self, place: u32) -> Option<Node<'_>> {
        let octets = self.arena.get(place as usize * UNIT..)?;
        let (header, rest) = octets.split_first_chunk::<HEADER>()?;
        let word = |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (name, rest) = rest.split_at_checked(usize::from(header[13]))?;
        let service = word(4);
        Some(Node {
            place,
            zone: word(8),
            service: (service != NO_SERVICE).then_some(service),
            flags: header[12],
            name,
            body: rest.get(..word(0) as usize)?,
        })
    }
}

/// The hash of a name in lower case.
pub fn hash(name: &[u8]) -> u64 {
    FixedState::with_seed(HASH_SEED).hash_one(name)
}

impl<'a> Node<'a> {
    /// Its name, in lower case.
    pub const fn name(&self) -> &'a [u8] {
        self.name
    }

    /// Whether it is a delegation: answers from here down are referrals.
    pub const fn delegation(&self) -> bool {
        self.flags & DELEGATION != 0
    }

    /// Whether it is at or below a delegation: then it is not found by its name alone.
    pub const fn delegated(&self) -> bool {
        self.flags & DELEGATED != 0
    }

    /// The records of a type, which are none or at least one.
    pub fn rrset(&self, rtype: u16) -> Option<Tails<'a>> {
        self.rrsets().find(|tails| tails.rtype() == Some(rtype))
    }

    /// The records by type.
    pub fn rrsets(&self) -> impl Iterator<Item = Tails<'a>> {
        let mut body = self.body;
        std::iter::from_fn(move || {
            let (octets, rest) = body.split_first_chunk::<4>()?;
            let (tails, rest) = rest.split_at_checked(u32::from_ne_bytes(*octets) as usize)?;
            body = rest;
            Some(Tails(tails))
        })
    }

    /// Whether it has no static record.
    pub const fn is_bare(&self) -> bool {
        self.body.is_empty()
    }

    /// The lowest TTL of what is here: that of the answer to ANY.
    pub fn lowest_ttl(&self) -> Option<u32> {
        self.rrsets().filter_map(|mut tails| tails.next()).filter_map(ttl).min()
    }
}

fn ttl(tail: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(tail.get(4..8)?.try_into().ok()?))
}

/// The records of one type, each behind its owner name: type, class, TTL, RDLENGTH, RDATA.
#[derive(Clone)]
pub struct Tails<'a>(&'a [u8]);

impl Tails<'_> {
    fn rtype(&self) -> Option<u16> {
        self.0.first_chunk().map(|octets| u16::from_be_bytes(*octets))
    }
}

impl<'a> Iterator for Tails<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(*self.0.get(TAIL_RDATA - 2..TAIL_RDATA)?.first_chunk()?);
        let (tail, rest) = self.0.split_at_checked(TAIL_RDATA + usize::from(length))?;
        self.0 = rest;
        Some(tail)
    }
}

/// What is known of a node when it is added.
pub struct Entry<'a> {
    pub zone: u32,
    pub name: &'a [u8],
    pub service: Option<u32>,
    pub delegation: bool,
    pub delegated: bool,
    pub hidden: bool,
}

/// Writes nodes, one after the other.
pub struct Builder {
    nodes: Nodes,
    room: usize,
    /// Nodes that are not in the index yet: a run of insertions waits for memory once, not once for each.
    waiting: Vec<(u64, u32)>,
}

/// In one run of insertions.
const RUN: usize = 64;

/// There are more nodes than was said, or a name, a value or all of them are too long.
#[derive(Debug)]
pub struct TooMuch;

impl Builder {
    /// Makes room for so many nodes, and about so many octets of names and records.
    pub fn new(nodes: usize, octets: usize) -> Self {
        let arena = Vec::with_capacity(octets + nodes * (HEADER + UNIT));
        let empty = Nodes { arena, index: Index::with_capacity(nodes), glue: HashMap::new() };
        Self { nodes: empty, room: nodes, waiting: Vec::with_capacity(RUN) }
    }

    /// What was added so far.
    pub fn nodes(&mut self) -> &Nodes {
        self.insert();
        &self.nodes
    }

    fn insert(&mut self) {
        for (hash, place) in self.waiting.drain(..) {
            self.nodes.index.insert(hash, place);
        }
    }

    /// Adds a node with its records: type, TTL and the values of each; returns its place.
    pub fn add<'a, R: Iterator<Item = &'a [u8]>>(
        &mut self,
        entry: &Entry,
        rrsets: impl Iterator<Item = (u16, u32, R)>,
    ) -> Result<u32, TooMuch> {
        let arena = &mut self.nodes.arena;
        let start = arena.len();
        let place = u32::try_from(start / UNIT).ok().filter(|&place| place < u32::MAX).ok_or(TooMuch)?;
        let name_length = u8::try_from(entry.name.len()).map_err(|_| TooMuch)?;
        self.room = self.room.checked_sub(1).ok_or(TooMuch)?;
        arena.extend([0; 4]);
        arena.extend(entry.service.unwrap_or(NO_SERVICE).to_ne_bytes());
        arena.extend(entry.zone.to_ne_bytes());
        arena.extend([entry.flags(), name_length]);
        arena.extend(entry.name);
        let body = arena.len();
        for (rtype, ttl, rdatas) in rrsets {
            write_rrset(arena, rtype, ttl, rdatas)?;
        }
        set_length(arena, start, body)?;
        arena.resize(arena.len().next_multiple_of(UNIT), 0);
        self.waiting.push((hash(entry.name), place));
        if self.waiting.len() == RUN {
            self.insert();
        }
        Ok(place)
    }

    /// Sets the glue of a delegation.
    pub fn set_glue(&mut self, place: u32, glue: Box<[Glue]>) {
        self.nodes.glue.insert(place, glue);
    }

    /// Returns the nodes.
    pub fn build(mut self) -> Nodes {
        self.insert();
        self.nodes.arena.shrink_to_fit();
        self.nodes
    }
}

impl Entry<'_> {
    fn flags(&self) -> u8 {
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        flag(self.delegation, DELEGATION) | flag(self.delegated, DELEGATED) | flag(self.hidden, HIDDEN)
    }
}

fn write_rrset<'a>(
    arena: &mut Vec<u8>,
    rtype: u16,
    ttl: u32,
    rdatas: impl Iterator<Item = &'a [u8]>,
) -> Result<(), TooMuch> {
    let start = arena.len();
    arena.extend([0; 4]);
    for rdata in rdatas {
        if rdata.len() > usize::from(u16::MAX) {
            return Err(TooMuch);
        }
        write_tail(arena, rtype, ttl, rdata);
    }
    set_length(arena, start, start + 4)
}

/// Writes the octets from `body` on at `at`.
fn set_length(arena: &mut [u8], at: usize, body: usize) -> Result<(), TooMuch> {
    let length = u32::try_from(arena.len() - body).map_err(|_| TooMuch)?;
    arena[at..at + 4].copy_from_slice(&length.to_ne_bytes());
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const VALUES: [&[u8]; 2] = [b"\x01\x02\x03\x04", b"\x01\x02\x03\x05"];

    fn built() -> Nodes {
        let mut builder = Builder::new(3, 0);
        for (zone, name, hidden) in [(0, b"\x01a\x00", false), (0, b"\x01b\x00", true), (1, b"\x01b\x00", false)] {
            let entry = Entry { zone, name, service: Some(zone), delegation: hidden, delegated: hidden, hidden };
            builder.add(&entry, [(1, 60 + zone, VALUES.into_iter()), (16, 5, VALUES.into_iter())].into_iter()).unwrap();
        }
        builder.build()
    }

    #[test]
    fn a_name_of_two_zones_is_found_where_it_answers_and_in_each() {
        let nodes = built();
        assert_eq!(nodes.visible(b"\x01b\x00").unwrap().zone, 1);
        assert!(nodes.of_zone(0, b"\x01b\x00").unwrap().delegation());
        assert!(nodes.visible(b"\x01c\x00").is_none());
        assert!(nodes.of_zone(2, b"\x01a\x00").is_none());
    }

    #[test]
    fn records_are_found_by_their_type() {
        let nodes = built();
        let node = nodes.visible(b"\x01b\x00").unwrap();
        let tails: Vec<_> = node.rrset(1).unwrap().collect();
        assert_eq!(tails[1], b"\x00\x01\x00\x01\x00\x00\x00\x3d\x00\x04\x01\x02\x03\x05");
        assert!(node.rrset(28).is_none());
        assert_eq!((node.lowest_ttl(), node.service, node.is_bare()), (Some(5), Some(1), false));
    }

    #[test]
    fn what_will_be_asked_for_is_touched_and_nothing_else() {
        let (nodes, mut places) = (built(), Vec::new());
        nodes.touch(&[hash(b"\x01a\x00"), hash(b"\x01x\x00")], &mut places);
        assert_eq!(places, [nodes.visible(b"\x01a\x00").unwrap().place]);
    }

    #[test]
    fn more_nodes_than_there_is_room_for_are_refused() {
        let mut builder = Builder::new(0, 0);
        let entry = Entry { zone: 0, name: b"\x00", service: None, delegation: false, delegated: false, hidden: false };
        assert!(builder.add(&entry, std::iter::empty::<(u16, u32, std::iter::Empty<&[u8]>)>()).is_err());
    }

    #[test]
    fn a_place_out_of_the_arena_is_an_empty_node() {
        assert!(built().at(u32::MAX - 1).is_bare());
    }
}
