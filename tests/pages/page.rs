//! A rule's page as text: title, summary, headings, and the fenced blocks that are run as tests.

/// What every page has, in this order.
pub(crate) const HEADINGS: [&str; 5] = ["What it flags", "Why it breaks migration", "Example", "Fix", "Limits"];

/// The webhook entries that a page can name.
const ENTRIES: [&str; 4] = ["network", "settings", "attachments", "networks"];

/// What a fence can say after its kind: `as-above` adds the documents of the page's first block whose kind the block
/// has none of, `complete` says that the objects are all there are, `today` sets the day.
const OPTIONS: [&str; 4] = ["all-nads", "as-above", "complete", "today"];

/// A page taken apart.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) headings: Vec<String>,
    /// The section "What it flags".
    pub(crate) flags: String,
    pub(crate) limits: String,
    pub(crate) blocks: Vec<Block>,
    /// Fences that are no test.
    pub(crate) strays: Vec<String>,
}

/// A fenced block: a stream of YAML documents with the findings that they must give as comments.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) kind: Kind,
    pub(crate) options: Vec<(String, String)>,
    /// 1-based line of the fence in the page.
    pub(crate) line: usize,
    pub(crate) documents: Vec<Text>,
    /// Findings about an object that is not in the block any more.
    pub(crate) gone: Vec<Mark>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A state.
    World,
    /// The state before a write.
    Before,
    /// The state after the write, whose findings count.
    After,
}

/// One YAML document of a block.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) marks: Vec<Mark>,
}

/// `deny pod-network-overlap`
pub(crate) type Mark = String;

impl Block {
    pub(crate) fn has(&self, option: &str) -> bool {
        self.option(option).is_some()
    }

    pub(crate) fn option(&self, option: &str) -> Option<&str> {
        self.options.iter().find(|(key, _)| key == option).map(|(_, value)| value.as_str())
    }

    /// Every finding that the block must give.
    pub(crate) fn marks(&self) -> impl Iterator<Item = &Mark> {
        self.documents.iter().flat_map(|document| &document.marks).chain(&self.gone)
    }

    /// How many findings of the rule it must give.
    pub(crate) fn count(&self, rule: &str) -> usize {
        self.marks().filter(|mark| mark.split(' ').nth(1) == Some(rule)).count()
    }
}

impl Text {
    fn of(text: &str) -> Self {
        Self { text: text.to_owned(), marks: text.lines().flat_map(marks).collect() }
    }

    /// The value of a key that stands at the start of a line.
    pub(crate) fn top(&self, key: &str) -> Option<&str> {
        let value = self.text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))?;
        value.split(" #").next().map(str::trim)
    }
}

/// The findings that the comments of a line name.
fn marks(line: &str) -> impl Iterator<Item = Mark> {
    line.split("# ").skip(1).filter_map(|comment| {
        let (level, rule) = comment.trim().split_once(": ")?;
        matches!(level, "deny" | "warn").then(|| format!("{level} {rule}"))
    })
}

impl Page {
    pub(crate) fn of(text: &str) -> Self {
        let mut page = Self {
            title: text.lines().next().unwrap_or_default().trim_start_matches("# ").to_owned(),
            summary: text.split("\n\n").nth(1).unwrap_or_default().to_owned(),
            headings: Vec::new(),
            flags: section(text, "What it flags"),
            limits: section(text, "Limits"),
            blocks: Vec::new(),
            strays: Vec::new(),
        };
        let mut open: Option<(usize, &str, Vec<&str>)> = None;
        for (at, line) in text.lines().enumerate() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(info)) => open = Some((at + 1, info, Vec::new())),
                (Some(_), Some(_)) => page.close(open.take()),
                (Some((.., lines)), None) => lines.push(line),
                (None, None) => page.headings.extend(line.strip_prefix("## ").map(str::to_owned)),
            }
        }
        page.close(open);
        page
    }

    fn close(&mut self, open: Option<(usize, &str, Vec<&str>)>) {
        let Some((line, info, lines)) = open else { return };
        match block(line, info, &lines.join("\n")) {
            Some(block) => self.blocks.push(block),
            None => self
                .strays
                .push(format!("line {line}: a fence must be `yaml world`, `before` or `after`, with known options")),
        }
    }

    /// What the page of `rule` lacks.
    pub(crate) fn lacks(&self, rule: &str) -> Vec<String> {
        let sentence = self.summary.ends_with('.') && !self.summary.trim_end_matches('.').contains(". ");
        let entries = self.limits.split("Webhook entry `").skip(1).filter_map(|rest| rest.split('`').next());
        let entries: Vec<_> = entries.collect();
        let told = !entries.is_empty() || self.limits.contains("No webhook entry:");
        let checks = [
            (self.title == rule, format!("the title is `{}`", self.title)),
            (sentence, "the summary is not one sentence".to_owned()),
            (self.headings == HEADINGS, format!("the headings are {:?}", self.headings)),
            (self.blocks.iter().any(|block| block.count(rule) > 0), "no block offends".to_owned()),
            (self.blocks.iter().any(|block| block.count(rule) > 1), "no block has two offenders".to_owned()),
            (self.tests().any(|block| block.marks().next().is_none()), "no block is clean".to_owned()),
            (self.flags.contains("subject of a finding"), "it does not say what the subject is".to_owned()),
            (told && entries.iter().all(|entry| ENTRIES.contains(entry)), format!("entries {entries:?}")),
        ];
        let missing = checks.into_iter().filter(|(holds, _)| !holds).map(|(_, what)| what);
        missing.chain(self.strays.iter().cloned()).collect()
    }

    /// The blocks whose findings count.
    pub(crate) fn tests(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| block.kind != Kind::Before)
    }

    /// The documents of a block; with `as-above` also those of the page's first block whose kind it does not have.
    pub(crate) fn documents(&self, block: &Block) -> Vec<Text> {
        let own: Vec<_> = block.documents.iter().filter_map(|document| document.top("kind")).collect();
        let first = self.blocks.first().filter(|_| block.has("as-above"));
        let above = first.into_iter().flat_map(|first| &first.documents);
        let above = above.filter(|document| document.top("kind").is_some_and(|kind| !own.contains(&kind)));
        let above = above.map(|document| Text { text: document.text.clone(), marks: Vec::new() });
        block.documents.iter().cloned().chain(above).collect()
    }
}

/// The text under a heading, on one line.
fn section(text: &str, heading: &str) -> String {
    let rest = text.split_once(&format!("## {heading}\n")).map_or("", |(_, rest)| rest);
    rest.split("\n## ").next().unwrap_or_default().replace('\n', " ")
}

fn block(line: usize, info: &str, text: &str) -> Option<Block> {
    let mut words = info.split(' ');
    let kind = match (words.next(), words.next()) {
        (Some("yaml"), Some("world")) => Kind::World,
        (Some("yaml"), Some("before")) => Kind::Before,
        (Some("yaml"), Some("after")) => Kind::After,
        _ => return None,
    };
    let options: Vec<_> = words.map(|word| word.split_once('=').unwrap_or((word, ""))).collect();
    if !options.iter().all(|(key, _)| OPTIONS.contains(key)) {
        return None;
    }
    let is_mark = |line: &&str| kind == Kind::After && line.starts_with("# ");
    let gone = text.lines().take_while(is_mark).flat_map(marks).collect();
    let rest: Vec<_> = text.lines().skip_while(is_mark).collect();
    let rest = format!("{}\n", rest.join("\n"));
    let documents = rest.split("---\n").filter(|text| !text.trim().is_empty()).map(Text::of).collect();
    let options = options.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Some(Block { kind, options, line, documents, gone })
}
