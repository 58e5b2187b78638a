//! Sockets for the query path: datagrams and streams in, answers out, on threads that Python never enters.
//!
//! ```text
//! plans     swap -> published (one pointer) -> old plans to the reaper, freed off the serving threads
//! UDP       socket -> batch (recvmmsg) -> gtm_core::respond -> batch (sendmmsg)      one thread each core
//! TCP       socket -> conversation (messages of a stream) -> gtm_core::respond       one thread each core
//! counters  every thread has its own; they are added up when somebody reads
//! ```
//!
//! A serving thread takes no lock and allocates nothing per query, and loads the plan once per batch. Nothing here
//! knows what is in a plan, and nothing may panic: the process would end.

mod batch;
mod bind;
mod counters;
mod crowd;
mod ledger;
mod limits;
mod pages;
mod publish;
mod server;
mod tcp;
mod udp;
mod worker;

pub use bind::ListenError;
pub use counters::Sample;
pub use limits::Limits;
pub use publish::{Published, Served};
pub use server::Server;
