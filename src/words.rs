//! Which known word was probably meant by one that is not known; words for numbers.

/// Longer words are compared with nothing: they are no slip.
const LONGEST: usize = 64;

/// The word of `known` that `typed` is nearest to: a few letters off, or else with most parts in common; `None` if it is
/// near none.
pub fn nearest<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if typed.len() > LONGEST {
        return None;
    }
    let typed = typed.to_lowercase().replace('_', "-");
    let rated = known.into_iter().map(|word| (word, distance(&typed, word), shared(&typed, word)));
    let near = |(_, distance, shared): &(&str, usize, usize)| *distance <= slack(&typed) || *shared > 0;
    rated
        .filter(near)
        .min_by_key(|(_, distance, shared)| (*distance > slack(&typed), std::cmp::Reverse(*shared), *distance))
        .map(|(word, ..)| word)
}

/// How many letters may be wrong: one in four.
fn slack(typed: &str) -> usize {
    typed.len().div_ceil(4).min(3)
}

/// How many parts, apart by `-`, both have; a part of four letters or more counts by its
/// beginning, too, and with one letter wrong.
fn shared(typed: &str, word: &str) -> usize {
    let begins = |a: &str, b: &str| a == b || a.len() >= 4 && (b.starts_with(a) || distance(a, b) == 1);
    let parts = typed.split('-').filter(|part| !part.is_empty());
    parts.filter(|part| word.split('-').any(|other| begins(part, other) || begins(other, part))).count()
}

/// How many letters must be added, left out or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<_> = b.chars().collect();
    let first: Vec<_> = (0..=b.len()).collect();
    let last = a.chars().enumerate().fold(first, |above, (at, letter)| {
        let mut row = vec![at + 1];
        for (other, pair) in b.iter().zip(above.windows(2)) {
            let [diagonal, up] = pair else { continue };
            let left = row.last().copied().unwrap_or_default();
            row.push((diagonal + usize::from(*other != letter)).min(up + 1).min(left + 1));
        }
        row
    });
    last.last().copied().unwrap_or_default()
}

/// `1 document`, `2 documents`
pub fn counted(many: usize, noun: &str) -> String {
    format!("{many} {noun}{}", if many == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 7] = [
        "default-route",
        "dhcp-routes",
        "no-address",
        "no-route-to-peers",
        "odd-spelling",
        "pod-network-overlap",
        "node-network-overlap",
    ];

    #[test]
    fn letters_are_counted() {
        for (a, b, expected) in [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("é", "e", 1)] {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_is_what_was_meant() {
        for (typed, meant) in [
            ("default-routes", Some("default-route")),
            ("Default_Route", Some("default-route")),
            ("no-adress", Some("no-address")),
            ("adress", Some("no-address")),
            ("odd", Some("odd-spelling")),
            ("dhcp", Some("dhcp-routes")),
            ("pod-overlap", Some("pod-network-overlap")),
            ("podnetworkoverlap", Some("pod-network-overlap")),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, IDS), meant, "{typed}");
        }
        assert_eq!(nearest(&"default-route".repeat(99), IDS), None);
    }
}
