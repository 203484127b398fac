//! What missing-interface and weak-interface share: how the interfaces of the nodes fit what an attachment names.

use crate::cni::{Link, Uplink};
use crate::finding::{Finding, Role};
use crate::objects::Referrer;
use crate::place::ObjectRef;
use crate::sources::node_network_state::{Interface, Kind, is_generated};
use crate::world::{Judged, Watched, World};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Findings for one NAD and interface: thousands of nodes can lack the same one.
const MOST: usize = 20;

/// The MTU of a pod's end, where the text leaves it to the kernel.
const USUAL_MTU: u32 = 1500;

/// What is wrong with an interface on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// There is none of that name.
    Absent,
    /// An interface of that name is no bridge, so that no bridge of that name can be made.
    NoBridge,
    /// There is no such bridge; whether the plugin makes it.
    BridgeAbsent(bool),
    /// A bridge has no port but those of pods.
    NoUplink,
    /// It is down.
    Down,
    /// Its MTU, and the one that the attachment or another node has.
    SmallMtu(u32, u32),
}

/// With the name of the node; in the order of names.
type Flaws<'w> = Rc<Vec<(&'w str, Flaw)>>;

/// How a plugin uses the interface that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    /// macvlan, ipvlan and vlan build on it.
    Master,
    /// host-device moves it into the pod; whether a virt-handler may have it already.
    Device(bool),
    /// bridge plugs a veth pair into it.
    Bridge,
    /// ovs does so with a bridge of Open vSwitch.
    OvsBridge,
}

/// What decides the flaws: the use, the interface, the MTU, the CR that places virt-handler.
type Key<'w> = (Use, &'w str, u32, Option<&'w ObjectRef>);

/// One finding of `rule` for each node and interface with a flaw that `says` has words for: what the plugin does with
/// the interface and what is wrong with it, the harm, and what to do.
pub(super) fn findings(
    world: &World,
    rule: &'static str,
    says: fn(&Link, &str, Flaw) -> Option<Words>,
) -> Vec<Finding> {
    let mut known = Known { world, watched: BTreeMap::new(), flaws: BTreeMap::new() };
    let judged = world.judged().iter().filter(|_| !world.interfaces().is_empty());
    let links = judged.flat_map(|judged| judged.attached.attachment.chain.iter().map(move |link| (judged, link)));
    let told = links.flat_map(|(judged, link)| {
        let Some((name, flaws)) = known.flaws(judged, link) else { return Vec::new() };
        let words = flaws.iter().filter_map(|(node, flaw)| Some((*node, says(link, name, *flaw)?)));
        bounded(world, judged, (rule, link, name), &words.collect::<Vec<_>>())
    });
    told.collect()
}

/// What a finding says.
pub(super) struct Words {
    /// For example `builds macvlan on eth1, which`; the node follows.
    pub(super) what: String,
    /// Follows the node.
    pub(super) fault: String,
    /// What to do.
    pub(super) help: String,
}

/// One finding for each of the first nodes; the last of them says how many more there are.
fn bounded(
    world: &World,
    judged: &Judged,
    (rule, link, name): (&'static str, &Link, &str),
    told: &[(&str, Words)],
) -> Vec<Finding> {
    let rest = told.len().saturating_sub(MOST);
    let unwatched = match world.interfaces().unwatched() {
        0 => String::new(),
        1 => " One node has no NodeNetworkState.".to_owned(),
        n => format!(" {n} nodes have no NodeNetworkState."),
    };
    let pointer = format!("{}/{}", link.pointer, key(link));
    let findings = told.iter().take(MOST).enumerate().map(|(at, (node, words))| {
        let more = if rest > 0 && at + 1 == MOST { format!(" (and {rest} more)") } else { String::new() };
        let Words { what, fault, help } = words;
        let message = format!("{} {what} {node}{more} {fault}.{unwatched}", judged.who());
        let finding = judged.finding(rule, format!("{node} {name}"));
        Finding { pointer: Some(pointer.clone()), ..finding }.says(message, help.clone())
    });
    findings.collect()
}

/// The key that names the interface.
fn key(link: &Link) -> &'static str {
    match link.plugin.as_str() {
        "host-device" => "device",
        "bridge" | "ovs" => "bridge",
        _ => "master",
    }
}

/// What was worked out so far: many attachments name the same interface.
struct Known<'w> {
    world: &'w World,
    watched: BTreeMap<Option<&'w ObjectRef>, Rc<Vec<&'w Watched>>>,
    flaws: BTreeMap<Key<'w>, Flaws<'w>>,
}

impl<'w> Known<'w> {
    /// The interface that the link names, and what is wrong with it where.
    fn flaws(&mut self, judged: &'w Judged, link: &'w Link) -> Option<(&'w str, Flaws<'w>)> {
        let (used, name) = self.used(link)?;
        let referrer = judged.referrer.as_deref();
        let mtu = u32::try_from(link.mtu).unwrap_or(u32::MAX);
        let key = (used, name, mtu, referrer.map(|referrer| &referrer.object));
        if let Some(flaws) = self.flaws.get(&key) {
            return Some((name, Rc::clone(flaws)));
        }
        let watched = self.watched(referrer);
        let flaws: Flaws<'w> = Rc::new(flaws(&watched, used, name, mtu));
        self.flaws.insert(key, Rc::clone(&flaws));
        Some((name, flaws))
    }

