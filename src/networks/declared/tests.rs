use super::*;

const HEAD: &str = "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: ClusterNetworks\n";

fn parsed(body: &str) -> Declared {
    Declared::parse(&format!("{HEAD}{body}"), "net.yaml").expect(body)
}

fn said(declared: &Declared) -> Vec<String> {
    declared
        .claims()
        .iter()
        .map(|c| format!("{} {} {} {}", c.class, c.interval, c.origin.object.name, c.origin.path()))
        .collect()
}

fn knows(declared: &Declared) -> Vec<&'static str> {
    declared.knows().iter().map(|class| class.name()).collect()
}

fn nodes(declared: &Declared) -> Vec<(&str, bool)> {
    declared.nodes().collect()
}

#[test]
fn every_list_is_read_with_its_path() {
    let file = parsed(
        "pods: [10.244.0.0/16, 'fd00:10:244::/56']
services: [10.96.0.0/12]
apiServers: [192.168.10.5, 192.168.11.0/28]
nodes:
- {name: n1, addresses: [192.168.10.11/24, 'fd00:1::b']}
- {name: n2, addresses: [], virtHandler: false}
internal: [{name: join, prefix: 100.64.0.0/16}]
loadBalancers: [{name: metallb, prefix: 192.168.20.10-192.168.20.99}]
secondary: [{name: storage, prefix: 10.8.0.0/24}]
other: [{name: lab, prefix: 10.9.0.0/24}]
",
    );
    let expected = [
        "pod 10.244.0.0/16 net.yaml pods[0]",
        "pod fd00:10:244::/56 net.yaml pods[1]",
        "service 10.96.0.0/12 net.yaml services[0]",
        "cni-internal 100.64.0.0/16 net.yaml internal[0].prefix",
        "load-balancer 192.168.20.10-192.168.20.99 net.yaml loadBalancers[0].prefix",
        "secondary 10.8.0.0/24 net.yaml secondary[0].prefix",
        "other 10.9.0.0/24 net.yaml other[0].prefix",
        "node 192.168.10.5/32 net.yaml apiServers[0]",
        "node 192.168.11.0/28 net.yaml apiServers[1]",
        "node 192.168.10.0/24 net.yaml nodes[0].addresses[0]",
        "node 192.168.10.11/32 net.yaml nodes[0].addresses[0]",
        "node fd00:1::b/128 net.yaml nodes[0].addresses[1]",
    ];
    assert_eq!(said(&file), expected);
    assert!(file.claims().iter().all(|c| c.confidence == Confidence::Declared && c.origin.object.kind == KIND));
    assert_eq!(knows(&file), ["pod", "service", "node", "cni-internal", "load-balancer", "secondary", "other"]);
    assert_eq!(nodes(&file), [("n1", true), ("n2", false)]);
}

#[test]
fn left_out_is_unknown_and_empty_is_none() {
    assert!(knows(&parsed("")).is_empty());
    assert!(knows(&parsed("pods:\n")).is_empty());
    assert_eq!(knows(&parsed("pods: []\nservices: []\n")), ["pod", "service"]);
    assert!(knows(&parsed("apiServers: [10.0.0.1]\n")).is_empty());
    let empty = parsed("nodes: []\n");
    assert_eq!((knows(&empty), empty.counts_nodes()), (vec!["node"], true));
    let names_alone = parsed("nodes: [{name: a}]\n");
    assert_eq!((knows(&names_alone), names_alone.counts_nodes()), (vec![], true));
}

#[test]
fn json_byte_order_marks_and_carriage_returns_are_read() {
    let json = r#"{"apiVersion":"kubevirt-preflight.io/v1alpha1","kind":"ClusterNetworks","pods":["10.0.0.0/8"]}"#;
    assert_eq!(said(&Declared::parse(json, "a.json").unwrap()), ["pod 10.0.0.0/8 a.json pods[0]"]);
    let crlf = format!("\u{feff}{HEAD}pods: [10.0.0.0/8]\n...\n").replace('\n', "\r\n");
    assert_eq!(Declared::parse(&crlf, "a").unwrap().claims().len(), 1);
}

