//! Bytes from Python -> plan. `gtm/plan/blob.py` composes them; both say the same VERSION.
//!
//! `MessagePack` arrays in the order of the fields. Nothing here trusts them: an index that leads nowhere, a name that
//! is none or a table that does not cover its family is an error, and the last plan goes on serving.

use std::fmt;
use std::sync::Arc;

use hashbrown::HashSet;
use serde::Deserialize;
use serde_bytes::Bytes;

use crate::bulk::{self, Bulk, Row};
use crate::name::MAX_NAME;
use crate::networks::{CellMap, Networks};
use crate::nodes::{Builder, Entry, Nodes, TooMuch};
use crate::plan::{
    tail, Answer, Choose, Decision, Decisions, Glue, Names, Outcome, Pick, Plan, Service, Spread, State, Zone,
    TAIL_RDATA,
};
use crate::wire::rtype;

/// The version of the form; Python and Rust of one release agree.
const VERSION: u32 = 4;

/// Why a blob is no plan.
#[derive(Debug)]
pub struct BlobError(String);

impl fmt::Display for BlobError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for BlobError {}

impl From<rmp_serde::decode::Error> for BlobError {
    fn from(error: rmp_serde::decode::Error) -> Self {
        Self(format!("not a plan: {error}"))
    }
}

impl From<bulk::Malformed> for BlobError {
    fn from(_: bulk::Malformed) -> Self {
        Self("not a plan: rows that are none".into())
    }
}

impl From<TooMuch> for BlobError {
    fn from(_: TooMuch) -> Self {
        Self("not a plan: more names or records than there can be".into())
    }
}

fn wrong<T>(what: &str) -> Result<T, BlobError> {
    Err(BlobError(format!("not a plan: {what}")))
}

#[derive(Deserialize)]
struct NamesBlob<'a> {
    version: u32,
    regions: Vec<String>,
    #[serde(borrow)]
    maps: Vec<MapBlob<'a>>,
    #[serde(borrow)]
    services: Vec<ServiceBlob<'a>>,
    #[serde(borrow)]
    zones: Vec<ZoneBlob<'a>>,
}

#[derive(Deserialize)]
struct MapBlob<'a>(#[serde(borrow)] TableBlob<'a>, #[serde(borrow)] TableBlob<'a>);

/// Starts, lengths and cells, as big-endian columns of 4 or 16, 1 and 4 octets.
#[derive(Deserialize)]
struct TableBlob<'a>(#[serde(borrow)] &'a Bytes, #[serde(borrow)] &'a Bytes, #[serde(borrow)] &'a Bytes);

#[derive(Deserialize)]
struct ServiceBlob<'a> {
    name: String,
    map: u32,
    aliases_only: bool,
    #[serde(borrow)]
    answers: Vec<AnswerBlob<'a>>,
}

/// Type, region, RDATA.
#[derive(Deserialize)]
struct AnswerBlob<'a>(u16, u32, #[serde(borrow)] &'a Bytes);

#[derive(Deserialize)]
struct ZoneBlob<'a> {
    name: String,
    #[serde(borrow)]
    origin: &'a Bytes,
    soa_ttl: u32,
    #[serde(borrow)]
    soa: &'a Bytes,
    #[serde(borrow)]
    nodes: Vec<NodeBlob<'a>>,
    /// What a master file has at other names.
    #[serde(borrow)]
    bulk: &'a Bytes,
}

#[derive(Deserialize)]
struct NodeBlob<'a> {
    #[serde(borrow)]
    name: &'a Bytes,
    #[serde(borrow)]
    rrsets: Vec<RRsetBlob<'a>>,
    service: Option<u32>,
    delegation: bool,
}

#[derive(Deserialize)]
struct RRsetBlob<'a>(u16, u32, #[serde(borrow)] Vec<&'a Bytes>);

#[derive(Deserialize)]
struct DecisionsBlob<'a> {
    version: u32,
    generation: u64,
    #[serde(borrow)]
    spreads: Vec<SpreadBlob<'a>>,
    #[serde(borrow)]
    ttls: Vec<&'a Bytes>,
    /// For each service three numbers: its own, its spread's, its TTLs'.
    #[serde(borrow)]
    services: &'a Bytes,
}

#[derive(Deserialize)]
struct SpreadBlob<'a> {
    #[serde(borrow)]
    by_cell: &'a Bytes,
    different: Vec<Vec<SelectedBlob>>,
}

#[derive(Deserialize)]
struct SelectedBlob {
    rtype: u16,
    choose: u8,
    count: u32,
    state: u8,
    rcode: u16,
    /// Number and weight.
    picks: Vec<(u32, u64)>,
}

