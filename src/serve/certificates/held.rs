//! What the Secret holds.
//!
//! ```text
//! tls.crt, tls.key               the leaf
//! ca.crt, ca.key                 the CA that signs leaves
//! ca.published                   since when every webhook entry was seen to trust it
//! next-ca.crt, next-ca.key       the CA that will sign once it has been published for long enough
//! next-ca.published              since when every webhook entry was seen to trust it
//! previous-ca.crt                CAs of which a leaf may still be in use; nobody has their keys any more
//! ```

use super::pair::{Cert, Key, Pair};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// `data` of a Secret, out of base64.
pub type Data = BTreeMap<String, Vec<u8>>;

/// A CA, and whether clients have had time to learn of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Its certificate.
    pub cert: Cert,
    /// To sign with; `None` if it was lost.
    pub pair: Option<Pair>,
    /// Unix time since when it was seen published everywhere.
    pub published: Option<i64>,
}

/// What the Secret holds, as far as it is good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Signs leaves.
    pub ca: Option<Authority>,
    /// Will sign leaves.
    pub next: Option<Authority>,
    /// Signed leaves.
    pub previous: Vec<Cert>,
    /// The leaf.
    pub leaf: Option<Pair>,
}

impl Authority {
    /// That nobody knows of yet.
    pub fn new(pair: Pair) -> Self {
        Self { cert: pair.cert().clone(), pair: Some(pair), published: None }
    }
}

impl Held {
    /// Of a Secret's data, and what is wrong with it, a sentence each.
    pub fn read(data: &Data) -> (Self, Vec<String>) {
        let mut reading = Reading { data, faults: Vec::new() };
        let leaf = reading.pair("tls.crt", "tls.key").and_then(|(_, pair)| pair);
        let ca = reading.authority("ca");
        let next = reading.authority("next-ca");
        let previous = reading.previous();
        (Self { ca, next, previous, leaf }, reading.faults)
    }

    /// As a Secret's data.
    pub fn data(&self) -> Data {
        let mut data = Data::new();
        let mut put = |key: &str, text: &str| drop(data.insert(key.to_owned(), text.as_bytes().to_vec()));
        if let Some(leaf) = &self.leaf {
            put("tls.crt", leaf.cert().pem());
            put("tls.key", leaf.key().pem());
        }
        for (name, authority) in [("ca", &self.ca), ("next-ca", &self.next)] {
            let Some(Authority { cert, pair, published }) = authority else { continue };
            put(&format!("{name}.crt"), cert.pem());
            if let Some(pair) = pair {
                put(&format!("{name}.key"), pair.key().pem());
            }
            if let Some(at) = published.and_then(|at| Timestamp::from_second(at).ok()) {
                put(&format!("{name}.published"), &at.to_string());
            }
        }
        if !self.previous.is_empty() {
            put("previous-ca.crt", &self.previous.iter().map(Cert::pem).collect::<String>());
        }
        data
    }

    /// All CAs that clients should trust, the one that signs first.
    pub fn bundle(&self) -> Vec<&Cert> {
        let authorities = [&self.ca, &self.next].into_iter().flatten().map(|authority| &authority.cert);
        authorities.chain(&self.previous).collect()
    }
}

struct Reading<'d> {
    data: &'d Data,
    faults: Vec<String>,
}

impl Reading<'_> {
    /// Text under a key; an empty one is none.
    fn text(&mut self, key: &str) -> Option<String> {
        let bytes = self.data.get(key).filter(|bytes| !bytes.is_empty())?;
        let text = String::from_utf8(bytes.clone());
        if text.is_err() {
            self.faults.push(format!("{key} is no text."));
        }
        text.ok()
    }

    fn read<T>(&mut self, key: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(key)?;
        parse(&text).map_err(|why| self.faults.push(format!("{key} {why}."))).ok()
    }

    fn pair(&mut self, cert: &str, key: &str) -> Option<(Cert, Option<Pair>)> {
        let parsed = self.read(key, Key::parse);
        let certificate = self.read(cert, Cert::parse)?;
        let Some(parsed) = parsed else {
            self.faults.push(format!("There is no {key} that goes with {cert}."));
            return Some((certificate, None));
        };
        let pair = Pair::of(certificate.clone(), parsed);
        if pair.is_none() {
            self.faults.push(format!("{key} is not the key of {cert}."));
        }
        Some((certificate, pair))
    }

    fn authority(&mut self, name: &str) -> Option<Authority> {
        let (cert, pair) = self.pair(&format!("{name}.crt"), &format!("{name}.key"))?;
        let published = self.read(&format!("{name}.published"), |text| {
            text.trim().parse().map(Timestamp::as_second).map_err(|_| "is no time as in RFC 3339".to_owned())
        });
        if !cert.is_ca {
            self.faults.push(format!("{name}.crt is no CA."));
            return None;
        }
        Some(Authority { cert, pair, published })
    }

    fn previous(&mut self) -> Vec<Cert> {
        let (good, bad): (Vec<_>, Vec<_>) = self
            .text("previous-ca.crt")
            .map(|text| Cert::parse_all(&text))
            .unwrap_or_default()
            .into_iter()
            .partition(Result::is_ok);
        self.faults.extend(bad.into_iter().filter_map(Result::err).map(|why| format!("previous-ca.crt {why}.")));
        good.into_iter().flatten().filter(|cert| cert.is_ca).collect()
    }
}
