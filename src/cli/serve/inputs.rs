//! Policy, networks and world of a server that runs on files.

use super::super::Cluster;
use super::super::world::{self, lists, read_world};
use super::ServeArgs;
use super::args::Overrides;
use crate::cli::snapshot::Snapshot;
use anyhow::{Context as _, Result, anyhow};
use kubevirt_preflight::networks::declared::Declared;
use kubevirt_preflight::objects::Object;
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::serve::judge::Judge;
use kubevirt_preflight::watch::follow::Cluster as Watched;
use kubevirt_preflight::world::{Inputs, Lists, Settings, World};
use std::path::PathBuf;
use std::slice;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::watch;

/// The last good state of each file.
pub(super) struct Held {
    cluster: Cluster,
    /// The world file.
    file: Option<String>,
    overrides: Overrides,
    parts: Mutex<Parts>,
    /// The cluster that is watched, once there is a way to it; without one the world is a file's.
    watched: OnceLock<Arc<Watched>>,
}

#[derive(Clone, Debug)]
struct Parts {
    policy: Policy,
    declared: Declared,
    world: Vec<Object>,
    snapshot: Snapshot,
}

impl Held {
    /// Reads all files; the error of each one.
    pub(super) fn read(args: &ServeArgs) -> Result<Self, Vec<anyhow::Error>> {
        let (cluster, overrides) = (args.cluster.clone(), args.overrides());
        let file = args.world.clone();
        let given = [&cluster.networks, &file].into_iter().flatten().any(|path| !path.is_empty());
        let flags = !(cluster.pod_cidr.is_empty() && cluster.service_cidr.is_empty() && cluster.node.is_empty());
        let named = (given || flags || args.on_cluster).then_some(()).ok_or_else(|| {
            anyhow!(
                "Nothing tells what the cluster uses; give --cluster, --networks FILE, --world FILE, or the networks by flags."
            )
        });
        let flags = flag_faults(&cluster);
        // What is wrong with the flags is in `flags` already.
        let declared = if flags.is_empty() { cluster.clone() } else { without_flags(&cluster) };
        match (named, policy(&cluster, overrides), world::declared(&declared), world(file.as_deref())) {
            (Ok(()), Ok(policy), Ok(declared), Ok((world, snapshot))) if flags.is_empty() => {
                let parts = Mutex::new(Parts { policy, declared, world, snapshot });
                Ok(Self { cluster, file, overrides, parts, watched: OnceLock::new() })
            }
            (named, policy, declared, world) => {
                let errors = [named.err(), policy.err(), declared.err(), world.err()];
                Err(flags.into_iter().chain(errors.into_iter().flatten()).collect())
            }
        }
    }

    /// The files, by what they are.
    pub(super) fn files(&self) -> Vec<(&'static str, PathBuf)> {
        let Cluster { policy, networks, .. } = &self.cluster;
        let named = [("policy", policy), ("networks", networks), ("world", &self.file)];
        let paths = named.into_iter().filter_map(|(what, path)| Some((what, path.as_ref()?)));
        paths.filter(|(_, path)| !path.is_empty()).map(|(what, path)| (what, PathBuf::from(path))).collect()
    }

    /// Reads one of them anew; whether it says something else.
    pub(super) fn renew(&self, what: &str) -> Result<bool> {
        Ok(match what {
            "policy" => {
                let new = policy(&self.cluster, self.overrides)?;
                replaced(&mut self.parts().policy, new)
            }
            "networks" => {
                let new = world::declared(&self.cluster)?;
                replaced(&mut self.parts().declared, new)
            }
            _ => {
                let (world, snapshot) = world(self.file.as_deref())?;
                let mut parts = self.parts();
                replaced(&mut parts.world, world) | replaced(&mut parts.snapshot, snapshot)
            }
        })
    }

    /// Makes them the state that reviews are judged with.
    pub(super) fn publish(&self, sender: &watch::Sender<Option<Arc<Judge>>>) {
        // Held to the end: of two files that change at once, the one that is read first must not be the last word.
        let parts = self.parts();
        let Parts { policy, declared, .. } = parts.clone();
        let (objects, lists) = self.facts(&parts);
        let inputs = Inputs {
            objects,
            declared: declared.merged(policy.declared()),
            lists,
            settings: Settings { migration_networks: self.cluster.migration_network.clone(), ..policy.settings() },
            ..Inputs::default()
        };
        let last = sender.borrow().clone();
        let world = match last {
            Some(last) => World::renewed(&last.world, inputs),
            None => World::of(inputs),
        };
        let judge = Judge { world, policy };
        sender.send_replace(Some(Arc::new(judge)));
        drop(parts);
    }

