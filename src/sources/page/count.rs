//! Counts as people's locales write them.

use crate::sources::vocabulary::digit;

/// Reads a count with or without separators of thousands: `1204`, `1,204`, `1.204`, `1 204`, `1’204`, `12,04,000`.
pub(super) fn parse(text: &str) -> Option<u64> {
    let mut digits = String::with_capacity(text.len());
    let mut separator = None;
    let mut groups = vec![0_usize];
    for character in text.trim().chars() {
        if let Some(digit) = digit(character).and_then(|digit| char::from_digit(digit, 10)) {
            digits.push(digit);
            if let Some(group) = groups.last_mut() {
                *group += 1;
            }
        } else if is_separator(character) && separator.is_none_or(|known| known == character) {
            separator = Some(character);
            groups.push(0);
        } else {
            return None;
        }
    }
    let grouped = match groups.as_slice() {
        [] | [0] => false,
        [_] => true,
        // Three digits last; two or three before, as in India; one to three first.
        [first, between @ .., 3] => {
            (1..=3).contains(first) && between.iter().all(|length| matches!(length, 2 | 3))
        }
        _ => false,
    };
    // Nine quintillion records: the rest is no count.
    (grouped && digits.len() <= 18).then(|| digits.parse().ok())?
}

const fn is_separator(character: char) -> bool {
    matches!(character, ',' | '.' | ' ' | '\'' | '\u{2019}' | '\u{66c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_of_thousands_are_understood() {
        for text in ["1204", "1,204", "1.204", "1 204", "1'204", "1’204", " 1204 ", "١٬٢٠٤", "۱۲۰۴"]
        {
            assert_eq!(parse(text), Some(1204), "{text}");
        }
        assert_eq!(parse("0"), Some(0));
        assert_eq!(parse("12,04,000"), Some(1_204_000));
        assert_eq!(parse("1.234.567"), Some(1_234_567));
    }

    #[test]
    fn what_could_be_a_fraction_or_is_cut_is_no_count() {
        for text in [
            "",
            "-1",
            "+1",
            "1.5",
            "1,20",
            "1,2",
            "1,204,",
            ",204",
            "1,204.000",
            "1 .204",
            "1,204 records",
            "1e3",
            "½",
            "1.2345",
            "9999999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
