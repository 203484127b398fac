//! What reviews are judged with, kept up to date: of files, and of the cluster.

use super::super::output;
use super::inputs::Held;
use kube::Client;
use kubevirt_preflight::serve::judge::{Judge, Reread};
use kubevirt_preflight::serve::metrics::Metrics;
use kubevirt_preflight::serve::reload::Watched;
use kubevirt_preflight::watch::follow::Cluster;
use kubevirt_preflight::watch::resource::resources;
use kubevirt_preflight::watch::{judging, reread};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// The latest state, and who makes it.
pub(super) struct Judged {
    held: Arc<Held>,
    sender: Arc<watch::Sender<Option<Arc<Judge>>>>,
    metrics: Arc<Metrics>,
    cluster: Option<Arc<Cluster>>,
}

impl Judged {
    /// Watches the cluster, if there is one (`opt_in`: what is read only if asked for, too), and publishes each of its states; else the files as they were read.
    pub(super) fn new(held: Held, client: Option<Client>, opt_in: bool, metrics: &Arc<Metrics>) -> Self {
        let (held, sender, metrics) = (Arc::new(held), Arc::new(watch::Sender::new(None)), Arc::clone(metrics));
        let cluster = client.map(|client| Arc::new(Cluster::new(client, resources(opt_in), Arc::clone(&metrics))));
        let judged = Self { held, sender, metrics, cluster };
        match &judged.cluster {
            Some(cluster) => judged.watch(cluster),
            None => judged.held.publish(&judged.sender),
        }
        judged
    }

    pub(super) fn receiver(&self) -> watch::Receiver<Option<Arc<Judge>>> {
        self.sender.subscribe()
    }

    /// Reads objects of the cluster live.
    pub(super) fn reread(&self) -> Option<Reread> {
        self.cluster.clone().map(reread::reread)
    }

    /// Follows the files from now on; they were last read after `since`.
    pub(super) fn follow(&self, every: Duration, since: SystemTime) {
        for (what, path) in self.held.files() {
            self.follow_one(what, path, every, since);
        }
    }

    fn watch(&self, cluster: &Arc<Cluster>) {
        self.held.watch(Arc::clone(cluster));
        cluster.follow();
        let (held, sender) = (Arc::clone(&self.held), Arc::clone(&self.sender));
        tokio::spawn(judging::follow(Arc::clone(cluster), move || held.publish(&sender)));
    }

    fn follow_one(&self, what: &'static str, path: PathBuf, every: Duration, since: SystemTime) {
        let Self { held, sender, metrics, .. } = self;
        let (held, sender, metrics) = (Arc::clone(held), Arc::clone(sender), Arc::clone(metrics));
        let watched = Watched { what, facts: true, paths: vec![path], every, since, metrics };
        tokio::spawn(watched.follow(move || {
            let new = held.renew(what).map_err(|error: anyhow::Error| told(&error))?;
            // The first state is published once the cluster has been read.
            if new && sender.borrow().is_some() {
                held.publish(&sender);
            }
            Ok(new)
        }));
    }
}

/// An error in one line.
fn told(error: &anyhow::Error) -> String {
    output::sentence(error).replace('\n', " ")
}
