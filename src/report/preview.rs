//! A preview for people: close to what `ip address` and `ip route` print in virt-handler.

use super::printable;
use crate::cni::preview::{AddressPreview, AttachmentPreview, DhcpPreview, Preview, RoutePreview, Unknown};
use std::fmt::{self, Write};

/// Writes one block for each NAD.
pub fn write(preview: &Preview, out: &mut dyn Write) -> fmt::Result {
    for (at, one) in preview.attachments.iter().enumerate() {
        out.write_str(if at == 0 { "" } else { "\n" })?;
        attachment(one, out)?;
    }
    Ok(())
}

fn attachment(one: &AttachmentPreview, out: &mut dyn Write) -> fmt::Result {
    let name = one.object.as_ref().map_or_else(|| "NetworkAttachmentDefinition".to_owned(), ToString::to_string);
    writeln!(out, "{}", printable(&name))?;
    if let Some(why) = &one.fails {
        writeln!(out, "  {}", printable(why))?;
        return rest(one, out);
    }
    writeln!(out, "  migration0:")?;
    if one.addresses.is_empty() {
        let known = one.unknown.iter().all(|unknown| unknown.field != "addresses");
        writeln!(out, "    {}", if known { "no address" } else { "no address that is known" })?;
    }
    for address in &one.addresses {
        writeln!(out, "    {}", shown(address))?;
    }
    if !one.routes.is_empty() {
        writeln!(out, "  routes:")?;
    }
    for route in &one.routes {
        writeln!(out, "    {}", printable(&way(route)))?;
    }
    rest(one, out)
}

fn rest(one: &AttachmentPreview, out: &mut dyn Write) -> fmt::Result {
    if let Some(DhcpPreview { requests }) = &one.dhcp {
        let codes: Vec<_> = requests.iter().map(ToString::to_string).collect();
        writeln!(out, "  dhcp: asks for options {}", codes.join(", "))?;
    }
    for Unknown { field, family, why } in &one.unknown {
        let family = family.map(|family| format!(" (IPv{family})")).unwrap_or_default();
        writeln!(out, "  unknown: {field}{family}: {}", printable(why))?;
    }
    Ok(())
}

/// `inet 172.21.42.1-172.21.42.254/24  (another one for each pod of the cluster)`
fn shown(address: &AddressPreview) -> String {
    let AddressPreview { prefix, address, first, last, scope } = address;
    let (network, length) = prefix.split_once('/').unwrap_or((prefix, ""));
    let family = if network.contains(':') { "inet6" } else { "inet" };
    let taken = match (address, first, last) {
        (Some(address), ..) => address.to_string(),
        (None, Some(first), Some(last)) => format!("{first}-{last}"),
        _ => network.to_owned(),
    };
    let told = match *scope {
        "cluster" => "another one for each pod of the cluster",
        "node" => "another one for each pod of a node, the same ones on every node",
        _ => "the same one for every pod",
    };
    format!("{family} {taken}/{length}  ({told})")
}

/// `default via 172.21.42.1 dev migration0 table 100 metric 10  (whereabouts /ipam/routes/0)`
fn way(route: &RoutePreview) -> String {
    let RoutePreview { dst, via, table, metric, origin } = route;
    let dst = if dst.ends_with("/0") { "default" } else { dst.as_str() };
    let part = |word: &str, value: Option<String>| value.map(|value| format!(" {word} {value}")).unwrap_or_default();
    let via = part("via", via.map(|via| via.to_string()));
    let table = part("table", table.map(|table| table.to_string()));
    let metric = part("metric", metric.map(|metric| metric.to_string()));
    format!("{dst}{via} dev migration0{table}{metric}  ({origin})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment() -> AttachmentPreview {
        AttachmentPreview {
            object: None,
            addresses: Vec::new(),
            routes: Vec::new(),
            dhcp: None,
            fails: None,
            unknown: Vec::new(),
        }
    }

    fn written(attachments: Vec<AttachmentPreview>) -> String {
        let mut out = String::new();
        write(&Preview::of(attachments), &mut out).unwrap();
        out
    }

    fn address(prefix: &str, ends: (&str, Option<&str>), scope: &'static str) -> AddressPreview {
        let (first, last) = (ends.0.parse().ok(), ends.1.map(|last| last.parse().unwrap()));
        let fixed = if last.is_none() { first } else { None };
        AddressPreview { prefix: prefix.into(), address: fixed, first: last.and(first), last, scope }
    }

    fn route(dst: &str, via: Option<&str>, table: Option<u32>, metric: Option<u32>) -> RoutePreview {
        let via = via.map(|via| via.parse().unwrap());
        RoutePreview { dst: dst.into(), via, table, metric, origin: "sbr /plugins/1".into() }
    }

    #[test]
    fn a_preview_reads_like_ip_address_and_ip_route() {
        let full = AttachmentPreview {
            addresses: vec![
                address("10.1.0.0/24", ("10.1.0.1", Some("10.1.0.9")), "cluster"),
                address("fd00::/64", ("fd00::5", None), "fixed"),
                address("10.2.0.0/24", ("10.2.0.1", Some("10.2.0.2")), "node"),
            ],
            routes: vec![
                route("0.0.0.0/0", Some("10.1.0.1"), Some(100), Some(5)),
                route("10.3.0.0/16", None, None, None),
            ],
            dhcp: Some(DhcpPreview { requests: vec![1, 3] }),
            unknown: vec![Unknown { field: "routes", family: Some(6), why: "pods may have IPv6".into() }],
            ..attachment()
        };
        let broken = AttachmentPreview { fails: Some("ADD fails: not JSON\u{1b}.".into()), ..attachment() };
        let unknown = Unknown { field: "addresses", family: None, why: "a file on the node".into() };
        let elsewhere = AttachmentPreview { unknown: vec![unknown], ..attachment() };
        insta::assert_snapshot!(written(vec![full, broken, attachment(), elsewhere]), @"
        NetworkAttachmentDefinition
          migration0:
            inet 10.1.0.1-10.1.0.9/24  (another one for each pod of the cluster)
            inet6 fd00::5/64  (the same one for every pod)
            inet 10.2.0.1-10.2.0.2/24  (another one for each pod of a node, the same ones on every node)
          routes:
            default via 10.1.0.1 dev migration0 table 100 metric 5  (sbr /plugins/1)
            10.3.0.0/16 dev migration0  (sbr /plugins/1)
          dhcp: asks for options 1, 3
          unknown: routes (IPv6): pods may have IPv6

        NetworkAttachmentDefinition
          ADD fails: not JSON␛.

        NetworkAttachmentDefinition
          migration0:
            no address

        NetworkAttachmentDefinition
          migration0:
            no address that is known
          unknown: addresses: a file on the node
        ");
    }
}
