//! The host-local IPAM plugin (containernetworking/plugins plugins/ipam/host-local): each node counts for itself, so two
//! nodes give the same address.

use super::{Call, Given, GivenIp};
use crate::cni::decode::{Fields, MANY, Placed, Remarks, child};
use crate::cni::routes;
use crate::cni::shape::{self, Shape, Struct};
use crate::cni::{Field, Gap, Pointer, Scope, Taken};
use crate::net::{Family, Interval, Prefix};
use crate::tree::Node;
use std::net::{IpAddr, Ipv6Addr};

const IPAM: Struct = &[
    ("name", Shape::Text),
    ("type", Shape::Text),
    ("dataDir", Shape::Text),
    ("resolvConf", Shape::Text),
    ("subnet", Shape::Text),
    ("rangeStart", Shape::Text),
    ("rangeEnd", Shape::Text),
    ("gateway", Shape::Text),
];

const CONF: Struct = &[
    ("runtimeConfig", Shape::Struct(&[("ips", Shape::List(&Shape::Text))])),
    ("args", Shape::Open(&[("cni", Shape::Open(&[("ips", Shape::List(&Shape::Text))]))])),
];

/// A subnet and what of it is given.
#[derive(Clone, Debug)]
struct Range {
    subnet: Prefix,
    /// From `rangeStart` to `rangeEnd`; `None` where the defaults leave nothing between them.
    span: Option<Interval>,
    /// What is handed out: the span without the gateway, which lies at an end or in between.
    start: IpAddr,
    gateway: Option<IpAddr>,
    gateway_pointer: Option<Pointer>,
    pointer: Pointer,
}

impl Range {
    /// What another range must not hold an address of: where the default end lies before `rangeStart`, both.
    fn reach(&self) -> Option<Interval> {
        let all = self.subnet.interval();
        self.span.or_else(|| Interval::of(all.nth(all.size().checked_sub(2)?)?, self.start))
    }
}

pub(super) fn given(call: &Call<'_, '_, '_>, remarks: &mut Remarks) -> Given {
    shape::check(call.conf, CONF, remarks);
    shape::check(call.ipam, IPAM, remarks);
    let before = remarks.faults.len();
    let sets = range_sets(call, remarks);
    let complete = remarks.faults.len() == before;
    if complete {
        refuse_overlaps(&sets, &call.ipam.pointer, remarks);
        refuse_several_in_old_versions(call, &sets, remarks);
    }
    let wanted = requested(call.conf, remarks);
    let ips = allocated(&sets, &wanted, remarks);
    let mut gaps = resolv_conf(call.ipam, remarks);
    gaps.extend(ips.iter().filter_map(loopback_first));
    let routes = routes::of_ipam(call, &ips, remarks);
    Given { ips, routes, gaps, ..Given::default() }
}

/// `runtimeConfig.ipRanges`, then the one range written at the top of `ipam`, then `ranges`.
fn range_sets(call: &Call<'_, '_, '_>, remarks: &mut Remarks) -> Vec<Vec<Range>> {
    let runtime = call.conf.nested(&["runtimeConfig"]);
    let mut sets = runtime.map(|fields| sets_of(&fields, "ipRanges", remarks)).unwrap_or_default();
    let legacy = call.ipam.has("subnet").then(|| range(call.ipam, remarks).into_iter().collect::<Vec<_>>());
    for key in ["rangeStart", "rangeEnd", "gateway"] {
        let _ = routes::address(call.ipam, key, remarks); // decoded even where no subnet makes use of them
    }
    let written = sets.len() + call.ipam.list("ranges", remarks).map_or(0, |l| l.len()) + usize::from(legacy.is_some());
    sets.extend(legacy);
    sets.extend(sets_of(call.ipam, "ranges", remarks));
    if written == 0 {
        let help = "Write `ranges` as a list of lists of objects with `subnet`.";
        remarks.fault(call.ipam.pointer.clone(), "host-local has no `subnet` and no `ranges`", help);
    }
    sets.retain(|set| !set.is_empty());
    sets
}

