//! Parts that thousands of objects have in common, each kept once.

use super::labels::Labels;
use crate::networks::origin::Field;
use crate::objects::Object;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// The parts of the objects that passed through [`Shared::share`]: labels of nodes, names of fields. What was met only
/// once, or is not in use any more, is forgotten from time to time: no more is held than twice what is shared.
#[derive(Debug, Default)]
pub struct Shared {
    labels: Pool<str>,
    lists: Pool<[Arc<str>]>,
    fields: Pool<Field>,
}

impl Shared {
    /// The same object, with the parts that are known already in place of its own equal ones.
    #[must_use]
    pub fn share(&mut self, mut object: Object) -> Object {
        if let Object::Found(found) = &mut object {
            let found = Arc::make_mut(found);
            for claim in &mut found.claims {
                let field = claim.origin.field_mut();
                *field = self.fields.known(field).unwrap_or_else(|| Arc::clone(field));
            }
            if let Some(node) = &mut found.node {
                node.labels = self.share_labels(&node.labels);
            }
        }
        object
    }

    fn share_labels(&mut self, labels: &Labels) -> Labels {
        let (mut common, mut own) = (Vec::new(), Vec::new());
        for text in labels.texts() {
            match self.labels.known(text) {
                Some(known) => common.push(known),
                None => own.push(Arc::clone(text)),
            }
        }
        let common = Arc::from(common);
        Labels::parted(self.lists.known(&common).unwrap_or(common), own.into())
    }
}

/// Values, each with whether it was met a second time.
#[derive(Debug)]
struct Pool<T: ?Sized> {
    known: HashMap<Arc<T>, bool>,
    /// At so many it is time to look which are worth it.
    limit: usize,
}

const FEW: usize = 1024;

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self { known: HashMap::new(), limit: FEW }
    }
}

impl<T: Eq + Hash + ?Sized> Pool<T> {
    /// The equal value that it knows; if there is none it knows this one from now on.
    fn known(&mut self, value: &Arc<T>) -> Option<Arc<T>> {
        if let Some((known, _)) = self.known.get_key_value(value) {
            let known = Arc::clone(known);
            self.known.insert(Arc::clone(&known), true);
            return Some(known);
        }
        if self.known.len() >= self.limit {
            self.known.retain(|value, again| *again && Arc::strong_count(value) > 1);
            self.limit = FEW.max(self.known.len() * 2);
        }
        self.known.insert(Arc::clone(value), false);
        None
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
