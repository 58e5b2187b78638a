//! Client networks -> cell, with the length of the network that decides (RFC 7871 7.2.1).
//!
//! The networks of a family cover every address and do not overlap. Their starts are sorted; an index over the top
//! 16 bits says where to search, so that a search touches a handful of neighbours.
//!
//! ```text
//! EMBEDDED and more    no cell: the IPv4 networks have that of the address inside
//! UNPLACED             no cell: that of whoever asks counts, as the place of these addresses says nothing
//! ```

use std::net::IpAddr;

/// Where a client falls.
#[derive(Clone, Copy)]
pub struct Hit {
    pub cell: u32,
    pub prefix_length: u8,
}

/// One network: where it starts, and in one number its cell and its length, so that a row of IPv4 has eight octets and
/// a search stays in one or two cache lines.
struct Row<A> {
    start: A,
    /// The cell in the upper 24 bits, the prefix length in the lower 8.
    value: u32,
}

/// More cells than that do not fit a row.
const MAX_CELLS: u32 = 1 << 24;
/// What addresses hold whose place says nothing.
const UNPLACED: u32 = MAX_CELLS - 1;
/// What is lower is a cell. From here on there are two for each bit at which an embedded IPv4 address may begin: as it is,
/// and with every bit inverted (`gtm/geo/special.py`).
const EMBEDDED: u32 = MAX_CELLS - 512;
/// The last bit at which one may begin, of IPv6 addresses.
const LAST_START: u32 = 96;
/// An address that begins here or before is 8 bits further from here on (RFC 6052 2.2).
const SKIPPED_AT: u32 = 64;

/// The networks of one family.
pub struct Networks<A> {
    rows: Box<[Row<A>]>,
    /// For each value of the top 16 bits, the row that its first address lies in; one more at the end.
    index: Box<[u32]>,
}

/// An address as a number.
pub trait Bits: Copy + Ord {
    /// The top 16 bits.
    fn top(self) -> usize;
    /// The first address with these top bits.
    fn first(top: u16) -> Self;
    /// Whether addresses of this family may hold an IPv4 address in this way.
    fn may_hold(cell: u32) -> bool;
}

impl Bits for u32 {
    fn top(self) -> usize {
        (self >> 16) as usize
    }
    fn first(top: u16) -> Self {
        Self::from(top) << 16
    }
    fn may_hold(_: u32) -> bool {
        false
    }
}

impl Bits for u128 {
    fn top(self) -> usize {
        (self >> 112) as usize
    }
    fn first(top: u16) -> Self {
        Self::from(top) << 112
    }
    fn may_hold(cell: u32) -> bool {
        cell < EMBEDDED + 2 * (LAST_START + 1)
    }
}

impl<A: Bits> Networks<A> {
    /// Makes the table; the three columns are equally long, and the first start is 0. None when they are not.
    pub fn new(starts: Vec<A>, lengths: &[u8], cells: &[u32]) -> Option<Self> {
        let sorted = starts.windows(2).all(|pair| pair[0] < pair[1]);
        let whole = starts.first().is_some_and(|&first| first == A::first(0));
        let fits = cells.iter().all(|&cell| cell < EMBEDDED || cell == UNPLACED || A::may_hold(cell));
        if starts.len() != lengths.len() || starts.len() != cells.len() || !sorted || !whole || !fits {
            return None;
        }
        let row = |top: u16| starts.partition_point(|&start| start <= A::first(top)) as u32 - 1;
        let mut index: Vec<u32> = (0..=u16::MAX).map(row).collect();
        index.push(starts.len() as u32 - 1);
        let values = cells.iter().zip(lengths).map(|(&cell, &length)| cell << 8 | u32::from(length));
        let rows = starts.into_iter().zip(values).map(|(start, value)| Row { start, value }).collect();
        Some(Self { rows, index: index.into() })
    }

    /// The highest cell that the table names.
    fn highest(&self) -> u32 {
        self.rows.iter().map(|row| row.value >> 8).filter(|&cell| cell < EMBEDDED).max().unwrap_or(0)
    }

    /// The network of an address. None of the indexings leads out, by what `new` makes sure of:
    ///
    /// - `index` has 2^16 rows for the top bits and one more, so `top` and `top + 1` are in it;
    /// - its entries are rows in rising order, so `low..=high` is a range of `rows`;
    /// - the row at `low` has the first address of these top bits, or the first start is 0, so it starts at `address` or
    ///   before: at least one row does, and there is no 0 to take 1 from.
    fn lookup(&self, address: A) -> Hit {
        let top = address.top();
        let (low, high) = (self.index[top] as usize, self.index[top + 1] as usize);
        let row = low + self.rows[low..=high].partition_point(|row| row.start <= address) - 1;
        let value = self.rows[row].value;
        Hit { cell: value >> 8, prefix_length: value as u8 }
    }
}

/// Every client's cell, for one way of looking at places.
pub struct CellMap {
    v4: Networks<u32>,
    v6: Networks<u128>,
    /// The highest cell that either family names.
    pub highest: u32,
}

impl CellMap {
    /// Joins the tables of both families.
    pub fn new(v4: Networks<u32>, v6: Networks<u128>) -> Self {
        let highest = v4.highest().max(v6.highest());
        Self { v4, v6, highest }
    }

    /// The cell of a client, and the length of the network that decides; where its address says nothing, its resolver's
    /// decides for all of that network.
    pub fn lookup(&self, client: IpAddr, resolver: IpAddr) -> Hit {
        let hit = self.at(client);
        if hit.cell != UNPLACED {
            return hit;
        }
        let other = self.at(resolver).cell;
        Hit { cell: if other == UNPLACED { 0 } else { other }, ..hit }
    }

    fn at(&self, address: IpAddr) -> Hit {
        let number = match address {
            IpAddr::V4(v4) => return self.v4.lookup(u32::from(v4)),
            IpAddr::V6(v6) => u128::from(v6),
        };
        let hit = self.v6.lookup(number);
        if !(EMBEDDED..UNPLACED).contains(&hit.cell) {
            return hit;
        }
        let (start, is_inverted) = ((hit.cell - EMBEDDED) / 2, hit.cell % 2 == 1);
        let hit = self.v4.lookup(if is_inverted { !embedded(number, start) } else { embedded(number, start) });
        let end = start + u32::from(hit.prefix_length);
        let skipped = if start <= SKIPPED_AT && end > SKIPPED_AT { 8 } else { 0 };
        Hit { prefix_length: (end + skipped) as u8, ..hit }
    }
}

/// The IPv4 address that begins at a bit of an IPv6 address, `LAST_START` at most.
fn embedded(number: u128, start: u32) -> u32 {
    if start > SKIPPED_AT {
        return (number >> (LAST_START - start)) as u32;
    }
    let without = number >> 64 << 56 | number & ((1 << 56) - 1);
    (without >> (88 - start)) as u32
}
