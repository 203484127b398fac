//! The image's files, its program and its user.

use super::private::run;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Where the containers' program comes from.
pub struct Image {
    pub entrypoint: Vec<String>,
    /// The user and group of the image, where a Pod says none.
    pub user: u64,
    pub group: u64,
    /// What it is, for the first lines of the run.
    pub told: String,
    /// Files of the root, each with where it is in the container.
    files: Vec<(PathBuf, PathBuf)>,
}

impl Image {
    /// The program as cargo built it for this test, in a root of its own that has the machine's C library and nothing else:
    /// while the image cannot be built.
    pub fn of_cargo() -> Self {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_kubevirt-preflight"));
        let told = format!("program: {} as user 65532, not out of an image", program.display());
        let mut files = vec![(program, PathBuf::from("kubevirt-preflight"))];
        for folder in ["usr/lib", "usr/lib64", "lib", "lib64"] {
            let there = Path::new("/").join(folder);
            if there.is_dir() {
                files.push((there, PathBuf::from(folder)));
            }
        }
        Self { entrypoint: vec!["/kubevirt-preflight".to_owned()], user: 65532, group: 65532, told, files }
    }

    /// Unpacks an OCI archive, layer by layer.
    pub fn of_archive(archive: &Path) -> Self {
        let (layout, root) = (PathBuf::from("/run/image/layout"), PathBuf::from("/run/image/root"));
        fs::create_dir_all(&layout).unwrap();
        fs::create_dir_all(&root).unwrap();
        let unpack =
            |from: &Path, to: &Path| run("tar", &["-xf", &from.to_string_lossy(), "-C", &to.to_string_lossy()]);
        unpack(archive, &layout);
        let blob = |digest: &Value| layout.join("blobs").join(digest.as_str().unwrap().replace(':', "/"));
        let json = |path: PathBuf| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
        let index = json(layout.join("index.json"));
        let manifest = json(blob(&index["manifests"][0]["digest"]));
        for layer in manifest["layers"].as_array().unwrap() {
            unpack(&blob(&layer["digest"]), &root);
        }
        let config = json(blob(&manifest["config"]["digest"]))["config"].clone();
        let ids: Vec<u64> = config["User"].as_str().unwrap_or("0").split(':').map(|id| id.parse().unwrap()).collect();
        let entrypoint: Vec<String> = serde_json::from_value(config["Entrypoint"].clone()).unwrap();
        let told = format!("program: {entrypoint:?} of {} as user {}", archive.display(), config["User"]);
        let (user, group) = (ids[0], *ids.last().unwrap());
        Self { entrypoint, user, group, told, files: within(&root, &root) }
    }

    /// Makes a container's root: what will be mounted on.
    pub fn lay_out(&self, root: &Path) {
        let _ = fs::remove_dir_all(root);
        for (file, name) in &self.files {
            let target = root.join(name);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            if let Ok(to) = fs::read_link(file) {
                symlink(to, target).unwrap();
            } else if file.is_dir() {
                fs::create_dir_all(target).unwrap();
            } else {
                fs::write(target, "").unwrap();
            }
        }
    }

    /// The files on it, for reading only, as lines of a shell.
    pub fn mounts(&self, root: &Path) -> Vec<String> {
        let mounted = self.files.iter().filter(|(file, _)| fs::symlink_metadata(file).is_ok_and(|is| !is.is_symlink()));
        let lines = mounted.flat_map(|(file, name)| {
            let (file, target) = (file.display(), root.join(name));
            let target = target.display();
            [format!("mount --bind {file} {target}"), format!("mount -o remount,bind,ro {target}")]
        });
        lines.collect()
    }
}

/// All files and links under a folder; folders come by themselves.
fn within(folder: &Path, root: &Path) -> Vec<(PathBuf, PathBuf)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| {
        if path.is_dir() && !path.is_symlink() {
            within(&path, root)
        } else {
            let name = path.strip_prefix(root).unwrap().to_owned();
            vec![(path, name)]
        }
    });
    files.collect()
}
