//! Numbers as Prometheus's own library writes them: the shortest digits that read back as the same value, with an
//! exponent from 1e+06 on and below 1e-4.

use bytes::BytesMut;

/// From this exponent of ten on, numbers are written with an exponent.
const EXPONENT_FROM: i32 = 6;

/// Writes `value`.
pub(super) fn put_float(out: &mut BytesMut, value: f64) {
    if value == 0.0 {
        out.extend_from_slice(b"0");
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if value.fract() == 0.0 && value.abs() < 1e6 {
        // Below a million the conversion is exact.
        out.extend_from_slice(itoa::Buffer::new().format(value as i32).as_bytes());
    } else if let Some(thousandths) = thousandths(value) {
        put_thousandths(out, thousandths);
    } else {
        put_finite(out, value);
    }
}

/// A number as thousandths, where these say the same in at most 15 digits: as many as a double tells apart, so that they
/// are the shortest ones. Times are such numbers, and most of what a page has beyond small counts.
fn thousandths(value: f64) -> Option<u64> {
    let thousandths = (value * 1e3).round();
    let fits = (1.0..1e15).contains(&thousandths) && thousandths / 1e3 == value;
    fits.then_some(thousandths as u64)
}

fn put_thousandths(out: &mut BytesMut, thousandths: u64) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(thousandths);
    // Of three digits, the first stands for the tenths.
    let exponent = i32::try_from(text.len()).unwrap_or(0) - 4;
    put_digits(out, text.trim_end_matches('0').as_bytes(), exponent);
}

fn put_finite(out: &mut BytesMut, value: f64) {
    if value < 0.0 {
        out.extend_from_slice(b"-");
    }
    let mut buffer = ryu::Buffer::new();
    let (digits, exponent) = decimal(buffer.format_finite(value.abs()));
    put_digits(out, digits.as_slice(), exponent);
}

/// Writes significant digits; the first stands for ten to the power of `exponent`.
fn put_digits(out: &mut BytesMut, digits: &[u8], exponent: i32) {
    if (-4..EXPONENT_FROM).contains(&exponent) {
        put_plain(out, digits, exponent);
        return;
    }
    let (first, rest) = digits.split_at(digits.len().min(1));
    out.extend_from_slice(first);
    if !rest.is_empty() {
        out.extend_from_slice(b".");
        out.extend_from_slice(rest);
    }
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    if exponent.abs() < 10 {
        out.extend_from_slice(b"0");
    }
    out.extend_from_slice(itoa::Buffer::new().format(exponent.abs()).as_bytes());
}

fn put_plain(out: &mut BytesMut, digits: &[u8], exponent: i32) {
    let Ok(whole) = usize::try_from(exponent + 1) else {
        out.extend_from_slice(b"0.");
        for _ in exponent + 1..0 {
            out.extend_from_slice(b"0");
        }
        out.extend_from_slice(digits);
        return;
    };
    if whole == 0 {
        out.extend_from_slice(b"0.");
        out.extend_from_slice(digits);
        return;
    }
    let (before, after) = digits.split_at(digits.len().min(whole));
    out.extend_from_slice(before);
    for _ in before.len()..whole {
        out.extend_from_slice(b"0");
    }
    if !after.is_empty() {
        out.extend_from_slice(b".");
        out.extend_from_slice(after);
    }
}

/// The significant digits of a positive number that `ryu` wrote, and the exponent of ten of the first of them.
fn decimal(text: &str) -> (Digits, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    // What `ryu` writes behind the e is an integer.
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = Digits::default();
    let mut leading = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if digits.length == 0 && digit == b'0' {
            leading += 1;
        } else {
            digits.push(digit);
        }
    }
    digits.trim();
    (digits, exponent + i32::try_from(whole.len()).unwrap_or(0) - 1 - leading)
}

/// Room for the digits of any finite number: `ryu` writes up to 17 significant ones and pads whole numbers to 16 places.
#[derive(Default)]
struct Digits {
    bytes: [u8; 24],
    length: usize,
}

impl Digits {
    fn push(&mut self, digit: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = digit;
            self.length += 1;
        }
    }

    fn trim(&mut self) {
        while self.as_slice().last() == Some(&b'0') {
            self.length -= 1;
        }
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: f64) -> String {
        let mut out = BytesMut::new();
        put_float(&mut out, value);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn numbers_look_as_prometheus_writes_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.0, "-1"),
            (0.5, "0.5"),
            (0.005, "0.005"),
            (0.0001, "0.0001"),
            (0.000012, "1.2e-05"),
            (123456.0, "123456"),
            (999999.5, "999999.5"),
            (1e6, "1e+06"),
            (1234567.0, "1.234567e+06"),
            (1795348200.0, "1.7953482e+09"),
            (1795348200.25, "1.79534820025e+09"),
            (-12.25, "-12.25"),
            (1e100, "1e+100"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(text(value), expected);
        }
    }

    proptest! {
        #[test]
        fn thousandths_are_the_shortest_digits_too(thousandths in 1u64..1_000_000_000_000_000) {
            let value = thousandths as f64 / 1e3;
            prop_assert_eq!(super::thousandths(value), Some(thousandths));
            let mut shortest = BytesMut::new();
            put_finite(&mut shortest, value);
            prop_assert_eq!(text(value).into_bytes(), shortest.to_vec());
        }

        #[test]
        fn every_number_reads_back(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(text(value).parse::<f64>().unwrap(), value);
        }
    }
}
