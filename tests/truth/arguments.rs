//! `truth [--only NAME] [--random N] [--seed S]`

use std::str::FromStr;

#[derive(Debug, Default)]
pub struct Arguments {
    /// Only cases whose name contains this.
    pub only: Option<String>,
    /// How many texts are drawn at random.
    pub random: usize,
    /// What they are drawn from; another one for every run, unless given.
    pub seed: Option<u64>,
}

impl Arguments {
    pub fn read() -> Self {
        let mut arguments = Self::default();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--only" => arguments.only = words.next(),
                "--random" => arguments.random = number(&word, words.next()),
                "--seed" => arguments.seed = Some(number(&word, words.next())),
                other => panic!("`{other}` is not known; write --only NAME, --random N or --seed S"),
            }
        }
        arguments
    }
}

fn number<T: FromStr>(flag: &str, word: Option<String>) -> T {
    word.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{flag} takes a whole number"))
}