fn sets_of(fields: &Fields<'_, '_>, key: &str, remarks: &mut Remarks) -> Vec<Vec<Range>> {
    let items = fields.short_list(key, MANY, remarks).unwrap_or_default();
    items.into_iter().map(|set| one_set(set, remarks)).collect()
}

fn one_set((node, pointer): Placed<'_, '_>, remarks: &mut Remarks) -> Vec<Range> {
    let items = match node {
        Node::List(items) if !items.is_empty() => items,
        Node::List(_) | Node::Null => {
            remarks.fault(pointer, "the range set is empty", "Write an object with `subnet` into it or remove it.");
            return Vec::new();
        }
        other => {
            let why = format!("a range set must be a list of ranges, not {}", other.type_name());
            remarks.fault(pointer, why, "Put the range into one more pair of brackets: `ranges` is a list of lists.");
            return Vec::new();
        }
    };
    let placed = items.iter().enumerate().map(|(at, item)| (item, child(&pointer, &at.to_string())));
    let set: Vec<Range> = placed.filter_map(|item| range_in_set(item, remarks)).collect();
    let family = set.first().map(|range| range.subnet.family());
    if set.iter().any(|range| Some(range.subnet.family()) != family) {
        remarks.fault(pointer, "one range set holds subnets of two families", "Give each family a set of its own.");
    }
    set
}

fn range_in_set((node, pointer): Placed<'_, '_>, remarks: &mut Remarks) -> Option<Range> {
    if matches!(node, Node::Null) {
        remarks.fault(pointer, "a range must be an object, not null", "Write an object with `subnet`.");
        return None;
    }
    range(&Fields::open(node, pointer, remarks)?, remarks)
}

