//! Replicas with self-managed certificates over several lives of the CA: interleaved at random, they crash and stall, their
//! reads lag, their clocks differ, and people edit what they should not. All of it from a seed.

use kubevirt_preflight::serve::certificates::clocks::{Clocks, Life};
use kubevirt_preflight::serve::certificates::held::{Data, Held};
use kubevirt_preflight::serve::certificates::pair::{Cert, Shown};
use kubevirt_preflight::serve::certificates::{Seen, Step, issue, step, trust};
use kubevirt_preflight::serve::tls::Validity;
use rustls::pki_types::ServerName;
use std::collections::HashMap;
use std::time::Duration;

/// When the simulation begins, in Unix time.
const START: i64 = 1_800_000_000;
/// A replica's reading of the webhook entries is this old at most.
const LAG: i64 = 10;
/// An API server's is.
const API_LAG: i64 = 60;
/// Clocks are this wrong at most.
const SKEW: i64 = 60;
pub const SETTLE: i64 = 600;
const LOOK: i64 = 1_000;
pub const CA: (i64, i64) = (16_000, 5_000);
pub const LEAF: (i64, i64) = (6_000, 2_000);
pub const LIVES: i64 = 3;

pub fn clocks(settle: i64) -> Clocks {
    let seconds = |seconds: i64| Duration::from_secs(u64::try_from(seconds).unwrap());
    let life = |(lasts, ahead)| Life { lasts: seconds(lasts), renewed_ahead: seconds(ahead) };
    Clocks::new(life(CA), life(LEAF), seconds(settle), seconds(LOOK)).unwrap()
}

pub fn names() -> Vec<ServerName<'static>> {
    vec![ServerName::try_from("preflight.kubevirt.svc").unwrap()]
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `most`.
    fn upto(&mut self, most: i64) -> i64 {
        i64::try_from(self.roll() % u64::try_from(most + 1).unwrap()).unwrap()
    }

    fn one_in(&mut self, count: i64) -> bool {
        self.upto(count - 1) == 0
    }
}

/// A state of the webhook configuration.
#[derive(Clone)]
struct Version {
    since: i64,
    entries: Vec<Vec<u8>>,
    by_hand: bool,
}

/// Where a replica is in its look.
enum Doing {
    Resting,
    /// The version of the entries that was read.
    ReadEntries(usize),
    /// It has decided, on this version of the entries and of the Secret.
    Decided(usize, u64, Box<Step>),
    Written(usize, Box<Step>),
}

struct Replica {
    skew: i64,
    at: i64,
    doing: Doing,
    shown: Option<Shown>,
    /// How often it has shown another leaf.
    shows: u64,
    up_since: i64,
    /// Until then it may show a leaf that API servers do not know yet, for it has nothing else.
    fresh_until: i64,
}

#[derive(Default, Debug)]
pub struct Counts {
    pub writes: i64,
    pub conflicts: i64,
    pub publications: i64,
    pub edits: i64,
    pub verified: u64,
}

struct Cluster {
    dice: Dice,
    clocks: Clocks,
    now: i64,
    secret: Option<Data>,
    version: u64,
    configuration: Vec<Version>,
    replicas: Vec<Replica>,
    api_skew: i64,
    edited: i64,
    counts: Counts,
    /// When a replica's leaf, the so many-th, was last verified under a version of the configuration.
    verified: HashMap<(usize, u64, usize), i64>,
}

impl Cluster {
    fn new(seed: u64, clocks: Clocks) -> Self {
        let mut dice = Dice(seed);
        let replicas = (0..=dice.upto(2)).map(|_| Replica {
            skew: dice.upto(2 * SKEW) - SKEW,
            at: START + dice.upto(20),
            doing: Doing::Resting,
            shown: None,
            shows: 0,
            up_since: START,
            fresh_until: START,
        });
        let replicas = replicas.collect();
        let api_skew = dice.upto(2 * SKEW) - SKEW;
        // As a chart makes it: two entries that trust nobody yet.
        let configuration = vec![Version { since: START, entries: vec![Vec::new(); 2], by_hand: true }];
        let (secret, version, counts, verified) = (None, 0, Counts::default(), HashMap::new());
        Self {
            dice,
            clocks,
            now: START,
            secret,
            version,
            configuration,
            replicas,
            api_skew,
            edited: START,
            counts,
            verified,
        }
    }

    /// Lets time pass to the end; an error says what went wrong, and when.
    fn run(mut self, edits: bool) -> Result<Counts, String> {
        let end = START + LIVES * CA.0;
        let mut edit = if edits { START + 3_000 } else { i64::MAX };
        loop {
            let turn = (0..self.replicas.len()).min_by_key(|i| self.replicas[*i].at).unwrap();
            let at = self.replicas[turn].at.min(edit);
            if at > end {
                return Ok(self.counts);
            }
            self.now = self.now.max(at);
            if at == edit {
                self.edit();
                edit = self.now + 2_500 + self.dice.upto(4_000);
            } else {
                self.act(turn);
            }
            self.check().map_err(|why| format!("{} s after the start: {why}", self.now - START))?;
        }
    }