    /// Judges with the objects of this cluster from now on.
    pub(super) fn watch(&self, cluster: Arc<Watched>) {
        // There is one cluster, set once.
        let _ = self.watched.set(cluster);
    }

    fn facts(&self, parts: &Parts) -> (Vec<Object>, Lists) {
        let Some(cluster) = self.watched.get() else {
            return (parts.world.clone(), lists(Some(&parts.snapshot), false));
        };
        let kept = cluster.kept();
        (kept.objects().cloned().collect(), kept.lists(false))
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        // Each part is replaced whole, so a panic elsewhere leaves them as they were.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the new value is another one.
fn replaced<T: PartialEq>(old: &mut T, new: T) -> bool {
    let changed = *old != new;
    *old = new;
    changed
}

/// Every value of --pod-cidr, --service-cidr and --node that is wrong.
fn flag_faults(cluster: &Cluster) -> Vec<anyhow::Error> {
    let none: &[String] = &[];
    let pods = cluster.pod_cidr.iter().map(|one| [slice::from_ref(one), none, none]);
    let services = cluster.service_cidr.iter().map(|one| [none, slice::from_ref(one), none]);
    let nodes = cluster.node.iter().map(|one| [none, none, slice::from_ref(one)]);
    let faults = pods
        .chain(services)
        .chain(nodes)
        .filter_map(|[pods, services, nodes]| Declared::default().with_flags(pods, services, nodes).err());
    faults.map(anyhow::Error::from).collect()
}

fn without_flags(cluster: &Cluster) -> Cluster {
    Cluster { pod_cidr: Vec::new(), service_cidr: Vec::new(), node: Vec::new(), ..cluster.clone() }
}

fn policy(cluster: &Cluster, overrides: Overrides) -> Result<Policy> {
    let (mut policy, _) = world::policy(cluster.policy.as_deref())?;
    let Overrides { profile, unknown, enforcement } = overrides;
    policy.file.profile = profile.unwrap_or(policy.file.profile);
    policy.file.unknown = unknown.or(policy.file.unknown);
    policy.file.enforcement = enforcement.unwrap_or(policy.file.enforcement);
    Ok(policy)
}

fn world(path: Option<&str>) -> Result<(Vec<Object>, Snapshot)> {
    let path = path.filter(|path| !path.is_empty());
    let read = path.map(|path| read_world(path).with_context(|| format!("--world {path}:"))).transpose()?;
    Ok(read.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Args, Command};
    use clap::Parser;
    use kubevirt_preflight::net::parse::strict_interval;
    use kubevirt_preflight::networks::Class;
    use kubevirt_preflight::policy::Profile;
    use std::path::Path;
    use std::sync::Barrier;
    use std::thread;

    const VERSION: &str = "apiVersion: kubevirt-preflight.io/v1alpha1\n";

    fn write(folder: &Path, profile: &str, pods: &str) {
        std::fs::write(folder.join("policy.yaml"), format!("{VERSION}kind: Policy\nprofile: {profile}\n")).unwrap();
        std::fs::write(folder.join("networks.yaml"), format!("{VERSION}kind: ClusterNetworks\npods: [{pods}]\n"))
            .unwrap();
    }

    /// A mounted ConfigMap has both files, and they change together.
    #[test]
    fn of_two_files_that_change_at_once_both_are_in_force() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "recommended", "10.0.0.0/16");
        let [policy, networks] = ["policy.yaml", "networks.yaml"].map(|name| folder.path().join(name));
        let words = ["x", "serve", "--tls-cert", "c", "--tls-key", "k", "--policy", policy.to_str().unwrap()];
        let args = Args::parse_from(words.into_iter().chain(["--networks", networks.to_str().unwrap()]));
        let Command::Serve(args) = args.command else { panic!("not serve") };
        let held = Held::read(&args).unwrap();
        let (sender, receiver) = watch::channel(None);
        let barrier = Barrier::new(2);
        for round in 0..300 {
            let (profile, word) = [(Profile::Strict, "strict"), (Profile::Relaxed, "relaxed")][round % 2];
            let net = round % 2 + 1;
            let pods = format!("10.{net}.0.0/16");
            write(folder.path(), word, &pods);
            thread::scope(|scope| {
                for what in ["policy", "networks"] {
                    let (held, sender, barrier) = (&held, &sender, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        assert!(held.renew(what).unwrap());
                        held.publish(sender);
                    });
                }
            });
            let judge = receiver.borrow().clone().unwrap();
            let in_use = judge.world.networks().meeting(Class::Pod, strict_interval(&pods).unwrap()).next().is_some();
            assert_eq!((judge.policy.file.profile, in_use), (profile, true), "{round}");
        }
    }
}
