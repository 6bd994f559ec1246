//! Sizes as the operator writes them: `512MiB`, `2GiB`.

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// A size from its text: a whole number and a unit.
pub(super) fn parse(text: &str) -> Option<u64> {
    let (digits, unit) =
        UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse::<u64>().ok()?.checked_mul(*unit)).flatten()
}

/// A size as [`parse`] reads it back.
pub(super) fn text(bytes: u64) -> String {
    let (name, unit) =
        UNITS.iter().find(|(_, unit)| bytes.is_multiple_of(*unit)).unwrap_or(&("KiB", 1 << 10));
    format!("{}{name}", bytes / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_read_back() {
        for written in ["512MiB", "2GiB", "1KiB"] {
            assert_eq!(parse(written).map(text).as_deref(), Some(written));
        }
        for bad in ["", "MiB", "512", "512MB", "1.5GiB", "-1MiB", "+1MiB", "99999999999999GiB"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
