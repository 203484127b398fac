//! The nodes that virt-handler runs on, and how many addresses that asks for.

use crate::networks::declared::Declared;
use crate::objects::{Expression, Placement, Referrer, Toleration};
use crate::sources::{Found, NodeFacts};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// What is known of the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    /// As declared: name, and whether virt-handler runs there.
    pub declared: BTreeMap<String, bool>,
    /// The declared list is whole.
    pub declared_whole: bool,
    /// Node objects.
    pub seen: Vec<Arc<Found>>,
    /// The list of Node objects is whole.
    pub seen_whole: bool,
    /// How many nodes a virt-handler without placement runs on, once somebody has asked.
    usual: OnceLock<u64>,
}

/// How many addresses an attachment must give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Nodes that virt-handler runs on.
    pub nodes: u64,
    /// Synchronization controllers, one for their rollout included.
    pub controllers: u64,
}

impl Demand {
    /// All of them.
    pub const fn total(self) -> u64 {
        self.nodes.saturating_add(self.controllers)
    }
}

/// `5 nodes and 3 synchronization controllers`
impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.nodes, if self.nodes == 1 { "node" } else { "nodes" })?;
        match self.controllers {
            0 => Ok(()),
            n => write!(f, " and {n} synchronization controllers"),
        }
    }
}

impl Nodes {
    /// From what people declared and from Node objects.
    pub fn of(declared: &Declared, found: &[Arc<Found>], seen_whole: bool) -> Self {
        Self {
            declared: declared.nodes().map(|(name, runs)| (name.to_owned(), runs)).collect(),
            declared_whole: declared.counts_nodes(),
            seen: found.iter().filter(|one| one.node.is_some()).cloned().collect(),
            seen_whole,
            usual: OnceLock::new(),
        }
    }

    /// The demand of an installation with these CRs, the one whose placement is in force first; `None` if the nodes are
    /// not known.
    pub fn demand(&self, referrers: &[&Referrer]) -> Option<Demand> {
        let nodes = self.eligible(referrers.first().map(|referrer| &referrer.placement))?;
        let decentralized = referrers.iter().any(|referrer| referrer.decentralized);
        // Two replicas unless spec.infra.replicas says otherwise; the Deployment surges by one while it rolls out.
        let replicas = referrers.iter().find_map(|referrer| referrer.infra_replicas).unwrap_or(2);
        Some(Demand { nodes, controllers: if decentralized { u64::from(replicas) + 1 } else { 0 } })
    }

    fn eligible(&self, placement: Option<&Placement>) -> Option<u64> {
        if !(self.declared_whole || self.seen_whole) {
            return None;
        }
        let usual = Placement::default();
        Some(match placement.filter(|placement| **placement != usual) {
            Some(placement) => self.count(placement),
            None => *self.usual.get_or_init(|| self.count(&usual)),
        })
    }

    /// Whether virt-handler runs on the node of this name; `seen` is where it stands in the list, if it does. Of a node
    /// that nobody speaks of, in a list that is not whole, it does unless the placement asks for labels.
    pub fn run_on(&self, name: &str, seen: Option<usize>, placement: &Placement) -> bool {
        let declared = self.declared.get(name).copied();
        let node = || self.seen.get(seen?)?.node.as_ref();
        let by_object = || node().map(|node| placement.admits(node));
        let whole = self.declared_whole || self.seen_whole;
        let free = placement.selector.is_empty() && placement.terms.is_empty();
        declared.or_else(by_object).unwrap_or(!whole && free)
    }

    /// The names of all nodes, with where each stands in the list of objects.
    pub fn names(&self) -> BTreeMap<&str, Option<usize>> {
        let declared = self.declared.keys().map(|name| (name.as_str(), None));
        let seen = self.seen.iter().enumerate().map(|(at, found)| (found.object.name.as_str(), Some(at)));
        declared.chain(seen).collect()
    }

    /// Nodes by name, declared ones by their word, others by their labels and taints.
    fn count(&self, placement: &Placement) -> u64 {
        let declared = self.declared.iter().filter(|(_, runs)| **runs).map(|(name, _)| name.as_str());
        let seen = self.seen.iter().filter(|found| !self.declared.contains_key(&found.object.name));
        let seen = seen.filter(|found| found.node.as_ref().is_some_and(|node| placement.admits(node)));
        let seen = seen.map(|found| found.object.name.as_str());
        declared.chain(seen).collect::<BTreeSet<_>>().len() as u64
    }
}

impl Placement {
    /// Whether virt-handler's DaemonSet puts a pod on the node.
    fn admits(&self, node: &NodeFacts) -> bool {
        let linux = node.os.as_ref().is_none_or(|os| os == "linux");
        let selected = self.selector.iter().all(|(key, value)| node.labels.get(key) == Some(value.as_str()));
        let near = self.terms.is_empty() || self.terms.iter().any(|term| term.iter().all(|e| e.admits(node)));
        linux && selected && near && node.taints.iter().all(|taint| self.tolerates(taint))
    }

    /// virt-handler tolerates CriticalAddonsOnly itself; the DaemonSet controller adds the node conditions
    /// (kubernetes: pkg/controller/daemon/util `AddOrUpdateDaemonPodTolerations`).
    fn tolerates(&self, (key, value, effect): &(String, String, String)) -> bool {
        const ADDED: [&str; 7] = [
            "CriticalAddonsOnly",
            "node.kubernetes.io/disk-pressure",
            "node.kubernetes.io/memory-pressure",
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/pid-pressure",
            "node.kubernetes.io/unreachable",
            "node.kubernetes.io/unschedulable",
        ];
        ADDED.contains(&key.as_str()) || self.tolerations.iter().any(|toleration| toleration.covers(key, value, effect))
    }
}

