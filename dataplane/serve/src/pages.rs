//! Large pages for memory that is read at random: a look-up then does not wait for the page table too.
//!
//! A million names lie in 70 MB. With pages of 4 KiB their translations do not fit into the processor's caches for
//! them, with pages of 2 MiB they do. The kernel decides; where it refuses, everything works as before.

use std::mem::size_of_val;

/// Smaller pieces are left alone.
const LARGE_PAGE: usize = 2 * 1024 * 1024;
const PAGE: usize = 4096;
/// Linux 6.1: at once, and whatever the system's setting for other memory is.
const MADV_COLLAPSE: libc::c_int = 25;

/// Asks for large pages under the whole pages of a piece of memory.
pub fn enlarge<T>(memory: &[T]) {
    let start = memory.as_ptr().addr().next_multiple_of(PAGE);
    let end = (memory.as_ptr().addr() + size_of_val(memory)) / PAGE * PAGE;
    let Some(octets) = end.checked_sub(start).filter(|&octets| octets >= LARGE_PAGE) else { return };
    let from = memory.as_ptr().cast::<u8>().wrapping_add(start - memory.as_ptr().addr());
    for advice in [libc::MADV_HUGEPAGE, MADV_COLLAPSE] {
        // SAFETY: the range lies within `memory`; the advice changes how it is mapped, and not what is in it.
        unsafe { libc::madvise(from.cast_mut().cast(), octets, advice) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_memory_stays() {
        for octets in [0, 1, LARGE_PAGE - 1, 5 * LARGE_PAGE + 77] {
            let memory: Vec<u8> = (0..octets).map(|number| number as u8).collect();
            enlarge(&memory);
            assert!(memory.iter().enumerate().all(|(number, &octet)| octet == number as u8));
        }
    }
}
