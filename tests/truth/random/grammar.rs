//! Texts that mean something to the plugins that run here.

use super::draw::{Cidr, Draw};
use super::spoil;
use super::text::{Node, Text};

/// A text, sound more often than not.
pub fn text(draw: &mut Draw) -> Text {
    let mut text = Text { root: envelope(draw), tail: String::new() };
    let spoilt = match draw.below(100) {
        ..80 => 0,
        80..94 => 1,
        94..98 => 2,
        _ => 3,
    };
    for _ in 0..spoilt {
        spoil::once(&mut text, draw);
    }
    text
}

fn envelope(draw: &mut Draw) -> Node {
    let version =
        draw.mostly(&["0.3.1", "0.4.0", "1.0.0", "1.0.0", "1.1.0", "1.1.0"], &["0.1.0", "0.2.0", "0.3.0", "", "2.0.0"]);
    let mut root = Node::object([
        ("cniVersion", Node::text(version)),
        ("name", Node::text(draw.mostly(&["mig"], &["a.b", "a b", ""]))),
    ]);
    let mut main = main_plugin(draw);
    if draw.chance(50) {
        if let Node::Object(pairs) = main {
            for (key, value) in pairs {
                root.set(&key, value);
            }
        }
        return root;
    }
    if draw.chance(8) {
        let versions = [draw.of(&["0.3.1", "0.4.0", "1.0.0"]), draw.of(&["1.0.0", "1.1.0", "1.2.0"])];
        root.set("cniVersions", Node::List(versions.map(Node::text).to_vec()));
    }
    if draw.chance(4) {
        main.set("cniVersion", Node::text("0.4.0"));
    }
    let mut plugins = vec![main];
    for _ in 0..draw.of(&[0, 0, 1, 1, 1, 2]) {
        plugins.push(meta_plugin(draw));
    }
    if draw.chance(3) {
        let other = draw.below(plugins.len());
        plugins.swap(0, other);
    }
    if draw.chance(2) {
        plugins.push(main_plugin(draw));
    }
    root.set("plugins", Node::List(plugins));
    for key in ["disableCheck", "disableGC"] {
        if draw.chance(4) {
            root.set(key, draw.mostly(&[Node::flag(true), Node::text("true")].each_ref(), &[&Node::number(1)]).clone());
        }
    }
    root
}

fn meta_plugin(draw: &mut Draw) -> Node {
    if draw.chance(55) {
        let mut sbr = Node::object([("type", Node::text("sbr"))]);
        if draw.chance(35) {
            sbr.set("table", Node::number(draw.mostly(&[100, 101, 200, 5], &[0, 254, 253, 255, -1, 70_000])));
        }
        return sbr;
    }
    let mut tuning = Node::object([("type", Node::text("tuning"))]);
    for (key, percent, value) in [
        ("mtu", 25, Node::number(draw.mostly(&[1400, 1280, 9000], &[1279, 68, 60, -1]))),
        ("mac", 15, Node::text(draw.mostly(&["02:00:00:00:00:07"], &["01:00:00:00:00:07", "x"]))),
        ("promisc", 15, Node::flag(true)),
        ("allmulti", 15, Node::flag(draw.chance(50))),
        ("txQLen", 10, Node::number(500)),
        ("sysctl", 45, sysctl(draw)),
    ] {
        if draw.chance(percent) {
            tuning.set(key, value);
        }
    }
    tuning
}

fn sysctl(draw: &mut Draw) -> Node {
    let usual = [
        ("net.ipv4.conf.IFNAME.arp_notify", "1"),
        ("net.ipv4.conf.IFNAME.rp_filter", "2"),
        ("net/ipv4/conf/IFNAME/arp_filter", "1"),
        ("net.ipv6.conf.IFNAME.accept_ra", "0"),
    ];
    let odd = [
        ("net.ipv6.conf.IFNAME.disable_ipv6", "1"),
        ("net.ipv4.nosuch", "1"),
        ("kernel.shmmax", "1"),
        ("net.ipv4.ip_forward", "1"),
    ];
    let (key, value) = draw.mostly(&usual, &odd);
    Node::object([(key, Node::text(value))])
}

