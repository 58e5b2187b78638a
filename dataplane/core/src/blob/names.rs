//! Names blob -> `Names`: regions, cell maps, services and zones.

use super::columns::Number;
use super::error::{wrong, BlobError};
use super::format::{AnswerBlob, MapBlob, NamesBlob, TableBlob, VERSION};
use super::keys::key;
use super::zones::add_zones;
use crate::networks::{CellMap, Networks};
use crate::plan::{Answer, Names, Service};
use crate::record::tail;

impl Names {
    /// Reads the part of a plan that changes with zones and geo data.
    ///
    /// # Errors
    /// When the bytes are not of the form that `gtm/plan/blob.py` composes.
    pub fn parse(blob: &[u8]) -> Result<Self, BlobError> {
        let blob: NamesBlob = rmp_serde::from_slice(blob)?;
        if blob.version != VERSION {
            return wrong("made by another version");
        }
        let maps = blob.maps.iter().map(cell_map).collect::<Result<_, _>>()?;
        let mut names = Self { maps, region_names: blob.regions, ..Self::default() };
        for service in blob.services {
            if service.map as usize >= names.maps.len() {
                return wrong("a service without a map");
            }
            let answers = answers(&service.answers, names.region_names.len())?;
            names.services.push(Service { map: service.map, aliases_only: service.aliases_only, answers });
            names.service_names.push(service.name);
        }
        for (number, zone) in blob.zones.iter().enumerate() {
            names.origins.insert(key(zone.origin)?, number as u32);
        }
        add_zones(&mut names, &blob.zones)?;
        Ok(names)
    }
}

fn answers(blob: &[AnswerBlob], regions: usize) -> Result<Box<[Answer]>, BlobError> {
    let answer = |&AnswerBlob(rtype, region, rdata): &AnswerBlob| {
        if region as usize >= regions {
            return wrong("an answer without its region");
        }
        Ok(Answer { rtype, region, tail: tail(rtype, 0, rdata) })
    };
    blob.iter().map(answer).collect()
}

fn cell_map(blob: &MapBlob) -> Result<CellMap, BlobError> {
    let v4 = columns(&blob.0).and_then(|(starts, lengths, cells)| Networks::new(starts, &lengths, &cells));
    let v6 = columns(&blob.1).and_then(|(starts, lengths, cells)| Networks::new(starts, &lengths, &cells));
    match (v4, v6) {
        (Some(v4), Some(v6)) => Ok(CellMap::new(v4, v6)),
        _ => wrong("a map that does not cover its family"),
    }
}

fn columns<A: Number>(table: &TableBlob) -> Option<(Vec<A>, Vec<u8>, Vec<u32>)> {
    Some((A::read(table.0)?, table.1.to_vec(), u32::read(table.2)?))
}
