//! Hash -> place, in a flat table: a look-up waits for one cache line here, and for the node that the place is of.
//!
//! A slot has the upper half of the hash and the place, eight of them to a cache line; the search goes on to the next
//! slot until an empty one. The upper half tells nearly every other name apart, so a name that is not there is mostly
//! known without looking at any node.

/// A slot without a place.
const EMPTY: u64 = 0;
/// More slots than this for each place keep the searches short: at most five of eight are taken.
const ROOM: (usize, usize) = (8, 5);

/// Places by hash. It does not grow.
#[derive(Default)]
pub struct Index {
    /// None, or a power of two.
    slots: Box<[u64]>,
}

impl Index {
    /// Makes an empty index for so many places.
    pub fn with_capacity(places: usize) -> Self {
        let slots = (places * ROOM.0 / ROOM.1 + 1).next_power_of_two();
        Self { slots: vec![EMPTY; slots].into() }
    }

    /// The place with this hash that is the right one; what the hash says is only likely.
    pub fn find(&self, hash: u64, mut is_right: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash as usize & mask;
        // no more than all slots: an index that is full has no empty one
        for _ in 0..=mask {
            let slot = self.slots[at];
            if slot == EMPTY {
                return None;
            }
            if (slot ^ hash) >> 32 == 0 {
                let place = slot as u32 - 1;
                if is_right(place) {
                    return Some(place);
                }
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// The place in the first slot of a hash, if that has half of it: nearly always the right one.
    pub fn likely(&self, hash: u64) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let slot = self.slots[hash as usize & mask];
        (slot != EMPTY && (slot ^ hash) >> 32 == 0).then(|| slot as u32 - 1)
    }

    /// Adds a place below `u32::MAX`; returns whether there was room.
    pub fn insert(&mut self, hash: u64, place: u32) -> bool {
        let Some(mask) = self.slots.len().checked_sub(1) else { return false };
        let mut at = hash as usize & mask;
        for _ in 0..=mask {
            if self.slots[at] == EMPTY {
                self.slots[at] = hash >> 32 << 32 | (u64::from(place) + 1);
                return true;
            }
            at = (at + 1) & mask;
        }
        false
    }

    /// The memory it lies in.
    pub fn memory(&self) -> &[u64] {
        &self.slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_nothing_else() {
        let mut index = Index::with_capacity(1000);
        for place in 0..1000 {
            assert!(index.insert(u64::from(place).wrapping_mul(0x9E37_79B9_7F4A_7C15), place));
        }
        for place in 0..2000 {
            let found = index.find(u64::from(place).wrapping_mul(0x9E37_79B9_7F4A_7C15), |other| other == place);
            assert_eq!(found, (place < 1000).then_some(place));
        }
    }

    #[test]
    fn places_of_one_hash_are_told_apart() {
        let mut index = Index::with_capacity(3);
        assert!((0..3).all(|place| index.insert(7, place)));
        assert_eq!(index.find(7, |place| place == 2), Some(2));
        assert_eq!(index.find(7, |_| false), None);
    }

    #[test]
    fn a_full_index_takes_no_more_and_finds_an_end() {
        let mut index = Index::with_capacity(0);
        assert!(index.insert(1, 0));
        assert!(!index.insert(2, 1));
        assert_eq!(index.find(2 << 32, |_| true), None);
        assert_eq!(Index::default().find(0, |_| true), None);
    }
}
