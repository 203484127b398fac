//! A Secret volume as the kubelet keeps it (pkg/volume/util/atomic_writer.go).

use crate::pki::Pair;
use std::cell::Cell;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// `tls.crt -> ..data/tls.crt`, `..data -> ..2026_11_24.N`
pub struct Volume {
    folder: TempDir,
    count: Cell<u32>,
}

impl Volume {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let volume = Self { folder: tempfile::tempdir().unwrap(), count: Cell::new(0) };
        volume.swap(files);
        volume
    }

    pub fn of(pair: &Pair) -> Self {
        Self::new(&Self::files(pair))
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The files of a pair, by their names.
    pub fn files(pair: &Pair) -> [(&'static str, &str); 2] {
        [("tls.crt", &pair.cert), ("tls.key", &pair.key)]
    }

    /// All files are other ones from one moment to the next.
    pub fn swap(&self, files: &[(&str, &str)]) {
        let name = format!("..2026_11_24.{}", self.count.replace(self.count.get() + 1));
        let data = self.file(&name);
        fs::create_dir(&data).unwrap();
        for (file, text) in files {
            fs::write(data.join(file), text).unwrap();
        }
        let old = fs::read_link(self.file("..data")).ok();
        symlink(&name, self.file("..data_tmp")).unwrap();
        fs::rename(self.file("..data_tmp"), self.file("..data")).unwrap();
        for (file, _) in files {
            // It is there since the first time.
            let _ = symlink(Path::new("..data").join(file), self.file(file));
        }
        if let Some(old) = old {
            fs::remove_dir_all(self.file(old.to_str().unwrap())).unwrap();
        }
    }
}