/// Line, column and the words that mend it.
#[test]
fn mistakes_are_told_with_their_place_and_remedy() {
    for (body, line, column, words) in [
        ("pod: []\n", 3, 1, &["`pod`", "is `pods` meant?", "`apiServers`"][..]),
        ("podCIDRs: []\n", 3, 1, &["`podCIDRs`", "the keys are `apiVersion`"]),
        ("pods:\n- 10.0.0.0/8\n- 10.1.2.3/16\n", 5, 3, &["10.1.2.3/16", "host bits", "10.1.0.0/16"]),
        ("pods: [10.0.0.0/8,\n  10.1.2.3]\n", 4, 3, &["no prefix length", "10.1.2.3/32"]),
        ("services: ['::ffff:10.0.0.0/104']\n", 3, 12, &["IPv4-mapped"]),
        ("pods: 10.0.0.0/8\n", 3, 7, &["a list"]),
        ("pods: [{a: b}]\n", 3, 8, &["a plain text"]),
        ("pods: [~]\n", 3, 8, &["Write a value"]),
        ("nodes:\n- {name: a, addresses: [10.0.0.0/33]}\n", 4, 25, &["`33`", "IPv4"]),
        ("nodes:\n- {name: a, adresses: []}\n", 4, 13, &["is `addresses` meant?"]),
        ("nodes:\n- {addresses: []}\n", 4, 4, &["`name` is missing"]),
        ("nodes:\n- {name: a, virtHandler: perhaps}\n", 4, 26, &["true or false"]),
        ("internal: [{name: a}]\n", 3, 13, &["`prefix` is missing"]),
        ("internal: [10.0.0.0/8]\n", 3, 12, &["keys with values"]),
        ("pods: []\npods: []\n", 4, 1, &["`pods` stands twice"]),
        ("---\na: b\n", 4, 1, &["more than one"]),
        ("pods: [\n", 3, 7, &["YAML"]),
    ] {
        let error = Declared::parse(&format!("{HEAD}{body}"), "net.yaml").expect_err(body);
        assert_eq!((error.line, error.column), (line, column), "{body}: {error}");
        assert!(words.iter().all(|word| error.why.contains(word)), "{body}: {error}");
        assert!(error.why.ends_with('.') && !error.why.contains(" at line "), "{error}");
    }
    let error = Declared::parse("apiVersion: v1\nkind: ClusterNetworks\n", "net.yaml").unwrap_err();
    let expected = "net.yaml:1:13: `v1` cannot stand here; write `kubevirt-preflight.io/v1alpha1`.";
    assert_eq!(error.to_string(), expected);
    assert!(Declared::parse("kind: ClusterNetworks\n", "a").unwrap_err().why.contains("`apiVersion` is missing"));
    assert!(Declared::parse("", "a").unwrap_err().why.contains("empty"));
    let hostile = Declared::parse(&format!("{HEAD}pods: [\"a\\e[31m\\nb\"]\n"), "a").unwrap_err();
    assert!(!hostile.why.contains(char::is_control), "{hostile:?}");
}

fn flags(pods: &[&str], services: &[&str], nodes: &[&str]) -> Result<Declared, FlagError> {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Declared::default().with_flags(&owned(pods), &owned(services), &owned(nodes))
}

