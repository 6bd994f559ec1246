//! What words mean in dates and times, in every language that the vendor's pages have.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::LazyLock;

/// Lines of a meaning and its words, made from Unicode CLDR by `tests/locales/words.mjs`.
const TABLE: &str = include_str!("../date_words.txt");

/// What a word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
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
pub(super) fn of(word: &str) -> Option<Meaning> {
    WORDS.get(word).copied()
}
