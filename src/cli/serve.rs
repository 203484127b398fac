//! `serve`: the webhook, on files.

mod args;
mod inputs;

pub(super) use args::ServeArgs;

use super::Color;
use super::output::{self, colored_errors};
use anyhow::{Context as _, Result};
use inputs::Held;
use kubevirt_preflight::serve::judge::Judge;
use kubevirt_preflight::serve::metrics::Metrics;
use kubevirt_preflight::serve::reload::Watched;
use kubevirt_preflight::serve::tls::{self, Files, Tls, TlsError};
use kubevirt_preflight::serve::{Server, Sources, logs, signals};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// How often files are looked at.
const EVERY: Duration = Duration::from_secs(1);

impl ServeArgs {
    pub(super) fn run(self, color: Color) -> Result<ExitCode> {
        let filter = logs::start(self.log_format.into(), &self.log, colored_errors(color));
        let filter =
            filter.with_context(|| format!("--log {} is no filter; write a level, for example info:", self.log));
        let (files, since) = (self.files(), SystemTime::now());
        let (held, tls) = (Held::read(&self), files.load());
        let (held, tls) = match (filter, held, tls) {
            (Ok(()), Ok(held), Ok(tls)) => (held, tls),
            // All at once: one start-up tells everything that is to be mended.
            (filter, held, tls) => {
                let refused = |error: TlsError| anyhow::Error::new(error).context("The certificate is refused:");
                let own = filter.err().into_iter().chain(tls.err().into_iter().flatten().map(refused));
                own.chain(held.err().into_iter().flatten()).for_each(|error| output::complain(&error));
                return Ok(ExitCode::from(2));
            }
        };
        let threads = self.threads.map_or_else(threads, |threads| usize::from(threads.get()));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
        let runtime = runtime.context("The threads of the server cannot be started:")?;
        let result = runtime.block_on(self.serve(files, held, tls, since));
        logs::flush();
        result
    }

    async fn serve(self, files: Files, held: Held, tls: Tls, since: SystemTime) -> Result<ExitCode> {
        let metrics = Arc::new(Metrics::default());
        let stop = signals::termination().context("Signals cannot be listened for:")?;
        let (tls_sender, tls_receiver) = watch::channel(None);
        metrics.certificate_reads.inc();
        tls::publish(&tls_sender, tls, &metrics);
        let (judge_sender, judge_receiver) = watch::channel(None);
        let judge_sender = Arc::new(judge_sender);
        let held = Arc::new(held);
        held.publish(&judge_sender, &metrics);
        let sources = Sources { judge: judge_receiver, tls: tls_receiver, reread: None, metrics: Arc::clone(&metrics) };
        let server = Server::bind(self.addresses(), sources, self.limits(), self.stopping()).await?;
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
        Ok(if drained { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// A review takes microseconds: two threads answer more than an API server asks.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(2))
}

fn follow(
    what: &'static str,
    path: PathBuf,
    since: SystemTime,
    held: Arc<Held>,
    sender: Arc<watch::Sender<Option<Arc<Judge>>>>,
    metrics: Arc<Metrics>,
) {
    let watched = Watched { what, facts: true, paths: vec![path], every: EVERY, since, metrics: Arc::clone(&metrics) };
    tokio::spawn(watched.follow(move || {
        let new = held.renew(what).map_err(|error: anyhow::Error| told(&error))?;
        if new {
            held.publish(&sender, &metrics);
        }
        Ok(new)
    }));
}

/// An error in one line.
fn told(error: &anyhow::Error) -> String {
    output::sentence(error).replace('\n', " ")
}
