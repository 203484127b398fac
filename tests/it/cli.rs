//! Exit codes, input, flags and files of `check` and its sisters.

use crate::{json, preflight, run, verdicts};
use std::fs;
use std::path::Path;
use tempfile::{TempDir, tempdir};

const CR: &str = "apiVersion: kubevirt.io/v1\nkind: KubeVirt\nmetadata: {name: kubevirt, namespace: kubevirt}\n\
    spec: {configuration: {migrations: {network: migration}}}\n";
const NAD: &str = "apiVersion: k8s.cni.cncf.io/v1\nkind: NetworkAttachmentDefinition\n\
    metadata: {name: migration, namespace: kubevirt}\nspec: {config: '{\"cniVersion\": \"0.3.1\", \"type\": \"macvlan\", \
    \"master\": \"eth1\", \"ipam\": {\"type\": \"whereabouts\", \"range\": \"172.21.42.0/24\"}}'}\n";
const POLICY: &str = "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: Policy\n";
const NETWORKS: &str = "examples/cluster.yaml";

/// A directory with these files.
fn with(files: &[(&str, &str)]) -> TempDir {
    let directory = tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The exit code of a run that prints nothing but one sentence on standard error.
fn refusal(arguments: &[&str]) -> String {
    let (code, out, err) = run(arguments);
    assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    err
}

#[test]
fn exit_codes_are_clean_found_and_not_reviewed() {
    let good = ["check", "examples/good/kubevirt", "--networks", NETWORKS];
    assert_eq!(run(&good).0, 0);
    assert_eq!(run(&["check", "examples/bad/wrong-namespace"]).0, 1);
    let unknown = ["check", "examples/good/kubevirt"];
    assert_eq!(run(&unknown).0, 0, "unchecked-networks warns");
    assert_eq!(run(&[&unknown[..], &["--fail-on", "warn"]].concat()).0, 1);
    assert_eq!(run(&["check", "--no-such-flag"]).0, 2);
    assert_eq!(run(&[]).0, 2);
    assert_eq!(run(&["--help"]).0, 0);
}

#[test]
fn what_cannot_be_reviewed_is_said_in_one_sentence() {
    let directory = with(&[("readme.txt", "no manifest"), ("empty/.keep", ""), ("void.yaml", "---\n# nothing\n---\n")]);
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    for (arguments, word) in [
        (vec!["check".to_owned()], "Nothing to check"),
        (vec!["check".to_owned(), at("absent")], "nothing to read"),
        (vec!["check".to_owned(), at("empty")], "no .yaml, .yml or .json"),
        (vec!["check".to_owned(), at("void.yaml")], "no document"),
        (vec!["check".to_owned(), NETWORKS.to_owned(), "--policy".to_owned(), at("absent")], "policy"),
        (vec!["check".to_owned(), NETWORKS.to_owned(), "--pod-cidr".to_owned(), "10.0.0.1/8".to_owned()], "--pod-cidr"),
        (vec!["check".to_owned(), NETWORKS.to_owned(), "--node".to_owned(), "x".to_owned()], "--node"),
        (vec!["explain".to_owned(), "pod-network-overlaps".to_owned()], "did you mean `pod-network-overlap`"),
        (vec!["explain".to_owned(), "default-routes".to_owned()], "did you mean `default-route`"),
    ] {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let err = refusal(&arguments);
        assert!(err.contains(word), "{err}");
    }
}

#[test]
fn a_typo_in_a_file_of_ours_is_refused_with_its_line() {
    let directory = with(&[
        ("policy.yaml", &format!("{POLICY}rules:\n  pod-network-overlaps: warn\n")),
        ("networks.yaml", "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: ClusterNetworks\npod: []\n"),
    ]);
    let check =
        |flag, name: &str| refusal(&["check", "examples/good/kubevirt", flag, text(&directory.path().join(name))]);
    let policy = check("--policy", "policy.yaml");
    assert!(policy.contains("policy.yaml:4:") && policy.contains("`pod-network-overlap`"), "{policy}");
    let networks = check("--networks", "networks.yaml");
    assert!(networks.contains("networks.yaml:3:") && networks.contains("pods"), "{networks}");
}

#[test]
fn directories_are_searched_in_order_and_links_end() {
    let directory = with(&[("b/kubevirt.yml", CR), ("a/nad.YAML", NAD), ("a/notes.txt", "{{")]);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(directory.path(), directory.path().join("b/up")).unwrap();
        std::os::unix::fs::symlink("kubevirt.yml", directory.path().join("b/zz.yaml")).unwrap();
        std::os::unix::fs::symlink("nowhere", directory.path().join("c.yaml")).unwrap();
    }
    let path = text(directory.path());
    let report = json(&[path, path, "--networks", NETWORKS]);
    assert_eq!(report["summary"]["documents"], 2, "each file once: {report}");
    assert_eq!(verdicts(&report), ["deny unreadable-document"], "the broken link is told, the rest judged");
    assert!(report["findings"][0]["file"].as_str().unwrap().ends_with("c.yaml"));
    assert_eq!(report["summary"]["judged"], 1);
}

