//! The background audit, and where it tells what it finds.

use clap::ValueEnum;
use kube::Client;
use kubevirt_preflight::serve::judge::Judge;
use kubevirt_preflight::serve::metrics::Metrics;
use kubevirt_preflight::standing::denials::{self, Denials};
use kubevirt_preflight::standing::follow::Audit;
use kubevirt_preflight::standing::report::ReportKind;
use kubevirt_preflight::standing::write::Writer;
use std::sync::Arc;
use tokio::sync::watch;

#[derive(Clone, Debug, Default, clap::Args)]
pub(in crate::cli) struct BackgroundArgs {
    /// Write no Events about what stands in the cluster and about refused writes.
    #[arg(long, requires = "on_cluster")]
    no_events: bool,
    /// Keep one object of the cluster with all that stands in it.
    #[arg(long, value_enum, env = "KUBEVIRT_PREFLIGHT_REPORT", default_value_t, value_name = "KIND")]
    report: ReportArg,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ReportArg {
    /// No object.
    #[default]
    None,
    /// A ClusterPolicyReport of wgpolicyk8s.io.
    ClusterPolicyReport,
    /// A ClusterReport of openreports.io.
    OpenReports,
}

impl ReportArg {
    fn kind(self) -> Option<ReportKind> {
        match self {
            Self::None => None,
            Self::ClusterPolicyReport => Some(ReportKind::ClusterPolicyReport),
            Self::OpenReports => Some(ReportKind::OpenReports),
        }
    }
}

impl BackgroundArgs {
    /// Starts the audit; without a client it only counts. Where refused writes are to be told.
    pub(super) fn follow(
        &self,
        client: Option<Client>,
        judge: watch::Receiver<Option<Arc<Judge>>>,
        metrics: &Arc<Metrics>,
    ) -> Option<Denials> {
        let writer = client.map(Writer::new);
        let events = writer.clone().filter(|_| !self.no_events);
        let report = self.report.kind().zip(writer);
        let denials = events.clone().map(|writer| {
            let (denials, receiver) = Denials::channel(metrics);
            tokio::spawn(denials::follow(receiver, writer, Arc::clone(metrics)));
            denials
        });
        tokio::spawn(Audit { judge, metrics: Arc::clone(metrics), events, report }.follow());
        denials
    }
}
