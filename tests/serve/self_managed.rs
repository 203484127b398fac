//! Self-managed certificates: a simulation of several lives of the CA, single looks, and a server that shows the leaf.

use crate::client::{config, connect};
use crate::server::{NAME, Options, Running};
use crate::simulation::{CA, Counts, LEAF, LIVES, SETTLE, clocks, names, runs};
use kubevirt_preflight::serve::certificates::clocks::Clocks;
use kubevirt_preflight::serve::certificates::held::{Data, Held};
use kubevirt_preflight::serve::certificates::pair::{Cert, Shown};
use kubevirt_preflight::serve::certificates::{Seen, Step, step, trust};
use rustls::pki_types::ServerName;
use std::sync::Arc;

const NOW: i64 = 1_800_000_000;

/// One replica with nobody else, which does at once what it is to do.
struct Alone {
    entries: Vec<Vec<u8>>,
    secret: Option<Data>,
    shown: Option<Shown>,
    now: i64,
}

impl Alone {
    /// In a cluster where nothing is yet.
    fn new(now: i64) -> Self {
        Self { entries: vec![Vec::new(); 2], secret: None, shown: None, now }
    }

    fn look(&mut self) -> Step {
        let names = names();
        let Self { entries, secret, shown, now } = &*self;
        let seen = Seen { entries, secret: secret.as_ref(), shown: shown.as_ref(), names: &names, now: *now };
        let step = step(&seen, &Clocks::default()).unwrap();
        self.secret = step.write.clone().or(self.secret.take());
        if let Some(bundle) = &step.publish {
            self.entries.fill(bundle.clone().into_bytes());
        }
        self.shown = step.show.clone().or(self.shown.take());
        step
    }

    /// Looks until there is nothing to do.
    fn rest(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        for _ in 0..10 {
            let step = self.look();
            told.extend(step.told);
            if step.write.is_none() && step.publish.is_none() && step.show.is_none() {
                return told;
            }
        }
        panic!("no rest: {told:?}");
    }

    fn held(&self) -> Held {
        Held::read(self.secret.as_ref().unwrap()).0
    }

    fn bundle(&self) -> Vec<Cert> {
        Cert::parse_all(std::str::from_utf8(&self.entries[0]).unwrap()).into_iter().map(Result::unwrap).collect()
    }
}

#[test]
fn the_first_leaf_is_shown_once_its_ca_is_published() {
    let mut alone = Alone::new(NOW);
    let first = alone.look();
    assert!(first.write.is_some() && first.publish.is_none() && first.show.is_none(), "{first:?}");
    let second = alone.look();
    assert!(second.publish.is_some() && second.show.is_none(), "{second:?}");
    let third = alone.look();
    assert!(third.show.is_some() && third.write.is_some(), "{third:?}");
    let rest = alone.look();
    assert_eq!((rest.write, rest.publish, rest.show, rest.told.len()), (None, None, None, 0));
    assert_eq!(rest.look_again, Clocks::default().look());
    let (held, faults) = Held::read(&alone.held().data());
    assert_eq!((held, faults), (alone.held(), Vec::new()));
}

#[test]
fn the_old_ca_stays_beside_the_new_until_it_ends() {
    let mut alone = Alone::new(NOW);
    alone.rest();
    let old = alone.held().ca.unwrap().cert;
    alone.now += 60 * 24 * 3600;
    assert_eq!(alone.rest(), ["The leaf is renewed."]);
    assert_eq!(alone.held().ca.unwrap().cert, old);
    // 245 days after the start the CA is due; in between the leaf would have been renewed some more.
    alone.now = NOW + 245 * 24 * 3600;
    alone.rest();
    let next = alone.held().next.unwrap().cert;
    assert_eq!(alone.bundle(), [old.clone(), next.clone()]);
    assert_eq!(alone.shown.as_ref().unwrap().ca, old);
    alone.now += 3599;
    assert_eq!(alone.rest(), [""; 0], "it has not been published for long enough");
    alone.now += 1;
    alone.rest();
    assert_eq!(alone.shown.as_ref().unwrap().ca, next);
    assert_eq!(alone.bundle(), [next.clone(), old.clone()]);
    let text = String::from_utf8(alone.secret.clone().unwrap().into_values().flatten().collect()).unwrap();
    assert_eq!(text.matches("PRIVATE KEY-----").count(), 4, "the leaf's and the CA's: begin and end");
    alone.now = old.validity.not_after + 301;
    alone.rest();
    assert_eq!(alone.bundle(), [next]);
}

#[test]
fn where_nothing_can_be_published_the_ca_is_used_to_its_end() {
    let mut alone = Alone::new(NOW);
    alone.rest();
    let (entries, ca) = (alone.entries.clone(), alone.held().ca.unwrap().cert);
    let mut writes = 0;
    while alone.now < ca.validity.not_after {
        alone.now += 3600;
        writes += i32::from(alone.look().write.is_some());
        alone.entries.clone_from(&entries);
        let shown = alone.shown.as_ref().unwrap();
        let fault = trust::fault(shown.leaf.cert(), [&ca], &names(), alone.now.min(ca.validity.not_after));
        assert_eq!(fault, None, "{} days after the start", (alone.now - NOW) / 86_400);
    }
    // A leaf every 60 days, the last one to the end of the CA, and the next CA, which waits.
    assert!((5..=9).contains(&writes), "{writes}");
}

