//! The command line: the only place with a file system, a clock and a terminal.

mod audit;
mod certs;
mod check;
mod cluster;
mod files;
mod networks;
mod output;
mod preview;
mod serve;
mod show;
mod snapshot;
mod verdict;
mod world;

use clap::{Parser, Subcommand, ValueEnum};
use jiff::civil::Date;
use kubevirt_preflight::watch::client;
use std::path::PathBuf;
use std::process::ExitCode;

/// Judges a KubeVirt live-migration network before it lands.
#[derive(Debug, Parser)]
#[command(name = "kubevirt-preflight", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 clean, 1 findings at or above --fail-on, 2 could not review.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    /// Colour of text; auto is on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge admission reviews over HTTPS.
    Serve(Box<serve::ServeArgs>),
    /// Write a certificate for development.
    Certs(certs::CertsArgs),
    /// Judge the migration networks of manifests.
    Check(Box<check::CheckArgs>),
    /// Judge the migration networks that a cluster has.
    Audit(Box<audit::AuditArgs>),
    /// Write what is read of a cluster as a file for check --world.
    Snapshot(snapshot::SnapshotArgs),
    /// Print what NADs would do inside virt-handler: addresses, routes, DHCP requests, and what is unknown.
    Preview(preview::PreviewArgs),
    /// Print what is known of the cluster's networks.
    Networks(networks::NetworksArgs),
    /// Print the page of a rule.
    Explain(show::ExplainArgs),
    /// Print the rules and their levels.
    Rules(show::RulesArgs),
    /// Print the JSON Schema of a file that is read or of json that is printed.
    Schema(show::SchemaArgs),
    /// Print the completions of a shell.
    Completions(show::CompletionsArgs),
    /// Print the man page.
    Man,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which cluster is read.
#[derive(Clone, Debug, Default, clap::Args)]
struct Access {
    /// Kubeconfig of the cluster; left out, the Pod's own cluster, or what KUBECONFIG names, or ~/.kube/config.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; left out, its current one.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Read NMState's NodeNetworkStates, too: whether each node has the interface that a network names.
    #[arg(long)]
    node_network_state: bool,
}

impl From<Access> for client::Access {
    fn from(Access { kubeconfig, context, .. }: Access) -> Self {
        Self { kubeconfig, context, pause: None }
    }
}

/// The manifests.
#[derive(Debug, Default, clap::Args)]
struct Given {
    /// Files, directories (searched for .yaml, .yml and .json), or - for standard input.
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// Namespace of manifests that leave it out.
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
}

/// What is known of the cluster besides the manifests.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "The cluster")]
struct Cluster {
    /// Networks file: what the cluster uses.
    #[arg(long, value_name = "FILE", env = "KUBEVIRT_PREFLIGHT_NETWORKS")]
    networks: Option<String>,
    /// Addresses of pods, a prefix or a-b; can be repeated.
    #[arg(long, value_name = "CIDR")]
    pod_cidr: Vec<String>,
    /// Addresses of Services, a prefix or a-b; can be repeated.
    #[arg(long, value_name = "CIDR")]
    service_cidr: Vec<String>,
    /// Primary address of a node, with the length of its on-link prefix if known; can be repeated.
    #[arg(long, value_name = "NAME=ADDRESS[/LENGTH]")]
    node: Vec<String>,
    /// Policy file: levels, exceptions, and what it says about the cluster.
    #[arg(long, value_name = "FILE", env = "KUBEVIRT_PREFLIGHT_POLICY")]
    policy: Option<String>,
    /// A migration network that a CR outside the manifests names; can be repeated.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = reference)]
    migration_network: Vec<(String, String)>,
}

/// What is known of the cluster, and how the manifests stand to it.
#[derive(Debug, Default, clap::Args)]
struct Facts {
    #[command(flatten)]
    cluster: Cluster,
    /// The objects of the cluster that the manifests go to, as `snapshot` writes them.
    #[arg(long, value_name = "FILE", env = "KUBEVIRT_PREFLIGHT_WORLD")]
    world: Option<String>,
    /// The manifests are all NADs, KubeVirts and HyperConvergeds there are.
    #[arg(long)]
    complete: bool,
    /// Judge every NAD as if it were its namespace's migration network.
    #[arg(long)]
    all_nads: bool,
}

/// Runs the command; errors go to standard error, and the exit code says that there was no review.
pub(crate) fn run(args: Args) -> ExitCode {
    let result = match args.command {
        Command::Serve(serve) => serve.run(args.color),
        Command::Certs(certs) => certs.run(),
        Command::Check(check) => check.run(args.color),
        Command::Audit(audit) => audit.run(args.color),
        Command::Snapshot(snapshot) => snapshot.run(),
        Command::Preview(preview) => preview.run(),
        Command::Networks(networks) => networks.run(),
        Command::Explain(explain) => explain.run(),
        Command::Rules(rules) => rules.run(),
        Command::Schema(schema) => schema.run(),
        Command::Completions(completions) => completions.run(),
        Command::Man => show::man(),
    };
    result.unwrap_or_else(|error| {
        output::complain(&error);
        ExitCode::from(2)
    })
}

/// `namespace/name`
fn reference(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        _ => Err("write it as NAMESPACE/NAME, for example kubevirt/migration".to_owned()),
    }
}

/// `YYYY-MM-DD`
fn day(text: &str) -> Result<Date, String> {
    kubevirt_preflight::policy::Day::try_from(text.to_owned()).map(|day| day.0)
}
