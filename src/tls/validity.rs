//! Until when a certificate is good: the one field of it that an operator has to act on. The rest is the library's affair.

use crate::domain::time::Timestamp;
use chrono::NaiveDateTime;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of validity; `None` when the bytes are no certificate.
pub(super) fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (outer, _) = take(SEQUENCE, certificate)?;
    let (body, _) = take(SEQUENCE, outer)?;
    // A version, which certificates of the first do not tell, and then serial number, algorithm and issuer.
    let body = take(VERSION, body).map_or(body, |(_, rest)| rest);
    let (_, body) = take(INTEGER, body)?;
    let (_, body) = take(SEQUENCE, body)?;
    let (_, body) = take(SEQUENCE, body)?;
    let (validity, _) = take(SEQUENCE, body)?;
    let (_, _, until) = any(validity)?;
    let (tag, text, _) = any(until)?;
    instant(tag, std::str::from_utf8(text).ok()?)
}

/// A time as certificates write it: always in UTC and always with seconds (RFC 5280, section 4.1.2.5).
fn instant(tag: u8, text: &str) -> Option<Timestamp> {
    let whole = match tag {
        GENERALIZED_TIME => text.to_owned(),
        UTC_TIME => {
            let year: u32 = text.get(..2)?.parse().ok()?;
            format!("{}{text}", if year >= 50 { "19" } else { "20" })
        }
        _ => return None,
    };
    let time = NaiveDateTime::parse_from_str(&whole, "%Y%m%d%H%M%SZ").ok()?;
    // Some are written to be good for ever, which is the year 9999.
    Some(Timestamp::from_datetime(time.and_utc()).unwrap_or(Timestamp::MAX))
}

/// The content of the value that comes first, which has to be of `tag`, and what follows it.
fn take(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = any(bytes)?;
    (found == tag).then_some((content, rest))
}

/// Tag and content of the value that comes first, and what follows it.
fn any(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, bytes) = bytes.split_first()?;
    let (&first, bytes) = bytes.split_first()?;
    let (length, bytes) = if first < 0x80 {
        (usize::from(first), bytes)
    } else {
        // The length of the length; a certificate has no more than four bytes of it.
        let count = usize::from(first & 0x7f);
        let (length, bytes) = bytes.split_at_checked(count)?;
        let length = (1..=4).contains(&count).then(|| {
            length.iter().fold(0_usize, |length, byte| (length << 8) | usize::from(*byte))
        })?;
        (length, bytes)
    };
    let (content, rest) = bytes.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn until(year: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(1990, 1, 1);
        params.not_after = date_time_ymd(year, 5, 17);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        certificate.der().to_vec()
    }

    #[test]
    fn the_end_is_read_in_both_forms_of_a_time() {
        for year in [1999, 2021, 2049, 2050, 2100] {
            let read = not_after(&until(year)).unwrap();
            let expected = format!("{year}-05-17T00:00:00+00:00");
            assert_eq!(read.datetime().to_rfc3339(), expected);
        }
    }

    #[test]
    fn no_damage_makes_reading_panic() {
        let good = until(2100);
        for cut in 0..good.len() {
            not_after(&good[..cut]);
            let mut changed = good.clone();
            changed[cut] ^= 0x80;
            not_after(&changed);
        }
        assert_eq!(not_after(b"no certificate"), None);
    }
}
