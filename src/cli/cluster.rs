//! A cluster, read once.

use super::Access;
use super::serve::time;
use super::snapshot::Snapshot;
use anyhow::{Context as _, Result, bail};
use kubevirt_preflight::networks::report::List;
use kubevirt_preflight::objects::Object;
use kubevirt_preflight::tree::Node;
use kubevirt_preflight::watch::kept::{Kept, Slot, State};
use kubevirt_preflight::watch::resource::{JUDGED, Resource, resources};
use kubevirt_preflight::watch::{client, once};
use std::time::Duration;

/// Which cluster is read, and how patiently.
#[derive(Debug, clap::Args)]
pub(super) struct Live {
    #[command(flatten)]
    access: Access,
    /// How long the API server may pause in an answer.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "30s")]
    request_timeout: Duration,
}

/// What a snapshot is made of.
pub(super) struct Taken {
    pub(super) objects: Vec<Object>,
    pub(super) nodes: Vec<Node<'static>>,
    pub(super) snapshot: Snapshot,
    /// What else is to be told.
    pub(super) remark: Option<String>,
}

impl Live {
    /// Its objects, and how far they are all of them.
    pub(super) fn read(&self) -> Result<(Vec<Object>, Snapshot)> {
        let kept = self.run(async |client| once::read(&client, self.resources()).await)?;
        said(&kept)
    }

    /// The same with the text of each object, and the cluster's name.
    pub(super) fn take(&self) -> Result<Taken> {
        let (uid, (kept, nodes)) = self
            .run(async |client| (once::cluster(&client).await, once::read_reduced(&client, self.resources()).await))?;
        let (objects, mut snapshot) = said(&kept)?;
        let remark = uid.as_ref().err().map(|failure| {
            format!(
                "The namespace kube-system cannot be read ({failure}): --expect-cluster will not know the snapshot; grant \
                 the verb `get` on it."
            )
        });
        snapshot.cluster = uid.ok();
        Ok(Taken { objects, nodes, snapshot, remark })
    }

    fn resources(&self) -> Vec<Resource> {
        resources(self.access.node_network_state)
    }

    fn run<T>(&self, read: impl AsyncFnOnce(kube::Client) -> T) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.context("The threads of the client cannot be started:")?;
        let access = client::Access { pause: Some(self.request_timeout), ..self.access.clone().into() };
        runtime.block_on(async { Ok(read(access.client().await.context("The cluster cannot be read:")?).await) })
    }
}

/// The objects and the states of the lists; an error if nothing could be read at all.
fn said(kept: &Kept) -> Result<(Vec<Object>, Snapshot)> {
    let slots = kept.slots();
    let why = slots.iter().find_map(|slot| slot.state.why());
    if let (Some(why), false) = (why, slots.iter().any(|slot| slot.version.is_some())) {
        bail!(
            "Nothing of the cluster can be read: {why}; name the cluster by --kubeconfig and --context, or grant the verb `list`."
        );
    }
    let lists = slots.iter().map(list).collect();
    let snapshot = Snapshot { whole: kept.lists(true).kinds, lists, ..Snapshot::default() };
    Ok((kept.objects().cloned().collect(), snapshot))
}

fn list(slot: &Slot) -> List {
    List {
        name: slot.resource.to_string(),
        state: slot.state.word().to_owned(),
        objects: slot.version.map(|_| slot.count()),
        why: slot.state.why().map(str::to_owned),
    }
}

/// An error unless KubeVirts and NADs could be listed: without them there is nothing to judge.
pub(super) fn judged(snapshot: &Snapshot) -> Result<()> {
    let [kubevirts, _, nads] = &JUDGED;
    let needed = [kubevirts.to_string(), nads.to_string()];
    let unread = |list: &&List| needed.contains(&list.name) && list.objects.is_none() && list.why.is_some();
    match snapshot.lists.iter().find(unread) {
        None => Ok(()),
        Some(List { name, why, .. }) => bail!(
            "There is no audit without the list of {name}, which cannot be read: {}; grant the verb `list` on {name} in \
             all namespaces.",
            why.as_deref().unwrap_or_default()
        ),
    }
}

/// Whether the cluster serves no KubeVirts.
pub(super) fn is_without_kubevirt(snapshot: &Snapshot) -> bool {
    let absent = State::Absent.word();
    snapshot.lists.iter().any(|list| list.name == JUDGED[0].to_string() && list.state == absent)
}
