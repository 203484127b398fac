//! What OVN-Kubernetes refuses in a NAD (pkg/util:ValidateNetConf, pkg/config:ValidateNetConfNameFields).

use super::super::decode::{Fields, Remarks, child};
use super::super::{Pointer, Setting};
use super::subnets::Subnet;
use super::{Conf, Topology};
use crate::net::Prefix;

/// What concerns the envelope: `name` as the text has it (of the list, if it is one), where it stands, and the number
/// of plugins in a list. To be called once for a NAD whose only or first plugin this is.
pub(in crate::cni) fn check_envelope(name: Option<(&str, Pointer)>, plugins: usize, remarks: &mut Remarks) {
    let (name, pointer) = name.unwrap_or_else(|| ("", "/name".to_owned()));
    if matches!(name, "" | "default" | "ovn-kubernetes") {
        let why =
            if name.is_empty() { "`name` is missing".to_owned() } else { format!("the name `{name}` is reserved") };
        remarks.fault(pointer, format!("{why}, and OVN-Kubernetes refuses that"), "Write a name of the network's own.");
    }
    if plugins > 1 {
        let why = "OVN-Kubernetes takes no further plugin in the list";
        remarks.fault("/plugins", why, "Leave the one plugin alone in the list.");
    }
}

/// `netAttachDefName` must name this NAD; of a NAD without namespace only the name is compared.
pub(super) fn check_name(conf: &Fields<'_, '_>, setting: Setting<'_>, remarks: &mut Remarks) {
    let (written, pointer) =
        conf.text("netAttachDefName", remarks).unwrap_or_else(|| ("", child(&conf.pointer, "netAttachDefName")));
    let (namespace, name) = written.split_once('/').unwrap_or(("", written));
    if name == setting.name && setting.namespace.map_or(!namespace.is_empty(), |own| own == namespace) {
        return;
    }
    let own = format!("{}/{}", setting.namespace.unwrap_or("NAMESPACE"), setting.name);
    let why = match written {
        "" => "`netAttachDefName` is missing, and OVN-Kubernetes refuses a NAD without it".to_owned(),
        _ => format!("`{written}` is not this NAD, and OVN-Kubernetes refuses it"),
    };
    remarks.fault(pointer, why, format!("Write `{own}`."));
}

/// The topology; an unknown one, or none, is a fault.
pub(super) fn topology(conf: &Fields<'_, '_>, remarks: &mut Remarks) -> Option<(Topology, Pointer)> {
    let faults_before = remarks.faults.len();
    let written = conf.text("topology", remarks);
    if remarks.faults.len() > faults_before {
        return None;
    }
    let (text, pointer) = written.unwrap_or_else(|| ("", child(&conf.pointer, "topology")));
    let topology = match text {
        "layer3" => Topology::Layer3,
        "layer2" => Topology::Layer2,
        "localnet" => Topology::Localnet,
        _ => {
            let why = match text {
                "" => {
                    "`topology` is missing, so OVN-Kubernetes takes this for the cluster's default network".to_owned()
                }
                _ => format!("OVN-Kubernetes has no topology `{text}`"),
            };
            remarks.fault(pointer, why, "Write `layer2`, `layer3` or `localnet`.");
            return None;
        }
    };
    Some((topology, pointer))
}

pub(super) fn check_role(conf: &Conf<'_>, role: &str, pointer: Pointer, remarks: &mut Remarks) {
    match (role, conf.topology) {
        ("" | "secondary", _) => {}
        ("primary", Topology::Layer2 | Topology::Layer3) => {
            let why = "a primary network serves whole namespaces; OVN-Kubernetes refuses a pod that names it";
            remarks.fault(pointer, why, "Leave `role` out, or write `secondary`.");
        }
        ("primary", Topology::Localnet) => {
            remarks.fault(pointer, "a localnet network is always secondary", "Leave `role` out.");
        }
        _ => remarks.fault(pointer, format!("there is no role `{role}`"), "Leave `role` out, or write `secondary`."),
    }
}