fn range(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> Option<Range> {
    if fields.get("subnet", remarks).is_none() {
        remarks.fault(fields.pointer.clone(), "the range has no `subnet`", "Write `subnet` as address/length.");
        return None;
    }
    let (text, pointer) = fields.text("subnet", remarks)?;
    let subnet = subnet(text, &pointer, remarks);
    let gateway = routes::address(fields, "gateway", remarks);
    let start = routes::address(fields, "rangeStart", remarks);
    let end = routes::address(fields, "rangeEnd", remarks);
    let subnet = subnet?;
    let all = subnet.interval();
    let (gateway, gateway_pointer) = gateway.unzip();
    let gateway = gateway.or_else(|| all.nth(1));
    let first = within(all, start, end.as_ref().map(|(end, _)| *end), remarks).or_else(|| all.nth(1));
    let first = first.unwrap_or_else(|| all.first());
    let last = last_of(all, first, end, remarks).unwrap_or_else(|| all.last());
    let span = Interval::of(first, last);
    Some(Range { subnet, span, start: first, gateway, gateway_pointer, pointer })
}

/// A subnet. One with host bits is a fault and judged all the same; one without room for two addresses besides its ends
/// gives none, so there is nothing to judge.
fn subnet(text: &str, pointer: &Pointer, remarks: &mut Remarks) -> Option<Prefix> {
    let cidr = routes::cidr(text, pointer.clone(), remarks)?;
    let prefix = cidr.prefix;
    let small = prefix.length() > prefix.family().bits() - 2;
    let why = match (cidr.mapped, small, cidr.has_host_bits()) {
        (true, ..) => format!("host-local does not take the IPv4-mapped IPv6 subnet `{text}`"),
        (_, true, _) => format!("the subnet `{text}` is too small to give addresses from"),
        (.., true) => format!("the subnet `{text}` has host bits set"),
        _ => return Some(prefix),
    };
    let help = if small { "Write a larger subnet.".to_owned() } else { format!("Write `{prefix}`.") };
    remarks.fault(pointer.clone(), why, help);
    (!small).then_some(prefix)
}

/// `rangeStart`, which must lie in the subnet and not behind `rangeEnd`.
fn within(
    all: Interval,
    start: Option<(IpAddr, Pointer)>,
    end: Option<IpAddr>,
    remarks: &mut Remarks,
) -> Option<IpAddr> {
    let (start, pointer) = start?;
    let before_end = end.is_none_or(|end| Interval::of(start, end).is_some());
    if all.holds(Interval::single(start)) && before_end {
        return Some(start);
    }
    let why = format!("rangeStart {start} is not in the subnet {all} or lies behind rangeEnd");
    remarks.fault(pointer, why, "Write a start inside the subnet and not behind the end.");
    None
}

/// `rangeEnd`, which must lie in the subnet and not before `first`; else the last address but the IPv4 broadcast.
fn last_of(all: Interval, first: IpAddr, end: Option<(IpAddr, Pointer)>, remarks: &mut Remarks) -> Option<IpAddr> {
    let tail = u128::from(all.family() == Family::V4);
    let Some((end, pointer)) = end else { return all.shrunk(0, tail).map(Interval::last) };
    if all.holds(Interval::single(end)) && Interval::of(first, end).is_some() {
        return Some(end);
    }
    let why = format!("rangeEnd {end} is not in the subnet {all} or lies before the start");
    remarks.fault(pointer, why, "Write an end inside the subnet and not before the start.");
    None
}

/// No two ranges may share an address, be it in one set or in two.
fn refuse_overlaps(sets: &[Vec<Range>], pointer: &Pointer, remarks: &mut Remarks) {
    let mut spans: Vec<(Interval, &Pointer)> =
        sets.iter().flatten().filter_map(|range| Some((range.reach()?, &range.pointer))).collect();
    spans.sort();
    let meet = spans.windows(2).find(|pair| matches!(pair, [(a, _), (b, _)] if a.meets(*b)));
    if let Some([(a, _), (b, place)]) = meet {
        let why = format!("the ranges {a} and {b} overlap");
        let place = if place.is_empty() { pointer } else { *place };
        remarks.fault(place.clone(), why, "Give every range addresses of its own.");
    }
}

fn refuse_several_in_old_versions(call: &Call<'_, '_, '_>, sets: &[Vec<Range>], remarks: &mut Remarks) {
    let of = |family| sets.iter().filter_map(|set| set.first()).filter(|range| range.subnet.family() == family).count();
    if call.version < (0, 3, 0) && Family::ALL.into_iter().any(|family| of(family) > 1) {
        let why = "the CNI version in force knows one address of each family only, and there are more range sets";
        remarks.fault(call.ipam.pointer.clone(), why, "Set `cniVersion` to 1.0.0.");
    }
}

/// Addresses that `args.cni.ips` and `runtimeConfig.ips` ask for, each once.
fn requested(conf: &Fields<'_, '_>, remarks: &mut Remarks) -> Vec<(IpAddr, Pointer)> {
    let objects = [conf.nested(&["args", "cni"]), conf.nested(&["runtimeConfig"])];
    let mut wanted: Vec<(IpAddr, Pointer)> = Vec::new();
    for fields in objects.into_iter().flatten() {
        for (text, pointer) in texts_of(&fields, remarks) {
            let address = if text.contains('/') {
                routes::cidr(text, pointer.clone(), remarks).map(|cidr| cidr.address)
            } else {
                routes::ip(text, pointer.clone(), remarks)
            };
            let new = address.filter(|address| wanted.iter().all(|(other, _)| other != address));
            wanted.extend(new.map(|address| (address, pointer)));
        }
    }
    wanted
}

fn texts_of<'n>(fields: &Fields<'n, '_>, remarks: &mut Remarks) -> Vec<(&'n str, Pointer)> {
    let mut texts =
        fields.short_list("ips", MANY, remarks).and_then(|_| fields.texts("ips", remarks)).unwrap_or_default();
    texts.truncate(MANY);
    texts
}

