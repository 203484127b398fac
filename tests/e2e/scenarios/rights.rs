use crate::lab::{Lab, NAME, kubevirt, nad};
use std::collections::BTreeSet;
use std::fs;

pub fn of_users(lab: &mut Lab) {
    let before = lab.metrics().reviews();
    for write in [kubevirt("kubevirt", "mig"), nad("mig", "10.244.5.0/24")] {
        let said = lab.kubectl_as("jane", &["create", "-f", "-"], &write);
        lab.refused("a write without the right to it", &said, &["Forbidden"]);
        lab.check("none of our words", said.findings().is_empty(), &said.text);
    }
    let after = lab.metrics().reviews();
    lab.check("we were not asked", after.total_cmp(&before).is_eq(), &format!("{before} before, {after} after"));
}

const NAMESPACES: [&str; 4] = [NAME, "kube-system", "default", "kubevirt"];

/// The list of tests/e2e/rights.txt is what `kubectl auth can-i --list` says, less what every account may. GENERATE=1 writes it.
pub fn of_ours(lab: &mut Lab) {
    let account = format!("--as=system:serviceaccount:{NAME}:{NAME}");
    let own = |namespace: &str| {
        let list = |account: &str| -> BTreeSet<String> {
            let said = lab.kubectl(&["-n", namespace, "auth", "can-i", "--list", "--no-headers", account]);
            said.text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
        };
        list(&account).difference(&list("--as=system:serviceaccount:kubevirt:nobody")).cloned().collect::<BTreeSet<_>>()
    };
    let rights = NAMESPACES.map(own);
    let everywhere = rights.iter().skip(1).fold(rights[0].clone(), |all, one| all.intersection(one).cloned().collect());
    let mut told: String = everywhere.iter().map(|line| format!("everywhere: {line}\n")).collect();
    for (namespace, own) in NAMESPACES.iter().zip(&rights) {
        told.extend(own.difference(&everywhere).map(|line| format!("{namespace}: {line}\n")));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/rights.txt");
    if std::env::var_os("GENERATE").is_some() {
        fs::write(path, &told).unwrap();
    }
    let listed = fs::read_to_string(path).unwrap_or_default();
    let more: Vec<_> = told.lines().filter(|line| !listed.lines().any(|one| one == *line)).collect();
    let less: Vec<_> = listed.lines().filter(|line| !told.lines().any(|one| one == *line)).collect();
    lab.check(
        "our account's rights",
        more.is_empty() && less.is_empty(),
        &format!("beyond the list: {more:?}\nof the list and not there: {less:?}"),
    );
}
