//! The threads: sockets bound first, served once somebody says so, all ended together.
//!
//! `threads` of them wait for datagrams on each address, a socket each, and as many serve the streams of all addresses.

use std::io;
use std::net::{Shutdown, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use socket2::SockRef;

use crate::bind::{bind, Bound, ListenError};
use crate::crowd::Crowd;
use crate::limits::Limits;
use crate::publish::Published;
use crate::worker::Worker;
use crate::{tcp, udp};

/// Sockets, and the threads that serve them. It ends with its value.
pub struct Server {
    bound: Vec<Bound>,
    threads: usize,
    limits: Limits,
    stopping: Arc<AtomicBool>,
    wakers: Vec<Arc<mio::Waker>>,
    /// Sockets that threads wait on.
    woken: Vec<Arc<UdpSocket>>,
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
        Ok(Self { bound, threads, limits, stopping, wakers: Vec::new(), woken: Vec::new(), running: Vec::new() })
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
        let (addresses, threads) = (self.bound.len(), self.threads);
        let blocks = published.blocks(threads * addresses, threads);
        let worker = |number: usize| {
            Worker::new(Arc::clone(published), Arc::clone(&blocks[number]), number, Arc::clone(&self.stopping))
        };
        let mut listeners: Vec<Vec<_>> = (0..threads).map(|_| Vec::new()).collect();
        for (number, bound) in self.bound.drain(..).enumerate() {
            let wildcard = bound.at.ip().is_unspecified();
            for (thread, socket) in bound.udp.into_iter().enumerate() {
                let socket = Arc::new(socket);
                self.woken.push(Arc::clone(&socket));
                let mut worker = worker(number * threads + thread);
                self.running.push(spawn("udp", thread, move || udp::serve(&socket, wildcard, &mut worker))?);
            }
            let crowd = Arc::new(Crowd::new(self.limits));
            for (listener, ours) in bound.tcp.into_iter().zip(&mut listeners) {
                ours.push((listener, Arc::clone(&crowd)));
            }
        }
        for (thread, listeners) in listeners.into_iter().enumerate() {
            let streams = tcp::Streams::new(listeners, worker(threads * addresses + thread), self.limits.idle)?;
            self.wakers.push(streams.waker());
            self.running.push(spawn("tcp", thread, || streams.serve())?);
        }
        Ok(())
    }

    /// Ends all threads and closes all sockets.
    pub fn stop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        for waker in &self.wakers {
            let _ = waker.wake(); // else the thread looks by itself, a little later
        }
        for socket in self.woken.drain(..) {
            // it says that the socket is not connected, and wakes whoever waits on it
            let _ = SockRef::from(&*socket).shutdown(Shutdown::Both);
        }
        for thread in self.running.drain(..) {
            let _ = thread.join();
        }
        self.bound.clear();
    }
}

fn spawn(kind: &str, thread: usize, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(format!("gtm-{kind}-{thread}")).spawn(run)
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
