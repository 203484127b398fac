//! JSON as Go's `encoding/json` decodes it into a struct: keys match by simple case folding, `null` leaves the zero
//! value, a wrong type is an error. What two readers would understand differently is an ambiguity instead of a guess.

use super::{Note, Pointer};
use crate::tree::{Map, Node};
use std::collections::BTreeMap;

/// What was remarked while reading; see the fields of the same names in [`super::Attachment`].
#[derive(Debug, Default)]
pub(super) struct Remarks {
    pub(super) faults: Vec<Note>,
    pub(super) ambiguities: Vec<Note>,
    pub(super) oddities: Vec<Note>,
    pub(super) opaque: Vec<Note>,
}

impl Remarks {
    pub(super) fn fault(&mut self, pointer: impl Into<Pointer>, why: impl Into<String>, help: impl Into<String>) {
        self.faults.push(Note { pointer: pointer.into(), why: why.into(), help: help.into(), elsewhere: false });
    }

    /// A fault that another rule names, too.
    pub(super) fn fault_elsewhere(
        &mut self,
        pointer: impl Into<Pointer>,
        why: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.faults.push(Note { pointer: pointer.into(), why: why.into(), help: help.into(), elsewhere: true });
    }

    pub(super) fn odd(&mut self, pointer: impl Into<Pointer>, why: impl Into<String>, help: impl Into<String>) {
        self.oddities.push(Note { pointer: pointer.into(), why: why.into(), help: help.into(), elsewhere: false });
    }

    pub(super) fn ambiguous(&mut self, pointer: impl Into<Pointer>, why: impl Into<String>, help: impl Into<String>) {
        self.ambiguities.push(Note { pointer: pointer.into(), why: why.into(), help: help.into(), elsewhere: false });
    }

    pub(super) fn opaque(&mut self, pointer: impl Into<Pointer>, why: impl Into<String>, help: impl Into<String>) {
        self.opaque.push(Note { pointer: pointer.into(), why: why.into(), help: help.into(), elsewhere: false });
    }
}

/// An object that a plugin decodes into a struct.
#[derive(Clone, Debug)]
pub(super) struct Fields<'n, 'a> {
    map: &'n Map<'a>,
    /// All its keys are ASCII, as nearly always: they are quicker to compare.
    ascii: bool,
    /// Where it stands.
    pub(super) pointer: Pointer,
}

/// Lists of addresses, ranges and routes are read up to this length.
pub(super) const MANY: usize = 256;

/// A value and where it stands.
pub(super) type Placed<'n, 'a> = (&'n Node<'a>, Pointer);

impl<'n, 'a> Fields<'n, 'a> {
    /// Opens an object. A value of another type is a fault, doubtful keys are an ambiguity: `None` either way.
    pub(super) fn open(node: &'n Node<'a>, pointer: Pointer, remarks: &mut Remarks) -> Option<Self> {
        let Some(map) = node.map() else {
            let why = format!("this must be an object, not {}", node.type_name());
            remarks.fault(pointer, why, "Write an object in braces.");
            return None;
        };
        Self::unless_doubtful(map, pointer, |_| true, remarks)
    }

    /// Like [`Fields::open`], for an object of which the plugin reads only `known` and passes over the rest: other
    /// keys may stand in it twice.
    pub(super) fn open_known(
        node: &'n Node<'a>,
        pointer: Pointer,
        known: impl Fn(&str) -> bool,
        remarks: &mut Remarks,
    ) -> Option<Self> {
        match node.map() {
            Some(map) => Self::unless_doubtful(map, pointer, known, remarks),
            None => Self::open(node, pointer, remarks),
        }
    }

    fn unless_doubtful(
        map: &'n Map<'a>,
        pointer: Pointer,
        matters: impl Fn(&str) -> bool,
        remarks: &mut Remarks,
    ) -> Option<Self> {
        let Some((first, second)) = doubtful_key(map, matters) else {
            return Some(Self { ascii: is_ascii(map), map, pointer });
        };
        let why = if first == second {
            format!("the key `{first}` stands twice in one object")
        } else {
            format!("the keys `{first}` and `{second}` are the same to the plugin, which ignores case")
        };
        remarks.ambiguous(child(&pointer, second), why, "Keep one of them; readers differ in which one they take.");
        None
    }