#[test]
fn flags_say_the_same_but_nodes_among_them_are_never_all() {
    let both =
        flags(&["10.244.0.0/16", "fd00::/56"], &["10.96.0.0/12"], &["n1=10.0.0.5/24", "n1=fd00::5", "n2=10.0.0.6"])
            .unwrap();
    let expected = [
        "pod 10.244.0.0/16 flags --pod-cidr",
        "pod fd00::/56 flags --pod-cidr",
        "service 10.96.0.0/12 flags --service-cidr",
        "node 10.0.0.0/24 flags --node",
        "node 10.0.0.5/32 flags --node",
        "node fd00::5/128 flags --node",
        "node 10.0.0.6/32 flags --node",
    ];
    assert_eq!(said(&both), expected);
    assert_eq!(knows(&both), ["pod", "service"]);
    assert!(!both.counts_nodes());
    let file = parsed("nodes: [{name: n2, addresses: [], virtHandler: false}]\n");
    let all = file.with_flags(&[], &[], &["n1=10.0.0.5".to_owned()]).unwrap();
    assert_eq!((nodes(&all), all.counts_nodes(), knows(&all)), (vec![("n1", true), ("n2", false)], true, vec!["node"]));
}

#[test]
fn bad_flags_name_themselves_and_the_remedy() {
    for (result, words) in [
        (flags(&["10.244.0.1/16"], &[], &[]), &["--pod-cidr 10.244.0.1/16", "10.244.0.0/16"][..]),
        (flags(&["10.1.0.0/16,10.2.0.0/16"], &[], &[]), &["to each --pod-cidr"]),
        (flags(&[], &["10.96.0.1"], &[]), &["--service-cidr 10.96.0.1", "10.96.0.1/32"]),
        (flags(&[], &[], &["10.0.0.1"]), &["the name is missing", "NAME=ADDRESS"]),
        (flags(&[], &[], &["=10.0.0.1"]), &["the name is missing"]),
        (flags(&[], &[], &["a="]), &["--node a=", "NAME=ADDRESS"]),
        (flags(&[], &[], &["a=10.0.0.1/33"]), &["`33`"]),
        (flags(&[], &[], &["a=10.0.0.1-10.0.0.2"]), &["not an IP address"]),
        (flags(&[], &[], &["a=10.0.0.01"]), &["not an IP address"]),
    ] {
        let message = result.unwrap_err().to_string();
        assert!(words.iter().all(|word| message.contains(word)) && message.ends_with('.'), "{message}");
    }
}

#[test]
fn several_are_merged_by_class_and_by_node() {
    let lists: Lists =
        serde_saphyr::from_str("services: [10.96.0.0/12]\nnodes: [{name: n1, virtHandler: false}, {name: n2}]")
            .unwrap();
    let policy =
        ObjectRef { api_version: API_VERSION.into(), kind: "Policy".into(), namespace: None, name: "p.yaml".into() };
    let file = parsed("pods: []\nnodes: [{name: n1, addresses: []}, {name: n3, addresses: [], virtHandler: false}]\n");
    for both in [
        Declared::of(&lists, &policy, "networks.").merged(file.clone()),
        file.merged(Declared::of(&lists, &policy, "networks.")),
    ] {
        assert_eq!(said(&both), ["service 10.96.0.0/12 p.yaml networks.services[0]"]);
        assert_eq!(knows(&both), ["pod", "service", "node"]);
        assert_eq!(nodes(&both), [("n1", false), ("n2", true), ("n3", false)]);
    }
    assert!(serde_saphyr::from_str::<Lists>("apiVersion: kubevirt-preflight.io/v1alpha1").is_err());
}

#[test]
fn the_schema_has_the_keys_of_the_contract() {
    let schema = serde_json::to_value(schemars::schema_for!(ClusterNetworks)).unwrap();
    let keys: Vec<_> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "apiServers",
        "apiVersion",
        "internal",
        "kind",
        "loadBalancers",
        "nodes",
        "other",
        "pods",
        "secondary",
        "services",
    ];
    assert_eq!(keys, expected);
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], serde_json::json!(["apiVersion", "kind"]));
    assert_eq!(schema["$defs"]["Range"]["type"], "string");
    assert_eq!(schema["$defs"]["NodeEntry"]["required"], serde_json::json!(["name"]));
}
