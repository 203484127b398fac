//! kube-ovn, as the plugin itself and as the IPAM of another one (kubeovn/kube-ovn, cmd/cni:loadNetConf,
//! pkg/daemon/handler.go). The addresses come from the Subnet of the same provider.

use super::super::decode::{Fields, Remarks, child};
use super::super::{Field, Pointer, Setting};
use super::{Call, Given, GivenRoute, pools};
use crate::net::Family;
use crate::net::parse::{go_cidr, go_ip};
use std::net::IpAddr;

/// The provider of the cluster's default network.
const DEFAULT_PROVIDER: &str = "ovn";

/// As `ipam.type`: the keys stand under `ipam`, and the main plugin installs the routes.
pub(super) fn given(call: &Call<'_, '_, '_>, remarks: &mut Remarks) -> Given {
    let mut given = drawn(call.ipam, call.setting, remarks);
    given.routes = routes(call.ipam, remarks, |pointer, why, remarks| {
        remarks.fault(pointer, why, "Write `dst` as a CIDR and `gw` as an address.");
    });
    given
}

/// As the main plugin: the keys stand in its own object, and kube-ovn's daemon sets the interface up. The routes are
/// what the daemon installs; one that it cannot read it leaves out without failing.
pub(in crate::cni) fn attached(conf: &Fields<'_, '_>, setting: Setting<'_>, remarks: &mut Remarks) -> Given {
    let mut given = drawn(conf, setting, remarks);
    given.routes = routes(conf, remarks, |_, _, _| {});
    given
}

fn drawn(fields: &Fields<'_, '_>, setting: Setting<'_>, remarks: &mut Remarks) -> Given {
    let mut given = Given::default();
    if fields.text("server_socket", remarks).is_none_or(|(socket, _)| socket.is_empty()) {
        let why = "`server_socket` is missing, and without it ADD fails";
        let help = "Write `\"server_socket\": \"/run/openvswitch/kube-ovn-daemon.sock\"`.";
        remarks.fault(child(&fields.pointer, "server_socket"), why, help);
    }
    let (provider, pointer) = provider(fields, remarks);
    let key = format!("kube-ovn/{provider}");
    if let Some(pool) = setting.pools.get(key.as_str()) {
        pools::draw(&mut given, pool, &pointer, false, remarks);
        // Only the interface eth0 gets the Subnet's gateway, or one that an annotation of the pod makes the default.
        given.ips.iter_mut().for_each(|ip| ip.gateway = None);
    } else {
        let what = format!("the kube-ovn Subnet of provider {provider}");
        pools::absent(&mut given, &[Field::Addresses], &what, &pointer, remarks);
    }
    if provider == DEFAULT_PROVIDER {
        // The default network is nobody's own: an address of it on a second interface is a collision.
        given.own.clear();
    }
    given
}

fn provider<'n>(fields: &Fields<'n, '_>, remarks: &mut Remarks) -> (&'n str, Pointer) {
    let written = fields.text("provider", remarks).filter(|(provider, _)| !provider.is_empty());
    written.unwrap_or_else(|| (DEFAULT_PROVIDER, fields.pointer.clone()))
}

/// `routes`: `dst` empty is the default route of the gateway's family (pkg/request:Route, both are strings).
fn routes(
    fields: &Fields<'_, '_>,
    remarks: &mut Remarks,
    refuse: impl Fn(Pointer, String, &mut Remarks),
) -> Vec<GivenRoute> {
    let mut routes = Vec::new();
    for entry in fields.objects("routes", remarks).unwrap_or_default() {
        let dst = entry.text("dst", remarks).map_or("", |(dst, _)| dst);
        let gw = entry.text("gw", remarks).map_or("", |(gw, _)| gw);
        match route(dst, gw, &entry.pointer) {
            Some(route) => routes.push(route),
            None => refuse(entry.pointer, format!("`{dst}` via `{gw}` is not a route"), remarks),
        }
    }
    routes
}

fn route(dst: &str, gw: &str, pointer: &str) -> Option<GivenRoute> {
    let gw: Option<IpAddr> = if gw.is_empty() { None } else { Some(go_ip(gw)?.address) };
    let dst = match (dst, gw) {
        ("", Some(IpAddr::V4(_))) => Family::V4.everything(),
        ("", _) => Family::V6.everything(),
        (dst, _) => go_cidr(dst)?.prefix,
    };
    Some(pools::route(dst, gw, pointer))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{called, pool, with_main};
    use super::{attached, given};

    const SOCKET: &str = r#""server_socket":"/run/k.sock""#;

    fn ipam(keys: &str) -> Vec<String> {
        let pools = [pool("kube-ovn/mig.kubevirt.ovn", "10.5.0.0/24"), pool("kube-ovn/ovn", "10.16.0.0/16")];
        called(&format!("{{{SOCKET}{keys}}}"), &pools, given)
    }

    #[test]
    fn the_subnet_of_the_provider_gives_the_address() {
        let one = "10.5.0.1-10.5.0.254 in 10.5.0.0/24 cluster @/ipam/provider";
        assert_eq!(ipam(r#","provider":"mig.kubevirt.ovn""#), [one, "own kube-ovn/mig.kubevirt.ovn"]);
        let lines = ipam(r#","provider":"mig.kubevirt.ovn","routes":[{"gw":"10.5.0.1"},{"dst":"10.9.1.2/16"}]"#);
        let routes = ["route 0.0.0.0/0 via 10.5.0.1 @/ipam/routes/0", "route 10.9.0.0/16 @/ipam/routes/1"];
        assert_eq!(lines, [&[one][..], &routes, &["own kube-ovn/mig.kubevirt.ovn"]].concat());
    }

    #[test]
    fn without_provider_it_is_the_default_network_which_is_nobodys_own() {
        assert_eq!(ipam(""), ["10.16.0.1-10.16.255.254 in 10.16.0.0/16 cluster @/ipam"]);
    }

    #[test]
    fn what_is_not_known_is_said() {
        assert_eq!(
            ipam(r#","provider":"x.y.ovn""#),
            [
                "gap Addresses: the kube-ovn Subnet of provider x.y.ovn is not among the objects given",
                "opaque /ipam/provider: the kube-ovn Subnet of provider x.y.ovn is not among the objects given"
            ]
        );
    }

    #[test]
    fn as_ipam_a_bad_route_fails_and_as_main_plugin_it_is_left_out() {
        let routes = r#""routes":[{"dst":"10.9","gw":"10.5.0.1"},{"dst":"","gw":"fd00::1"}]"#;
        let fails = ipam(&format!(r#","provider":"mig.kubevirt.ovn",{routes}"#));
        assert!(fails.contains(&"fault /ipam/routes/0: `10.9` via `10.5.0.1` is not a route".to_owned()), "{fails:?}");
        let main = format!(r#"{{"type":"kube-ovn","provider":"mig.kubevirt.ovn",{SOCKET},{routes}}}"#);
        assert_eq!(
            with_main(&main, &[pool("kube-ovn/mig.kubevirt.ovn", "10.5.0.0/24")], attached),
            [
                "10.5.0.1-10.5.0.254 in 10.5.0.0/24 cluster @/provider",
                "route ::/0 via fd00::1 @/routes/1",
                "own kube-ovn/mig.kubevirt.ovn"
            ]
        );
    }

    #[test]
    fn the_socket_is_demanded() {
        let lines = called(r#"{"provider":"ovn"}"#, &[], given);
        assert!(lines[1].starts_with("fault /ipam/server_socket: `server_socket` is missing"), "{lines:?}");
    }
}
