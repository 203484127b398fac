//! The core has no file system, no sockets, no clock, no environment and nothing asynchronous.

use crate::{files, root};

const FORBIDDEN: [&str; 17] = [
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::io::std",
    "std::net::Tcp",
    "std::net::Udp",
    "net::TcpStream",
    "SystemTime",
    "Instant::",
    "Timestamp::now",
    "Zoned::now",
    "async fn",
    "async move",
    ".await",
    "use clap",
    "use anyhow",
];

/// The words of `source` that the core may not use; tests at the end of a file may.
fn impure(source: &str) -> Vec<&'static str> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = || code.lines().filter(|line| !line.trim_start().starts_with("//"));
    FORBIDDEN.into_iter().filter(|word| lines().any(|line| line.contains(word))).collect()
}

#[test]
fn the_core_is_pure() {
    let sources = files(&root().join("src"));
    let core = sources.iter().filter(|path| {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        let shell = name == "src/main.rs"
            || ["src/cli", "src/serve", "src/standing", "src/watch"].iter().any(|shell| name.starts_with(shell));
        let tests = name.ends_with("/tests.rs") || name.contains("/tests/");
        path.extension().is_some_and(|end| end == "rs") && !shell && !tests
    });
    let bad: Vec<_> = core
        .map(|path| (path, impure(&std::fs::read_to_string(path).unwrap())))
        .filter(|(_, words)| !words.is_empty())
        .collect();
    assert!(bad.is_empty(), "these belong into src/cli: {bad:?}");
}

#[test]
fn the_check_sees_what_it_forbids() {
    assert_eq!(impure("fn a() { std::fs::read(\"x\"); }"), ["std::fs"]);
    assert_eq!(impure("let t = SystemTime::now();\n"), ["SystemTime"]);
    assert_eq!(impure("/// std::fs in a comment\nfn a() {}\n#[cfg(test)]\nmod tests { use std::fs; }"), [""; 0]);
    let shell = std::fs::read_to_string(root().join("src/cli/files.rs")).unwrap();
    assert!(impure(&shell).contains(&"use anyhow"), "the shell would not pass");
}
