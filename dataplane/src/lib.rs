//! The Python side of the Rust engine: translates, and decides nothing.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gtm_core::{respond, Names, Plan, Scratch, Transport};
use gtm_serve::{Limits, ListenError, Published, Sample, Server};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

const LONGEST: usize = 65_535;

/// Plans in, answers out: of one query handed over, or of all that come to its sockets.
#[pyclass(frozen, module = "gtm._native")]
struct Dataplane {
    published: Arc<Published>,
    bench: Mutex<Bench>,
    server: Mutex<Option<Server>>,
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
            published: Arc::new(Published::new()),
            bench: Mutex::new(Bench { scratch: Scratch::default(), out: vec![0; LONGEST].into() }),
            server: Mutex::new(None),
        }
    }

    /// Serves new names, every service of which the decisions decide.
    fn swap_names(&self, py: Python<'_>, names: &[u8], decisions: &[u8]) -> PyResult<()> {
        py.detach(|| {
            let plan = Names::parse(names).and_then(|names| Plan::first(names, decisions))?;
            self.published.publish(plan);
            Ok(())
        })
        .map_err(|error: gtm_core::BlobError| refused(&error))
    }

    /// Serves the same names with the decisions of some services made anew.
    fn swap_decisions(&self, py: Python<'_>, decisions: &[u8]) -> PyResult<()> {
        py.detach(|| {
            let plan = self.published.load().plan.next(decisions)?;
            self.published.publish(plan);
            Ok(())
        })
        .map_err(|error: gtm_core::BlobError| refused(&error))
    }

    /// Returns the answer to one message, and its RCODE, or None.
    fn respond<'py>(
        &self,
        py: Python<'py>,
        wire: &[u8],
        client: IpAddr,
        tcp: bool,
        coin: u64,
    ) -> Option<(Bound<'py, PyBytes>, u16)> {
        let served = self.published.load();
        let transport = if tcp { Transport::Tcp } else { Transport::Udp };
        let mut bench = locked(&self.bench);
        let Bench { scratch, out } = &mut *bench;
        let (length, tally) = respond(&served.plan, wire, client, transport, coin, scratch, out)?;
        Some((PyBytes::new(py, &out[..length]), tally.rcode))
    }

    #[allow(clippy::needless_pass_by_value)] // pyo3 makes a value of every argument
    /// Binds UDP and TCP sockets on every address, closing those of before; returns the addresses as bound.
    fn listen(
        &self,
        py: Python<'_>,
        addresses: Vec<String>,
        threads: usize,
        max_connections: usize,
        max_of_network: usize,
        idle_timeout_s: f64,
    ) -> PyResult<Vec<String>> {
        let parsed = |text: &String| text.parse::<SocketAddr>().map_err(|error| refused(&format!("{text}: {error}")));
        let addresses = addresses.iter().map(parsed).collect::<PyResult<Vec<_>>>()?;
        let idle = Duration::try_from_secs_f64(idle_timeout_s).map_err(|error| refused(&error))?;
        let limits = Limits { connections: max_connections, of_network: max_of_network, idle };
        py.detach(|| {
            let mut server = locked(&self.server);
            *server = None;
            let listening = Server::listen(&addresses, threads, limits)?;
            let bound = listening.addresses().iter().map(ToString::to_string).collect();
            *server = Some(listening);
            Ok(bound)
        })
        .map_err(|error| failed(&error))
    }

    /// Answers what comes to the sockets, on threads of its own.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| locked(&self.server).as_mut().map_or(Ok(()), |server| server.start(&self.published)))?;
        Ok(())
    }

    /// Ends the threads and closes the sockets.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| *locked(&self.server) = None);
    }

    /// Returns what the threads counted: names, labels and values.
    fn counters(&self, py: Python<'_>) -> Vec<(&'static str, BTreeMap<&'static str, String>, u64)> {
        let labelled = |(name, labels, value): Sample| (name, labels.into_iter().collect(), value);
        py.detach(|| self.published.samples().into_iter().map(labelled).collect())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refused(error: &impl ToString) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// An `OSError` whose file name says what could not be bound: `UDP 127.0.0.1:53`.
fn failed(error: &ListenError) -> PyErr {
    let place = format!("{} {}", error.transport, error.at);
    match error.error.raw_os_error() {
        Some(number) => PyOSError::new_err((number, error.error.to_string(), place)),
        None => PyOSError::new_err(error.to_string()),
    }
}

/// What a Bulk is made of: rows, starts, notable rows, and how many records there are.
type Bulk<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>, usize);
/// What was odd: the first of it, and how much there was.
type Notes = (Vec<(u32, u8, u32, u32, u32, u32)>, usize);

/// Returns the records of a zone file (RFC 1035 5), packed; None where the reference has to read it.
#[pyfunction]
fn scan_zone_file<'py>(
    py: Python<'py>,
    content: &[u8],
    origin: &[u8],
    ttl: u32,
    compose: Bound<'py, PyAny>,
    more: Bound<'py, PyAny>,
) -> Option<(Bulk<'py>, Notes)> {
    let (compose, more) = (compose.unbind(), more.unbind());
    // an exception is as good as None: the reference meets it again
    let mut compose = |rtype: &str, text: &str, origin: &[u8]| {
        let found = Python::attach(|py| compose.call1(py, (rtype, text, PyBytes::new(py, origin)))?.extract(py));
        found.unwrap_or(None)
    };
    let mut more = |directive: &str, argument: &str, line: u32, depth: u32| {
        let found = Python::attach(|py| {
            let found: Option<(Bound<PyBytes>, u32)> =
                more.bind(py).call1((directive, argument, line, depth))?.extract()?;
            PyResult::Ok(found.map(|(content, first)| (content.as_bytes().to_vec(), first)))
        });
        found.unwrap_or(None)
    };
    let packed = py.detach(|| gtm_zonefile::scan(content, origin, ttl, &mut compose, &mut more))?;
    let bytes = |octets: &[u8]| PyBytes::new(py, octets);
    let notes = packed
        .notes
        .iter()
        .map(|note| (note.line, note.oddity as u8, note.first_line, note.ttl, note.first_ttl, note.least_ttl));
    let bulk = (bytes(&packed.rows), bytes(&packed.starts), bytes(&packed.notable), packed.values);
    Some((bulk, (notes.collect(), packed.odd)))
}

/// The Rust engine.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::{scan_zone_file, Dataplane};
}
