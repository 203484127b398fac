//! `certs`: a certificate for development.

use super::output::print;
use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use kubevirt_preflight::serve::certificates::clocks::BACKDATE;
use kubevirt_preflight::serve::certificates::pair::{Cert, Key, Pair};
use kubevirt_preflight::serve::certificates::{issue, trust};
use kubevirt_preflight::serve::tls::Validity;
use rustls::pki_types::ServerName;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const DAY: i64 = 24 * 3600;

#[derive(Debug, clap::Args)]
#[command(after_help = "Writes ca.crt, tls.crt and tls.key, unless those that are there do for another day. \
    The CA's key is not kept. certs/README.md says what is used in a cluster.")]
pub(super) struct CertsArgs {
    /// Where to write; made if it is not there.
    #[arg(long, value_name = "DIRECTORY", default_value = "certs")]
    dir: PathBuf,
    /// DNS name or address that clients call the server by; can be repeated.
    #[arg(long = "name", value_name = "NAME", value_parser = name, default_values = ["localhost", "127.0.0.1", "::1"])]
    names: Vec<ServerName<'static>>,
    /// How long the certificate holds.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=3650), default_value_t = 365)]
    days: u16,
    /// Replace what is there, whatever it is.
    #[arg(long)]
    force: bool,
}

impl CertsArgs {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let (dir, now) = (&self.dir, Timestamp::now().as_second());
        let shown = dir.display();
        fs::create_dir_all(dir)
            .with_context(|| format!("The directory {shown} cannot be made; name another one by --dir:"))?;
        // Of two runs at once the second finds the files of the first.
        let lock = File::open(dir).and_then(|directory| directory.lock().map(|()| directory));
        let _lock =
            lock.with_context(|| format!("The directory {shown} cannot be used; name another one by --dir:"))?;
        let kept = if self.force { Err("replaced, as --force says".to_owned()) } else { self.present(now) };
        match kept {
            Ok(leaf) => print(&self.kept(&leaf))?,
            Err(why) => {
                let validity = Validity { not_before: now - BACKDATE, not_after: now + i64::from(self.days) * DAY };
                // The key of the CA ends here: whoever trusts ca.crt trusts this one leaf.
                let ca = issue::ca(validity)?;
                let leaf = issue::leaf(&self.names, validity, &ca)?;
                self.write(ca.cert(), &leaf)?;
                print(&self.written(&leaf, &why))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The leaf that is there, if it does for another day; else why it does not, a clause.
    fn present(&self, now: i64) -> Result<Cert, String> {
        let read = |file: &str| match fs::read_to_string(self.dir.join(file)) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(format!("{file} was not there")),
            Err(error) => Err(format!("the old {file} cannot be read ({error})")),
        };
        let parsed = |file: &str| Cert::parse(&read(file)?).map_err(|why| format!("the old {file} {why}"));
        let (ca, leaf) = (parsed("ca.crt")?, parsed("tls.crt")?);
        let key = Key::parse(&read("tls.key")?).map_err(|why| format!("the old tls.key {why}"))?;
        let pair = Pair::of(leaf, key).ok_or("the old tls.key is not the key of the old tls.crt")?;
        match trust::fault(pair.cert(), [&ca], &self.names, now + DAY + 1) {
            None => Ok(pair.cert().clone()),
            Some(fault) => Err(format!("the old tls.crt does not do for another day ({fault})")),
        }
    }

    /// `tls.crt` is there only when all is: whatever ends the program, what is left is no certificate with another's key.
    fn write(&self, ca: &Cert, leaf: &Pair) -> Result<()> {
        let files =
            [("tls.key", 0o600, leaf.key().pem()), ("ca.crt", 0o644, ca.pem()), ("tls.crt", 0o644, leaf.cert().pem())];
        for (name, mode, text) in files {
            let path = self.unnamed(name);
            written(&path, mode, text).with_context(|| {
                format!(
                    "{} cannot be written; see that the directory may be written to, or name one by --dir:",
                    path.display()
                )
            })?;
        }
        let old = self.dir.join("tls.crt");
        match fs::remove_file(&old) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                bail!("{} cannot be replaced ({error}); remove it, or name another directory by --dir", old.display())
            }
            _ => {}
        }
        for (name, ..) in files {
            let path = self.dir.join(name);
            fs::rename(self.unnamed(name), &path).with_context(|| {
                format!("{} cannot be replaced; remove it, or name another directory by --dir:", path.display())
            })?;
        }
        Ok(())
    }

    /// Where a file is written before it takes its name. One that is left of a run that was cut off is replaced.
    fn unnamed(&self, name: &str) -> PathBuf {
        self.dir.join(format!(".{name}.new"))
    }

    fn kept(&self, leaf: &Cert) -> String {
        format!(
            "{}: kept, valid for {} until {}; --force replaces it\n{}",
            self.dir.join("tls.crt").display(),
            self.listed(),
            day(leaf),
            self.next()
        )
    }

    fn written(&self, leaf: &Pair, why: &str) -> String {
        let path = |name: &str| self.dir.join(name).display().to_string();
        format!(
            "{}: the CA for clients to trust; its key is not kept, so it never signs another certificate\n\
             {}: valid for {} until {} ({why})\n\
             {}: its key, for you alone to read\n{}",
            path("ca.crt"),
            path("tls.crt"),
            self.listed(),
            day(leaf.cert()),
            path("tls.key"),
            self.next()
        )
    }

    fn listed(&self) -> String {
        self.names.iter().map(ServerName::to_str).collect::<Vec<_>>().join(", ")
    }

    /// The command to run with them.
    fn next(&self) -> String {
        let path = |name: &str| quoted(&self.dir.join(name).display().to_string());
        format!(
            "\nNext: kubevirt-preflight serve --tls-cert {} --tls-key {} --networks examples/cluster.yaml\n",
            path("tls.crt"),
            path("tls.key")
        )
    }
}

/// Writes a file that nobody else can have opened before.
fn written(path: &Path, mode: u32, text: &str) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn day(cert: &Cert) -> String {
    let end = Timestamp::from_second(cert.validity.not_after);
    end.map_or_else(|_| "for ever".to_owned(), |end| end.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// As a shell takes it.
fn quoted(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+@:,%".contains(c));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A DNS name or an address
fn name(text: &str) -> Result<ServerName<'static>, String> {
    let name = ServerName::try_from(text.to_owned()).ok().filter(|_| !text.ends_with('.'));
    name.ok_or_else(|| "write a DNS name without a wildcard, or an address, for example localhost or ::1".to_owned())
}
