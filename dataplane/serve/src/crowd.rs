//! Who is connected to one address, over all threads, and on whom to hang up so that one more gets in.
//!
//! ```text
//! its network has as many as it may    the one of these that was idle for longest makes room
//! all have as many as may be           the one that was idle for longest does
//! ```
//!
//! Idle is a connection since its last whole message, or since answers that waited for it were taken: a client that
//! dribbles, or does not read, is idle. The twin of `gtm/serve/crowd.py`.
//!
//! A message costs one store. Who was idle for longest is looked up when somebody must go: the lists are in the order
//! of what was recorded last, and a connection that was active since is recorded anew and put back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Shutdown};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mio::net::TcpStream;

use crate::limits::Limits;

/// A client's network: what one customer has, as limits of rates count them too.
const IPV4_PREFIX: u32 = 24;
const IPV6_PREFIX: u32 = 56;

/// The family's width, and the network's bits.
type Network = (u32, u128);
/// When it was active as far as was recorded, in nanoseconds, and its number.
type Key = (u64, u64);

/// One connection.
pub struct Guest {
    stream: TcpStream,
    network: Network,
    number: u64,
    begun: Instant,
    active: AtomicU64,
    /// As the lists have it; the lock of the crowd guards it.
    recorded: AtomicU64,
}

/// Who had to go for somebody to come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Evicted {
    Nobody,
    OfNetwork,
    OfAll,
}

/// The connections of one address.
pub struct Crowd {
    limits: Limits,
    begun: Instant,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    last: u64,
    all: BTreeMap<Key, Arc<Guest>>,
    networks: BTreeMap<Network, BTreeSet<Key>>,
}

impl Crowd {
    pub fn new(limits: Limits) -> Self {
        Self { limits, begun: Instant::now(), inside: Mutex::default() }
    }

    /// Lets a connection in, and hangs up on another one where that makes the room.
    pub fn enter(&self, stream: TcpStream, from: IpAddr, now: Instant) -> (Arc<Guest>, Evicted) {
        let network = network_of(from);
        let mut inside = self.lock();
        let evicted = if inside.of_network(network) >= self.limits.of_network {
            inside.evict(Some(network), Evicted::OfNetwork)
        } else if inside.all.len() >= self.limits.connections {
            inside.evict(None, Evicted::OfAll)
        } else {
            Evicted::Nobody
        };
        inside.last += 1;
        let (active, recorded) = (AtomicU64::new(0), AtomicU64::new(0));
        let guest = Arc::new(Guest { stream, network, number: inside.last, begun: self.begun, active, recorded });
        guest.touch(now);
        inside.insert(Arc::clone(&guest));
        drop(inside);
        (guest, evicted)
    }

