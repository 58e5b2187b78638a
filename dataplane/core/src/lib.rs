//! The query path: plan and query bytes in, answer bytes out.
//!
//! ```text
//! blob (from Python) -> plan        once per change
//! wire -> query -> engine -> reply  per query: no allocation, no lock, no I/O, no clock, no chance
//! ```
//!
//! It knows nothing of policy, health or distance, and gives the same bytes as the reference engine
//! (`gtm/engine/reference.py`) for the same plan, query, client and coin. It must not panic on any bytes.

#![forbid(unsafe_code)]

mod blob;
mod bulk;
mod choose;
mod closing;
mod engine;
mod index;
mod lookup;
mod name;
mod networks;
mod nodes;
mod options;
mod plan;
mod query;
mod record;
mod reply;
mod wire;

pub use blob::BlobError;
pub use engine::{prepare, respond, Scratch, Tally, Transport, NONE};
pub use plan::{Names, Plan};