    fn watched(&mut self, referrer: Option<&'w Referrer>) -> Rc<Vec<&'w Watched>> {
        let world = self.world;
        let watched = self.watched.entry(referrer.map(|referrer| &referrer.object));
        Rc::clone(watched.or_insert_with(|| Rc::new(world.watched(referrer))))
    }

    fn used(&self, link: &'w Link) -> Option<(Use, &'w str)> {
        match (&link.uplink, link.plugin.as_str()) {
            (Uplink::Interface(name), "host-device") => Some((Use::Device(self.may_be_held(name)), name)),
            (Uplink::Interface(name), _) => Some((Use::Master, name)),
            (Uplink::Bridge(name), "ovs") => Some((Use::OvsBridge, name)),
            (Uplink::Bridge(name), _) => Some((Use::Bridge, name)),
            (Uplink::None | Uplink::Implicit, _) => None,
        }
    }

    /// Whether a network in use moves the device of this name: then it is missing where a virt-handler has it.
    fn may_be_held(&self, name: &str) -> bool {
        let in_use = self.world.judged().iter().filter(|judged| judged.role != Role::Candidate);
        let mut links = in_use.flat_map(|judged| &judged.attached.attachment.chain);
        links.any(|link| {
            link.plugin == "host-device" && matches!(&link.uplink, Uplink::Interface(device) if device == name)
        })
    }
}

/// What is wrong with the interface on each of the nodes.
fn flaws<'w>(watched: &[&'w Watched], used: Use, name: &str, mtu: u32) -> Vec<(&'w str, Flaw)> {
    let there = || watched.iter().filter_map(|one| one.host.interface(name));
    let present = there().count();
    // While virt-handlers take the device one after the other, the rest of the nodes still show it.
    let held = used == Use::Device(true) && 2 * present <= watched.len();
    let usual = matches!(used, Use::Bridge | Use::OvsBridge).then_some(USUAL_MTU);
    let wanted = Some(mtu).filter(|mtu| *mtu != 0).or(usual).or_else(|| there().filter_map(|one| one.mtu).max());
    let flaws = watched.iter().filter_map(|one| {
        let flaw = match one.host.interface(name) {
            Some(interface) => of_present(interface, used, wanted),
            None => (!held && !is_generated(name)).then(|| of_absent(used)),
        };
        Some((one.name.as_str(), flaw?))
    });
    flaws.collect()
}

fn of_absent(used: Use) -> Flaw {
    match used {
        Use::Master | Use::Device(_) => Flaw::Absent,
        Use::Bridge => Flaw::BridgeAbsent(true),
        Use::OvsBridge => Flaw::BridgeAbsent(false),
    }
}

/// The worst alone: one interface of one node is one subject.
fn of_present(interface: &Interface, used: Use, wanted: Option<u32>) -> Option<Flaw> {
    let is_bridge = used == Use::Bridge;
    let small = interface.mtu.zip(wanted).filter(|(has, wanted)| has < wanted);
    // host-device takes the interface up itself; a device that is spare is down.
    let down = interface.up == Some(false) && !matches!(used, Use::Device(_));
    let no_uplink = interface.has_uplink == Some(false) && matches!(used, Use::Bridge | Use::OvsBridge);
    match () {
        () if is_bridge && interface.kind == Kind::Other => Some(Flaw::NoBridge),
        () if no_uplink => Some(Flaw::NoUplink),
        () if down => Some(Flaw::Down),
        () => small.map(|(has, wanted)| Flaw::SmallMtu(has, wanted)),
    }
}

#[cfg(test)]
mod tests {
    use crate::finding::Finding;
    use crate::objects::{Object, name_of};
    use crate::rules::{Check, rule};
    use crate::tree;
    use crate::world::{Inputs, Settings, World};

    const NAD: &str = r#"{"apiVersion":"k8s.cni.cncf.io/v1","kind":"NetworkAttachmentDefinition","metadata":{
        "name":"mig","namespace":"kubevirt"},"spec":{"config":"{\"cniVersion\":\"0.3.1\",\"type\":\"macvlan\",\"master\":\"eth1\"}"}}"#;

    fn object(text: &str) -> Object {
        let node = tree::parse(text).unwrap();
        Object::read(&node, name_of(&node).unwrap(), None).unwrap()
    }

    fn missing(nodes: usize) -> Vec<Finding> {
        let state = |at| {
            object(&format!(
                r#"{{"apiVersion":"nmstate.io/v1beta1","kind":"NodeNetworkState","metadata":{{"name":"node-{at:05}"}},
                   "status":{{"currentState":{{"interfaces":[{{"name":"eth0","type":"ethernet","state":"up"}}]}}}}}}"#
            ))
        };
        let objects = (0..nodes).map(state).chain([object(NAD)]).collect();
        let settings = Settings { all_nads: true, ..Settings::default() };
        let world = World::of(Inputs { objects, settings, ..Inputs::default() });
        let Check::State(check) = rule("missing-interface").unwrap().check else { panic!("not of a state") };
        check(&world)
    }

    #[test]
    fn one_finding_for_each_node_and_the_last_counts_the_rest() {
        assert_eq!(missing(0), []);
        assert_eq!(missing(20).iter().filter(|finding| finding.message.contains(" more)")).count(), 0);
        let many = missing(15_000);
        assert_eq!(many.len(), 20);
        assert_eq!((many[0].subject.as_str(), many[19].subject.as_str()), ("node-00000 eth1", "node-00019 eth1"));
        let counting: Vec<_> = many.iter().filter(|finding| finding.message.contains(" more)")).collect();
        assert_eq!(counting.len(), 1);
        assert!(counting[0].message.contains("node-00019 (and 14980 more) does not have"), "{}", counting[0].message);
    }
}
