//! The image against the chart.

use super::text_of;
use crate::root;
use std::fs;

fn line<'t>(text: &'t str, start: &str) -> &'t str {
    text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_else(|| panic!("no line `{start}`"))
}

/// runAsNonRoot holds a pod back whose image names no user by number.
#[test]
fn the_image_has_a_user_by_number_and_nothing_but_the_program() {
    let text = fs::read_to_string(root().join("image/Dockerfile")).unwrap();
    assert_eq!(line(&text, "FROM "), "scratch");
    let user = line(&text, "USER ");
    assert!(user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)), "{user}");
    assert!(text_of("values.yaml").contains(user.split(':').next().unwrap()));
    assert_eq!(text.lines().filter(|line| line.starts_with("COPY ") || line.starts_with("ADD ")).count(), 1);
}

#[test]
fn program_chart_and_image_have_one_version() {
    let version = format!("\"{}\"", env!("CARGO_PKG_VERSION"));
    let chart = text_of("Chart.yaml");
    assert_eq!(format!("\"{}\"", line(&chart, "version: ")), version);
    assert_eq!(format!("\"{}\"", line(&chart, "appVersion: ").trim_matches('"')), version);
}
