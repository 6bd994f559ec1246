//! A time's text as numbers, months, halves of the day and signs, in every language that the vendor's pages have.

use super::DateError;
use crate::sources::ingest_error::{invisible, quoted};
use crate::sources::vocabulary::digit;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::LazyLock;

/// The most tokens of a time; the longest way to write one has about twenty.
const MAX_TOKENS: usize = 32;

/// A number as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrittenNumber {
    pub(super) value: u32,
    /// How many digits it has.
    pub(super) length: usize,
}

/// What a time is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Number(WrittenNumber),
    /// The name of a month, from 1.
    Month(u32),
    /// The hours of the day that a word such as "PM" names, from the first to before the last.
    Hours(u32, u32),
    /// One of `.`, `/`, `-`, `:` and `+`.
    Symbol(char),
    /// `UTC`, `GMT` or `Z`.
    Utc,
}

/// A piece of a text before anything is known of its meaning.
enum Raw {
    Number(WrittenNumber),
    Word(String),
    Symbol(char),
}

/// Takes a text apart.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, DateError> {
    let mut raw = raw(text)?;
    join_letters(&mut raw);
    let mut found = Vec::with_capacity(raw.len());
    let mut rest = raw.as_slice();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            Raw::Number(digits) => found.push(Token::Number(*digits)),
            Raw::Symbol(symbol) => found.push(Token::Symbol(*symbol)),
            Raw::Word(word) => {
                let two = match after {
                    [Raw::Word(next), ..] => meaning_of(&format!("{word}_{next}")),
                    _ => None,
                };
                if two.is_some() {
                    rest = after.get(1..).unwrap_or_default();
                }
                let after_number = matches!(found.last(), Some(Token::Number(_)));
                let mut next = rest.iter().filter(|raw| !matches!(raw, Raw::Word(_)));
                let between = after_number && matches!(next.next(), Some(Raw::Number(_)));
                match two.or_else(|| meaning_of(word)) {
                    Some(Meaning::Month(month)) => found.push(Token::Month(month)),
                    Some(Meaning::Hours(from, to)) => found.push(Token::Hours(from, to)),
                    Some(Meaning::Separator) if between => found.push(Token::Symbol(':')),
                    Some(Meaning::Separator | Meaning::Filler) => {
                        // What makes a number the first, second or third: `11-р`.
                        found.pop_if(|last| *last == Token::Symbol('-'));
                    }
                    Some(Meaning::Differs) => return Err(DateError::Differs(quoted(word))),
                    None if matches!(word.as_str(), "utc" | "gmt" | "z") => found.push(Token::Utc),
                    None => return Err(DateError::Word(quoted(word))),
                }
            }
        }
    }
    Ok(found)
}

fn raw(text: &str) -> Result<Vec<Raw>, DateError> {
    let mut found = Vec::new();
    let mut chars = text.chars().filter(|character| !invisible(*character)).peekable();
    while let Some(character) = chars.next() {
        if found.len() == MAX_TOKENS {
            return Err(DateError::Shape);
        }
        if let Some(value) = digit(character) {
            let mut digits = WrittenNumber { value, length: 1 };
            while let Some(digit) = chars.peek().copied().and_then(digit) {
                chars.next();
                digits.length += 1;
                // Ten digits are neither a day nor a year, and would not fit.
                if digits.length > 9 {
                    return Err(DateError::Shape);
                }
                digits.value = digits.value * 10 + digit;
            }
            found.push(Raw::Number(digits));
        } else if is_letter(character) {
            let mut word: String = character.to_lowercase().collect();
            loop {
                if let Some(next) = chars.next_if(|next| is_letter(*next)) {
                    word.extend(next.to_lowercase());
                    continue;
                }
                // `a.m.` is one word, and so is `π.μ.`.
                let mut ahead = chars.clone();
                if ahead.next() != Some('.') || !ahead.next().is_some_and(is_letter) {
                    break;
                }
                chars.next();
            }
            found.push(Raw::Word(word));
        } else {
            match character {
                '.' | '/' | '-' | ':' | '+' => found.push(Raw::Symbol(character)),
                '\u{2010}' | '\u{2011}' | '\u{2212}' => found.push(Raw::Symbol('-')),
                '：' => found.push(Raw::Symbol(':')),
                white if white.is_whitespace() => {}
                ',' | '(' | ')' | '#' | '\'' | '’' | '׳' | '،' | '⹁' | '、' | '\u{970}'
                | '\u{f0b}' => {}
                _ => return Err(DateError::Shape),
            }
        }
    }
    Ok(found)
}

