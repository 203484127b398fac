//! What becomes of a sysctl that tuning writes (plugins/meta/tuning `getSysctlFilename`, Linux `proc_dointvec`).

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sysctl {
    /// The kernel takes it.
    Taken,
    /// It takes IPv6 off the interface.
    NoV6,
    /// The plugin refuses it.
    NotNet,
    /// The kernel refuses the value.
    NoNumber,
    /// Only the node's kernel knows.
    Unknown,
}

/// Sysctls of an interface that every kernel has and that take any number.
const V4: [&str; 16] = [
    "accept_local",
    "accept_redirects",
    "accept_source_route",
    "arp_accept",
    "arp_announce",
    "arp_filter",
    "arp_ignore",
    "arp_notify",
    "forwarding",
    "log_martians",
    "promote_secondaries",
    "proxy_arp",
    "route_localnet",
    "rp_filter",
    "secure_redirects",
    "send_redirects",
];
const V6: [&str; 9] = [
    "accept_ra",
    "accept_ra_defrtr",
    "accept_ra_pinfo",
    "accept_redirects",
    "accept_source_route",
    "autoconf",
    "dad_transmits",
    DISABLE,
    "forwarding",
];
const DISABLE: &str = "disable_ipv6";

/// The interface's name in the pod.
const OURS: &str = "migration0";

/// `key` as written: with dots or slashes, and with IFNAME for the interface once.
pub(super) fn written(key: &str, value: &str) -> Sysctl {
    let named = key.replacen("IFNAME", OURS, 1);
    let path: Vec<&str> = named.split(['.', '/']).filter(|part| !part.is_empty()).collect();
    let is_interface = |name: &str| [OURS, "all", "default", "eth0", "lo"].contains(&name);
    match path.as_slice() {
        ["net", _, ..] => {}
        _ => return Sysctl::NotNet,
    }
    match (path.as_slice(), number(value)) {
        (["net", "ipv4", "ip_forward"], number) => taken(number),
        (["net", "ipv4", "conf", name, leaf], number) if is_interface(name) && V4.contains(leaf) => taken(number),
        (["net", "ipv6", "conf", OURS | "all", DISABLE], Number::Value(..=-1 | 1..)) => Sysctl::NoV6,
        (["net", "ipv6", "conf", name, leaf], number) if is_interface(name) && V6.contains(leaf) => taken(number),
        _ => Sysctl::Unknown,
    }
}

/// What `proc_dointvec` makes of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Value(i32),
    /// Nothing is written.
    Nothing,
    Refused,
}

fn taken(number: Number) -> Sysctl {
    if number == Number::Refused { Sysctl::NoNumber } else { Sysctl::Taken }
}

/// The first word counts; it is decimal, octal after a zero, or hexadecimal after 0x.
fn number(text: &str) -> Number {
    if text.is_empty() {
        return Number::Nothing;
    }
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n');
    let word = text.split(blank).find(|word| !word.is_empty()).unwrap_or_default();
    let (negative, digits) = word.strip_prefix('-').map_or((false, word), |digits| (true, digits));
    let (radix, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (16, hex),
        None if digits.len() > 1 && digits.starts_with('0') => (8, digits),
        None => (10, digits),
    };
    let plain = !digits.is_empty() && digits.len() < 22 && digits.chars().all(|c| c.is_digit(radix));
    let value =
        i64::from_str_radix(digits, radix).ok().filter(|_| plain).map(|value| if negative { -value } else { value });
    value.and_then(|value| i32::try_from(value).ok()).map_or(Number::Refused, Number::Value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_kernel_reads_them() {
        let good =
            [("1", 1), ("-1", -1), (" 1", 1), ("1\n", 1), ("1000 2000", 1000), ("0x1f", 31), ("010", 8), ("0", 0)];
        for (text, value) in good {
            assert_eq!(number(text), Number::Value(value), "{text}");
        }
        for text in ["x", "1x", "08", "99999999999", " ", "+1", "0x", "--1", "1,2"] {
            assert_eq!(number(text), Number::Refused, "{text}");
        }
        assert_eq!(number(""), Number::Nothing);
    }

    #[test]
    fn keys_with_dots_or_slashes() {
        for key in ["net.ipv6.conf.IFNAME.disable_ipv6", "/net/ipv6//conf/migration0/disable_ipv6"] {
            assert_eq!(written(key, "2"), Sysctl::NoV6, "{key}");
            assert_eq!(written(key, "0"), Sysctl::Taken, "{key}");
        }
        assert_eq!(written("net.ipv6.conf.default.disable_ipv6", "1"), Sysctl::Taken);
        for key in ["", "net", "net.", "kernel.msgmax", "network.x"] {
            assert_eq!(written(key, "1"), Sysctl::NotNet, "{key}");
        }
        for key in ["net.core.somaxconn", "net.ipv4", "net.ipv4.conf.IFNAME.IFNAME", "net.no.such"] {
            assert_eq!(written(key, "1"), Sysctl::Unknown, "{key}");
        }
    }
}
