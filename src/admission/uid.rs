//! The uid of a review that cannot be read to its end.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::fmt;

/// The text at `request.uid` if it stands before the place where reading stops.
pub(super) fn uid(body: &[u8]) -> Option<String> {
    let found = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    // The error is known already; only what was met before it counts.
    let _ = At { keys: &["request", "uid"], found: &found }.deserialize(&mut deserializer);
    found.into_inner().filter(|uid| !uid.is_empty())
}

/// Keeps the text at a path of keys, even if an error follows.
#[derive(Clone, Copy)]
struct At<'a> {
    keys: &'a [&'a str],
    found: &'a Cell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a review")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.keys.is_empty() {
            self.found.set(Some(text.to_owned()));
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key::<String>()? {
            match self.keys.split_first() {
                Some((first, rest)) if *first == key => members.next_value_seed(At { keys: rest, ..self })?,
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_the_fault_is_found() {
        let whole = r#"{"kind":"AdmissionReview","request":{"kind":{},"uid":"u-1","object":{"a":"b"}}}"#;
        assert_eq!(uid(whole.as_bytes()), Some("u-1".into()));
        let begins = whole.find("\"u-1\"").unwrap();
        for end in 0..whole.len() {
            let wanted = (end >= begins + 5).then(|| "u-1".to_owned());
            assert_eq!(uid(&whole.as_bytes()[..end]), wanted, "{end}");
        }
    }

    #[test]
    fn only_the_uid_of_the_request_counts() {
        for body in [
            r#"{"uid":"a"}"#,
            r#"{"request":["uid","a"]}"#,
            r#"{"request":{"uid":7}}"#,
            r#"{"request":{"uid":""}}"#,
            "",
        ] {
            assert_eq!(uid(body.as_bytes()), None, "{body}");
        }
        assert_eq!(uid(b"{\"request\":{\"uid\":\"a\",\"x\":\"\xff\"}}"), Some("a".into()));
    }
}
