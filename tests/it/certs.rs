//! `certs`: what it writes, what it keeps, and that clients accept it.

use crate::{preflight, run};
use kubevirt_preflight::serve::certificates::pair::{Cert, Key, Pair};
use kubevirt_preflight::serve::certificates::trust;
use rustls::pki_types::ServerName;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

fn certs(dir: &Path, more: &[&str]) -> (i32, String, String) {
    run(&[&["certs", "--dir", dir.to_str().unwrap()], more].concat())
}

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}

/// Why a client that trusts `ca.crt` would refuse the pair under these names, so many days from now.
fn fault(dir: &Path, names: &[&str], days: i64) -> Option<String> {
    let (ca, leaf) = (Cert::parse(&read(dir, "ca.crt")).unwrap(), Cert::parse(&read(dir, "tls.crt")).unwrap());
    let pair = Pair::of(leaf, Key::parse(&read(dir, "tls.key")).unwrap()).unwrap();
    let names: Vec<_> = names.iter().map(|name| ServerName::try_from((*name).to_owned()).unwrap()).collect();
    trust::fault(pair.cert(), [&ca], &names, jiff::Timestamp::now().as_second() + days * 24 * 3600)
}

#[test]
fn a_set_that_clients_accept_is_written_and_then_kept() {
    let top = tempfile::tempdir().unwrap();
    let dir = top.path().join("not/there yet");
    let (code, out, err) = certs(&dir, &[]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    for word in ["ca.crt: ", "tls.crt: valid for localhost, 127.0.0.1, ::1 until ", "tls.key: ", "key is not kept"] {
        assert!(out.contains(word), "{out}");
    }
    assert!(out.lines().last().unwrap().starts_with("Next: kubevirt-preflight serve --tls-cert '"), "{out}");
    assert_eq!(fault(&dir, &["localhost", "127.0.0.1", "::1"], 364), None);
    assert!(fault(&dir, &["localhost"], 366).is_some());
    assert!(fault(&dir, &["example.org"], 0).is_some());
    assert_eq!(fs::metadata(dir.join("tls.key")).unwrap().permissions().mode() & 0o777, 0o600);
    let mut names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["ca.crt", "tls.crt", "tls.key"]);

    let before = read(&dir, "tls.crt");
    let (code, out, _) = certs(&dir, &["--name", "localhost"]);
    assert_eq!(code, 0);
    assert!(out.contains("kept, valid for localhost until") && out.contains("--force"), "{out}");
    assert_eq!(read(&dir, "tls.crt"), before);
    let (_, out, _) = certs(&dir, &["--force"]);
    assert!(out.contains("--force"), "{out}");
    assert_ne!(read(&dir, "tls.crt"), before);
}

#[test]
fn what_does_not_do_is_replaced_whole_and_the_reason_told() {
    let top = tempfile::tempdir().unwrap();
    let dir = top.path();
    assert_eq!(certs(dir, &[]).0, 0);
    let other = tempfile::tempdir().unwrap();
    assert_eq!(certs(other.path(), &["--days", "1"]).0, 0);
    let cases: [(&str, &dyn Fn(), &str); 5] = [
        ("names", &|| (), "does not do for another day"),
        ("a key of another", &|| drop(fs::copy(other.path().join("tls.key"), dir.join("tls.key"))), "not the key of"),
        ("half a file", &|| fs::write(dir.join("tls.crt"), &read(dir, "tls.crt")[..99]).unwrap(), "cannot be read"),
        ("a file less", &|| fs::remove_file(dir.join("ca.crt")).unwrap(), "ca.crt was not there"),
        (
            "left by a run that was cut off",
            &|| {
                fs::write(dir.join(".tls.key.new"), "half").unwrap();
                fs::remove_file(dir.join("tls.crt")).unwrap();
            },
            "tls.crt was not there",
        ),
    ];
    for (what, damage, word) in cases {
        damage();
        let (code, out, err) = certs(dir, &["--name", "preflight.kubevirt.svc"]);
        assert_eq!((code, err.as_str()), (0, ""), "{what}");
        assert!(out.contains(word), "{what}: {out}");
        assert_eq!(fault(dir, &["preflight.kubevirt.svc"], 300), None, "{what}");
        assert_eq!(fs::metadata(dir.join("tls.key")).unwrap().permissions().mode() & 0o777, 0o600, "{what}");
    }
    // Another day is more than the one that is left of it.
    let (_, out, _) = certs(other.path(), &["--days", "2"]);
    assert!(out.contains("does not do for another day"), "{out}");
}

