//! Reviews that are wrong in every way that a generator finds, and what the largest of them cost.

use crate::bodies::{kubevirt, nad, object, review};
use crate::client::Sender;
use crate::process::Folder;
use crate::server::{Options, Running};
use crate::wire::good;
use kubevirt_preflight::networks::declared::Declared;
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::serve::judge::Judge;
use kubevirt_preflight::world::{Inputs, World};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Any number does; a failure prints it, and it brings the same reviews again.
const SEED: u64 = 0x6b76_7066;
const REVIEWS: u64 = 10_000;
const CONNECTIONS: u64 = 4;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `bound`, or 0.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 1).unwrap() % bound.max(1)
    }

    fn choose<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most)).map(|_| u8::try_from(self.next() & 255).unwrap()).collect()
    }
}

/// A KubeVirt of a size that goes over the wire ten thousand times.
fn small_kubevirt(network: &str) -> Value {
    let mut value = kubevirt(network, 1, 1, 3);
    value["status"] = json!({"phase": "Deployed"});
    value
}

fn small_nad(range: &str) -> Value {
    let mut value = nad(range);
    value["metadata"]["annotations"] = json!({"a": "b"});
    value["metadata"]["managedFields"] = json!([]);
    value
}

/// Reviews that are to be allowed, and reviews that are to be denied.
fn originals() -> Vec<Original> {
    let (good, bad) = (small_nad("192.168.150.0/24"), small_nad("10.244.7.0/24"));
    let reviews = [
        review("CREATE", good.clone(), Value::Null),
        review("CREATE", bad.clone(), Value::Null),
        review("UPDATE", bad, good.clone()),
        review("DELETE", Value::Null, good),
        review("CREATE", small_kubevirt("other"), Value::Null),
        review("UPDATE", small_kubevirt("other"), small_kubevirt("mig")),
    ];
    reviews.iter().map(|bytes| Original::new(serde_json::from_slice(bytes).unwrap())).collect()
}

/// The server knows a KubeVirt that names `mig`, and a bad NAD `other`.
async fn server() -> Running {
    let running = Running::start(Options::default()).await;
    let mut other = nad("10.96.7.0/24");
    other["metadata"]["name"] = json!("other");
    let objects = vec![object(&kubevirt("mig", 1, 0, 0)), object(&other)];
    let declared = Declared::parse(crate::bodies::NETWORKS, "cluster.yaml").unwrap();
    let world = World::of(Inputs { objects, declared, ..Inputs::default() });
    running.judge.send_replace(Some(Arc::new(Judge { world, policy: Policy::default() })));
    running
}

/// Pointers to all values below `value`.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    let below: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (escaped(key), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in below {
        let at = format!("{at}/{key}");
        places(value, &at, into);
        into.push(at);
    }
}

/// A review to change, and the pointers to all that is in it.
struct Original {
    value: Value,
    places: Vec<String>,
    /// Those of few steps: they are hit as often as all together.
    high: Vec<String>,
}

impl Original {
    fn new(value: Value) -> Self {
        let mut all = Vec::new();
        places(&value, "", &mut all);
        let high = all.iter().filter(|at| at.matches('/').count() <= 3).cloned().collect();
        Self { value, places: all, high }
    }

    fn place(&self, dice: &mut Dice) -> &str {
        let among = if dice.below(2) == 0 { &self.high } else { &self.places };
        dice.choose::<String>(among)
    }
}