#[test]
fn standard_input_is_a_file() {
    let output = preflight()
        .args(["check", "-", "--networks", NETWORKS, "-o", "json"])
        .write_stdin(format!("{CR}---\n{NAD}"))
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["summary"]["documents"], &report["summary"]["judged"]), (&2.into(), &1.into()));
}

#[test]
fn a_file_that_is_too_large_is_a_finding() {
    let directory = with(&[("nad.yaml", NAD), ("cr.yaml", CR)]);
    let large = directory.path().join("large.yaml");
    fs::write(&large, "# filler\n".repeat(2 * 1024 * 1024)).unwrap();
    let report = json(&[text(directory.path()), "--networks", NETWORKS]);
    assert_eq!(verdicts(&report), ["deny unreadable-document"]);
    assert!(report["findings"][0]["message"].as_str().unwrap().contains("16 MiB"), "{report}");
    assert_eq!(report["summary"]["judged"], 1);
}

#[test]
fn documents_without_a_network_to_judge_say_what_would_be() {
    let directory = with(&[("nad.yaml", NAD)]);
    let path = text(directory.path());
    let (code, out, _) = run(&["check", path]);
    assert_eq!(code, 0);
    assert!(
        out.contains("No network was judged") && out.contains("--all-nads") && out.contains("kubevirt/migration"),
        "{out}"
    );
    for flags in [&["--all-nads"][..], &["--migration-network", "kubevirt/migration"]] {
        assert_eq!(json(&[&[path], flags].concat())["summary"]["judged"], 1, "{flags:?}");
    }
}

#[test]
fn a_namespace_is_given_to_manifests_without_one() {
    let bare = format!("{CR}---\n{NAD}").replace(", namespace: kubevirt", "");
    let directory = with(&[("all.yaml", &bare)]);
    let report = json(&[text(directory.path()), "-n", "virt", "--all-nads", "--networks", NETWORKS]);
    assert_eq!(report["summary"]["judged"], 1);
    let none = with(&[("cr.yaml", &CR.replace(", namespace: kubevirt", ""))]);
    let finding = &json(&[text(none.path()), "-n", "virt", "--complete"])["findings"][0];
    assert_eq!((&finding["rule"], &finding["object"]["namespace"]), (&"missing-attachment".into(), &"virt".into()));
}

#[test]
fn absence_is_a_fact_only_of_a_complete_set() {
    let directory = with(&[("cr.yaml", CR)]);
    let path = text(directory.path());
    assert_eq!(verdicts(&json(&[path])), ["warn unseen-attachment"]);
    assert_eq!(verdicts(&json(&[path, "--complete"])), ["deny missing-attachment"]);
    let template = with(&[("cr.yaml", CR), ("nad.yaml", &NAD.replace("172.21.42.0/24", "${RANGE}"))]);
    let unrendered = json(&[text(template.path()), "--complete"]);
    assert_eq!(verdicts(&unrendered), ["warn unseen-attachment"], "a template may become what is named");
}

#[test]
fn a_policy_sets_levels_and_excepts_until_its_day() {
    let exception = "exceptions:\n- {rule: missing-attachment, object: {kind: KubeVirt, namespace: kubevirt, name: 'kube*'}, \
        reason: made next week, expires: 2026-12-01}\n";
    let directory = with(&[("m/cr.yaml", CR), ("p.yaml", &format!("{POLICY}{exception}"))]);
    let (manifests, policy) = (directory.path().join("m"), directory.path().join("p.yaml"));
    let on = |day: &str| json(&[text(&manifests), "--complete", "--policy", text(&policy), "--as-of", day]);
    let before = on("2026-12-01");
    assert_eq!((verdicts(&before), &before["summary"]["excepted"]), (vec![], &1.into()));
    assert_eq!(before["excepted"][0]["reason"], "made next week");
    let after = on("2026-12-02");
    assert_eq!(verdicts(&after), ["deny missing-attachment", "warn expired-exception"]);
    let told = &after["findings"][1];
    assert_eq!((told["file"].as_str(), &told["line"]), (policy.to_str(), &4.into()), "the exception's line: {told}");
    let soon = run(&["check", text(&manifests), "--complete", "--policy", text(&policy), "--as-of", "2026-11-20"]).1;
    assert!(soon.contains("excepted: ") && soon.contains("ends on 2026-12-01"), "{soon}");
    fs::write(&policy, format!("{POLICY}rules: {{missing-attachment: off}}\n")).unwrap();
    let by_env = preflight()
        .args(["check", text(&manifests), "--complete", "-o", "json"])
        .env("KUBEVIRT_PREFLIGHT_POLICY", &policy)
        .output()
        .unwrap();
    assert_eq!(verdicts(&serde_json::from_slice(&by_env.stdout).unwrap()), [""; 0]);
}

