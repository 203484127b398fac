//! Chained plugins that change no address and no route: portmap, bandwidth, firewall.

use super::has_result;
use crate::cni::chain::Chain;
use crate::cni::decode::{Fields, Remarks, child};
use crate::cni::envelope::Element;
use crate::cni::shape::{self, Shape, Struct};

const U64: Shape = Shape::Unsigned(u64::MAX);

const RATES: Struct = &[("ingressRate", U64), ("ingressBurst", U64), ("egressRate", U64), ("egressBurst", U64)];

const BANDWIDTH: Struct = &[("runtimeConfig", Shape::Struct(&[("bandwidth", Shape::Struct(RATES))]))];

const PORTMAP: Struct = &[
    ("backend", Shape::Text),
    ("snat", Shape::Flag),
    ("conditionsV4", Shape::List(&Shape::Text)),
    ("conditionsV6", Shape::List(&Shape::Text)),
    ("masqAll", Shape::Flag),
    ("markMasqBit", Shape::Int),
    ("externalSetMarkChain", Shape::Text),
    (
        "runtimeConfig",
        Shape::Struct(&[(
            "portMappings",
            Shape::List(&Shape::Struct(&[
                ("hostPort", Shape::Int),
                ("containerPort", Shape::Int),
                ("protocol", Shape::Text),
                ("hostIP", Shape::Text),
            ])),
        )]),
    ),
];

const FIREWALL: Struct = &[
    ("backend", Shape::Text),
    ("iptablesAdminChainName", Shape::Text),
    ("firewalldZone", Shape::Text),
    ("ingressPolicy", Shape::Text),
];

pub(super) fn portmap(element: &Element<'_, '_>, chain: &mut Chain<'_>) {
    let (fields, remarks) = (&element.fields, &mut chain.remarks);
    shape::check(fields, PORTMAP, remarks);
    let bit = fields.whole("markMasqBit", remarks);
    if let (Some((_, place)), true) = (&bit, fields.get("externalSetMarkChain", remarks).is_some()) {
        let why = "`markMasqBit` and `externalSetMarkChain` exclude each other";
        remarks.fault(place.clone(), why, "Remove one of them.");
    }
    if let Some((_, place)) = bit.filter(|(bit, _)| !(0..=31).contains(bit)) {
        remarks.fault(place, "`markMasqBit` must lie between 0 and 31", "Write a number from 0 to 31.");
    }
    let backend = fields.text("backend", remarks).filter(|(name, _)| !matches!(*name, "iptables" | "nftables"));
    if let Some((name, place)) = backend {
        remarks.fault(place, format!("portmap has no backend `{name}`"), "Write \"iptables\" or \"nftables\".");
    }
    has_result(element, chain);
}

pub(super) fn bandwidth(element: &Element<'_, '_>, chain: &mut Chain<'_>) {
    let (fields, remarks) = (&element.fields, &mut chain.remarks);
    shape::check(fields, RATES, remarks);
    shape::check(fields, BANDWIDTH, remarks);
    let runtime = fields.object("runtimeConfig", remarks).and_then(|inner| inner.object("bandwidth", remarks));
    let own = RATES.iter().any(|(key, _)| fields.has(key));
    let rates = if own { Some(fields.clone()) } else { runtime };
    for (rate, burst) in [("ingressRate", "ingressBurst"), ("egressRate", "egressBurst")] {
        if let Some(rates) = &rates {
            pair(rates, rate, burst, remarks);
        }
    }
    has_result(element, chain);
}

/// Rate and burst come together.
fn pair(fields: &Fields<'_, '_>, rate: &str, burst: &str, remarks: &mut Remarks) {
    let mut is_set = |key| fields.whole(key, remarks).is_some_and(|(value, _)| value != 0);
    if is_set(rate) != is_set(burst) {
        let why = format!("`{rate}` and `{burst}` go together, and one of them is missing");
        remarks.fault(child(&fields.pointer, rate), why, "Set both or none.");
    }
}

pub(super) fn firewall(element: &Element<'_, '_>, chain: &mut Chain<'_>) {
    shape::check(&element.fields, FIREWALL, &mut chain.remarks);
    let policy = element.fields.text("ingressPolicy", &mut chain.remarks);
    if let Some((name, place)) = policy.filter(|(name, _)| !matches!(*name, "" | "open" | "same-bridge" | "isolated")) {
        let why = format!("firewall has no ingress policy `{name}`");
        chain.remarks.fault(place, why, "Write \"open\", \"same-bridge\" or \"isolated\".");
    }
    has_result(element, chain);
}
