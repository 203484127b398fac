//! nv-ipam: IPPool or CIDRPool objects by name (Mellanox/nvidia-k8s-ipam, pkg/cni/types:LoadConf,
//! pkg/ipam-node/handlers). `args.cni` written into the text overrides the plugin's own keys.

use super::super::decode::{Fields, Remarks, child};
use super::super::{Field, Gap, Pointer, Pool, Scope, Taken};
use super::{Call, Given, pools};
use crate::net::Family;
use crate::net::parse::go_ip;
use std::net::IpAddr;

/// One address of each pool named, at most two.
pub(super) fn given(call: &Call<'_, '_, '_>, remarks: &mut Remarks) -> Given {
    let mut given = Given::default();
    for key in ["daemonSocket", "logFile", "logLevel"] {
        call.ipam.text(key, remarks);
    }
    call.ipam.whole("daemonCallTimeoutSeconds", remarks);
    let args = call.conf.object("args", remarks).and_then(|args| args.object("cni", remarks));
    let kind = kind(call.ipam, args.as_ref(), remarks);
    let names = names(call, args.as_ref(), remarks);
    note_node_file(&mut given, call.ipam, remarks);
    let Some(kind) = kind else { return given };
    for (name, pointer) in names {
        if let Some(pool) = call.setting.pools.get(format!("nv-ipam/{kind}/{name}").as_str()) {
            draw(&mut given, pool, &pointer, remarks);
        } else {
            let object = if kind == "ippool" { "IPPool" } else { "CIDRPool" };
            let what = format!("the nv-ipam {object} {name}");
            pools::absent(&mut given, &[Field::Addresses, Field::Routes], &what, &pointer, remarks);
        }
    }
    apply_requests(&mut given, call.conf, args.as_ref(), remarks);
    given
}

fn draw(given: &mut Given, pool: &Pool, pointer: &str, remarks: &mut Remarks) {
    pools::draw(given, pool, pointer, false, remarks);
    given.routes.extend(pool.routes.iter().map(|(dst, gw)| pools::route(*dst, *gw, pointer)));
    let families = Family::ALL.into_iter().filter(|_| pool.default_route);
    for family in families.filter(|family| pool.ranges.iter().any(|(prefix, _, _)| prefix.family() == *family)) {
        given.routes.push(pools::route(family.everything(), pools::gateway_of(pool, family), pointer));
    }
    if pool.per_node && !given.routes.is_empty() {
        let why = "the next hop is the gateway of the node's own prefix, which the controller assigns".to_owned();
        given.gaps.push(Gap { field: Field::Routes, family: None, why });
    }
}

/// `ippool` (the default) or `cidrpool`, in any case.
fn kind(ipam: &Fields<'_, '_>, args: Option<&Fields<'_, '_>>, remarks: &mut Remarks) -> Option<&'static str> {
    let own = ipam.text("poolType", remarks);
    let override_by_args = args.and_then(|args| args.text("poolType", remarks));
    let written = override_by_args.filter(|(text, _)| !text.is_empty()).or(own);
    let Some((text, pointer)) = written else { return Some("ippool") };
    match text.to_lowercase().as_str() {
        "" | "ippool" => Some("ippool"),
        "cidrpool" => Some("cidrpool"),
        _ => {
            remarks.fault(pointer, format!("`{text}` is no type of pool"), "Write `ippool` or `cidrpool`.");
            None
        }
    }
}

