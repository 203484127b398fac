//! One report in every format; what each must keep of it.

use super::*;
use crate::finding::{Fact, Role};
use crate::net::parse::strict_interval;
use crate::networks::{Class, Confidence, Origin};
use crate::place::Place;
use crate::review::Excepted;

const FILE: &str = "a dir/nad,1.yaml";
const TEXT: &str =
    "kind: NetworkAttachmentDefinition\nspec:\n  config: |\n    {\"ipam\": {\"range\": \"10.244.1.0/24\"}}\n";

fn object(kind: &str, namespace: Option<&str>, name: &str) -> ObjectRef {
    let api_version = if kind == "Policy" { "kubevirt-preflight.io/v1alpha1" } else { "k8s.cni.cncf.io/v1" };
    let namespace = namespace.map(str::to_owned);
    ObjectRef { api_version: api_version.into(), kind: kind.into(), namespace, name: name.into() }
}

fn place(line: usize, column: usize) -> Place {
    Place { file: FILE.into(), line, column }
}

fn overlap(nad: &ObjectRef) -> Finding {
    let origin = Origin::new(object("IPPool", None, "default-pool"), "spec.cidr");
    let fact = Fact {
        class: Class::Pod,
        interval: strict_interval("10.244.0.0/16").unwrap(),
        origin,
        confidence: Confidence::Live,
    };
    Finding {
        fact: Some(fact),
        referrer: Some(object("KubeVirt", Some("kubevirt"), "kubevirt")),
        role: Role::Reference("kubevirt/mig".into()),
        pointer: Some("/ipam/range".into()),
        place: Some(place(4, 15)),
        document: Some(0),
        ..Finding::new("pod-network-overlap", nad, "10.244.1.0/24 10.244.0.0/16")
    }
    .at("spec.config")
    .says("100% of it\nmeets pods, \u{1b}[31mred.", "Use another.")
}

/// Two findings of one NAD, one of the world, one of the policy, one excepted.
pub(crate) fn sample() -> Report {
    let nad = object("NetworkAttachmentDefinition", Some("kubevirt"), "mig");
    let tight =
        Finding { level: Level::Warn, place: Some(place(2, 1)), ..Finding::new("tight-range", &nad, "10.244.1.0/24") };
    let elsewhere = Finding::new("missing-attachment", &object("KubeVirt", Some("kubevirt"), "kubevirt"), "kubevirt/x")
        .at("spec.configuration.migrations.network")
        .says("There is no kubevirt/x.", "");
    let expired =
        Finding { level: Level::Warn, ..Finding::new("expired-exception", &object("Policy", None, "p.yaml"), "x") }
            .at("exceptions[0].expires")
            .says("The exception expired.", "Renew it.");
    let hidden =
        Finding { place: Some(place(4, 6)), ..Finding::new("default-route", &nad, "IPv4") }.says("A default.", "No.");
    let excepted = Excepted { finding: hidden, reason: "lab, until 9".into(), expires: "2026-12-01".parse().unwrap() };
    let not_judged = NotJudged {
        file: "chart/t.yaml".into(),
        line: 7,
        object: None,
        reason: "Not rendered: run helm template.".into(),
    };
    Report {
        review: Review {
            findings: vec![
                overlap(&nad),
                elsewhere,
                tight.says("Few addresses are left.", "Widen the range."),
                expired,
            ],
            excepted: vec![excepted],
        },
        given: Given::Documents,
        documents: 3,
        judged: vec![nad, object("NetworkAttachmentDefinition", Some("kubevirt"), "good")],
        named: true,
        bystanders: vec![object("NetworkAttachmentDefinition", None, "other")],
        not_judged: vec![not_judged],
        notes: vec!["Overlays are not applied.".into()],
        sources: BTreeMap::from([(FILE.into(), TEXT.into())]),
    }
}

fn text(report: &Report, look: text::Look) -> String {
    let mut out = String::new();
    text::write(report, look, &mut out).unwrap();
    out
}