/// One address of each set; a set's further ranges are alternatives.
fn allocated(sets: &[Vec<Range>], wanted: &[(IpAddr, Pointer)], remarks: &mut Remarks) -> Vec<GivenIp> {
    let mut ips = Vec::new();
    let mut left: Vec<&(IpAddr, Pointer)> = wanted.iter().collect();
    for set in sets {
        let holder = |address: IpAddr| set.iter().find(|r| r.span.is_some_and(|s| s.holds(Interval::single(address))));
        let asked = left.iter().position(|(address, _)| holder(*address).is_some());
        match asked.map(|at| left.remove(at)) {
            Some((address, place)) => ips.extend(holder(*address).map(|range| fixed(range, *address, place, remarks))),
            None => ips.extend(from_pools(set, remarks)),
        }
    }
    for (address, pointer) in left {
        let why = format!("host-local is asked for {address}, which none of its ranges can give");
        remarks.fault(pointer.clone(), why, "Ask for one address of each range set, or leave it out.");
    }
    ips
}

fn fixed(range: &Range, address: IpAddr, pointer: &Pointer, remarks: &mut Remarks) -> GivenIp {
    if range.gateway == Some(address) {
        let why = format!("host-local is asked for {address}, which is the gateway of the subnet");
        remarks.fault(pointer.clone(), why, "Ask for another address.");
    }
    GivenIp { taken: Taken::Fixed(address), scope: Scope::Fixed, pointer: pointer.clone(), ..of(range, None) }
}

/// The first range that has an address to give, then the others of the set as alternatives.
fn from_pools(set: &[Range], remarks: &mut Remarks) -> Vec<GivenIp> {
    let mut ips: Vec<GivenIp> = set.iter().filter_map(|range| Some(of(range, Some(pool(range)?)))).collect();
    for ip in ips.iter_mut().skip(1) {
        ip.alternative = true;
    }
    if let (true, Some(range)) = (ips.is_empty(), set.first()) {
        let why = format!("the range set has no address to give: {} holds its gateway alone", range.subnet);
        remarks.fault(range.pointer.clone(), why, "Widen the range.");
    }
    ips
}

/// The addresses of a range without its gateway; `None` if there is none.
fn pool(range: &Range) -> Option<(Interval, Vec<Interval>)> {
    // rangeStart at the IPv4 broadcast without rangeEnd: the plugin begins there all the same
    let span = range.span.unwrap_or(Interval::single(range.start));
    let Some(hole) = range.gateway.map(Interval::single).filter(|gateway| span.holds(*gateway)) else {
        return Some((span, Vec::new()));
    };
    if hole.first() == span.first() {
        return span.after(hole).map(|rest| (rest, Vec::new()));
    }
    if hole.last() == span.last() {
        return span.shrunk(0, 1).map(|rest| (rest, Vec::new()));
    }
    Some((span, vec![hole]))
}

fn of(range: &Range, pool: Option<(Interval, Vec<Interval>)>) -> GivenIp {
    let (span, holes) = pool.unwrap_or((Interval::single(range.start), Vec::new()));
    GivenIp {
        prefix: range.subnet,
        taken: Taken::Pool(span, holes),
        gateway: range.gateway,
        gateway_pointer: range.gateway_pointer.clone(),
        scope: Scope::Node,
        alternative: false,
        pointer: range.pointer.clone(),
    }
}

/// Of a subnet from :: on the first pod of a node is given ::1, which no interface can have.
fn loopback_first(ip: &GivenIp) -> Option<Gap> {
    let why = "ADD fails for the first pod of a node, which is given the loopback address ::1".to_owned();
    let first = matches!(&ip.taken, Taken::Pool(pool, _) if !ip.alternative && pool.first() == Ipv6Addr::LOCALHOST);
    first.then_some(Gap { field: Field::Fails, family: None, why })
}

/// `resolvConf` names a file of the node; if it is not there, ADD fails.
fn resolv_conf(ipam: &Fields<'_, '_>, remarks: &mut Remarks) -> Vec<Gap> {
    let path = ipam.text("resolvConf", remarks).map(|(path, _)| path).filter(|path| !path.is_empty());
    let why = |path: &str| format!("host-local reads `{path}` on the node");
    path.map(|path| Gap { field: Field::Fails, family: None, why: why(path) }).into_iter().collect()
}
