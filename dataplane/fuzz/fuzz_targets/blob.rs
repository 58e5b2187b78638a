//! Any bytes are a plan or an error; a plan answers without a panic.
//!
//! `cargo fuzz run blob`

#![no_main]

#[path = "../../core/tests/small/mod.rs"]
mod small;

use std::net::{IpAddr, Ipv4Addr};

use gtm_core::{respond, Names, Plan, Scratch, Transport};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|blob: &[u8]| {
    let good = small::blobs();
    let small = || Names::parse(&good.names).expect("the small plan is sound");
    let plan = match Names::parse(blob) {
        Ok(names) => Plan::first(names, &good.decisions),
        Err(_) => Plan::first(small(), &good.decisions).expect("the small plan is sound").next(blob),
    };
    let Ok(plan) = plan else { return };
    let mut out = [0; 1232];
    let asked = small::query("www.z.test", 1, Some([200, 0, 0]));
    let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
    respond(&plan, &asked, client, Transport::Udp, 1, &mut Scratch::default(), &mut out);
});
