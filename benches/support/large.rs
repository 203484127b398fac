//! The nodes and NADs of a large cluster, as an API server sends them. Shared by the benches of the world and of the program.
#![allow(dead_code, unreachable_pub)]

use serde_json::{Value, json};

pub const NODES: usize = 15_000;
pub const NADS: usize = 5_000;
pub const FEW: usize = 10;
/// Every eleventh node is of another CPU model than its neighbours, and a third of them in each zone.
const MODELS: usize = 11;
/// The NAD that is edited.
pub const EDITED: usize = 9;

/// The text of [`EDITED`] with another range.
pub fn edited_nad() -> String {
    nad(EDITED).replace("10.140.9.", "10.250.9.")
}

/// Kubelet's, the cloud's and node-feature-discovery's labels, and those that virt-handler sets.
fn labels(at: usize) -> Value {
    let mut labels = json!({
        "kubernetes.io/hostname": name(at), "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": format!("metal-{}", at % MODELS),
        "node-role.kubernetes.io/worker": "", "topology.kubernetes.io/region": "r1",
        "topology.kubernetes.io/zone": format!("r1-{}", at % 3), "kubevirt.io/schedulable": "true",
        "cpu-timer.node.kubevirt.io/tsc-frequency": (2_000_000_000 + at * 17).to_string(),
        "cpu-timer.node.kubevirt.io/tsc-scalable": "true",
        format!("scheduling.node.kubevirt.io/tsc-frequency-{}", 2_000_000_000 + at * 17): "true",
    });
    for n in 0..28 {
        labels[format!("feature.node.kubernetes.io/cpu-cpuid.FEATURE{n}")] = json!("true");
    }
    for n in 0..150 {
        labels[format!("cpu-feature.node.kubevirt.io/feature-{}", n + at % MODELS)] = json!("true");
    }
    for n in 0..20 {
        labels[format!("cpu-model.node.kubevirt.io/Model-{}-v{n}", at % MODELS)] = json!("true");
        labels[format!("hyperv.node.kubevirt.io/enlightenment{n}")] = json!("true");
    }
    labels
}

fn name(at: usize) -> String {
    format!("worker-{at:05}.prod.example.com")
}

/// A Node of some 31 KB: images, managedFields and annotations as on a real one.
pub fn node(at: usize) -> String {
    let (high, low) = (at >> 8, at & 255);
    let images: Vec<_> = (0..50)
        .map(|n| {
            json!({"names": [format!("registry.example.com/team/image-{n}@sha256:{n:064x}"), format!("registry.example.com/team/image-{n}:v1.{n}.0")],
                "sizeBytes": 100_000_000 + n})
        })
        .collect();
    let fields: serde_json::Map<_, _> =
        (0..180).map(|n| (format!("f:cpu-feature.node.kubevirt.io/feature-{n}"), json!({}))).collect();
    let conditions: Vec<_> = ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"]
        .iter()
        .map(|kind| {
            json!({"type": kind, "status": "False", "reason": "KubeletHasSufficientMemory",
            "message": "kubelet has sufficient memory available", "lastHeartbeatTime": "2026-01-02T03:04:05Z"})
        })
        .collect();
    json!({
        "metadata": {
            "name": name(at), "uid": format!("7f0c5d5e-3c0b-4f5e-9d55-{at:012}"), "resourceVersion": "123456789",
            "creationTimestamp": "2026-01-02T03:04:05Z", "labels": labels(at),
            "annotations": {
                "kubevirt.io/heartbeat": "2026-01-02T03:04:05Z", "kubevirt.io/ksm-enabled": "false",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
                "csi.volume.kubernetes.io/nodeid": format!("{{\"csi.example.com\":\"{}\"}}", name(at)),
            },
            "managedFields": [{"manager": "virt-handler", "operation": "Update", "fieldsV1": {"f:metadata": {"f:labels": fields}}}],
        },
        "spec": {
            "podCIDR": format!("10.{}.{low}.0/24", 64 + high), "providerID": format!("metal:///{at}"),
            "podCIDRs": [format!("10.{}.{low}.0/24", 64 + high), format!("fd00:10:{high:x}:{low:x}::/64")],
        },
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": format!("172.16.{high}.{low}")},
                {"type": "InternalIP", "address": format!("fd00:172:16::{at:x}")},
                {"type": "Hostname", "address": name(at)},
            ],
            "capacity": {"cpu": "64", "memory": "263782624Ki", "pods": "250", "devices.kubevirt.io/kvm": "1k"},
            "allocatable": {"cpu": "63", "memory": "262782624Ki", "pods": "250", "devices.kubevirt.io/kvm": "1k"},
            "conditions": conditions, "images": images,
            "nodeInfo": {"operatingSystem": "linux", "architecture": "amd64", "kubeletVersion": "v1.35.4"},
        },
    })
    .to_string()
}

/// A NAD of one of five usual kinds, each with a range of its own.
pub fn nad(at: usize) -> String {
    let (high, low) = (at >> 8, at & 255);
    let ipam = match at % 5 {
        0 => {
            json!({"type": "host-local", "ranges": [[{"subnet": format!("192.{}.{low}.0/24", 168 + high), "gateway": format!("192.{}.{low}.1", 168 + high)}]]})
        }
        1 => json!({"type": "static", "addresses": [{"address": format!("100.{}.{low}.9/24", 64 + high)}]}),
        2 => json!({}),
        _ => {
            json!({"type": "whereabouts", "range": format!("10.{}.{low}.0/24", 140 + high), "exclude": [format!("10.{}.{low}.0/30", 140 + high)]})
        }
    };
    let main = match at % 4 {
        0 => json!({"type": "bridge", "bridge": format!("br{}", at % 7), "vlan": at % 4000 + 1, "ipam": ipam}),
        1 => json!({"type": "ipvlan", "master": "eth1", "ipam": ipam}),
        _ => {
            json!({"type": "macvlan", "master": format!("bond0.{}", at % 4000 + 1), "mode": "bridge", "mtu": 9000, "ipam": ipam})
        }
    };
    let config =
        json!({"cniVersion": "1.0.0", "name": format!("tenant-net-{at}"), "plugins": [main, {"type": "tuning"}]});
    json!({
        "metadata": {"name": format!("tenant-net-{}", at % 50), "namespace": format!("tenant-{}", at / 50),
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": config.to_string()}},
        "spec": {"config": config.to_string()},
    })
    .to_string()
}
