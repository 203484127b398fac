//! What an IPAM plugin gives to the main plugin that calls it, one file a plugin.

mod dhcp;
mod host_local;
pub(in crate::cni) mod kube_ovn;
mod nv_ipam;
mod pools;
mod spiderpool;
mod static_ips;
#[cfg(test)]
pub(super) mod testing;
mod whereabouts;

use super::decode::{Fields, Remarks};
use super::{Dhcp, Field, Gap, Lease, Pointer, Scope, Setting, Taken};
use crate::net::parse::Cidr;
use crate::net::{Family, Prefix};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// The result of an IPAM plugin's ADD, as far as the text decides it.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Addresses in the order of the result.
    pub(super) ips: Vec<GivenIp>,
    /// Routes in the order of the result.
    pub(super) routes: Vec<GivenRoute>,
    /// Set by the dhcp plugin.
    pub(super) dhcp: Option<Dhcp>,
    /// What the text does not decide.
    pub(super) gaps: Vec<Gap>,
    /// Keys of pools drawn from.
    pub(super) own: BTreeSet<Arc<str>>,
    /// Whereabouts pools drawn from.
    pub(super) leases: Vec<Lease>,
}

/// One address of the result.
#[derive(Clone, Debug)]
pub(super) struct GivenIp {
    /// On-link prefix (the address's own mask).
    pub(super) prefix: Prefix,
    /// The address or pool.
    pub(super) taken: Taken,
    /// The `gateway` of the result.
    pub(super) gateway: Option<IpAddr>,
    /// The key that sets the gateway; `None` if the plugin derives it.
    pub(super) gateway_pointer: Option<Pointer>,
    /// How far it is unique.
    pub(super) scope: Scope,
    /// A further subnet of a range set.
    pub(super) alternative: bool,
    /// The key that gives it.
    pub(super) pointer: Pointer,
}

/// One route of the result, before the main plugin installs it.
#[derive(Clone, Debug)]
pub(super) struct GivenRoute {
    /// Host bits kept: the kernel refuses them for IPv4.
    pub(super) dst: Cidr,
    /// `gw`
    pub(super) gw: Option<IpAddr>,
    /// `table`
    pub(super) table: Option<u32>,
    /// `priority`, 0 is none.
    pub(super) priority: u32,
    /// `scope`
    pub(super) scope: Option<u8>,
    /// The key that gives it.
    pub(super) pointer: Pointer,
}

/// What an IPAM plugin is called with.
pub(super) struct Call<'c, 'n, 'a> {
    /// The whole object of the main plugin.
    pub(super) conf: &'c Fields<'n, 'a>,
    /// Its `ipam`.
    pub(super) ipam: &'c Fields<'n, 'a>,
    /// CNI version in force, `(major, minor, patch)`.
    pub(super) version: (u32, u32, u32),
    /// The conf's `name`, or the NAD's where it has none.
    pub(super) conf_name: &'c str,
    /// The NAD and the world around it.
    pub(super) setting: Setting<'c>,
}

/// What the IPAM plugin `kind` gives; an unknown one is remarked as opaque.
pub(super) fn given(kind: &str, call: &Call<'_, '_, '_>, remarks: &mut Remarks) -> Given {
    match kind {
        "static" => static_ips::given(call, remarks),
        "host-local" => host_local::given(call, remarks),
        "dhcp" => dhcp::given(call, remarks),
        "whereabouts" => whereabouts::given(call, remarks),
        "kube-ovn" => kube_ovn::given(call, remarks),
        "spiderpool" => spiderpool::given(call, remarks),
        "nv-ipam" => nv_ipam::given(call, remarks),
        _ => unknown(kind, call, remarks),
    }
}

fn unknown(kind: &str, call: &Call<'_, '_, '_>, remarks: &mut Remarks) -> Given {
    let why = format!("what the IPAM plugin `{kind}` gives is not known here");
    let pointer = super::decode::child(&call.ipam.pointer, "type");
    remarks.opaque(pointer, why.clone(), "Use an IPAM plugin whose result the text decides, such as whereabouts.");
    let fields = [Field::Addresses, Field::Routes, Field::Fails];
    Given { gaps: fields.map(|field| Gap { field, family: None, why: why.clone() }).into(), ..Given::default() }
}

impl Given {
    /// The result as CNI 0.1.0 and 0.2.0 can carry it (types/040 `convertTo02x`): the first IPv4 and the first IPv6
    /// address, in this order, and of the routes of these families the destination and the next hop.
    pub(super) fn in_old_form(mut self) -> Self {
        let first = |family| self.ips.iter().find(|ip| ip.prefix.family() == family && !ip.alternative);
        let firsts: Vec<GivenIp> = Family::ALL.into_iter().filter_map(first).cloned().collect();
        let carried = |family| firsts.iter().any(|ip| ip.prefix.family() == family);
        let alternatives = self.ips.extract_if(.., |ip| ip.alternative);
        let ips: Vec<GivenIp> = firsts.iter().cloned().chain(alternatives).collect();
        let mut routes: Vec<GivenRoute> = self.routes.into_iter().filter(|r| carried(r.dst.prefix.family())).collect();
        routes.sort_by_key(|route| route.dst.prefix.family());
        for route in &mut routes {
            (route.table, route.priority, route.scope) = (None, 0, None);
        }
        Self { ips, routes, ..self }
    }
}
