//! Spans of time as the Prometheus family writes them: `90s`, `15m`, `24h`, `7d`, `1h30m`.

use chrono::TimeDelta;

const UNITS: [(char, i64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A span from its text: whole numbers with the units w, d, h, m and s, the larger first, each at most once.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn parse(text: &str) -> Result<TimeDelta, String> {
    const SHAPE: &str = "allowed: a duration such as 90s, 15m, 24h, 7d or 1h30m";
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(unit_is_missing(text));
    }
    let mut seconds = 0_i64;
    let mut digits = String::new();
    let mut units = UNITS.iter();
    for symbol in text.chars() {
        if symbol.is_ascii_digit() {
            digits.push(symbol);
            continue;
        }
        let (_, unit) = units.by_ref().find(|(unit, _)| *unit == symbol).ok_or(SHAPE)?;
        let number: i64 = digits.parse().map_err(|_| SHAPE)?;
        seconds =
            number.checked_mul(*unit).and_then(|part| seconds.checked_add(part)).ok_or(SHAPE)?;
        digits.clear();
    }
    if text.is_empty() || !digits.is_empty() {
        return Err(SHAPE.to_owned());
    }
    TimeDelta::try_seconds(seconds).ok_or_else(|| SHAPE.to_owned())
}

pub(super) fn unit_is_missing(number: &str) -> String {
    format!("the unit is missing: {number}s, {number}m, {number}h or {number}d?")
}

/// A span as [`parse`] reads it back, whole seconds; the largest units first.
pub fn text(span: TimeDelta) -> String {
    let mut rest = span.num_seconds().max(0);
    // Weeks are read, not written: an operator who wrote 7d does not look for 1w.
    let mut written = String::new();
    for (unit, seconds) in UNITS.iter().skip(1) {
        let count = rest / seconds;
        let keep_hours = *unit == 'd' && rest % seconds != 0;
        if count > 0 && !keep_hours {
            written.push_str(&count.to_string());
            written.push(*unit);
            rest %= seconds;
        }
    }
    if written.is_empty() { "0s".to_owned() } else { written }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_read_back() {
        for (written, seconds, canonical) in [
            ("90s", 90, "1m30s"),
            ("15m", 900, "15m"),
            ("24h", 86_400, "1d"),
            ("7d", 604_800, "7d"),
            ("1w", 604_800, "7d"),
            ("1h30m", 5_400, "1h30m"),
            ("72h", 259_200, "3d"),
            ("36h", 129_600, "36h"),
            ("0s", 0, "0s"),
        ] {
            assert_eq!(parse(written), Ok(TimeDelta::seconds(seconds)), "{written}");
            assert_eq!(text(TimeDelta::seconds(seconds)), canonical, "{written}");
        }
    }

    #[test]
    fn a_number_without_a_unit_or_an_unknown_unit_is_no_span() {
        assert_eq!(parse("15"), Err("the unit is missing: 15s, 15m, 15h or 15d?".to_owned()));
        for bad in [
            "",
            "m",
            "15 m",
            "15M",
            "15ms",
            "1m1h",
            "1h1h",
            "1.5h",
            "-1h",
            "1h30",
            "99999999999999999999d",
            "1y",
            "９m",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
