//! Names: one person in every spelling and by every way in is one user, and two people stay two.

use super::{Inputs, NAMES, NOW, context, org};
use crate::random::Random;
use lightning_sync_exporter::domain::observation::Snapshot;
use lightning_sync_exporter::domain::policy::DateOrder;
use lightning_sync_exporter::sources::files::{FileKind, Taken, Watcher};
use lightning_sync_exporter::sources::page::{PageContext, PageForm, parse};
use lightning_sync_exporter::sources::snapshot::{parse_csv, parse_json};
use std::time::Duration;

/// Letters as they are compared, and every way to write them.
const LETTERS: [(&str, &[&str]); 20] = [
    ("a", &["a", "A"]),
    ("b", &["b", "B"]),
    ("i", &["i", "I"]),
    ("k", &["k", "K"]),
    ("n", &["n", "N"]),
    ("s", &["s", "S"]),
    ("z", &["z", "Z"]),
    ("0", &["0"]),
    ("7", &["7"]),
    ("é", &["é", "É", "e\u{301}", "E\u{301}"]),
    ("ü", &["ü", "Ü", "u\u{308}", "U\u{308}"]),
    ("å", &["å", "Å", "a\u{30a}", "A\u{30a}", "\u{212b}"]),
    ("ñ", &["ñ", "Ñ", "n\u{303}", "N\u{303}"]),
    ("ș", &["ș", "Ș", "s\u{326}", "S\u{326}"]),
    ("ệ", &["ệ", "Ệ", "e\u{323}\u{302}", "E\u{302}\u{323}", "ẹ\u{302}", "ê\u{323}"]),
    ("й", &["й", "Й", "и\u{306}", "И\u{306}"]),
    ("ё", &["ё", "Ё", "е\u{308}", "Е\u{308}"]),
    ("ά", &["ά", "Ά", "α\u{301}", "Α\u{301}"]),
    ("が", &["が", "か\u{3099}"]),
    ("한", &["한", "\u{1112}\u{1161}\u{11ab}"]),
];
const DOMAINS: [(&str, &[&str]); 3] = [
    ("@corp.example", &["@corp.example", "@Corp.Example", "@CORP.EXAMPLE"]),
    ("@münchen.example", &["@münchen.example", "@MÜNCHEN.example", "@Mu\u{308}nchen.Example"]),
    ("@xn--mnchen-3ya.example", &["@xn--mnchen-3ya.example", "@XN--MNCHEN-3YA.EXAMPLE"]),
];
/// What people do not see in what they copied from a page: marks of direction, and what has no width.
const UNSEEN: [&str; 8] = ["", "", "", "\u{200b}", "\u{200e}", "\u{feff}", "\u{ad}", "\u{2060}"];
/// What stands behind the name of a second copy.
const COPIES: [&str; 10] = [
    "",
    " (1)",
    "(2)",
    " (17)",
    " - Copy",
    " - Copy (3)",
    " copy",
    " copy 2",
    " - Kopie",
    " - Copia (2)",
];
/// Two names each that look alike or nearly so, of two people.
const TWO: [[&str; 2]; 10] = [
    ["ann@corp.example", "аnn@corp.example"],
    ["strasse@corp.example", "straße@corp.example"],
    ["jose@corp.example", "josé@corp.example"],
    ["o'neil@corp.example", "o’neil@corp.example"],
    ["ann@corp.example", "ann@corp.example.example"],
    ["ann.b@corp.example", "annb@corp.example"],
    ["ann+b@corp.example", "ann@corp.example"],
    ["ann@münchen.example", "ann@munchen.example"],
    ["ı@corp.example", "i@corp.example"],
    ["１@corp.example", "1@corp.example"],
];

