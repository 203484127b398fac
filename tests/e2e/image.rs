//! The image's files, its program and its user.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Where the containers' program comes from.
pub struct Image {
    pub entrypoint: Vec<String>,
    /// The user of the image, where a Pod says none.
    pub user: u64,
    /// The image's files, or none for a program as cargo builds it.
    files: Option<PathBuf>,
    program: PathBuf,
}

impl Image {
    /// The program as cargo built it for this test, in a root of its own that has the machine's C library and nothing else.
    pub fn of_cargo() -> Self {
        Self {
            entrypoint: vec!["/kubevirt-preflight".to_owned()],
            user: 65532,
            files: None,
            program: PathBuf::from(env!("CARGO_BIN_EXE_kubevirt-preflight")),
        }
    }

    /// What it is, for the first lines of the run.
    pub fn told(&self) -> String {
        format!("program: {} as user {}", self.files.as_ref().unwrap_or(&self.program).display(), self.user)
    }

    /// Makes a container's root.
    pub fn lay_out(&self, root: &Path) {
        let _ = fs::remove_dir_all(root);
        fs::create_dir_all(root.join("usr/lib")).unwrap();
        fs::write(root.join("kubevirt-preflight"), "").unwrap();
        for name in ["lib", "lib64"] {
            // Merged into /usr, or folders of their own.
            match fs::read_link(Path::new("/").join(name)) {
                Ok(target) => symlink(target, root.join(name)).unwrap(),
                Err(_) => fs::create_dir_all(root.join(name)).unwrap(),
            }
        }
        fs::create_dir_all(root.join("usr/lib64")).unwrap();
    }

    /// What is mounted on it, as lines of a shell.
    pub fn mounts(&self, root: &Path) -> Vec<String> {
        let root = root.display();
        let mut lines = vec![
            format!("mount --bind {} {root}/kubevirt-preflight", self.program.display()),
            format!("mount -o remount,bind,ro {root}/kubevirt-preflight"),
        ];
        for folder in ["usr/lib", "usr/lib64", "lib", "lib64"] {
            let there = Path::new("/").join(folder);
            if there.is_dir() && fs::symlink_metadata(&there).is_ok_and(|is| !is.is_symlink()) {
                lines.push(format!("mount --bind -o ro /{folder} {root}/{folder}"));
            }
        }
        lines
    }
}
