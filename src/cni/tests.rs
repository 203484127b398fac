//! Texts and what they mean.

use super::*;

fn reading(config: &str) -> Attachment {
    let pools = Pools::new();
    read(config, Setting { namespace: Some("kubevirt"), name: "mig", pools: &pools, pods_have_v6: None })
}

#[test]
fn a_bridge_with_static_addresses() {
    let text = r#"{"cniVersion":"1.0.0","type":"bridge","bridge":"br0","ipam":{"type":"static",
        "addresses":[{"address":"10.200.5.9/24","gateway":"10.200.5.1"}],"routes":[{"dst":"10.9.0.0/16"}]}}"#;
    let attachment = reading(text);
    assert_eq!(attachment.faults, []);
    assert_eq!(attachment.addresses.len(), 1);
    assert!(attachment.addresses[0].on_link);
    assert_eq!(attachment.routes[0].via, Some("10.200.5.1".parse().unwrap()));
}
