//! Azure CNI: the subnet that the pods of a node have addresses of (Azure/azure-container-networking
//! crd/nodenetworkconfig/api/v1alpha: `NetworkContainer`).

use super::field::Field;
use super::{Reads, Source};
use crate::networks::{Class, Confidence};

/// NodeNetworkConfigs in `kube-system`, one a node: `status.networkContainers`.
pub static SOURCE: Source = Source {
    name: "azure",
    reads: &[Reads::all("acn.azure.com", &["v1alpha"], "nodenetworkconfigs", "NodeNetworkConfig").within("kube-system")],
    knows: &[Class::Pod],
    whole_in_itself: false,
    learn: |node, found| {
        for container in Field::root(node).at(&["status", "networkContainers"], found).items(found) {
            container.get("subnetAddressSpace", found).claim(Class::Pod, Confidence::Live, found);
            container.get("nodeIP", found).claim(Class::Node, Confidence::Live, found);
        }
    },
};
