//! Times as the page writes them: dates in the organisation's order, clocks of 12 or 24 hours, its own zone.

mod tokens;

use crate::domain::policy::DateOrder;
use crate::domain::time::Timestamp;
use crate::sources::instant;
use chrono::{LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use tokens::{Token, WrittenNumber, tokens};

/// How the page writes times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writing {
    /// The zone of times that name none.
    pub(super) time_zone: Tz,
    /// The order of day, month and year.
    pub(super) order: DateOrder,
    /// When the page was captured: what it shows was not later.
    pub(super) captured_at: Timestamp,
}

/// The first year in which the product can have synced.
const FIRST_YEAR: u32 = 2014;
/// Years of the Buddhist calendar of Thailand, which counts months and days as everybody does.
const BUDDHIST: std::ops::Range<u32> = 2557..2700;
const BUDDHIST_AHEAD: u32 = 543;

/// Why a text is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DateError {
    #[error(
        "is not understood as a date and a time of day; the page's times look like 22.11.2026 14:52 or 11/22/2026 2:52 PM"
    )]
    Shape,
    #[error("is no date and time for its word {0}; set the page to English or to dates in digits")]
    Word(String),
    #[error(
        "has the word {0}, which is one month in one language and another in the next; set the page to dates in digits"
    )]
    Differs(String),
    #[error("could be read as two times; set the page to a time of day with a colon")]
    Ambiguous,
    #[error("has no such day or month in the order {0}; is date_order right?")]
    NoSuchDay(DateOrder),
    #[error(
        "is of the year {0}, before the product existed; is date_order right, and the calendar Gregorian?"
    )]
    Year(u32),
    #[error("has no such time of day")]
    NoSuchTime,
    #[error("is skipped by the change to daylight saving time in {0}; is time_zone right?")]
    Skipped(Tz),
    #[error("names a zone that could be several; set time_zone and leave the zone out")]
    Zone,
    #[error("lies outside the years 1678 to 2261")]
    OutOfRange,
}

/// Reads a time. One that the change of clocks makes twice is the later one, unless that lies after the capture: a
/// page shows what was synced just now, and an hour too early would claim a delay that nobody saw.
pub(super) fn parse(text: &str, writing: &Writing) -> Result<Timestamp, DateError> {
    if let Ok(at) = instant::parse(text) {
        return Ok(at);
    }
    let tokens = tokens(text)?;
    // Some locales write the time first, and some write it with dots.
    let date_first = date(&tokens, writing.order).and_then(|(date, rest)| {
        let (time, rest) = time(rest)?;
        Ok((date.and_time(time), zone(rest)?))
    });
    let time_first = time(&tokens).and_then(|(time, rest)| {
        let (date, rest) = date(rest, writing.order)?;
        Ok((date.and_time(time), zone(rest)?))
    });
    let (date, offset) = match (date_first, time_first) {
        (Ok(one), Ok(other)) if one != other => return Err(DateError::Ambiguous),
        (Ok(one), _) | (Err(_), Ok(one)) => one,
        (Err(DateError::Shape), Err(error)) | (Err(error), Err(_)) => return Err(error),
    };
    match offset {
        Some(minutes) => {
            let utc = date - TimeDelta::minutes(minutes);
            Timestamp::from_datetime(utc.and_utc()).ok_or(DateError::OutOfRange)
        }
        None => local(date, writing),
    }
}

fn local(date: NaiveDateTime, writing: &Writing) -> Result<Timestamp, DateError> {
    let instant = |at: chrono::DateTime<Tz>| {
        Timestamp::from_datetime(at.with_timezone(&Utc)).ok_or(DateError::OutOfRange)
    };
    match writing.time_zone.from_local_datetime(&date) {
        LocalResult::Single(at) => instant(at),
        LocalResult::Ambiguous(earlier, later) => {
            let later = instant(later)?;
            if later > writing.captured_at { instant(earlier) } else { Ok(later) }
        }
        LocalResult::None => Err(DateError::Skipped(writing.time_zone)),
    }
}

/// The tokens after one of `symbols`, if they begin with one.
fn skip<'t>(tokens: &'t [Token], symbols: &[char]) -> &'t [Token] {
    match tokens {
        [Token::Symbol(found), rest @ ..] if symbols.contains(found) => rest,
        _ => tokens,
    }
}

fn date(tokens: &[Token], order: DateOrder) -> Result<(NaiveDate, &[Token]), DateError> {
    use Token::{Number, Symbol};
    let ((year, month, day), rest) = match tokens {
        [
            Number(a),
            Symbol(one @ ('.' | '/' | '-')),
            Number(b),
            Symbol(other),
            Number(c),
            rest @ ..,
        ] if one == other => (in_order(*a, *b, *c, order), rest),
        // Words between the numbers say nothing, and a blank is enough.
        [Number(a), Number(b), Number(c), rest @ ..] => (in_order(*a, *b, *c, order), rest),
        _ => named(tokens, order)?,
    };
    let year = match (year.length, year.value) {
        (4, value) if BUDDHIST.contains(&value) => value - BUDDHIST_AHEAD,
        (2, value) if BUDDHIST.contains(&(2500 + value)) => 2500 + value - BUDDHIST_AHEAD,
        (4, value) => value,
        (2, value) => 2000 + value,
        _ => return Err(DateError::Shape),
    };
    if day.length > 2 {
        return Err(DateError::Shape);
    }
    if year < FIRST_YEAR {
        return Err(DateError::Year(year));
    }
    let date =
        i32::try_from(year).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day.value));
    Ok((date.ok_or(DateError::NoSuchDay(order))?, skip(rest, &['.'])))
}

