//! /metrics is what docs/metrics.md says, valid OpenMetrics, and bounded whatever clients send.

use crate::bodies::{nad, object, review};
use crate::client::{Sender, review as request};
use crate::process::get;
use crate::server::{Options, Running};
use kubevirt_preflight::finding::{Finding, Level};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A family of metrics.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    has_help: bool,
    /// The series: name with its suffix, labels, value.
    samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

/// Reads the OpenMetrics text format, strictly: what the format does not allow is an error.
fn parse(text: &str) -> Result<BTreeMap<String, Family>, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("it does not end with # EOF")?;
    let (mut families, mut current): (BTreeMap<String, Family>, _) = (BTreeMap::new(), String::new());
    let mut seen = BTreeSet::new();
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let [word, name, value] = rest.splitn(3, ' ').collect::<Vec<_>>()[..] else { return Err(line.into()) };
            if name != current && families.contains_key(name) {
                return Err(format!("{name} is not in one piece"));
            }
            name.clone_into(&mut current);
            let family = families.entry(current.clone()).or_default();
            match word {
                "TYPE" if family.kind.is_empty() && family.samples.is_empty() => value.clone_into(&mut family.kind),
                "HELP" if !family.has_help && family.samples.is_empty() => family.has_help = !value.is_empty(),
                "UNIT" if name.ends_with(&format!("_{value}")) => {}
                _ => return Err(format!("{line}: not here")),
            }
            continue;
        }
        let (name, labels, value) = sample(line).ok_or_else(|| format!("{line}: no sample"))?;
        let family = families.get_mut(&current).ok_or_else(|| format!("{line}: before its TYPE"))?;
        let suffixes: &[&str] = match family.kind.as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            "info" => &["_info"],
            "histogram" => &["_bucket", "_sum", "_count"],
            other => return Err(format!("{other} is no type")),
        };
        let suffix = name.strip_prefix(current.as_str()).ok_or_else(|| format!("{line}: among {current}"))?;
        let fits = suffixes.contains(&suffix) && (family.kind == "gauge" || value >= 0.0);
        if !fits || (suffix == "_bucket") != labels.contains_key("le") || !seen.insert((name.clone(), labels.clone())) {
            return Err(format!("{line}: wrong name, labels or value, or twice"));
        }
        family.samples.push((name, labels, value));
    }
    Ok(families)
}

/// `name{label="value",...} value`
fn sample(line: &str) -> Option<(String, BTreeMap<String, String>, f64)> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"")?;
            let end = after.find(['"', '\\', '\n'])?;
            let (value, after) = after.split_at(end);
            let after = after.strip_prefix('"')?;
            rest = after.strip_prefix(',').unwrap_or(after);
            labels.insert(label.to_owned(), value.to_owned()).is_none().then_some(())?;
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ')?.parse().ok()?;
    (!name.is_empty()).then(|| (name.to_owned(), labels, value))
}

/// The metrics of a server, and the content type.
async fn scrape(running: &Running) -> BTreeMap<String, Family> {
    let (status, headers, text) = get(running.addresses.observe, "/metrics").await;
    assert_eq!(status, 200);
    assert_eq!(headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Requests that lead to each kind of answer, and the rest by hand: every family has a series.
async fn exercised() -> Running {
    let running = Running::start(Options::default()).await;
    for range in ["192.168.150.0/24", "10.244.7.0/24"] {
        let mut sender = Sender::to(&running, "http/1.1").await;
        sender.post(review("CREATE", nad(range), Value::Null)).await.unwrap();
        sender.post(&b"{"[..]).await.unwrap();
    }
    let metrics = &running.metrics;
    for reason in ["reviews", "bytes", "large reviews", "late", "stopping", "unsynced"] {
        metrics.shed(reason);
    }
    for reason in ["refused", "timeout", "no-certificate"] {
        metrics.handshake_failed(reason);
    }
    for reason in ["first-request", "idle", "evicted", "stopping"] {
        metrics.connection_ended(reason);
    }
    for (what, well) in [("policy", true), ("networks", false), ("world", true), ("certificate", false)] {
        metrics.reloaded(what, well);
    }
    let found = [("default-route", Level::Deny), ("tight-range", Level::Warn)];
    let object = object(&nad("10.244.7.0/24")).reference().clone();
    let found = found.map(|(rule, level)| Finding { level, ..Finding::new(rule, &object, "") });
    metrics.set_findings(&found);
    for result in ["written", "failed", "dropped"] {
        metrics.event(result);
    }
    for (source, state) in [("policy", "ready"), ("networks", "bad"), ("world", "ready")] {
        metrics.set_source(source, state);
    }
    for certificate in ["leaf", "ca"] {
        metrics.set_expiry(certificate, Some(2_000_000_000));
    }
    metrics.set_trusted(true);
    for step in ["read", "issue", "write", "publish", "show"] {
        metrics.certificate_failed(step);
    }
    for result in ["made", "sent", "failed"] {
        metrics.spans(result, 1);
    }
    metrics.answered(200, Duration::from_micros(70));
    running
}

/// The rows of the tables of docs/metrics.md whose first heading is `heading`.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let page = std::fs::read_to_string(page).unwrap();
    let head = format!("\n| {heading} |");
    let tables = page.split(&head).skip(1);
    let lines = tables.flat_map(|table| table.lines().skip(2).take_while(|line| line.starts_with('|')));
    let cells = |line: &str| {
        let cells: Vec<_> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
        cells[1..cells.len() - 1].to_vec()
    };
    lines.map(cells).collect()
}

/// What stands between backticks.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_tables_are_what_metrics_has() {
    let families = scrape(&exercised().await).await;
    let suffix = |kind: &str| match kind {
        "counter" => "_total",
        "info" => "_info",
        _ => "",
    };
    let has: BTreeMap<_, _> = families
        .iter()
        .map(|(name, family)| {
            assert!(family.has_help && !family.samples.is_empty(), "{name}: {family:?}");
            let labels = family.samples.iter().flat_map(|(_, labels, _)| labels.keys().cloned());
            let labels: BTreeSet<_> = labels.filter(|label| label != "le").collect();
            (format!("{name}{}", suffix(&family.kind)), (family.kind.clone(), labels))
        })
        .collect();
    let says: BTreeMap<_, _> = rows("Metric")
        .iter()
        .map(|row| {
            assert_eq!(row.len(), 5, "{row:?}");
            (row[0].replace('`', ""), (row[1].clone(), quoted(&row[2])))
        })
        .collect();
    assert_eq!(has, says, "docs/metrics.md (right) does not say what /metrics has (left)");
}

