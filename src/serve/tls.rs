//! Certificates and keys from files, and whom the server talks to.

mod client;
mod error;
mod follow;
mod pem;
mod validity;

pub use error::TlsError;
pub use follow::{follow, follow_clients, publish};
pub use validity::Validity;

use pem::Pem;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig};
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

impl Client {
    /// What verifies them, of the file as it is now, and a digest of the file.
    pub fn verifier(&self) -> Result<(Arc<dyn ClientCertVerifier>, u64), TlsError> {
        let pem = Pem::read("--client-ca", &self.ca);
        let mut hasher = DefaultHasher::new();
        pem.bytes().hash(&mut hasher);
        Ok((verifier(pem, self.names.clone())?, hasher.finish()))
    }
}

/// A certificate in use.
#[derive(Debug)]
pub struct Tls {
    /// For handshakes.
    pub config: Arc<ServerConfig>,
    /// What clients are shown: the leaf, then what is between it and its CA.
    pub chain: Vec<CertificateDer<'static>>,
    /// Of the leaf.
    pub leaf: Validity,
    /// Of the CA, where the files hold it: in `ca.crt` beside the certificate, else the end of the chain.
    pub ca: Option<Validity>,
    /// Of all files, to tell a new state from the old.
    pub digest: u64,
}

/// How often files that change while they are read are read again.
const READINGS: usize = 4;

impl Files {
    /// All that change together, to be watched.
    pub fn paths(&self) -> Vec<PathBuf> {
        let client = self.client.as_ref().map(|client| client.ca.clone());
        [self.cert.clone(), self.key.clone(), beside(&self.cert)].into_iter().chain(client).collect()
    }

    /// Reads them; an error is told for each file.
    pub fn load(&self) -> Result<Tls, Vec<TlsError>> {
        let Read { cert, key, beside, client, digest } = self.read_unchanging();
        let pair = match (cert.certificates(), key.key()) {
            (Ok(chain), Ok(key)) => self.pair(chain, key, beside).map_err(|error| vec![error]),
            (chain, key) => Err([chain.err(), key.err()].into_iter().flatten().collect()),
        };
        let verifier = client.map(|(ca, names)| verifier(ca, names)).transpose();
        match (pair, verifier) {
            (Ok((pair, leaf, ca)), Ok(verifier)) => {
                let chain = pair.cert.clone();
                let config = config(pair, verifier).map_err(|error| vec![error])?;
                Ok(Tls { config: Arc::new(config), chain, leaf, ca, digest })
            }
            (pair, verifier) => Err(pair.err().into_iter().flatten().chain(verifier.err()).collect()),
        }
    }

    /// A volume may be swapped between two files, and then certificate and key would be no pair.
    fn read_unchanging(&self) -> Read {
        let mut read = Read::of(self);
        for _ in 0..READINGS {
            let again = Read::of(self);
            if again.digest == read.digest {
                break;
            }
            read = again;
        }
        read
    }

    /// Certificate and key, and how long leaf and CA hold.
    fn pair(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        beside: Pem,
    ) -> Result<(CertifiedKey, Validity, Option<Validity>), TlsError> {
        let all: Result<Vec<_>, _> = chain.iter().map(Validity::of).collect();
        let all = all.map_err(|why| TlsError::no_certificate("--tls-cert", &self.cert, &why))?;
        // It only tells when the CA ends: without it, or with one that is no good, the server serves all the same.
        let beside = beside.certificates().unwrap_or_default();
        let ca = chain.last().and_then(|end| validity::signer(&beside, end)).or(all[1..].last().copied());
        let pair = CertifiedKey::from_der(chain, key, &ring::default_provider());
        let pair = pair.map_err(|error| TlsError::no_pair(self, &error))?;
        Ok((pair, all[0], ca))
    }
}

/// What the files held at one time.
struct Read {
    cert: Pem,
    key: Pem,
    beside: Pem,
    client: Option<(Pem, Vec<String>)>,
    digest: u64,
}

impl Read {
    fn of(files: &Files) -> Self {
        let cert = Pem::read("--tls-cert", &files.cert);
        let key = Pem::read("--tls-key", &files.key);
        let beside = Pem::read("--tls-cert", &beside(&files.cert));
        let client = files.client.as_ref();
        let client = client.map(|client| (Pem::read("--client-ca", &client.ca), client.names.clone()));
        let mut hasher = DefaultHasher::new();
        let ca = client.as_ref().map(|(ca, _)| ca);
        [&cert, &key, &beside].into_iter().chain(ca).for_each(|pem| pem.bytes().hash(&mut hasher));
        Self { cert, key, beside, client, digest: hasher.finish() }
    }
}

/// `ca.crt` in the directory of the certificate, as cert-manager and service-ca Secrets have it.
fn beside(cert: &Path) -> PathBuf {
    cert.with_file_name("ca.crt")
}

/// Verifies clients by these CAs and names.
fn verifier(ca: Pem, names: Vec<String>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let file = ca.file().to_owned();
    let unusable = |error: &dyn std::fmt::Display| TlsError::Unusable {
        flag: "--client-ca",
        file: file.clone(),
        what: format!("holds no CA that can be used ({error})"),
        remedy: "give the CA that signs the API server's client certificate, in PEM",
    };
    let mut roots = RootCertStore::empty();
    for ca in ca.certificates()? {
        roots.add(ca).map_err(|error| unusable(&error))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    let verifier = verifier.map_err(|error| unusable(&error))?;
    Ok(if names.is_empty() { verifier } else { Arc::new(client::Named::new(verifier, names)) })
}

/// The cryptography of everything here.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A server that shows this certificate to anyone, or to clients that pass.
pub(super) fn config(
    pair: CertifiedKey,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(rustls::ALL_VERSIONS)?;
    let builder = match verifier {
        None => builder.with_no_client_auth(),
        Some(verifier) => builder.with_client_cert_verifier(verifier),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
    // kube-apiserver speaks HTTP/1.1 to webhooks, and a client without a protocol in common is refused.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A resumed session is one whose client certificate nobody looks at again: it would outlive its end and its CA. The
    // API server keeps connections, and resumes none.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