#[test]
fn text_shows_the_line_the_caret_and_what_to_do() {
    insta::assert_snapshot!(text(&sample(), text::Look::default()), @r#"
    deny[pod-network-overlap]: 100% of it meets pods, ␛[31mred.
     --> a dir/nad,1.yaml:4:15
      |
    4 |     {"ipam": {"range": "10.244.1.0/24"}}
      |               ^^^^^^^
      |
      = help: Use another.

    deny[missing-attachment]: There is no kubevirt/x.
     |
     = where: KubeVirt kubevirt/kubevirt, spec.configuration.migrations.network

    warn[tight-range]: Few addresses are left.
     --> a dir/nad,1.yaml:2:1
      |
    2 | spec:
      | ^^^^
      |
      = help: Widen the range.

    warn[expired-exception]: The exception expired.
     |
     = where: Policy p.yaml, exceptions[0].expires
     = help: Renew it.

    excepted: a dir/nad,1.yaml:4:6: default-route, NetworkAttachmentDefinition kubevirt/mig, until 2026-12-01: lab, until 9
    note: chart/t.yaml:7: Not rendered: run helm template.
    note: Overlays are not applied.
    3 documents, 2 networks judged: 2 denied, 2 warnings, 1 excepted.
    "#);
}

#[test]
fn quiet_text_is_the_findings_alone_and_colour_is_a_choice() {
    let quiet = text(&sample(), text::Look { quiet: true, ..Default::default() });
    assert!(!quiet.contains("excepted") && !quiet.contains("judged:") && quiet.contains("tight-range"), "{quiet}");
    let clean = Report { review: Review::default(), ..sample() };
    assert_eq!(text(&clean, text::Look { quiet: true, ..Default::default() }), "");
    assert!(text(&sample(), text::Look { color: true, quiet: false }).contains('\u{1b}'));
    assert!(!quiet.contains('\u{1b}'));
}

#[test]
fn documents_without_a_judged_network_are_said_to_be_so() {
    let missing = Report { judged: Vec::new(), ..sample() };
    insta::assert_snapshot!(missing.nothing_judged().unwrap(), @"No network was judged: none of the documents is the network that is named.");
    let report = Report { named: false, ..missing };
    insta::assert_snapshot!(report.nothing_judged().unwrap(), @"No network was judged: no KubeVirt or HyperConverged here names one; --all-nads would judge 1 NetworkAttachmentDefinition (other), --migration-network NS/NAME judges the one that a KubeVirt elsewhere names.");
    let none = Report { bystanders: Vec::new(), ..report };
    insta::assert_snapshot!(none.nothing_judged().unwrap(), @"No network was judged: there is neither a KubeVirt or HyperConverged that names one here nor a NetworkAttachmentDefinition; --migration-network NS/NAME judges the one that a KubeVirt elsewhere names.");
    assert_eq!(sample().nothing_judged(), None);
    assert!(text(&none, text::Look::default()).contains("No network was judged"));
}

#[test]
fn levels_decide_the_exit() {
    let mut report = sample();
    assert!(report.reaches(Level::Deny) && report.reaches(Level::Warn));
    report.review.findings.retain(|finding| finding.level == Level::Warn);
    assert!(!report.reaches(Level::Deny) && report.reaches(Level::Warn));
    report.review.findings.clear();
    assert!(!report.reaches(Level::Warn), "what is excepted reaches nothing");
}

#[test]
fn json_is_the_contract() {
    let json: serde_json::Value = serde_json::from_str(&json::render(&sample()).unwrap()).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&json), "excepted findings notJudged summary version");
    assert_eq!(json["summary"], serde_json::json!({"documents": 3, "judged": 2, "deny": 2, "warn": 2, "excepted": 1}));
    let finding = "column fact file help level line message object path pointer referrer rule subject";
    for entry in json["findings"].as_array().unwrap() {
        assert_eq!(keys(entry), finding);
        assert_eq!(keys(&entry["object"]), "apiVersion kind name namespace");
    }
    assert_eq!(
        json["findings"][0]["fact"],
        serde_json::json!({"class": "pod", "interval": "10.244.0.0/16", "confidence": "live",
            "origin": {"path": "spec.cidr",
                "object": {"apiVersion": "k8s.cni.cncf.io/v1", "kind": "IPPool", "namespace": null, "name": "default-pool"}}})
    );
    assert_eq!((&json["findings"][0]["line"], &json["findings"][0]["column"]), (&4.into(), &15.into()));
    assert!(json["findings"][1]["file"].is_null() && json["findings"][1]["pointer"].is_null());
    assert_eq!(json["excepted"][0]["reason"], "lab, until 9");
    assert_eq!(json["excepted"][0]["expires"], "2026-12-01");
    assert_eq!(
        json["notJudged"],
        serde_json::json!([{"file": "chart/t.yaml", "line": 7, "object": null,
            "reason": "Not rendered: run helm template."}])
    );
}

