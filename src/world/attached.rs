//! A NAD of a world, with what its text means.

use crate::cni::{self, Attachment, Pools, Setting};
use crate::networks::{Claim, Class, Confidence, Origin};
use crate::objects::{Config, Nad};
use crate::place::ObjectRef;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// A NAD with what its text means.
#[derive(Debug)]
pub struct Attached {
    /// The NAD.
    pub nad: Arc<Nad>,
    /// What its text means.
    pub attachment: Reading,
    claims: Box<[Claim]>,
}

/// An [`Attachment`] that is read where it is asked for. Of thousands of NADs few are judged; the others only claim
/// prefixes, and their attachments would take twice the room of their texts.
pub struct Reading {
    nad: Arc<Nad>,
    pools: Arc<Pools>,
    pods_have_v6: Option<bool>,
    read: OnceLock<Box<Attachment>>,
}

impl Attached {
    /// Reads the NAD's text; `keep` holds on to what it means, which will be asked for.
    pub(super) fn read(nad: Arc<Nad>, pools: &Arc<Pools>, pods_have_v6: Option<bool>, keep: bool) -> Arc<Self> {
        let reading = Reading { nad: Arc::clone(&nad), pools: Arc::clone(pools), pods_have_v6, read: OnceLock::new() };
        let keep = keep || nad.labelled;
        let claims = if keep { claims(&nad, &reading) } else { claims(&nad, &reading.made()) };
        Arc::new(Self { nad, attachment: reading, claims })
    }

    /// Its on-link prefixes, for what other NADs may collide with.
    pub(super) fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter()
    }

    /// `NAD kubevirt/mig`: short, for messages have to fit into a warning of the API server (256 characters).
    pub fn label(&self) -> String {
        let ObjectRef { namespace, name, .. } = &*self.nad.object;
        namespace.as_ref().map_or_else(|| format!("NAD {name}"), |namespace| format!("NAD {namespace}/{name}"))
    }
}

impl Reading {
    fn made(&self) -> Attachment {
        match &self.nad.config {
            Config::Text(text) => {
                let ObjectRef { namespace, name, .. } = &*self.nad.object;
                let (pools, pods_have_v6) = (self.pools.as_ref(), self.pods_have_v6);
                cni::read(text, Setting { namespace: namespace.as_deref(), name, pools, pods_have_v6 })
            }
            Config::FileBacked => Attachment::file_backed(),
            Config::NotText(type_name) => Attachment::not_text(type_name),
        }
    }
}

impl Deref for Reading {
    type Target = Attachment;

    fn deref(&self) -> &Attachment {
        self.read.get_or_init(|| Box::new(self.made()))
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

fn claims(nad: &Nad, attachment: &Attachment) -> Box<[Claim]> {
    let mut origin = Origin::new(Arc::clone(&nad.object), "spec.config");
    if let Some(pool) = attachment.own.first() {
        origin.set_pool(pool);
    }
    let prefixes: BTreeSet<_> = attachment.addresses.iter().map(|a| a.prefix.interval()).collect();
    let claim =
        |interval| Claim { interval, class: Class::Secondary, confidence: Confidence::Live, origin: origin.clone() };
    prefixes.into_iter().map(claim).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Inputs, World};
    use crate::objects::{Object, name_of};
    use crate::tree;
    use std::sync::Arc;

    fn object(text: &str) -> Object {
        let node = tree::parse(text).unwrap();
        Object::read(&node, name_of(&node).unwrap(), None).unwrap()
    }

    #[test]
    fn nads_that_come_later_share_the_pools() {
        let pool = object(
            r#"{"apiVersion":"spiderpool.spidernet.io/v2beta1","kind":"SpiderIPPool","metadata":{"name":"mig"},
                "spec":{"subnet":"10.1.0.0/24","ips":["10.1.0.10-10.1.0.90"]}}"#,
        );
        let nad = |name: &str| {
            object(&format!(
                r#"{{"apiVersion":"k8s.cni.cncf.io/v1","kind":"NetworkAttachmentDefinition","metadata":{{"name":"{name}",
                   "namespace":"kubevirt"}},"spec":{{"config":"{{}}"}}}}"#
            ))
        };
        let mut objects = vec![pool, nad("a")];
        let mut world = World::of(Inputs { objects: objects.clone(), ..Inputs::default() });
        let first = Arc::clone(&world.base.pools);
        assert_eq!(first.len(), 1);
        for name in ["b", "c"] {
            objects.push(nad(name));
            world = World::renewed(&world, Inputs { objects: objects.clone(), ..Inputs::default() });
        }
        assert!(world.nads().all(|attached| Arc::ptr_eq(&attached.attachment.pools, &first)));
    }
}
