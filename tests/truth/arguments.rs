//! `truth [--only NAME]`

#[derive(Debug, Default)]
pub struct Arguments {
    /// Only cases whose name contains this.
    pub only: Option<String>,
}

impl Arguments {
    pub fn read() -> Self {
        let mut arguments = Self::default();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--only" => arguments.only = words.next(),
                other => panic!("`{other}` is not known; write --only NAME"),
            }
        }
        arguments
    }
}
