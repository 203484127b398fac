//! Paths to the content of files.

use anyhow::{Context as _, Result, bail};
use kubevirt_preflight::manifests::{Input, is_manifest_name};
use kubevirt_preflight::place::Place;
use kubevirt_preflight::world::Problem;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// One byte more than the core reads of a file: it reports what is longer.
const ENOUGH: u64 = 16 * 1024 * 1024 + 1;
/// Bytes of all files together.
const ALL: usize = 1024 * 1024 * 1024;
/// Directories in directories.
const DEPTH: usize = 64;

/// The content of the files, in the order in which they were named and then by path.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) inputs: Vec<Input>,
    /// Files that are there but cannot be read.
    pub(super) problems: Vec<Problem>,
    bytes: usize,
    /// What was read, links resolved: each file and directory is read once, so links that form a loop end.
    seen: HashSet<PathBuf>,
}

impl Files {
    /// Reads the files at `paths`, and those below directories.
    pub(super) fn read(paths: &[String]) -> Result<Self> {
        let mut files = Self::default();
        for path in paths {
            files.named(path)?;
        }
        Ok(files)
    }

    fn named(&mut self, path: &str) -> Result<()> {
        if path == "-" {
            return self.standard_input();
        }
        let is_directory = fs::metadata(path)
            .with_context(|| {
                format!("There is nothing to read at `{path}`; name a file, a directory, or - for standard input:")
            })?
            .is_dir();
        if !is_directory {
            return self.file(Path::new(path), true);
        }
        let before = self.inputs.len() + self.problems.len();
        let repeated = !self.is_new(Path::new(path));
        if !repeated {
            self.directory(Path::new(path), 0)?;
        }
        if before == self.inputs.len() + self.problems.len() && !repeated {
            bail!(
                "There is no .yaml, .yml or .json file in the directory {path}; name the directory that holds the manifests."
            );
        }
        Ok(())
    }

    fn standard_input(&mut self) -> Result<()> {
        if self.seen.insert(PathBuf::from("-")) {
            let mut bytes = Vec::new();
            let stdin = std::io::stdin().lock();
            stdin.take(ENOUGH).read_to_end(&mut bytes).context("Standard input cannot be read:")?;
            self.keep("-".to_owned(), bytes, true)?;
        }
        Ok(())
    }

    /// Whether the file or directory was not read before, under whatever name.
    fn is_new(&mut self, path: &Path) -> bool {
        fs::canonicalize(path).map_or(true, |real| self.seen.insert(real))
    }

    fn directory(&mut self, path: &Path, depth: usize) -> Result<()> {
        if depth > DEPTH {
            let why = format!("directories lie more than {DEPTH} deep");
            self.refuse(path, &why, "Name the directory that holds the manifests.");
            return Ok(());
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => {
                self.refuse(
                    path,
                    &format!("the directory cannot be read ({error})"),
                    "Make it readable, or leave it out.",
                );
                return Ok(());
            }
        };
        let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        for path in paths {
            self.entry(&path, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, depth: usize) -> Result<()> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let manifest = is_manifest_name(&name);
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() && name == ".git" => Ok(()),
            Ok(metadata) if metadata.is_dir() => {
                if self.is_new(path) {
                    self.directory(path, depth + 1)
                } else {
                    Ok(())
                }
            }
            // Not a pipe or a device, which could be without end.
            Ok(metadata) if manifest && metadata.is_file() => self.file(path, false),
            Err(error) if manifest => {
                self.refuse(path, &format!("the file cannot be read ({error})"), "Mend the link, or leave it out.");
                Ok(())
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn file(&mut self, path: &Path, explicit: bool) -> Result<()> {
        if !self.is_new(path) {
            return Ok(());
        }
        match content(path) {
            Ok(bytes) => self.keep(path.to_string_lossy().into_owned(), bytes, explicit),
            Err(error) => {
                self.refuse(path, &format!("the file cannot be read ({error})"), "Make it readable, or leave it out.");
                Ok(())
            }
        }
    }

    fn keep(&mut self, name: String, bytes: Vec<u8>, explicit: bool) -> Result<()> {
        self.bytes += bytes.len();
        if self.bytes > ALL {
            bail!("The files hold more than 1 GiB together, as of {name}; check them in parts.");
        }
        self.inputs.push(Input { name, bytes, explicit });
        Ok(())
    }

    fn refuse(&mut self, path: &Path, why: &str, help: &str) {
        let place = Place { file: path.to_string_lossy().into_owned(), line: 1, column: 1 };
        self.problems.push(Problem::Unreadable { place, why: why.to_owned(), help: help.to_owned() });
    }
}

/// The content of a file, or a little more of it than the core takes.
fn content(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(ENOUGH).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of one of our own files (policy, networks); `what` is how the message calls it.
pub(super) fn text(path: &str, what: &str) -> Result<String> {
    let bytes = if path == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().take(ENOUGH).read_to_end(&mut bytes).map(|_| bytes)
    } else {
        content(Path::new(path))
    };
    let bytes = bytes.with_context(|| format!("The {what} {path} cannot be read:"))?;
    if bytes.len() as u64 >= ENOUGH {
        bail!("The {what} {path} is larger than 16 MiB; give a smaller one.");
    }
    String::from_utf8(bytes).with_context(|| format!("The {what} {path} is not UTF-8 text:"))
}
