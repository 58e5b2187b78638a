//! The plan, laid out for reading: what Python decided, as tables and ready-made record tails.
//!
//! Two rates, as in `gtm/plan/model.py`: `Names` changes with zones and geo data and is shared by the plans of all the
//! flips of health between two such changes; `Decisions` change with health, one service at a time.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::networks::CellMap;
use crate::nodes::Nodes;
use crate::record::Tail;

/// The only thing an engine reads.
pub struct Plan {
    /// The number of this plan; it only grows.
    pub generation: u64,
    pub(crate) names: Arc<Names>,
    pub(crate) decisions: Vec<Decisions>,
}

/// Everything that changes by the hour.
#[derive(Default)]
pub struct Names {
    pub(crate) zones: Vec<Zone>,
    /// By origin.
    pub(crate) origins: HashMap<Box<[u8]>, u32>,
    pub(crate) nodes: Nodes,
    pub(crate) services: Vec<Service>,
    pub(crate) maps: Vec<CellMap>,
    /// The names of services, for counters.
    pub service_names: Vec<String>,
    /// The names of zones, for counters.
    pub zone_names: Vec<String>,
    /// The names of regions, for counters.
    pub region_names: Vec<String>,
}

impl Names {
    /// The large pieces of memory that queries read at random.
    #[must_use]
    pub fn memory(&self) -> (&[u8], &[u64]) {
        self.nodes.memory()
    }
}

pub struct Zone {
    /// How many labels the origin has.
    pub labels: usize,
    pub soa_ttl: u32,
    /// The SOA record behind its owner name.
    pub soa: Box<[u8]>,
}

pub struct Service {
    pub map: u32,
    pub aliases_only: bool,
    /// What its endpoints answer with; decisions name them by their number here.
    pub answers: Box<[Answer]>,
}

/// What one service answers in each of its cells.
#[derive(Clone)]
pub struct Decisions {
    pub spread: Arc<Spread>,
    /// For each of the spread's different decisions.
    pub ttls: Arc<[u32]>,
}

/// What is decided for all services of one shape.
pub struct Spread {
    pub different: Box<[Decision]>,
    pub by_cell: Box<[u32]>,
    /// A service that uses it has at least so many answers.
    pub answers: usize,
}

pub struct Decision {
    pub outcomes: Box<[Outcome]>,
}

impl Decision {
    pub fn outcome(&self, rtype: u16) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.rtype == rtype)
    }
}

/// What a query of one type gets.
pub struct Outcome {
    pub rtype: u16,
    pub picks: Box<[Pick]>,
    pub choose: Choose,
    /// How many answers SHUFFLE and ROTATE give; 0 means all.
    pub count: usize,
    pub state: State,
    pub rcode: u16,
    /// The sum of the weights.
    pub total: u64,
}

/// How far an outcome is from what it would be with everything up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum State {
    Steady,
    Degraded,
    FailOpen,
    FailClosed,
}

/// How a query chooses among the answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Choose {
    All,
    One,
    Shuffle,
    Rotate,
}

/// One of the service's answers that may be drawn.
pub struct Pick {
    pub number: u32,
    pub weight: u64,
}

pub struct Answer {
    pub rtype: u16,
    pub region: u32,
    /// With a TTL of 0: it is the decision's.
    pub tail: Tail,
}
