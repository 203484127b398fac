//! Where the documents of a file begin and end: at lines that start with `---` or `...`.
//!
//! YAML allows such a line inside no scalar, so the split is exact; and a document that cannot be read does not take
//! the others with it.

use std::ops::Range;

/// The byte ranges of the documents of `source`, in order; each holds its own `---` and `...` lines.
///
/// Directives (`%YAML`, `%TAG`) stay with the document that they precede. A range may hold no document at all.
pub(super) fn documents(source: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        at = start + end_of_document(source.get(start..).filter(|rest| !rest.is_empty())?);
        Some(start..at)
    })
}

/// The length of the first document of `rest`.
fn end_of_document(rest: &str) -> usize {
    let mut end = 0;
    let mut preamble = true;
    for line in rest.split_inclusive('\n') {
        match marker(line) {
            Some("---") if !preamble => return end,
            Some("...") => return end + line.len(),
            Some(_) => preamble = false,
            None => preamble = preamble && belongs_to_preamble(line),
        }
        end += line.len();
    }
    end
}

/// `---` or `...`, if the line begins with one of them as a word of its own.
fn marker(line: &str) -> Option<&str> {
    let line = line.trim_start_matches('\u{feff}');
    let (mark, after) = line.split_at_checked(3)?;
    let alone = after.is_empty() || after.starts_with([' ', '\t', '\r', '\n']);
    (alone && matches!(mark, "---" | "...")).then_some(mark)
}

/// Whether a line may stand before the `---` of its document.
fn belongs_to_preamble(line: &str) -> bool {
    let line = line.trim_start_matches('\u{feff}');
    let text = line.trim();
    text.is_empty() || text.starts_with('#') || line.starts_with('%')
}

/// Whether nothing stands in `text` but comments, blank lines, directives and document marks.
pub(super) fn is_blank(text: &str) -> bool {
    text.lines().all(|line| match marker(line) {
        Some(mark) => {
            let after = line.trim_start_matches('\u{feff}').trim_start_matches(mark).trim();
            after.is_empty() || after.starts_with('#')
        }
        None => belongs_to_preamble(line),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(source: &str) -> Vec<&str> {
        documents(source).map(|range| &source[range]).collect()
    }

    #[test]
    fn files_fall_apart_at_marks_alone() {
        for (source, parts) in [
            ("", &[][..]),
            ("a: 1", &["a: 1"]),
            ("a: 1\n---\nb: 2\n", &["a: 1\n", "---\nb: 2\n"]),
            ("---\na: 1\n---\n", &["---\na: 1\n", "---\n"]),
            ("---\r\na: 1\r\n---\r\nb: 1", &["---\r\na: 1\r\n", "---\r\nb: 1"]),
            ("a: 1\n...\n---\nb: 1\n...\n", &["a: 1\n...\n", "---\nb: 1\n...\n"]),
            (
                "%YAML 1.2\n# c\n---\na: 1\n...\n%TAG ! x\n---\nb: 1",
                &["%YAML 1.2\n# c\n---\na: 1\n...\n", "%TAG ! x\n---\nb: 1"],
            ),
            ("# c\n---\na: 1\n", &["# c\n---\na: 1\n"]),
            ("a: |\n  ---\n  ...\n---x: 1\n--- b\n", &["a: |\n  ---\n  ...\n---x: 1\n", "--- b\n"]),
            ("a: 1\n\u{feff}---\nb: 1\n", &["a: 1\n", "\u{feff}---\nb: 1\n"]),
        ] {
            assert_eq!(split(source), parts, "{source:?}");
        }
    }

    #[test]
    fn blank_is_what_holds_no_document() {
        for blank in ["", "\n", "---\n", "--- # c\n...\n", "# c\r\n\r\n", "%YAML 1.2\n---\n", "\u{feff}---"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for full in ["a", "--- a", "---\n a", "-- -", "...x"] {
            assert!(!is_blank(full), "{full:?}");
        }
    }
}
