//! Saved HTML → pieces. Only what a reader sees counts: texts, and what pictures are called.

use super::shown::Shown;
use crate::sources::ingest_error::IngestError;
use crate::sources::vocabulary::flag;
use html5gum::emitters::callback::{Callback, CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

/// How much of an attribute is looked at; what a check is called is shorter.
const MAX_ATTRIBUTE_BYTES: usize = 512;

/// Elements that do not part a piece in two.
const INLINE: [&str; 45] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "circle", "cite", "code", "data", "del",
    "desc", "em", "font", "g", "i", "img", "input", "ins", "kbd", "label", "mark", "nobr", "path",
    "picture", "polygon", "q", "s", "samp", "small", "source", "span", "strike", "strong", "sub",
    "sup", "svg", "time", "title", "tt", "u", "use", "var", "wbr",
];
/// Elements whose contents nobody reads on the page, or that are not the page's own words.
const UNREAD: [&str; 9] = [
    "script", "style", "noscript", "template", "select", "textarea", "iframe", "object", "datalist",
];
/// Elements that end where the next of their kind begins.
const ENDS_BY_ITSELF: [&str; 8] = ["p", "li", "td", "th", "tr", "dt", "dd", "option"];
/// Elements without contents.
const VOID: [&str; 13] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

/// Makes pieces of a page.
pub(super) fn flatten(body: &str) -> Result<Shown, IngestError> {
    let mut flattener = Flattener::default();
    let mut emitter: CallbackEmitter<&mut Flattener, std::convert::Infallible> =
        CallbackEmitter::new(&mut flattener);
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(body, emitter).finish();
    flattener.finish()
}

/// The tag that is being read.
#[derive(Debug, Default)]
struct Tag {
    name: String,
    attribute: String,
    hidden: bool,
    checkbox: bool,
    checked: bool,
    field: bool,
    value: String,
    marks: Vec<bool>,
}

#[derive(Debug, Default)]
struct Flattener {
    shown: Shown,
    tag: Tag,
    /// The element whose contents are left out, and how deep we are in elements of its name.
    unread: Option<(String, usize)>,
    /// The text of a `title` element, which names a picture.
    title: Option<String>,
    /// Whether the last thing was text that no tag has followed.
    text_open: bool,
    failure: Option<IngestError>,
}

impl Flattener {
    fn finish(mut self) -> Result<Shown, IngestError> {
        self.shown.cut = self.text_open && self.shown.is_open();
        self.end_piece();
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(self.shown),
        }
    }

    fn end_piece(&mut self) {
        if let Err(failure) = self.shown.end(0) {
            self.failure.get_or_insert(failure);
        }
    }

    /// What an element does to the open piece, at its beginning and at its end.
    fn part(&mut self, name: &str) {
        let picture = name.starts_with("lightning-") || name.ends_with("-icon");
        if name == "wbr" {
        } else if INLINE.contains(&name) || picture {
            self.shown.space();
        } else {
            self.end_piece();
        }
    }

    fn attribute_value(&mut self, value: &str) {
        let tag = &mut self.tag;
        match tag.attribute.as_str() {
            "alt" | "title" | "aria-label" | "alternative-text" | "aria-checked" => {
                tag.marks.extend(flag(value))
            }
            "data-key" | "icon-name" | "href" | "xlink:href" => tag.marks.extend(icon(value)),
            "style" => {
                let style: String = value.split_whitespace().collect();
                tag.hidden |= style.to_ascii_lowercase().contains("display:none");
            }
            "class" => tag.hidden |= value.split_whitespace().any(|class| class == "slds-hide"),
            "type" => {
                tag.checkbox = value.eq_ignore_ascii_case("checkbox");
                tag.field = value.eq_ignore_ascii_case("text");
            }
            "value" => value.clone_into(&mut tag.value),
            _ => {}
        }
    }

    fn start(&mut self) {
        let tag = std::mem::take(&mut self.tag);
        let name = tag.name.as_str();
        let void = VOID.contains(&name);
        if let Some((unread, depth)) = &mut self.unread {
            if unread != name {
                return;
            }
            if !ENDS_BY_ITSELF.contains(&name) {
                *depth += usize::from(!void);
                return;
            }
            self.unread = None;
        }
        self.part(name);
        if tag.hidden || UNREAD.contains(&name) {
            if !void {
                self.unread = Some((tag.name, 1));
            }
            return;
        }
        if name == "title" {
            self.title = Some(String::new());
        }
        if name == "input" {
            if tag.checkbox {
                self.shown.mark(tag.checked);
            }
            if tag.field {
                self.shown.text(&tag.value);
            }
            return;
        }
        for mark in tag.marks {
            self.shown.mark(mark);
        }
    }

    fn finish_element(&mut self, name: &str) {
        if let Some((unread, depth)) = &mut self.unread {
            if unread == name {
                *depth -= 1;
                if *depth == 0 {
                    self.unread = None;
                }
            }
            return;
        }
        if name == "title"
            && let Some(title) = self.title.take()
        {
            if let Some(mark) = flag(&title) {
                self.shown.mark(mark);
            }
            return;
        }
        self.part(name);
    }
}

/// What the vendor's icon sets call a check and an X: `utility:check`, `…/symbols.svg#close`.
fn icon(name: &str) -> Option<bool> {
    match name.rsplit(['#', ':']).next()? {
        "check" | "success" => Some(true),
        "close" => Some(false),
        _ => None,
    }
}

impl Callback<std::convert::Infallible, ()> for &mut Flattener {
    fn handle_event(
        &mut self,
        event: CallbackEvent<'_>,
        _: Span<()>,
    ) -> Option<std::convert::Infallible> {
        if self.failure.is_some() {
            return None;
        }
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag = Tag { name: shortened(name), ..Tag::default() };
            }
            CallbackEvent::AttributeName { name } => {
                self.tag.attribute = shortened(name);
                self.tag.hidden |= self.tag.attribute == "hidden";
                self.tag.checked |= self.tag.attribute == "checked";
            }
            CallbackEvent::AttributeValue { value } => self.attribute_value(&shortened(value)),
            CallbackEvent::CloseStartTag { .. } => {
                self.text_open = false;
                self.start();
            }
            CallbackEvent::EndTag { name } => {
                self.text_open = false;
                self.finish_element(&shortened(name));
            }
            CallbackEvent::String { value } => {
                self.text_open = !value.ends_with(b"\n");
                let text = String::from_utf8_lossy(value);
                match (&mut self.title, &self.unread) {
                    (Some(title), _) => *title = shortened(value),
                    (None, None) => self.shown.text(&text),
                    (None, Some(_)) => {}
                }
            }
            CallbackEvent::Comment { .. }
            | CallbackEvent::Doctype { .. }
            | CallbackEvent::Error(_) => {}
        }
        None
    }
}

/// The beginning of a name or value, as far as anybody looks at it.
fn shortened(bytes: &[u8]) -> String {
    let bytes = bytes.get(..MAX_ATTRIBUTE_BYTES).unwrap_or(bytes);
    String::from_utf8_lossy(bytes).into_owned()
}