    /// Hears that a connection has ended.
    pub fn leave(&self, guest: &Guest) {
        self.lock().remove((guest.recorded.load(Ordering::Relaxed), guest.number));
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Takes note that it is in use.
    pub fn touch(&self, now: Instant) {
        let nanoseconds = now.saturating_duration_since(self.begun).as_nanos();
        self.active.store(u64::try_from(nanoseconds).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// For how long it was not.
    pub fn idle(&self, now: Instant) -> Duration {
        let active = Duration::from_nanos(self.active.load(Ordering::Relaxed));
        now.saturating_duration_since(self.begun).saturating_sub(active)
    }
}

impl Inside {
    fn of_network(&self, network: Network) -> usize {
        self.networks.get(&network).map_or(0, BTreeSet::len)
    }

    /// Hangs up on the one that was idle for longest: its thread reads the end of its stream.
    fn evict(&mut self, network: Option<Network>, evicted: Evicted) -> Evicted {
        let Some(guest) = self.longest_idle(network) else { return Evicted::Nobody };
        let _ = guest.stream.shutdown(Shutdown::Both); // it may have ended by itself
        evicted
    }

    /// Takes out the one that was idle for longest, of one network or of all.
    fn longest_idle(&mut self, network: Option<Network>) -> Option<Arc<Guest>> {
        loop {
            let key = match network {
                Some(network) => *self.networks.get(&network)?.first()?,
                None => *self.all.first_key_value()?.0,
            };
            let guest = self.remove(key)?;
            if guest.active.load(Ordering::Relaxed) <= key.0 {
                return Some(guest);
            }
            self.insert(guest); // it was active since
        }
    }

    fn insert(&mut self, guest: Arc<Guest>) {
        let active = guest.active.load(Ordering::Relaxed);
        guest.recorded.store(active, Ordering::Relaxed);
        let key = (active, guest.number);
        self.networks.entry(guest.network).or_default().insert(key);
        self.all.insert(key, guest);
    }

    fn remove(&mut self, key: Key) -> Option<Arc<Guest>> {
        let guest = self.all.remove(&key)?;
        if let Some(keys) = self.networks.get_mut(&guest.network) {
            keys.remove(&key);
            if keys.is_empty() {
                self.networks.remove(&guest.network);
            }
        }
        Some(guest)
    }
}

fn network_of(address: IpAddr) -> Network {
    match address {
        IpAddr::V4(address) => (u32::BITS, u128::from(address.to_bits() >> (u32::BITS - IPV4_PREFIX))),
        IpAddr::V6(address) => (u128::BITS, address.to_bits() >> (u128::BITS - IPV6_PREFIX)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Connects to nobody: it has to be a socket, and no more.
    fn stream() -> TcpStream {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        TcpStream::connect(listener.local_addr().unwrap()).unwrap()
    }

    fn crowd(connections: usize, of_network: usize) -> Crowd {
        Crowd::new(Limits { connections, of_network, idle: Duration::from_secs(10) })
    }

    fn at(crowd: &Crowd, seconds: u64) -> Instant {
        crowd.begun + Duration::from_secs(seconds)
    }

    fn numbers(crowd: &Crowd) -> Vec<u64> {
        let mut numbers: Vec<_> = crowd.lock().all.values().map(|guest| guest.number).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn the_longest_idle_of_a_full_network_goes_and_of_no_other() {
        let crowd = crowd(10, 2);
        let enter = |from: &str, seconds| crowd.enter(stream(), from.parse().unwrap(), at(&crowd, seconds));
        let (other, _) = enter("198.51.100.1", 0);
        let (first, _) = enter("192.0.2.1", 1);
        let (second, _) = enter("192.0.2.2", 2);
        first.touch(at(&crowd, 3));
        let (third, evicted) = enter("192.0.2.255", 4);
        assert_eq!(evicted, Evicted::OfNetwork);
        assert_eq!(numbers(&crowd), [other.number, first.number, third.number]);
        assert_eq!(second.idle(at(&crowd, 4)), Duration::from_secs(2));
        assert_eq!(enter("192.0.3.1", 5).1, Evicted::Nobody);
    }

    #[test]
    fn the_longest_idle_of_all_goes_when_there_are_too_many() {
        let crowd = crowd(3, 3);
        let enter = |from: &str, seconds| crowd.enter(stream(), from.parse().unwrap(), at(&crowd, seconds));
        let (first, _) = enter("2001:db8::1", 0);
        let (second, _) = enter("2001:db8:0:100::1", 1);
        let (third, _) = enter("192.0.2.1", 2);
        first.touch(at(&crowd, 3));
        third.touch(at(&crowd, 4));
        let (fourth, evicted) = enter("192.0.2.1", 5);
        assert_eq!(evicted, Evicted::OfAll);
        assert_eq!(numbers(&crowd), [first.number, third.number, fourth.number]);
        crowd.leave(&second); // its thread hears of it later
        crowd.leave(&first);
        assert_eq!(enter("203.0.113.1", 6).1, Evicted::Nobody);
    }

    #[test]
    fn who_leaves_is_in_no_list() {
        let crowd = crowd(3, 3);
        let guest = crowd.enter(stream(), IpAddr::from([192, 0, 2, 1]), at(&crowd, 0)).0;
        guest.touch(at(&crowd, 1));
        crowd.leave(&guest);
        let inside = crowd.lock();
        assert!(inside.all.is_empty() && inside.networks.is_empty());
    }

    #[test]
    fn a_network_is_a_24_of_ipv4_and_a_56_of_ipv6() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("192.0.2.1"), network("192.0.2.255"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        assert_eq!(network("2001:db8:0:ff::1"), network("2001:db8::"));
        assert_ne!(network("2001:db8:0:100::"), network("2001:db8::"));
        assert_ne!(network("0.0.0.0"), network("::"));
    }
}
