//! YAML text → a tree of [`Value`] whose origins tell the line and how a number was written.
//!
//! Built on the parser's events rather than on its loader: no recursion, so nothing overflows; aliases are expanded under
//! a bound; a key that is given twice is a mistake; a tag, which would change a scalar's type, is another.

use super::mistakes::{Collector, MistakePlace, quoted, shown_key};
use config::{Map, Value, ValueKind};
use std::collections::HashMap;
use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::scanner::{Marker, ScanError, TScalarStyle};
use yaml_rust2::yaml::Yaml;

/// Deeper than any key path of ours; keeps the tree's own recursion (drop, clone) shallow.
const MAX_DEPTH: usize = 16;
/// Ten thousand organisations with everything given for each; bounds what aliases can expand to.
const MAX_NODES: usize = 1_000_000;

/// Reads one document. Notes mistakes and gives `None` when there is no tree to walk.
pub(super) fn read(text: &str, mistakes: &Collector) -> Option<Value> {
    let mut tree =
        Tree { mistakes, frames: Vec::new(), anchors: HashMap::new(), nodes: 0, root: None };
    let mut parser = Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut documents = 0;
    loop {
        let (event, mark) = match parser.next_token() {
            Ok(next) => next,
            Err(error) => return tree.not_yaml(&error),
        };
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart => {
                documents += 1;
                if documents > 1 {
                    return tree.stop(
                        mark,
                        "found a second YAML document; a configuration is one document",
                    );
                }
            }
            Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => {
                return tree.stop(
                    mark,
                    "found a YAML tag; write text in quotes and everything else as it is",
                );
            }
            Event::Scalar(text, style, anchor, None) => tree.scalar(text, style, anchor, mark)?,
            Event::SequenceStart(anchor, None) => {
                tree.open(anchor, mark, Inside::List(Vec::new()))?
            }
            Event::MappingStart(anchor, None) => {
                tree.open(anchor, mark, Inside::Table { read: Map::new(), key: None })?
            }
            Event::SequenceEnd | Event::MappingEnd => tree.close(mark)?,
            Event::Alias(anchor) => tree.alias(anchor, mark)?,
        }
    }
    Some(tree.root.unwrap_or_else(|| value(1, "", ValueKind::Table(Map::new()))))
}

/// What a value's origin tells: its line and, for a scalar that YAML read as something else than text, how it was written.
pub(super) fn origin(value: &Value) -> (MistakePlace, &str) {
    let (line, written) = value.origin().unwrap_or_default().split_once(' ').unwrap_or_default();
    (line.parse().map_or(MistakePlace::Whole, MistakePlace::Line), written)
}

fn value(line: usize, written: &str, kind: ValueKind) -> Value {
    Value::new(Some(&format!("{line} {written}")), kind)
}

/// A list or mapping that is still open.
struct YamlFrame {
    line: usize,
    anchor: usize,
    nodes_before: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Value>),
    Table { read: Map<String, Value>, key: Option<String> },
}

struct Tree<'m> {
    mistakes: &'m Collector,
    frames: Vec<YamlFrame>,
    anchors: HashMap<usize, (Value, usize)>,
    nodes: usize,
    root: Option<Value>,
}

