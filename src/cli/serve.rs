//! `serve`: the webhook, on files or on the cluster.
//!
//! ```text
//! args (flags) ─► inputs (files) ─► judged ─────► Judge ─┐
//!                 certificates ─────────────────► Tls ───┼─► Server, with the limits that room leaves
//! ```

mod args;
mod background;
mod certificates;
mod checked;
mod inputs;
mod judged;
mod room;

pub(super) use args::ServeArgs;
pub(super) use checked::time;

use super::Color;
use super::output::{self, colored_errors};
use anyhow::{Context as _, Result};
use args::Set;
use background::BackgroundArgs;
use certificates::{Certified, Loaded};
use checked::source;
use inputs::Held;
use judged::Judged;
use kubevirt_preflight::serve::metrics::Metrics;
use kubevirt_preflight::serve::telemetry::Telemetry;
use kubevirt_preflight::serve::tls::TlsError;
use kubevirt_preflight::serve::{Server, Sources, logs, signals};
use kubevirt_preflight::watch::client;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How often files are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// For the last spans.
const FLUSH: Duration = Duration::from_secs(5);

/// What a server starts with.
struct Start {
    set: Set,
    held: Held,
    loaded: Loaded,
    /// Before the files were read.
    since: SystemTime,
    access: Option<client::Access>,
    /// Whether what is read only if asked for is read.
    opt_in: bool,
    background: BackgroundArgs,
}

impl ServeArgs {
    pub(super) fn run(self, color: Color) -> Result<ExitCode> {
        let filter = logs::start(self.log_format.into(), &self.log, colored_errors(color));
        let filter =
            filter.with_context(|| format!("{} is `{}`; write a level, for example info:", source("--log"), self.log));
        let since = SystemTime::now();
        let (held, loaded) = (Held::read(&self), self.certificates.load(self.on_cluster));
        let (set, held, loaded) = match (filter, self.set(), held, loaded) {
            (Ok(()), Ok(set), Ok(held), Ok(loaded)) => (set, held, loaded),
            // All at once: one start-up tells everything that is to be mended.
            (filter, set, held, loaded) => {
                let refused = |error: TlsError| anyhow::Error::new(error).context("The certificate is refused:");
                let flags = filter.err().into_iter().chain(set.err().into_iter().flatten());
                let files = loaded.err().into_iter().flatten().map(refused).chain(held.err().into_iter().flatten());
                flags.chain(files).for_each(|error| output::complain(&error));
                return Ok(ExitCode::from(2));
            }
        };
        let threads = set.threads.unwrap_or_else(room::threads);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
        let runtime = runtime.context("The threads of the server cannot be started:")?;
        let _lines = logs::AtTheEnd;
        let opt_in = self.access.node_network_state;
        let access = self.on_cluster.then(|| client::Access::from(self.access));
        let background = self.background;
        runtime.block_on(serve(Start { set, held, loaded, since, access, opt_in, background }))
    }
}

async fn serve(Start { mut set, held, loaded, since, access, opt_in, background }: Start) -> Result<ExitCode> {
    room::adjust(&mut set.limits);
    let metrics = Arc::new(Metrics::default());
    let stop = signals::termination().context("Signals cannot be listened for:")?;
    let certified = Certified::new(set.certificates, loaded, &metrics);
    let client = match access {
        Some(access) => Some(access.client().await.context("--cluster cannot be used:")?),
        None => None,
    };
    let judged = Judged::new(held, client.clone(), opt_in, &metrics);
    let denials = background.follow(client.clone(), judged.receiver(), &metrics);
    let telemetry = set.collector.map(|(endpoint, cas)| Telemetry::start(&endpoint, &cas, Arc::clone(&metrics)));
    let telemetry = telemetry.transpose().context("--otlp-endpoint cannot be used:")?;
    let sources = Sources {
        judge: judged.receiver(),
        tls: certified.receiver(),
        reread: judged.reread(),
        metrics: Arc::clone(&metrics),
        telemetry: telemetry.clone(),
        denials,
    };
    let server = Server::bind(set.addresses, sources, set.limits, set.stopping).await?;
    certified.follow(client, EVERY, &metrics);
    judged.follow(EVERY, since);
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