fn names(call: &Call<'_, '_, '_>, args: Option<&Fields<'_, '_>>, remarks: &mut Remarks) -> Vec<(String, Pointer)> {
    let must_be_named = call.ipam.flag("forcePoolName", remarks).is_some_and(|(forced, _)| forced);
    let own = call.ipam.text("poolName", remarks).filter(|(names, _)| !names.is_empty());
    let by_args = args.and_then(|args| args.texts("poolNames", remarks)).unwrap_or_default();
    let place = child(&call.ipam.pointer, "poolName");
    let names: Vec<(String, Pointer)> = match own {
        _ if !by_args.is_empty() => by_args.into_iter().map(|(name, pointer)| (name.to_owned(), pointer)).collect(),
        Some((names, pointer)) => names.split(',').map(|name| (name.to_owned(), pointer.clone())).collect(),
        None if must_be_named => {
            remarks.fault(place, "`poolName` is missing, and `forcePoolName` demands it", "Name the pool.");
            return Vec::new();
        }
        None => vec![(call.conf_name.to_owned(), call.ipam.pointer.clone())],
    };
    if names.len() > 2 || names.iter().any(|(name, _)| name.is_empty()) {
        remarks.fault(place, "one or two pools must be named", "Write one name, or two with a comma between them.");
    }
    names.into_iter().take(2).filter(|(name, _)| !name.is_empty()).collect()
}

/// The file fills `poolName` and `poolType` where they are empty.
fn note_node_file(given: &mut Given, ipam: &Fields<'_, '_>, remarks: &mut Remarks) {
    let Some((path, pointer)) = ipam.text("confDir", remarks).filter(|(path, _)| !path.is_empty()) else { return };
    if !ipam.has("poolName") || !ipam.has("poolType") {
        let why = format!("a file in {path} on the node may name the pool or its type");
        remarks.opaque(pointer, why.clone(), "Write `poolName` and `poolType` into the NAD.");
        given.gaps.push(Gap { field: Field::Addresses, family: None, why });
    }
}

/// Addresses asked for by `runtimeConfig.ips`, else `args.cni.ips`, and the pool's gateway itself if that is asked for.
fn apply_requests(given: &mut Given, conf: &Fields<'_, '_>, args: Option<&Fields<'_, '_>>, remarks: &mut Remarks) {
    let runtime = conf.object("runtimeConfig", remarks).and_then(|runtime| runtime.texts("ips", remarks));
    let by_args = args.and_then(|args| args.texts("ips", remarks));
    let asked = runtime.filter(|ips| !ips.is_empty()).or(by_args).unwrap_or_default();
    for (text, pointer) in asked {
        let bare = text.split_once('/').map_or(text, |(ip, _)| ip);
        match go_ip(bare) {
            Some(ip) => fix(given, ip.address, &pointer),
            None => remarks.fault(pointer, format!("`{text}` is not an IP address"), "Write an address."),
        }
    }
    if args.and_then(|args| args.flag("allocateDefaultGateway", remarks)).is_some_and(|(gateway, _)| gateway) {
        given.routes.clear();
        for ip in &mut given.ips {
            if let Some(gateway) = ip.gateway.take() {
                (ip.taken, ip.scope) = (Taken::Fixed(gateway), Scope::Fixed);
            }
        }
    }
}

