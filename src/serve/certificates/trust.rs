//! What a client that trusts a bundle says to a leaf.

use super::pair::Cert;
use crate::serve::tls;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

/// Why it would refuse the leaf at this Unix time; `None` if it would not, for none of the names.
pub fn fault<'a>(
    leaf: &Cert,
    bundle: impl IntoIterator<Item = &'a Cert>,
    names: &[ServerName<'static>],
    now: i64,
) -> Option<String> {
    chain_fault(slice::from_ref(leaf.der()), bundle, names, now)
}

/// Why it would refuse this chain, the leaf first, then what is between it and its CA.
pub fn chain_fault<'a>(
    chain: &[CertificateDer<'_>],
    bundle: impl IntoIterator<Item = &'a Cert>,
    names: &[ServerName<'static>],
    now: i64,
) -> Option<String> {
    let Some((leaf, between)) = chain.split_first() else { return Some("there is no certificate".to_owned()) };
    let mut roots = RootCertStore::empty();
    // webpki takes a trust anchor as it is; Go, in which API servers are written, refuses one that is no CA or has ended.
    for ca in bundle.into_iter().filter(|ca| ca.is_ca && ca.holds(now)) {
        if let Err(error) = roots.add(ca.der().clone()) {
            return Some(error.to_string());
        }
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), tls::provider()).build();
    let Ok(verifier) = verifier else { return Some("there is no CA to trust".to_owned()) };
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now).unwrap_or(0)));
    names.iter().find_map(|name| {
        let error = verifier.verify_server_cert(leaf, between, name, &[], now).err()?;
        Some(format!("{} for {}", error, name.to_str()))
    })
}
