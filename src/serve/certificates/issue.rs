//! Makes CAs and leaves: ECDSA P-256, which every client knows and which costs a handshake the least.

use super::pair::{Cert, Key, Pair};
use crate::serve::tls::Validity;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::ServerName;
use std::fmt::Write as _;
use std::time::Duration;

/// How the common name of a CA of ours begins; then comes a part of its key's identifier.
pub const CA_NAME: &str = "kubevirt-preflight CA ";
/// The common name of leaves: clients look at the alternative names only, and those can be longer than a common name.
const LEAF_NAME: &str = "kubevirt-preflight webhook";

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// A name that a certificate cannot hold, or no random numbers from the system.
    #[error("the certificate cannot be made: {0}")]
    Rcgen(#[from] rcgen::Error),
    /// A defect of this program: it cannot read what it has made.
    #[error("the certificate that was made {0}")]
    Unreadable(String),
    /// A key of another CA.
    #[error("the key is not the certificate's")]
    Mismatch,
}

/// A new CA. It signs leaves, no other CAs.
pub fn ca(validity: Validity) -> Result<Pair, IssueError> {
    let key = KeyPair::generate()?;
    let mut params = params(Vec::new(), validity)?;
    let id = params.key_identifier(&key);
    // One name a CA: some clients look for an issuer by its name, and take the first.
    let mut name = CA_NAME.to_owned();
    for byte in id.iter().take(4) {
        // Writing to a String does not fail.
        let _ = write!(name, "{byte:02x}");
    }
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    pair(&params.self_signed(&key)?, &key)
}

/// A server's certificate for these names, signed by `ca`.
pub fn leaf(names: &[ServerName<'static>], validity: Validity, ca: &Pair) -> Result<Pair, IssueError> {
    let issuer = Issuer::from_ca_cert_der(ca.cert().der(), KeyPair::from_pem(ca.key().pem())?)?;
    let key = KeyPair::generate()?;
    let names: Vec<_> = names.iter().map(|name| name.to_str().into_owned()).collect();
    let mut params = params(names, validity)?;
    params.distinguished_name.push(DnType::CommonName, LEAF_NAME);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    pair(&params.signed_by(&key, &issuer)?, &key)
}

/// What both have: rcgen's own defaults are one name for all and two thousand years.
fn params(names: Vec<String>, validity: Validity) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    let at = |second: i64| date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(second).unwrap_or(0));
    params.not_before = at(validity.not_before);
    params.not_after = at(validity.not_after);
    params.distinguished_name = DistinguishedName::new();
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn pair(cert: &rcgen::Certificate, key: &KeyPair) -> Result<Pair, IssueError> {
    let cert = Cert::parse(&cert.pem()).map_err(IssueError::Unreadable)?;
    let key = Key::parse(&key.serialize_pem()).map_err(IssueError::Unreadable)?;
    Pair::of(cert, key).ok_or(IssueError::Mismatch)
}