/// Year, month and day.
type Ymd = (WrittenNumber, u32, WrittenNumber);

/// Year, month and day of three numbers: a year of four digits comes first everywhere where it does.
const fn in_order(a: WrittenNumber, b: WrittenNumber, c: WrittenNumber, order: DateOrder) -> Ymd {
    match (order, a.length) {
        (_, 4) | (DateOrder::Ymd, _) => (a, b.value, c),
        (DateOrder::Dmy, _) => (c, b.value, a),
        (DateOrder::Mdy, _) => (c, a.value, b),
    }
}

/// A date with the name of its month, which leaves no doubt about the order but where the year has two digits.
fn named(mut rest: &[Token], order: DateOrder) -> Result<(Ymd, &[Token]), DateError> {
    let (mut month, mut numbers) = (None, Vec::with_capacity(2));
    while month.is_none() || numbers.len() < 2 {
        rest = match rest {
            [Token::Month(found), rest @ ..] if month.is_none() => {
                month = Some(*found);
                rest
            }
            [Token::Number(found), rest @ ..] if numbers.len() < 2 => {
                numbers.push(*found);
                rest
            }
            _ => return Err(DateError::Shape),
        };
        // A dot behind the last one may be a day's, or what shortens a word.
        while let [Token::Symbol('.' | '-' | '/'), after @ ..] = rest {
            rest = after;
        }
    }
    let (Some(month), [first, last]) = (month, numbers.as_slice()) else {
        return Err(DateError::Shape);
    };
    let year_first = first.length == 4 || (last.length != 4 && order == DateOrder::Ymd);
    let (year, day) = if year_first { (first, last) } else { (last, first) };
    Ok(((*year, month, *day), rest))
}

fn time(tokens: &[Token]) -> Result<(NaiveTime, &[Token]), DateError> {
    use Token::{Hours, Number, Symbol};
    let (before, tokens) = match tokens {
        [Hours(from, to), rest @ ..] => (Some((*from, *to)), rest),
        tokens => (None, tokens),
    };
    let [Number(hour), Symbol(one @ (':' | '.')), Number(minute), rest @ ..] = tokens else {
        return Err(DateError::Shape);
    };
    let (second, rest) = match rest {
        [Symbol(other), Number(second), rest @ ..] if one == other => (Some(second), rest),
        _ => (None, rest),
    };
    if hour.length > 2 || minute.length != 2 || second.is_some_and(|second| second.length != 2) {
        return Err(DateError::Shape);
    }
    let (half, rest) = match (before, rest) {
        (None, [Hours(from, to), rest @ ..]) => (Some((*from, *to)), skip(rest, &['.'])),
        (half, rest) => (half, rest),
    };
    let hour = match half {
        Some((from, to)) => [hour.value % 12, hour.value % 12 + 12]
            .into_iter()
            .find(|of_day| (1..=12).contains(&hour.value) && (from..to).contains(of_day)),
        None => Some(hour.value),
    };
    let second = second.map_or(0, |second| second.value);
    let time = hour.and_then(|hour| NaiveTime::from_hms_opt(hour, minute.value, second));
    Ok((time.ok_or(DateError::NoSuchTime)?, skip(rest, &['.'])))
}

/// Minutes east of UTC that the rest of a text names; `None` when it is empty.
fn zone(rest: &[Token]) -> Result<Option<i64>, DateError> {
    use Token::{Number, Symbol, Utc};
    let offset = match rest {
        [] => return Ok(None),
        [Utc] => return Ok(Some(0)),
        [Utc, offset @ ..] => offset,
        offset => offset,
    };
    let (sign, hours, minutes) = match offset {
        [Symbol(sign), Number(hours), Symbol(':'), Number(minutes)] => {
            (sign, hours.value, minutes.value)
        }
        [Symbol(sign), Number(both)] if both.length == 4 => {
            (sign, both.value / 100, both.value % 100)
        }
        [Symbol(sign), Number(hours)] => (sign, hours.value, 0),
        _ => return Err(DateError::Shape),
    };
    if hours > 14 || minutes > 59 {
        return Err(DateError::Zone);
    }
    let ahead = i64::from(hours * 60 + minutes);
    match sign {
        '+' => Ok(Some(ahead)),
        '-' => Ok(Some(-ahead)),
        _ => Err(DateError::Shape),
    }
}

#[cfg(test)]
mod tests;