#[tokio::test]
async fn the_table_of_labels_has_every_label_and_value() {
    let families = scrape(&exercised().await).await;
    let says: BTreeMap<_, _> = rows("Label").into_iter().map(|row| (row[0].replace('`', ""), row[1].clone())).collect();
    let mut has: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (label, value) in families.values().flat_map(|family| &family.samples).flat_map(|(_, labels, _)| labels) {
        has.entry(label.clone()).or_default().insert(value.clone());
    }
    assert_eq!(has.keys().collect::<Vec<_>>(), says.keys().collect::<Vec<_>>());
    for open in ["code", "kind", "namespace", "rule", "source", "version", "le"] {
        has.remove(open);
    }
    for (label, values) in has {
        let known = quoted(&says[&label]);
        assert!(values.is_subset(&known), "{label}: {values:?} and not {known:?}");
        if !["verdict", "operation"].contains(&label.as_str()) {
            assert_eq!(values, known, "{label}");
        }
    }
}

#[tokio::test]
async fn labels_do_not_grow_with_what_clients_send() {
    let running = exercised().await;
    let mut sender = Sender::to(&running, "http/1.1").await;
    let odd = |n: usize| {
        let mut body: Value = serde_json::from_slice(&review("CREATE", nad("10.244.7.0/24"), Value::Null)).unwrap();
        body["request"]["kind"]["kind"] = json!(format!("Kind{n}"));
        body["request"]["operation"] = json!(["CREATE", "CONNECT", "DELETE", "EAT"][n % 4]);
        body["request"]["userInfo"]["username"] = json!(format!("user-{n}"));
        body["request"]["uid"] = json!(format!("uid-{n}"));
        body.to_string()
    };
    let count =
        |families: &BTreeMap<String, Family>| families.values().map(|family| family.samples.len()).sum::<usize>();
    let mut counts = Vec::new();
    for round in 0..2 {
        for n in 0..40 {
            let n = round * 40 + n;
            sender.send(request(odd(n), &format!("timeout={n}s"))).await.unwrap();
        }
        counts.push(count(&scrape(&running).await));
    }
    assert_eq!(counts[0], counts[1]);
    let kinds = scrape(&running).await;
    let kinds = kinds["kubevirt_preflight_reviews"].samples.iter().map(|(_, labels, _)| labels["kind"].clone());
    assert_eq!(kinds.collect::<BTreeSet<_>>(), ["NetworkAttachmentDefinition".to_owned(), "other".to_owned()].into());
}

#[test]
fn the_parser_is_strict() {
    let good = "# HELP a A.\n# TYPE a counter\na_total{x=\"1\"} 1\n# EOF\n";
    assert!(parse(good).is_ok());
    for (from, to) in [
        ("# EOF\n", ""),
        ("a_total", "a"),
        ("a_total", "b_total"),
        ("counter", "number"),
        ("} 1", "} one"),
        ("} 1", "} -1"),
        ("x=\"1\"", "x=\"1"),
        ("x=\"1\"", "le=\"1\""),
        ("# HELP a A.\n", "# HELP a A.\n# HELP a A.\n"),
        ("} 1\n", "} 1\na_total{x=\"1\"} 1\n"),
        ("} 1\n", "} 1\n\n"),
    ] {
        assert!(parse(&good.replace(from, to)).is_err(), "{from} {to}");
    }
}
