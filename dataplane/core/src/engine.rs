//! Plan, query, client and coin -> answer; the twin of `gtm/engine/reference.py`, section for section.
//!
//! ```text
//! a name in the plan         one look-up, ready-made record tails
//! below a delegation         the referral, with glue
//! a wildcard covers it       the wildcard's node, owned by the name that was asked (RFC 4592)
//! an alias within the zone   go on at its target, at most MAX_ALIASES times; there may be a delegation
//! ```

use std::net::IpAddr;

use crate::choose::choose;
use crate::closing::Closing;
use crate::lookup::{find, locate, Found};
use crate::name::{self, Name};
use crate::nodes::{hash, Node};
use crate::options::Subnet;
use crate::plan::{Answer, Outcome, Plan, State, Zone};
use crate::query::{self, Query};
use crate::record::TAIL_RDATA;
use crate::reply::{udp_limit, Owner, Section, Writer, TCP_LIMIT};
use crate::wire::{rcode, rtype as kind, CLASS_IN, HEADER};

/// So many CNAMEs of one zone are followed for one answer; a resolver asks on from there.
const MAX_ALIASES: usize = 8;
/// IXFR, AXFR, MAILB, MAILA: transfers are not offered, and the mail types are obsolete.
const REFUSED_TYPES: std::ops::RangeInclusive<u16> = 251..=254;
/// The HINFO that answers ANY (RFC 8482 4.2).
const ANY_RDATA: &[u8] = b"\x07RFC8482\x00";

/// How a query came; it decides the limits of the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// In one datagram.
    Udp,
    /// In a stream.
    Tcp,
}

/// No zone, service or region.
pub const NONE: u32 = u32::MAX;

/// What an answer was, for counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The number of the zone that answered, or `NONE`.
    pub zone: u32,
    /// The number of the last service that answered, or `NONE`.
    pub service: u32,
    /// The number of the region of its first answer, or `NONE`.
    pub region: u32,
    /// The type that was asked for; 0 without a question.
    pub rtype: u16,
    /// The full RCODE.
    pub rcode: u16,
    /// Whether a service on the way failed open.
    pub fails_open: bool,
}

/// What one thread works with, made once: no query allocates.
pub struct Scratch {
    asked: Name,
    folded: Name,
    alias: Name,
    written: Vec<(u16, u8)>,
    deck: Vec<u32>,
    /// Of the names of a batch.
    hashes: Vec<u64>,
    places: Vec<u32>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            asked: Name::empty(),
            folded: Name::empty(),
            alias: Name::empty(),
            written: Vec::with_capacity(256),
            deck: Vec::with_capacity(256),
            hashes: Vec::with_capacity(256),
            places: Vec::with_capacity(256),
        }
    }
}

/// Writes the answer to a message into `out`, and returns its length; none where silence is right.
///
/// `client` is the address the message came from; `coin` is a uniform random number, and all the chance there is. `out`
/// holds the longest answer of the transport: 1232 octets for UDP, 65,535 for TCP.
pub fn respond(
    plan: &Plan,
    wire: &[u8],
    client: IpAddr,
    transport: Transport,
    coin: u64,
    scratch: &mut Scratch,
    out: &mut [u8],
) -> Option<(usize, Tally)> {
    let Scratch { asked, folded, alias, written, deck, .. } = scratch;
    let query = query::parse(wire, asked)?;
    let limit = match transport {
        Transport::Udp => udp_limit(query.edns.as_ref()),
        Transport::Tcp => TCP_LIMIT,
    };
    folded.fold(asked);
    let writer = Writer::begin(out, limit, &query, asked, written);
    let tally = Tally { zone: NONE, service: NONE, region: NONE, rtype: 0, rcode: 0, fails_open: false };
    let mut answering = Answering {
        plan,
        query: &query,
        client,
        coin,
        asked,
        folded,
        alias,
        deck,
        writer,
        tally,
        scope: 0,
        all_down: false,
    };
    let closing = answering.reply();
    let mut tally = answering.tally;
    tally.rcode = closing.rcode;
    tally.rtype = query.question.map_or(0, |(rtype, _)| rtype);
    Some((answering.writer.close(&closing), tally))
}

/// An arena from this size on does not stay in the processor's second-level cache beside everything else.
const LARGE: usize = 1024 * 1024;

