//! The plugins of a chain, one after the other, on one pod.

use super::decode::{Remarks, child};
use super::envelope::{Element, Envelope};
use super::ipam::GivenIp;
use super::kernel::{Hop, Kernel, MAIN, Made};
use super::version::{Number, Version};
use super::{Address, Attachment, Dhcp, Field, Gap, Lease, Link, Pointer, Route, Setting, Taken};
use super::{main_plugin, meta};
use crate::net::Prefix;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// The pod, and what was learned so far.
pub(super) struct Chain<'s> {
    pub(super) setting: Setting<'s>,
    /// The configuration's name.
    pub(super) name: String,
    pub(super) remarks: Remarks,
    pub(super) kernel: Kernel,
    /// What the plugins so far handed on; `None` before the first.
    pub(super) result: Option<Outcome>,
    /// Whether a plugin has made the interface.
    pub(super) has_interface: bool,
    pub(super) links: Vec<Link>,
    /// Further subnets of range sets.
    pub(super) alternatives: Vec<GivenIp>,
    pub(super) dhcp: Option<Dhcp>,
    pub(super) gaps: Vec<Gap>,
    pub(super) own: BTreeSet<Arc<str>>,
    pub(super) leases: Vec<Lease>,
    pub(super) host_gateway: Option<Pointer>,
    /// It is certain that no address was asked for.
    pub(super) bare: bool,
    /// Tables to which a plugin's rules lead.
    pub(super) ruled: BTreeSet<u32>,
    /// Gateways that became a next hop.
    pub(super) used: BTreeSet<IpAddr>,
    /// What took the connected routes out of the main table.
    pub(super) detached_by: Option<&'static str>,
}

/// A CNI result, as far as chained plugins look at it.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// Address (an index into [`Kernel::held`], unless the kernel did not take it), prefix and gateway.
    pub(super) ips: Vec<OutcomeIp>,
    /// Destinations of `routes`.
    pub(super) routes: Vec<Prefix>,
    /// The IPAM plugin gives more than the text says.
    pub(super) open: bool,
}

/// An address of a result.
#[derive(Clone, Debug)]
pub(super) struct OutcomeIp {
    pub(super) ip: GivenIp,
    pub(super) gateway: Option<IpAddr>,
}

impl<'s> Chain<'s> {
    pub(super) fn new(setting: Setting<'s>, name: String, remarks: Remarks) -> Self {
        Self {
            setting,
            name,
            remarks,
            kernel: Kernel::default(),
            result: None,
            has_interface: false,
            links: Vec::new(),
            alternatives: Vec::new(),
            dhcp: None,
            gaps: Vec::new(),
            own: BTreeSet::new(),
            leases: Vec::new(),
            host_gateway: None,
            bare: false,
            ruled: BTreeSet::new(),
            used: BTreeSet::new(),
            detached_by: None,
        }
    }

    /// Runs every plugin; a fault of one does not keep the others from being judged.
    pub(super) fn run(mut self, envelope: &Envelope<'_, '_>) -> Attachment {
        let mut earlier = None;
        for element in &envelope.plugins {
            self.check_version(element);
            self.check_form(element, earlier.replace(element.version.form()));
            if !meta::run(element, &mut self) {
                main_plugin::run(element, &mut self);
            }
        }
        if envelope.torn {
            self.leave_open("a plugin of the chain could not be read");
        }
        self.finish()
    }

    /// The text does not decide the field.
    pub(super) fn gap(&mut self, field: Field, why: &str) {
        self.gaps.push(Gap { field, family: None, why: why.to_owned() });
    }

    /// The text decides nothing of the rest.
    pub(super) fn leave_open(&mut self, why: &str) {
        for field in [Field::Addresses, Field::Routes, Field::Dhcp, Field::Fails] {
            self.gap(field, why);
        }
    }

    fn check_version(&mut self, element: &Element<'_, '_>) {
        let Version(text) = &element.version;
        let (oldest, newest) = Version::range_of(&element.kind);
        if element.version.known().is_some_and(|version| (oldest..=newest).contains(&version)) {
            return;
        }
        let dotted = |(major, minor, patch): Number| format!("{major}.{minor}.{patch}");
        let shown = if text.is_empty() { "0.1.0 (no `cniVersion`)" } else { text };
        let why = format!("the plugin `{}` does not know the CNI version {shown}", element.kind);
        let help = format!("Set `cniVersion` to a version from {} to {}.", dotted(oldest), dotted(newest));
        let pointer = if element.fields.has("cniVersion") {
            child(&element.fields.pointer, "cniVersion")
        } else {
            element.fields.pointer.clone()
        };
        self.remarks.fault(pointer, why, help);
    }