#[test]
fn after_a_long_absence_the_next_ca_does_not_wait_for_what_ends() {
    let mut alone = Alone::new(NOW);
    alone.rest();
    let ca = alone.held().ca.unwrap().cert;
    // Somebody starts it every 59 days, and then ten minutes before the end of all.
    for days in [59, 118, 177] {
        alone.now = NOW + days * 86_400;
        alone.rest();
    }
    for days in [240, 300, 330] {
        let (entries, now) = (alone.entries.clone(), NOW + days * 86_400);
        alone.now = now;
        alone.look();
        alone.entries = entries;
    }
    alone.now = ca.validity.not_after - 600;
    alone.rest();
    assert_eq!(alone.shown.as_ref().unwrap().ca, ca);
    alone.now += 301;
    alone.rest();
    assert_ne!(alone.shown.as_ref().unwrap().ca, ca, "the old leaf has 299 s left");
    assert!(alone.bundle().contains(&ca));
}

#[test]
fn a_replica_with_a_trusted_leaf_waits_where_the_ca_is_lost() {
    let mut alone = Alone::new(NOW);
    alone.rest();
    let old = alone.shown.clone().unwrap();
    alone.secret = None;
    let told = alone.rest();
    assert!(told[0].contains("no CA to sign with; there is a new one"), "{told:?}");
    assert_eq!(alone.shown.as_ref(), Some(&old), "API servers may not know the new CA yet");
    assert_eq!(alone.bundle(), [alone.held().ca.unwrap().cert, old.ca.clone()]);
    alone.now += 3600;
    alone.rest();
    assert_ne!(alone.shown.as_ref(), Some(&old));
}

#[test]
fn what_is_wrong_with_the_secret_is_told_and_never_the_key() {
    let mut alone = Alone::new(NOW);
    alone.rest();
    let secret = alone.secret.clone().unwrap();
    let cases: [(&str, &[u8], &str); 5] = [
        ("tls.key", &secret["ca.key"], "tls.key is not the key of tls.crt"),
        ("tls.key", b"-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----", "tls.key holds no private key"),
        ("tls.crt", b"\xff", "tls.crt is no text"),
        ("ca.crt", &secret["tls.crt"], "ca.crt is no CA"),
        ("ca.published", b"yesterday", "ca.published is no time"),
    ];
    for (key, value, word) in cases {
        let mut edited = Alone { secret: Some(secret.clone()), entries: alone.entries.clone(), ..Alone::new(NOW) };
        edited.secret.as_mut().unwrap().insert(key.to_owned(), value.to_vec());
        let told = edited.rest().join(" ");
        assert!(told.contains(word) && !told.contains("SECRET"), "{told}");
        assert_eq!(edited.look().told, [""; 0], "{key} is mended");
    }
    assert!(!format!("{:?}", alone.held()).contains("PRIVATE"));
}

#[tokio::test]
async fn a_server_shows_the_leaf_from_memory() {
    let running = Running::start(Options::default()).await;
    let mut alone = Alone::new(jiff::Timestamp::now().as_second());
    alone.rest();
    let shown = alone.shown.clone().unwrap();
    let tls = shown.tls(None).unwrap();
    assert_eq!((tls.leaf, tls.ca), (shown.leaf.cert().validity, Some(shown.ca.validity)));
    running.tls.send_replace(Some(Arc::new(tls)));
    assert_eq!(names(), [ServerName::try_from(NAME).unwrap()]);
    let trusting = |ca: &Cert| config(ca.der().clone(), "h2", None);
    connect(running.addresses.bind, trusting(&shown.ca), NAME).await.unwrap();
    assert!(connect(running.addresses.bind, trusting(&shown.ca), "other.kubevirt.svc").await.is_err());
    assert!(connect(running.addresses.bind, config(running.ca.der(), "h2", None), NAME).await.is_err());
}

/// Of `LIVES` lives: each CA costs its making, its mark, its turn and its end; each leaf one write.
const CAS: i64 = LIVES * CA.0 / (CA.0 - CA.1) + 1;
const LEAVES: i64 = LIVES * CA.0 / (LEAF.0 - LEAF.1) + 1;

fn few(seed: u64, counts: &Counts) {
    let Counts { writes, conflicts, publications, edits, .. } = *counts;
    assert!(writes <= 4 * CAS + LEAVES + 6 * edits, "seed {seed}: {counts:?}");
    assert!(publications <= 3 * CAS + 4 * edits, "seed {seed}: {counts:?}");
    // Three replicas at most: two of them lose.
    assert!(conflicts <= 4 * (writes + publications), "seed {seed}: {counts:?}");
}

#[test]
fn every_leaf_shown_is_trusted_over_several_lives_of_the_ca() {
    let (good, bad) = runs(0..60, clocks(SETTLE), false);
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    for (seed, counts) in &good {
        few(*seed, counts);
        assert!(counts.writes >= CAS, "seed {seed}: nothing was renewed: {counts:?}");
    }
    assert!(good.iter().map(|(_, counts)| counts.verified).sum::<u64>() > 6_000);
}

#[test]
fn what_people_edit_is_mended_and_no_leaf_is_refused_meanwhile() {
    let (good, bad) = runs(1_000..1_060, clocks(SETTLE), true);
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    for (seed, counts) in &good {
        few(*seed, counts);
    }
}

#[test]
fn the_simulation_sees_a_ca_that_signs_too_early() {
    let (_, bad) = runs(2_000..2_010, clocks(0), false);
    assert!(bad.iter().any(|why| why.contains("is refused")), "{bad:?}");
}
