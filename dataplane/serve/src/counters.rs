//! What one thread counts, and how the counts of all are read: without a lock, and without stopping anyone.
//!
//! A block has one writer, its thread, so that adding is a load and a store; readers see each counter at some moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gtm_core::Transport;

/// Higher types are counted together; CAA (257) is the highest with a name of its own.
const TYPES: usize = 259;
/// All that IANA has assigned to messages (to BADCOOKIE, 23), and room; others are counted with the last.
const RCODES: usize = 32;
/// Buckets of powers of two of nanoseconds; the last is over eight seconds.
const BUCKETS: usize = 34;

/// A counter with one writer.
#[derive(Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn add(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }

    pub fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One value for Python: the name of a counter, its labels, and how far it went.
pub type Sample = (&'static str, Vec<(&'static str, String)>, u64);

/// The counters of one thread, on cache lines of their own.
#[repr(align(128))]
pub struct Block {
    transport: Transport,
    rcodes: [Count; RCODES],
    types: [Count; TYPES],
    latency: [Count; BUCKETS],
    latency_sum: Count,
    /// Messages that got silence.
    pub ignored: Count,
    /// Answers in which a service failed open.
    pub failed_open: Count,
    /// Of UDP: receiving failed; of TCP: accepting did.
    pub receive_errors: Count,
    pub send_errors: Count,
    /// Connections that made room for others, of all or of their client's network.
    pub evicted: Count,
    pub evicted_of_network: Count,
}

impl Block {
    pub fn new(transport: Transport) -> Self {
        Self {
            transport,
            rcodes: [const { Count(AtomicU64::new(0)) }; RCODES],
            types: [const { Count(AtomicU64::new(0)) }; TYPES],
            latency: [const { Count(AtomicU64::new(0)) }; BUCKETS],
            latency_sum: Count::default(),
            ignored: Count::default(),
            failed_open: Count::default(),
            receive_errors: Count::default(),
            send_errors: Count::default(),
            evicted: Count::default(),
            evicted_of_network: Count::default(),
        }
    }

    pub fn transport(&self) -> Transport {
        self.transport
    }

    pub fn answered(&self, rtype: u16, rcode: u16, fails_open: bool) {
        self.types[usize::from(rtype).min(TYPES - 1)].add(1);
        self.rcodes[usize::from(rcode).min(RCODES - 1)].add(1);
        if fails_open {
            self.failed_open.add(1);
        }
    }

    /// Counts how long the engine took for one message.
    pub fn took(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - nanoseconds.leading_zeros()) as usize;
        self.latency[bucket.min(BUCKETS - 1)].add(1);
        self.latency_sum.add(nanoseconds);
    }
}

/// The counters of all threads, added up; what never moved is left out.
pub fn samples<'a>(blocks: impl Iterator<Item = &'a Block> + Clone) -> Vec<Sample> {
    let mut found = Vec::new();
    for (transport, label) in [(Transport::Udp, "udp"), (Transport::Tcp, "tcp")] {
        let ours = || blocks.clone().filter(move |block| block.transport == transport);
        let mut push = |name, labels: Vec<(&'static str, String)>, value: u64| {
            if value > 0 {
                found.push((name, labels, value));
            }
        };
        for rcode in 0..RCODES {
            let labels = vec![("rcode", rcode_name(rcode)), ("transport", label.into())];
            push("dns_responses", labels, ours().map(|block| block.rcodes[rcode].read()).sum());
        }
        for (name, pick) in LABELLED {
            push(name, vec![("transport", label.into())], ours().map(|block| pick(block).read()).sum());
        }
        for (_, name, labels, pick) in OF_ONE.iter().filter(|(of, ..)| *of == transport) {
            let labels = labels.iter().map(|(label, value)| (*label, (*value).into())).collect();
            push(name, labels, ours().map(|block| pick(block).read()).sum());
        }
    }
    types(&blocks, &mut found);
    latency(blocks, &mut found);
    found
}

type Pick = fn(&Block) -> &Count;
const LABELLED: [(&str, Pick); 2] =
    [("dns_ignored", |block| &block.ignored), ("dns_failed_open", |block| &block.failed_open)];
type Labels = &'static [(&'static str, &'static str)];
const OF_ONE: [(Transport, &str, Labels, Pick); 5] = [
    (Transport::Udp, "udp_receive_errors", &[], |block| &block.receive_errors),
    (Transport::Udp, "udp_send_errors", &[], |block| &block.send_errors),
    (Transport::Tcp, "tcp_accept_errors", &[], |block| &block.receive_errors),
    (Transport::Tcp, "tcp_connections_evicted", &[("reason", "full")], |block| &block.evicted),
    (Transport::Tcp, "tcp_connections_evicted", &[("reason", "network")], |block| &block.evicted_of_network),
];

fn types<'a>(blocks: &(impl Iterator<Item = &'a Block> + Clone), found: &mut Vec<Sample>) {
    let mut other = 0;
    for rtype in 0..TYPES {
        let sum: u64 = blocks.clone().map(|block| block.types[rtype].read()).sum();
        match TYPE_NAMES.iter().find(|(number, _)| *number == rtype) {
            Some((_, name)) if sum > 0 => found.push(("dns_questions", vec![("type", (*name).into())], sum)),
            Some(_) => {}
            None => other += sum,
        }
    }
    if other > 0 {
        found.push(("dns_questions", vec![("type", "other".into())], other));
    }
}

/// A histogram as Prometheus has them: each bucket holds all that took as long as its bound or less.
fn latency<'a>(blocks: impl Iterator<Item = &'a Block> + Clone, found: &mut Vec<Sample>) {
    let mut below = 0;
    for bucket in 0..BUCKETS - 1 {
        let here: u64 = blocks.clone().map(|block| block.latency[bucket].read()).sum();
        below += here;
        if here > 0 {
            let bound = (1u64 << bucket) - 1;
            found.push(("dns_engine_nanoseconds_bucket", vec![("le", bound.to_string())], below));
        }
    }
    below += blocks.clone().map(|block| block.latency[BUCKETS - 1].read()).sum::<u64>();
    if below > 0 {
        found.push(("dns_engine_nanoseconds_bucket", vec![("le", "+Inf".into())], below));
        found.push(("dns_engine_nanoseconds_count", Vec::new(), below));
        let sum = blocks.map(|block| block.latency_sum.read()).sum();
        found.push(("dns_engine_nanoseconds_sum", Vec::new(), sum));
    }
}

fn rcode_name(rcode: usize) -> String {
    RCODE_NAMES.get(rcode).filter(|name| !name.is_empty()).map_or_else(|| rcode.to_string(), |name| (*name).into())
}

/// RFC 6895 2.3, as dnspython writes them.
const RCODE_NAMES: [&str; 24] = [
    "NOERROR",
    "FORMERR",
    "SERVFAIL",
    "NXDOMAIN",
    "NOTIMP",
    "REFUSED",
    "YXDOMAIN",
    "YXRRSET",
    "NXRRSET",
    "NOTAUTH",
    "NOTZONE",
    "DSOTYPENI",
    "",
    "",
    "",
    "",
    "BADVERS",
    "BADKEY",
    "BADTIME",
    "BADMODE",
    "BADNAME",
    "BADALG",
    "BADTRUNC",
    "BADCOOKIE",
];

/// The types that have a counter of their own.
const TYPE_NAMES: [(usize, &str); 16] = [
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (33, "SRV"),
    (35, "NAPTR"),
    (43, "DS"),
    (48, "DNSKEY"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (255, "ANY"),
    (257, "CAA"),
];
