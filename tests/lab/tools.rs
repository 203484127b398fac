//! The real parts, as `make tools` built them.

use std::path::PathBuf;

/// A binary of a part, or a file of it.
pub fn tool(part: &str, name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools").join(part).join(name);
    assert!(path.exists(), "{} is not there: run `make tools`", path.display());
    path
}
