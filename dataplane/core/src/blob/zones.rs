//! The nodes of each zone -> the arena that queries read.

use hashbrown::HashSet;

use super::error::{wrong, BlobError};
use super::format::ZoneBlob;
use super::keys::{key, labels, suffixes};
use crate::bulk::{Bulk, Row};
use crate::name::MAX_NAME;
use crate::nodes::{Builder, Entry, Nodes};
use crate::plan::{Names, Zone};
use crate::record::{tail, Glue, TAIL_RDATA};
use crate::wire::rtype;

/// Adds zones and their nodes to names that have the services and all origins.
pub fn add_zones(names: &mut Names, blobs: &[ZoneBlob]) -> Result<(), BlobError> {
    let bulks = blobs.iter().map(|blob| Bulk::parse(blob.bulk, blob.origin)).collect::<Result<Vec<_>, _>>()?;
    let nodes = blobs.iter().map(|blob| blob.nodes.len()).chain(bulks.iter().map(|bulk| bulk.count)).sum();
    let octets = bulks.iter().zip(blobs).map(|(bulk, blob)| bulk.octets() + bulk.count * blob.origin.len()).sum();
    let mut builder = Builder::new(nodes, octets);
    for (number, (blob, &bulk)) in blobs.iter().zip(&bulks).enumerate() {
        let soa = tail(rtype::SOA, blob.soa_ttl, blob.soa);
        names.zones.push(Zone { labels: labels(blob.origin), soa_ttl: blob.soa_ttl, soa });
        names.zone_names.push(blob.name.clone());
        Adding::new(names, &mut builder, blob, bulk, number as u32).run()?;
    }
    names.nodes = builder.build();
    Ok(())
}

/// The nodes of one zone on their way into the arena.
struct Adding<'a> {
    names: &'a Names,
    builder: &'a mut Builder,
    blob: &'a ZoneBlob<'a>,
    bulk: Bulk<'a>,
    zone: u32,
    services: usize,
    /// The names of delegations.
    cuts: HashSet<Vec<u8>>,
    /// Whether another zone lies below this one's origin, and answers for some of its names.
    has_children: bool,
    /// Where delegations are.
    delegations: Vec<u32>,
}

impl<'a> Adding<'a> {
    fn new(names: &'a Names, builder: &'a mut Builder, blob: &'a ZoneBlob<'a>, bulk: Bulk<'a>, zone: u32) -> Self {
        let mut cuts: HashSet<_> =
            blob.nodes.iter().filter(|node| node.delegation).map(|node| node.name.to_vec()).collect();
        let mut buffer = [0; MAX_NAME];
        cuts.extend(bulk.rows().filter(is_delegation).map(|row| row.name(blob.origin, &mut buffer).to_vec()));
        let is_child = |other: &[u8]| suffixes(other).skip(1).any(|suffix| suffix == &**blob.origin);
        let has_children = names.origins.keys().any(|other| is_child(other));
        Self {
            names,
            builder,
            blob,
            bulk,
            zone,
            services: names.services.len(),
            cuts,
            has_children,
            delegations: Vec::new(),
        }
    }

    fn run(mut self) -> Result<(), BlobError> {
        let mut own = HashSet::with_capacity(self.blob.nodes.len());
        for node in &self.blob.nodes {
            let name = key(node.name)?;
            if node.service.is_some_and(|service| service as usize >= self.services) {
                return wrong("a node without its service");
            }
            if !own.insert(&**node.name) {
                return wrong("two nodes of one name");
            }
            let rrsets = node.rrsets.iter().map(|rrset| (rrset.0, rrset.1, rrset.2.iter().map(|rdata| &rdata[..])));
            self.add(&name, node.service, node.delegation, rrsets)?;
        }
        let mut buffer = [0; MAX_NAME];
        for row in self.bulk.rows() {
            let name = row.name(self.blob.origin, &mut buffer);
            if !own.contains(name) {
                self.add(name, None, is_delegation(&row), row.rrsets())?;
            }
        }
        for place in std::mem::take(&mut self.delegations) {
            let glue = glue(self.builder.nodes(), self.zone, place);
            self.builder.set_glue(place, glue);
        }
        Ok(())
    }

    fn add<'b, R: Iterator<Item = &'b [u8]>>(
        &mut self,
        name: &[u8],
        service: Option<u32>,
        delegation: bool,
        rrsets: impl Iterator<Item = (u16, u32, R)>,
    ) -> Result<(), BlobError> {
        let entry = Entry {
            zone: self.zone,
            name,
            service,
            delegation,
            delegated: !self.cuts.is_empty() && suffixes(name).any(|suffix| self.cuts.contains(suffix)),
            hidden: self.has_children && owner_zone(self.names, name) != Some(self.zone),
        };
        let place = self.builder.add(&entry, rrsets)?;
        if delegation {
            self.delegations.push(place);
        }
        Ok(())
    }
}

fn is_delegation(row: &Row) -> bool {
    !row.key.is_empty() && row.rrsets().any(|(kind, ..)| kind == rtype::NS)
}

/// The addresses that the zone has for the nameservers of a delegation; those in the domain itself come first.
fn glue(nodes: &Nodes, zone: u32, place: u32) -> Box<[Glue]> {
    let mut glue = Vec::new();
    let cut = nodes.at(place);
    for server in cut.rrset(rtype::NS).into_iter().flatten().map(|tail| &tail[TAIL_RDATA..]) {
        let name = server.to_ascii_lowercase();
        let Some(node) = nodes.of_zone(zone, &name) else { continue };
        let in_domain = suffixes(&name).any(|suffix| suffix == cut.name());
        let addresses = [rtype::A, rtype::AAAA].into_iter().filter_map(|kind| node.rrset(kind));
        let tails = addresses.map(|tails| tails.map(Box::from).collect());
        glue.extend(tails.map(|tails| Glue { owner: server.into(), tails, in_domain }));
    }
    glue.sort_by_key(|each| !each.in_domain);
    glue.into()
}

/// The zone with the longest origin that a name lies in.
fn owner_zone(names: &Names, name: &[u8]) -> Option<u32> {
    suffixes(name).find_map(|suffix| names.origins.get(suffix).copied())
}
