//! A small plan, composed as Python does, for tests and fuzzing.

use rmp_serde::to_vec;
use serde::Serialize;
use serde_bytes::ByteBuf;

/// The names blob and the decisions blob.
pub struct Blobs {
    pub names: Vec<u8>,
    pub decisions: Vec<u8>,
}

const VERSION: u32 = 4;

/// What all services of one shape get: of each cell the number, and by number the type, choose, count, state, rcode and
/// picks of each outcome.
pub type Spread = (ByteBuf, Vec<Vec<(u16, u8, u32, u8, u16, Vec<(u32, u64)>)>>);

/// The decisions blob of generation 7; `services` has three numbers for each: its own, its spread's, its TTLs'.
pub fn decisions(spreads: &[&Spread], ttls: &[&[u32]], services: &[u32]) -> Vec<u8> {
    let ttls: Vec<_> = ttls.iter().map(|column| numbers(column)).collect();
    to_vec(&(VERSION, 7_u64, spreads, ttls, numbers(services))).unwrap()
}

/// A column of numbers.
pub fn numbers(column: &[u32]) -> ByteBuf {
    ByteBuf::from(column.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>())
}

fn bytes(octets: impl AsRef<[u8]>) -> ByteBuf {
    ByteBuf::from(octets.as_ref())
}

/// A name in wire format.
pub fn wire(name: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        octets.push(label.len() as u8);
        octets.extend(label.as_bytes());
    }
    octets.push(0);
    octets
}

#[derive(Serialize, Clone)]
pub struct RRset(u16, u32, Vec<ByteBuf>);

#[derive(Serialize, Clone)]
struct Node(ByteBuf, Vec<RRset>, Option<u32>, bool);

fn node(name: &str, rrsets: &[(u16, &[u8])], service: Option<u32>, delegation: bool) -> Node {
    let rrsets = rrsets.iter().map(|(rtype, rdata)| RRset(*rtype, 60, vec![bytes(rdata)])).collect();
    Node(bytes(wire(name)), rrsets, service, delegation)
}

/// The zone `z.test` with a service of two cells at `api`, an alias to it, a wildcard, and a delegation.
pub fn blobs() -> Blobs {
    let table = |width: usize, split: u8| {
        // the lower half of the family is cell 0, the upper half cell 1
        let mut starts = vec![0; width];
        starts.push(split);
        starts.extend(vec![0; width - 1]);
        (bytes(starts), bytes([1, 1]), bytes([0, 0, 0, 0, 0, 0, 0, 1]))
    };
    let nodes = vec![
        node("z.test", &[(2, &wire("ns.z.test"))], None, false),
        node("api.z.test", &[(16, b"\x02hi")], Some(0), false),
        node("www.z.test", &[(5, &wire("API.z.test"))], None, false),
        node("w.z.test", &[], None, false),
        node("*.w.z.test", &[(1, &[192, 0, 2, 9])], None, false),
        node("sub.z.test", &[(2, &wire("ns.sub.z.test"))], None, true),
        node("ns.sub.z.test", &[(1, &[192, 0, 2, 7])], None, false),
    ];
    let zone = ("z.test", bytes(wire("z.test")), 60_u32, bytes(soa()), nodes, bytes(bulk()));
    let answer = |region: u32, last: u8| (1_u16, region, bytes([192, 0, 2, last]));
    let service = ("api.z.test", 0_u32, false, vec![answer(0, 1), answer(1, 2)]);
    let maps = vec![(table(4, 0x80), table(16, 0x80))];
    let names = to_vec(&(VERSION, vec!["eu", "us"], maps, vec![service], vec![zone])).unwrap();
    let one_of = |number: u32| vec![(1_u16, 1_u8, 0_u32, 0_u8, 0_u16, vec![(number, 1_u64)])];
    let spread = (numbers(&[0, 1]), vec![one_of(0), one_of(1)]);
    let decisions = decisions(&[&spread], &[&[30, 40]], &[0, 0, 0]);
    Blobs { names, decisions }
}

fn soa() -> Vec<u8> {
    let mut rdata = wire("ns.z.test");
    rdata.extend(wire("admin.z.test"));
    rdata.extend([0; 20]);
    rdata
}

/// A query with EDNS; `subnet` is an IPv4 network of 24 bits.
pub fn query(name: &str, rtype: u16, subnet: Option<[u8; 3]>) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    message.extend(wire(name));
    message.extend(rtype.to_be_bytes());
    message.extend([0, 1]);
    let mut options = Vec::new();
    if let Some(network) = subnet {
        options.extend([0, 8, 0, 7, 0, 1, 24, 0]);
        options.extend(network);
    }
    message.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, options.len() as u8]);
    message.extend(options);
    message
}

/// One address at `h.bulk.z.test`, as of a records file.
fn bulk() -> Vec<u8> {
    b"\x05\x04bulk\x00\x00\x07\x04bulk\x01h\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x00\x00\x01\x00\x01\x00\x04\xc0\x00\x02\x08".to_vec()
}
