//! Certificates and keys as values.

use crate::serve::tls::{self, Tls, TlsError, Validity};
use rcgen::KeyPair;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// A certificate, and what of it counts here.
#[derive(Clone, PartialEq, Eq)]
pub struct Cert {
    pem: String,
    der: CertificateDer<'static>,
    public: Vec<u8>,
    /// The common name of its subject; empty if it has none.
    pub common_name: String,
    /// From when until when it holds.
    pub validity: Validity,
    /// Whether it may sign others.
    pub is_ca: bool,
}

impl Cert {
    /// The one certificate in PEM; an error is a clause.
    pub fn parse(pem: &str) -> Result<Self, String> {
        match Self::parse_all(pem).as_mut_slice() {
            [one] => std::mem::replace(one, Err(String::new())),
            [] => Err("holds no certificate in PEM".to_owned()),
            _ => Err("holds more than one certificate".to_owned()),
        }
    }

    /// Each certificate in PEM, good or bad.
    pub fn parse_all(pem: &str) -> Vec<Result<Self, String>> {
        let blocks = pem.split_inclusive(END).filter_map(|block| Some(&block[block.find(BEGIN)?..]));
        blocks.map(|block| Self::parse_block(block.trim())).collect()
    }

    fn parse_block(pem: &str) -> Result<Self, String> {
        let bad = || "holds a certificate that cannot be read".to_owned();
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| bad())?;
        let (_, x509) = X509Certificate::from_der(&der).map_err(|_| bad())?;
        let signs = x509.key_usage().ok().flatten().is_none_or(|usage| usage.value.key_cert_sign());
        let name = x509.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        Ok(Self {
            pem: pem.to_owned() + "\n",
            public: x509.public_key().subject_public_key.data.to_vec(),
            common_name: name.unwrap_or_default().to_owned(),
            validity: Validity::from(&x509),
            is_ca: x509.is_ca() && signs,
            der: der.clone(),
        })
    }

    /// In PEM, with a line feed at the end.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// In DER.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Whether it holds at this Unix time.
    pub fn holds(&self, now: i64) -> bool {
        self.validity.fault(now).is_none()
    }
}

impl fmt::Debug for Cert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cert({}, {:?})", self.common_name, self.validity)
    }
}

/// A private key. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    pem: String,
    public: Vec<u8>,
}

impl Key {
    /// The key in PEM (PKCS #8); an error is a clause, and holds nothing of the key.
    pub fn parse(pem: &str) -> Result<Self, String> {
        let pair = KeyPair::from_pem(pem).map_err(|_| "holds no private key in PEM (PKCS #8)".to_owned())?;
        Ok(Self { pem: pem.to_owned(), public: pair.public_key_raw().to_vec() })
    }

    /// In PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// A certificate with its own key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    cert: Cert,
    key: Key,
}

impl Pair {
    /// `None` if the key is another one's.
    pub fn of(cert: Cert, key: Key) -> Option<Self> {
        (cert.public == key.public).then_some(Self { cert, key })
    }

    /// The certificate.
    pub fn cert(&self) -> &Cert {
        &self.cert
    }

    /// Its key.
    pub fn key(&self) -> &Key {
        &self.key
    }
}

/// What a replica shows to its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The leaf and its key.
    pub leaf: Pair,
    /// The CA that signed it.
    pub ca: Cert,
}

impl Shown {
    /// For the server, from memory: no file is written.
    pub fn tls(&self, clients: Option<Arc<dyn ClientCertVerifier>>) -> Result<Tls, TlsError> {
        let Pair { cert, key } = &self.leaf;
        let mut hasher = DefaultHasher::new();
        (cert.pem(), key.pem(), self.ca.pem()).hash(&mut hasher);
        let key = PrivateKeyDer::from_pem_slice(key.pem().as_bytes())
            .map_err(|_| rustls::Error::General("the key was read before, and now is none".to_owned()))?;
        let chain = vec![cert.der.clone()];
        let pair = CertifiedKey::from_der(chain.clone(), key, &tls::provider())?;
        let config = Arc::new(tls::config(pair, clients)?);
        Ok(Tls { config, chain, leaf: cert.validity, ca: Some(self.ca.validity), digest: hasher.finish() })
    }
}