    /// A plugin reads only a result of the form that its own version has. libcni gives every plugin one version, but a
    /// variant of the key in a plugin's object can change it.
    fn check_form(&mut self, element: &Element<'_, '_>, earlier: Option<u8>) {
        if earlier.is_some_and(|form| form != element.version.form()) {
            let why = "the plugin cannot read the result of the earlier one, which has another CNI version";
            self.remarks.fault(element.fields.pointer.clone(), why, "Write `cniVersion` only once, beside `plugins`.");
        }
    }

    fn finish(self) -> Attachment {
        let addresses = self.addresses();
        let detached = self.detached(&addresses);
        let idle_gateways = self.idle_gateways();
        let routes = self.kernel.hops.iter().filter_map(|hop| self.route(hop)).collect();
        Attachment {
            chain: self.links,
            addresses,
            routes,
            dhcp: self.dhcp,
            idle_gateways,
            detached,
            detached_by: self.detached_by,
            faults: self.remarks.faults,
            ambiguities: self.remarks.ambiguities,
            oddities: self.remarks.oddities,
            opaque: self.remarks.opaque,
            gaps: self.gaps,
            own: self.own,
            leases: self.leases,
            host_gateway: self.host_gateway,
            bare: self.bare,
        }
    }

    fn addresses(&self) -> Vec<Address> {
        let all = self.kernel.held.iter().chain(&self.alternatives);
        all.map(|ip| Address {
            prefix: ip.prefix,
            taken: ip.taken.clone(),
            scope: ip.scope,
            on_link: self.is_on_link(ip),
            alternative: ip.alternative,
            pointer: ip.pointer.clone(),
        })
        .collect()
    }

    /// Whether the kernel's connected route is in the main table and leads to peers. An alternative stands or falls with
    /// the address in whose place it is given.
    fn is_on_link(&self, ip: &GivenIp) -> bool {
        if ip.alternative {
            return self.detached_by.is_none() && !ip.prefix.is_single() && !ip.prefix.is_everything();
        }
        let leads = |hop: &Hop| hop.dst == ip.prefix && hop.table == MAIN && matches!(hop.made, Made::Connected(_));
        !ip.prefix.is_single() && !ip.prefix.is_everything() && self.kernel.hops.iter().any(leads)
    }

    fn detached(&self, addresses: &[Address]) -> Vec<(Prefix, &'static str)> {
        // A pool of one address is no pool: its IPAM plugin refuses it.
        let pool = |address: &&Address| matches!(address.taken, Taken::Pool(..)) && address.prefix.is_single();
        let off = addresses.iter().filter(|address| !address.on_link && !address.alternative && !pool(address));
        let mut detached: Vec<_> =
            off.filter_map(|address| Some((address.prefix, self.why_off(address.prefix)?))).collect();
        detached.sort();
        detached.dedup();
        detached
    }

    /// An IPv6 /0 is a default route instead.
    fn why_off(&self, prefix: Prefix) -> Option<&'static str> {
        if prefix.is_single() {
            return Some("it holds a single address");
        }
        let made = "the kernel makes no on-link route for it";
        self.detached_by.or((prefix != crate::net::Family::V6.everything()).then_some(made))
    }

    /// Gateways that the text sets and that became no next hop.
    fn idle_gateways(&self) -> Vec<(IpAddr, Pointer)> {
        let set = |ip: &GivenIp| Some((ip.gateway?, ip.gateway_pointer.clone()?));
        let held = self.kernel.held.iter().filter_map(set);
        held.filter(|(gateway, _)| !self.used.contains(gateway)).collect()
    }

    /// Every route but the kernel's own for an address, unless that is a default route or has left the main table.
    fn route(&self, hop: &Hop) -> Option<Route> {
        let (origin, pointer) = match &hop.made {
            Made::Connected(_) if hop.table == MAIN && !hop.dst.is_everything() => return None,
            Made::Connected(at) => ("kernel".to_owned(), self.kernel.held.get(*at)?.pointer.clone()),
            Made::Plugin { origin, pointer } => (origin.clone(), pointer.clone()),
        };
        let table = Some(hop.table).filter(|table| *table != MAIN);
        Some(Route { dst: hop.dst, via: hop.via, table, metric: hop.metric.filter(|m| *m != 0), origin, pointer })
    }
}