#[test]
fn with_a_world_only_what_gets_worse_is_judged() {
    let other = CR.replace("network: migration", "network: 'a@b'");
    let world = with(&[("world.yaml", &format!("{other}---\n{NAD}"))]);
    let world = world.path().join("world.yaml");
    let judged = |files: &[(&str, &str)], flags: &[&str]| {
        let directory = with(files);
        verdicts(&json(&[&[text(directory.path()), "--world", text(&world), "--networks", NETWORKS], flags].concat()))
    };
    let service = ("s.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n");
    assert_eq!(judged(&[service], &[]), [""; 0], "a bystander hears nothing");
    assert_eq!(judged(&[service], &["--absolute"]), ["deny reference-syntax"]);
    let same = other.replace("spec:", "spec: {imagePullPolicy: Always}\n#");
    assert_eq!(judged(&[("cr.yaml", &same)], &[]), [""; 0], "mended");
    assert_eq!(judged(&[("cr.yaml", &other)], &[]), ["warn reference-syntax"], "as bad as before");
    assert_eq!(judged(&[("cr.yaml", &other.replace("a@b", "a@c"))], &[]), ["deny reference-syntax"], "bad anew");
}

#[test]
fn a_world_that_cannot_be_read_whole_is_refused_whatever_else_is_wrong_with_it() {
    let misspelt = NAD.replace("kind: NetworkAttachmentDefinition", "kind: NetworkAttachmentDefinitio");
    let world = with(&[("world.yaml", &format!("{misspelt}---\na: [\n"))]);
    let world = world.path().join("world.yaml");
    let (code, _, error) = run(&["check", "examples/good/kubevirt", "--world", text(&world)]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("world file is refused"), "{error}");
}

#[test]
fn a_world_tells_its_cluster_and_age() {
    let check = |flags: &[&str]| {
        run(&[&["check", "examples/good/kubevirt", "--networks", NETWORKS, "--world", "examples/world.yaml"], flags]
            .concat())
    };
    let (code, out, _) = check(&["--as-of", "2026-11-24"]);
    assert_eq!(code, 0);
    assert!(out.contains("of 2026-11-20") && !out.contains("days old"), "{out}");
    assert!(check(&["--as-of", "2026-12-24"]).1.contains("is 34 days old"));
    assert!(!check(&["--as-of", "2026-12-24", "--max-world-age", "40"]).1.contains("days old"));
    assert_eq!(check(&["--expect-cluster", "8f1c4e9a-6f0b-4f7e-9a57-2d9b6f3f0c11"]).0, 0);
    let (code, _, err) = check(&["--expect-cluster", "other"]);
    assert!(code == 2 && err.contains("not of other"), "{err}");
}

#[test]
fn a_recorded_review_is_replayed() {
    let replay = |network: &str| {
        let mut object = serde_json::json!({"apiVersion": "kubevirt.io/v1", "kind": "KubeVirt",
            "metadata": {"name": "kubevirt", "namespace": "kubevirt"},
            "spec": {"configuration": {"migrations": {"network": network}}}});
        object["metadata"]["uid"] = "x".into();
        let review = serde_json::json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": "1", "operation": "CREATE", "name": "kubevirt", "namespace": "kubevirt",
            "kind": {"group": "kubevirt.io", "version": "v1", "kind": "KubeVirt"}, "object": object}});
        let directory = with(&[("review.json", &review.to_string())]);
        let (code, out, _) = run(&["check", "--review", text(&directory.path().join("review.json"))]);
        (code, serde_json::from_str::<serde_json::Value>(&out).unwrap()["response"]["allowed"].clone())
    };
    assert_eq!(replay("migration@eth1"), (1, false.into()));
    assert_eq!(replay("migration"), (0, true.into()));
    let directory = with(&[("no.json", "{\"kind\": \"Pod\"}")]);
    assert!(refusal(&["check", "--review", text(&directory.path().join("no.json"))]).contains("AdmissionReview"));
}

#[test]
fn networks_come_from_files_flags_and_manifests() {
    let (code, out, _) = run(&["networks", "--networks", NETWORKS, "--pod-cidr", "10.9.0.0/16", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["version"], &json["classes"]["pod"]["state"]), (0, &1.into(), &"known".into()));
    let intervals: Vec<_> =
        json["networks"].as_array().unwrap().iter().map(|one| one["interval"].as_str().unwrap()).collect();
    assert!(intervals.contains(&"10.9.0.0/16") && intervals.contains(&"10.244.0.0/16"), "{intervals:?}");
    assert!(run(&["networks", "--world", "examples/world.yaml"]).1.contains("KNOWN"));
}

