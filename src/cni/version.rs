//! CNI versions: which one is in force, and which plugins know it.

/// The versions of the specification, oldest first (containernetworking/cni `version.All`).
const KNOWN: [(&str, Number); 7] = [
    ("0.1.0", (0, 1, 0)),
    ("0.2.0", (0, 2, 0)),
    ("0.3.0", (0, 3, 0)),
    ("0.3.1", (0, 3, 1)),
    ("0.4.0", (0, 4, 0)),
    ("1.0.0", (1, 0, 0)),
    ("1.1.0", NEWEST),
];

/// Major, minor, patch.
pub(super) type Number = (u32, u32, u32);

/// The newest version that libcni v1.3 speaks.
const NEWEST: Number = (1, 1, 0);

/// A version as written; empty is 0.1.0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Version(pub(super) String);

impl Version {
    /// Its number if it is a version of the specification; plugins compare texts, so `1.0` is none.
    pub(super) fn known(&self) -> Option<Number> {
        if self.0.is_empty() { Some((0, 1, 0)) } else { KNOWN.iter().find(|(t, _)| *t == self.0).map(|(_, n)| *n) }
    }

    /// Its number, or the newest where no plugin knows it.
    pub(super) fn number(&self) -> Number {
        self.known().unwrap_or(NEWEST)
    }

    /// Results of 0.1.0 and 0.2.0 hold one address of each family, and routes of a destination and next hop only.
    pub(super) fn is_old(&self) -> bool {
        self.number() < (0, 3, 0)
    }

    /// Versions of one form can read each other's results (containernetworking/cni pkg/types/020, 040 and 100).
    pub(super) fn form(&self) -> u8 {
        match self.number() {
            (0, ..3, _) => 0,
            (0, ..) => 1,
            _ => 2,
        }
    }

    /// The oldest and the newest version that the plugin accepts.
    pub(super) fn range_of(plugin: &str) -> (Number, Number) {
        match plugin {
            "vrf" => ((0, 3, 1), NEWEST),
            "bandwidth" => ((0, 3, 0), NEWEST),
            "firewall" => ((0, 4, 0), NEWEST),
            "route-override" => ((0, 1, 0), (1, 0, 0)),
            _ => ((0, 1, 0), NEWEST),
        }
    }
}

/// libcni `ParseVersion`: up to three numbers with dots between them; empty is 0.1.0.
fn parsed(text: &str) -> Option<(i64, i64, i64)> {
    if text.is_empty() {
        return Some((0, 1, 0));
    }
    let parts: Vec<&str> = text.split('.').collect();
    let number = |at: usize| parts.get(at).map_or(Some(0), |part| part.parse::<i64>().ok());
    (parts.len() <= 3).then(|| Some((number(0)?, number(1)?, number(2)?))).flatten()
}

/// The version of a list with `cniVersions`: the highest of these and of `cniVersion` that libcni knows, else
/// `cniVersion`. The error is the entry that is no version.
pub(super) fn highest<'t>(single: &'t str, several: &[&'t str]) -> Result<Version, &'t str> {
    let candidates = several.iter().copied().chain((!single.is_empty()).then_some(single));
    let mut best: Option<(&str, (i64, i64, i64))> = None;
    for text in candidates {
        let number = parsed(text).ok_or(text)?;
        if number <= (1, 1, 0) && best.is_none_or(|(_, top)| number > top) {
            best = Some((text, number));
        }
    }
    Ok(Version(best.map_or(single, |(text, _)| text).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_known_version_wins() {
        let pick = |single, several: &[&'static str]| highest(single, several).map(|v| v.0);
        assert_eq!(pick("0.3.1", &["1.0.0", "9.9.9"]).as_deref(), Ok("1.0.0"));
        assert_eq!(pick("0.4.0", &["0.3.0"]).as_deref(), Ok("0.4.0"));
        assert_eq!(pick("9.0.0", &["2.0.0"]).as_deref(), Ok("9.0.0"));
        assert_eq!(pick("", &[]).as_deref(), Ok(""));
        assert_eq!(pick("1.0", &["1.0.0"]).as_deref(), Ok("1.0.0"));
        assert_eq!(pick("x", &[]), Err("x"));
        assert_eq!(pick("", &["1.0.0.0"]), Err("1.0.0.0"));
    }
}
