//! What the clients of one address may take of TCP.

use std::time::Duration;

/// What clients may take.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Of one address; over that, the one that was idle for longest makes room for a new one.
    pub connections: usize,
    /// Of one client's network, likewise.
    pub of_network: usize,
    /// For a connection without a whole query, or one that does not read its answers.
    pub idle: Duration,
}