/// Letters with the marks of scripts that write vowels above and below; digits and the signs of Latin, Hebrew, Arabic
/// and East Asian texts are none.
fn is_letter(character: char) -> bool {
    character.is_alphabetic()
        || !(character < '\u{300}'
            || character.is_whitespace()
            || digit(character).is_some()
            || invisible(character)
            || matches!(character, '\u{5f3}' | '\u{5f4}' | '\u{600}'..='\u{60d}' | '\u{61b}' | '\u{61f}'
                | '\u{66a}'..='\u{66d}' | '\u{970}' | '\u{f0b}' | '\u{1361}'..='\u{1368}' | '\u{2000}'..='\u{2e7f}' | '\u{3000}'..='\u{303f}'
                | '\u{ff00}'..='\u{ff20}'))
}

/// Joins letters with a dot behind each, `p. m.`, into one word.
fn join_letters(raw: &mut Vec<Raw>) {
    let single = |raw: &Raw| matches!(raw, Raw::Word(word) if word.chars().filter(|letter| letter.is_alphabetic()).count() == 1);
    let dot = |raw: &Raw| matches!(raw, Raw::Symbol('.'));
    let mut at = 0;
    while let Some([first, one, second, other]) =
        raw.get_mut(at..).and_then(<[Raw]>::first_chunk_mut)
    {
        if single(first)
            && dot(one)
            && single(second)
            && dot(other)
            && let (Raw::Word(first), Raw::Word(second)) = (first, second)
        {
            first.push_str(second);
            raw.drain(at + 1..at + 4);
        } else {
            at += 1;
        }
    }
}

/// Lines of a meaning and its words, made from Unicode CLDR by `tests/locales/words.mjs`.
const TABLE: &str = include_str!("../date_words.txt");

/// What a word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// A month, from 1.
    Month(u32),
    /// The hours of the day in which a clock of twelve hours shows it: before noon, after noon, or less.
    Hours(u32, u32),
    /// What stands between hours, minutes and seconds.
    Separator,
    /// Nothing: an article, or the name of what a number counts.
    Filler,
    /// A month, and not the same one in every language.
    Differs,
}

static WORDS: LazyLock<HashMap<&str, Meaning>> = LazyLock::new(|| {
    let mut words = HashMap::new();
    for line in TABLE.lines() {
        let mut line = line.split(' ');
        let Some(meaning) = line.next().and_then(meaning) else {
            continue;
        };
        for word in line {
            match words.entry(word) {
                Entry::Vacant(entry) => {
                    entry.insert(meaning);
                }
                Entry::Occupied(mut entry) => {
                    entry.insert(Meaning::Differs);
                }
            }
        }
    }
    words
});

fn meaning(text: &str) -> Option<Meaning> {
    match (text, text.split_once('-')) {
        ("separator", _) => Some(Meaning::Separator),
        ("filler", _) => Some(Meaning::Filler),
        (_, Some((from, to))) => Some(Meaning::Hours(from.parse().ok()?, to.parse().ok()?)),
        (month, None) => month.parse().ok().map(Meaning::Month),
    }
}

/// What a word in lower case means, or several joined by `_`.
fn meaning_of(word: &str) -> Option<Meaning> {
    WORDS.get(word).copied()
}
