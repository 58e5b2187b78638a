//! Bytes -> query. Total: any bytes give a query, or none where silence is right.
//!
//! ```text
//! under 12 octets, or a response     silence: an answer could start a loop
//! anything malformed                 FORMERR
//! an opcode other than QUERY         NOTIMP
//! EDNS version 1 and up              BADVERS, whatever the opcode (RFC 6891 6.1.3)
//! ```
//!
//! What was understood before the mistake stays, so that the refusal can repeat the question, and has an OPT where the
//! query had one (RFC 6891 6.1.1, 7).

use crate::name::{self, Name};
use crate::options::Options;
use crate::wire::{flag, rcode, rtype, Malformed, DNSSEC_OK, HEADER};

/// Beside the question; a query has an OPT, perhaps a signature, and an IXFR the SOA of its asker.
const MAX_RECORDS: u32 = 16;

/// The OPT record of a query (RFC 6891).
#[derive(Clone, Copy)]
pub struct Edns<'a> {
    pub size: u16,
    pub dnssec_ok: bool,
    /// Those that this server knows; others are ignored (RFC 6891 6.1.2).
    pub options: Options<'a>,
}

/// One message to answer. The question's name is in the `Name` that was passed to `parse`.
pub struct Query<'a> {
    pub id: u16,
    pub bitmap: u16,
    /// The type and class asked for.
    pub question: Option<(u16, u16)>,
    pub edns: Option<Edns<'a>>,
    pub rcode: u16,
}

/// Returns the query in a message, or none for bytes that get no answer.
pub fn parse<'a>(wire: &'a [u8], asked: &mut Name) -> Option<Query<'a>> {
    let header = wire.get(..HEADER)?;
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let mut query = Query { id: word(0), bitmap: word(2), question: None, edns: None, rcode: rcode::NOERROR };
    if query.bitmap & flag::QR != 0 {
        return None;
    }
    let before = u32::from(word(6)) + u32::from(word(8));
    if body(wire, &mut query, asked, word(4), before, u32::from(word(10))).is_err() {
        query.rcode = rcode::FORMERR;
    }
    if query.bitmap & flag::OPCODE != 0 && query.rcode != rcode::BADVERS {
        query.rcode = rcode::NOTIMP;
    }
    Some(query)
}

fn body<'a>(
    wire: &'a [u8],
    query: &mut Query<'a>,
    asked: &mut Name,
    questions: u16,
    before: u32,
    additional: u32,
) -> Result<(), Malformed> {
    let mut at = if questions == 1 {
        let end = name::read(wire, HEADER, asked)?;
        query.question = Some((word(wire, end)?, word(wire, end + 2)?));
        end + 4
    } else {
        skip_questions(wire, questions)?
    };
    if before + additional > MAX_RECORDS {
        return Err(Malformed);
    }
    for _ in 0..before {
        at = record(wire, at)?.end;
    }
    for _ in 0..additional {
        let record = record(wire, at)?;
        at = record.end;
        if record.rtype == rtype::OPT {
            opt(query, &record)?;
        }
    }
    if at == wire.len() && questions == 1 {
        Ok(())
    } else {
        Err(Malformed)
    }
}

/// Where the records begin behind no question, or several: RFC 9619 has one in each query, but an OPT is looked for.
fn skip_questions(wire: &[u8], questions: u16) -> Result<usize, Malformed> {
    if u32::from(questions) > MAX_RECORDS {
        return Err(Malformed);
    }
    let mut at = HEADER;
    for _ in 0..questions {
        let (end, _) = name::skip(wire, at)?;
        word(wire, end + 2)?;
        at = end + 4;
    }
    Ok(at)
}

struct Record<'a> {
    is_root: bool,
    rtype: u16,
    rclass: u16,
    ttl: u32,
    rdata: &'a [u8],
    end: usize,
}

fn record(wire: &[u8], at: usize) -> Result<Record<'_>, Malformed> {
    let (at, is_root) = name::skip(wire, at)?;
    let fixed = wire.get(at..at + 10).ok_or(Malformed)?;
    let length = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
    Ok(Record {
        is_root,
        rtype: u16::from_be_bytes([fixed[0], fixed[1]]),
        rclass: u16::from_be_bytes([fixed[2], fixed[3]]),
        ttl: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        rdata: wire.get(at + 10..at + 10 + length).ok_or(Malformed)?,
        end: at + 10 + length,
    })
}

fn opt<'a>(query: &mut Query<'a>, record: &Record<'a>) -> Result<(), Malformed> {
    if query.edns.is_some() {
        return Err(Malformed); // RFC 6891 6.1.1: one OPT
    }
    let mut edns =
        Edns { size: record.rclass, dnssec_ok: record.ttl as u16 & DNSSEC_OK != 0, options: Options::default() };
    // RFC 6891 7: a FORMERR for what is wrong with an OPT has one, too
    query.edns = Some(edns);
    if !record.is_root {
        return Err(Malformed); // RFC 6891 6.1.2
    }
    if record.ttl >> 16 & 0xFF != 0 {
        query.rcode = rcode::BADVERS;
        return Ok(());
    }
    edns.options = Options::parse(record.rdata)?;
    query.edns = Some(edns);
    Ok(())
}

fn word(wire: &[u8], at: usize) -> Result<u16, Malformed> {
    let octets = wire.get(at..at + 2).ok_or(Malformed)?;
    Ok(u16::from_be_bytes([octets[0], octets[1]]))
}
