//! `truth [--only NAME] [--random N] [--seed S]`

#[derive(Debug, Default)]
pub struct Arguments {
    /// Only cases whose name contains this.
    pub only: Option<String>,
    /// So many random texts in place of the cases.
    pub random: Option<usize>,
    /// What the random texts are drawn from; by the clock if none is given.
    pub seed: Option<u64>,
}

impl Arguments {
    pub fn read() -> Self {
        let mut arguments = Self::default();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--only" => arguments.only = words.next(),
                "--random" => arguments.random = Some(number(words.next())),
                "--seed" => arguments.seed = Some(number(words.next())),
                other => panic!("`{other}` is not known; write --only NAME, --random N or --seed S"),
            }
        }
        arguments
    }
}

fn number<T: std::str::FromStr>(word: Option<String>) -> T {
    word.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("--random and --seed need a whole number"))
}
