//! The container: a process that is the first of its process namespace, in the Pod's network, on the image's files, as the
//! Pod's user.

use super::network::Network;
use super::volumes::{Volume, field};
use super::{Shared, text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A container that was started.
pub struct Container {
    /// What waits for the program and ends with it.
    child: Child,
}

impl Container {
    pub fn start(pod: &Value, folder: &Path, network: &Network, volumes: &[Volume], shared: &Shared) -> Self {
        let spec = &pod["spec"]["containers"][0];
        let root = folder.join("root");
        let mounts = mounts(spec, volumes, &root, shared);
        fs::write(folder.join("start.sh"), script(pod, &root, &mounts, shared)).unwrap();
        let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
        let variables = variables(pod, spec, &network.address, shared);
        let program =
            spec["command"].as_array().map_or_else(|| shared.image.entrypoint.clone(), |words| strings(words));
        let arguments = spec["args"].as_array().map_or_else(Vec::new, |words| strings(words));
        let child = Command::new("ip")
            .args(["netns", "exec", &network.name])
            .args(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh"])
            .arg(folder.join("start.sh"))
            .args(program.iter().chain(&arguments).map(|word| expanded(word, &variables)))
            .env_clear()
            .envs(&variables)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            // A signal to the test by the terminal is none to the program.
            .process_group(0)
            .spawn()
            .unwrap();
        Self { child }
    }

    /// The exit code once it has ended.
    pub fn exit(&mut self) -> Option<i32> {
        self.child.try_wait().unwrap().map(|status| status.code().unwrap_or(137))
    }

    pub fn signal(&self, name: &str) {
        if let Some(program) = self.program() {
            let _ = Command::new("kill").args([&format!("-{name}"), &program.to_string()]).output();
        }
    }

    /// Ends it at once, and all that it started.
    pub fn kill(&mut self) {
        self.signal("KILL");
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The program's process: the only child of what waits for it.
    fn program(&self) -> Option<u32> {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    }
}

/// What is mounted where in the container, and whether for reading only.
fn mounts(spec: &Value, volumes: &[Volume], root: &Path, shared: &Shared) -> Vec<(PathBuf, PathBuf, bool)> {
    let mut mounts = Vec::new();
    for mount in spec["volumeMounts"].as_array().into_iter().flatten() {
        let Some(volume) = volumes.iter().find(|volume| mount["name"] == volume.name.as_str()) else { continue };
        if mount.get("subPath").is_some() {
            shared.fault(format!("subPath is not played: {mount}"));
        }
        let target = root.join(text(mount, "/mountPath").trim_start_matches('/'));
        mounts.push((volume.path.clone(), target, mount["readOnly"] == true));
    }
    mounts
}

/// Mounts, then the program as the Pod's user. Only folders that are mounted on are made in the image's files.
fn script(pod: &Value, root: &Path, mounts: &[(PathBuf, PathBuf, bool)], shared: &Shared) -> String {
    let spec = &pod["spec"]["containers"][0];
    shared.image.lay_out(root);
    let mut lines = vec!["set -e".to_owned(), "mount --make-rprivate /".to_owned()];
    lines.push(format!("mount --bind {0} {0}", root.display()));
    lines.extend(shared.image.mounts(root));
    for (source, target, read_only) in mounts {
        fs::create_dir_all(target).unwrap();
        lines.push(format!("mount --bind {} {}", source.display(), target.display()));
        if *read_only {
            lines.push(format!("mount -o remount,bind,ro {}", target.display()));
        }
    }
    fs::create_dir_all(root.join("proc")).unwrap();
    lines.push(format!("mount -t proc proc {}/proc", root.display()));
    if of_context(pod, spec, "readOnlyRootFilesystem") == Value::Bool(true) {
        lines.push(format!("mount -o remount,bind,ro {}", root.display()));
    }
    let number = |key: &str| of_context(pod, spec, key).as_u64();
    let user = number("runAsUser").unwrap_or(shared.image.user);
    let group = number("runAsGroup").unwrap_or(shared.image.group);
    if of_context(pod, spec, "runAsNonRoot") == Value::Bool(true) && user == 0 {
        shared.fault("the container must not run as root, and the image has no other user".to_owned());
    }
    let user = if user_exists(user) { format!("--userspec={user}:{group} --groups=") } else { String::new() };
    // Without these rights the program could gain what its user has not.
    lines.push(format!("exec setpriv --no-new-privs chroot {user} {} \"$@\"", root.display()));
    lines.join("\n")
}

/// Whether the namespace of the run has this user; one that an ordinary user made has root alone.
fn user_exists(user: u64) -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.lines().any(|line| {
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        matches!(numbers[..], [first, _, count] if (first..first + count).contains(&user))
    })
}

/// A field of the container's securityContext, or else of the Pod's.
fn of_context(pod: &Value, spec: &Value, key: &str) -> Value {
    let own = &spec["securityContext"][key];
    if own.is_null() { pod["spec"]["securityContext"][key].clone() } else { own.clone() }
}

/// The environment: what the runtime gives, the API server's address, then the container's own.
fn variables(pod: &Value, spec: &Value, address: &str, shared: &Shared) -> BTreeMap<String, String> {
    let mut pod = pod.clone();
    pod["status"]["podIP"] = address.into();
    let mut variables: BTreeMap<String, String> = [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
        ("HOSTNAME", text(&pod, "/metadata/name")),
        ("KUBERNETES_SERVICE_HOST", "10.96.0.1".to_owned()),
        ("KUBERNETES_SERVICE_PORT", "443".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for variable in spec["env"].as_array().into_iter().flatten() {
        let value = match variable.get("valueFrom") {
            None => expanded(&text(variable, "/value"), &variables),
            Some(from) if from.get("fieldRef").is_some() => field(&pod, &text(from, "/fieldRef/fieldPath"), shared),
            Some(from) => {
                shared.fault(format!("a variable from a source that is not played: {from}"));
                continue;
            }
        };
        variables.insert(text(variable, "/name"), value);
    }
    if spec.get("envFrom").is_some() {
        shared.fault("envFrom is not played".to_owned());
    }
    variables
}

/// `$(NAME)` with the variable's value.
fn expanded(word: &str, variables: &BTreeMap<String, String>) -> String {
    variables.iter().fold(word.to_owned(), |word, (name, value)| word.replace(&format!("$({name})"), value))
}

fn strings(words: &[Value]) -> Vec<String> {
    words.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
