//! `expired-exception`

use super::levels::{D, W};
use super::{Check, Levels, Rule};

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "expired-exception",
    summary: "an exception of the policy that no longer applies",
    levels: Levels::Set(W, D, W),
    page: include_str!("expired_exception.md"),
    check: Check::Policy,
};
