//! One pointer to what serves: threads load it once per batch, a publisher replaces it, a reaper frees what it replaced.
//!
//! A thread that still reads an old plan would be the one to free it, and a plan of a million names takes a while to
//! free: the reaper holds every old plan until no one else does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use gtm_core::{Plan, Transport};

use crate::counters::{self, Block, Sample};
use crate::ledger::{Ledger, Sheet};
use crate::pages;

/// Longer than most batches: how often the reaper looks whether a plan is still read.
const REAPING: Duration = Duration::from_millis(1);

/// A plan, and where its answers are counted.
pub struct Served {
    /// What answers.
    pub plan: Arc<Plan>,
    pub(crate) sheet: Arc<Sheet>,
}

/// What serves now.
pub struct Published {
    current: ArcSwap<Served>,
    threads: AtomicUsize,
    blocks: Mutex<Vec<Arc<Block>>>,
    ledger: Arc<Ledger>,
    /// Whoever holds it publishes.
    retire: Mutex<Sender<Arc<Served>>>,
}

impl Published {
    /// Publishes a plan that answers REFUSED to everything.
    #[must_use]
    pub fn new() -> Self {
        let plan = Arc::new(Plan::empty());
        let sheet = Arc::new(Sheet::new(plan.names(), 0));
        let ledger = Arc::new(Ledger::default());
        let (retire, retired) = channel();
        let reaped = Arc::clone(&ledger);
        // where no thread can be had the first publisher finds the channel closed, and frees plans itself
        let _ = thread::Builder::new().name("gtm-reaper".into()).spawn(move || reap(&retired, &reaped));
        Self {
            current: ArcSwap::from_pointee(Served { plan, sheet }),
            threads: AtomicUsize::new(0),
            blocks: Mutex::new(Vec::new()),
            ledger,
            retire: Mutex::new(retire),
        }
    }

    /// Serves this plan from the next batch of every thread on.
    pub fn publish(&self, plan: Plan) {
        let retire = self.retire.lock().unwrap_or_else(PoisonError::into_inner);
        self.replace(&retire, Arc::new(plan));
    }

    /// Returns what serves, without a lock; a thread must not hold it while it waits.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<Served>> {
        self.current.load()
    }

    /// Returns all counters that moved.
    #[must_use]
    pub fn samples(&self) -> Vec<Sample> {
        let blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut found = counters::samples(blocks.iter().map(AsRef::as_ref));
        found.extend(self.ledger.samples());
        found
    }

    /// Returns counters for so many threads, those of UDP first; the counters of threads that ended stay in the sums.
    pub(crate) fn blocks(&self, udp: usize, tcp: usize) -> Vec<Arc<Block>> {
        {
            let retire = self.retire.lock().unwrap_or_else(PoisonError::into_inner);
            self.threads.fetch_max(udp + tcp, Ordering::Relaxed);
            self.replace(&retire, Arc::clone(&self.current.load().plan));
        }
        let transports = [(Transport::Udp, udp), (Transport::Tcp, tcp)];
        let kinds = transports.into_iter().flat_map(|(transport, count)| std::iter::repeat_n(transport, count));
        let new: Vec<_> = kinds.map(|transport| Arc::new(Block::new(transport))).collect();
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).extend(new.iter().cloned());
        new
    }

    fn replace(&self, retire: &Sender<Arc<Served>>, plan: Arc<Plan>) {
        let threads = self.threads.load(Ordering::Relaxed);
        let before = self.current.load_full();
        let fits = std::ptr::eq(plan.names(), before.plan.names()) && before.sheet.threads() == threads;
        let sheet = if fits { Arc::clone(&before.sheet) } else { Arc::new(Sheet::new(plan.names(), threads)) };
        if !std::ptr::eq(plan.names(), before.plan.names()) {
            let (nodes, index) = plan.names().memory();
            pages::enlarge(nodes);
            pages::enlarge(index);
        }
        if !fits {
            self.ledger.open(&sheet);
        }
        drop(before);
        let old = self.current.swap(Arc::new(Served { plan, sheet }));
        let _ = retire.send(old);
    }
}

impl Default for Published {
    fn default() -> Self {
        Self::new()
    }
}

fn reap(retired: &Receiver<Arc<Served>>, ledger: &Ledger) {
    for old in retired {
        while Arc::strong_count(&old) > 1 {
            thread::sleep(REAPING);
        }
        drop(old);
        ledger.close_unused();
    }
}