#[test]
fn sarif_reads_back_with_every_result() {
    use serde_sarif::sarif::{ResultLevel, Sarif};
    let report = sample();
    let sarif: Sarif = serde_json::from_str(&sarif::render(&report).unwrap()).unwrap();
    let [run] = sarif.runs.as_slice() else { panic!("one run") };
    let rules = run.tool.driver.rules.as_deref().unwrap();
    assert_eq!(rules.len(), crate::rules::RULES.len());
    assert!(rules.iter().all(|rule| rule.help.as_ref().unwrap().markdown.is_some()));
    let results = run.results.as_deref().unwrap();
    assert_eq!(results.len(), report.review.findings.len() + report.review.excepted.len());
    for result in results {
        let at = usize::try_from(result.rule_index.unwrap()).unwrap();
        assert_eq!(result.rule_id.as_deref(), Some(rules[at].id.as_str()));
        let location = &result.locations.as_ref().unwrap()[0];
        let physical = location.physical_location.as_ref().unwrap();
        assert!(physical.region.as_ref().unwrap().start_line.unwrap() >= 1);
        assert_eq!(location.logical_locations.as_ref().unwrap().len(), 1);
    }
    let uri = |at: usize| {
        let physical = results[at].locations.as_ref().unwrap()[0].physical_location.as_ref().unwrap();
        physical.artifact_location.as_ref().unwrap().uri.clone().unwrap()
    };
    assert_eq!([uri(0), uri(1), uri(3)], ["a%20dir/nad%2C1.yaml", "a%20dir/nad%2C1.yaml", "p.yaml"]);
    assert!(
        matches!(results[0].level, Some(ResultLevel::Error)) && matches!(results[2].level, Some(ResultLevel::Warning))
    );
    assert!(results[..4].iter().all(|result| result.suppressions.is_none()));
    let suppression = &results[4].suppressions.as_ref().unwrap()[0];
    assert_eq!(suppression.justification.as_deref(), Some("lab, until 9 (until 2026-12-01)"));
}

#[test]
fn a_fingerprint_is_of_the_cause_not_of_place_or_wording() {
    let print = |report: &Report| {
        let json: serde_json::Value = serde_json::from_str(&sarif::render(report).unwrap()).unwrap();
        json["runs"][0]["results"][0]["partialFingerprints"]["kubevirtPreflight/v1"].as_str().unwrap().to_owned()
    };
    let changed = |change: fn(&mut Finding)| {
        let mut report = sample();
        change(&mut report.review.findings[0]);
        print(&report)
    };
    let before = print(&sample());
    assert_eq!(before.len(), 32);
    assert_eq!(before, changed(|finding| finding.message = "other".into()));
    assert_eq!(before, changed(|finding| finding.place = None));
    assert_ne!(before, changed(|finding| finding.subject = "other".into()));
    assert_ne!(before, changed(|finding| finding.role = Role::Candidate));
    assert_ne!(before, changed(|finding| finding.object.namespace = None));
}

