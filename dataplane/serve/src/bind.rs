//! Addresses -> bound sockets: for every thread one UDP and one TCP socket on each, sharing the port.
//!
//! The first socket of a port is bound alone and shared afterwards. Were it bound as shared from the beginning, a second
//! server of the same user would get the port too, and half of the queries with it.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd;

use socket2::{Domain, Protocol, Socket, Type};

use crate::batch::ask_for_destination;
use crate::udp::LONGEST_WAIT;

/// Connections that wait to be accepted; the kernel caps it at net.core.somaxconn.
const TCP_BACKLOG: i32 = 1024;
/// Asked of the kernel for each direction: a burst waits here while the threads are busy.
const UDP_BUFFER_OCTETS: usize = 4 * 1024 * 1024;
/// For port 0: the UDP port that the kernel gives may be taken for TCP.
const PORT_PAIR_TRIES: usize = 16;

/// What could not be bound.
#[derive(Debug)]
pub struct ListenError {
    /// The address.
    pub at: SocketAddr,
    /// `UDP` or `TCP`.
    pub transport: &'static str,
    /// What the system said.
    pub error: io::Error,
}

impl fmt::Display for ListenError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}: {}", self.transport, self.at, self.error)
    }
}

impl std::error::Error for ListenError {}

/// The sockets of one address, one of each kind for every thread.
pub struct Bound {
    pub at: SocketAddr,
    pub udp: Vec<UdpSocket>,
    pub tcp: Vec<TcpListener>,
}

/// Binds one address for so many threads.
pub fn bind(at: SocketAddr, threads: usize) -> Result<Bound, ListenError> {
    let (at, udp, tcp) = pair(at, PORT_PAIR_TRIES)?;
    let mut sockets = (vec![udp], vec![tcp]);
    for _ in 1..threads {
        sockets.0.push(socket(at, Kind::Udp, true)?);
        sockets.1.push(socket(at, Kind::Tcp, true)?);
    }
    for tcp in &sockets.1 {
        tcp.listen(TCP_BACKLOG).map_err(|error| ListenError { at, transport: "TCP", error })?;
    }
    let udp = sockets.0.into_iter().map(UdpSocket::from).collect();
    Ok(Bound { at, udp, tcp: sockets.1.into_iter().map(TcpListener::from).collect() })
}

fn pair(asked: SocketAddr, tries: usize) -> Result<(SocketAddr, Socket, Socket), ListenError> {
    let udp = socket(asked, Kind::Udp, false)?;
    let at = udp.local_addr().ok().and_then(|at| at.as_socket()).unwrap_or(asked);
    match socket(at, Kind::Tcp, false) {
        Ok(tcp) => Ok((at, udp, tcp)),
        Err(_) if asked.port() == 0 && tries > 1 => pair(asked, tries - 1),
        Err(error) => Err(error),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Udp,
    Tcp,
}

fn socket(at: SocketAddr, kind: Kind, shared: bool) -> Result<Socket, ListenError> {
    let transport = if kind == Kind::Udp { "UDP" } else { "TCP" };
    opened(at, kind, shared).map_err(|error| ListenError { at, transport, error })
}

fn opened(at: SocketAddr, kind: Kind, shared: bool) -> io::Result<Socket> {
    let socket = match kind {
        Kind::Udp => Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))?,
        Kind::Tcp => Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?,
    };
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    match kind {
        Kind::Udp => configure_udp(&socket, at)?,
        Kind::Tcp => {
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
        }
    }
    socket.set_reuse_port(shared)?;
    socket.bind(&at.into())?;
    socket.set_reuse_port(true)?;
    Ok(socket)
}

fn configure_udp(socket: &Socket, at: SocketAddr) -> io::Result<()> {
    socket.set_recv_buffer_size(UDP_BUFFER_OCTETS)?;
    socket.set_send_buffer_size(UDP_BUFFER_OCTETS)?;
    socket.set_read_timeout(Some(LONGEST_WAIT))?;
    socket.set_write_timeout(Some(LONGEST_WAIT))?;
    if at.ip().is_unspecified() {
        // an answer must leave from the address that was asked, and a wildcard socket has many
        ask_for_destination(socket.as_fd(), at.is_ipv6())?;
    }
    Ok(())
}