impl Names {
    /// Reads the part of a plan that changes with zones and geo data.
    ///
    /// # Errors
    /// When the bytes are not of the form that `gtm/plan/blob.py` composes.
    pub fn parse(blob: &[u8]) -> Result<Self, BlobError> {
        let blob: NamesBlob = rmp_serde::from_slice(blob)?;
        if blob.version != VERSION {
            return wrong("made by another version");
        }
        let maps = blob.maps.iter().map(cell_map).collect::<Result<_, _>>()?;
        let mut names = Self { maps, region_names: blob.regions, ..Self::default() };
        for service in blob.services {
            if service.map as usize >= names.maps.len() {
                return wrong("a service without a map");
            }
            let answers = answers(&service.answers, names.region_names.len())?;
            names.services.push(Service { map: service.map, aliases_only: service.aliases_only, answers });
            names.service_names.push(service.name);
        }
        for (number, zone) in blob.zones.iter().enumerate() {
            names.origins.insert(key(zone.origin)?, number as u32);
        }
        add_zones(&mut names, &blob.zones)?;
        Ok(names)
    }
}

fn add_zones(names: &mut Names, blobs: &[ZoneBlob]) -> Result<(), BlobError> {
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

impl Plan {
    /// A plan that serves nothing: every query is REFUSED.
    #[must_use]
    pub fn empty() -> Self {
        Self { generation: 0, names: Arc::default(), decisions: Vec::new() }
    }

    /// Makes the first plan of new names: the blob must decide every service.
    ///
    /// # Errors
    /// When the bytes are not of the form that `gtm/plan/blob.py` composes.
    pub fn first(names: Names, blob: &[u8]) -> Result<Self, BlobError> {
        Self { generation: 0, names: Arc::new(names), decisions: Vec::new() }.with(blob, true)
    }

    /// Makes the plan that follows this one: the services that the blob names are decided anew.
    ///
    /// # Errors
    /// When the bytes are not of the form that `gtm/plan/blob.py` composes.
    pub fn next(&self, blob: &[u8]) -> Result<Self, BlobError> {
        self.with(blob, false)
    }

    /// The names that this plan serves.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    fn with(&self, blob: &[u8], all: bool) -> Result<Self, BlobError> {
        let blob: DecisionsBlob = rmp_serde::from_slice(blob)?;
        if blob.version != VERSION {
            return wrong("made by another version");
        }
        let spreads = blob.spreads.into_iter().map(spread).collect::<Result<Vec<_>, _>>()?;
        let ttls = blob.ttls.iter().map(|octets| numbers(octets)).collect::<Result<Vec<_>, _>>()?;
        let mut decisions: Vec<Option<Decisions>> = self.decisions.iter().cloned().map(Some).collect();
        decisions.resize(self.names.services.len(), None);
        for row in numbers(blob.services)?.chunks(3) {
            let &[service, spread, ttl] = row else {
                return wrong("services without their decisions");
            };
            let Some(slot) = decisions.get_mut(service as usize) else {
                return wrong("decisions of no service");
            };
            *slot = Some(self.decisions_of(service, spreads.get(spread as usize), ttls.get(ttl as usize))?);
        }
        let decisions = decisions.into_iter().collect::<Option<Vec<_>>>();
        match decisions {
            Some(decisions) if !all || decisions.len() == self.names.services.len() => {
                Ok(Self { generation: blob.generation, names: Arc::clone(&self.names), decisions })
            }
            _ => wrong("a service is not decided"),
        }
    }

    fn decisions_of(
        &self,
        service: u32,
        spread: Option<&Arc<Spread>>,
        ttls: Option<&Arc<[u32]>>,
    ) -> Result<Decisions, BlobError> {
        let (Some(spread), Some(ttls)) = (spread, ttls) else {
            return wrong("a service without a spread");
        };
        let service = &self.names.services[service as usize];
        let map = &self.names.maps[service.map as usize];
        if map.highest as usize >= spread.by_cell.len() {
            return wrong("a cell that is not decided");
        }
        if spread.answers > service.answers.len() || spread.different.len() != ttls.len() {
            return wrong("a spread of another service");
        }
        Ok(Decisions { spread: Arc::clone(spread), ttls: Arc::clone(ttls) })
    }
}

fn answers(blob: &[AnswerBlob], regions: usize) -> Result<Box<[Answer]>, BlobError> {
    let answer = |&AnswerBlob(rtype, region, rdata): &AnswerBlob| {
        if region as usize >= regions {
            return wrong("an answer without its region");
        }
        Ok(Answer { rtype, region, tail: tail(rtype, 0, rdata) })
    };
    blob.iter().map(answer).collect()
}

