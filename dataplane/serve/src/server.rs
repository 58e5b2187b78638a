//! The threads: sockets bound first, served once somebody says so, all ended together.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::bind::{bind, Bound, ListenError};
use crate::publish::Published;
use crate::worker::Worker;
use crate::{tcp, udp};

/// What clients may take.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Over that, a new connection of an address is closed at once.
    pub connections: usize,
    /// For a connection without a whole query, or one that does not read its answers.
    pub idle: Duration,
}

/// Sockets, and the threads that serve them. It ends with its value.
pub struct Server {
    bound: Vec<Bound>,
    threads: usize,
    limits: Limits,
    stopping: Arc<AtomicBool>,
    wakers: Vec<Arc<mio::Waker>>,
    running: Vec<JoinHandle<()>>,
}

impl Server {
    /// Binds all addresses; what arrives waits in the kernel.
    ///
    /// # Errors
    /// When an address cannot be bound; then none is.
    pub fn listen(addresses: &[SocketAddr], threads: usize, limits: Limits) -> Result<Self, ListenError> {
        let threads = threads.max(1);
        let bound = addresses.iter().map(|&at| bind(at, threads)).collect::<Result<_, _>>()?;
        let stopping = Arc::new(AtomicBool::new(false));
        Ok(Self { bound, threads, limits, stopping, wakers: Vec::new(), running: Vec::new() })
    }

    /// The addresses, with the ports that the system chose.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.bound.iter().map(|bound| bound.at).collect()
    }

    /// Starts to answer.
    ///
    /// # Errors
    /// When the system gives no thread, or no memory for its events.
    pub fn start(&mut self, published: &Arc<Published>) -> io::Result<()> {
        let blocks = published.blocks(self.threads);
        let open: Vec<_> = self.bound.iter().map(|_| tcp::Open::default()).collect();
        for thread in 0..self.threads {
            let worker = |number: usize| {
                Worker::new(Arc::clone(published), Arc::clone(&blocks[number]), number, Arc::clone(&self.stopping))
            };
            let (mut datagrams, streams) = (worker(thread * 2), worker(thread * 2 + 1));
            let mut sockets = Vec::new();
            let mut listeners = Vec::new();
            let mut wildcards = Vec::new();
            for (bound, open) in self.bound.iter_mut().zip(&open) {
                wildcards.push(bound.at.ip().is_unspecified());
                sockets.extend(bound.udp.pop());
                listeners.extend(bound.tcp.pop().map(|listener| (listener, Arc::clone(open))));
            }
            let streams = tcp::Streams::new(listeners, streams, self.limits)?;
            self.wakers.push(streams.waker());
            let serve_udp = move || udp::serve(&sockets, &wildcards, &mut datagrams);
            self.running.push(thread::Builder::new().name(format!("gtm-udp-{thread}")).spawn(serve_udp)?);
            self.running.push(thread::Builder::new().name(format!("gtm-tcp-{thread}")).spawn(|| streams.serve())?);
        }
        Ok(())
    }

    /// Ends all threads and closes all sockets.
    pub fn stop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        for waker in &self.wakers {
            let _ = waker.wake(); // else the thread looks by itself, a little later
        }
        for thread in self.running.drain(..) {
            let _ = thread.join();
        }
        self.bound.clear();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