/// JSON texts that stand in for a value, and texts that are no JSON.
fn token(dice: &mut Dice) -> Vec<u8> {
    let deep = 1 + dice.below(5_000);
    match dice.below(14) {
        0 => b"1e999".to_vec(),
        1 => b"-0".to_vec(),
        2 => "9".repeat(1 + dice.below(400)).into_bytes(),
        3 => b"-1.7976931348623157e308".to_vec(),
        4 => br#""\ud800""#.to_vec(),
        5 => br#""\udc00\ud800x""#.to_vec(),
        6 => b"\"\xff\xfe\"".to_vec(),
        7 => b"\"\xed\xa0\x80\"".to_vec(),
        8 => [b"[".repeat(deep), b"]".repeat(deep)].concat(),
        9 => [br#"{"a":"#.repeat(deep), b"1".to_vec(), b"}".repeat(deep)].concat(),
        10 => br#""\u0000""#.to_vec(),
        11 => b"nul".to_vec(),
        12 => b"\"\x01\"".to_vec(),
        _ => dice.bytes(20),
    }
}

/// A change of the value: another type, nothing, or a wrong word.
fn change(value: &mut Value, at: &str, dice: &mut Dice) {
    let others = [
        Value::Null,
        json!(true),
        json!(7),
        json!(-1.5),
        json!(""),
        json!("KubeVirt"),
        json!("{"),
        json!([]),
        json!({}),
        json!([[{"": null}]]),
        json!("x".repeat(3_000)),
    ];
    let (above, key) = at.rsplit_once('/').unwrap();
    match (dice.below(4), value.pointer_mut(above)) {
        (0, Some(Value::Object(map))) => drop(map.remove(&key.replace("~1", "/").replace("~0", "~"))),
        (1, Some(Value::Object(map))) => {
            // The members in another order, and all under wrong names.
            let members: Map<_, _> = map.iter().map(|(key, value)| (key.to_uppercase(), value.clone())).collect();
            *map = members;
        }
        // It may be gone by an earlier change.
        _ => {
            if let Some(value) = value.pointer_mut(at) {
                *value = dice.choose(&others).clone();
            }
        }
    }
}

/// The text with a token in place of a value, or before a member of the same name.
fn tokened(original: &Original, dice: &mut Dice) -> Vec<u8> {
    const MARK: &str = "\u{1}here";
    let mut value = original.value.clone();
    *value.pointer_mut(original.place(dice)).unwrap() = json!(MARK);
    let (text, mark, token) = (value.to_string(), json!(MARK).to_string(), token(dice));
    let start = text.find(&mark).unwrap();
    let (before, after) = (&text[..start], &text[start + mark.len()..]);
    [before.as_bytes(), &token, after.as_bytes()].concat()
}

/// The text with a member given twice.
fn doubled(value: &Value, dice: &mut Dice) -> Vec<u8> {
    let text = value.to_string();
    let name = *dice.choose(&["uid", "object", "kind", "operation", "spec", "config", "metadata", "name", "namespace"]);
    let other = *dice.choose(&["null", "\"\"", "{}", "[]", "\"DELETE\"", "\"u-2\"", "{\"kind\":\"KubeVirt\"}"]);
    let mark = format!("\"{name}\":");
    text.replacen(&mark, &format!("\"{name}\":{other},{mark}"), 1 + dice.below(2)).into_bytes()
}

/// Bytes changed without regard to what they mean.
fn hit(mut bytes: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
    let at = dice.below(bytes.len());
    match dice.below(5) {
        0 => bytes.truncate(at),
        1 => bytes[at] ^= u8::try_from(1 << dice.below(8)).unwrap(),
        2 => drop(bytes.splice(at..at, dice.bytes(30))),
        3 => drop(bytes.drain(at..(at + dice.below(60)).min(bytes.len()))),
        _ => {
            let piece = bytes[at..(at + dice.below(400)).min(bytes.len())].to_vec();
            bytes.splice(at..at, piece);
        }
    }
    bytes
}

/// A review with one or a few things wrong, or none.
fn mutated(originals: &[Original], dice: &mut Dice) -> Vec<u8> {
    let original = dice.choose(originals);
    let bytes = match dice.below(8) {
        0 => dice.bytes(600),
        1 => tokened(original, dice),
        2 => doubled(&original.value, dice),
        3 | 4 => {
            let mut value = original.value.clone();
            (0..=dice.below(3)).for_each(|_| change(&mut value, original.place(dice), dice));
            value.to_string().into_bytes()
        }
        _ => original.value.to_string().into_bytes(),
    };
    if bytes.len() > 1 && dice.below(2) == 0 { hit(bytes, dice) } else { bytes }
}

/// Whether the review that a strict reader sees writes what must be refused: all that the verdict rests on is as in an
/// original that is denied.
fn must_be_denied(seen: &Value, denied: &[Value]) -> bool {
    const REST_ON: [&str; 7] = ["kind", "object", "oldObject", "operation", "name", "namespace", "subResource"];
    let is_as = |original: &Value| REST_ON.iter().all(|key| seen["request"][key] == original["request"][key]);
    denied.iter().any(is_as)
}

/// What is wrong with the answer to this body; nothing most of the time.
async fn fault(sender: &mut Sender, body: &[u8], denied: &[Value]) -> Option<String> {
    let answer = match sender.post(body.to_vec()).await {
        Ok(answer) => answer,
        Err(error) => return Some(format!("no answer: {error}")),
    };
    let seen: Option<Value> = serde_json::from_slice(body).ok();
    match answer.status.as_u16() {
        200 => {
            // `Value` refuses numbers and escapes that do not fit it; in what no verdict rests on they may stand.
            let Some(seen) = seen else {
                let lax = serde_json::from_slice::<IgnoredAny>(body).is_ok();
                return (!lax).then(|| format!("a verdict on what is not JSON: {answer:?}"));
            };
            let (response, allowed) = (&answer.body["response"], &answer.body["response"]["allowed"]);
            if seen["request"]["uid"] != response["uid"] || !allowed.is_boolean() {
                return Some(format!("not its answer: {answer:?}"));
            }
            (allowed == true && must_be_denied(&seen, denied)).then(|| format!("a wrong allow: {answer:?}"))
        }
        400..=499 if answer.body["kind"] == "Status" && answer.body["code"] == answer.status.as_u16() => None,
        _ => Some(format!("{answer:?}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_malformed_reviews() {
    let running = Arc::new(server().await);
    let originals = Arc::new(originals());
    let mut sender = Sender::to(&running, "http/1.1").await;
    let mut denied = Vec::new();
    for original in originals.iter() {
        let answer = sender.post(original.value.to_string()).await.unwrap();
        if answer.body["response"]["allowed"] == json!(false) {
            denied.push(original.value.clone());
        }
    }
    // CREATE and UPDATE of the bad NAD, the DELETE of one in use, and both references to the bad NAD.
    assert_eq!(denied.len(), 5);
    let denied = Arc::new(denied);
    let sending = (0..CONNECTIONS).map(|connection| {
        let (running, originals, denied) = (Arc::clone(&running), Arc::clone(&originals), Arc::clone(&denied));
        tokio::spawn(async move {
            let mut dice = Dice(SEED + connection);
            let mut sender = Sender::to(&running, "http/1.1").await;
            let mut verdicts = 0;
            for count in 0..REVIEWS / CONNECTIONS {
                let body = mutated(&originals, &mut dice);
                if let Some(fault) = fault(&mut sender, &body, &denied).await {
                    let text = String::from_utf8_lossy(&body);
                    panic!("seed {SEED:#x}, connection {connection}, review {count}: {fault}\n{text}");
                }
                verdicts += u64::from(serde_json::from_slice::<Value>(&body).is_ok());
            }
            // On the same connection: nothing is left behind.
            assert_eq!(sender.post(good()).await.unwrap().body["response"]["allowed"], json!(true));
            verdicts
        })
    });
    let mut readable = 0;
    for task in sending.collect::<Vec<_>>() {
        readable += task.await.unwrap();
    }
    // The generator is worth something only if a good part gets as far as the verdict, and a good part does not.
    assert!((REVIEWS / 4..REVIEWS * 3 / 4).contains(&readable), "{readable} are JSON");
    assert_eq!(running.metric("controller_runtime_webhook_panics_total"), Some(0.0));
    running.until(r#"controller_runtime_webhook_requests_in_flight{webhook="/validate"}"#, 0.0).await;
}

/// A review of 8 MiB whose `place` holds `piece` over and over, between `open` and `close`.
fn stuffed(kind: (&str, &str, &str), place: &str, (open, piece, close): (&str, &str, &str), most: usize) -> Vec<u8> {
    const SIZE: usize = 8 << 20;
    const MARK: &str = "\"here\"";
    let (group, version, name) = kind;
    let object = json!({"apiVersion": format!("{group}/{version}").trim_start_matches('/'), "kind": name, "metadata": {"name": "x"}, "spec": {}});
    let mut value: Value = serde_json::from_slice(&review("CREATE", object, Value::Null)).unwrap();
    let (above, key) = place.rsplit_once('/').unwrap();
    value.pointer_mut(above).unwrap()[key] = json!("here");
    let text = value.to_string();
    let count = most.min((SIZE - text.len() - open.len() - close.len()) / piece.len());
    text.replacen(MARK, &format!("{open}{}{close}", piece.repeat(count)), 1).into_bytes()
}

#[tokio::test]
async fn what_a_review_costs_is_bounded() {
    const SUBNET: (&str, &str, &str) = ("kubeovn.io", "v1", "Subnet");
    const NAD: (&str, &str, &str) = ("k8s.cni.cncf.io", "v1", "NetworkAttachmentDefinition");
    const LIST: (&str, &str, &str) = ("[", "0,", "0]");
    const LISTS: (&str, &str, &str) = ("[", "[],", "0]");
    const KEYS: (&str, &str, &str) = ("{", "\"\":0,", "\"\":0}");
    const TEXTS: (&str, &str, &str) = ("[", "\"\\n\",", "0]");
    const ADDRESSES: (&str, &str, &str) = ("[", "\"10.16.0.1\",", "0]");
    const RANGES: (&str, &str, &str) = ("[", "\"10.16.0.1..10.16.0.9\",", "0]");
    const PREFIXES: (&str, &str, &str) = ("[", "\"10.244.0.0/24\",", "0]");
    const NODE: (&str, &str, &str) = ("", "v1", "Node");
    const POOL: (&str, &str, &str) = ("metallb.io", "v1beta1", "IPAddressPool");
    const FITTING: usize = 65_000;
    // One body, what it is read into, and some.
    const MOST_GROWN: usize = 64;
    for (kind, place, filling, most) in [
        (SUBNET, "/request/object/spec/excludeIps", ADDRESSES, FITTING),
        (SUBNET, "/request/object/spec/excludeIps", RANGES, FITTING),
        (NODE, "/request/object/spec/podCIDRs", PREFIXES, FITTING),
        (POOL, "/request/object/spec/addresses", PREFIXES, FITTING),
        (NAD, "/request/object/metadata/labels", KEYS, FITTING - 1_000),
        (SUBNET, "/request/object/spec/excludeIps", LIST, usize::MAX),
        (SUBNET, "/request/object/spec/excludeIps", TEXTS, usize::MAX),
        (SUBNET, "/request/object/spec/other", LISTS, usize::MAX),
        (SUBNET, "/request/object/metadata/annotations", KEYS, usize::MAX),
        (NAD, "/request/object/metadata/labels", KEYS, usize::MAX),
        (NAD, "/request/uid", LISTS, usize::MAX),
        (NAD, "/request/object/spec/config", ("\"", "[", "\""), usize::MAX),
    ] {
        // A new one each time: the highest mark of its memory is never taken back.
        let process = Folder::new().start(&["--threads", "1"], &[]);
        let mut sender = process.sender().await;
        sender.post(good()).await.unwrap();
        let before = process.memory("VmHWM");
        let body = stuffed(kind, place, filling, most);
        sender.post(body).await.unwrap();
        let grown = (process.memory("VmHWM") - before) / 1024;
        assert!(grown < MOST_GROWN, "{place} {filling:?} takes {grown} MiB");
        assert_eq!(sender.post(good()).await.unwrap().status, 200);
    }
}
