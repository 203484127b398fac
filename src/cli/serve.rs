//! `serve`: the webhook, on files.

mod args;
mod background;
mod inputs;

pub(super) use args::ServeArgs;

use super::Color;
use super::output::{self, colored_errors};
use anyhow::{Context as _, Result};
use args::{Set, source};
use background::BackgroundArgs;
use inputs::Held;
use kubevirt_preflight::serve::judge::Judge;
use kubevirt_preflight::serve::limits::Limits;
use kubevirt_preflight::serve::metrics::Metrics;
use kubevirt_preflight::serve::reload::Watched;
use kubevirt_preflight::serve::telemetry::Telemetry;
use kubevirt_preflight::serve::tls::{self, Files, Tls, TlsError};
use kubevirt_preflight::serve::{Server, Sources, descriptors, logs, signals};
use kubevirt_preflight::watch::follow::Cluster;
use kubevirt_preflight::watch::resource::resources;
use kubevirt_preflight::watch::{client, judging, reread};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// How often files are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// The API server keeps an idle connection for 90 s; a little more, so that it is never the server that closes it.
const IDLE: Duration = Duration::from_secs(95);
/// For the last spans.
const FLUSH: Duration = Duration::from_secs(5);

impl ServeArgs {
    pub(super) fn run(self, color: Color) -> Result<ExitCode> {
        let filter = logs::start(self.log_format.into(), &self.log, colored_errors(color));
        let filter =
            filter.with_context(|| format!("{} is `{}`; write a level, for example info:", source("--log"), self.log));
        let (files, since) = (self.files(), SystemTime::now());
        let (held, tls) = (Held::read(&self), files.load());
        let (set, held, tls) = match (filter, self.set(), held, tls) {
            (Ok(()), Ok(set), Ok(held), Ok(tls)) => (set, held, tls),
            // All at once: one start-up tells everything that is to be mended.
            (filter, set, held, tls) => {
                let refused = |error: TlsError| anyhow::Error::new(error).context("The certificate is refused:");
                let flags = filter.err().into_iter().chain(set.err().into_iter().flatten());
                let files = tls.err().into_iter().flatten().map(refused).chain(held.err().into_iter().flatten());
                flags.chain(files).for_each(|error| output::complain(&error));
                return Ok(ExitCode::from(2));
            }
        };
        let threads = set.threads.unwrap_or_else(threads);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
        let runtime = runtime.context("The threads of the server cannot be started:")?;
        let _lines = logs::AtTheEnd;
        let access = self.on_cluster.then(|| (client::Access::from(self.access), self.background));
        runtime.block_on(Self::serve(set, files, held, tls, since, access))
    }

    async fn serve(
        mut set: Set,
        files: Files,
        held: Held,
        tls: Tls,
        since: SystemTime,
        access: Option<(client::Access, BackgroundArgs)>,
    ) -> Result<ExitCode> {
        adjust(&mut set.limits);
        let metrics = Arc::new(Metrics::default());
        let stop = signals::termination().context("Signals cannot be listened for:")?;
        let (tls_sender, tls_receiver) = watch::channel(None);
        metrics.certificate_reads.inc();
        tls::publish(&tls_sender, tls, &metrics);
        let (judge_sender, judge_receiver) = watch::channel(None);
        let judge_sender = Arc::new(judge_sender);
        let held = Arc::new(held);
        let (cluster, background) = if let Some((access, background)) = access {
            (Some(watch_cluster(&access, &held, &judge_sender, &metrics).await?), background)
        } else {
            held.publish(&judge_sender);
            (None, BackgroundArgs::default())
        };
        let client = cluster.as_ref().map(|cluster| cluster.client.clone());
        let denials = background.follow(client, judge_receiver.clone(), &metrics);
        let telemetry = set.collector.map(|(endpoint, cas)| Telemetry::start(&endpoint, &cas, Arc::clone(&metrics)));
        let telemetry = telemetry.transpose().context("--otlp-endpoint cannot be used:")?;
        let sources = Sources {
            judge: judge_receiver,
            tls: tls_receiver,
            reread: cluster.map(reread::reread),
            metrics: Arc::clone(&metrics),
            telemetry: telemetry.clone(),
            denials,
        };
        let server = Server::bind(set.addresses, sources, set.limits, set.stopping).await?;
        tokio::spawn(tls::follow(files, tls_sender, EVERY, Arc::clone(&metrics)));
        for (what, path) in held.files() {
            follow(what, path, since, Arc::clone(&held), Arc::clone(&judge_sender), Arc::clone(&metrics));
        }
        let addresses = server.addresses().context("The system does not tell the bound addresses:")?;
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            reviews = %format_args!("https://{}/validate", addresses.bind),
            observe = %format_args!("http://{}", addresses.observe),
            "serving"
        );
        let drained = server.run(stop).await;
        if let Some(telemetry) = telemetry {
            // It has its own bound on time, and a panic in it is logged.
            let _ = tokio::task::spawn_blocking(move || telemetry.stop(FLUSH)).await;
        }
        Ok(if drained { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Fits what was set to what the system allows; warns of that, and of what loses reviews.
fn adjust(limits: &mut Limits) {
    if limits.idle < IDLE {
        let idle = format!("{:?}", limits.idle);
        tracing::warn!(
            idle,
            "--idle-timeout is below 95 s: the API server uses a connection for 90 s, and loses a review"
        );
    }
    let files = descriptors::raised();
    let fitting = descriptors::fitting(limits.connections, files);
    if fitting < limits.connections {
        tracing::warn!(
            files,
            connections = fitting,
            "fewer connections than --max-connections: the system allows too few open files; raise the limit (ulimit -n)"
        );
        limits.connections = fitting;
    }
}

/// A review takes microseconds: two threads answer more than an API server asks.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(2))
}

/// Watches the cluster, and publishes each of its states.
async fn watch_cluster(
    access: &client::Access,
    held: &Arc<Held>,
    sender: &Arc<watch::Sender<Option<Arc<Judge>>>>,
    metrics: &Arc<Metrics>,
) -> Result<Arc<Cluster>> {
    let client = access.client().await.context("--cluster cannot be used:")?;
    let cluster = Arc::new(Cluster::new(client, resources(), Arc::clone(metrics)));
    held.watch(Arc::clone(&cluster));
    cluster.follow();
    let (held, sender) = (Arc::clone(held), Arc::clone(sender));
    tokio::spawn(judging::follow(Arc::clone(&cluster), move || held.publish(&sender)));
    Ok(cluster)
}

fn follow(
    what: &'static str,
    path: PathBuf,
    since: SystemTime,
    held: Arc<Held>,
    sender: Arc<watch::Sender<Option<Arc<Judge>>>>,
    metrics: Arc<Metrics>,
) {
    let watched = Watched { what, facts: true, paths: vec![path], every: EVERY, since, metrics };
    tokio::spawn(watched.follow(move || {
        let new = held.renew(what).map_err(|error: anyhow::Error| told(&error))?;
        // The first state is published once the cluster has been read.
        if new && sender.borrow().is_some() {
            held.publish(&sender);
        }
        Ok(new)
    }));
}

/// An error in one line.
fn told(error: &anyhow::Error) -> String {
    output::sentence(error).replace('\n', " ")
}
