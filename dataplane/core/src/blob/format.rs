//! What the blobs hold on the wire: `MessagePack` arrays in the order of the fields, as `gtm/plan/blob.py` composes them.

use serde::Deserialize;
use serde_bytes::Bytes;

/// The version of the form; Python and Rust of one release agree.
pub const VERSION: u32 = 4;

#[derive(Deserialize)]
pub struct NamesBlob<'a> {
    pub version: u32,
    pub regions: Vec<String>,
    #[serde(borrow)]
    pub maps: Vec<MapBlob<'a>>,
    #[serde(borrow)]
    pub services: Vec<ServiceBlob<'a>>,
    #[serde(borrow)]
    pub zones: Vec<ZoneBlob<'a>>,
}

#[derive(Deserialize)]
pub struct MapBlob<'a>(#[serde(borrow)] pub TableBlob<'a>, #[serde(borrow)] pub TableBlob<'a>);

/// Starts, lengths and cells, as big-endian columns of 4 or 16, 1 and 4 octets.
#[derive(Deserialize)]
pub struct TableBlob<'a>(
    #[serde(borrow)] pub &'a Bytes,
    #[serde(borrow)] pub &'a Bytes,
    #[serde(borrow)] pub &'a Bytes,
);

#[derive(Deserialize)]
pub struct ServiceBlob<'a> {
    pub name: String,
    pub map: u32,
    pub aliases_only: bool,
    #[serde(borrow)]
    pub answers: Vec<AnswerBlob<'a>>,
}

/// Type, region, RDATA.
#[derive(Deserialize)]
pub struct AnswerBlob<'a>(pub u16, pub u32, #[serde(borrow)] pub &'a Bytes);

#[derive(Deserialize)]
pub struct ZoneBlob<'a> {
    pub name: String,
    #[serde(borrow)]
    pub origin: &'a Bytes,
    pub soa_ttl: u32,
    #[serde(borrow)]
    pub soa: &'a Bytes,
    #[serde(borrow)]
    pub nodes: Vec<NodeBlob<'a>>,
    /// What a records file has at other names.
    #[serde(borrow)]
    pub bulk: &'a Bytes,
}

#[derive(Deserialize)]
pub struct NodeBlob<'a> {
    #[serde(borrow)]
    pub name: &'a Bytes,
    #[serde(borrow)]
    pub rrsets: Vec<RRsetBlob<'a>>,
    pub service: Option<u32>,
    pub delegation: bool,
}

#[derive(Deserialize)]
pub struct RRsetBlob<'a>(pub u16, pub u32, #[serde(borrow)] pub Vec<&'a Bytes>);

#[derive(Deserialize)]
pub struct DecisionsBlob<'a> {
    pub version: u32,
    pub generation: u64,
    #[serde(borrow)]
    pub spreads: Vec<SpreadBlob<'a>>,
    #[serde(borrow)]
    pub ttls: Vec<&'a Bytes>,
    /// For each service three numbers: its own, its spread's, its TTLs'.
    #[serde(borrow)]
    pub services: &'a Bytes,
}

#[derive(Deserialize)]
pub struct SpreadBlob<'a> {
    #[serde(borrow)]
    pub by_cell: &'a Bytes,
    pub different: Vec<Vec<SelectedBlob>>,
}

#[derive(Deserialize)]
pub struct SelectedBlob {
    pub rtype: u16,
    pub choose: u8,
    pub count: u32,
    pub state: u8,
    pub rcode: u16,
    /// Number and weight.
    pub picks: Vec<(u32, u64)>,
}
