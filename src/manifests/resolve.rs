//! What a YAML scalar is: kubectl's reading (YAML 1.1 as sigs.k8s.io/yaml has it, observed on kubectl 1.32).
//!
//! `yes`, `on` and `y` are true, `017` and `0o17` are 15, `1_000` is a thousand, `1:30` and dates are strings.

use crate::tree::Node;
use serde_json::Number;
use std::borrow::Cow;

/// The tag of a scalar, as far as it changes the reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// None: a plain scalar is what it looks like, any other a string.
    None,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!bool`
    Bool,
    /// `!!null`
    Null,
    /// `!!merge`
    Merge,
    /// Any other: a string.
    Other,
}

impl Tag {
    /// Of the name behind `!!`; `None` for a tag of another handle.
    pub(super) fn of(core: Option<&str>) -> Self {
        match core {
            Some("int") => Self::Int,
            Some("float") => Self::Float,
            Some("bool") => Self::Bool,
            Some("null") => Self::Null,
            Some("merge") => Self::Merge,
            _ => Self::Other,
        }
    }
}

/// The value of a scalar; `Err` says why it has none in JSON.
pub(super) fn scalar(text: &str, plain: bool, tag: Tag) -> Result<Node<'_>, String> {
    let node = match tag {
        Tag::None if !plain => return Ok(Node::Text(Cow::Borrowed(text))),
        Tag::Other | Tag::Merge => return Ok(Node::Text(Cow::Borrowed(text))),
        _ => guess(text)?,
    };
    let fits = match tag {
        Tag::Int => matches!(&node, Node::Number(number) if !number.is_f64()),
        Tag::Float => matches!(node, Node::Number(_)),
        Tag::Bool => matches!(node, Node::Bool(_)),
        Tag::Null => matches!(node, Node::Null),
        _ => true,
    };
    if fits {
        Ok(node)
    } else {
        Err(format!("The value `{text}` is {}, which its tag does not allow", node.type_name()))
    }
}

/// A key as JSON writes it; `Err` for null and for what is no scalar of JSON.
pub(super) fn key(text: &str, plain: bool, tag: Tag) -> Result<Cow<'_, str>, String> {
    match scalar(text, plain, tag) {
        Ok(Node::Text(text)) => Ok(text),
        Ok(Node::Bool(flag)) => Ok(Cow::Borrowed(if flag { "true" } else { "false" })),
        Ok(Node::Number(number)) => Ok(Cow::Owned(number.to_string())),
        Ok(_) => Err("A key is null".to_owned()),
        Err(_) if plain => Ok(Cow::Borrowed(text)),
        Err(why) => Err(why),
    }
}

/// What a plain scalar looks like.
fn guess(text: &str) -> Result<Node<'_>, String> {
    let node = match text.as_bytes().first() {
        None | Some(b'~' | b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O') => word(text),
        Some(b'+' | b'-' | b'.') if is_endless(text) => {
            return Err(format!("The value `{text}` is a number that JSON cannot hold"));
        }
        Some(b'0'..=b'9' | b'+' | b'-') => number(&without_underscores(text)),
        Some(b'.') => float(text),
        _ => None,
    };
    Ok(node.unwrap_or(Node::Text(Cow::Borrowed(text))))
}

fn word(text: &str) -> Option<Node<'static>> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(Node::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => Some(Node::Bool(true)),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => Some(Node::Bool(false)),
        _ => None,
    }
}

fn is_endless(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

fn without_underscores(text: &str) -> Cow<'_, str> {
    if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) }
}

fn number(text: &str) -> Option<Node<'static>> {
    whole(text).map(Node::Number).or_else(|| float(text))
}

/// A whole number as Go's `ParseInt(text, 0, 64)` and `ParseUint` read it.
fn whole(text: &str) -> Option<Number> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (radix, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, unsigned.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, unsigned.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, unsigned.get(2..)?),
        [b'0', _, ..] => (8, unsigned.get(1..)?),
        _ => (10, unsigned),
    };
    let magnitude = digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u64::from_str_radix(digits, radix))?.ok()?;
    if negative { 0_i64.checked_sub_unsigned(magnitude).map(Number::from) } else { Some(Number::from(magnitude)) }
}

/// A decimal fraction; one without a fractional part is a whole number to JSON.
fn float(text: &str) -> Option<Node<'static>> {
    let value = is_decimal(text).then(|| text.parse::<f64>())?.ok().filter(|value| value.is_finite())?;
    let whole = format!("{value:.0}").parse::<i64>().ok();
    let exact = whole.filter(|_| value.fract() == 0.0).map(Number::from);
    exact.or_else(|| Number::from_f64(value)).map(Node::Number)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, "0"), |parts| parts);
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (ones, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(ones, rest)| (ones, Some(rest)));
    let some = !ones.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty());
    some && digits(ones) && fraction.is_none_or(digits) && !exponent.is_empty() && digits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        match scalar(text, true, Tag::None) {
            Ok(Node::Null) => "null".into(),
            Ok(Node::Bool(flag)) => flag.to_string(),
            Ok(Node::Number(number)) => number.to_string(),
            Ok(_) => "text".into(),
            Err(_) => "error".into(),
        }
    }

    /// Each row was printed by kubectl 1.32.
    #[test]
    fn plain_scalars_are_what_kubectl_makes_of_them() {
        let rows = "yes true|y true|Y true|YES true|On true|tRue text|no false|n false|Off false|NULL null|~ null|\
            017 15|0o17 15|0O17 15|0x1F 31|0X1f 31|0b101 5|0B1 1|1_000 1000|1__0 10|_1 text|1_ 1|+5 5|-017 -15|\
            -0x1F -31|-0b11 -3|1.5 1.5|.5 0.5|5. 5|1e3 1000|1E3 1000|1e+3 1000|-.5 -0.5|1_0.5 10.5|08 8|09 9|0_8 8|\
            2001-01-01 text|1:30 text|0x text|0b text|+0x1F 31|+017 15|-9223372036854775808 -9223372036854775808|\
            18446744073709551615 18446744073709551615|\
            1e400 text|0x1_F 31|-0.0 0|-0 0|1.0 1|1e-7 1e-7|= text|a_1 text|+.5 0.5|++5 text|0xG text|nan text|\
            inf text|.5e1 5|e5 text|1e text|1.e3 1000|0777 511|0o8 text|1.2.3 text|0x1p4 text|1_000.5_5 1000.55|\
            + text|0b2 text|._5 text|1._5 1.5|1_e3 1000|0xffffffffffffffffff text|00 0|010.5 10.5|-_1 -1|-._5 -0.5|\
            .inf error|-.INF error|+.Inf error|.nan error|.Nan text|-.nan text|3. 3|-3.e2 -300|10.0.0.0/16 text|\
            - text|-- text|. text|.. text|é text";
        for row in rows.split('|') {
            let (text, expected) = row.split_once(' ').unwrap();
            assert_eq!(json(text), expected, "{text}");
        }
        assert_eq!(json(""), "null");
        assert_eq!(json("123456789012345678901234567890"), "1.2345678901234568e+29");
    }

    #[test]
    fn tags_force_a_type() {
        let ok = |text, plain, tag| scalar(text, plain, tag).unwrap();
        assert_eq!(ok("5", true, Tag::Other), Node::Text("5".into()));
        assert_eq!(ok("5", false, Tag::Int), Node::Number(5.into()));
        assert_eq!(ok("5", true, Tag::Float), Node::Number(5.into()));
        assert_eq!(ok("yes", true, Tag::Bool), Node::Bool(true));
        assert_eq!(ok("", false, Tag::Null), Node::Null);
        assert_eq!(ok("017", false, Tag::None), Node::Text("017".into()));
        for (text, tag) in [("x", Tag::Int), ("x", Tag::Null), ("x", Tag::Float), ("1", Tag::Bool)] {
            assert!(scalar(text, true, tag).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_become_strings() {
        let plain = |text| key(text, true, Tag::None).unwrap().into_owned();
        assert_eq!(["yes", "017", "1.50", "1e3", ".inf", "a"].map(plain), ["true", "15", "1.5", "1000", ".inf", "a"]);
        assert!(key("~", true, Tag::None).is_err());
        assert_eq!(key("yes", false, Tag::None).unwrap(), "yes");
    }
}