    /// The value of `key` in exactly this case, `null` included; remarks nothing.
    pub(super) fn exact(&self, key: &str) -> Option<&'n Node<'a>> {
        self.map.get(key)
    }

    /// The keys as written.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'n str> {
        self.map.iter().map(|(name, _)| name)
    }

    /// The value of `key`, however its case is written; `None` if it is absent or `null`.
    pub(super) fn get(&self, key: &str, remarks: &mut Remarks) -> Option<Placed<'n, 'a>> {
        let (name, node) = self.map.iter().find(|(name, _)| self.is(name, key))?;
        let pointer = child(&self.pointer, name);
        if name != key {
            let why = format!("`{name}` is read as `{key}`, for the plugin ignores case");
            remarks.odd(pointer.clone(), why, format!("Write `{key}`."));
        }
        (!matches!(node, Node::Null)).then_some((node, pointer))
    }

    /// Whether `key` is there in any case, `null` included; remarks nothing.
    pub(super) fn has(&self, key: &str) -> bool {
        self.map.iter().any(|(name, _)| self.is(name, key))
    }

    /// Whether its key `name` is `key`, which is ASCII, to Go's decoder.
    fn is(&self, name: &str, key: &str) -> bool {
        name.eq_ignore_ascii_case(key) || !self.ascii && folds_to(name, key)
    }

    /// A string; another type is a fault.
    pub(super) fn text(&self, key: &str, remarks: &mut Remarks) -> Option<(&'n str, Pointer)> {
        self.typed(key, "a string", Node::text, remarks)
    }

    /// A boolean; another type is a fault.
    pub(super) fn flag(&self, key: &str, remarks: &mut Remarks) -> Option<(bool, Pointer)> {
        self.typed(key, "a boolean", Node::flag, remarks)
    }

    /// A whole number; another type or a fraction is a fault.
    pub(super) fn whole(&self, key: &str, remarks: &mut Remarks) -> Option<(i64, Pointer)> {
        self.typed(key, "a whole number", whole, remarks)
    }

    /// The elements of a list with their places; another type is a fault.
    pub(super) fn list(&self, key: &str, remarks: &mut Remarks) -> Option<Vec<Placed<'n, 'a>>> {
        let (items, pointer) = self.typed(key, "a list", Node::list, remarks)?;
        Some(items.iter().enumerate().map(|(at, item)| (item, child(&pointer, &at.to_string()))).collect())
    }

    /// Like [`Fields::list`], for lists whose elements are compared with each other: of more than `limit` the rest is not
    /// read, which is a fault.
    pub(super) fn short_list(&self, key: &str, limit: usize, remarks: &mut Remarks) -> Option<Vec<Placed<'n, 'a>>> {
        let mut items = self.list(key, remarks)?;
        if items.len() > limit {
            let why = format!("`{key}` has {} entries, and more than {limit} are not read", items.len());
            remarks.fault(child(&self.pointer, key), why, "Shorten the list.");
            items.truncate(limit);
        }
        Some(items)
    }

    /// A list of strings with their places; another type at any place is a fault, `null` is the empty string.
    pub(super) fn texts(&self, key: &str, remarks: &mut Remarks) -> Option<Vec<(&'n str, Pointer)>> {
        let text = |node: &'n Node<'a>| if matches!(node, Node::Null) { Some("") } else { node.text() };
        let items = self.list(key, remarks)?;
        Some(items.into_iter().filter_map(|placed| as_typed(placed, "a string", text, remarks)).collect())
    }

    /// An inner struct; another type is a fault, doubtful keys an ambiguity.
    pub(super) fn object(&self, key: &str, remarks: &mut Remarks) -> Option<Self> {
        let (node, pointer) = self.get(key, remarks)?;
        Self::open(node, pointer, remarks)
    }

    /// The inner structs of a list; `null` elements are left out.
    pub(super) fn objects(&self, key: &str, remarks: &mut Remarks) -> Option<Vec<Self>> {
        let items = self.list(key, remarks)?;
        let present = items.into_iter().filter(|(node, _)| !matches!(node, Node::Null));
        Some(present.filter_map(|(node, pointer)| Self::open(node, pointer, remarks)).collect())
    }

    /// The object at a path of keys, each of which may stand beside keys of other readers. Remarks nothing: a check of
    /// types is expected to have done so.
    pub(super) fn nested(&self, path: &[&str]) -> Option<Self> {
        let mut quiet = Remarks::default();
        let mut fields = self.clone();
        for (at, key) in path.iter().enumerate() {
            let next = path.get(at + 1);
            let known = |name: &str| next.is_none_or(|key| folds_to(name, key));
            let (node, pointer) = fields.get(key, &mut quiet).filter(|(node, _)| node.map().is_some())?;
            fields = Self::open_known(node, pointer, known, &mut quiet)?;
        }
        Some(fields)
    }

    fn typed<T>(
        &self,
        key: &str,
        expected: &str,
        cast: impl Fn(&'n Node<'a>) -> Option<T>,
        remarks: &mut Remarks,
    ) -> Option<(T, Pointer)> {
        let placed = self.get(key, remarks)?;
        as_typed(placed, expected, cast, remarks)
    }
}

