//! Why certificates are refused. No error holds a part of a file: it could be a part of the key.

use super::Files;
use rustls::InconsistentKeys;
use std::path::{Path, PathBuf};

/// Why certificates are refused.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("{flag} {file} cannot be read ({error}); name a PEM file that this process may read", file = file.display())]
    Unreadable {
        /// The flag that names it.
        flag: &'static str,
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Not PEM, or PEM of something else.
    #[error("{flag} {file} {what}; {remedy}", file = file.display())]
    Unusable {
        /// The flag that names it.
        flag: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
        /// What it should hold.
        remedy: &'static str,
    },
    /// Certificate and key are no pair.
    #[error(
        "--tls-key {key} is not the key of the first certificate in --tls-cert {cert}; \
         give the key that the certificate was made with, and the leaf before its CA",
        key = key.display(), cert = cert.display()
    )]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// A defect of this program, for the versions and suites of TLS are its own.
    #[error("TLS cannot be set up ({0})")]
    Setup(#[from] rustls::Error),
}

impl TlsError {
    pub(super) fn no_certificate(flag: &'static str, file: &Path, why: &str) -> Self {
        Self::Unusable {
            flag,
            file: file.to_owned(),
            what: format!("holds a certificate that cannot be read ({why})"),
            remedy: "give X.509 certificates of version 3",
        }
    }

    /// Of what rustls says to certificate and key.
    pub(super) fn no_pair(files: &Files, error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                Self::Mismatch { cert: files.cert.clone(), key: files.key.clone() }
            }
            rustls::Error::InvalidCertificate(_) => Self::no_certificate("--tls-cert", &files.cert, &error.to_string()),
            error => Self::Unusable {
                flag: "--tls-key",
                file: files.key.clone(),
                what: format!("holds no key that can be used ({error})"),
                remedy: "give an ECDSA P-256 key, or an RSA key of 2048 bits or more, in PEM",
            },
        }
    }
}
