//! As much of the query language as clients of ours and of others use.

/// A query: `SELECT fields FROM object …`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SoqlQuery {
    pub(super) fields: Vec<String>,
    pub(super) object: String,
    /// What follows the object.
    pub(super) rest: String,
}

/// Reads a query; `None` when it is none.
pub(super) fn read(text: &str) -> Option<SoqlQuery> {
    let mut words = text.split_whitespace();
    if !words.next()?.eq_ignore_ascii_case("select") {
        return None;
    }
    let fields: Vec<&str> =
        words.by_ref().take_while(|word| !word.eq_ignore_ascii_case("from")).collect();
    let object = words.next()?.to_owned();
    let fields: Vec<String> =
        fields.concat().split(',').filter(|field| !field.is_empty()).map(str::to_owned).collect();
    let named =
        |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_().".contains(&b));
    (!fields.is_empty() && fields.iter().all(named)).then(|| SoqlQuery {
        fields,
        object,
        rest: words.collect::<Vec<_>>().join(" "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_object_and_the_rest() {
        let query = read("SELECT Id,  Name,Email from User WHERE Id = 'x' LIMIT 3").unwrap();
        assert_eq!(query.fields, ["Id", "Name", "Email"]);
        assert_eq!(
            (query.object.as_str(), query.rest.as_str()),
            ("User", "WHERE Id = 'x' LIMIT 3")
        );
        for bad in ["", "DELETE FROM User", "SELECT FROM User", "SELECT Id", "SELECT Id; FROM User"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
