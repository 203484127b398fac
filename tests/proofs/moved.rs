//! Keys, entries of lists and chained plugins that are moved about are no new problem.

use crate::support::{kubevirt, review};
use crate::worlds::{Scene, configs, read, today};
use kubevirt_preflight::admission::{Verdict, respond};
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::review::review_change;
use kubevirt_preflight::world::Change;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Lists whose order is that of a set.
const SETS: [&str; 4] = ["routes", "ipRanges", "addresses", "exclude"];

/// Throws that decide on an order.
struct Coins(std::vec::IntoIter<u32>);

impl Coins {
    fn shuffled<T>(&mut self, items: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
        let mut thrown: Vec<_> = items.into_iter().map(|item| (self.0.next().unwrap_or_default(), item)).collect();
        thrown.sort_by_key(|(coin, _)| *coin);
        thrown.into_iter().map(|(_, item)| item)
    }
}

/// The text of `value` with the keys of every object and the entries of lists that are sets in another order.
fn moved(value: &Value, is_set: bool, coins: &mut Coins) -> String {
    let joined = |parts: Vec<String>| parts.join(",");
    match value {
        Value::Object(map) => {
            let order: Vec<_> = coins.shuffled(map).collect();
            let members = order
                .into_iter()
                .map(|(key, inner)| format!("{}:{}", json!(key), moved(inner, SETS.contains(&key.as_str()), coins)));
            format!("{{{}}}", joined(members.collect()))
        }
        Value::Array(items) => {
            let order: Vec<_> = if is_set { coins.shuffled(items).collect() } else { items.iter().collect() };
            format!("[{}]", joined(order.into_iter().map(|item| moved(item, false, coins)).collect()))
        }
        other => other.to_string(),
    }
}

/// A tuning plugin put behind the plugin at `at`: those after it have another index.
fn lengthened(config: &Value, at: usize) -> String {
    let mut longer = config.clone();
    if let Some(plugins) = longer.get_mut("plugins").and_then(Value::as_array_mut) {
        plugins.insert(1 + at % plugins.len(), json!({"type": "tuning"}));
    }
    longer.to_string()
}

fn nad(config: &str) -> Value {
    json!({"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": "mig", "namespace": "kubevirt"}, "spec": {"config": config}})
}

#[test]
fn moving_moves() {
    let config = json!({"a": 1, "b": {"routes": [1, 2]}, "c": [1, 2]});
    let turned = moved(&config, false, &mut Coins(vec![3, 2, 1, 0, 1, 0].into_iter()));
    assert_eq!(turned, r#"{"c":[1,2],"b":{"routes":[2,1]},"a":1}"#);
}

proptest! {
    #[test]
    fn what_is_moved_is_no_new_problem(
        config in configs(), coins in prop::collection::vec(any::<u32>(), 64), at in 0..4usize,
    ) {
        let was = nad(&config.to_string());
        let world = Scene::of(vec![was.clone(), kubevirt("mig", 0, 0, 0)]).world();
        for is in [moved(&config, false, &mut Coins(coins.into_iter())), lengthened(&config, at)] {
            let is = nad(&is);
            let change = Change { before: read(&was), after: read(&is) };
            let verdict = review_change(&change, &world, &Policy::default(), today());
            prop_assert_eq!(&verdict.denied, &vec![], "{} -> {}", was, is);
            let answer = respond(&review("UPDATE", is, was.clone()), &world, &Policy::default(), today()).unwrap();
            prop_assert_ne!(answer.summary.verdict, Verdict::Denied);
        }
    }
}