fn main_plugin(draw: &mut Draw) -> Node {
    let kind = draw.of(&["bridge", "bridge", "bridge", "ptp", "host-device"]);
    let mut plugin = Node::object([("type", Node::text(kind))]);
    match kind {
        "bridge" => bridge(&mut plugin, draw),
        "host-device" => plugin.set("device", Node::text(draw.mostly(&["nic0"], &["", "nic0-peer"]))),
        _ => {}
    }
    let plain = draw.chance(60);
    if !plain {
        let mtu = draw.mostly(&[0, 1500, 1400, 1280, 9000], &[1279, 68, 67, 65535, 65536, -1]);
        if draw.chance(25) {
            plugin.set("mtu", Node::number(mtu));
        }
        extras(&mut plugin, draw);
    }
    let mut scene = Scene { kind, held: Vec::new() };
    match draw.below(100) {
        ..52 => plugin.set("ipam", scene.fixed(draw)),
        52..98 => plugin.set("ipam", scene.host_local(draw)),
        98 => plugin.set("ipam", Node::object([])),
        _ => {}
    }
    plugin
}

fn bridge(plugin: &mut Node, draw: &mut Draw) {
    plugin.set("bridge", Node::text(draw.mostly(&["br0"], &["", "lo", "a-name-that-is-too-long", "br 0"])));
    for (key, percent) in [
        ("isGateway", 12),
        ("isDefaultGateway", 14),
        ("forceAddress", 5),
        ("hairpinMode", 4),
        ("promiscMode", 3),
        ("enabledad", 3),
        ("preserveDefaultVlan", 2),
        ("portIsolation", 2),
        ("disableContainerInterface", 1),
    ] {
        if draw.chance(percent) {
            plugin.set(key, Node::flag(!draw.chance(15)));
        }
    }
}

/// Keys by which others ask for addresses, and some that nobody reads.
fn extras(plugin: &mut Node, draw: &mut Draw) {
    let ips = |draw: &mut Draw| {
        let asked = draw.network(None, 15);
        let address = draw.inside(asked);
        let text = if draw.chance(80) { format!("{address}/{}", asked.length) } else { address.to_string() };
        Node::object([("ips", Node::List(vec![Node::text(&text)]))])
    };
    if draw.chance(15) {
        let cni = ips(draw);
        plugin.set("args", Node::object([("cni", cni)]));
    }
    if draw.chance(12) {
        let ips = ips(draw);
        plugin.set("runtimeConfig", ips);
    }
    if draw.chance(12) {
        let key = draw.of(&["ips", "mac", "portMappings", "deviceID"]);
        plugin.set("capabilities", Node::object([(key, Node::flag(true))]));
    }
    if draw.chance(6) {
        let result = Node::object([("address", Node::text("10.9.9.9/24"))]);
        plugin
            .set("prevResult", Node::object([("cniVersion", Node::text("1.0.0")), ("ips", Node::List(vec![result]))]));
    }
    if draw.chance(8) {
        plugin.set("dns", Node::object([("nameservers", Node::List(vec![Node::text("10.96.0.10")]))]));
    }
    if draw.chance(5) {
        plugin.set("ipMasq", Node::flag(false));
    }
}

/// What the addresses so far are, so that gateways can fit them.
struct Scene {
    kind: &'static str,
    held: Vec<Cidr>,
}

impl Scene {
    fn fixed(&mut self, draw: &mut Draw) -> Node {
        let mut addresses = Vec::new();
        for _ in 0..draw.mostly(&[1, 1, 1, 2, 2], &[0, 3]) {
            let network = draw.network(None, 25);
            self.held.push(network);
            let address = draw.inside(network);
            let mut entry = Node::object([("address", Node::text(&format!("{address}/{}", network.length)))]);
            if draw.chance(if self.kind == "ptp" { 95 } else { 30 }) {
                entry.set("gateway", Node::text(&Self::gateway(network, draw)));
            }
            addresses.push(entry);
        }
        let mut ipam = Node::object([("type", Node::text("static")), ("addresses", Node::List(addresses))]);
        self.routes(&mut ipam, draw);
        ipam
    }

