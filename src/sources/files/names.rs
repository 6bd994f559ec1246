//! What the name of a file says: whether somebody still writes it, what it is, and whose page it shows.

use super::FileKind;
use crate::domain::ids::folded;
use std::path::Path;

/// Endings of names while a file is being uploaded, by browsers, tools for copying and servers.
const UNFINISHED: [&str; 6] =
    [".tmp", ".part", ".partial", ".filepart", ".crdownload", ".download"];
/// What systems put beside files by themselves.
const OF_SYSTEMS: [&str; 2] = ["thumbs.db", "desktop.ini"];
/// What systems write behind the name of a second copy, beside a number in brackets.
const COPIES: [&str; 8] =
    [" - copy", " copy", " (copy)", " - kopie", " kopie", " - copie", " - copia", " - cópia"];
/// How many digits of a second the vendor's report names have at least.
const REPORT_DIGITS: usize = 10;

/// Whether a name is that of an unfinished upload, or of what is no upload at all.
pub(super) fn is_unfinished(name: &str) -> bool {
    let name = name.to_lowercase();
    name.starts_with('.')
        || name.starts_with("~$")
        || UNFINISHED.iter().any(|ending| name.ends_with(ending))
        || OF_SYSTEMS.contains(&name.as_str())
}

/// What a file's name says it is.
pub(super) fn kind(name: &str) -> Option<FileKind> {
    let name = folded(name);
    let (stem, ending) = name.rsplit_once('.')?;
    let stem = original(stem);
    let digits = stem.strip_prefix("report").unwrap_or_default();
    // The vendor names an exported report after the time of the export.
    let is_report =
        digits.len() >= REPORT_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    match ending {
        "csv"
            if is_report
                || Path::new(stem).extension().is_some_and(|ending| ending == "report") =>
        {
            Some(FileKind::Report)
        }
        "ndjson" | "jsonl" => Some(FileKind::Activity),
        "json" => Some(FileKind::Json),
        "csv" => Some(FileKind::Csv),
        "html" | "htm" => Some(FileKind::Html),
        "txt" => Some(FileKind::Text),
        _ => None,
    }
}

/// The user after whom a file is named, `ann@acme.example.html`; a copy of it is still the same user's.
///
/// # Errors
/// When the name has an address and something else.
pub(super) fn user(name: &str) -> Result<Option<String>, String> {
    // A name is decomposed where a Mac made it.
    let name = folded(name);
    let stem = original(name.rsplit_once('.').map_or(&*name, |(stem, _)| stem));
    let Some((local, domain)) = stem.rsplit_once('@') else {
        return Ok(None);
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    let is_domain = domain.chars().all(|letter| {
        letter.is_alphanumeric() || !letter.is_ascii() || matches!(letter, '.' | '-' | '_')
    });
    // A top-level domain is letters alone, or xn-- and their encoding: `acme.example-1` is a browser's second copy.
    let is_top = last.starts_with("xn--")
        || !last.is_empty()
            && !last
                .contains(|letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '_'));
    if !is_domain
        || !is_top
        || local.contains(['@', ',', ';'])
        || stem.contains(char::is_whitespace)
    {
        return Err(
            "the file's name has an address and something else, so whose page it is cannot be known; name it after the user alone, like ann@acme.example.html".to_owned(),
        );
    }
    Ok(Some(stem.to_owned()))
}

/// A folded name without what says that it is a copy: ` (1)`, ` - Copy`, ` copy 2`.
fn original<'a>(stem: &'a str) -> &'a str {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut rest = stem.trim_end();
    loop {
        let numbered = rest
            .strip_suffix(')')
            .and_then(|rest| rest.rsplit_once('('))
            .filter(|(_, number)| digits(number))
            .map(|(rest, _)| rest);
        let counted =
            rest.rsplit_once(' ').filter(|(_, number)| digits(number)).map(|(rest, _)| rest);
        let copied = |rest: &'a str| COPIES.iter().find_map(|copy| rest.strip_suffix(copy));
        let copy_of = copied(rest).or_else(|| counted.and_then(copied));
        match numbered.or(copy_of) {
            Some(shorter) if !shorter.trim_end().is_empty() => rest = shorter.trim_end(),
            _ => return rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_a_file_are_of_the_same_user() {
        for name in [
            "ann@acme.example.txt",
            "ann@acme.example (1).txt",
            "ann@acme.example(12).txt",
            "ann@acme.example - Copy.txt",
            "ann@acme.example - Copy (2).txt",
            "ann@acme.example copy.txt",
            "ann@acme.example copy 2.txt",
            "ann@acme.example (copy).txt",
            "ann@acme.example - Kopie.txt",
            "ann@acme.example - Cópia (3).txt",
            "ann@acme.example (1) (1).html",
            "Ann@Acme.example (1).txt",
            "ann@acme.example - Co\u{301}pia.txt",
        ] {
            assert_eq!(user(name), Ok(Some("ann@acme.example".to_owned())), "{name}");
        }
        assert_eq!(user("page (1).txt"), Ok(None));
        assert_eq!(user("(1).txt"), Ok(None));
        assert_eq!(user("böhm@münchen.example.htm"), Ok(Some("böhm@münchen.example".to_owned())));
        assert_eq!(user("ann@acme.xn--p1ai - Copy.htm"), Ok(Some("ann@acme.xn--p1ai".to_owned())));
    }

    #[test]
    fn a_name_with_more_than_an_address_is_refused() {
        for name in [
            "page of ann@acme.example.txt",
            "ann@acme.example old.txt",
            "ann@acme.example - Másolat.txt",
            "ann@acme.example.1.txt",
            "ann@acme.example-1.txt",
            "ann@acme.example_2.txt",
            "ann@acme.example,bob@acme.example.txt",
            "ann@.txt",
            "ann@acme.example [1].txt",
        ] {
            assert!(user(name).is_err(), "{name}");
        }
    }

    #[test]
    fn names_of_uploads_and_of_systems_are_left_alone() {
        for name in [
            ".x",
            "a.json.TMP",
            "a.part",
            "a.json.filepart",
            "a.csv.partial",
            "Unconfirmed 1.crdownload",
            "Thumbs.db",
            "desktop.ini",
            "~$page.html",
            "a.html.download",
        ] {
            assert!(is_unfinished(name), "{name}");
        }
        for name in ["a.json", "parts.csv", "tmp", "thumbs.db.json", "a~$.csv"] {
            assert!(!is_unfinished(name), "{name}");
        }
    }

    #[test]
    fn the_vendors_own_names_of_reports_are_reports() {
        for name in [
            "report1795355520123.csv",
            "report1795355520123 (1).csv",
            "Report1795355520123 - Copy.CSV",
            "a.report.csv",
            "a.report (2).csv",
        ] {
            assert_eq!(kind(name), Some(FileKind::Report), "{name}");
        }
        for name in [
            "report.csv",
            "report2026.csv",
            "report1795355520123x.csv",
            "myreport1795355520123.csv",
        ] {
            assert_eq!(kind(name), Some(FileKind::Csv), "{name}");
        }
        assert_eq!(kind("report1795355520123.json"), Some(FileKind::Json));
        assert_eq!((kind("a.docx"), kind("json")), (None, None));
    }
}
