//! Steps as people read them: what is typed or looked for by its exact name is set apart from the sentence.

use askama::Template;

/// A text of guidance with its commands and names of fields as code.
#[derive(Template)]
#[template(
    source = "{% for piece in pieces %}{% if piece.code %}<code>{{ piece.text }}</code>{% else %}{{ piece.text }}{% endif %}{% endfor %}",
    ext = "html",
    config = "src/web/pages/askama.toml"
)]
pub(super) struct Said<'a> {
    pieces: Vec<Piece<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Piece<'a> {
    code: bool,
    text: &'a str,
}

/// Sets commands and names of fields apart. Guidance's own texts have no marks, because they are printed as they are.
pub(super) fn said(text: &str) -> Said<'_> {
    let mut pieces = Vec::new();
    // Where the text since the last piece begins, and the code that may go on.
    let (mut since, mut code): (usize, Option<(usize, usize)>) = (0, None);
    let (mut at, mut after_option) = (0, false);
    for word in text.split_inclusive(' ') {
        let bare = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        let (begin, end) = (at, at + bare.len());
        at += word.len();
        // What follows a command without a comma or a full stop: its options, their values, and words in capitals.
        let adjoins = code.is_some_and(|(_, upto)| text.get(upto..begin) == Some(" "));
        let is_option = bare.starts_with('-');
        let is_stand_in = bare.bytes().all(|byte| byte.is_ascii_uppercase());
        let goes_on = adjoins && (after_option || is_option || is_stand_in);
        after_option = adjoins && is_option;
        if goes_on || is_name(bare) {
            let from = match code.filter(|_| adjoins) {
                Some((from, _)) => from,
                None => {
                    close(&mut pieces, text, &mut since, code);
                    begin
                }
            };
            code = Some((from, end));
        }
    }
    close(&mut pieces, text, &mut since, code);
    if let Some(rest) = text.get(since..).filter(|rest| !rest.is_empty()) {
        pieces.push(Piece {
            code: false,
            text: rest,
        });
    }
    Said { pieces }
}

/// Adds what stands before a piece of code, and the piece.
fn close<'a>(
    pieces: &mut Vec<Piece<'a>>,
    text: &'a str,
    since: &mut usize,
    code: Option<(usize, usize)>,
) {
    let Some((from, upto)) = code else {
        return;
    };
    for (code, part) in [
        (false, text.get(*since..from)),
        (true, text.get(from..upto)),
    ] {
        if let Some(text) = part.filter(|text| !text.is_empty()) {
            pieces.push(Piece { code, text });
        }
    }
    *since = upto;
}

/// A command (`Get-ADUser`), or a name that is long and has capitals within (`AccountExpirationDate`).
fn is_name(word: &str) -> bool {
    let capital_after = |before: fn(&u8) -> bool| {
        word.as_bytes()
            .windows(2)
            .any(|pair| matches!(pair, [one, two] if before(one) && two.is_ascii_uppercase()))
    };
    let is_command = word.starts_with(|letter: char| letter.is_ascii_uppercase())
        && capital_after(|byte| *byte == b'-')
        && !word.contains(['/', '.']);
    is_command || (word.len() >= 12 && capital_after(u8::is_ascii_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::causes::Cause;
    use crate::guidance;

    fn code(text: &str) -> Vec<&str> {
        let Said { pieces } = said(text);
        let whole: String = pieces.iter().map(|piece| piece.text).collect();
        assert_eq!(whole, text);
        pieces
            .into_iter()
            .filter(|piece| piece.code)
            .map(|piece| piece.text)
            .collect()
    }

    #[test]
    fn commands_and_long_names_are_code_and_nothing_is_lost() {
        for (text, wanted) in [
            (
                "Locked? Get-ADUser ACCOUNT -Properties Enabled,LockedOut,PasswordExpired.",
                vec!["Get-ADUser ACCOUNT -Properties Enabled,LockedOut,PasswordExpired"],
            ),
            (
                "Where does it live? Get-Mailbox USER, fields AdminDisplayVersion.",
                vec!["Get-Mailbox USER", "AdminDisplayVersion"],
            ),
            (
                "Look: Get-MailboxFolderStatistics USER -FolderScope Contacts, or Calendar.",
                vec!["Get-MailboxFolderStatistics USER -FolderScope Contacts"],
            ),
            ("Open a Salesforce case. Ask IT.", vec![]),
        ] {
            assert_eq!(code(text), wanted);
        }
        for reason in Cause::ALL {
            for step in guidance::cause(*reason).steps {
                code(step.text);
            }
        }
    }
}
