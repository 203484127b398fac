//! What is shown. Each scenario begins on a cluster without KubeVirt, HyperConverged and NADs, with the chart as `values`
//! says it, and leaves it so.

mod attachments;
mod certificates;
mod installation;
mod interfaces;
mod moments;
mod operators;
mod orders;
mod outages;
mod policies;
mod releases;
mod rights;
mod rules;

pub use installation::installs;

use super::lab::Lab;
use serde_json::{Value, json};

/// In the order in which they run.
pub const SCENARIOS: &[(&str, fn(&mut Lab))] = &[
    ("every rule denies or warns as its page says", rules::pages),
    ("writes to a NAD in use are judged", attachments::in_use),
    ("a dry run says what the write says", attachments::dry_runs),
    ("folders and dry runs of the whole reach a running state", orders::folders),
    ("deletion before the update is told the working order", orders::deletion_first),
    ("operators' own writes are not sent", operators::own_writes),
    ("the operator's copy of a judged network passes", operators::copies),
    ("objects that are going are let go", operators::going),
    ("a NAD fixed or broken a moment before is judged as it is", moments::fixed_and_referenced),
    ("a NAD freed a moment before may go", moments::freed_and_deleted),
    ("exceptions, their last day, and enforcement", policies::exceptions),
    ("the baseline of a cluster with findings", policies::baseline),
    ("a ServiceCIDR over the migration network", policies::reverse),
    ("the interfaces of nodes, where asked for", interfaces::of_nodes),
    ("no replica answers", outages::no_replica),
    ("the API server restarts", outages::api_restarts),
    ("etcd stands still", outages::etcd_stalls),
    ("etcd is restored from an older store", outages::etcd_is_restored),
    ("a replica is cut off", outages::replica_is_cut_off),
    ("replicas restart under load", releases::replicas_restart),
    ("helm upgrade and rollback under load", releases::upgrades),
    ("certificates made by others", certificates::provided),
    ("cert-manager, service-ca and Prometheus are rendered", certificates::rendered),
    ("our own certificates rotate under load", certificates::rotation),
    ("helm uninstall leaves nothing that refuses", releases::leaves),
    ("our namespace is deleted", releases::namespace_goes),
    ("a user without rights learns nothing", rights::of_users),
    ("our account can do what is listed and no more", rights::of_ours),
];

/// The values that the chart is installed with.
pub fn values() -> Value {
    json!({"policy": policy()})
}

/// What no object of this cluster tells: pods, and the lengths of the nodes' networks.
pub fn policy() -> Value {
    json!({"networks": {"pods": ["10.244.0.0/16"], "nodes": [
        {"name": "node1", "addresses": ["192.168.66.101/24"]}, {"name": "node2", "addresses": ["192.168.66.102/24"]}]}})
}
