//! One thread of UDP: datagrams of its socket -> engine -> datagrams back, until it is told to stop.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::batch::Batch;
use crate::worker::Worker;

/// The most that a send waits for room, and that a thread goes on which could not be woken.
pub const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// Answers the queries of this socket.
pub fn serve(socket: &UdpSocket, wildcard: bool, worker: &mut Worker) {
    let mut batch = Batch::new(wildcard);
    while !worker.stopping.load(Ordering::Relaxed) {
        match batch.receive(socket.as_fd()) {
            Ok(count) => exchange(socket, &mut batch, count, worker),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => worker.block.receive_errors.add(1),
        }
    }
}

/// Answers one batch.
fn exchange(socket: &UdpSocket, batch: &mut Batch, count: usize, worker: &mut Worker) {
    let mut turn = worker.turn();
    if count > 1 {
        turn.prepare(batch.messages(count));
    }
    let from_nobody = batch.answer(count, |wire, client, out| turn.respond(wire, client, out));
    drop(turn); // sending may wait, and an old plan must not wait with it
    if from_nobody > 0 {
        worker.block.ignored.add(from_nobody);
    }
    let failed = batch.send(socket.as_fd());
    if failed > 0 {
        worker.block.send_errors.add(failed);
    }
}