#[test]
fn several_at_once_leave_one_set() {
    let dir = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubevirt-preflight"));
        let command = command.args(["certs", "--force", "--dir", dir.path().to_str().unwrap()]);
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let running: Vec<_> = (0..8).map(|_| start()).collect();
    for mut process in running {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(fault(dir.path(), &["localhost"], 0), None);
}

#[test]
fn what_is_wrong_is_told_with_a_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for (arguments, word) in [
        (vec!["--dir", file.to_str().unwrap()], "name another one by --dir"),
        (vec!["--name", "*.example.org"], "without a wildcard"),
        (vec!["--name", "two words"], "a DNS name"),
        (vec!["--days", "0"], "1..=3650"),
    ] {
        let (code, out, err) = run(&[&["certs"], &arguments[..]].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(err.contains(word), "{arguments:?}: {err}");
    }
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    // Root may write everywhere.
    if fs::metadata(&closed).unwrap().uid() != 0 {
        let (code, _, err) = certs(&closed, &[]);
        assert!(code == 2 && err.contains("may be written to"), "{err}");
    }
    // A directory in the place of a file stops root, too.
    fs::create_dir_all(dir.path().join("set/tls.crt/full")).unwrap();
    let (code, _, err) = certs(&dir.path().join("set"), &[]);
    assert!(code == 2 && err.contains("cannot be replaced") && err.contains("remove it"), "{err}");
}

#[test]
fn openssl_accepts_the_set() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(certs(dir.path(), &[]).0, 0);
    let openssl = |arguments: &[&str]| Command::new("openssl").args(arguments).current_dir(dir.path()).output();
    let Ok(output) = openssl(&[
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-verify_hostname",
        "localhost",
        "-CAfile",
        "ca.crt",
        "tls.crt",
    ]) else {
        eprintln!("openssl is not there; that rustls accepts the set is tested all the same");
        return;
    };
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("tls.crt: OK"), "{text}");
    let text = String::from_utf8(openssl(&["x509", "-in", "tls.crt", "-noout", "-text"]).unwrap().stdout).unwrap();
    for word in
        ["CA:FALSE", "Digital Signature", "TLS Web Server Authentication", "Authority Key Identifier", "prime256v1"]
    {
        assert!(text.contains(word), "{word}: {text}");
    }
    let text = String::from_utf8(openssl(&["x509", "-in", "ca.crt", "-noout", "-text"]).unwrap().stdout).unwrap();
    for word in ["CA:TRUE, pathlen:0", "Certificate Sign", "Subject Key Identifier", "CN = kubevirt-preflight CA "] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn the_folder_for_development_is_ignored_by_git_but_for_its_page() {
    let ignored = |path: &str| {
        let status = Command::new("git").args(["check-ignore", "--quiet", path]).current_dir(crate::root()).status();
        status.ok().and_then(|status| status.code())
    };
    // Neither where there is no git, nor where this is no repository.
    if let Some(0 | 1) = ignored("certs/README.md") {
        assert_eq!(["tls.key", "ca.crt", ".tls.key.new"].map(|file| ignored(&format!("certs/{file}"))), [Some(0); 3]);
        assert_eq!(ignored("certs/README.md"), Some(1));
    }
    assert!(preflight().args(["certs", "--help"]).output().unwrap().status.success());
}