    fn pause(&mut self) -> i64 {
        match self.dice.upto(99) {
            0 => self.dice.upto(400),
            1..10 => self.dice.upto(30),
            _ => self.dice.upto(2),
        }
    }

    /// The next thing that a replica does; one in two hundred times it crashes instead.
    fn act(&mut self, turn: usize) {
        let pause = self.pause();
        if self.dice.one_in(200) {
            let down = if self.dice.one_in(10) { self.dice.upto(20_000) } else { self.dice.upto(60) };
            let at = self.now + down;
            let replica = &mut self.replicas[turn];
            *replica = Replica { at, doing: Doing::Resting, shown: None, up_since: at, fresh_until: 0, ..*replica };
            return;
        }
        let doing = std::mem::replace(&mut self.replicas[turn].doing, Doing::Resting);
        let (doing, pause) = match doing {
            Doing::Resting => (Doing::ReadEntries(self.lagging()), pause),
            Doing::ReadEntries(read) => {
                let step = self.decide(turn, read);
                (Doing::Decided(read, self.version, Box::new(step)), pause)
            }
            Doing::Decided(read, version, step) => {
                self.write(version, step.write.clone());
                (Doing::Written(read, step), pause)
            }
            Doing::Written(read, step) => {
                self.publish(read, step.publish.as_deref());
                self.show(turn, step.show);
                (Doing::Resting, i64::try_from(step.look_again.as_secs()).unwrap() + pause)
            }
        };
        let replica = &mut self.replicas[turn];
        (replica.doing, replica.at) = (doing, self.now + pause);
    }

    /// The number of a version that was current not long ago.
    fn lagging(&mut self) -> usize {
        let at = self.now - self.dice.upto(LAG);
        self.configuration.iter().rposition(|version| version.since <= at).unwrap_or(0)
    }

    fn decide(&self, turn: usize, read: usize) -> Step {
        let replica = &self.replicas[turn];
        let names = names();
        let seen = Seen {
            entries: &self.configuration[read].entries,
            secret: self.secret.as_ref(),
            shown: replica.shown.as_ref(),
            names: &names,
            now: self.now + replica.skew,
        };
        step(&seen, &self.clocks).unwrap()
    }

    fn write(&mut self, version: u64, data: Option<Data>) {
        let Some(data) = data else { return };
        if version == self.version {
            (self.secret, self.version) = (Some(data), version + 1);
            self.counts.writes += 1;
        } else {
            self.counts.conflicts += 1;
        }
    }

    fn publish(&mut self, read: usize, bundle: Option<&str>) {
        let Some(bundle) = bundle else { return };
        if read + 1 == self.configuration.len() {
            let entries = vec![bundle.as_bytes().to_vec(); 2];
            self.configuration.push(Version { since: self.now, entries, by_hand: false });
            self.counts.publications += 1;
        } else {
            self.counts.conflicts += 1;
        }
    }

    fn show(&mut self, turn: usize, show: Option<Shown>) {
        let Some(shown) = show else { return };
        let held = Held::read(self.secret.as_ref().unwrap_or(&Data::new())).0;
        let settled = held.ca.and_then(|ca| ca.published).is_some_and(|at| at + SETTLE + 2 * SKEW <= self.now);
        let replica = &mut self.replicas[turn];
        if replica.shown.is_none() && !settled {
            replica.fresh_until = self.now + API_LAG;
        }
        replica.shows += 1;
        replica.shown = Some(shown);
    }