impl Tree<'_> {
    fn path(&self) -> String {
        let mut path = String::new();
        for frame in &self.frames {
            match &frame.inside {
                Inside::List(items) => path.extend(["[", &items.len().to_string(), "]"]),
                Inside::Table { key: Some(key), .. } => {
                    path.extend([if path.is_empty() { "" } else { "." }, &shown_key(key)]);
                }
                Inside::Table { key: None, .. } => {}
            }
        }
        path
    }

    fn stop<T>(&self, mark: Marker, says: &str) -> Option<T> {
        self.mistakes.add(MistakePlace::Line(mark.line()), self.path(), says);
        None
    }

    fn not_yaml<T>(&self, error: &ScanError) -> Option<T> {
        let mark = error.marker();
        self.stop(*mark, &format!("not YAML at column {}: {}", mark.col() + 1, error.info()))
    }

    fn open(&mut self, anchor: usize, mark: Marker, inside: Inside) -> Option<()> {
        if self.expects_key() {
            return self.stop(mark, "found a list or mapping as a key; keys are text");
        }
        if self.frames.len() >= MAX_DEPTH {
            return self.stop(mark, "nested deeper than any key of a configuration");
        }
        let nodes_before = self.nodes;
        self.frames.push(YamlFrame { line: mark.line(), anchor, nodes_before, inside });
        Some(())
    }

    fn close(&mut self, mark: Marker) -> Option<()> {
        let frame = self.frames.pop()?;
        let kind = match frame.inside {
            Inside::List(items) => ValueKind::Array(items),
            Inside::Table { read, .. } => ValueKind::Table(read),
        };
        let nodes = self.nodes.saturating_sub(frame.nodes_before) + 1;
        self.put(value(frame.line, "", kind), frame.anchor, 1, nodes, mark)
    }

    fn scalar(
        &mut self,
        text: String,
        style: TScalarStyle,
        anchor: usize,
        mark: Marker,
    ) -> Option<()> {
        if self.expects_key() {
            return self.key(text, mark);
        }
        let line = mark.line();
        let plain = style == TScalarStyle::Plain;
        let read = if plain { Yaml::from_str(&text) } else { Yaml::String(text.clone()) };
        let scalar = match read {
            Yaml::Integer(number) => value(line, &text, ValueKind::I64(number)),
            Yaml::Real(_) => value(line, &text, ValueKind::Float(0.0)),
            Yaml::Boolean(flag) => value(line, &text, ValueKind::Boolean(flag)),
            Yaml::Null => value(line, &text, ValueKind::Nil),
            Yaml::String(_) | Yaml::Array(_) | Yaml::Hash(_) | Yaml::Alias(_) | Yaml::BadValue => {
                value(line, "", ValueKind::String(text))
            }
        };
        self.put(scalar, anchor, 1, 1, mark)
    }

    fn key(&mut self, text: String, mark: Marker) -> Option<()> {
        if let Some(YamlFrame { inside: Inside::Table { read, key }, .. }) = self.frames.last_mut()
        {
            let first = read.get(&text).map(|first| origin(first).0);
            *key = Some(text);
            if let Some(MistakePlace::Line(first)) = first {
                let says = format!("given twice; the first stands on line {first}");
                self.mistakes.add(MistakePlace::Line(mark.line()), self.path(), says);
            }
        }
        Some(())
    }

    fn alias(&mut self, anchor: usize, mark: Marker) -> Option<()> {
        if self.expects_key() {
            return self.stop(mark, "found an alias as a key; keys are text");
        }
        let Some((aliased, nodes)) = self.anchors.get(&anchor).cloned() else {
            return self.stop(mark, "found an alias inside of what it stands for");
        };
        self.put(aliased, 0, nodes, nodes, mark)
    }

    /// Puts a finished node of `nodes` nodes where it belongs, and remembers it under its anchor.
    fn put(
        &mut self,
        node: Value,
        anchor: usize,
        added: usize,
        nodes: usize,
        mark: Marker,
    ) -> Option<()> {
        self.nodes = self.nodes.saturating_add(added);
        if self.nodes > MAX_NODES {
            let says = format!("more than {MAX_NODES} values, aliases expanded");
            return self.stop(mark, &says);
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), nodes));
            // What an anchor keeps is memory too.
            self.nodes = self.nodes.saturating_add(nodes);
        }
        match self.frames.last_mut().map(|frame| &mut frame.inside) {
            None => self.root = Some(node),
            Some(Inside::List(items)) => items.push(node),
            Some(Inside::Table { read, key }) => {
                read.insert(key.take().unwrap_or_default(), node);
            }
        }
        Some(())
    }

    fn expects_key(&self) -> bool {
        matches!(
            self.frames.last(),
            Some(YamlFrame { inside: Inside::Table { key: None, .. }, .. })
        )
    }
}

/// What was found, in words.
pub(super) fn found(value: &Value) -> String {
    let written = origin(value).1;
    match &value.kind {
        ValueKind::Nil => "found nothing".to_owned(),
        ValueKind::Boolean(_) => format!("found the flag {written}"),
        ValueKind::String(text) => format!("found {}", quoted(text)),
        ValueKind::Table(_) => "found a mapping".to_owned(),
        ValueKind::Array(_) => "found a list".to_owned(),
        ValueKind::I64(_)
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_) => {
            format!("found the number {}", written.chars().take(40).collect::<String>())
        }
    }
}
