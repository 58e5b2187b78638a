//! Zone files (RFC 1035 5, where they are master files) of many records: text in, packed records out, as
//! `gtm/zone/records_file/parse.py` makes them.
//!
//! ```text
//! content -> tokens -> statements -> names and common types here, others by `compose` -> sorted rows
//! ```
//!
//! It is for files without mistakes, and says nothing of others: wherever something is wrong, or could be, it gives up,
//! and the reference reads the file and finds the words. So it may be stricter than the reference, and never laxer.

#![forbid(unsafe_code)]

mod give_up;
mod name;
mod pack;
mod rdata;
mod statement;
mod token;

pub use pack::{Note, Oddity, Packed};
pub use statement::{scan, Compose, More};
