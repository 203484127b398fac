//! spiderpool: pools named by the NAD (spidernet-io/spiderpool, cmd/spiderpool/cmd, pkg/utils/convert). A pool's
//! gateway becomes a default route unless `clean_gateway` is set; a pool's own routes always come along.

use super::super::decode::Remarks;
use super::super::{Field, Gap, Pointer, Pool, Pools};
use super::{Call, Given, pools};
use crate::net::Family;
use std::collections::BTreeSet;

/// One address of the first usable pool of each family; the pools after it are alternatives.
pub(super) fn given(call: &Call<'_, '_, '_>, remarks: &mut Remarks) -> Given {
    let mut given = Given::default();
    check_version(call, remarks);
    for key in ["log_level", "log_file_path", "ipam_unix_socket_path"] {
        call.ipam.text(key, remarks);
    }
    for key in ["log_file_max_size", "log_file_max_age", "log_file_max_count"] {
        call.ipam.whole(key, remarks);
    }
    call.ipam.flag("match_master_subnet", remarks);
    let clean = call.ipam.flag("clean_gateway", remarks).is_some_and(|(clean, _)| clean);
    let faults_before = remarks.faults.len();
    let v4 = call.ipam.texts("default_ipv4_ippool", remarks).unwrap_or_default();
    let v6 = call.ipam.texts("default_ipv6_ippool", remarks).unwrap_or_default();
    if v4.is_empty() && v6.is_empty() && remarks.faults.len() == faults_before {
        leave_to_default_pools(&mut given, &call.ipam.pointer, remarks);
    }
    for (family, names) in [(Family::V4, &v4), (Family::V6, &v6)] {
        draw_first(&mut given, names, |name| named(name, family, call.setting.pools), clean, remarks);
    }
    given
}

/// One family: its names in order, each a pool or a pattern.
fn draw_first<'p>(
    given: &mut Given,
    names: &[(&str, Pointer)],
    pools_of: impl Fn(&str) -> Vec<&'p Pool>,
    clean: bool,
    remarks: &mut Remarks,
) {
    let (mut seen, mut drawn) = (BTreeSet::new(), BTreeSet::new());
    for (name, pointer) in names.iter().filter(|(name, _)| seen.insert(*name)) {
        let found = pools_of(name);
        if found.is_empty() {
            let what = format!("the SpiderIPPool {name}");
            pools::absent(given, &[Field::Addresses, Field::Routes], &what, pointer, remarks);
        }
        for pool in found {
            let later = !drawn.is_empty();
            if drawn.insert(&pool.key) {
                pools::draw(given, pool, pointer, later, remarks);
                add_routes(given, pool, pointer, clean);
            }
        }
    }
}

/// The pools of `family` that `name` fits; `*` stands for any characters. One without addresses counts for both.
fn named<'p>(name: &str, family: Family, pools: &'p Pools) -> Vec<&'p Pool> {
    let serves = |pool: &&Pool| pool.ranges.first().is_none_or(|(prefix, _, _)| prefix.family() == family);
    if !name.contains('*') {
        return pools.get(format!("spiderpool/{name}").as_str()).into_iter().collect();
    }
    let fitting = |key: &str| key.strip_prefix("spiderpool/").is_some_and(|own| fits(own, name));
    pools.iter().filter(|(key, _)| fitting(key)).map(|(_, pool)| pool).filter(serves).collect()
}

fn fits(name: &str, pattern: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return name == pattern };
    let Some(mut left) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<_> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    left.ends_with(last)
}

/// The pool's routes, then its default. An alternative pool's routes count, too: any node may draw from it.
fn add_routes(given: &mut Given, pool: &Pool, pointer: &str, clean: bool) {
    let own = pool.routes.iter().map(|(dst, gw)| pools::route(*dst, *gw, pointer));
    let families = Family::ALL.into_iter().filter(|_| pool.default_route && !clean);
    let defaults = families.filter_map(|family| Some((family, pools::gateway_of(pool, family)?)));
    let defaults = defaults.map(|(family, gateway)| pools::route(family.everything(), Some(gateway), pointer));
    for route in own.chain(defaults) {
        if !given.routes.iter().any(|known| known.dst == route.dst && known.gw == route.gw) {
            given.routes.push(route);
        }
    }
}

fn leave_to_default_pools(given: &mut Given, pointer: &str, remarks: &mut Remarks) {
    let why = "no pool is named, so annotations of the pod or namespace or the cluster's default pools decide";
    remarks.opaque(pointer, why, "Name the pool in `default_ipv4_ippool` or `default_ipv6_ippool`.");
    let gaps = [Field::Addresses, Field::Routes];
    given.gaps.extend(gaps.map(|field| Gap { field, family: None, why: why.to_owned() }));
}

