//! Why a blob is no plan.

use std::fmt;

use crate::nodes::TooMuch;
use crate::wire::Malformed;

/// Why a blob is no plan.
#[derive(Debug)]
pub struct BlobError(String);

impl fmt::Display for BlobError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for BlobError {}

impl From<rmp_serde::decode::Error> for BlobError {
    fn from(error: rmp_serde::decode::Error) -> Self {
        Self(format!("not a plan: {error}"))
    }
}

impl From<Malformed> for BlobError {
    fn from(_: Malformed) -> Self {
        Self("not a plan: rows that are none".into())
    }
}

impl From<TooMuch> for BlobError {
    fn from(_: TooMuch) -> Self {
        Self("not a plan: more names or records than there can be".into())
    }
}

/// An error in these words, as any result.
pub fn wrong<T>(what: &str) -> Result<T, BlobError> {
    Err(BlobError(format!("not a plan: {what}")))
}