/// A person's address as it is compared, and one way to write it.
struct Address {
    right: String,
    letters: Vec<(&'static str, &'static [&'static str])>,
}

impl Address {
    fn new(random: &mut Random) -> Self {
        let count = random.between(1, 9);
        let mut letters: Vec<_> = (0..count).map(|_| random.one_of(&LETTERS)).collect();
        if random.below(3) == 0 {
            let mark: (&str, &[&str]) = random.one_of(&[
                (".", &["."] as &[_]),
                ("-", &["-"]),
                ("+", &["+"]),
                ("_", &["_"]),
                ("'", &["'"]),
            ]);
            letters.push(mark);
            letters.push(random.one_of(&LETTERS));
        }
        letters.push(random.one_of(&DOMAINS));
        Self { right: letters.iter().map(|(right, _)| *right).collect(), letters }
    }

    fn spelled(&self, random: &mut Random) -> String {
        self.letters.iter().map(|(_, spellings)| random.one_of(spellings)).collect()
    }
}

fn names(snapshot: Result<Snapshot, impl std::fmt::Display>) -> Vec<String> {
    match snapshot {
        Ok(snapshot) => snapshot.users.iter().map(|(name, _)| name.to_string()).collect(),
        Err(error) => vec![format!("refused: {error}")],
    }
}

fn by_json(name: &str) -> Vec<String> {
    let json = serde_json::json!({ "users": [{ "user": name, "active_configuration": true }] });
    names(parse_json(json.to_string().as_bytes(), &context(&org())))
}

fn by_csv(name: &str) -> Vec<String> {
    let csv = format!("user,active_configuration\n\"{name}\",yes\n");
    names(parse_csv(csv.as_bytes(), &context(&org())))
}

fn by_page(name: &str) -> Vec<String> {
    let page = format!("User: {name}\nUser assigned to active Exchange configuration: Yes\n");
    let context = PageContext {
        org: &org(),
        now: NOW,
        captured_at: None,
        user: None,
        time_zone: chrono_tz::Tz::UTC,
        date_order: DateOrder::Dmy,
    };
    names(parse(page.as_bytes(), PageForm::Text, &context))
}

/// What a directory with one file hands over: its kind and user, or why not.
fn by_file(name: &str) -> Vec<(Option<FileKind>, Option<String>)> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(name), "a page").unwrap();
    let mut watcher = Watcher::new(directory.path().to_owned());
    let mut taken = Vec::new();
    for second in [0, 3] {
        watcher
            .look(Duration::from_secs(second), |found| {
                taken.push(found.map_or((None, None), |file| (Some(file.kind), file.user)));
                Taken::Accepted
            })
            .unwrap();
    }
    taken
}

#[test]
fn one_person_is_one_user_and_two_are_two() {
    let (mut inputs, mut random) = Inputs::new("names");
    for number in 0..40 {
        let address = Address::new(&mut random);
        let spelled = address.spelled(&mut random);
        let unseen = random.one_of(&UNSEEN);
        let around = random.one_of(&[("", ""), (" ", " "), ("\u{a0}", ""), ("", "\t")]);
        let written = format!("{}{spelled}{unseen}{}", around.0, around.1);
        let by: fn(&str) -> Vec<String> = [by_json, by_csv, by_page][number % 3];
        let got = by(&written);
        inputs.is(|| format!("{written:?} by way {}", number % 3), &got, &vec![address.right]);
    }
    for _ in 0..15 {
        let address = Address::new(&mut random);
        let copy = random.one_of(&COPIES);
        let (ending, kind) = random.one_of(&[
            (".txt", FileKind::Text),
            (".html", FileKind::Html),
            (".HTM", FileKind::Html),
        ]);
        let name = format!("{}{copy}{ending}", address.spelled(&mut random));
        let right = vec![(Some(kind), Some(address.right))];
        inputs.is(|| format!("{name:?}"), &by_file(&name), &right);
    }
    for (name, kind) in [
        ("report1795355520123.csv".to_owned(), Some(FileKind::Report)),
        (
            format!(
                "report{}{}.csv",
                random.between(1_600_000_000_000, 1_900_000_000_000),
                random.one_of(&COPIES)
            ),
            Some(FileKind::Report),
        ),
        (format!("page{}.html", random.one_of(&COPIES)), Some(FileKind::Html)),
        ("acme.json.filepart".to_owned(), None),
        ("Unconfirmed 991.crdownload".to_owned(), None),
        ("~$ann@corp.example.txt".to_owned(), None),
        (".~lock.ann@corp.example.csv#".to_owned(), None),
        ("THUMBS.DB".to_owned(), None),
        (".DS_Store".to_owned(), None),
        ("a.csv.PART".to_owned(), None),
    ] {
        let right: Vec<_> = kind.into_iter().map(|kind| (Some(kind), None)).collect();
        inputs.is(|| format!("{name:?}"), &by_file(&name), &right);
    }
    for name in [
        "of ann@corp.example.txt",
        "ann@corp.example and bob@corp.example.txt",
        "ann@corp.example.1.txt",
        "ann@corp.example;b@x.example.html",
        "ann@corp.example (old).txt",
    ] {
        inputs.is(|| format!("{name:?}"), &by_file(name), &vec![(None, None)]);
    }
    for both in TWO {
        let json =
            serde_json::json!({ "users": both.map(|name| serde_json::json!({ "user": name })) });
        let got = names(parse_json(json.to_string().as_bytes(), &context(&org()))).len();
        inputs.is(|| format!("{both:?}"), &got, &2);
    }
    inputs.finish(NAMES);
}
