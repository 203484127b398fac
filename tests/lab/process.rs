//! Commands and conditions.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Runs a command with this input; its output, or all that it said.
pub fn told(command: &mut Command, input: &str) -> Result<String, String> {
    let output: Output = said(command, input);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(out.into_owned()) } else { Err(format!("{out}{err}")) }
}

/// Runs a command with this input; how it ended and what it said.
pub fn said<T: From<Output>>(command: &mut Command, input: &str) -> T {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that ends without reading its input has its own words for it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap().into()
}

/// Whether the condition is met in this time.
pub fn within(time: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while !condition() {
        if begun.elapsed() > time {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}
