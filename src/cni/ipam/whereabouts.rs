//! whereabouts: one cluster-wide pool for each range of the text (k8snetworkplumbingwg/whereabouts,
//! pkg/config:LoadIPAMConfig, pkg/allocate, pkg/iphelpers; what it really did is what counts).

mod listed;
mod range;
#[cfg(test)]
mod tests;

use super::super::decode::{Fields, Remarks};
use super::super::{Field, Gap, Lease, Pointer, Scope, Taken};
use super::{Call, Given, GivenIp};
use crate::net::parse::{Ip, sloppy_ip};
use crate::net::{Family, Prefix};
use range::{Range, Written};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// What whereabouts gives: the static addresses first, then one of each range, `range` before `ipRanges`.
pub(super) fn given(call: &Call<'_, '_, '_>, remarks: &mut Remarks) -> Given {
    let faults_before = remarks.faults.len();
    check_other_keys(call.ipam, remarks);
    let common = Common::of(call.ipam, remarks);
    let written = Written::all(call.ipam, remarks);
    let mut given = Given {
        ips: listed::addresses(call.ipam, call.version, remarks),
        routes: listed::routes(call.ipam, remarks),
        ..Given::default()
    };
    if written.is_empty() && given.ips.is_empty() && remarks.faults.len() == faults_before {
        leave_to_node_file(&mut given, call.ipam, remarks);
    }
    for range in written {
        if let Some(range) = range.resolved(common.slice.is_some(), remarks) {
            common.check_slice(&range, remarks);
            common.draw(&mut given, range);
        }
    }
    common.add_gaps(&mut given);
    if call.version < (0, 3, 0) {
        narrow_to_old_result(&mut given);
    }
    given
}

/// The name of the IPPool object of a range, as pkg/storage/kubernetes:IPPoolName makes it.
pub(super) fn pool_name(prefix: Prefix, network_name: &str) -> String {
    let name = prefix.to_string().replace([':', '/'], "-");
    if network_name.is_empty() { name } else { format!("{network_name}-{name}") }
}

/// What holds for every range.
struct Common<'n> {
    gateway: Option<(IpAddr, Pointer)>,
    network_name: &'n str,
    overlap_checked: bool,
    slice: Option<(&'n str, Pointer)>,
    node_file: Option<&'n str>,
}

impl<'n> Common<'n> {
    fn of(ipam: &Fields<'n, '_>, remarks: &mut Remarks) -> Self {
        Self {
            gateway: gateway(ipam, remarks),
            network_name: ipam.text("network_name", remarks).map_or("", |(name, _)| name),
            overlap_checked: ipam.flag("enable_overlapping_ranges", remarks).is_none_or(|(flag, _)| flag),
            slice: ipam.text("node_slice_size", remarks).filter(|(size, _)| !size.is_empty()),
            node_file: ipam.text("configuration_path", remarks).map(|(path, _)| path).filter(|path| !path.is_empty()),
        }
    }

    fn draw(&self, given: &mut Given, range: Range) {
        let (gateway, gateway_pointer) = self.gateway.clone().unzip();
        let Range { prefix, pool, holes, pointer } = range;
        let name = pool_name(prefix, self.network_name);
        given.own.insert(Arc::from(format!("whereabouts/{name}")));
        if let Some(pool) = pool {
            given.leases.push(Lease {
                prefix,
                pool,
                network_name: self.network_name.to_owned(),
                overlap_checked: self.overlap_checked,
                pointer: pointer.clone(),
            });
        }
        given.ips.push(GivenIp {
            prefix,
            taken: Taken::Pool(pool.unwrap_or(prefix.interval()), holes),
            gateway,
            gateway_pointer,
            scope: Scope::Cluster,
            alternative: false,
            pointer,
        });
    }

