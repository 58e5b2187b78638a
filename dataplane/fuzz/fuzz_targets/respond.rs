//! Any bytes get a sound answer or silence: the id is kept, QR is set, and the limit holds.
//!
//! `cargo fuzz run respond`

#![no_main]

#[path = "../../core/tests/small/mod.rs"]
mod small;

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};

use gtm_core::{respond, Names, Plan, Scratch, Transport};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static PLAN: (Plan, RefCell<(Scratch, Vec<u8>)>) = {
        let blobs = small::blobs();
        let names = Names::parse(&blobs.names).expect("the small plan is sound");
        let plan = Plan::first(names, &blobs.decisions).expect("the small plan is sound");
        (plan, RefCell::new((Scratch::default(), vec![0; 65_535])))
    };
}

fuzz_target!(|wire: &[u8]| {
    PLAN.with(|(plan, room)| {
        let (scratch, out) = &mut *room.borrow_mut();
        let client = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        for (transport, limit) in [(Transport::Udp, 1232), (Transport::Tcp, 65_535)] {
            if let Some((length, _)) = respond(plan, wire, client, transport, 1, scratch, out) {
                assert!(length <= limit && out[..2] == wire[..2] && out[2] & 0x80 != 0);
            }
        }
    });
});
