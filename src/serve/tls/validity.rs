//! From when until when a certificate holds, and who signed it.

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Both ends as Unix times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: i64,
    /// The last second.
    pub not_after: i64,
}

impl Validity {
    /// What the certificate says; an error is a clause.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, String> {
        let (_, certificate) = X509Certificate::from_der(certificate).map_err(|error| error.to_string())?;
        Ok(Self::from(&certificate))
    }

    /// What is wrong with it at this Unix time, to be read after "The certificate".
    pub fn fault(self, now: i64) -> Option<String> {
        let day = |at| jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |at| at.to_string());
        if now < self.not_before {
            Some(format!("is valid only from {} on", day(self.not_before)))
        } else if now > self.not_after {
            Some(format!("has expired at {}", day(self.not_after)))
        } else {
            None
        }
    }
}

impl From<&X509Certificate<'_>> for Validity {
    fn from(certificate: &X509Certificate<'_>) -> Self {
        let validity = certificate.validity();
        Self { not_before: validity.not_before.timestamp(), not_after: validity.not_after.timestamp() }
    }
}

/// Of the CA that signed `certificate`, else of the first: while CAs change, a bundle holds the old and the new one, and
/// both have the same name.
pub(super) fn signer(bundle: &[CertificateDer<'_>], certificate: &CertificateDer<'_>) -> Option<Validity> {
    let (_, leaf) = X509Certificate::from_der(certificate).ok()?;
    let all: Vec<_> = bundle.iter().filter_map(|ca| X509Certificate::from_der(ca).ok()).map(|(_, ca)| ca).collect();
    let signer = all.iter().find(|ca| {
        ca.subject().as_raw() == leaf.issuer().as_raw() && leaf.verify_signature(Some(ca.public_key())).is_ok()
    });
    signer.or(all.first()).map(Validity::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_belong_to_it() {
        let validity = Validity { not_before: 10, not_after: 20 };
        assert_eq!([9, 10, 20, 21].map(|now| validity.fault(now).is_some()), [true, false, false, true]);
        assert_eq!(validity.fault(21).unwrap(), "has expired at 1970-01-01T00:00:20Z");
    }
}