#[test]
fn github_commands_are_one_line_each_and_escaped() {
    let mut out = String::new();
    github::write(&sample(), &mut out).unwrap();
    insta::assert_snapshot!(out, @"
    ::error file=a dir/nad%2C1.yaml,line=4,col=15,title=pod-network-overlap::100%25 of it%0Ameets pods, �[31mred. Use another.
    ::error title=missing-attachment::KubeVirt kubevirt/kubevirt: There is no kubevirt/x.
    ::warning file=a dir/nad%2C1.yaml,line=2,col=1,title=tight-range::Few addresses are left. Widen the range.
    ::warning title=expired-exception::Policy p.yaml: The exception expired. Renew it.
    ::notice file=a dir/nad%2C1.yaml,line=4,col=6,title=default-route::NetworkAttachmentDefinition kubevirt/mig is excepted until 2026-12-01: lab, until 9
    ::notice file=chart/t.yaml,line=7,col=1,title=not judged::Not rendered: run helm template.
    ::notice title=kubevirt-preflight::Overlays are not applied.
    3 documents, 2 networks judged: 2 denied, 2 warnings, 1 excepted.
    ");
}

#[test]
fn junit_fails_the_objects_that_reach_the_level() {
    let warn = junit::render(&sample(), Level::Warn).unwrap();
    assert!(warn.contains(r#"tests="5""#) && warn.contains(r#"failures="3""#), "{warn}");
    insta::assert_snapshot!(junit::render(&sample(), Level::Deny).unwrap(), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="kubevirt-preflight" tests="5" skipped="1" failures="2" errors="0">
        <testsuite name="kubevirt-preflight" tests="5" skipped="1" errors="0" failures="2">
            <testcase name="KubeVirt kubevirt/kubevirt" classname="KubeVirt">
                <failure message="There is no kubevirt/x." type="missing-attachment">deny missing-attachment: There is no kubevirt/x.</failure>
            </testcase>
            <testcase name="NetworkAttachmentDefinition kubevirt/good" classname="NetworkAttachmentDefinition"/>
            <testcase name="NetworkAttachmentDefinition kubevirt/mig" classname="NetworkAttachmentDefinition">
                <failure message="100% of it
    meets pods, red." type="pod-network-overlap">a dir/nad,1.yaml:4:15: deny pod-network-overlap: 100% of it
    meets pods, red. Use another.</failure>
                <system-out>a dir/nad,1.yaml:2:1: warn tight-range: Few addresses are left. Widen the range.
    a dir/nad,1.yaml:4:6: deny default-route: A default. No. (excepted until 2026-12-01: lab, until 9)</system-out>
            </testcase>
            <testcase name="Policy p.yaml" classname="Policy">
                <system-out>warn expired-exception: The exception expired. Renew it.</system-out>
            </testcase>
            <testcase name="chart/t.yaml:7" classname="not judged">
                <skipped message="Not rendered: run helm template."/>
            </testcase>
            <system-out>Overlays are not applied.
    3 documents, 2 networks judged: 2 denied, 2 warnings, 1 excepted.</system-out>
        </testsuite>
    </testsuites>
    "#);
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    let all = || {
        let report = sample();
        let mut github = String::new();
        github::write(&report, &mut github).unwrap();
        [
            text(&report, text::Look::default()),
            github,
            json::render(&report).unwrap(),
            sarif::render(&report).unwrap(),
            junit::render(&report, Level::Deny).unwrap(),
        ]
    };
    assert_eq!(all(), all());
}

#[test]
fn rules_list_every_rule_with_the_levels_of_the_policy() {
    let policy = crate::policy::Policy::parse(
        "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: Policy\nrules: {tight-range: deny}\nunknown: deny",
        "p",
    )
    .unwrap();
    let table = rules::text(&policy);
    assert_eq!(table.lines().count(), crate::rules::RULES.len() + 1);
    let row = |id: &str| table.lines().find(|line| line.starts_with(&format!("{id} "))).unwrap().to_owned();
    let words = |id: &str| row(id).split_whitespace().skip(1).take(4).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words("tight-range"), ["deny", "warn", "warn", "-"]);
    assert_eq!(words("opaque-config"), ["deny", "unknown", "unknown", "unknown"]);
    let json: serde_json::Value = serde_json::from_str(&rules::json(&policy).unwrap()).unwrap();
    assert_eq!(json["rules"].as_array().unwrap().len(), crate::rules::RULES.len());
    assert_eq!(rules::markdown("x").lines().count(), crate::rules::RULES.len() + 2);
}

#[test]
fn a_page_is_found_or_the_nearest_rule_named() {
    assert!(rules::page("default-route").unwrap().starts_with("# default-route"));
    assert!(rules::page("pod-overlap").unwrap_err().contains("pod-network-overlap"));
}

#[test]
fn json_satisfies_its_own_schema_by_key() {
    let schema: serde_json::Value = serde_json::from_str(&schema::render("check").unwrap().unwrap()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json::render(&sample()).unwrap()).unwrap();
    let required = |schema: &serde_json::Value| {
        let mut keys: Vec<_> =
            schema["required"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect();
        keys.sort();
        keys
    };
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(required(&schema), keys(&json));
    assert_eq!(required(&schema["$defs"]["Entry"]), keys(&json["findings"][0]));
    assert_eq!(required(&schema["$defs"]["ExceptedEntry"]), keys(&json["excepted"][0]));
    assert!(schema::render("nothing").is_none());
}
