//! Datagrams in batches: many in one system call, and many out. The only unsafe code, around three system calls.
//!
//! Buffers are made once. Their strides are odd numbers of cache lines, so that the beginnings of all of them do not
//! compete for the same few sets of the cache.

use std::io;
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Datagrams in one system call; 16, 32 and 64 were measured.
pub const BATCH: usize = 32;
/// A longer query is cut, and is malformed then; with every option there is, one has a tenth of that.
const QUERY_OCTETS: usize = 65 * 64;
/// Over the 1,232 octets of the longest answer.
const ANSWER_OCTETS: usize = 21 * 64;
/// One `in6_pktinfo` with its header takes 40.
const CONTROL_OCTETS: usize = 64;

#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_OCTETS]);

/// Room for one batch.
pub struct Batch {
    queries: Box<[[u8; QUERY_OCTETS]]>,
    answers: Box<[[u8; ANSWER_OCTETS]]>,
    names: Box<[libc::sockaddr_in6]>,
    controls: Box<[Control]>,
    received: Box<[Received]>,
    /// Of each answer: the query it belongs to, and its length.
    answered: Vec<(usize, usize)>,
    headers: Box<[libc::mmsghdr]>,
    vectors: Box<[libc::iovec]>,
    /// On a wildcard socket, an answer must leave from the address that was asked.
    wildcard: bool,
}

#[derive(Clone, Copy, Default)]
struct Received {
    octets: usize,
    name_octets: libc::socklen_t,
    control_octets: usize,
}

impl Batch {
    pub fn new(wildcard: bool) -> Self {
        // SAFETY: these structures of C are numbers and pointers, for which zero is a value.
        let (name, header, vector) = unsafe { (std::mem::zeroed(), std::mem::zeroed(), std::mem::zeroed()) };
        Self {
            queries: vec![[0; QUERY_OCTETS]; BATCH].into(),
            answers: vec![[0; ANSWER_OCTETS]; BATCH].into(),
            names: vec![name; BATCH].into(),
            controls: vec![Control([0; CONTROL_OCTETS]); BATCH].into(),
            received: vec![Received::default(); BATCH].into(),
            answered: Vec::with_capacity(BATCH),
            headers: vec![header; BATCH].into(),
            vectors: vec![vector; BATCH].into(),
            wildcard,
        }
    }

    /// Receives what is there, up to a batch; if nothing is, waits for the first, as long as the socket's timeout.
    pub fn receive(&mut self, socket: BorrowedFd) -> io::Result<usize> {
        for at in 0..BATCH {
            self.vectors[at] =
                libc::iovec { iov_base: self.queries[at].as_mut_ptr().cast(), iov_len: self.queries[at].len() };
            let header = &mut self.headers[at].msg_hdr;
            header.msg_name = (&raw mut self.names[at]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
            header.msg_iov = &raw mut self.vectors[at];
            header.msg_iovlen = 1;
            header.msg_control =
                if self.wildcard { self.controls[at].0.as_mut_ptr().cast() } else { std::ptr::null_mut() };
            header.msg_controllen = if self.wildcard { CONTROL_OCTETS } else { 0 };
            header.msg_flags = 0;
        }
        // SAFETY: the headers, and all they point to, are BATCH elements of boxes of `self` that live, do not move and
        // are not used otherwise during the call; every length is that of its buffer.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_WAITFORONE,
                std::ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?.min(BATCH);
        for (received, header) in self.received.iter_mut().zip(&self.headers[..count]) {
            *received = Received {
                octets: (header.msg_len as usize).min(QUERY_OCTETS),
                name_octets: header.msg_hdr.msg_namelen,
                control_octets: header.msg_hdr.msg_controllen.min(CONTROL_OCTETS),
            };
        }
        Ok(count)
    }

    /// The datagrams received.
    pub fn messages(&self, count: usize) -> impl Iterator<Item = &[u8]> {
        self.queries.iter().zip(&self.received).take(count).map(|(query, received)| &query[..received.octets])
    }

    /// Calls `respond` for each of the datagrams received, with room for the answer, and keeps what it says to send;
    /// returns how many came from nobody who can be answered.
    pub fn answer(&mut self, count: usize, mut respond: impl FnMut(&[u8], IpAddr, &mut [u8]) -> Option<usize>) -> u64 {
        self.answered.clear();
        let mut from_nobody = 0;
        for at in 0..count {
            let Some(client) = client(&self.names[at]) else {
                from_nobody += 1;
                continue;
            };
            let wire = &self.queries[at][..self.received[at].octets];
            let out = &mut self.answers[self.answered.len()];
            if let Some(octets) = respond(wire, client, out) {
                self.answered.push((at, octets.min(ANSWER_OCTETS)));
            }
        }
        from_nobody
    }

    /// Sends the answers; returns how many the system would not take.
    pub fn send(&mut self, socket: BorrowedFd) -> u64 {
        let count = self.answered.len();
        for (number, &(at, octets)) in self.answered.iter().enumerate() {
            let received = self.received[at];
            self.vectors[number] = libc::iovec { iov_base: self.answers[number].as_mut_ptr().cast(), iov_len: octets };
            let header = &mut self.headers[number].msg_hdr;
            header.msg_name = (&raw mut self.names[at]).cast();
            header.msg_namelen = received.name_octets;
            header.msg_iov = &raw mut self.vectors[number];
            header.msg_iovlen = 1;
            let told = self.wildcard && received.control_octets > 0;
            header.msg_control = if told { self.controls[at].0.as_mut_ptr().cast() } else { std::ptr::null_mut() };
            header.msg_controllen = if told { received.control_octets } else { 0 };
            header.msg_flags = 0;
        }
        let (mut sent, mut failed) = (0, 0);
        while sent < count {
            let left = &mut self.headers[sent..count];
            // SAFETY: as in `receive`; the address and the control message are those that the system wrote, with the
            // lengths it gave.
            let result =
                unsafe { libc::sendmmsg(socket.as_raw_fd(), left.as_mut_ptr(), left.len() as libc::c_uint, 0) };
            match usize::try_from(result) {
                Ok(taken) if taken > 0 => sent += taken,
                // the first of them failed: an asker that cannot be sent to, a full buffer
                _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                _ => {
                    sent += 1;
                    failed += 1;
                }
            }
        }
        failed
    }
}

/// Whom to answer; nobody can be answered at port 0.
fn client(name: &libc::sockaddr_in6) -> Option<IpAddr> {
    // the port is at the same place in both families
    if name.sin6_port == 0 {
        return None;
    }
    match libc::c_int::from(name.sin6_family) {
        // a `sockaddr_in`: its address is where that of IPv6 has the flow
        libc::AF_INET => Some(Ipv4Addr::from(name.sin6_flowinfo.to_ne_bytes()).into()),
        libc::AF_INET6 => Some(Ipv6Addr::from(name.sin6_addr.s6_addr).into()),
        _ => None,
    }
}

/// Asks for the address that each datagram was sent to.
pub fn ask_for_destination(socket: BorrowedFd, v6: bool) -> io::Result<()> {
    let (level, option) =
        if v6 { (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO) } else { (libc::IPPROTO_IP, libc::IP_PKTINFO) };
    let on: libc::c_int = 1;
    // SAFETY: the value is one integer that lives during the call, and the length is its own.
    let result = unsafe {
        let size = size_of::<libc::c_int>() as libc::socklen_t;
        libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), size)
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
