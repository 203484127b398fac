//! YAML text to an [`Outline`], by the events of granit-parser.

use super::Broken;
use super::outline::{MAX_DEPTH, MAX_NODES, Outline, Shape, Spot, Style};
use super::resolve::Tag;
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, options};
use std::collections::HashMap;

/// The one document of `text`, which stands at byte `base` of its file; no root if it holds none.
pub(super) fn outline(text: &str, base: usize) -> Result<Outline<'_>, Broken> {
    let options = options! {
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    };
    let mut growth = Growth { base, ..Growth::default() };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| unreadable(&error, base))?;
        growth.take(event, span)?;
    }
    Ok(growth.outline)
}

fn unreadable(error: &ScanError, base: usize) -> Broken {
    let at = base + error.marker().byte_offset().unwrap_or_default();
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => too_deep(at),
        ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation | ErrorKind::TabNotAllowed => {
            Broken::at(at, "The YAML cannot be read: a tab stands where YAML wants spaces.").help("Indent with spaces.")
        }
        kind => {
            let said = kind.to_string();
            let why = if said.is_empty() { format!("{kind:?}") } else { said };
            Broken::at(at, format!("The YAML cannot be read: {}.", why.trim_end_matches('.')))
        }
    }
}

/// What is nested too deep.
pub(super) fn too_deep(at: usize) -> Broken {
    Broken::at(at, format!("The document is nested more than {MAX_DEPTH} levels deep."))
}

/// An outline that is being read.
#[derive(Default)]
struct Growth<'a> {
    base: usize,
    outline: Outline<'a>,
    /// The lists and mappings that are not closed: spot, and the key that waits for its value.
    open: Vec<(usize, Option<usize>)>,
    /// The spots of anchors, and whether the node has ended.
    anchors: HashMap<usize, (usize, bool)>,
    /// The anchor of each open node, 0 for none.
    names: Vec<usize>,
}

impl<'a> Growth<'a> {
    fn take(&mut self, event: Event<'a>, span: Span) -> Result<(), Broken> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map_or(Tag::None, |tag| Tag::of(tag.core_suffix()));
                let shape = Shape::Scalar { text, style: style_of(style), tag };
                let spot = self.add(shape, span)?;
                self.anchors.insert(anchor, (spot, true));
            }
            Event::SequenceStart(_, anchor, _) => self.enter(Shape::List(Vec::new()), anchor, span)?,
            Event::MappingStart(_, anchor, _) => self.enter(Shape::Map(Vec::new()), anchor, span)?,
            Event::SequenceEnd | Event::MappingEnd => self.leave(span),
            Event::Alias(anchor) => {
                let target = self.alias(anchor, span)?;
                self.add(target, span)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn offset(&self, mark: granit_parser::Marker) -> usize {
        self.base + mark.byte_offset().unwrap_or_default()
    }

    fn alias(&self, anchor: usize, span: Span) -> Result<Shape<'a>, Broken> {
        match self.anchors.get(&anchor) {
            Some((_, false)) => Err(Broken::at(self.offset(span.start), "An anchor's value contains itself.")),
            Some((spot, true)) => Ok(match self.outline.spots.get(*spot).map(|spot| &spot.shape) {
                Some(Shape::Alias(target)) => Shape::Alias(*target),
                _ => Shape::Alias(*spot),
            }),
            None => Err(Broken::at(self.offset(span.start), "An alias names an anchor that is not there.")),
        }
    }

    /// Adds a node below the innermost open one.
    fn add(&mut self, shape: Shape<'a>, span: Span) -> Result<usize, Broken> {
        let (start, end) = (self.offset(span.start), self.offset(span.end));
        if self.outline.spots.len() >= MAX_NODES {
            return Err(Broken::at(start, format!("The document holds more than {MAX_NODES} values.")));
        }
        let spot = self.outline.push(Spot { start, end, shape });
        let Some((parent, waiting)) = self.open.last_mut() else {
            if self.outline.roots.is_empty() {
                self.outline.roots.push(spot);
                return Ok(spot);
            }
            return Err(Broken::at(start, "A second document begins without a `---` line."));
        };
        match (self.outline.spots.get_mut(*parent).map(|spot| &mut spot.shape), waiting.take()) {
            (Some(Shape::List(items)), _) => items.push(spot),
            (Some(Shape::Map(pairs)), Some(key)) => pairs.push((key, spot)),
            _ => *waiting = Some(spot),
        }
        Ok(spot)
    }

    fn enter(&mut self, shape: Shape<'a>, anchor: usize, span: Span) -> Result<(), Broken> {
        if self.open.len() > MAX_DEPTH {
            return Err(too_deep(self.offset(span.start)));
        }
        let spot = self.add(shape, span)?;
        self.anchors.insert(anchor, (spot, false));
        self.open.push((spot, None));
        self.names.push(anchor);
        Ok(())
    }

    fn leave(&mut self, span: Span) {
        let end = self.offset(span.end);
        if let Some((spot, _)) = self.open.pop()
            && let Some(spot) = self.outline.spots.get_mut(spot)
        {
            spot.end = end;
        }
        if let Some((_, ended)) = self.names.pop().and_then(|anchor| self.anchors.get_mut(&anchor)) {
            *ended = true;
        }
    }
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    }
}
