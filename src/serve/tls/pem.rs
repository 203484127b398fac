//! PEM files.

use super::TlsError;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::path::{Path, PathBuf};

/// A file as it was read, or why it was not.
pub(super) struct Pem {
    flag: &'static str,
    file: PathBuf,
    bytes: io::Result<Vec<u8>>,
}

impl Pem {
    /// Reads it; `flag` is what errors name.
    pub(super) fn read(flag: &'static str, file: &Path) -> Self {
        Self { flag, file: file.to_owned(), bytes: std::fs::read(file) }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// What it holds, if it could be read.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_deref().ok()
    }

    /// All certificates in it, one at least.
    pub(super) fn certificates(self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let Self { flag, file, bytes } = self;
        let bytes = readable(flag, &file, bytes)?;
        let unusable = |what: &str| TlsError::Unusable {
            flag,
            file: file.clone(),
            what: what.to_owned(),
            remedy: "give certificates in PEM, each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----",
        };
        let all: Result<Vec<_>, Error> = CertificateDer::pem_slice_iter(&bytes).collect();
        let all = all.map_err(|error| unusable(clause(&error)))?;
        if all.is_empty() { Err(unusable("holds no certificate")) } else { Ok(all) }
    }

    /// The first key in it.
    pub(super) fn key(self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let Self { flag, file, bytes } = self;
        let bytes = readable(flag, &file, bytes)?;
        let encrypted = bytes.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED);
        let (what, remedy) = if encrypted {
            ("holds a key under a password", "give it without: openssl pkey -in FILE -out NEW")
        } else {
            ("holds no private key", "give the key in PEM, which begins with -----BEGIN PRIVATE KEY-----")
        };
        PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
            let what = if matches!(error, Error::NoItemsFound) { what } else { clause(&error) };
            TlsError::Unusable { flag, file, what: what.to_owned(), remedy }
        })
    }
}

const ENCRYPTED: &[u8] = b"ENCRYPTED";

fn readable(flag: &'static str, file: &Path, bytes: io::Result<Vec<u8>>) -> Result<Vec<u8>, TlsError> {
    bytes.map_err(|error| TlsError::Unreadable { flag, file: file.to_owned(), error })
}

/// What is wrong, without the parts of the file that the error itself quotes.
fn clause(error: &Error) -> &'static str {
    match error {
        Error::MissingSectionEnd { .. } => "is cut off before an END line",
        Error::IllegalSectionStart { .. } => "has a broken BEGIN line",
        Error::Base64Decode(_) => "is broken between a BEGIN and an END line",
        _ => "is no PEM file",
    }
}
