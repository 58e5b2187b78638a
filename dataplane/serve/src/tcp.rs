//! One thread of TCP: the connections of its listening sockets, as RFC 7766 asks, until it is told to stop.
//!
//! ```text
//! the system says         a listener, a connection -> the queue
//! the queue, in order     a listener: accept a few     a connection: one turn, and back into the queue if there is more
//! now and then            connections that were idle for too long are closed
//! ```
//!
//! Readiness comes once per change, so that what was not used up stays in the queue. A turn is bounded (see
//! `conversation`), and so a long pipeline cannot keep the thread from the others.

mod conversation;

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::crowd::{Crowd, Evicted};
use crate::worker::Worker;
use conversation::{Buffers, Conversation, Next};

/// New connections in one turn.
const ACCEPTED_AT_ONCE: usize = 16;
const EVENTS: usize = 256;
const STOP: Token = Token(usize::MAX);
/// The most that stopping waits for a thread that could not be woken; and how exact deadlines are.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The connections of one thread.
pub struct Streams {
    poll: Poll,
    waker: Arc<Waker>,
    listeners: Vec<Listener>,
    /// By token, behind the listeners; a place is free when it is none.
    conversations: Vec<Option<Connected>>,
    free: Vec<usize>,
    queue: VecDeque<usize>,
    buffers: Buffers,
    worker: Worker,
    idle: Duration,
}

struct Listener {
    socket: mio::net::TcpListener,
    crowd: Arc<Crowd>,
    queued: bool,
}

struct Connected {
    conversation: Conversation,
    listener: usize,
    queued: bool,
}

impl Streams {
    pub fn new(listeners: Vec<(TcpListener, Arc<Crowd>)>, worker: Worker, idle: Duration) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), STOP)?);
        let mut ours = Vec::new();
        for (number, (socket, crowd)) in listeners.into_iter().enumerate() {
            let mut socket = mio::net::TcpListener::from_std(socket);
            poll.registry().register(&mut socket, Token(number), Interest::READABLE)?;
            ours.push(Listener { socket, crowd, queued: false });
        }
        Ok(Self {
            poll,
            waker,
            listeners: ours,
            conversations: Vec::new(),
            free: Vec::new(),
            queue: VecDeque::new(),
            buffers: Buffers::default(),
            worker,
            idle,
        })
    }

    pub fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Answers until it is told to stop; then every connection ends.
    pub fn serve(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let pause = (self.idle / 4).clamp(Duration::from_millis(1), LONGEST_WAIT);
        let mut swept = Instant::now();
        while !self.worker.stopping.load(Ordering::Relaxed) {
            let timeout = if self.queue.is_empty() { pause } else { Duration::ZERO };
            if let Err(error) = self.poll.poll(&mut events, Some(timeout)) {
                if error.kind() != io::ErrorKind::Interrupted {
                    self.worker.block.receive_errors.add(1);
                }
                continue;
            }
            for event in &events {
                self.wake(event.token().0, event.is_read_closed());
            }
            let now = Instant::now();
            for _ in 0..self.queue.len() {
                let Some(token) = self.queue.pop_front() else { break };
                self.take_turn(token, now);
            }
            if now.duration_since(swept) >= pause {
                swept = now;
                self.sweep(now);
            }
        }
    }

    fn wake(&mut self, token: usize, hung_up: bool) {
        if hung_up {
            if let Some(Some(connected)) = self.conversations.get_mut(token.wrapping_sub(self.listeners.len())) {
                connected.conversation.hang_up();
            }
        }
        self.enqueue(token);
    }

    fn enqueue(&mut self, token: usize) {
        let listeners = self.listeners.len();
        let queued = if token < listeners {
            &mut self.listeners[token].queued
        } else if let Some(Some(connected)) = self.conversations.get_mut(token - listeners) {
            &mut connected.queued
        } else {
            return; // it has ended meanwhile, or is the waker
        };
        if !std::mem::replace(queued, true) {
            self.queue.push_back(token);
        }
    }

    fn take_turn(&mut self, token: usize, now: Instant) {
        if token < self.listeners.len() {
            self.listeners[token].queued = false;
            self.accept(token, now);
            return;
        }
        let at = token - self.listeners.len();
        let Some(Some(connected)) = self.conversations.get_mut(at) else { return };
        connected.queued = false;
        match connected.conversation.turn(&mut self.worker, &mut self.buffers, now) {
            Next::Wait => {}
            Next::Again => self.enqueue(token),
            Next::End => self.end(at),
        }
    }

    fn accept(&mut self, number: usize, now: Instant) {
        for _ in 0..ACCEPTED_AT_ONCE {
            match self.listeners[number].socket.accept() {
                Ok((stream, from)) => self.begin(number, stream, from.ip(), now),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if is_of_the_connection(&error) => {}
                Err(_) => {
                    // no descriptors, no memory: the sweep tries again, when connections have ended
                    self.worker.block.receive_errors.add(1);
                    return;
                }
            }
        }
        self.enqueue(number);
    }

    fn begin(&mut self, listener: usize, mut stream: TcpStream, client: IpAddr, now: Instant) {
        let at = self.free.pop().unwrap_or_else(|| {
            self.conversations.push(None);
            self.conversations.len() - 1
        });
        let token = Token(self.listeners.len() + at);
        let interest = Interest::READABLE | Interest::WRITABLE;
        if self.poll.registry().register(&mut stream, token, interest).is_err() {
            self.worker.block.receive_errors.add(1);
            self.free.push(at);
            return;
        }
        let (guest, evicted) = self.listeners[listener].crowd.enter(stream, client, now);
        match evicted {
            Evicted::Nobody => {}
            Evicted::OfNetwork => self.worker.block.evicted_of_network.add(1),
            Evicted::OfAll => self.worker.block.evicted.add(1),
        }
        let conversation = Conversation::new(guest, client);
        self.conversations[at] = Some(Connected { conversation, listener, queued: false });
        self.enqueue(token.0);
    }

    fn end(&mut self, at: usize) {
        // closing takes the socket out of the poll
        if let Some(connected) = self.conversations[at].take() {
            self.listeners[connected.listener].crowd.leave(connected.conversation.guest());
            self.free.push(at);
        }
    }

    /// Ends connections that were idle for too long, and looks at listeners that could not accept.
    fn sweep(&mut self, now: Instant) {
        for at in 0..self.conversations.len() {
            if self.conversations[at].as_ref().is_some_and(|one| one.conversation.guest().idle(now) >= self.idle) {
                self.end(at);
            }
        }
        for number in 0..self.listeners.len() {
            self.enqueue(number);
        }
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        for at in 0..self.conversations.len() {
            self.end(at);
        }
    }
}

/// Errors of `accept` that say that the client is gone, not that the server is in need.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