/// Has the memory near that answers to these messages are in, all of it at once: worth it for several messages, and for
/// plans of many names; of others it does nothing.
pub fn prepare<'a>(plan: &Plan, messages: impl Iterator<Item = &'a [u8]>, scratch: &mut Scratch) {
    let nodes = &plan.names.nodes;
    if nodes.memory().0.len() < LARGE {
        return;
    }
    let Scratch { asked, folded, hashes, places, .. } = scratch;
    hashes.clear();
    hashes.extend(messages.filter_map(|wire| {
        name::read(wire, HEADER, asked).ok()?;
        folded.fold(asked);
        Some(hash(folded.octets()))
    }));
    std::hint::black_box(nodes.touch(hashes, places));
}

struct Answering<'a> {
    plan: &'a Plan,
    query: &'a Query<'a>,
    client: IpAddr,
    coin: u64,
    asked: &'a Name,
    /// The name that is looked up: what was asked, later the target of an alias; in lower case.
    folded: &'a mut Name,
    /// Room for the target of an alias, in its own case.
    alias: &'a mut Name,
    deck: &'a mut Vec<u32>,
    writer: Writer<'a>,
    tally: Tally,
    scope: u8,
    /// Whether a service on the way has no endpoint that is up: the reply says so (RFC 8914).
    all_down: bool,
}

impl<'a> Answering<'a> {
    fn reply(&mut self) -> Closing {
        let Some((rtype, rclass)) = self.query.question.filter(|_| self.query.rcode == rcode::NOERROR) else {
            return Closing::refusal(self.query.rcode);
        };
        if rclass != CLASS_IN || REFUSED_TYPES.contains(&rtype) {
            return Closing::refusal(rcode::REFUSED);
        }
        let Some((zone, node)) = locate(&self.plan.names, self.folded, rtype) else {
            return Closing::refusal(rcode::REFUSED);
        };
        self.tally.zone = zone;
        let mut closing = self.followed(zone, node, rtype);
        closing.all_down = self.all_down;
        closing
    }

    fn followed(&mut self, number: u32, mut known: Option<Node<'a>>, rtype: u16) -> Closing {
        let plan = self.plan;
        let zone = &plan.names.zones[number as usize];
        let mut owner = Owner::Asked(0);
        let mut aliases = 0;
        loop {
            match known.map_or_else(|| find(&plan.names, number, self.folded, rtype), Found::Match) {
                Found::Nothing => return self.negative(zone, rcode::NXDOMAIN, zone.soa_ttl),
                Found::Referral(node, cut) => return self.referral(node, owner.parent(cut), aliases > 0),
                Found::Match(node) => match self.at(node, zone, owner, rtype) {
                    Step::Done(closing) => return closing,
                    Step::Alias(target) => {
                        aliases += 1;
                        self.alias.set(target);
                        self.folded.fold(self.alias);
                        let located = locate(&plan.names, self.folded, rtype).filter(|(zone, _)| *zone == number);
                        let Some((_, node)) = located.filter(|_| aliases < MAX_ALIASES) else {
                            return self.finished();
                        };
                        known = node;
                        owner = Owner::Plan(target);
                    }
                },
            }
        }
    }

    /// What a node makes of the question: a reply, or the target of an alias to go on at.
    fn at(&mut self, node: Node<'a>, zone: &Zone, owner: Owner, asked: u16) -> Step<'a> {
        let mut rtype = asked;
        if asked == kind::ANY && (!node.is_bare() || node.service.is_some()) {
            if !self.is_alias(node) {
                return Step::Done(self.any(node, zone, owner));
            }
            rtype = kind::CNAME; // RFC 8482 4.2: HINFO is for names without one
        }
        if let Some(service) = node.service {
            if let Some(decided) = self.steered(service, rtype) {
                return self.take(&decided, zone, owner, rtype);
            }
        }
        if let Some(rrset) = node.rrset(rtype) {
            for tail in rrset {
                self.writer.record(Section::Answer, owner, tail);
            }
            return Step::Done(self.finished());
        }
        let Some(mut alias) = node.rrset(kind::CNAME) else {
            return Step::Done(self.negative(zone, rcode::NOERROR, zone.soa_ttl));
        };
        for tail in alias.clone() {
            self.writer.record(Section::Answer, owner, tail);
        }
        match alias.next() {
            Some(tail) => Step::Alias(&tail[TAIL_RDATA..]),
            None => Step::Done(self.finished()),
        }
    }

    fn is_alias(&self, node: Node) -> bool {
        let aliases_only = |service: u32| self.plan.names.services[service as usize].aliases_only;
        node.rrset(kind::CNAME).is_some() || node.service.is_some_and(aliases_only)
    }

    /// The outcome for the asker's cell; none when the service does not answer this type.
    fn steered(&mut self, service: u32, rtype: u16) -> Option<Decided<'a>> {
        let plan = self.plan;
        let steered = &plan.names.services[service as usize];
        let subnet = self.query.edns.as_ref().and_then(|edns| edns.options.subnet.as_ref());
        let address = subnet.and_then(Subnet::client).unwrap_or(self.client);
        let hit = plan.names.maps[steered.map as usize].lookup(address, self.client);
        let decisions = &plan.decisions[service as usize];
        let number = decisions.spread.by_cell[hit.cell as usize] as usize;
        let decision = &decisions.spread.different[number];
        let mut outcome = decision.outcome(rtype);
        if outcome.is_none() && steered.aliases_only {
            outcome = decision.outcome(kind::CNAME);
        }
        let outcome = outcome?;
        self.scope = self.scope.max(hit.prefix_length);
        self.tally.fails_open |= outcome.state == State::FailOpen;
        self.all_down |= matches!(outcome.state, State::FailOpen | State::FailClosed);
        self.tally.service = service;
        Some(Decided { outcome, answers: &steered.answers, ttl: decisions.ttls[number] })
    }