/// The value as `cast` has it; another type is a fault.
pub(super) fn as_typed<'n, 'a, T>(
    (node, pointer): Placed<'n, 'a>,
    expected: &str,
    cast: impl Fn(&'n Node<'a>) -> Option<T>,
    remarks: &mut Remarks,
) -> Option<(T, Pointer)> {
    let value = cast(node);
    if value.is_none() {
        let key = pointer.rsplit('/').next().unwrap_or_default();
        let why = format!("`{key}` must be {expected}, not {}", described(node));
        remarks.fault(pointer.clone(), why, format!("Write {expected}."));
    }
    value.map(|value| (value, pointer))
}

fn described(node: &Node<'_>) -> String {
    match node {
        Node::Number(number) => format!("the number {number}"),
        other => other.type_name().to_owned(),
    }
}

/// The pointer of a member or element (RFC 6901 escapes).
pub(super) fn child(pointer: &str, key: &str) -> Pointer {
    let mut child = String::with_capacity(pointer.len() + 1 + key.len());
    child.push_str(pointer);
    child.push('/');
    if key.contains(['~', '/']) {
        child.push_str(&key.replace('~', "~0").replace('/', "~1"));
    } else {
        child.push_str(key);
    }
    child
}

/// A number as a plugin decodes it into an int. Before a plugin sees the text, libcni has passed every number through a
/// float64 and written it anew (libcni:InjectConf): `1500.0` and `15e2` are 1500, and beyond 1e21 an exponent is left.
#[allow(clippy::cast_possible_truncation)] // checked to be whole and within the range of i64
pub(super) fn whole(node: &Node<'_>) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let Node::Number(number) = node else { return None };
    let float = number.as_f64()?;
    (float.fract() == 0.0 && (-LIMIT..LIMIT).contains(&float)).then_some(float as i64)
}

/// So many keys are compared one with another, which is faster; more are sorted.
const FEW: usize = 24;

/// Two keys of one object that are equal or fold together, whatever their order in the text: the one that is most likely
/// meant (lower case sorts last) and the other.
fn doubtful_key<'n>(map: &'n Map<'_>, matters: impl Fn(&str) -> bool) -> Option<(&'n str, &'n str)> {
    if map.0.len() <= FEW && all_differ(map) {
        return None;
    }
    let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, _) in map.iter().filter(|(name, _)| matters(name)) {
        alike.entry(name.chars().map(folded).collect()).or_default().push(name);
    }
    let several = alike.into_values().find(|names| names.len() > 1)?;
    Some((several.iter().max().copied()?, several.iter().min().copied()?))
}

fn all_differ(map: &Map<'_>) -> bool {
    let ascii = is_ascii(map);
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b) || !ascii && folds_to(a, b);
    let mut names = map.iter().map(|(name, _)| name).enumerate();
    names.all(|(at, name)| map.iter().take(at).all(|(earlier, _)| !same(earlier, name)))
}

