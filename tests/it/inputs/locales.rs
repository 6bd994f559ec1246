//! Locales: dates, times and counts as their readers see them, each of an instant that was there first.

use super::{COUNTS, DATES, INSTANTS, Inputs, NOW, context, days, org};
use crate::random::Random;
use chrono_tz::Tz;
use lightning_sync_exporter::domain::ids::ObjectType;
use lightning_sync_exporter::domain::policy::DateOrder;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue};
use lightning_sync_exporter::sources::page::{PageContext, PageForm, parse};
use lightning_sync_exporter::sources::snapshot::parse_json;

/// Year, month, day, hour and minute on somebody's clock.
type Local = [i64; 5];

/// Zones without daylight saving time, with their minutes east of Greenwich.
const ZONES: [(Tz, i64); 8] = [
    (Tz::UTC, 0),
    (Tz::Asia__Kolkata, 330),
    (Tz::Asia__Tokyo, 540),
    (Tz::Asia__Kathmandu, 345),
    (Tz::America__Phoenix, -420),
    (Tz::America__Bogota, -300),
    (Tz::Australia__Brisbane, 600),
    (Tz::Africa__Lagos, 60),
];

fn half(hour: i64, halves: [&'static str; 2]) -> (i64, &'static str) {
    ((hour + 11) % 12 + 1, halves[usize::from(hour >= 12)])
}

fn in_digits(text: &str, zero: char) -> String {
    let digit = |letter: char| {
        letter.to_digit(10).and_then(|digit| char::from_u32(u32::from(zero) + digit))
    };
    text.chars().map(|letter| digit(letter).unwrap_or(letter)).collect()
}

const ENGLISH: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const GERMAN: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];
const SPANISH: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];
const FRENCH: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

type Writer = fn(Local) -> String;

/// How locales write a time, by their published patterns, and the order that is configured for them.
const WRITERS: [(&str, DateOrder, Writer); 30] = [
    ("de", DateOrder::Dmy, |[y, m, d, h, i]| format!("{d:02}.{m:02}.{y}, {h:02}:{i:02}")),
    ("de, long", DateOrder::Dmy, |[y, m, d, h, i]| {
        format!("{d}. {} {y} um {h:02}:{i:02}", GERMAN[m as usize - 1])
    }),
    ("da", DateOrder::Dmy, |[y, m, d, h, i]| format!("{d:02}.{m:02}.{y} {h:02}.{i:02}")),
    ("fi", DateOrder::Dmy, |[y, m, d, h, i]| format!("{d}.{m}.{y} klo {h}.{i:02}")),
    ("sv", DateOrder::Ymd, |[y, m, d, h, i]| format!("{y}-{m:02}-{d:02} {h:02}:{i:02}")),
    ("nb", DateOrder::Dmy, |[y, m, d, h, i]| format!("{d:02}.{m:02}.{y}, {h:02}:{i:02}")),
    ("nl", DateOrder::Dmy, |[y, m, d, h, i]| format!("{d:02}-{m:02}-{y}, {h:02}:{i:02}")),
    ("fr", DateOrder::Dmy, |[y, m, d, h, i]| format!("{d:02}/{m:02}/{y} {h:02}:{i:02}")),
    ("fr, long", DateOrder::Dmy, |[y, m, d, h, i]| {
        format!("{d} {} {y} à {h:02}:{i:02}", FRENCH[m as usize - 1])
    }),
    ("fr-CA", DateOrder::Ymd, |[y, m, d, h, i]| format!("{y}-{m:02}-{d:02} {h:02} h {i:02}")),
    ("en-US", DateOrder::Mdy, |[y, m, d, h, i]| {
        let (h, half) = half(h, ["AM", "PM"]);
        format!("{m}/{d}/{y}, {h}:{i:02}\u{202f}{half}")
    }),
    ("en-US, medium", DateOrder::Mdy, |[y, m, d, h, i]| {
        let (h, half) = half(h, ["AM", "PM"]);
        format!("{} {d}, {y}, {h}:{i:02} {half}", ENGLISH[m as usize - 1])
    }),
    ("en-AU", DateOrder::Dmy, |[y, m, d, h, i]| {
        let (h, half) = half(h, ["am", "pm"]);
        format!("{d}/{m:02}/{y}, {h}:{i:02}\u{a0}{half}")
    }),
    ("en-GB", DateOrder::Dmy, |[y, m, d, h, i]| format!("{d:02}/{m:02}/{y}, {h:02}:{i:02}")),
    ("es", DateOrder::Dmy, |[y, m, d, h, i]| format!("{d}/{m}/{y}, {h}:{i:02}")),
    ("es, long", DateOrder::Dmy, |[y, m, d, h, i]| {
        format!("{d} de {} de {y}, {h}:{i:02}", SPANISH[m as usize - 1])
    }),
    ("es-MX", DateOrder::Dmy, |[y, m, d, h, i]| {
        let (h, half) = half(h, ["a.m.", "p.m."]);
        format!("{d:02}/{m:02}/{y}, {h}:{i:02} {half}")
    }),
    ("pt-BR", DateOrder::Dmy, |[y, m, d, h, i]| format!("{d:02}/{m:02}/{y}, {h:02}:{i:02}")),
    ("it", DateOrder::Dmy, |[y, m, d, h, i]| format!("{d:02}/{m:02}/{y}, {h:02}:{i:02}")),
    ("hu", DateOrder::Ymd, |[y, m, d, h, i]| format!("{y}. {m:02}. {d:02}. {h}:{i:02}")),
    ("hr", DateOrder::Dmy, |[y, m, d, h, i]| format!("{d:02}. {m:02}. {y}. {h:02}:{i:02}")),
    ("cs", DateOrder::Dmy, |[y, m, d, h, i]| format!("{d}. {m}. {y} {h}:{i:02}")),
    ("bg", DateOrder::Dmy, |[y, m, d, h, i]| format!("{d}.{m:02}.{y}\u{202f}г., {h}:{i:02} ч.")),
    ("el", DateOrder::Dmy, |[y, m, d, h, i]| {
        let (h, half) = half(h, ["π.μ.", "μ.μ."]);
        format!("{d}/{m}/{y}, {h}:{i:02} {half}")
    }),
    ("ko", DateOrder::Ymd, |[y, m, d, h, i]| {
        let (h, half) = half(h, ["오전", "오후"]);
        format!("{y}. {m}. {d}. {half} {h}:{i:02}")
    }),
    ("ja", DateOrder::Ymd, |[y, m, d, h, i]| format!("{y}/{m:02}/{d:02} {h}:{i:02}")),
    ("zh-CN, long", DateOrder::Ymd, |[y, m, d, h, i]| format!("{y}年{m}月{d}日 {h:02}:{i:02}")),
    ("th", DateOrder::Dmy, |[y, m, d, h, i]| format!("{d}/{m}/{} {h:02}:{i:02}", y + 543)),
    ("ar-EG", DateOrder::Dmy, |[y, m, d, h, i]| {
        let (h, half) = half(h, ["ص", "م"]);
        in_digits(&format!("{d}\u{200f}/{m}\u{200f}/{y}، {h}:{i:02} {half}"), '\u{660}')
    }),
    ("hi, Devanagari digits", DateOrder::Dmy, |[y, m, d, h, i]| {
        in_digits(&format!("{d:02}/{m:02}/{y}, {h:02}:{i:02}"), '\u{966}')
    }),
];

