//! A time's text as numbers, words and signs.

/// The most tokens of a time; the longest way to write one has about twenty.
const MAX_TOKENS: usize = 32;

/// A number as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digits {
    pub(super) value: u32,
    /// How many digits it has.
    pub(super) length: usize,
}

/// A number, a word or a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Number(Digits),
    /// In lower case; `a.m.` is `am`.
    Word(String),
    Symbol(char),
}

/// Takes a text apart; `None` when it is no time for its length alone.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(character) = chars.next() {
        if found.len() == MAX_TOKENS {
            return None;
        }
        if let Some(digit) = character.to_digit(10) {
            let mut digits = Digits {
                value: digit,
                length: 1,
            };
            while let Some(digit) = chars.peek().and_then(|next| next.to_digit(10)) {
                chars.next();
                digits.length += 1;
                // Ten digits are neither a day nor a year, and would not fit.
                if digits.length > 9 {
                    return None;
                }
                digits.value = digits.value * 10 + digit;
            }
            found.push(Token::Number(digits));
        } else if character.is_alphabetic() {
            let mut word: String = character.to_lowercase().collect();
            while let Some(next) = chars.next_if(|next| next.is_alphabetic()) {
                word.extend(next.to_lowercase());
            }
            found.push(Token::Word(word));
        } else if !character.is_whitespace() {
            found.push(Token::Symbol(character));
        }
    }
    Some(halves_of_day(found))
}

/// Joins `a`, `.`, `m`, `.` into `am`.
fn halves_of_day(found: Vec<Token>) -> Vec<Token> {
    let is = |token: &Token, wanted: &str| matches!(token, Token::Word(word) if word == wanted);
    let dot = Token::Symbol('.');
    let mut joined = Vec::with_capacity(found.len());
    let mut rest = found.as_slice();
    loop {
        rest = match rest {
            [] => return joined,
            [half, one, m, after @ ..]
                if *one == dot && is(m, "m") && (is(half, "a") || is(half, "p")) =>
            {
                joined.push(Token::Word(
                    if is(half, "a") { "am" } else { "pm" }.to_owned(),
                ));
                match after {
                    [next, after @ ..] if *next == dot => after,
                    after => after,
                }
            }
            [token, after @ ..] => {
                joined.push(token.clone());
                after
            }
        };
    }
}