    fn host_local(&mut self, draw: &mut Draw) -> Node {
        let mut ipam = Node::object([("type", Node::text("host-local"))]);
        let legacy = draw.chance(30);
        if legacy {
            let Node::Object(pairs) = self.range(draw) else { return ipam };
            for (key, value) in pairs {
                ipam.set(&key, value);
            }
        }
        if !legacy || draw.chance(15) {
            let mut sets = Vec::new();
            for _ in 0..draw.mostly(&[1, 1, 2], &[3]) {
                let mut set = vec![self.range(draw)];
                if draw.chance(8) {
                    set.push(self.range(draw));
                }
                sets.push(Node::List(set));
            }
            ipam.set("ranges", Node::List(sets));
        }
        self.routes(&mut ipam, draw);
        ipam
    }

    fn range(&mut self, draw: &mut Draw) -> Node {
        let mut network = draw.network(None, 20);
        if network.bits() - network.length < 2 && !draw.chance(5) {
            network = Cidr { length: network.bits() - 4, ..network }.masked();
        }
        self.held.push(network);
        let written = if draw.chance(3) { draw.inside(network) } else { network.address };
        let mut range = Node::object([("subnet", Node::text(&format!("{written}/{}", network.length)))]);
        let (one, other) = (draw.inside(network), draw.inside(network));
        let (start, end) =
            if draw.chance(3) { (one.max(other), one.min(other)) } else { (one.min(other), one.max(other)) };
        for (key, percent, address) in [("rangeStart", 18, start), ("rangeEnd", 18, end)] {
            if draw.chance(percent) {
                range.set(key, Node::text(&address.to_string()));
            }
        }
        if draw.chance(20) {
            range.set("gateway", Node::text(&Self::gateway(network, draw)));
        }
        range
    }

    /// Mostly on the network.
    fn gateway(network: Cidr, draw: &mut Draw) -> String {
        let of = match draw.below(30) {
            0 => draw.network(Some(network.address.is_ipv6()), 20),
            1 => draw.network(None, 20),
            2 if network.address.is_ipv6() => Cidr::read("fe80::/64"),
            _ => network,
        };
        draw.inside(of).to_string()
    }

    fn routes(&self, ipam: &mut Node, draw: &mut Draw) {
        let mut routes: Vec<Node> = Vec::new();
        for _ in 0..draw.of(&[0, 0, 0, 1, 1, 1, 2, 2, 3]) {
            let again = draw.below(routes.len());
            let route = if !routes.is_empty() && draw.chance(15) { routes[again].clone() } else { self.route(draw) };
            routes.push(route);
        }
        if !routes.is_empty() || draw.chance(10) {
            ipam.set("routes", Node::List(routes));
        }
    }

    fn route(&self, draw: &mut Draw) -> Node {
        let near = if self.held.is_empty() { draw.network(None, 50) } else { draw.of(&self.held) };
        let family = near.address.is_ipv6();
        let other = draw.chance(2);
        let dst = if draw.chance(8) { near } else { draw.network(Some(family != other), 60) };
        let written = if draw.chance(3) { draw.inside(dst) } else { dst.address };
        let mut route = Node::object([("dst", Node::text(&format!("{written}/{}", dst.length)))]);
        if draw.chance(75) {
            route.set("gw", Node::text(&Self::gateway(near, draw)));
        }
        for (key, percent, value) in [
            ("priority", 12, draw.mostly(&[1, 50, 100, 1024, 256], &[0, -1, 4_294_967_295, 4_294_967_296])),
            ("table", 12, draw.mostly(&[100, 101, 254, 7], &[0, 253, 255, -3, 4_294_967_395])),
            ("scope", 5, draw.mostly(&[0, 253, 254], &[200, 255, 1, 256])),
            ("mtu", 5, draw.mostly(&[1400, 0], &[1, -1, 100_000])),
            ("advmss", 3, 1300),
        ] {
            if draw.chance(percent) {
                route.set(key, Node::number(value));
            }
        }
        route
    }
}
