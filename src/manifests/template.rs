//! Marks of templates that nobody has rendered yet: Helm, Jinja, shell and Flux variables, `_placeholder_` words.

use crate::tree::Node;

/// A mark of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Byte offset in the text that was searched.
    pub(super) at: usize,
    pub(super) kind: Kind,
}

/// Whose mark it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{{ .Values.x }}`
    Helm,
    /// `{{ x }}`, `{% if x %}`
    Jinja,
    /// `${NAME}`, `$NAME`
    Shell(String),
    /// `${NAME:=default}` and the other forms that only Flux and a shell know.
    Flux(String),
    /// `_name_`
    Placeholder(String),
}

/// The first mark that makes a text no YAML, comments left out.
pub(super) fn in_text(text: &str) -> Option<Mark> {
    let mut start = 0;
    text.split_inclusive('\n').find_map(|line| {
        let begin = start;
        start += line.len();
        let action = Some(line).filter(|line| !line.trim_start().starts_with('#')).and_then(action)?;
        Some(Mark { at: begin + action.at, ..action })
    })
}

/// The first mark in a value.
pub(super) fn in_value(text: &str) -> Option<Mark> {
    if !text.contains(['{', '_', '$']) {
        return None;
    }
    action(text).or_else(|| variable(text)).or_else(|| bare_variable(text)).or_else(|| placeholder(text))
}

/// `$NAME` in capitals, as scripts that end in envsubst write it; `$patch` and the like are words of Kubernetes.
fn bare_variable(text: &str) -> Option<Mark> {
    text.match_indices('$').find_map(|(at, _)| {
        let rest = text.get(at + 1..)?;
        let capital = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
        let name = rest.get(..rest.bytes().take_while(|b| capital(b)).count())?;
        let ended = rest.get(name.len()..)?.bytes().next().is_none_or(|b| !b.is_ascii_alphanumeric());
        let named = name.len() > 1 && name.starts_with(|c: char| c.is_ascii_uppercase()) && ended;
        named.then(|| Mark { at, kind: Kind::Shell(name.to_owned()) })
    })
}

/// `{{ ... }}` or `{% ... %}`
fn action(text: &str) -> Option<Mark> {
    let at = text.find("{{").or_else(|| text.find("{%"))?;
    let inside = text.get(at + 2..)?;
    let closed = inside.split_once("}}").map_or(inside, |(inside, _)| inside).trim_start_matches('-').trim_start();
    let word = closed.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let go = closed.starts_with(['.', '$', '"', '`', '/', '(']) || GO_WORDS.contains(&word);
    let kind = if go && text.get(at..)?.starts_with("{{") { Kind::Helm } else { Kind::Jinja };
    Some(Mark { at, kind })
}

/// The words that begin an action in a Helm template but hardly an expression of Jinja.
const GO_WORDS: [&str; 17] = [
    "if", "else", "end", "range", "with", "define", "template", "include", "block", "tpl", "toYaml", "printf", "quote",
    "lookup", "required", "int", "not",
];

/// `${NAME}`, `${NAME:=default}`; what stands behind the name is looked at for at most 1,000 bytes.
fn variable(text: &str) -> Option<Mark> {
    text.match_indices("${").find_map(|(at, _)| {
        let inside = text.get(at + 2..)?;
        let length = inside.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')).count();
        let (name, rest) = inside.split_at_checked(length)?;
        let closed = || rest.bytes().take(1000).any(|byte| byte == b'}');
        let kind = match rest.chars().next()? {
            '}' => Kind::Shell(name.to_owned()),
            ':' | '-' | '=' | '+' | '?' | '/' | '#' | '%' | '^' | ',' if closed() => Kind::Flux(name.to_owned()),
            _ => return None,
        };
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then_some(Mark { at, kind })
    })
}

/// A word that begins and ends with an underscore, but not a key of JSON text.
fn placeholder(text: &str) -> Option<Mark> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut at = 0;
    text.split(|c: char| !is_word(c)).find_map(|word| {
        let begin = std::mem::replace(&mut at, 0);
        let end = begin + word.len();
        at = end + text.get(end..)?.chars().next().map_or(0, char::len_utf8);
        let marked = word.len() > 2 && word.starts_with('_') && word.ends_with('_');
        let is_key = || {
            text.get(end..)
                .and_then(|rest| rest.strip_prefix('"'))
                .is_some_and(|rest| rest.trim_start().starts_with(':'))
        };
        let found = marked && word.contains(|c: char| c.is_ascii_alphanumeric()) && !is_key();
        found.then(|| Mark { at: begin, kind: Kind::Placeholder(word.to_owned()) })
    })
}