fn local(random: &mut Random) -> Local {
    // Midnight and noon often, because clocks of twelve hours differ there.
    let hour = if random.below(3) == 0 { random.one_of(&[0, 12]) } else { random.between(0, 23) };
    let (year, month) = (random.between(2015, 2025), random.between(1, 12));
    [year, month, random.between(1, 28), hour, random.between(0, 59)]
}

/// The seconds since 1970 of a local time so many minutes east of Greenwich.
fn instant([year, month, day, hour, minute]: Local, east: i64) -> i64 {
    days(year, month, day) * 86_400 + hour * 3_600 + (minute - east) * 60
}

fn page(line: &str, time_zone: Tz, date_order: DateOrder) -> Result<OrgValue, String> {
    let org = org();
    let context =
        PageContext { org: &org, now: NOW, captured_at: None, user: None, time_zone, date_order };
    let body = format!("{line}\nContacts\n");
    let body = if line.starts_with("Last") { format!("Contacts\n{line}\nEvents\n") } else { body };
    let snapshot = parse(body.as_bytes(), PageForm::Text, &context)
        .map_err(|error| format!("refused: {:?}", error.errors))?;
    match snapshot.rows.as_slice() {
        [(OrgRow::LastSync(ObjectType::Contacts) | OrgRow::LinkedUsers, value)] => {
            Ok(value.clone())
        }
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn times_are_the_instants_that_were_written() {
    let (mut inputs, mut random) = Inputs::new("dates");
    for number in 0..DATES - 12 {
        let (locale, order, write) = WRITERS[number % WRITERS.len()];
        let (zone, east) = random.one_of(&ZONES);
        let at = local(&mut random);
        let line = format!("Last sync activity: {}", write(at));
        let got = page(&line, zone, order).map(|value| {
            let OrgValue::Instant(at) = value else { panic!("{value:?}") };
            at.nanos() / 1_000_000_000
        });
        inputs.is(|| format!("{locale} {line} {zone}"), &got, &Ok(instant(at, east)));
    }
    // What is no time, or could be two, is refused.
    for number in 0..12 {
        let [year, month, _, hour, minute] = local(&mut random);
        let late = random.between(13, 28);
        let text = match number {
            0 => format!("{month:02}/{late}/{year} {hour:02}:{minute:02}"),
            1 => format!("30.02.{year} {hour:02}:{minute:02}"),
            2 => format!("{late}.{month:02}.{year} 24:{minute:02}"),
            3 => format!("{late}.{month:02}.{year} {hour:02}:60"),
            4 => format!("{late}.{month:02}.{year}"),
            5 => format!("{hour} minutes ago"),
            6 => format!("{late}. lip {year} {hour:02}:{minute:02}"),
            7 => format!("{late}.{month:02}.1999 {hour:02}:{minute:02}"),
            8 => format!("{late}.{month:02}.{year} {}:{minute:02} PM", random.between(13, 23)),
            9 => format!("{late}.{month:02}.{year} {hour:02}:{minute:02} CST"),
            10 => format!("yesterday {hour:02}:{minute:02}"),
            _ => format!("{late}.{month:02}.{year} - {late}.{month:02}.{year}"),
        };
        let line = format!("Last sync activity: {text}");
        let got = page(&line, Tz::UTC, DateOrder::Dmy);
        inputs.is(|| format!("{line}: {got:?}"), &got.is_err(), &true);
    }
    inputs.finish(DATES);
}

#[test]
fn counts_are_the_numbers_that_were_written() {
    let (mut inputs, mut random) = Inputs::new("counts");
    let separators = [",", ".", " ", "\u{a0}", "\u{202f}", "'", "’", ""];
    for number in 0..COUNTS - 4 {
        let digits = random.between(1, 10) as u32;
        let count = random.below(10_u64.pow(digits));
        let separator = separators[number % separators.len()];
        let plain = count.to_string();
        let mut grouped = String::new();
        for (place, digit) in plain.chars().enumerate() {
            if place > 0 && (plain.len() - place).is_multiple_of(3) {
                grouped += separator;
            }
            grouped.push(digit);
        }
        let zero = random.one_of(&['0', '0', '0', '\u{660}', '\u{966}']);
        let line = format!(
            "Users with linked Microsoft Exchange and Salesforce email addresses: {}",
            in_digits(&grouped, zero)
        );
        let got = page(&line, Tz::UTC, DateOrder::Dmy);
        inputs.is(|| line.clone(), &got, &Ok(OrgValue::Count(count)));
    }
    for text in ["1.5", "1,20", "-3", "about 40"] {
        let line =
            format!("Users with linked Microsoft Exchange and Salesforce email addresses: {text}");
        inputs.is(|| line.clone(), &page(&line, Tz::UTC, DateOrder::Dmy).is_err(), &true);
    }
    inputs.finish(COUNTS);
}

#[test]
fn instants_are_read_as_systems_write_them() {
    let (mut inputs, mut random) = Inputs::new("instants");
    for _ in 0..INSTANTS {
        let at = local(&mut random);
        let [year, month, day, hour, minute] = at;
        let east: i64 = random.one_of(&[0, 0, 60, 330, 345, -420, -210, 840, -1]);
        let (sign, ahead) = (if east < 0 { '-' } else { '+' }, east.abs());
        let colon = random.one_of(&["", ":"]);
        let zone = match random.below(3) {
            0 if east == 0 => random.one_of(&["Z", "z"]).to_owned(),
            _ => format!("{sign}{:02}{colon}{:02}", ahead / 60, ahead % 60),
        };
        let nanos = random.below(1_000_000_000);
        let places = random.below(10) as usize;
        let fraction = format!("{nanos:09}");
        let shown: i64 = format!("{:0<9}", &fraction[..places]).parse().unwrap();
        let point = if places == 0 { String::new() } else { format!(".{}", &fraction[..places]) };
        let t = random.one_of(&["T", "T", "t"]);
        let text = format!("{year}-{month:02}-{day:02}{t}{hour:02}:{minute:02}:07{point}{zone}");
        let right = (instant(at, east) + 7) * 1_000_000_000 + shown;
        let json = format!("{{\"contacts\":{{\"last_sync\":\"{text}\"}}}}");
        let got = parse_json(json.as_bytes(), &context(&org()))
            .map_err(|error| format!("{:?}", error.errors))
            .map(|snapshot| match snapshot.rows.as_slice() {
                [(_, OrgValue::Instant(at))] => at.nanos(),
                other => panic!("{other:?}"),
            });
        inputs.is(|| text.clone(), &got, &Ok(right));
    }
    inputs.finish(INSTANTS);
}
