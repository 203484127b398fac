//! What a Go struct says about the types of its keys: a wrong type at any of them makes the plugin's ADD fail, be the key
//! of any use or not.

use super::decode::{Fields, Placed, Remarks, as_typed, child, folds_to, whole};
use crate::tree::Node;

/// The keys of a Go struct.
pub(super) type Struct = &'static [(&'static str, Shape)];

/// The Go type of a value; `null` fits everywhere.
#[derive(Debug)]
pub(super) enum Shape {
    /// `string`
    Text,
    /// `bool`
    Flag,
    /// `int`
    Int,
    /// An unsigned integer with this greatest value.
    Unsigned(u64),
    /// `map[string]interface{}`
    Map,
    /// `map[string]T`
    MapOf(&'static Shape),
    /// `[]T`
    List(&'static Shape),
    /// A struct.
    Struct(Struct),
    /// A struct in an object that is meant for several readers (`args`): other keys are free.
    Open(Struct),
}

use Shape::{Flag, Int, List, Map, MapOf, Text, Unsigned};

const DNS: Struct =
    &[("nameservers", List(&Text)), ("domain", Text), ("search", List(&Text)), ("options", List(&Text))];

/// containernetworking/cni `types.PluginConf`, which Multus, libcni and every plugin decode.
pub(super) const PLUGIN_CONF: Struct = &[
    ("cniVersion", Text),
    ("name", Text),
    ("type", Text),
    ("capabilities", MapOf(&Flag)),
    ("ipam", Shape::Struct(&[("type", Text)])),
    ("dns", Shape::Struct(DNS)),
    ("prevResult", Map),
    ("cni.dev/valid-attachments", List(&Shape::Struct(&[("containerID", Text), ("ifname", Text)]))),
];

/// `types.DNS` as a key of an IPAM plugin.
pub(super) const IPAM_DNS: Shape = Shape::Struct(DNS);

/// Remarks every value in `fields` that does not fit.
pub(super) fn check(fields: &Fields<'_, '_>, keys: Struct, remarks: &mut Remarks) {
    for (key, shape) in keys {
        // As nearly always: nothing to remark, so no place is needed.
        if fields.exact(key).is_some_and(|node| is_scalar(node, shape)) {
            continue;
        }
        if let Some(placed) = fields.get(key, remarks) {
            check_value(placed, shape, remarks);
        }
    }
}

/// Whether the value is a scalar that fits.
fn is_scalar(node: &Node<'_>, shape: &Shape) -> bool {
    matches!((node, shape), (Node::Text(_), Text) | (Node::Bool(_), Flag))
}

fn check_value(placed: Placed<'_, '_>, shape: &Shape, remarks: &mut Remarks) {
    if matches!(placed.0, Node::Null) {
        return;
    }
    match shape {
        Text => fits(placed, "a string", |n| n.text().is_some(), remarks),
        Flag => fits(placed, "a boolean", |n| n.flag().is_some(), remarks),
        Int => fits(placed, "a whole number", |n| whole(n).is_some(), remarks),
        Unsigned(max) => fits(placed, "a whole number that is not negative", |n| is_unsigned(n, *max), remarks),
        Map => fits(placed, "an object", |n| n.map().is_some(), remarks),
        MapOf(inner) => check_map(placed, inner, remarks),
        List(inner) => check_list(placed, inner, remarks),
        Shape::Struct(keys) => {
            if let Some(fields) = Fields::open(placed.0, placed.1, remarks) {
                check(&fields, keys, remarks);
            }
        }
        Shape::Open(keys) => {
            let known = |name: &str| keys.iter().any(|(key, _)| folds_to(name, key));
            if let Some(fields) = Fields::open_known(placed.0, placed.1, known, remarks) {
                check(&fields, keys, remarks);
            }
        }
    }
}

fn fits(placed: Placed<'_, '_>, expected: &str, test: impl Fn(&Node<'_>) -> bool, remarks: &mut Remarks) {
    let _ = as_typed(placed, expected, |node| test(node).then_some(()), remarks);
}

/// Numbers beyond 2^53 have lost their last digits on the way through libcni; only their size matters here.
#[allow(clippy::cast_precision_loss)]
fn is_unsigned(node: &Node<'_>, max: u64) -> bool {
    let Node::Number(number) = node else { return false };
    number.as_f64().is_some_and(|float| float.fract() == 0.0 && float >= 0.0 && float <= max as f64 && float < 1e21)
}

fn check_map((node, pointer): Placed<'_, '_>, inner: &Shape, remarks: &mut Remarks) {
    let Some((map, pointer)) = as_typed((node, pointer), "an object", Node::map, remarks) else { return };
    for (key, value) in map.iter() {
        check_value((value, child(&pointer, key)), inner, remarks);
    }
}

fn check_list((node, pointer): Placed<'_, '_>, inner: &Shape, remarks: &mut Remarks) {
    let Some((items, pointer)) = as_typed((node, pointer), "a list", Node::list, remarks) else { return };
    for (at, item) in items.iter().enumerate() {
        check_value((item, child(&pointer, &at.to_string())), inner, remarks);
    }
}
