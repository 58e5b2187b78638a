//! What every serving thread has: an engine's scratch, coins, counters, and the plan of the present batch.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::Guard;
use gtm_core::{prepare, respond, Scratch};

use crate::counters::Block;
use crate::publish::{Published, Served};

/// One batch in so many is timed, query by query: reading the clock twice costs a tenth of an answer.
const TIMED_ONE_IN: u32 = 64;

/// The engine on one thread.
pub struct Worker {
    published: Arc<Published>,
    number: usize,
    scratch: Scratch,
    /// wyrand: 64 bits of state, one multiplication a coin. Nothing secret hangs on it; it only shares out load.
    coins: fastrand::Rng,
    turns: u32,
    pub block: Arc<Block>,
    pub stopping: Arc<AtomicBool>,
}

impl Worker {
    pub fn new(published: Arc<Published>, block: Arc<Block>, number: usize, stopping: Arc<AtomicBool>) -> Self {
        // RandomState is keyed by the system's random numbers, and no two are alike
        let coins = fastrand::Rng::with_seed(RandomState::new().hash_one(number));
        Self { published, number, scratch: Scratch::default(), coins, turns: 0, block, stopping }
    }

    /// Begins a batch: all of it is answered from one plan. It must end before the thread waits again.
    pub fn turn(&mut self) -> Turn<'_> {
        self.turns = self.turns.wrapping_add(1);
        let timed = self.turns % TIMED_ONE_IN == 0;
        Turn {
            served: self.published.load(),
            number: self.number,
            scratch: &mut self.scratch,
            coins: &mut self.coins,
            block: &self.block,
            timed,
        }
    }
}

/// One batch.
pub struct Turn<'a> {
    served: Guard<Arc<Served>>,
    number: usize,
    scratch: &'a mut Scratch,
    coins: &'a mut fastrand::Rng,
    block: &'a Block,
    timed: bool,
}

impl Turn<'_> {
    /// Prepares for the messages of the batch.
    pub fn prepare<'a>(&mut self, messages: impl Iterator<Item = &'a [u8]>) {
        prepare(&self.served.plan, messages, self.scratch);
    }

    /// Writes the answer to a message, counts it, and returns its length; none where silence is right.
    pub fn respond(&mut self, wire: &[u8], client: IpAddr, out: &mut [u8]) -> Option<usize> {
        let coin = self.coins.u64(..);
        let started = self.timed.then(Instant::now);
        let answer = respond(&self.served.plan, wire, client, self.block.transport(), coin, self.scratch, out);
        if let Some(started) = started {
            self.block.took(started.elapsed());
        }
        let Some((length, tally)) = answer else {
            self.block.ignored.add(1);
            return None;
        };
        self.block.answered(tally.rtype, tally.rcode, tally.fails_open);
        self.served.sheet.answered(self.number, &tally);
        Some(length)
    }
}