/// The address asked for takes the place of what its pool would give; every pod asks for the same one.
fn fix(given: &mut Given, address: IpAddr, pointer: &str) {
    if let Some(ip) = given.ips.iter_mut().find(|ip| ip.prefix.holds(address)) {
        (ip.taken, ip.scope, ip.pointer) = (Taken::Fixed(address), Scope::Fixed, pointer.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{called, called_with, pool};
    use super::given;
    use crate::cni::Pool;

    fn pools() -> Vec<Pool> {
        let v4 = Pool { default_route: true, ..pool("nv-ipam/ippool/mig", "10.7.0.0/24") };
        let named = pool("nv-ipam/ippool/conf", "10.8.0.0/24");
        let cidr = Pool {
            per_node: true,
            gateways: vec![],
            routes: vec![("10.9.0.0/16".parse::<ipnetwork::IpNetwork>().map(to_prefix).unwrap(), None)],
            ..pool("nv-ipam/cidrpool/mig", "10.9.0.0/16")
        };
        vec![v4, named, cidr]
    }

    fn to_prefix(network: ipnetwork::IpNetwork) -> crate::net::Prefix {
        crate::net::Prefix::of(network.network(), network.prefix()).unwrap()
    }

    #[test]
    fn pools_are_named_by_the_text_or_by_the_network() {
        let mig = "10.7.0.1-10.7.0.254 in 10.7.0.0/24 gw 10.7.0.1 cluster @/ipam/poolName";
        let default = "route 0.0.0.0/0 via 10.7.0.1 @/ipam/poolName";
        assert_eq!(called(r#"{"poolName":"mig"}"#, &pools(), given), [mig, default, "own nv-ipam/ippool/mig"]);
        let conf = "10.8.0.1-10.8.0.254 in 10.8.0.0/24 gw 10.8.0.1 cluster";
        assert_eq!(called("{}", &pools(), given), [&format!("{conf} @/ipam"), "own nv-ipam/ippool/conf"]);
        let both = called(r#"{"poolName":"mig,conf","poolType":"IPPool"}"#, &pools(), given);
        assert_eq!(both[..2], [mig.to_owned(), format!("{conf} @/ipam/poolName")]);
        let by_args = called_with(r#""args":{"cni":{"poolNames":["conf"]}}"#, r#"{"poolName":"mig"}"#, &pools(), given);
        assert_eq!(by_args[0], format!("{conf} @/args/cni/poolNames/0"));
    }

    #[test]
    fn a_cidr_pool_leaves_prefix_and_next_hop_open() {
        let lines = called(r#"{"poolName":"mig","poolType":"cidrpool"}"#, &pools(), given);
        assert_eq!(lines[0], "10.9.0.1-10.9.255.254 in 10.9.0.0/16 cluster @/ipam/poolName");
        assert_eq!(lines[1], "route 10.9.0.0/16 @/ipam/poolName");
        assert!(lines[2].starts_with("gap Addresses 4: each node draws from a prefix of its own"), "{lines:?}");
        assert!(lines[3].starts_with("gap Routes: the next hop"), "{lines:?}");
    }

    #[test]
    fn requested_addresses_are_the_same_on_every_node() {
        let asked = r#""runtimeConfig":{"ips":["10.7.0.9/24"]}"#;
        let lines = called_with(asked, r#"{"poolName":"mig"}"#, &pools(), given);
        assert_eq!(lines[0], "10.7.0.9 in 10.7.0.0/24 gw 10.7.0.1 fixed @/runtimeConfig/ips/0");
        let gateway = r#""args":{"cni":{"allocateDefaultGateway":true}}"#;
        let lines = called_with(gateway, r#"{"poolName":"mig"}"#, &pools(), given);
        assert_eq!(lines, ["10.7.0.1 in 10.7.0.0/24 fixed @/ipam/poolName", "own nv-ipam/ippool/mig"]);
    }

    #[test]
    fn what_fails_and_what_is_not_known() {
        for (ipam, expected) in [
            (r#"{"poolName":"a,b,c"}"#, "fault /ipam/poolName: one or two pools must be named"),
            (r#"{"poolName":"mig,"}"#, "fault /ipam/poolName: one or two pools must be named"),
            (r#"{"forcePoolName":true}"#, "fault /ipam/poolName: `poolName` is missing"),
            (r#"{"poolType":"x"}"#, "fault /ipam/poolType: `x` is no type of pool"),
            (r#"{"poolName":["mig"]}"#, "fault /ipam/poolName: `poolName` must be a string"),
            (r#"{"poolName":"x"}"#, "opaque /ipam/poolName: the nv-ipam IPPool x is not among the objects given"),
            (r#"{"confDir":"/etc/x"}"#, "opaque /ipam/confDir: a file in /etc/x on the node may name the pool"),
        ] {
            let lines = called(ipam, &pools(), given);
            assert!(lines.iter().any(|line| line.starts_with(expected)), "{ipam}: {lines:?}");
        }
    }
}
