//! The Python side of the Rust engine: translates, and decides nothing.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use gtm_core::{respond, Names, Plan, Scratch, Transport};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

const LONGEST: usize = 65_535;

/// Plans and queries in, answers out.
#[pyclass(frozen, module = "gtm.engine.rust")]
struct Dataplane {
    plan: Mutex<Arc<Plan>>,
    bench: Mutex<Bench>,
}

/// What `respond` works with.
struct Bench {
    scratch: Scratch,
    out: Box<[u8]>,
}

#[pymethods]
impl Dataplane {
    #[new]
    fn new() -> Self {
        Self {
            plan: Mutex::new(Arc::new(Plan::empty())),
            bench: Mutex::new(Bench { scratch: Scratch::default(), out: vec![0; LONGEST].into() }),
        }
    }

    /// Serves new names, every service of which the decisions decide.
    fn swap_names(&self, py: Python<'_>, names: &[u8], decisions: &[u8]) -> PyResult<()> {
        let plan = py.detach(|| Names::parse(names).and_then(|names| Plan::first(names, decisions)));
        self.publish(plan.map_err(refused)?);
        Ok(())
    }

    /// Serves the same names with the decisions of some services made anew.
    fn swap_decisions(&self, py: Python<'_>, decisions: &[u8]) -> PyResult<()> {
        let before = Arc::clone(&self.plan.lock().unwrap_or_else(PoisonError::into_inner));
        let plan = py.detach(|| before.next(decisions));
        self.publish(plan.map_err(refused)?);
        Ok(())
    }

    /// Returns the answer to one message, or None.
    fn respond<'py>(
        &self,
        py: Python<'py>,
        wire: &[u8],
        client: IpAddr,
        tcp: bool,
        coin: u64,
    ) -> Option<Bound<'py, PyBytes>> {
        let plan = Arc::clone(&self.plan.lock().unwrap_or_else(PoisonError::into_inner));
        let transport = if tcp { Transport::Tcp } else { Transport::Udp };
        let mut bench = self.bench.lock().unwrap_or_else(PoisonError::into_inner);
        let Bench { scratch, out } = &mut *bench;
        let (length, _) = respond(&plan, wire, client, transport, coin, scratch, out)?;
        Some(PyBytes::new(py, &out[..length]))
    }
}

impl Dataplane {
    fn publish(&self, plan: Plan) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
    }
}

fn refused(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The Rust engine.
#[pymodule(gil_used = false)]
mod rust {
    #[pymodule_export]
    use super::Dataplane;
}
