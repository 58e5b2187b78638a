//! Decisions blob -> the plan that follows: services that are decided anew, the others as before.

use std::sync::Arc;

use super::columns::numbers;
use super::error::{wrong, BlobError};
use super::format::{DecisionsBlob, SelectedBlob, SpreadBlob, VERSION};
use crate::plan::{Choose, Decision, Decisions, Names, Outcome, Pick, Plan, Spread, State};

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