fn check_version(call: &Call<'_, '_, '_>, remarks: &mut Remarks) {
    const SUPPORTED: [(u32, u32, u32); 4] = [(0, 3, 0), (0, 3, 1), (0, 4, 0), (1, 0, 0)];
    if !SUPPORTED.contains(&call.version) {
        let (major, minor, patch) = call.version;
        let why = format!("spiderpool does not support CNI version {major}.{minor}.{patch}");
        remarks.fault("/cniVersion", why, "Write `cniVersion` 0.3.1, 0.4.0 or 1.0.0.");
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{called, called_as, pool};
    use super::given;
    use crate::cni::Pool;

    fn pools() -> Vec<Pool> {
        let spider = |key: &str, prefix: &str| Pool { default_route: true, ..pool(key, prefix) };
        let empty = Pool { ranges: vec![], ..spider("spiderpool/empty", "10.5.0.0/24") };
        let v6 = spider("spiderpool/mig-v6", "fd06::/112");
        vec![spider("spiderpool/mig", "10.6.0.0/24"), spider("spiderpool/mig-b", "10.6.1.0/24"), v6, empty]
    }

    #[test]
    fn the_gateway_becomes_a_default_route_unless_it_is_cleaned() {
        let one = "10.6.0.1-10.6.0.254 in 10.6.0.0/24 gw 10.6.0.1 cluster @/ipam/default_ipv4_ippool/0";
        let default = "route 0.0.0.0/0 via 10.6.0.1 @/ipam/default_ipv4_ippool/0";
        let own = "own spiderpool/mig";
        assert_eq!(called(r#"{"default_ipv4_ippool":["mig"]}"#, &pools(), given), [one, default, own]);
        let clean = called(r#"{"default_ipv4_ippool":["mig"],"clean_gateway":true}"#, &pools(), given);
        assert_eq!(clean, [one, own]);
    }

    #[test]
    fn further_pools_of_a_family_are_alternatives() {
        let ipam = r#"{"default_ipv4_ippool":["mig*","mig"],"default_ipv6_ippool":["mig-v6"],"clean_gateway":true}"#;
        let lines = called(ipam, &pools(), given);
        let at = "cluster @/ipam/default_ipv4_ippool/0";
        assert_eq!(
            lines[..3],
            [
                format!("10.6.0.1-10.6.0.254 in 10.6.0.0/24 gw 10.6.0.1 {at}"),
                format!("10.6.1.1-10.6.1.254 in 10.6.1.0/24 gw 10.6.1.1 {at} alternative"),
                "fd06::1-fd06::fffe in fd06::/112 gw fd06::1 cluster @/ipam/default_ipv6_ippool/0".to_owned(),
            ]
        );
    }

    #[test]
    fn what_fails_and_what_is_not_known() {
        for (ipam, expected) in [
            (r#"{"default_ipv4_ippool":["x"]}"#, "opaque /ipam/default_ipv4_ippool/0: the SpiderIPPool x is not among"),
            (r#"{"default_ipv4_ippool":["x*"]}"#, "gap Routes: the SpiderIPPool x* is not among"),
            (
                r#"{"default_ipv4_ippool":"mig"}"#,
                "fault /ipam/default_ipv4_ippool: `default_ipv4_ippool` must be a list",
            ),
            (
                r#"{"default_ipv4_ippool":["empty"]}"#,
                "fault /ipam/default_ipv4_ippool/0: the pool spiderpool/empty has no",
            ),
            ("{}", "opaque /ipam: no pool is named"),
            (r#"{"clean_gateway":"true"}"#, "fault /ipam/clean_gateway: `clean_gateway` must be a boolean"),
        ] {
            let lines = called(ipam, &pools(), given);
            assert!(lines.iter().any(|line| line.starts_with(expected)), "{ipam}: {lines:?}");
        }
        for (version, fails) in [((0, 1, 0), true), ((0, 3, 1), false), ((1, 0, 0), false), ((1, 1, 0), true)] {
            let lines = called_as(version, r#"{"default_ipv4_ippool":["mig"]}"#, &pools(), given);
            assert_eq!(lines.iter().any(|line| line.starts_with("fault /cniVersion")), fails, "{version:?}");
        }
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (name, pattern, expected) in [
            ("mig", "mig", true),
            ("mig", "mi", false),
            ("mig-v4", "mig*", true),
            ("mig", "*", true),
            ("a-mig-b", "a*g*b", true),
            ("a-mig-b", "a*x*b", false),
            ("mig", "mig*g", false),
            ("ab", "*a*b*", true),
        ] {
            assert_eq!(super::fits(name, pattern), expected, "{name} {pattern}");
        }
    }
}
