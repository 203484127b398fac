//! Parts that thousands of objects have in common, each kept once.

use super::Found;
use crate::networks::origin::Field;
use crate::objects::Object;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// The parts of the objects that passed through [`Shared::share`]: labels of nodes, names of fields. What fewer than two
/// objects have is forgotten from time to time, so that no more is held than twice what is shared.
#[derive(Debug, Default)]
pub struct Shared {
    labels: Pool<str>,
    fields: Pool<Field>,
}

impl Shared {
    /// The same object, with the parts that are known already in place of its own equal ones.
    #[must_use]
    pub fn share(&mut self, mut object: Object) -> Object {
        if let Object::Found(found) = &mut object {
            self.share_found(Arc::make_mut(found));
        }
        object
    }

    fn share_found(&mut self, found: &mut Found) {
        for claim in &mut found.claims {
            self.fields.share(claim.origin.field_mut());
        }
        for text in found.node.iter_mut().flat_map(|node| node.labels.texts_mut()) {
            self.labels.share(text);
        }
    }
}

#[derive(Debug)]
struct Pool<T: ?Sized> {
    known: HashSet<Arc<T>>,
    /// At so many it is time to look which two objects have.
    limit: usize,
}

const FEW: usize = 1024;

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self { known: HashSet::new(), limit: FEW }
    }
}

impl<T: Eq + Hash + ?Sized> Pool<T> {
    fn share(&mut self, part: &mut Arc<T>) {
        if let Some(known) = self.known.get(part) {
            *part = Arc::clone(known);
            return;
        }
        if self.known.len() >= self.limit {
            self.known.retain(|known| Arc::strong_count(known) > 2);
            self.limit = FEW.max(self.known.len() * 2);
        }
        self.known.insert(Arc::clone(part));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::name_of;
    use crate::tree;

    fn node(name: &str, own: &str) -> Object {
        let text = format!(
            r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{name}","labels":{{"kubernetes.io/os":"linux",
            "kubernetes.io/hostname":"{name}","cpu.example.com/a":"true","cpu.example.com/own":"{own}"}}}},
            "status":{{"addresses":[{{"type":"InternalIP","address":"10.0.0.1"}}]}}}}"#
        );
        let node = tree::parse(&text).unwrap();
        Object::read(&node, name_of(&node).unwrap(), None).unwrap()
    }

    #[test]
    fn equal_parts_are_one_and_the_object_is_the_same() {
        let mut shared = Shared::default();
        let (a, b) = (shared.share(node("a", "1")), shared.share(node("b", "1")));
        assert_eq!((&a, &b), (&node("a", "1"), &node("b", "1")));
        // Of cpu.example.com, and of kubernetes.io for each.
        assert_eq!((shared.labels.known.len(), shared.fields.known.len()), (3, 1));
    }

    #[test]
    fn what_no_object_has_is_forgotten() {
        let mut shared = Shared::default();
        let kept = shared.share(node("kept", "0"));
        for n in 0..10 * FEW {
            drop(shared.share(node(&format!("node-{n}"), &n.to_string())));
        }
        assert!(shared.labels.known.len() <= FEW, "{}", shared.labels.known.len());
        let again = shared.share(node("kept", "0"));
        assert_eq!(again, kept);
    }
}
