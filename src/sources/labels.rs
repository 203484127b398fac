//! The labels of a node in few bytes, for there are some 200 on each node that KubeVirt runs on.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Labels by domain (what stands before the `/`) as text, so that nodes of one model share what is said of their CPU; see
/// [`super::shared::Shared`].
///
/// A key with `=` or `,` and a value with `,` are left out: no API server takes them, and none can select them.
#[derive(Clone, Debug)]
pub struct Labels {
    /// What other nodes have, too; sorted by domain.
    common: Arc<[Arc<str>]>,
    /// The others; sorted by domain.
    own: Box<[Arc<str>]>,
}

/// So many labels of one domain stand in one text: where one of them is a node's own, only these are not shared.
const TOGETHER: usize = 32;

impl Labels {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        find(&self.common, key).or_else(|| find(&self.own, key))
    }

    /// Its texts as one list, sorted by domain.
    pub(crate) fn texts(&self) -> Vec<&Arc<str>> {
        let mut texts: Vec<_> = self.common.iter().chain(&self.own).collect();
        texts.sort_unstable();
        texts.sort_by_key(|text| parted(text).0);
        texts
    }

    /// The same texts, some of them in common with other nodes; both lists sorted by domain.
    pub(crate) fn parted(common: Arc<[Arc<str>]>, own: Box<[Arc<str>]>) -> Self {
        Self { common, own }
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::parted(Arc::default(), Box::default())
    }
}

/// What is shared makes no difference.
impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        self.texts() == other.texts()
    }
}

impl Eq for Labels {}

fn find<'l>(texts: &'l [Arc<str>], key: &str) -> Option<&'l str> {
    let (domain, name) = parted(key);
    let start = texts.partition_point(|text| parted(text).0 < domain);
    let near = texts[start..].iter().map(|text| parted(text)).take_while(|(other, _)| *other == domain);
    near.flat_map(|(_, pairs)| pairs.split(',')).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// Of two values for one key the last one stands, as in a JSON object that Go reads.
impl<'t> FromIterator<(&'t str, &'t str)> for Labels {
    fn from_iter<I: IntoIterator<Item = (&'t str, &'t str)>>(pairs: I) -> Self {
        let mut domains = BTreeMap::<&str, BTreeMap<&str, &str>>::new();
        let pairs = pairs.into_iter().filter(|(key, value)| !key.contains(['=', ',']) && !value.contains(','));
        for (key, value) in pairs {
            let (domain, name) = parted(key);
            domains.entry(domain).or_default().insert(name, value);
        }
        let texts = |(domain, labels): (&str, BTreeMap<&str, &str>)| {
            let pairs: Vec<_> = labels.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            let text = |pairs: &[String]| Arc::from([domain, &pairs.join(",")].concat());
            pairs.chunks(TOGETHER).map(text).collect::<Vec<_>>()
        };
        Self::parted(Arc::default(), domains.into_iter().flat_map(texts).collect())
    }
}

/// The domain with its `/`, empty where there is none, and what follows. A `/` behind the first `=` stands in a value.
fn parted(text: &str) -> (&str, &str) {
    let end = text.find(['/', '=']).filter(|at| text.as_bytes()[*at] == b'/').map_or(0, |at| at + 1);
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_whatever_their_domain() {
        let pairs = [
            ("a/x", "1"),
            ("a", "2"),
            ("a.b/x", "3"),
            ("a-b/x", "4"),
            ("", "5"),
            ("a/w", "6/=7"),
            ("a/x/y", "8"),
            ("b", "/"),
            ("/", ""),
        ];
        let labels: Labels = pairs.into_iter().collect();
        for (key, value) in pairs {
            assert_eq!(labels.get(key), Some(value), "{key}");
        }
        assert_eq!(["c", "a/", "a/y", "a.b", "/x", "w", "7"].map(|key| labels.get(key)), [None; 7]);
        assert_eq!([("k", "old"), ("k", "new")].into_iter().collect::<Labels>().get("k"), Some("new"));
        assert_eq!(Labels::default().get("a"), None);
        assert_eq!([("a,b", "c"), ("a=b", "c"), ("d", "e,f")].into_iter().collect::<Labels>(), Labels::default());
    }

    #[test]
    fn many_labels_of_a_domain_are_found_in_their_parts() {
        let keys: Vec<_> = (0..100).map(|n| format!("cpu.example.com/f{n}")).collect();
        let labels: Labels =
            keys.iter().map(|key| (key.as_str(), &key[16..])).chain([("z", "1"), ("a/b", "2")]).collect();
        assert_eq!(labels.texts().len(), 2 + 100_usize.div_ceil(TOGETHER));
        for key in &keys {
            assert_eq!(labels.get(key), Some(&key[16..]));
        }
        assert_eq!(
            (labels.get("z"), labels.get("a/b"), labels.get("cpu.example.com/f100")),
            (Some("1"), Some("2"), None)
        );
    }
}