    /// The controller cuts IPv4 ranges only, and none into slices larger than itself (iphelpers:DivideRangeBySize).
    fn check_slice(&self, range: &Range, remarks: &mut Remarks) {
        let Some((size, pointer)) = &self.slice else { return };
        let bits = size.strip_prefix('/').unwrap_or(size).parse::<u8>().ok();
        let (least, most) = (range.prefix.length(), Family::V4.bits() - 2);
        if range.prefix.family() == Family::V6 {
            let why = format!("`node_slice_size` cannot cut the IPv6 range {}", range.prefix);
            remarks.fault(pointer.clone(), why, "Use it with IPv4 ranges alone.");
        } else if bits.is_none_or(|bits| bits < least || bits > most) {
            let why = format!("`{size}` is no length of a slice of {} with usable addresses", range.prefix);
            remarks.fault(pointer.clone(), why, format!("Write a length from /{least} to /{most}."));
        }
    }

    fn add_gaps(&self, given: &mut Given) {
        if self.slice.is_some() && !given.own.is_empty() {
            let why = "with node_slice_size each node draws from a slice that the whereabouts controller assigns";
            given.gaps.push(gap(Field::Addresses, why));
            let why =
                "without the whereabouts node slice controller ADD fails, and a NAD outside its namespace has none";
            given.gaps.push(gap(Field::Fails, why));
        }
        let undecided = given.routes.is_empty() && !given.own.is_empty();
        if let Some(path) = self.node_file.filter(|_| undecided) {
            given.gaps.push(gap(Field::Routes, format!("the node's file {path} may add routes")));
        }
    }
}

fn gateway(ipam: &Fields<'_, '_>, remarks: &mut Remarks) -> Option<(IpAddr, Pointer)> {
    let (text, pointer) = ipam.text("gateway", remarks).filter(|(text, _)| !text.is_empty())?;
    let Some(ip) = sloppy_ip(text) else {
        remarks.fault(pointer, format!("`{text}` is not an IP address"), "Write the gateway's address alone.");
        return None;
    };
    note_odd_ip(text, ip, &pointer, remarks);
    Some((ip.address, pointer))
}

/// An address that is read as another one than it looks.
fn note_odd_ip(text: &str, ip: Ip, pointer: &str, remarks: &mut Remarks) {
    if ip.mapped || ip.zeros {
        remarks.odd(pointer, format!("`{text}` is read as {}", ip.address), format!("Write `{}`.", ip.address));
    }
}

/// Every key of a node's file fills what the text leaves out, so only the file knows.
fn leave_to_node_file(given: &mut Given, ipam: &Fields<'_, '_>, remarks: &mut Remarks) {
    let why = "there is no range, so ADD fails (missing IP config) unless whereabouts' own file on the node gives one";
    remarks.opaque(ipam.pointer.clone(), why, "Write the `range` into the NAD.");
    given.gaps.extend([Field::Addresses, Field::Routes, Field::Fails].map(|field| gap(field, why)));
}

/// A CNI result before 0.3.0 holds one address of a family, and of a route its destination and next hop.
fn narrow_to_old_result(given: &mut Given) {
    let mut families = BTreeSet::new();
    given.ips.retain(|ip| families.insert(ip.prefix.family()));
    for route in &mut given.routes {
        (route.table, route.priority, route.scope) = (None, 0, None);
    }
}

/// The types of the keys that decide nothing here: another type fails in the decoder (pkg/types:IPAMConfigAlias).
fn check_other_keys(ipam: &Fields<'_, '_>, remarks: &mut Remarks) {
    const TEXTS: [&str; 13] = [
        "datastore",
        "etcd_host",
        "etcd_username",
        "etcd_password",
        "etcd_key_file",
        "etcd_cert_file",
        "etcd_ca_cert_file",
        "log_file",
        "log_level",
        "reconciler_cron_expression",
        "name",
        "podName",
        "podNamespace",
    ];
    const WHOLE: [&str; 4] =
        ["leader_lease_duration", "leader_renew_deadline", "leader_retry_period", "sleep_for_race"];
    for key in TEXTS {
        ipam.text(key, remarks);
    }
    for key in WHOLE {
        ipam.whole(key, remarks);
    }
    if let Some(kubernetes) = ipam.object("kubernetes", remarks) {
        kubernetes.text("kubeconfig", remarks);
        kubernetes.text("k8s_api_root", remarks);
    }
    listed::check_dns(ipam, remarks);
}

fn gap(field: Field, why: impl Into<String>) -> Gap {
    Gap { field, family: None, why: why.into() }
}
