//! The live read: the object as it is now, whatever is kept of it.

use crate::api::{Followed, NADS, Says, nad};
use kubevirt_preflight::place::ObjectRef;
use kubevirt_preflight::watch::reread::reread;
use serde_json::json;
use std::sync::Arc;

fn name(name: &str) -> ObjectRef {
    ObjectRef {
        api_version: "k8s.cni.cncf.io/v1".into(),
        kind: "NetworkAttachmentDefinition".into(),
        namespace: Some("kubevirt".into()),
        name: name.into(),
    }
}

#[tokio::test]
async fn what_is_read_is_what_there_is_now() {
    let followed = Followed::with(&[(NADS, Says::Objects(5, vec![nad("a", 4)]))]).await;
    followed.nads(&["a"]).await;
    let mut mended = nad("a", 9);
    mended["spec"]["config"] = json!("{\"type\":\"bridge\"}");
    followed.api.says(NADS, Says::Objects(9, vec![mended]));
    let reread = reread(Arc::clone(&followed.cluster));
    let live = reread(vec![name("a"), name("gone")]).await.unwrap();
    let of = |wanted: &str| live.iter().find(|(name, _)| name.name == wanted).unwrap().1.clone();
    assert!(of("a").is_some_and(|object| format!("{object:?}").contains("bridge")), "{live:?}");
    assert!(of("gone").is_none());
    followed.nads(&["a"]).await;
}

#[tokio::test]
async fn what_cannot_be_read_is_said_with_its_name() {
    let followed = Followed::with(&[]).await;
    let reread = reread(Arc::clone(&followed.cluster));
    let many = (0..17).map(|n| name(&format!("n{n}"))).collect();
    assert!(reread(many).await.unwrap_err().contains("17 objects"));
    followed.api.says(&format!("{}/a", NADS.replace("/network", "/namespaces/kubevirt/network")), Says::Fails(500));
    let why = reread(vec![name("a")]).await.unwrap_err();
    assert!(why.contains("NetworkAttachmentDefinition kubevirt/a") && why.contains("500"), "{why}");
}
