//! XML of a server that may be anybody: a pull parser makes a small tree of it, within bounds of depth, number and length.
//! Names are compared without their prefix, because every server chooses its own. There are no entities besides the five
//! that XML has, and no document types.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;

/// EWS nests a dozen levels.
const MAX_DEPTH: usize = 32;
/// A page of 50 folders has about 500.
const MAX_ELEMENTS: usize = 20_000;
/// `Id` and `ChangeKey` are two; namespaces are declared beside them.
const MAX_ATTRIBUTES: usize = 24;
/// An id has about 200 characters, a message a few hundred.
const MAX_TEXT: usize = 8 << 10;

/// Why bytes are not taken as an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XmlTrouble {
    /// Not UTF-8, which EWS always writes.
    #[error("the answer is not UTF-8")]
    Encoding,
    /// Not XML.
    #[error("the answer is not well-formed XML")]
    Malformed,
    /// A document type or an entity of its own.
    #[error("the answer declares a document type or uses entities")]
    Entities,
    /// Deeper, or with more or longer parts, than any answer of EWS.
    #[error("the answer is deeper or has more parts than any of Exchange")]
    TooMuch,
}

/// An element with what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// The root of a document.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, XmlTrouble> {
        let text = std::str::from_utf8(bytes).map_err(|_| XmlTrouble::Encoding)?;
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        let mut elements = 0;
        loop {
            let event = reader.read_event().map_err(|_| XmlTrouble::Malformed)?;
            let (start, is_empty) = match event {
                Event::Start(start) => (start, false),
                Event::Empty(start) => (start, true),
                Event::End(_) => {
                    let closed = open.pop().ok_or(XmlTrouble::Malformed)?;
                    settle(closed, &mut open, &mut root)?;
                    continue;
                }
                Event::Text(text) => {
                    append(&mut open, &text.xml10_content())?;
                    continue;
                }
                Event::CData(text) => {
                    append(&mut open, &text.xml10_content())?;
                    continue;
                }
                Event::GeneralRef(name) => {
                    let letter = match name.resolve_char_ref() {
                        Ok(Some(letter)) => letter,
                        Ok(None) => predefined(&name.xml10_content())?,
                        Err(_) => return Err(XmlTrouble::Malformed),
                    };
                    append(&mut open, letter.encode_utf8(&mut [0; 4]))?;
                    continue;
                }
                Event::DocType(_) => return Err(XmlTrouble::Entities),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
                Event::Eof => break,
            };
            elements += 1;
            if elements > MAX_ELEMENTS || open.len() >= MAX_DEPTH {
                return Err(XmlTrouble::TooMuch);
            }
            let element = Self::of(&start)?;
            if is_empty {
                settle(element, &mut open, &mut root)?;
            } else {
                open.push(element);
            }
        }
        if open.is_empty() { root.ok_or(XmlTrouble::Malformed) } else { Err(XmlTrouble::Malformed) }
    }

    fn of(start: &BytesStart<'_>) -> Result<Self, XmlTrouble> {
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| XmlTrouble::Malformed)?;
            let value = attribute
                .normalized_value(quick_xml::XmlVersion::Explicit1_0)
                .map_err(|_| XmlTrouble::Entities)?;
            if attributes.len() >= MAX_ATTRIBUTES || value.len() > MAX_TEXT {
                return Err(XmlTrouble::TooMuch);
            }
            attributes
                .push((attribute.key.local_name().into_inner().to_owned(), Cow::into_owned(value)));
        }
        let name = start.local_name().into_inner().to_owned();
        Ok(Self { name, attributes, ..Self::default() })
    }

    /// The name without its prefix.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The text directly in it, without white space around it.
    pub(crate) fn text(&self) -> &str {
        self.text.trim()
    }

    /// An attribute's value.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// What is directly in it.
    pub(crate) fn children(&self) -> &[Self] {
        &self.children
    }

    /// The first element of a name that is directly in it.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of such an element.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(Self::text).filter(|text| !text.is_empty())
    }

    /// Every element within it, itself included, from the outside to the inside.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Self> {
        let mut next = vec![self];
        std::iter::from_fn(move || {
            let element = next.pop()?;
            next.extend(element.children.iter().rev());
            Some(element)
        })
    }

    /// The first element of a name anywhere within it.
    pub(crate) fn find(&self, name: &str) -> Option<&Self> {
        self.all().find(|element| element.name == name)
    }
}

fn settle(
    closed: Element,
    open: &mut [Element],
    root: &mut Option<Element>,
) -> Result<(), XmlTrouble> {
    match open.last_mut() {
        Some(parent) => parent.children.push(closed),
        None if root.is_none() => *root = Some(closed),
        None => return Err(XmlTrouble::Malformed),
    }
    Ok(())
}

fn append(open: &mut [Element], text: &str) -> Result<(), XmlTrouble> {
    let Some(element) = open.last_mut() else {
        return if text.trim().is_empty() { Ok(()) } else { Err(XmlTrouble::Malformed) };
    };
    if element.text.len() + text.len() > MAX_TEXT {
        return Err(XmlTrouble::TooMuch);
    }
    element.text.push_str(text);
    Ok(())
}

fn predefined(name: &str) -> Result<char, XmlTrouble> {
    match name {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(XmlTrouble::Entities),
    }
}

/// A text as it stands within an element or an attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_whatever_its_prefixes() {
        for text in [
            "<a:x xmlns:a='u'><b:y i='1&amp;2'>t&#x41;&lt;<![CDATA[<z>]]></b:y></a:x>",
            "\u{feff}<?xml version=\"1.0\"?><!-- c --><x><y i=\"1&amp;2\"> tA&lt;&lt;z&gt; </y></x>\n",
        ] {
            let root = Element::parse(text.as_bytes()).unwrap();
            let y = root.child("y").unwrap();
            assert_eq!((root.name(), y.text(), y.attribute("i")), ("x", "tA<<z>", Some("1&2")));
        }
    }

    #[test]
    fn what_is_hostile_is_refused_by_its_kind() {
        let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
        let many = format!("<a>{}</a>", "<b/>".repeat(30_000));
        let long = format!("<a>{}</a>", "x".repeat(9_000));
        for (text, trouble) in [
            (deep.as_str(), XmlTrouble::TooMuch),
            (&many, XmlTrouble::TooMuch),
            (&long, XmlTrouble::TooMuch),
            ("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", XmlTrouble::Entities),
            ("<a>&b;</a>", XmlTrouble::Entities),
            ("<a><b></a></b>", XmlTrouble::Malformed),
            ("<a>", XmlTrouble::Malformed),
            ("", XmlTrouble::Malformed),
            ("<a/><b/>", XmlTrouble::Malformed),
            ("<html><br></html>", XmlTrouble::Malformed),
        ] {
            let found = Element::parse(text.as_bytes()).unwrap_err();
            assert_eq!(found, trouble, "{:.40}", text);
        }
        assert_eq!(Element::parse(b"\xff\xfe<\0a\0").unwrap_err(), XmlTrouble::Encoding);
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = "a<b>&\"'ü";
        let document = format!("<x y=\"{0}\">{0}</x>", escaped(text));
        let root = Element::parse(document.as_bytes()).unwrap();
        assert_eq!((root.text(), root.attribute("y")), (text, Some(text)));
    }
}