impl Toleration {
    fn covers(&self, key: &str, value: &str, effect: &str) -> bool {
        let same_key = self.key == key || (self.key.is_empty() && self.any_value);
        same_key && (self.any_value || self.value == value) && (self.effect.is_empty() || self.effect == effect)
    }
}

impl Expression {
    fn admits(&self, node: &NodeFacts) -> bool {
        let label = node.labels.get(&self.key);
        let listed = |value: &str| self.values.iter().any(|one| one == value);
        let number = |text: &str| text.parse::<i64>().ok();
        let compared = || Some(number(label?)?.cmp(&number(self.values.first()?)?));
        match self.operator.as_str() {
            "In" => label.is_some_and(listed),
            "NotIn" => label.is_none_or(|value| !listed(value)),
            "Exists" => label.is_some(),
            "DoesNotExist" => label.is_none(),
            "Gt" => compared().is_some_and(std::cmp::Ordering::is_gt),
            "Lt" => compared().is_some_and(std::cmp::Ordering::is_lt),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::{Object, name_of};
    use crate::place::ObjectRef;
    use crate::tree;

    fn node(name: &str, labels: &[(&str, &str)], taints: &[(&str, &str)], os: Option<&'static str>) -> Arc<Found> {
        let object = ObjectRef { api_version: "v1".into(), kind: "Node".into(), namespace: None, name: name.into() };
        let node = NodeFacts {
            labels: labels.iter().copied().collect(),
            taints: taints.iter().map(|(key, effect)| ((*key).into(), String::new(), (*effect).into())).collect(),
            os: os.map(Into::into),
        };
        Found { node: Some(node), ..Found::about(object, "nodes") }.into()
    }

    fn cr(spec: &str) -> Arc<Referrer> {
        let text =
            format!(r#"{{"apiVersion":"kubevirt.io/v1","kind":"KubeVirt","metadata":{{"name":"k"}},"spec":{spec}}}"#);
        let node = tree::parse(&text).unwrap();
        match Object::read(&node, name_of(&node).unwrap(), None) {
            Some(Object::Referrer(referrer)) => referrer,
            other => panic!("{other:?}"),
        }
    }

    fn nodes() -> Nodes {
        let seen = vec![
            node("plain", &[("zone", "a"), ("size", "3")], &[], Some("linux")),
            node("windows", &[], &[], Some("windows")),
            node("tainted", &[("zone", "b")], &[("node-role.kubernetes.io/control-plane", "NoSchedule")], None),
            node("cordoned", &[("zone", "b")], &[("node.kubernetes.io/unschedulable", "NoSchedule")], None),
        ];
        Nodes { seen, seen_whole: true, ..Nodes::default() }
    }

    fn count(spec: &str) -> u64 {
        nodes().demand(&[&cr(spec)]).unwrap().nodes
    }

    #[test]
    fn virt_handler_runs_where_system_taints_and_placement_let_it() {
        let placed = |text: &str| count(&format!(r#"{{"workloads":{{"nodePlacement":{text}}}}}"#));
        assert_eq!(count("{}"), 2);
        assert_eq!(placed(r#"{"nodeSelector":{"zone":"a"}}"#), 1);
        assert_eq!(placed(r#"{"tolerations":[{"operator":"Exists"}]}"#), 3);
        assert_eq!(
            placed(r#"{"tolerations":[{"key":"node-role.kubernetes.io/control-plane","effect":"NoExecute"}]}"#),
            2
        );
        let affinity = |expression: &str| {
            placed(&format!(
                r#"{{"affinity":{{"nodeAffinity":{{"requiredDuringSchedulingIgnoredDuringExecution":
                   {{"nodeSelectorTerms":[{{"matchExpressions":[{expression}]}}]}}}}}}}}"#
            ))
        };
        assert_eq!(affinity(r#"{"key":"zone","operator":"In","values":["b"]}"#), 1);
        assert_eq!(affinity(r#"{"key":"zone","operator":"NotIn","values":["a"]}"#), 1);
        assert_eq!(affinity(r#"{"key":"size","operator":"Gt","values":["2"]}"#), 1);
        assert_eq!(affinity(r#"{"key":"size","operator":"DoesNotExist"}"#), 1);
    }

    #[test]
    fn synchronization_controllers_count_only_with_their_gate() {
        let total = |spec: &str| nodes().demand(&[&cr(spec)]).unwrap().total();
        let gate = r#""configuration":{"developerConfiguration":{"featureGates":["DecentralizedLiveMigration"]}}"#;
        assert_eq!(total("{}"), 2);
        assert_eq!(total(&format!("{{{gate}}}")), 5);
        assert_eq!(total(&format!(r#"{{{gate},"infra":{{"replicas":1}}}}"#)), 4);
    }

    #[test]
    fn a_part_of_the_nodes_is_no_count() {
        let part = Nodes { seen_whole: false, ..nodes() };
        assert_eq!(part.demand(&[]), None);
        let declared = Nodes {
            declared: [("plain".into(), true), ("x".into(), false), ("y".into(), true)].into(),
            declared_whole: true,
            ..nodes()
        };
        // plain once, x not at all, y, and cordoned by its object
        assert_eq!(declared.demand(&[]).unwrap().nodes, 3);
    }
}
