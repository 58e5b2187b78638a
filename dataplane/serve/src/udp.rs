//! One thread of UDP: datagrams of its sockets -> engine -> datagrams back, until it is told to stop.
//!
//! With one address the receiving call waits by itself; with several the thread waits for all of them together, but
//! not while there is work.

use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::batch::{wait, Batch, BATCH};
use crate::worker::Worker;

/// How long stopping may take, and the most that a send may wait for room.
pub const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// Answers the queries of these sockets.
pub fn serve(sockets: &[UdpSocket], wildcards: &[bool], worker: &mut Worker) {
    let mut batches: Vec<Batch> = wildcards.iter().map(|&wildcard| Batch::new(wildcard)).collect();
    let mut polled: Vec<libc::pollfd> = sockets
        .iter()
        .map(|socket| libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    let alone = sockets.len() == 1;
    while !worker.stopping.load(Ordering::Relaxed) {
        let mut busy = false;
        for (socket, batch) in sockets.iter().zip(&mut batches) {
            busy |= exchange(socket, batch, worker, alone);
        }
        if !alone && !busy {
            wait(&mut polled, LONGEST_WAIT);
        }
    }
}

/// Answers one batch; returns whether there may be more at once.
fn exchange(socket: &UdpSocket, batch: &mut Batch, worker: &mut Worker, waits: bool) -> bool {
    let count = match batch.receive(socket.as_fd(), waits) {
        Ok(count) => count,
        Err(error) => {
            if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) {
                worker.block.receive_errors.add(1);
            }
            return false;
        }
    };
    let mut turn = worker.turn();
    let from_nobody = batch.answer(count, |wire, client, out| turn.respond(wire, client, out));
    drop(turn); // sending may wait, and an old plan must not wait with it
    if from_nobody > 0 {
        worker.block.ignored.add(from_nobody);
    }
    let failed = batch.send(socket.as_fd());
    if failed > 0 {
        worker.block.send_errors.add(failed);
    }
    count == BATCH
}
