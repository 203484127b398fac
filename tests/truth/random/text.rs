//! A NAD text as a tree that keeps what JSON readers differ about: order, duplicates, spelling of numbers.

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Written as it stands.
    Token(String),
    List(Vec<Node>),
    /// Keys are written as they stand, between quotes.
    Object(Vec<(String, Node)>),
}

/// A text: a value, and what stands behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    pub root: Node,
    pub tail: String,
}

impl Node {
    pub fn text(text: &str) -> Self {
        Self::Token(format!("\"{text}\""))
    }

    pub fn number(number: i64) -> Self {
        Self::Token(number.to_string())
    }

    pub fn flag(flag: bool) -> Self {
        Self::Token(flag.to_string())
    }

    pub fn object<const N: usize>(pairs: [(&str, Self); N]) -> Self {
        Self::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// Adds a key to an object.
    pub fn set(&mut self, key: &str, value: Self) {
        if let Self::Object(pairs) = self {
            pairs.push((key.to_owned(), value));
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Token(token) => out.push_str(token),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(pairs) => {
                out.push('{');
                for (at, (key, value)) in pairs.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    out.extend(["\"", key, "\":"]);
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// How many values stand in it, itself among them.
    pub fn count(&self) -> usize {
        1 + match self {
            Self::Token(_) => 0,
            Self::List(items) => items.iter().map(Self::count).sum(),
            Self::Object(pairs) => pairs.iter().map(|(_, value)| value.count()).sum(),
        }
    }

    /// The value at this place in the order of writing, 0 is itself.
    pub fn at(&mut self, place: usize) -> Option<&mut Self> {
        let Some(mut left) = place.checked_sub(1) else { return Some(self) };
        let children: Vec<&mut Self> = match self {
            Self::Token(_) => Vec::new(),
            Self::List(items) => items.iter_mut().collect(),
            Self::Object(pairs) => pairs.iter_mut().map(|(_, value)| value).collect(),
        };
        for child in children {
            let count = child.count();
            if left < count {
                return child.at(left);
            }
            left -= count;
        }
        None
    }
}

impl Text {
    pub fn written(&self) -> String {
        let mut out = String::new();
        self.root.write(&mut out);
        out + &self.tail
    }
}