/// The first marked value below `node`: the keys and indices that lead to it, joined by the caller's `path`, and the mark.
///
/// What the API server writes (status, managedFields, the last applied configuration) is left out.
pub(super) fn in_node(node: &Node<'_>) -> Option<(Vec<super::outline::Step>, Mark)> {
    use super::outline::Step;
    let below = |step: Step, child: &Node<'_>| {
        let (mut steps, mark) = in_node(child)?;
        steps.insert(0, step);
        Some((steps, mark))
    };
    match node {
        Node::Text(text) => in_value(text).map(|mark| (Vec::new(), mark)),
        Node::List(items) => items.iter().enumerate().find_map(|(at, item)| below(Step::Index(at), item)),
        Node::Map(map) => {
            let written = map.iter().filter(|(key, _)| !UNRENDERED.contains(key));
            written.into_iter().find_map(|(key, child)| below(Step::Key(key.to_owned()), child))
        }
        _ => None,
    }
}

const UNRENDERED: [&str; 3] = ["status", "managedFields", "kubectl.kubernetes.io/last-applied-configuration"];

impl Kind {
    /// `${NAME}` in any form: it can break YAML only where it stands.
    pub(super) fn is_variable(&self) -> bool {
        matches!(self, Self::Shell(_) | Self::Flux(_))
    }

    /// Why a document with such a mark is not judged, and the command that renders it.
    pub(super) fn reason(&self, file: &str) -> String {
        let check = "kubevirt-preflight check -";
        let file = if file == "-" { "FILE" } else { file };
        match self {
            Self::Helm => {
                let chart = chart_of(file).unwrap_or("CHART");
                format!(
                    "not rendered, not judged: it is a Helm template. Render it: `helm template {chart} | {check}`."
                )
            }
            Self::Jinja => format!(
                "not rendered, not judged: it is a Jinja template. Render it: \
                 `jinja2 {file} VALUES.yaml | {check}` (or check what Ansible wrote)."
            ),
            Self::Shell(name) => format!(
                "not rendered, not judged: ${{{name}}} has no value yet. Render it: \
                 `envsubst < {file} | {check}` (with Flux: `flux build kustomization NAME --path DIR | {check}`)."
            ),
            Self::Flux(name) => format!(
                "not rendered, not judged: ${{{name}...}} has no value yet. Render it: \
                 `flux envsubst < {file} | {check}` (or `flux build kustomization NAME --path DIR | {check}`)."
            ),
            Self::Placeholder(word) => format!(
                "not rendered, not judged: {word} is a placeholder. Put its value in: \
                 `sed s/{word}/VALUE/g {file} | {check}`."
            ),
        }
    }
}

/// The chart that a file below `templates/` belongs to.
fn chart_of(file: &str) -> Option<&str> {
    if file.starts_with("templates/") {
        return Some(".");
    }
    file.rfind("/templates/").and_then(|at| file.get(..at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_templates() {
        use Kind::{Flux, Helm, Jinja, Placeholder, Shell};
        for (text, at, kind) in [
            ("{{ .Values.x }}", 0, Helm),
            ("a{{- include \"x\" . }}", 1, Helm),
            ("{{ x }}", 0, Jinja),
            ("x {% if a %}", 2, Jinja),
            ("é${NAME}", 2, Shell("NAME".into())),
            ("${a.b}", 0, Shell("a.b".into())),
            ("${NAME:=10.0.0.0/24}", 0, Flux("NAME".into())),
            ("$${x-1}", 1, Flux("x".into())),
            ("_name_", 0, Placeholder("_name_".into())),
            (r#"{"master": "_migration_nic_.10"}"#, 12, Placeholder("_migration_nic_".into())),
            ("{\"master\": \"$NAD_IFACE\"}", 12, Shell("NAD_IFACE".into())),
            ("$NAME", 0, Shell("NAME".into())),
            ("a-__NET__-b", 2, Placeholder("__NET__".into())),
            (r#"{"_c_": "_d_"}"#, 9, Placeholder("_d_".into())),
        ] {
            assert_eq!(in_value(text), Some(Mark { at, kind }), "{text}");
        }
    }

    #[test]
    fn ordinary_values_are_none() {
        for text in [
            "",
            "network_name",
            "_x",
            "x_",
            "__",
            "___",
            "a_b_",
            "_a_b",
            "${",
            "${}",
            "${1}",
            "${a b}",
            "$(NAME)",
            "$name",
            "$patch: delete",
            "US$5",
            "$Name",
            r#"{"_comment_": 1}"#,
            "{ {",
            "a{b}",
            "}}",
            "x_name_y",
            "é_",
        ] {
            assert_eq!(in_value(text), None, "{text}");
        }
    }

    #[test]
    fn marks_in_comments_do_not_count_for_a_text() {
        assert_eq!(in_text("# {{ x }}\n  # {% y\na: [\n"), None);
        assert_eq!(in_text("# c\na: {{ .Values.a }}\n"), Some(Mark { at: 7, kind: Kind::Helm }));
    }

    #[test]
    fn the_chart_is_the_directory_above_templates() {
        assert!(Kind::Helm.reason("c/my/templates/a/nad.yaml").contains("helm template c/my |"));
        assert!(Kind::Helm.reason("templates/nad.yaml").contains("helm template . |"));
        assert!(Kind::Helm.reason("nad.yaml").contains("helm template CHART |"));
    }
}
