//! One connection: messages behind two octets of length, answered in order, with bounded memory.
//!
//! ```text
//! answers that wait     written first; until they are gone nothing is read: a client that does not read must wait
//! messages held         those that came before, answered next
//! the stream            at most READ_OCTETS of it in one turn
//! ```
//!
//! Between turns a connection holds less than one message and `READ_OCTETS` of input, and less than one turn's answers
//! of output; most hold nothing. The buffers of a turn are the thread's.

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use mio::net::TcpStream;

use crate::crowd::Guest;
use crate::worker::{Turn, Worker};

/// Of one connection in one turn: some hundred pipelined queries.
const READ_OCTETS: usize = 16 * 1024;
const LONGEST: usize = 65_535;
/// Answers are sent when there is no room for one more of the longest.
const WRITE_OCTETS: usize = 2 * (LONGEST + 2);

/// What a connection wants next.
pub enum Next {
    /// To be woken when the system says so.
    Wait,
    /// One more turn, after the others.
    Again,
    /// To be closed.
    End,
}

/// The buffers of a turn.
pub struct Buffers {
    input: Box<[u8]>,
    output: Box<[u8]>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self { input: vec![0; READ_OCTETS].into(), output: vec![0; WRITE_OCTETS].into() }
    }
}

/// One connection.
pub struct Conversation {
    guest: Arc<Guest>,
    client: IpAddr,
    /// Read, and not yet answered.
    held: Vec<u8>,
    /// Answered, and not yet sent.
    waiting: Vec<u8>,
    /// Nothing more is read.
    ending: bool,
    /// The client has said its last, which may still be unread.
    hung_up: bool,
}

impl Conversation {
    pub fn new(guest: Arc<Guest>, client: IpAddr) -> Self {
        let _ = guest.stream().set_nodelay(true); // else an answer would wait for the acknowledgement of the one before
        Self { guest, client, held: Vec::new(), waiting: Vec::new(), ending: false, hung_up: false }
    }

    pub fn guest(&self) -> &Guest {
        &self.guest
    }

    /// Takes note that the stream has an end.
    pub fn hang_up(&mut self) {
        self.hung_up = true;
    }

    /// Goes on as far as one turn may; a message answered in it shows that it is in use.
    pub fn turn(&mut self, worker: &mut Worker, buffers: &mut Buffers, now: Instant) -> Next {
        self.advance(worker, buffers, now).unwrap_or(Next::End)
    }

    fn advance(&mut self, worker: &mut Worker, buffers: &mut Buffers, now: Instant) -> io::Result<Next> {
        if !self.waiting.is_empty() {
            let sent = write(self.guest.stream(), &self.waiting)?;
            self.waiting.drain(..sent);
            if !self.waiting.is_empty() {
                return Ok(Next::Wait);
            }
            self.waiting = Vec::new();
            self.guest.touch(now);
        }
        if self.ending || next_message(&self.held).is_some() {
            return self.answer_held(worker, &mut buffers.output, now);
        }
        let octets = match self.guest.stream().read(&mut buffers.input) {
            Ok(octets) => octets,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Next::Wait),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Next::Again),
            Err(error) => return Err(error),
        };
        self.ending = octets == 0;
        // less than was asked for is all there was; what comes later wakes us, but an end that came before does not
        let drained = octets < READ_OCTETS && !self.hung_up;
        let read = &buffers.input[..octets];
        let next = if self.held.is_empty() {
            let (used, next) = self.answer(read, worker, &mut buffers.output, now)?;
            self.held.extend_from_slice(&read[used..]);
            next
        } else {
            self.held.extend_from_slice(read);
            self.answer_held(worker, &mut buffers.output, now)?
        };
        Ok(if drained && matches!(next, Next::Again) { Next::Wait } else { next })
    }

    fn answer_held(&mut self, worker: &mut Worker, output: &mut [u8], now: Instant) -> io::Result<Next> {
        let mut held = std::mem::take(&mut self.held);
        let (used, next) = self.answer(&held, worker, output, now)?;
        if used < held.len() {
            held.drain(..used);
            self.held = held;
        }
        Ok(next)
    }

    /// Answers the whole messages of the input as long as their answers can be sent; returns how much that was.
    fn answer(
        &mut self,
        input: &[u8],
        worker: &mut Worker,
        output: &mut [u8],
        now: Instant,
    ) -> io::Result<(usize, Next)> {
        let mut used = 0;
        while self.waiting.is_empty() && next_message(&input[used..]).is_some() {
            let (read, written) = self.fill(&input[used..], &mut worker.turn(), output);
            used += read;
            let sent = write(self.guest.stream(), &output[..written])?;
            self.waiting.extend_from_slice(&output[sent..written]);
        }
        if used > 0 {
            self.guest.touch(now);
        }
        let next = match (self.waiting.is_empty(), self.ending) {
            (false, _) => Next::Wait,
            (true, true) => Next::End,
            (true, false) => Next::Again,
        };
        Ok((used, next))
    }

    /// Answers messages until there is none, or no room; returns what it read and what it wrote.
    fn fill(&mut self, input: &[u8], turn: &mut Turn, output: &mut [u8]) -> (usize, usize) {
        let (mut read, mut written) = (0, 0);
        while let Some(wire) = next_message(&input[read..]) {
            let Some(room) = output.get_mut(written..written + LONGEST + 2) else { break };
            read += 2 + wire.len();
            let Some(octets) = turn.respond(wire, self.client, &mut room[2..]) else {
                // nothing that can be answered: RFC 7766 lets the server close, and nothing after it counts
                self.ending = true;
                return (input.len(), written);
            };
            room[..2].copy_from_slice(&(octets as u16).to_be_bytes());
            written += 2 + octets;
        }
        (read, written)
    }
}

/// The first message of a stream, if it is whole.
fn next_message(stream: &[u8]) -> Option<&[u8]> {
    let length = u16::from_be_bytes([*stream.first()?, *stream.get(1)?]);
    stream.get(2..2 + usize::from(length))
}

/// Writes what the system takes.
fn write(mut stream: &TcpStream, octets: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < octets.len() {
        match stream.write(&octets[sent..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(taken) => sent += taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}
