//! Certificates and keys from files, and whom the server talks to.

mod client;
mod validity;

pub use validity::Validity;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where certificate, key and client CA are.
#[derive(Clone, Debug)]
pub struct Files {
    /// PEM: the leaf, then what is between it and the CA.
    pub cert: PathBuf,
    /// PEM: the leaf's key.
    pub key: PathBuf,
    /// Who may call; `None` for anyone.
    pub client: Option<Client>,
}

/// Who may call.
#[derive(Clone, Debug)]
pub struct Client {
    /// PEM: the CAs that may have signed a client's certificate.
    pub ca: PathBuf,
    /// Names of which the certificate has one, as common name or DNS name; empty for any name.
    pub names: Vec<String>,
}

/// A certificate in use.
#[derive(Debug)]
pub struct Tls {
    /// For handshakes.
    pub config: Arc<ServerConfig>,
    /// Of the leaf.
    pub leaf: Validity,
    /// Of the CA, where the files hold it: `ca.crt` beside the certificate, else the end of the chain.
    pub ca: Option<Validity>,
    /// Of all files, to tell a new state from the old.
    pub digest: u64,
}

/// Why certificates are refused.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("{flag} {file} cannot be read: {error}", file = file.display())]
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
        "--tls-key {key} is not the key of --tls-cert {cert}; give the key that the certificate was made with",
        key = key.display(), cert = cert.display()
    )]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

impl Files {
    /// All that change together, to be watched.
    pub fn paths(&self) -> Vec<PathBuf> {
        let client = self.client.as_ref().map(|client| client.ca.clone());
        [self.cert.clone(), self.key.clone(), beside(&self.cert)].into_iter().chain(client).collect()
    }

    /// Reads them.
    pub fn load(&self) -> Result<Tls, TlsError> {
        // Before the files are read: what changes meanwhile differs from it at the next reading.
        let digest = self.digest();
        let chain = certificates("--tls-cert", &self.cert)?;
        let key = key(&self.key)?;
        let leaf = Validity::of(&chain[0]).map_err(|error| unreadable("--tls-cert", &self.cert, &error))?;
        // It only tells when the CA ends: without it, or with one that is no good, the server serves all the same.
        let beside = CertificateDer::from_pem_file(beside(&self.cert)).ok();
        let ca = beside.as_ref().or(chain[1..].last()).and_then(|ca| Validity::of(ca).ok());
        let pair = CertifiedKey::from_der(chain, key, &ring::default_provider());
        let pair = pair.map_err(|error| self.no_pair(&error))?;
        Ok(Tls { config: Arc::new(self.config(pair)?), leaf, ca, digest })
    }

    fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.paths().iter().for_each(|path| std::fs::read(path).ok().hash(&mut hasher));
        hasher.finish()
    }

    fn no_pair(&self, error: &rustls::Error) -> TlsError {
        match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                TlsError::Mismatch { cert: self.cert.clone(), key: self.key.clone() }
            }
            error => TlsError::Unusable {
                flag: "--tls-key",
                file: self.key.clone(),
                what: format!("holds no key that can be used ({error})"),
                remedy: "give an ECDSA P-256 key, or an RSA key of 2048 bits or more, in PEM",
            },
        }
    }

    fn config(&self, pair: CertifiedKey) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(rustls::ALL_VERSIONS);
        // ring has suites for both versions.
        let builder = builder.map_err(|error| self.no_pair(&error))?;
        let builder = match &self.client {
            None => builder.with_no_client_auth(),
            Some(client) => builder.with_client_cert_verifier(client.verifier(provider)?),
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
        // kube-apiserver speaks HTTP/1.1 to webhooks, and a client without a protocol in common is refused.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl Client {
    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let unusable = |error: &dyn std::fmt::Display| TlsError::Unusable {
            flag: "--client-ca",
            file: self.ca.clone(),
            what: format!("holds no CA that can be used ({error})"),
            remedy: "give the CA that signs the API server's client certificate, in PEM",
        };
        let mut roots = RootCertStore::empty();
        for ca in certificates("--client-ca", &self.ca)? {
            roots.add(ca).map_err(|error| unusable(&error))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let verifier = verifier.map_err(|error| unusable(&error))?;
        Ok(if self.names.is_empty() { verifier } else { Arc::new(client::Named::new(verifier, self.names.clone())) })
    }
}

/// `ca.crt` in the directory of the certificate, as cert-manager and service-ca Secrets have it.
fn beside(cert: &Path) -> PathBuf {
    cert.with_file_name("ca.crt")
}

fn certificates(flag: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(flag, file)?;
    let unusable = |what: String| TlsError::Unusable {
        flag,
        file: file.to_owned(),
        what,
        remedy: "give certificates in PEM, which begins with -----BEGIN CERTIFICATE-----",
    };
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.map_err(|error| unusable(format!("is no whole PEM file ({error})")))?;
    if chain.is_empty() {
        return Err(unusable("holds no certificate".to_owned()));
    }
    Ok(chain)
}

fn unreadable(flag: &'static str, file: &Path, error: &dyn std::fmt::Display) -> TlsError {
    TlsError::Unusable {
        flag,
        file: file.to_owned(),
        what: format!("holds a certificate that cannot be read ({error})"),
        remedy: "give X.509 certificates of version 3",
    }
}

fn key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = read("--tls-key", file)?;
    // What the error says of the file could be a part of the key.
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| TlsError::Unusable {
        flag: "--tls-key",
        file: file.to_owned(),
        what: "holds no private key".to_owned(),
        remedy: "give the key in PEM, which begins with -----BEGIN PRIVATE KEY----- or -----BEGIN EC PRIVATE KEY-----",
    })
}

fn read(flag: &'static str, file: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(file).map_err(|error| TlsError::Unreadable { flag, file: file.to_owned(), error })
}
