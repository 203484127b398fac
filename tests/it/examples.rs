//! Every example bundle gives exactly the verdicts that its files announce, and the demo runs.

use crate::{files, json, root, verdicts};
use std::fs;
use std::path::Path;

/// The values of header lines like `# Expect: deny default-route` in the files of a bundle.
fn headers(bundle: &Path, key: &str) -> Vec<String> {
    let texts = files(bundle).into_iter().map(|path| fs::read_to_string(path).unwrap());
    let lines = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    lines.filter_map(|line| line.strip_prefix(&format!("# {key}: ")).map(str::to_owned)).collect()
}

#[test]
fn every_bundle_gives_what_it_announces() {
    for kind in ["good", "bad"] {
        let mut bundles: Vec<_> =
            fs::read_dir(root().join("examples").join(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
        bundles.sort();
        assert!(bundles.len() >= 3);
        for bundle in bundles {
            let name = bundle.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            let flags = headers(&bundle, "Flags").join(" ");
            let flags: Vec<_> = flags.split_whitespace().collect();
            let found =
                verdicts(&json(&[&[name.as_str(), "--networks", "examples/cluster.yaml"], flags.as_slice()].concat()));
            let mut expected = headers(&bundle, "Expect");
            expected.sort();
            assert_eq!(found, expected, "{name}");
            assert_eq!(expected.is_empty(), kind == "good", "{name}");
        }
    }
}

#[test]
fn the_demo_runs() {
    let program = Path::new(env!("CARGO_BIN_EXE_kubevirt-preflight")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let output =
        std::process::Command::new("sh").arg(root().join("examples/demo.sh")).env("PATH", path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}{text}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("deny[pod-network-overlap]") && text.contains("0 denied"), "{text}");
}
