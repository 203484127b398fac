//! What an attachment does to a pod, as `ip address` and `ip route` would show it: the `preview` json contract.

use super::{Address, Attachment, Field, Note, Route, Scope, Taken};
use crate::net::Family;
use crate::place::ObjectRef;
use schemars::JsonSchema;
use serde::Serialize;
use std::net::IpAddr;

/// All attachments of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Preview {
    /// The version of the contract.
    pub version: u32,
    /// One for each NAD.
    pub attachments: Vec<AttachmentPreview>,
}

/// One NAD's attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AttachmentPreview {
    /// The NAD.
    pub object: Option<ObjectRef>,
    /// What is put on the interface, link-local addresses left out; empty if ADD fails.
    pub addresses: Vec<AddressPreview>,
    /// Routes of every table but the kernel's own for the addresses; empty if ADD fails.
    pub routes: Vec<RoutePreview>,
    /// The requests, where addresses come by DHCP.
    pub dhcp: Option<DhcpPreview>,
    /// Why the plugin's ADD fails, one sentence.
    pub fails: Option<String>,
    /// What the text does not decide.
    pub unknown: Vec<Unknown>,
}

/// An address or the pool that it is taken from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct AddressPreview {
    /// The on-link prefix.
    pub prefix: String,
    /// Where it is fixed.
    pub address: Option<IpAddr>,
    /// Lowest address of the pool.
    pub first: Option<IpAddr>,
    /// Highest address of the pool.
    pub last: Option<IpAddr>,
    /// `cluster`, `node` or `fixed`: how far it is unique.
    pub scope: &'static str,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct RoutePreview {
    /// Destination.
    pub dst: String,
    /// Next hop; `None` is on-link.
    pub via: Option<IpAddr>,
    /// `None` is the main table.
    pub table: Option<u32>,
    /// `None` is the default.
    pub metric: Option<u32>,
    /// The plugin and key that it comes from.
    pub origin: String,
}

/// What a DHCP client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DhcpPreview {
    /// Option codes, ascending.
    pub requests: Vec<u8>,
}

/// Something that the text does not decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Unknown {
    /// `addresses`, `routes`, `dhcp` or `fails`.
    pub field: &'static str,
    /// 4 or 6; `None` is both.
    pub family: Option<u8>,
    /// Why.
    pub why: String,
}

impl Preview {
    /// The previews of an input.
    pub fn of(attachments: Vec<AttachmentPreview>) -> Self {
        Self { version: 1, attachments }
    }
}

impl AttachmentPreview {
    /// The preview of `attachment`, which is that of `object`.
    pub fn of(attachment: &Attachment, object: Option<ObjectRef>) -> Self {
        let fails = fails(&attachment.faults);
        let works = fails.is_none();
        let shown = attachment.addresses.iter().filter(|address| works && is_shown(address));
        let routes = attachment.routes.iter().filter(|_| works);
        let dhcp = attachment.dhcp.as_ref();
        Self {
            object,
            addresses: sorted(shown.map(address)),
            routes: sorted(routes.map(route)),
            dhcp: dhcp.map(|dhcp| DhcpPreview { requests: dhcp.requests.iter().copied().collect() }),
            fails,
            unknown: unknown(attachment, works),
        }
    }
}

fn sorted<T: Ord>(items: impl Iterator<Item = (SortKey, T)>) -> Vec<T> {
    let mut keyed: Vec<(SortKey, T)> = items.collect();
    keyed.sort();
    keyed.dedup();
    keyed.into_iter().map(|(_, item)| item).collect()
}

/// Orders by number, not by text.
type SortKey = (Option<u32>, crate::net::Prefix, Option<u32>, Option<IpAddr>);

/// Neither a further subnet of a range set nor link-local.
fn is_shown(address: &Address) -> bool {
    let first = match &address.taken {
        Taken::Fixed(fixed) => *fixed,
        Taken::Pool(pool, _) => pool.first(),
    };
    let link_local = matches!(first, IpAddr::V6(v6) if v6.is_unicast_link_local());
    !address.alternative && !link_local
}

fn address(address: &Address) -> (SortKey, AddressPreview) {
    let (fixed, first, last) = match &address.taken {
        Taken::Fixed(fixed) => (Some(*fixed), None, None),
        Taken::Pool(pool, _) => (None, Some(pool.first()), Some(pool.last())),
    };
    let scope = match address.scope {
        Scope::Cluster => "cluster",
        Scope::Node => "node",
        Scope::Fixed => "fixed",
    };
    let prefix = address.prefix.to_string();
    ((None, address.prefix, None, fixed.or(first)), AddressPreview { prefix, address: fixed, first, last, scope })
}

fn route(route: &Route) -> (SortKey, RoutePreview) {
    let Route { via, table, metric, ref origin, .. } = *route;
    let dst = route.dst.to_string();
    ((table, route.dst, metric, via), RoutePreview { dst, via, table, metric, origin: origin.clone() })
}

/// One sentence of all faults, each with its place.
fn fails(faults: &[Note]) -> Option<String> {
    let say = |note: &Note| match note.pointer.as_str() {
        "" => note.why.clone(),
        pointer => format!("at {pointer} {}", note.why),
    };
    let said: Vec<String> = faults.iter().map(say).collect();
    (!said.is_empty()).then(|| format!("ADD fails: {}.", said.join("; ")))
}

/// Where ADD fails there is no address and no route, and that is known.
fn unknown(attachment: &Attachment, works: bool) -> Vec<Unknown> {
    let gaps = attachment.gaps.iter().filter(|gap| works || gap.field == Field::Dhcp);
    let mut gaps: Vec<_> = gaps.collect();
    gaps.sort();
    gaps.dedup();
    gaps.into_iter()
        .map(|gap| Unknown { field: gap.field.name(), family: gap.family.map(Family::number), why: gap.why.clone() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cni::{Pools, Setting, read};

    #[test]
    fn the_contract_has_every_key_always() {
        let text = r#"{"cniVersion":"1.0.0","type":"bridge","ipam":{"type":"host-local","ranges":[[{"subnet":"10.0.0.0/24"}]],
            "routes":[{"dst":"10.9.0.0/16","table":100}]}}"#;
        let pools = Pools::new();
        let attachment = read(text, Setting { namespace: None, name: "mig", pools: &pools, pods_have_v6: None });
        let json = serde_json::to_value(Preview::of(vec![AttachmentPreview::of(&attachment, None)])).unwrap();
        let expected = serde_json::json!({"version": 1, "attachments": [{
            "object": null,
            "addresses": [
                {"prefix": "10.0.0.0/24", "address": null, "first": "10.0.0.2", "last": "10.0.0.254", "scope": "node"}
            ],
            "routes": [{
                "dst": "10.9.0.0/16", "via": "10.0.0.1", "table": 100, "metric": null,
                "origin": "host-local /ipam/routes/0"
            }],
            "dhcp": null, "fails": null, "unknown": []
        }]});
        assert_eq!(json, expected);
    }
}
