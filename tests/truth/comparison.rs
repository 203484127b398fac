//! One text, attached and compared.

use super::cases::Case;
use super::harm::{Harms, harms};
use super::lab::Lab;
use super::places;
use super::reading::{Reading, reading};
use super::said::Said;

/// What came of a text.
#[derive(Debug)]
pub struct Comparison {
    pub reading: Reading,
    pub harms: Harms,
}

impl Comparison {
    /// Attaches a pod and asks the program.
    pub fn of(lab: &mut Lab, case: &Case) -> Self {
        let said = lab.timed("preview and check", |_| Said::of(case));
        let observed = lab.attach(case, |observed| places::drawn(&said, observed));
        Self { reading: reading(&said, &observed), harms: harms(&said, &observed) }
    }

    /// A line each; none if we are right.
    pub fn differences(&self) -> Vec<String> {
        [self.reading.differences.clone(), self.harms.missed.clone()].concat()
    }
}
