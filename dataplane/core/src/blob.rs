//! Bytes from Python -> plan. `gtm/plan/blob.py` composes them; both say the same VERSION.
//!
//! ```text
//! format      what is on the wire
//! names       one blob -> `Names`: regions, cell maps, services; `zones` fills the arena of nodes
//! decisions   the other blob, and the plan before -> the plan that follows
//! ```
//!
//! Nothing here trusts the bytes: an index that leads nowhere, a name that is none or a table that does not cover its
//! family is an error, and the last plan goes on serving.

mod columns;
mod decisions;
mod error;
mod format;
mod keys;
mod names;
mod zones;

pub use error::BlobError;
