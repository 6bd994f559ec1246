//! The part of an address after the question mark.

use super::problem::Problem;

/// Decoded keys and values in order.
///
/// # Errors
/// When a key comes twice: two senders' tools would read it differently.
pub(super) fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (key, value) in form_urlencoded::parse(query.unwrap_or("").as_bytes()) {
        if pairs.iter().any(|(known, _)| *known == key) {
            return Err(Problem::query(format!(
                "The key {key:?} comes twice. Give it once."
            )));
        }
        pairs.push((key.into_owned(), value.into_owned()));
    }
    Ok(pairs)
}

/// The values of the `known` keys, in their order.
///
/// # Errors
/// When there is another key, or one comes twice.
pub(super) fn known<const N: usize>(
    query: Option<&str>,
    known: [&str; N],
) -> Result<[Option<String>; N], Problem> {
    let mut values = [const { None }; N];
    for (key, value) in pairs(query)? {
        let slot = known
            .iter()
            .position(|name| *name == key)
            .and_then(|index| values.get_mut(index));
        let Some(slot) = slot else {
            return Err(Problem::query(if N == 0 {
                format!("The key {key:?} is unknown: this path takes none.")
            } else {
                format!(
                    "The key {key:?} is unknown. Known keys: {}.",
                    known.join(", ")
                )
            }));
        };
        *slot = Some(value);
    }
    Ok(values)
}

/// A value that is none of the known ones.
pub(super) fn not_one_of(key: &str, known: impl Iterator<Item = &'static str>) -> Problem {
    let known: Vec<&str> = known.collect();
    Problem::query(format!("{key} is one of: {}.", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_and_nothing_in_it_is_ignored() {
        assert_eq!(
            known(Some("after=a%40b+c&limit=3"), ["limit", "after"]).unwrap(),
            [Some("3".to_owned()), Some("a@b c".to_owned())]
        );
        assert_eq!(
            known(Some("limits=3"), ["limit", "after"])
                .unwrap_err()
                .detail,
            "The key \"limits\" is unknown. Known keys: limit, after."
        );
        assert_eq!(
            known(Some("limit=3&limit=4"), ["limit"])
                .unwrap_err()
                .detail,
            "The key \"limit\" comes twice. Give it once."
        );
        assert_eq!(known(None, ["limit"]).unwrap(), [None]);
    }
}
