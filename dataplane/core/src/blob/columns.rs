//! Columns of numbers: big-endian, each of the same width.

use std::sync::Arc;

use super::error::{wrong, BlobError};

/// A number that a column can hold.
pub trait Number: Sized {
    /// The numbers of a column; none when octets are left over.
    fn read(octets: &[u8]) -> Option<Vec<Self>>;
}

macro_rules! number {
    ($kind:ty, $size:literal) => {
        impl Number for $kind {
            fn read(octets: &[u8]) -> Option<Vec<Self>> {
                let exact = octets.chunks_exact($size);
                if !exact.remainder().is_empty() {
                    return None;
                }
                Some(exact.filter_map(|chunk| chunk.try_into().ok()).map(<$kind>::from_be_bytes).collect())
            }
        }
    };
}
number!(u32, 4);
number!(u128, 16);

/// The numbers of a column of `u32`.
pub fn numbers(octets: &[u8]) -> Result<Arc<[u32]>, BlobError> {
    u32::read(octets).map_or_else(|| wrong("cells that are no numbers"), |numbers| Ok(numbers.into()))
}
