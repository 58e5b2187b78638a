//! Client networks -> cell, with the length of the network that decides (RFC 7871 7.2.1).
//!
//! The networks of a family cover every address and do not overlap. Their starts are sorted; an index over the top
//! 16 bits says where to search, so that a search touches a handful of neighbours.

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
}

impl Bits for u32 {
    fn top(self) -> usize {
        (self >> 16) as usize
    }
    fn first(top: u16) -> Self {
        Self::from(top) << 16
    }
}

impl Bits for u128 {
    fn top(self) -> usize {
        (self >> 112) as usize
    }
    fn first(top: u16) -> Self {
        Self::from(top) << 112
    }
}

impl<A: Bits> Networks<A> {
    /// Makes the table; the three columns are equally long, and the first start is 0. None when they are not.
    pub fn new(starts: Vec<A>, lengths: &[u8], cells: &[u32]) -> Option<Self> {
        let sorted = starts.windows(2).all(|pair| pair[0] < pair[1]);
        let whole = starts.first().is_some_and(|&first| first == A::first(0));
        let fits = cells.iter().all(|&cell| cell < MAX_CELLS);
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
        self.rows.iter().map(|row| row.value >> 8).max().unwrap_or(0)
    }

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

    /// The cell of an address; IPv4-mapped IPv6 counts as IPv4 (RFC 4291 2.5.5.2).
    pub fn lookup(&self, address: IpAddr) -> Hit {
        let v6 = match address {
            IpAddr::V4(v4) => return self.v4.lookup(u32::from(v4)),
            IpAddr::V6(v6) => v6,
        };
        match v6.to_ipv4_mapped() {
            None => self.v6.lookup(u128::from(v6)),
            Some(v4) => {
                let hit = self.v4.lookup(u32::from(v4));
                let prefix_length = if hit.prefix_length == 0 { 0 } else { hit.prefix_length + 96 };
                Hit { prefix_length, ..hit }
            }
        }
    }
}
