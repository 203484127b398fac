//! What is known of the cluster: the state of each list, and its objects. No clock, no wire.

use super::client::Failure;
use super::resource::Resource;
use crate::objects::Object;
use crate::place::ObjectRef;
use crate::sources::shared::Shared;
use crate::world::Lists;
use std::fmt;

/// How far a list is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not read yet.
    Syncing,
    /// Read, and kept up to date.
    Ready,
    /// The cluster does not serve it.
    Absent,
    /// The API server refuses it, with its words.
    Forbidden(String),
    /// It cannot be read, or not all of it: why. What was read before stays.
    Bad(String),
}

impl State {
    /// All words for it.
    pub const WORDS: [&'static str; 5] = ["absent", "bad", "forbidden", "ready", "syncing"];

    /// As `networks` and the metrics name it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Syncing => "syncing",
            Self::Ready => "ready",
            Self::Absent => "absent",
            Self::Forbidden(_) => "forbidden",
            Self::Bad(_) => "bad",
        }
    }

    /// Why it is neither ready nor absent.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Forbidden(why) | Self::Bad(why) => Some(why),
            _ => None,
        }
    }
}

impl From<Failure> for State {
    fn from(failure: Failure) -> Self {
        match failure {
            // Discovery says what is absent; a list may be missing for a moment, while its definition is established.
            Failure::Forbidden(why) => Self::Forbidden(why),
            other => Self::Bad(other.to_string()),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// One list.
#[derive(Debug)]
pub struct Slot {
    /// What is read.
    pub resource: Resource,
    /// How far it is known.
    pub state: State,
    /// The version in which the cluster serves it.
    pub version: Option<&'static str>,
    /// It was read to its end, and all of it could be read.
    is_whole: bool,
    /// It was read to its end at least once, or is absent.
    is_done: bool,
    /// By namespace and name.
    objects: Vec<Object>,
    /// Objects of the last list that could not be read.
    unread: usize,
}

/// All lists.
#[derive(Debug)]
pub struct Kept {
    slots: Vec<Slot>,
    shared: Shared,
}

impl Kept {
    /// Nothing read yet.
    pub fn of(resources: Vec<Resource>) -> Self {
        let slot = |resource| Slot {
            resource,
            state: State::Syncing,
            version: None,
            is_whole: false,
            is_done: false,
            objects: Vec::new(),
            unread: 0,
        };
        Self { slots: resources.into_iter().map(slot).collect(), shared: Shared::default() }
    }

    /// Every list with its state.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The list was read to its end; `unread` says why some objects could not be. Whether it differs from what was kept.
    pub fn listed(&mut self, at: usize, version: &'static str, objects: Vec<Object>, unread: &[String]) -> bool {
        let slot = &mut self.slots[at];
        let state = unread.first().map_or(State::Ready, |why| State::Bad(why.clone()));
        let as_before = |object: Object| match slot.object(object.reference()) {
            Ok(at) if slot.objects[at] == object => (slot.objects[at].clone(), true),
            _ => (object, false),
        };
        let (mut objects, as_before): (Vec<_>, Vec<_>) = objects.into_iter().map(as_before).unzip();
        let same = as_before.len() == slot.objects.len() && as_before.iter().all(|same| *same);
        let same = same && slot.is_whole == unread.is_empty() && slot.state == state;
        objects.sort_by(|a, b| key(a.reference()).cmp(&key(b.reference())));
        objects.dedup_by(|a, b| key(a.reference()) == key(b.reference()));
        slot.objects = objects;
        (slot.is_whole, slot.is_done, slot.unread) = (unread.is_empty(), true, unread.len());
        (slot.version, slot.state) = (Some(version), state);
        !same
    }

    /// The object is now like this. Whether that is new.
    pub fn applied(&mut self, at: usize, object: Object) -> bool {
        let object = self.shared.share(object);
        let slot = &mut self.slots[at];
        match slot.object(object.reference()) {
            Ok(at) if slot.objects[at] == object => return false,
            Ok(at) => slot.objects[at] = object,
            Err(at) => slot.objects.insert(at, object),
        }
        true
    }

    /// The object as it is kept, if that is equal; else with the parts that others have, too, in place of its own.
    pub fn shared(&mut self, at: usize, object: Object) -> Object {
        let slot = &self.slots[at];
        match slot.object(object.reference()) {
            Ok(at) if slot.objects[at] == object => slot.objects[at].clone(),
            _ => self.shared.share(object),
        }
    }

    /// The object is gone. Whether it was there.
    pub fn deleted(&mut self, at: usize, name: &ObjectRef) -> bool {
        let slot = &mut self.slots[at];
        slot.object(name).map(|at| slot.objects.remove(at)).is_ok()
    }

    /// The cluster serves no such list. Whether that is new.
    pub fn absent(&mut self, at: usize) -> bool {
        let slot = &mut self.slots[at];
        let new = slot.state != State::Absent || !slot.objects.is_empty();
        (slot.state, slot.is_whole, slot.is_done) = (State::Absent, true, true);
        (slot.version, slot.unread) = (None, 0);
        slot.objects.clear();
        new
    }

    /// The list cannot be read; what was read before stays. Whether that is new.
    pub fn failed(&mut self, at: usize, failure: Failure) -> bool {
        let slot = &mut self.slots[at];
        let state = State::from(failure);
        let new = slot.state.word() != state.word();
        slot.is_whole &= !matches!(state, State::Forbidden(_));
        slot.state = state;
        new
    }

    /// The lists that readiness waits for and that have not been read to their end yet.
    pub fn awaited(&self) -> impl Iterator<Item = &Resource> {
        let needed = self.slots.iter().filter(|slot| slot.resource.is_needed);
        needed.filter(|slot| !slot.is_done).map(|slot| &slot.resource)
    }

    /// Whether every list has been tried.
    pub fn is_tried(&self) -> bool {
        self.slots.iter().all(|slot| slot.state != State::Syncing)
    }

    /// All objects.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.slots.iter().flat_map(|slot| &slot.objects)
    }

    /// Which kinds are whole: all of what is read of them.
    pub fn lists(&self, at_rest: bool) -> Lists {
        let id = |slot: &Slot| (slot.resource.reads.group.to_owned(), slot.resource.reads.kind.to_owned());
        let parts: Vec<_> = self.slots.iter().filter(|slot| !slot.is_whole).map(id).collect();
        let kinds: std::collections::BTreeSet<_> =
            self.slots.iter().map(id).filter(|kind| !parts.contains(kind)).collect();
        let nad = ("k8s.cni.cncf.io".to_owned(), "NetworkAttachmentDefinition".to_owned());
        Lists { nads: kinds.contains(&nad), kinds, at_rest }
    }
}

impl Slot {
    /// Where the object of this name is, or would be.
    fn object(&self, name: &ObjectRef) -> Result<usize, usize> {
        self.objects.binary_search_by(|object| key(object.reference()).cmp(&key(name)))
    }

    /// Whether this object of it is kept.
    pub fn holds(&self, name: &ObjectRef) -> bool {
        self.object(name).is_ok()
    }

    /// How many objects of it are kept.
    pub fn count(&self) -> usize {
        self.objects.len()
    }
}

fn key(object: &ObjectRef) -> (Option<&str>, &str) {
    (object.namespace.as_deref(), &object.name)
}

#[cfg(test)]
mod tests {
    use super::super::resource::JUDGED;
    use super::super::wire;
    use super::*;

    fn nad(name: &str, config: &str) -> Object {
        let text = format!(r#"{{"metadata":{{"name":"{name}","namespace":"n"}},"spec":{{"config":"{config}"}}}}"#);
        wire::read(&text, &JUDGED[2], "v1").unwrap().1.unwrap()
    }

    fn kept() -> Kept {
        Kept::of(JUDGED.to_vec())
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let mut kept = kept();
        assert!(kept.listed(2, "v1", vec![nad("a", "x"), nad("b", "x")], &[]));
        assert!(!kept.listed(2, "v1", vec![nad("b", "x"), nad("a", "x")], &[]));
        assert!(kept.listed(2, "v1", vec![nad("a", "x")], &[]), "one is gone");
        assert!(!kept.applied(2, nad("a", "x")));
        assert!(kept.applied(2, nad("a", "y")));
        assert!(kept.deleted(2, nad("a", "y").reference()));
        assert!(!kept.deleted(2, nad("a", "y").reference()));
    }

    #[test]
    fn a_list_that_fails_keeps_what_it_had() {
        let mut kept = kept();
        kept.listed(2, "v1", vec![nad("a", "x")], &[]);
        assert!(kept.failed(2, Failure::Other("connection refused".into())));
        assert_eq!((kept.objects().count(), kept.lists(true).nads), (1, true));
        kept.failed(2, Failure::Forbidden("no".into()));
        assert!(!kept.lists(true).nads, "what may not be read may have changed");
        assert!(kept.absent(2));
        assert_eq!((kept.objects().count(), kept.lists(true).nads), (0, true));
    }

    #[test]
    fn a_list_with_an_object_that_cannot_be_read_is_not_whole() {
        let mut kept = kept();
        kept.listed(2, "v1", vec![nad("a", "x")], &["too deep".into()]);
        assert_eq!(kept.slots()[2].state, State::Bad("too deep".into()));
        assert!(!kept.lists(true).nads);
    }
}