    /// What must hold at every moment.
    fn check(&mut self) -> Result<(), String> {
        let now = self.now;
        let last = self.configuration.len() - 1;
        let current = |i: &usize| self.configuration.get(i + 1).is_none_or(|next| next.since + API_LAG >= now);
        let held = (0..=last).rev().take_while(current).filter(|i| !self.configuration[*i].by_hand).collect::<Vec<_>>();
        for turn in 0..self.replicas.len() {
            let replica = &self.replicas[turn];
            // Two looks and the longest stall: by then whatever was edited is mended.
            let calm = now - self.edited.max(replica.up_since) > 2 * LOOK + 2_000;
            if calm && replica.shown.is_none() {
                return Err(format!("replica {turn} shows no leaf"));
            }
            if calm && self.configuration[last].by_hand {
                return Err("the bundle is still as somebody has edited it".to_owned());
            }
            if replica.shown.is_some() && now > replica.fresh_until {
                for version in &held {
                    let Err(why) = self.verify(turn, *version) else { continue };
                    // All were down until the leaf was about to end.
                    let late = now - self.replicas[turn].up_since < 1_000 && why.contains("expired");
                    if !late {
                        return Err(format!("replica {turn} is refused: {why}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// As an API server does. What was verified within the last minutes is not verified again.
    fn verify(&mut self, turn: usize, version: usize) -> Result<(), String> {
        let (replica, now) = (&self.replicas[turn], self.now);
        let Some(shown) = &replica.shown else { return Ok(()) };
        let key = (turn, replica.shows, version);
        if self.verified.get(&key).is_some_and(|at| now - at < 200) {
            return Ok(());
        }
        let leaf = shown.leaf.cert();
        let mut entries = self.configuration[version].entries.clone();
        entries.dedup();
        for bundle in entries {
            let text = String::from_utf8(bundle).unwrap();
            let bundle: Vec<_> = Cert::parse_all(&text).into_iter().map(Result::unwrap).collect();
            if let Some(fault) = trust::fault(leaf, &bundle, &names(), now + self.api_skew) {
                return Err(format!("{fault}; leaf {leaf:?} under {bundle:?}"));
            }
        }
        self.counts.verified += 1;
        self.verified.insert(key, now);
        Ok(())
    }

    /// Somebody edits the Secret or the webhook configuration.
    fn edit(&mut self) {
        self.counts.edits += 1;
        self.edited = self.now;
        let edit = self.dice.upto(14);
        if edit >= 11 {
            let mut entries = self.configuration.last().unwrap().entries.clone();
            match edit {
                11 => entries.fill(Vec::new()),
                12 => entries[0] = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec(),
                13 => {
                    let half = entries[1].len() / 2;
                    entries[1].truncate(half);
                }
                _ => {
                    let validity = Validity { not_before: self.now, not_after: self.now + 100_000 };
                    let foreign = issue::ca(validity).unwrap();
                    entries[1].extend_from_slice(foreign.cert().pem().as_bytes());
                }
            }
            self.configuration.push(Version { since: self.now, entries, by_hand: true });
            return;
        }
        let Some(mut data) = self.secret.take() else { return };
        let held = Held::read(&data).0;
        let mut put = |key: &str, text: &str| drop(data.insert(key.to_owned(), text.as_bytes().to_vec()));
        let leaf = |names: &str, not_after| {
            let pair = held.ca.as_ref()?.pair.as_ref()?;
            let validity = Validity { not_before: START - 400, not_after };
            Some(issue::leaf(&[ServerName::try_from(names.to_owned()).unwrap()], validity, pair).unwrap())
        };
        match edit {
            0 => data.clear(),
            1 => put("tls.key", held.ca.as_ref().and_then(|ca| ca.pair.as_ref()).map_or("", |pair| pair.key().pem())),
            2 => put("tls.crt", "no PEM"),
            3 => put("ca.key", ""),
            4 => put("ca.crt", "-----BEGIN CERTIFICATE-----\nno base64\n-----END CERTIFICATE-----"),
            5 => data.values_mut().for_each(|value| value.fill(0xff)),
            6 => put("next-ca.crt", "no PEM"),
            7 => put("next-ca.published", "9999-12-30T00:00:00Z"),
            8 => put("ca.published", "yesterday"),
            9 | 10 => {
                let (name, end) = if edit == 9 {
                    ("another.kubevirt.svc", self.now + 4_000)
                } else {
                    ("preflight.kubevirt.svc", self.now - 300)
                };
                if let Some(pair) = leaf(name, end) {
                    put("tls.crt", pair.cert().pem());
                    put("tls.key", pair.key().pem());
                }
            }
            _ => unreachable!(),
        }
        self.secret = Some(data).filter(|data| !data.is_empty());
        self.version += 1;
    }
}

/// Runs of these seeds, on two threads; all that went wrong.
pub fn runs(seeds: std::ops::Range<u64>, clocks: Clocks, edits: bool) -> (Vec<(u64, Counts)>, Vec<String>) {
    let half = |parity: u64| {
        let seeds = seeds.clone().filter(move |seed| seed % 2 == parity);
        std::thread::spawn(move || -> Vec<_> {
            seeds.map(|seed| (seed, Cluster::new(seed, clocks).run(edits))).collect()
        })
    };
    let halves = [half(0), half(1)];
    let all = halves.into_iter().flat_map(|half| half.join().unwrap());
    let (good, bad): (Vec<_>, Vec<_>) = all.partition(|(_, result)| result.is_ok());
    let bad = bad.into_iter().map(|(seed, result)| format!("seed {seed}: {}", result.unwrap_err()));
    (good.into_iter().map(|(seed, result)| (seed, result.unwrap())).collect(), bad.collect())
}
