//! Hardware addresses as Go's `net.ParseMAC` reads them.

/// The bytes of an EUI-48, EUI-64 or InfiniBand address, with colons, hyphens, or dots after every four digits.
pub(super) fn parse(text: &str) -> Option<Vec<u8>> {
    let (separator, digits) = match text.as_bytes().get(2) {
        Some(b':') => (':', 2),
        Some(b'-') => ('-', 2),
        _ => ('.', 4),
    };
    let groups: Vec<&str> = text.split(separator).collect();
    let right = groups.iter().all(|g| g.len() == digits && g.bytes().all(|b| b.is_ascii_hexdigit()));
    let bytes: Vec<u8> = groups.concat().as_bytes().chunks(2).filter_map(byte).collect();
    (right && matches!(bytes.len(), 6 | 8 | 20)).then_some(bytes)
}

fn byte(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Whether an Ethernet interface can have it: not all zeros, and not a group address.
pub(super) fn is_host(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first & 1 == 0) && bytes.iter().take(6).any(|byte| *byte != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_spellings() {
        for good in ["02:00:00:00:00:01", "02-00-00-00-00-01", "0200.0000.0001", "02:00:00:00:00:00:00:01"] {
            assert!(parse(good).is_some_and(|mac| is_host(&mac)), "{good}");
        }
        for bad in ["", "x", "2:0:0:0:0:1", " 02:00:00:00:00:01", "02:00:00:00:00", "02:00-00:00:00:01", "é:::::"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        for no_host in ["01:00:00:00:00:01", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"] {
            assert!(!is_host(&parse(no_host).unwrap()), "{no_host}");
        }
    }
}
