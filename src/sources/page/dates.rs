//! Times as the page writes them: dates in the organisation's order, clocks of 12 or 24 hours, its own zone.

mod tokens;

use crate::domain::policy::DateOrder;
use crate::domain::time::Timestamp;
use crate::sources::instant;
use chrono::{LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use tokens::{Token, tokens};

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

/// Why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum DateError {
    #[error(
        "is not understood as a date and a time of day; the page's times look like 22.11.2026 14:52 or 11/22/2026 2:52 PM"
    )]
    Shape,
    #[error("has no such day or month in the order {0}; is date_order right?")]
    NoSuchDay(DateOrder),
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
    let tokens = tokens(text).ok_or(DateError::Shape)?;
    let (date, rest) = match time(&tokens) {
        // Some locales write the time first.
        Ok((time, rest)) => {
            let (date, rest) = date(skip(rest, ','), writing.order)?;
            (date.and_time(time), rest)
        }
        Err(_) => {
            let (date, rest) = date(&tokens, writing.order)?;
            let (time, rest) = time(skip(rest, ','))?;
            (date.and_time(time), rest)
        }
    };
    match zone(rest)? {
        Some(offset_minutes) => {
            let utc = date - TimeDelta::minutes(offset_minutes);
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
            if later > writing.captured_at {
                instant(earlier)
            } else {
                Ok(later)
            }
        }
        LocalResult::None => Err(DateError::Skipped(writing.time_zone)),
    }
}

/// The tokens after `symbol`, if they begin with it.
fn skip(tokens: &[Token], symbol: char) -> &[Token] {
    match tokens {
        [Token::Symbol(found), rest @ ..] if *found == symbol => rest,
        _ => tokens,
    }
}

fn date(tokens: &[Token], order: DateOrder) -> Result<(NaiveDate, &[Token]), DateError> {
    use Token::{Number, Symbol, Word};
    // A day of the week says nothing new.
    let tokens = match tokens {
        [Word(word), rest @ ..] if weekday(word) => skip(skip(rest, '.'), ','),
        _ => tokens,
    };
    let (year, month, day, rest) = match tokens {
        [
            Number(a),
            Symbol(one @ ('.' | '/' | '-')),
            Number(b),
            Symbol(other),
            Number(c),
            rest @ ..,
        ] if one == other => {
            let (year, month, day) = match (order, a.length) {
                (_, 4) | (DateOrder::Ymd, _) => (a, b, c),
                (DateOrder::Dmy, _) => (c, b, a),
                (DateOrder::Mdy, _) => (c, a, b),
            };
            (year, month.value, day, skip(rest, '.'))
        }
        // The name of a month leaves no doubt about the order.
        [Word(name), rest @ ..] => match skip(rest, '.') {
            [Number(day), rest @ ..] => match skip(rest, ',') {
                [Number(year), rest @ ..] => (year, month(name)?, day, rest),
                _ => return Err(DateError::Shape),
            },
            _ => return Err(DateError::Shape),
        },
        [Number(day), rest @ ..] => match skip(skip(rest, '.'), '-') {
            [Word(name), rest @ ..] => match skip(skip(skip(rest, '.'), '-'), ',') {
                [Number(year), rest @ ..] => (year, month(name)?, day, rest),
                _ => return Err(DateError::Shape),
            },
            _ => return Err(DateError::Shape),
        },
        _ => return Err(DateError::Shape),
    };
    let year = match (year.length, year.value) {
        (4, value) => value,
        (2, value) => 2000 + value,
        _ => return Err(DateError::Shape),
    };
    if day.length > 2 {
        return Err(DateError::Shape);
    }
    let date = i32::try_from(year)
        .ok()
        .and_then(|year| NaiveDate::from_ymd_opt(year, month, day.value));
    Ok((date.ok_or(DateError::NoSuchDay(order))?, rest))
}

fn time(tokens: &[Token]) -> Result<(NaiveTime, &[Token]), DateError> {
    use Token::{Number, Symbol, Word};
    let [Number(hour), Symbol(':'), Number(minute), rest @ ..] = tokens else {
        return Err(DateError::Shape);
    };
    let (second, rest) = match rest {
        [Symbol(':'), Number(second), rest @ ..] => (Some(second), rest),
        _ => (None, rest),
    };
    if hour.length > 2 || minute.length != 2 || second.is_some_and(|second| second.length != 2) {
        return Err(DateError::Shape);
    }
    let (hour, rest) = match rest {
        [Word(half), rest @ ..] if half == "am" || half == "pm" => {
            let afternoon = if half == "pm" { 12 } else { 0 };
            let hour = (1..=12)
                .contains(&hour.value)
                .then_some(hour.value % 12 + afternoon);
            (hour, rest)
        }
        _ => (Some(hour.value), rest),
    };
    let second = second.map_or(0, |second| second.value);
    let time = hour.and_then(|hour| NaiveTime::from_hms_opt(hour, minute.value, second));
    Ok((time.ok_or(DateError::NoSuchTime)?, rest))
}

/// Minutes east of UTC that the rest of a text names; `None` when it is empty.
fn zone(rest: &[Token]) -> Result<Option<i64>, DateError> {
    use Token::{Number, Symbol, Word};
    let rest = match rest {
        [] => return Ok(None),
        [Symbol('('), inner @ .., Symbol(')')] => inner,
        rest => rest,
    };
    let offset = match rest {
        [Word(utc)] if is_utc(utc) => return Ok(Some(0)),
        [Word(utc), offset @ ..] if is_utc(utc) => offset,
        [Word(_), ..] => return Err(DateError::Zone),
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
        '-' | '\u{2212}' => Ok(Some(-ahead)),
        _ => Err(DateError::Shape),
    }
}

fn is_utc(word: &str) -> bool {
    matches!(word, "utc" | "gmt" | "z")
}

fn weekday(word: &str) -> bool {
    const DAYS: [&str; 7] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    word.len() >= 3 && DAYS.iter().any(|day| day.starts_with(word))
}

fn month(word: &str) -> Result<u32, DateError> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let found = MONTHS.iter().zip(1..).find(|(month, _)| {
        word.len() >= 3 && (month.starts_with(word) || (**month == "september" && word == "sept"))
    });
    found.map(|(_, number)| number).ok_or(DateError::Shape)
}

#[cfg(test)]
mod tests;