    fn take(&mut self, decided: &Decided<'a>, zone: &Zone, owner: Owner, rtype: u16) -> Step<'a> {
        let &Decided { outcome, answers, ttl } = decided;
        if outcome.rcode != rcode::NOERROR {
            self.writer.clear_records();
            return Step::Done(Closing { scope: self.reply_scope(), ..Closing::refusal(outcome.rcode) });
        }
        let writer = &mut self.writer;
        let mut first = None;
        self.coin = choose(outcome, answers, self.coin, self.deck, |answer| {
            writer.record_with_ttl(Section::Answer, owner, &answer.tail, ttl);
            first = first.or(Some(answer));
        });
        let Some(first) = first else {
            return Step::Done(self.negative(zone, rcode::NOERROR, ttl.min(zone.soa_ttl)));
        };
        self.tally.region = first.region;
        if first.rtype == kind::CNAME && rtype != kind::CNAME {
            return Step::Alias(&first.tail[TAIL_RDATA..]);
        }
        Step::Done(self.finished())
    }

    fn any(&mut self, node: Node, zone: &Zone, owner: Owner) -> Closing {
        let ttl = node.lowest_ttl().unwrap_or(zone.soa_ttl);
        let mut hinfo = [0; TAIL_RDATA + ANY_RDATA.len()];
        hinfo[..2].copy_from_slice(&kind::HINFO.to_be_bytes());
        hinfo[3] = CLASS_IN as u8;
        hinfo[4..8].copy_from_slice(&ttl.to_be_bytes());
        hinfo[9] = ANY_RDATA.len() as u8;
        hinfo[TAIL_RDATA..].copy_from_slice(ANY_RDATA);
        self.writer.record(Section::Answer, owner, &hinfo);
        self.finished()
    }

    fn finished(&self) -> Closing {
        Closing::answer(self.reply_scope())
    }

    /// NXDOMAIN or NODATA with the SOA (RFC 2308 2); the RCODE is that of the last alias (RFC 6604 3).
    fn negative(&mut self, zone: &Zone, rcode: u16, ttl: u32) -> Closing {
        let cut = self.asked.labels() - zone.labels;
        self.writer.record_with_ttl(Section::Authority, Owner::Asked(cut), &zone.soa, ttl);
        Closing { rcode, ..self.finished() }
    }

    /// The delegation with its glue (RFC 1034 4.3.2 step 3b), behind the aliases that lead to it, if there are any:
    /// then it is the first of them that AA is about (RFC 1035 4.1.1).
    fn referral(&mut self, node: Node<'a>, cut: Owner<'a>, authoritative: bool) -> Closing {
        for tail in node.rrset(kind::NS).into_iter().flatten() {
            self.writer.record(Section::Authority, cut, tail);
        }
        let closing = Closing { authoritative, all_down: self.all_down, ..self.finished() };
        for glue in self.plan.names.nodes.glue(node) {
            if glue.in_domain {
                // RFC 9471 3.1: else TC
                for tail in &glue.tails {
                    self.writer.record(Section::Additional, Owner::Plan(&glue.owner), tail);
                }
            } else {
                self.writer.additional(Owner::Plan(&glue.owner), &glue.tails, &closing);
            }
        }
        closing
    }

    fn reply_scope(&self) -> Option<u8> {
        // RFC 7871 7.1.2: a client that asks not to be located gets scope 0
        let subnet = self.query.edns.as_ref()?.options.subnet?;
        Some(if subnet.source == 0 { 0 } else { self.scope })
    }
}

/// What a service answers one query with.
struct Decided<'a> {
    outcome: &'a Outcome,
    answers: &'a [Answer],
    ttl: u32,
}

enum Step<'a> {
    Done(Closing),
    /// Go on at this name.
    Alias(&'a [u8]),
}