fn is_ascii(map: &Map<'_>) -> bool {
    map.iter().all(|(name, _)| name.is_ascii())
}

/// Whether Go's decoder takes `name` for `key`.
pub(super) fn folds_to(name: &str, key: &str) -> bool {
    let beyond_ascii = || !(name.is_ascii() && key.is_ascii());
    name.eq_ignore_ascii_case(key) || beyond_ascii() && name.chars().map(folded).eq(key.chars().map(folded))
}

/// Go's simple folding (encoding/json fold.go): ASCII case, and the long s and the Kelvin sign that fold to ASCII.
/// Other letters cannot equal a key that a plugin knows, but two of them can still be the same key.
fn folded(c: char) -> char {
    match c {
        'ſ' => 's',
        'K' => 'k',
        _ if c.is_ascii() => c.to_ascii_lowercase(),
        _ => {
            let mut lower = c.to_lowercase();
            lower.next().filter(|_| lower.next().is_none()).unwrap_or(c)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::parse;

    fn remarks_on(text: &str, look: impl Fn(Fields<'_, '_>, &mut Remarks)) -> Remarks {
        let node = parse(text).unwrap();
        let mut remarks = Remarks::default();
        if let Some(fields) = Fields::open(&node, String::new(), &mut remarks) {
            look(fields, &mut remarks);
        }
        remarks
    }

    #[test]
    fn a_lone_variant_is_read_and_remarked() {
        for text in [r#"{"ROUTES":[]}"#, r#"{"routeſ":[]}"#] {
            let remarks = remarks_on(text, |f, r| assert_eq!(f.list("routes", r).map(|l| l.len()), Some(0)));
            assert_eq!(remarks.oddities.len(), 1, "{text}");
            assert!(remarks.ambiguities.is_empty());
        }
    }

    #[test]
    fn doubtful_keys_close_the_object() {
        for text in [r#"{"a":1,"a":2}"#, r#"{"ipam":1,"IPAM":2}"#, r#"{"k":1,"\u212a":2}"#] {
            let remarks = remarks_on(text, |_, _| unreachable!("{text}"));
            assert_eq!(remarks.ambiguities.len(), 1, "{text}");
        }
    }

    #[test]
    fn doubtful_keys_are_found_among_few_and_among_many() {
        for count in [FEW - 2, FEW - 1, 4 * FEW] {
            let others = (0..count).fold(String::new(), |text, n| text + "\"a" + &n.to_string() + "\":1,");
            for (one, other) in [("x", "X"), ("straße", "STRAßE"), ("\u{212a}", "k")] {
                let text = format!("{{\"{one}\":1,{others}\"{other}\":2}}");
                let node = parse(&text).unwrap();
                let found = |matters: fn(&str) -> bool| doubtful_key(node.map().unwrap(), matters);
                assert_eq!(found(|_| true), Some((one, other)), "{text}");
                assert_eq!(found(|key| key.starts_with('a')), None, "{text}");
            }
        }
    }

    #[test]
    fn numbers_have_been_through_a_float() {
        let read = |text: &str| whole(&parse(text).unwrap());
        for (text, expected) in [("1500.0", 1500), ("15e2", 1500), ("-0", 0), ("-0.0", 0), ("4294967296", 1 << 32)] {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        for text in ["1.5", "9223372036854775807", "1e21", "\"1\"", "true"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_wrong_type_is_a_fault_and_null_is_nothing() {
        let remarks = remarks_on(r#"{"mtu":"1500","vlan":1.5,"name":null,"l":[1,null]}"#, |f, r| {
            assert_eq!(f.whole("mtu", r), None);
            assert_eq!(f.whole("vlan", r), None);
            assert_eq!(f.text("name", r), None);
            assert_eq!(f.texts("l", r).map(|l| l.len()), Some(1));
        });
        let places: Vec<_> = remarks.faults.iter().map(|n| n.pointer.as_str()).collect();
        assert_eq!(places, ["/mtu", "/vlan", "/l/0"]);
    }
}