fn spread(blob: SpreadBlob) -> Result<Arc<Spread>, BlobError> {
    let by_cell: Box<[u32]> = numbers(blob.by_cell)?.iter().copied().collect();
    if by_cell.iter().any(|&number| number as usize >= blob.different.len()) {
        return wrong("a cell that is not decided");
    }
    let picks = blob.different.iter().flatten().flat_map(|selected| &selected.picks);
    let answers = picks.map(|&(number, _)| number as usize + 1).max().unwrap_or(0);
    let different = blob
        .different
        .into_iter()
        .map(|part| Ok(Decision { outcomes: part.into_iter().map(outcome).collect::<Result<_, _>>()? }))
        .collect::<Result<_, BlobError>>()?;
    Ok(Arc::new(Spread { different, by_cell, answers }))
}

fn state(number: u8) -> Result<State, BlobError> {
    match number {
        0 => Ok(State::Steady),
        1 => Ok(State::Degraded),
        2 => Ok(State::FailOpen),
        3 => Ok(State::FailClosed),
        _ => wrong("an unknown state"),
    }
}

fn outcome(blob: SelectedBlob) -> Result<Outcome, BlobError> {
    let choose = match blob.choose {
        0 => Choose::All,
        1 => Choose::One,
        2 => Choose::Shuffle,
        3 => Choose::Rotate,
        _ => return wrong("an unknown way to choose"),
    };
    let picks: Box<[_]> = blob.picks.into_iter().map(|(number, weight)| Pick { number, weight }).collect();
    let Some(total) = picks.iter().try_fold(0u64, |sum, pick| sum.checked_add(pick.weight)) else {
        return wrong("weights without end");
    };
    Ok(Outcome {
        rtype: blob.rtype,
        choose,
        count: blob.count as usize,
        state: state(blob.state)?,
        rcode: blob.rcode,
        total,
        picks,
    })
}

fn cell_map(blob: &MapBlob) -> Result<CellMap, BlobError> {
    let v4 = columns(&blob.0).and_then(|(starts, lengths, cells)| Networks::new(starts, &lengths, &cells));
    let v6 = columns(&blob.1).and_then(|(starts, lengths, cells)| Networks::new(starts, &lengths, &cells));
    match (v4, v6) {
        (Some(v4), Some(v6)) => Ok(CellMap::new(v4, v6)),
        _ => wrong("a map that does not cover its family"),
    }
}

trait Number: Sized {
    fn read(octets: &[u8]) -> Option<Vec<Self>>;
}

macro_rules! number {
    ($kind:ty, $size:literal) => {
        impl Number for $kind {
            fn read(octets: &[u8]) -> Option<Vec<Self>> {
                let exact = octets.chunks_exact($size);
                if !exact.remainder().is_empty() {
                    return None;
                }
                Some(exact.filter_map(|chunk| chunk.try_into().ok()).map(<$kind>::from_be_bytes).collect())
            }
        }
    };
}
number!(u32, 4);
number!(u128, 16);

fn columns<A: Number>(table: &TableBlob) -> Option<(Vec<A>, Vec<u8>, Vec<u32>)> {
    Some((A::read(table.0)?, table.1.to_vec(), u32::read(table.2)?))
}

fn numbers(octets: &[u8]) -> Result<Arc<[u32]>, BlobError> {
    u32::read(octets).map_or_else(|| wrong("cells that are no numbers"), |numbers| Ok(numbers.into()))
}

/// A name of the plan: lower case, uncompressed, at most 255 octets.
fn key(name: &Bytes) -> Result<Box<[u8]>, BlobError> {
    let mut at = 0;
    while let Some(&length) = name.get(at) {
        at += 1 + usize::from(length);
        if length == 0 && at == name.len() && at <= MAX_NAME {
            return Ok(Box::from(&name[..]));
        }
        if length == 0 || length > 63 {
            break;
        }
    }
    wrong("a name that is none")
}

fn labels(name: &[u8]) -> usize {
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

/// The zone with the longest origin that a name lies in.
fn owner_zone(names: &Names, name: &[u8]) -> Option<u32> {
    suffixes(name).find_map(|suffix| names.origins.get(suffix).copied())
}

/// A name, and then without its first label, and so on to the root.
fn suffixes(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(name), |rest| match rest.first() {
        Some(&length) if length > 0 => rest.get(1 + usize::from(length)..),
        _ => None,
    })
}
