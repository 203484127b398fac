//! What holds for every text.

use super::*;
use proptest::prelude::*;

/// Keys that plugins look at.
const KEYS: &str = "type plugins ipam addresses address gateway routes dst gw table scope priority subnet ranges rangeStart \
    rangeEnd args cni ips runtimeConfig isDefaultGateway cniVersion request option provide flushroutes addroutes \
    prevResult mtu vlan IPAM";

/// Values that mean something to them.
const WORDS: &str = "10.0.0.5/24 10.0.0.0/24 fd01::5/64 0.0.0.0/0 ::/0 10.0.0.1 255.255.255.255/32 ::/128 static \
    host-local dhcp bridge ptp sbr tuning route-override vrf 1.0.0 0.2.0";

/// Any JSON, mostly of these keys and values.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let words = prop::sample::select(WORDS.split_whitespace().collect::<Vec<_>>());
    let keys = prop::sample::select(KEYS.split_whitespace().collect::<Vec<_>>());
    let leaf = prop_oneof![
        4 => words.prop_map(serde_json::Value::from),
        1 => any::<i64>().prop_map(serde_json::Value::from),
        1 => any::<f64>().prop_map(serde_json::Value::from),
        1 => any::<bool>().prop_map(serde_json::Value::from),
        1 => Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            3 => prop::collection::btree_map(keys.clone(), inner, 0..6).prop_map(|map| {
                map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            }),
        ]
    })
}

/// A whole configuration with some of its parts replaced.
fn configuration() -> impl Strategy<Value = serde_json::Value> {
    let ipam = fixed("10.0.0.5/24>10.0.0.1 fd01::5/64>fd01::1", "0.0.0.0/0 fd09::/48 10.9.0.0/16");
    let local = local(r#""ranges":[[{"subnet":"10.0.0.0/24"}],[{"subnet":"fd01::/64"}]],"routes":[{"dst":"::/0"}]"#);
    let further = r#"{"type":"route-override","flushroutes":true},{"type":"sbr"},{"type":"tuning","mtu":1400}"#;
    let texts = vec![chain(&ipam, further), chain(&local, further), bridge_with(r#""isDefaultGateway":true"#, &ipam)];
    (prop::sample::select(texts), any::<prop::sample::Index>(), json()).prop_map(|(text, at, value)| {
        let mut root: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut places = Vec::new();
        pointers(&root, String::new(), &mut places);
        let place: &String = at.get(&places);
        *root.pointer_mut(place).unwrap() = value;
        root
    })
}

fn pointers(value: &serde_json::Value, at: String, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => map.iter().for_each(|(k, v)| pointers(v, format!("{at}/{k}"), found)),
        serde_json::Value::Array(list) => {
            list.iter().enumerate().for_each(|(k, v)| pointers(v, format!("{at}/{k}"), found));
        }
        _ => {}
    }
    found.push(at);
}

/// The same value with the keys of every object the other way round.
fn turned(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(map) => {
            let members: Vec<_> =
                map.iter().rev().map(|(k, v)| format!("{}:{}", serde_json::json!(k), turned(v))).collect();
            format!("{{{}}}", members.join(","))
        }
        serde_json::Value::Array(list) => format!("[{}]", list.iter().map(turned).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let _ = shown(&text);
    }

    #[test]
    fn no_json_panics(value in json()) {
        let _ = shown(&value.to_string());
    }

    #[test]
    fn no_broken_configuration_panics(value in configuration(), v6 in any::<Option<bool>>()) {
        let _ = shown_in(&value.to_string(), v6);
    }

    #[test]
    fn the_order_of_keys_means_nothing(value in configuration()) {
        prop_assert_eq!(reading(&value.to_string()), reading(&turned(&value)));
    }

    #[test]
    fn an_unknown_key_means_nothing(value in configuration(), key in "x[a-z]{3,9}", any in json()) {
        let mut more = value.clone();
        if let Some(map) = more.as_object_mut() {
            map.insert(key, any);
        }
        prop_assert_eq!(shown(&value.to_string()), shown(&more.to_string()));
    }
}
