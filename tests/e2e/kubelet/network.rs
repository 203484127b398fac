//! A Pod's network namespace: one address of the pod network, on the bridge that all of them share with the API server.

use crate::private::run;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

/// The bridge, and its own address in the pod network.
pub const BRIDGE: &str = "br0";
pub const GATEWAY: &str = "10.244.0.1";

static NEXT: AtomicU8 = AtomicU8::new(10);

/// A namespace with its address; it goes with this value.
pub struct Network {
    pub name: String,
    pub address: String,
}

impl Network {
    pub fn make() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (name, address) = (format!("pod{number}"), format!("10.244.1.{number}"));
        run("ip", &["netns", "add", &name]);
        run("ip", &["link", "add", &name, "type", "veth", "peer", "name", "eth0", "netns", &name]);
        run("ip", &["link", "set", &name, "master", BRIDGE, "up"]);
        let inside = |arguments: &[&str]| run("ip", &[&["-n", &name], arguments].concat());
        inside(&["link", "set", "lo", "up"]);
        inside(&["link", "set", "eth0", "up"]);
        inside(&["address", "add", &format!("{address}/16"), "dev", "eth0"]);
        inside(&["route", "add", "default", "via", GATEWAY]);
        Self { name, address }
    }
}

/// The bridge's end of the link to the Pod of this address.
pub fn link_of(address: &str) -> String {
    format!("pod{}", address.rsplit('.').next().unwrap_or_default())
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).output();
        // The other end goes later than the namespace.
        let _ = Command::new("ip").args(["link", "delete", &self.name]).output();
    }
}
