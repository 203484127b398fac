//! The real parts, as `make tools` built them.

use std::path::PathBuf;

/// A binary of a part.
pub fn tool(part: &str, name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools").join(part).join(name);
    assert!(path.exists(), "{} is not there: run `make tools`", path.display());
    path
}

/// The newest folder of a module in the module cache that holds `file`.
pub fn module_file(module: &str, part: &str, file: &str) -> PathBuf {
    let go = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tools").join(part);
    let output = std::process::Command::new("go")
        .args(["list", "-m", "-f", "{{.Dir}}", module])
        .current_dir(go)
        .output()
        .expect("go");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()).join(file)
}
