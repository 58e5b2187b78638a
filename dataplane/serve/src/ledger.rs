//! Counts by zone, service and region: numbers of a plan's names while it serves, names once they are added up.
//!
//! ```text
//! new names      a sheet: for every thread, a counter for each zone, service and region of these names
//! a query        three additions on the thread's own row
//! names retired  the sheet is added to the totals, by name, once no thread can write on it any more
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use gtm_core::{Names, Tally};

use crate::counters::{Count, Sample};

/// Rows of two threads share no cache line.
const PADDING: usize = 16;

/// The counters of all threads for one edition of the names.
pub struct Sheet {
    rows: Box<[Box<[Count]>]>,
    zones: Box<[String]>,
    services: Box<[String]>,
    regions: Box<[String]>,
}

impl Sheet {
    pub fn new(names: &Names, threads: usize) -> Self {
        let width = names.zone_names.len() + names.service_names.len() + names.region_names.len() + PADDING;
        let row = || (0..width).map(|_| Count::default()).collect();
        Self {
            rows: (0..threads).map(|_| row()).collect(),
            zones: names.zone_names.as_slice().into(),
            services: names.service_names.as_slice().into(),
            regions: names.region_names.as_slice().into(),
        }
    }

    /// Counts an answer of a thread; `NONE` is beyond every row.
    pub fn answered(&self, thread: usize, tally: &Tally) {
        let Some(row) = self.rows.get(thread) else { return };
        let (services, regions) = (self.zones.len(), self.zones.len() + self.services.len());
        for (number, first) in [(tally.zone, 0), (tally.service, services), (tally.region, regions)] {
            if let Some(count) = row.get((number as usize).saturating_add(first)) {
                count.add(1);
            }
        }
    }

    pub fn threads(&self) -> usize {
        self.rows.len()
    }

    fn add_to(&self, totals: &mut Totals) {
        let kinds = [("zone", &self.zones), ("service", &self.services), ("region", &self.regions)];
        let mut column = 0;
        for (kind, names) in kinds {
            for name in names {
                let sum: u64 = self.rows.iter().map(|row| row[column].read()).sum();
                column += 1;
                if sum > 0 {
                    *totals.entry((kind, name.clone())).or_default() += sum;
                }
            }
        }
    }
}

type Totals = BTreeMap<(&'static str, String), u64>;

/// All sheets that may still be written on, and the sum of the others.
#[derive(Default)]
pub struct Ledger(Mutex<(Vec<Arc<Sheet>>, Totals)>);

impl Ledger {
    pub fn open(&self, sheet: &Arc<Sheet>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.push(Arc::clone(sheet));
    }

    /// Adds the sheets up that nobody but this ledger holds.
    pub fn close_unused(&self) {
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (sheets, totals) = &mut *inside;
        sheets.retain(|sheet| {
            let used = Arc::strong_count(sheet) > 1;
            if !used {
                sheet.add_to(totals);
            }
            used
        });
    }

    pub fn samples(&self) -> Vec<Sample> {
        let inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut totals = inside.1.clone();
        inside.0.iter().for_each(|sheet| sheet.add_to(&mut totals));
        let named = |((kind, name), value)| match kind {
            "zone" => ("dns_zone_responses", vec![(kind, name)], value),
            "service" => ("dns_service_responses", vec![(kind, name)], value),
            _ => ("dns_region_responses", vec![(kind, name)], value),
        };
        totals.into_iter().map(named).collect()
    }
}