/// Keys that another topology has, and the types of those that decide nothing here.
pub(super) fn check_keys(fields: &Fields<'_, '_>, conf: &Conf<'_>, remarks: &mut Remarks) {
    let only_layer2 = [
        (&conf.infrastructure, "infrastructureSubnets"),
        (&conf.reserved, "reservedSubnets"),
        (&conf.gateways, "defaultGatewayIPs"),
    ];
    let misplaced = only_layer2.into_iter().filter(|_| conf.topology != Topology::Layer2);
    for (text, key) in misplaced {
        if let Some((_, pointer)) = text {
            remarks.fault(pointer.clone(), format!("`{key}` is for layer2 only"), "Leave it out.");
        }
    }
    if let Some((_, pointer)) = conf.join.as_ref().filter(|_| conf.topology == Topology::Localnet) {
        remarks.fault(pointer.clone(), "`joinSubnet` is not for localnet", "Leave it out.");
    }
    check_subnets_are_there(fields, conf, remarks);
    check_persistence_and_ipam(fields, conf, remarks);
    for key in ["physicalNetworkName", "transport", "transitSubnet"] {
        fields.text(key, remarks);
    }
    fields.whole("vlanID", remarks);
}

/// Without subnets layer3 cannot give an address; layer2 and localnet then give none at all, unless primary.
fn check_subnets_are_there(fields: &Fields<'_, '_>, conf: &Conf<'_>, remarks: &mut Remarks) {
    let blank = conf.subnets.as_ref().is_none_or(|(text, _)| text.trim().is_empty());
    let demanded = conf.topology == Topology::Layer3 || (conf.topology == Topology::Layer2 && conf.primary);
    let wrong_type = fields.has("subnets") && remarks.faults.iter().any(|note| note.pointer.ends_with("/subnets"));
    if blank && demanded && !wrong_type {
        let why = "without `subnets` OVN-Kubernetes has no address to give";
        remarks.fault(child(&fields.pointer, "subnets"), why, "Write `subnets`, CIDRs with commas between them.");
    }
}

fn check_persistence_and_ipam(fields: &Fields<'_, '_>, conf: &Conf<'_>, remarks: &mut Remarks) {
    let persistent = fields.flag("allowPersistentIPs", remarks).filter(|(allowed, _)| *allowed);
    if let Some((_, pointer)) = persistent.filter(|_| conf.topology == Topology::Layer3) {
        remarks.fault(pointer, "`allowPersistentIPs` is not for layer3", "Leave it out.");
    }
    let kind = fields.object("ipam", remarks).and_then(|ipam| ipam.text("type", remarks));
    if let Some((kind, pointer)) = kind.filter(|(kind, _)| !kind.is_empty()) {
        let why = format!("OVN-Kubernetes gives the addresses itself and refuses the IPAM plugin `{kind}`");
        remarks.fault(pointer, why, "Leave `ipam` out, and write the range as `subnets`.");
    }
}

/// util:subnetOverlapCheck, as far as the text alone decides it: the network's own subnets and its join subnets.
pub(super) fn check_overlaps(conf: &Conf<'_>, subnets: &[Subnet], join: &[(Prefix, Pointer)], remarks: &mut Remarks) {
    if conf.topology == Topology::Localnet {
        return;
    }
    let own = subnets.iter().map(|subnet| subnet.prefix);
    let mut all: Vec<_> = own.chain(join.iter().map(|(prefix, _)| *prefix)).collect();
    all.sort_unstable();
    // CIDRs nest or are apart, and the wider one sorts first: two meet exactly if some neighbours do.
    let clash = all.iter().zip(all.iter().skip(1)).find(|(a, b)| a.interval().meets(b.interval()));
    if let (Some((a, b)), Some(subnet)) = (clash, subnets.first()) {
        let why = format!("{a} and {b} overlap, subnets or the join subnet of one network");
        remarks.fault(subnet.pointer.clone(), why, "Write subnets that do not overlap, or another `joinSubnet`.");
    }
}
