//! Ranges as the Kubernetes API lets them in: looser than our own files, but never skipped when they cannot be read.

use crate::net::parse::{PrefixError, go_cidr, strict_ip, strict_prefix};
use crate::net::{Interval, Prefix, unmapped};
use std::net::IpAddr;

/// The prefixes, ranges `a-b` and bare addresses of a text, apart by commas (kubeadm, kube-ovn) or blanks (Cilium).
///
/// Host bits are masked, IPv4-mapped IPv6 is IPv4, and a bare address is itself alone. Leading zeros are an error: some
/// readers take `010` for ten and some for eight.
pub(super) fn intervals(text: &str) -> Vec<Result<Interval, PrefixError>> {
    let ranges = text.split('-').map(str::trim).collect::<Vec<_>>().join("-");
    ranges.split(|c: char| c == ',' || c.is_whitespace()).filter(|piece| !piece.is_empty()).map(interval).collect()
}

fn interval(text: &str) -> Result<Interval, PrefixError> {
    match text.split_once('-') {
        Some((first, last)) => {
            Interval::of(address(first)?, address(last)?).ok_or_else(|| PrefixError::Range(text.to_owned()))
        }
        None => prefix(text).map(Interval::from),
    }
}

fn prefix(text: &str) -> Result<Prefix, PrefixError> {
    match strict_prefix(text) {
        Err(PrefixError::HostBits(_, masked)) => Ok(masked),
        Err(PrefixError::NoLength(..)) => strict_ip(text).map(Prefix::single),
        Err(error @ PrefixError::Mapped(_)) if text.contains('/') => mapped_prefix(text).ok_or(error),
        Err(PrefixError::Mapped(_)) => address(text).map(Prefix::single),
        other => other,
    }
}

/// The IPv4 prefix of an IPv4-mapped one; `None` where it reaches beyond the mapped block `::ffff:0:0/96`.
fn mapped_prefix(text: &str) -> Option<Prefix> {
    go_cidr(text).filter(|cidr| cidr.mapped && !cidr.zeros && !cidr.prefix.is_everything()).map(|cidr| cidr.prefix)
}

fn address(text: &str) -> Result<IpAddr, PrefixError> {
    text.parse().map(unmapped).map_err(|_| PrefixError::Address(text.to_owned()))
}

/// `10.244.0.0/16/24` as `10.244.0.0/16`, in a list: the last part is how long the nodes' pieces are.
pub(super) fn without_host_lengths(text: &str) -> String {
    let piece = |piece: &str| match piece.match_indices('/').nth(1) {
        Some((at, _)) if piece[at + 1..].trim().parse::<u8>().is_ok() => piece[..at].to_owned(),
        _ => piece.to_owned(),
    };
    text.split(',').map(piece).collect::<Vec<_>>().join(",")
}

/// The settings of an INI file: section, key, value, in small letters but for the value.
pub(super) struct Ini<'t>(Vec<(String, String, &'t str)>);

impl<'t> Ini<'t> {
    /// Every `key = value`, quoted or not; `;` and `#` begin a comment.
    pub(super) fn read(text: &'t str) -> Self {
        let mut section = String::new();
        let mut settings = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with([';', '#'])) {
            if let Some((name, _)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                section = name.trim().to_ascii_lowercase();
            } else if let Some((key, value)) = line.split_once('=') {
                settings.push((section.clone(), key.trim().to_ascii_lowercase(), unquoted(value.trim())));
            }
        }
        Self(settings)
    }

    /// The last value of the key that is not empty.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<&'t str> {
        let mut hits = self.0.iter().rev().filter(|(in_section, name, _)| in_section == section && name == key);
        hits.next().map(|(.., value)| *value).filter(|value| !value.is_empty())
    }
}

fn unquoted(value: &str) -> &str {
    let quoted = |quote| value.strip_prefix(quote).and_then(|rest| rest.split_once(quote));
    let bare = || value.split([';', '#']).next().unwrap_or_default().trim();
    quoted('"').or_else(|| quoted('\'')).map_or_else(bare, |(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        intervals(text).into_iter().map(|piece| piece.map_or_else(|e| format!("! {e}"), |i| i.to_string())).collect()
    }

    #[test]
    fn what_the_api_lets_in_is_read() {
        let table: &[(&str, &[&str])] = &[
            ("10.244.0.0/16", &["10.244.0.0/16"]),
            ("10.244.0.0/16,fd00:10:244::/56", &["10.244.0.0/16", "fd00:10:244::/56"]),
            (" 10.1.0.0/16  10.2.0.0/16 ", &["10.1.0.0/16", "10.2.0.0/16"]),
            ("10.0.0.1 - 10.0.0.4, 10.1.0.1-10.1.0.1", &["10.0.0.1-10.0.0.4", "10.1.0.1/32"]),
            ("10.0.0.9/24", &["10.0.0.0/24"]),
            ("10.0.0.9", &["10.0.0.9/32"]),
            ("fd00::1", &["fd00::1/128"]),
            ("::ffff:10.0.0.0/104", &["10.0.0.0/8"]),
            ("::ffff:10.0.0.7", &["10.0.0.7/32"]),
            ("", &[]),
            (" , ", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(read(text), *expected, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for text in
            ["10.0.0.0/33", "010.0.0.0/8", "10.0.0.0/08", "::ffff:10.0.0.0/64", "x", "10.0.0.9-10.0.0.1", "-", "/8"]
        {
            assert!(matches!(intervals(text).as_slice(), [Err(_)]), "{text:?}");
        }
        assert_eq!(read("10.0.0.0/8,x").len(), 2);
    }

    #[test]
    fn host_lengths_are_dropped() {
        for (text, expected) in [
            ("10.244.0.0/16/24", "10.244.0.0/16"),
            ("10.244.0.0/16/24,fd00::/48/64", "10.244.0.0/16,fd00::/48"),
            ("10.244.0.0/16, 10.9.0.0/16/ 24", "10.244.0.0/16, 10.9.0.0/16"),
            ("10.244.0.0/16/x", "10.244.0.0/16/x"),
            ("", ""),
        ] {
            assert_eq!(without_host_lengths(text), expected, "{text:?}");
        }
    }

    #[test]
    fn an_ini_file_has_sections_quotes_and_comments() {
        let text = "a = 1\n[Default]\n; b=2\nb=\"x,y ; z\" # c\nC-D = '3'\nb2 = 4 ; five\nalone\n[other]\nb=\nb=\"\n";
        let ini = Ini::read(text);
        let cases = [
            ("", "a", Some("1")),
            ("default", "b", Some("x,y ; z")),
            ("default", "c-d", Some("3")),
            ("default", "b2", Some("4")),
            ("default", "alone", None),
            ("other", "b", Some("\"")),
            ("other", "c-d", None),
        ];
        for (section, key, expected) in cases {
            assert_eq!(ini.get(section, key), expected, "[{section}] {key}");
        }
    }
}
