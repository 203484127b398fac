//! The ptp plugin (containernetworking/plugins plugins/main/ptp): a veth pair between pod and node. Everything but the
//! gateway is reached by the gateway, so it is no network on which nodes could find each other.

use super::{Facts, Main, Need, check_masquerade, check_veth_mtu};
use crate::cni::chain::Chain;
use crate::cni::decode::{Fields, Remarks, child};
use crate::cni::envelope::Element;
use crate::cni::iface::{self, remark_refusal};
use crate::cni::ipam::{Given, GivenIp};
use crate::cni::kernel::{Hop, LINK, MAIN as MAIN_TABLE, Made, UNIVERSE};
use crate::cni::shape::{Shape, Struct};
use crate::cni::{Field, Pointer, Uplink};
use crate::net::{Family, Prefix};
use std::net::IpAddr;

pub(super) const MAIN: Main = Main { kind: "ptp", keys: KEYS, ipam: Need::Required, look };

const KEYS: Struct = &[("ipMasq", Shape::Flag), ("ipMasqBackend", Shape::Text), ("mtu", Shape::Int)];

fn look(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> Facts {
    check_masquerade(fields, remarks);
    Facts { uplink: Uplink::None, vlan: 0, mtu: check_veth_mtu(fields, remarks) }
}

pub(super) fn configure(element: &Element<'_, '_>, given: &Given, origin: &str, chain: &mut Chain<'_>) {
    if let Some(dhcp) = &chain.dhcp {
        let why =
            "ptp asks its IPAM plugin before it makes the interface, and a DHCP client needs one (Link not found)";
        chain.remarks.fault(dhcp.pointer.clone(), why, "Use bridge, or an IPAM that needs no server.");
    }
    iface::configure(chain, given, origin);
    let pointer = child(&element.fields.pointer, "type");
    for (at, ip) in given.ips.iter().filter(|ip| !ip.alternative).enumerate() {
        lead_by_gateway(chain, at, ip, &pointer);
    }
    chain.detached_by = Some("ptp leads to it by the gateway");
}

/// The kernel's on-link route of the address gives way to one to the gateway and one by the gateway.
fn lead_by_gateway(chain: &mut Chain<'_>, at: usize, ip: &GivenIp, pointer: &Pointer) {
    if chain.kernel.delete_first(ip.prefix).is_none() {
        let why = format!("ptp replaces the on-link route of {}, and the kernel makes none", ip.prefix);
        chain.remarks.fault(ip.pointer.clone(), why, "Use a prefix of more than one address, and not /0.");
    } else if ip.prefix.is_everything() {
        meet_default_of_eth0(chain, ip);
    }
    let Some(gateway) = ip.gateway else {
        chain.remarks.fault(ip.pointer.clone(), "ptp needs a gateway, and the address has none", "Set `gateway`.");
        return;
    };
    if Family::of(gateway) != ip.prefix.family() {
        let why = format!("the gateway {gateway} is of another family than the address");
        chain.remarks.fault(ip.pointer.clone(), why, "Set a gateway of the address's family.");
        return;
    }
    chain.used.insert(gateway);
    let to_gateway = (Prefix::single(gateway), None, LINK);
    let by_gateway = (ip.prefix, Some(gateway), UNIVERSE);
    for (dst, via, scope) in [to_gateway, by_gateway] {
        add(chain, (dst, via, scope), at, pointer);
    }
}

/// The route by the gateway of an IPv6 /0 is a default, which is not added beside another one.
fn meet_default_of_eth0(chain: &mut Chain<'_>, ip: &GivenIp) {
    match chain.setting.pods_have_v6 {
        Some(true) => {
            let why = "ptp adds an IPv6 default route, and the pod's eth0 has one (file exists)";
            chain.remarks.fault(ip.pointer.clone(), why, "Use a longer prefix than /0.");
        }
        Some(false) => {}
        None => chain.gap(Field::Fails, "ADD fails if the pod's eth0 has an IPv6 default route, and that is not known"),
    }
}

fn add(chain: &mut Chain<'_>, (dst, via, scope): (Prefix, Option<IpAddr>, u8), src: usize, pointer: &Pointer) {
    let made = Made::Plugin { origin: "ptp".to_owned(), pointer: pointer.clone() };
    let hop = Hop { dst, via, table: MAIN_TABLE, metric: None, scope, src: Some(src), made };
    if let Err(refusal) = chain.kernel.add_exclusive(hop) {
        remark_refusal(chain, dst, via, refusal, pointer);
    }
}