#[test]
fn a_preview_has_every_nad_once() {
    let (code, out, _) = run(&["preview", "examples/bad/two-pools", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["version"], json["attachments"].as_array().unwrap().len()), (0, &1.into(), 2));
    assert_eq!(json["attachments"][0]["object"]["name"], "migration");
    let deleted = NAD.replace("{name: migration", "{name: migration, deletionTimestamp: '2026-01-01T00:00:00Z'");
    let directory = with(&[("a.yaml", &deleted), ("b.yaml", "a: [")]);
    let (code, out, err) = run(&["preview", text(directory.path())]);
    assert!(code == 0 && out.contains("inet 172.21.42.1"), "one that is being deleted has a preview, too: {out}");
    assert!(err.starts_with("note: ") && err.contains("b.yaml:1:"), "what was not read is told: {err}");
    let none = run(&["preview", "examples/bad/missing"]);
    assert!(none.0 == 0 && none.1.contains("no NetworkAttachmentDefinition"), "{}", none.1);
    assert!(refusal(&["preview"]).contains("Nothing to preview"));
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_kubevirt-preflight"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn the_program_describes_itself() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, out, _) = run(&["completions", shell]);
        assert!(code == 0 && out.contains("migration-network"), "{shell}");
    }
    let (code, man, _) = run(&["man"]);
    assert!(code == 0 && man.contains(".TH") && man.contains("max\\-world\\-age"), "{man}");
    let (_, rules, _) = run(&["rules", "-o", "json"]);
    let rules: serde_json::Value = serde_json::from_str(&rules).unwrap();
    for rule in rules["rules"].as_array().unwrap() {
        let id = rule["id"].as_str().unwrap();
        assert!(run(&["explain", id]).1.starts_with(&format!("# {id}")), "{id}");
    }
}

/// `kubectl get nodenetworkstates -o json` of two nodes, of which the second has no eth2.
const INTERFACES: &str = r#"{"apiVersion": "v1", "kind": "List", "items": [
    {"apiVersion": "nmstate.io/v1beta1", "kind": "NodeNetworkState", "metadata": {"name": "node01"}, "status":
     {"currentState": {"interfaces": [{"name": "eth1", "type": "ethernet", "state": "up", "mtu": 1500},
                                      {"name": "eth2", "type": "ethernet", "state": "up", "mtu": 1500}]}}},
    {"apiVersion": "nmstate.io/v1beta1", "kind": "NodeNetworkState", "metadata": {"name": "node02"}, "status":
     {"currentState": {"interfaces": [{"name": "eth1", "type": "ethernet", "state": "up", "mtu": 1500}]}}},
    {"apiVersion": "nmstate.io/v1beta1", "kind": "NodeNetworkState", "metadata": {"name": "node03"}}]}"#;

#[test]
fn interfaces_of_nodes_are_judged_from_files_and_from_a_world() {
    let other = NAD.replace("eth1", "eth2");
    let world = format!("{CR}---\n{NAD}---\n{INTERFACES}\n");
    let files =
        [("cr.yaml", CR), ("nad.yaml", NAD), ("other.yaml", &other), ("nns.json", INTERFACES), ("w.yaml", &world)];
    let directory = with(&files);
    let at = |name: &str| text(&directory.path().join(name)).to_owned();
    let (cr, nad, other, states, world) =
        (at("cr.yaml"), at("nad.yaml"), at("other.yaml"), at("nns.json"), at("w.yaml"));
    let missing = "deny missing-interface".to_owned();
    let found = |arguments: &[&str]| verdicts(&json(&[arguments, &["--networks", NETWORKS]].concat()));
    assert_eq!(found(&[&cr, &nad, &states]), [""; 0]);
    assert_eq!(found(&[&cr, &other, &states]), std::slice::from_ref(&missing));
    assert_eq!(found(&[&cr, &other]), [""; 0], "no state, no judgement");
    assert!(found(&[&other, "--world", &world]).contains(&missing));
    assert!(!found(&[&nad, "--world", &world]).contains(&missing));
    let (_, report, _) = run(&["check", &cr, &other, &states]);
    assert!(report.contains("eth2, which node02 does not have"), "{report}");
    let told = "The interfaces of 2 nodes are known; node03 has no NodeNetworkState that can be read";
    assert!(report.contains(told), "{report}");
    assert!(run(&["networks", &states]).1.contains(told));
    assert!(!run(&["networks", &nad]).1.contains("interfaces of"));
}
