use super::*;

fn writing(order: DateOrder, zone: &str) -> Writing {
    Writing {
        time_zone: zone.parse().unwrap(),
        order,
        captured_at: instant::parse("2026-11-22T14:00:00Z").unwrap(),
    }
}

fn read(text: &str, order: DateOrder) -> Result<String, DateError> {
    parse(text, &writing(order, "Europe/Berlin")).map(|at| at.to_string())
}

#[test]
fn dates_are_read_in_the_order_of_the_organisation() {
    use DateOrder::{Dmy, Mdy, Ymd};
    let same = Ok("2026-03-04T13:52:00Z".to_owned());
    for (text, order) in [
        ("04.03.2026 14:52", Dmy),
        ("4.3.2026 14:52", Dmy),
        ("04/03/2026, 14:52", Dmy),
        ("04-03-2026 2:52 PM", Dmy),
        ("04.03.26 14:52", Dmy),
        ("4. 3. 2026 14:52", Dmy),
        ("04.03.2026. 14:52", Dmy),
        ("14:52 04/03/2026", Dmy),
        ("3/4/2026 2:52 PM", Mdy),
        ("3/4/2026, 2:52 pm", Mdy),
        ("3/4/2026 2:52p.m.", Mdy),
        ("3/4/2026 2:52\u{202f}p. m.", Mdy),
        ("03/04/2026 14:52:00", Mdy),
        ("2026-03-04 14:52", Ymd),
        ("2026/3/4 14:52", Ymd),
        ("26-03-04 14:52", Ymd),
        ("2026. 3. 4. 14:52", Ymd),
        ("2026-03-04 14:52", Dmy),
        ("Mar 4, 2026 2:52 PM", Dmy),
        ("March 4, 2026, 2:52 PM", Ymd),
        ("Wed, 4 March 2026 14:52", Mdy),
        ("Wednesday, Mar. 4 2026 14:52", Mdy),
        ("04-Mar-2026 14:52", Mdy),
        ("4. March 2026 14:52", Mdy),
        ("2026-03-04T13:52:00Z", Mdy),
        ("2026-03-04T14:52:00+01:00", Mdy),
        ("4.3.2026 13:52 UTC", Dmy),
        ("4.3.2026 15:52 GMT+2", Dmy),
        ("4.3.2026 05:52 (UTC-08:00)", Dmy),
        ("4.3.2026 19:22 +0530", Dmy),
    ] {
        assert_eq!(read(text, order), same, "{text}");
    }
}

#[test]
fn noon_and_midnight_of_a_twelve_hour_clock_differ() {
    let read = |text: &str| read(text, DateOrder::Mdy).unwrap();
    assert_eq!(read("11/22/2026 12:05 AM"), "2026-11-21T23:05:00Z");
    assert_eq!(read("11/22/2026 12:05 PM"), "2026-11-22T11:05:00Z");
    assert_eq!(read("11/22/2026 1:05 AM"), "2026-11-22T00:05:00Z");
    assert_eq!(read("11/22/2026 00:05"), "2026-11-21T23:05:00Z");
}

#[test]
fn the_doubled_hour_is_the_later_one_unless_that_has_not_come_yet() {
    let mut writing = writing(DateOrder::Dmy, "Europe/Berlin");
    // On 2026-10-25 the clock goes back from 03:00 CEST to 02:00 CET.
    let at = |writing: &Writing| parse("25.10.2026 02:30", writing).unwrap().to_string();
    assert_eq!(at(&writing), "2026-10-25T01:30:00Z");
    writing.captured_at = instant::parse("2026-10-25T00:40:00Z").unwrap();
    assert_eq!(at(&writing), "2026-10-25T00:30:00Z");
}

#[test]
fn the_skipped_hour_is_no_time() {
    assert_eq!(
        read("29.03.2026 02:30", DateOrder::Dmy).unwrap_err().to_string(),
        "is skipped by the change to daylight saving time in Europe/Berlin; is time_zone right?"
    );
}

#[test]
fn what_is_cut_or_impossible_is_refused() {
    use DateError::{NoSuchDay, NoSuchTime, Shape, Zone};
    let dmy = DateOrder::Dmy;
    for (text, error) in [
        ("", Shape),
        ("22", Shape),
        ("22.11.2026", Shape),
        ("22.11.2026 14", Shape),
        ("22.11.2026 14:", Shape),
        ("22.11.2026 14:5", Shape),
        ("22.11 14:52", Shape),
        ("22.11/2026 14:52", Shape),
        ("22.11.202 14:52", Shape),
        ("14:52", Shape),
        ("5 minutes ago", DateError::Word("\"minutes\"".to_owned())),
        ("11/22/2026 2:52 PM", NoSuchDay(dmy)),
        ("31.02.2026 14:52", NoSuchDay(dmy)),
        ("00.01.2026 14:52", NoSuchDay(dmy)),
        ("22.11.2026 24:00", NoSuchTime),
        ("22.11.2026 13:05 PM", NoSuchTime),
        ("22.11.2026 0:05 AM", NoSuchTime),
        ("22.11.2026 14:60", NoSuchTime),
        ("22.11.2026 14:52 CST", DateError::Word("\"cst\"".to_owned())),
        ("22.11.2026 14:52 +99:00", Zone),
        ("22.11.2026 14:52 22.11.2026 14:52", Shape),
        ("9999999999.11.2026 14:52", Shape),
    ] {
        assert_eq!(read(text, dmy), Err(error), "{text}");
    }
}

#[test]
fn what_locales_write_is_read_whatever_is_configured_beside_the_order() {
    let same = Ok("2026-11-22T13:52:00Z".to_owned());
    for text in [
        "22.11.2026 14.52",
        "22.11.2026. 14.52",
        "22.11.2026 klo 14.52",
        "22/11/2026 kl. 14.52",
        "14.52 22.11.2026",
        "2026-11-22 14 h 52",
        "22/11/2026 à 14h52",
        "22/11/2026, 2:52\u{202f}μ.μ.",
        "22.11.2026\u{202f}г., 14:52 ч.",
        "2026. 11. 22. 오후 2:52",
        "2026/11/22 下午2:52",
        "2026年11月22日 14:52",
        "2026年11月22日 下午 2:52",
        "\u{662}\u{662}\u{200f}/\u{661}\u{661}\u{200f}/\u{662}\u{660}\u{662}\u{666}\u{60c} \u{662}:\u{665}\u{662} م",
        "२२/११/२०२६, २:५२ अपराह्न",
        "22/11/2569 14:52",
        "22/11/69 14:52",
        "22 de nov. de 2026, 14:52",
        "22. lis. 2026 14:52",
        "nov. 22 2026 14:52",
        "22-nov.-2026 14:52:00",
        "2026. gada 22. nov. 14:52",
    ] {
        let found = read(text, DateOrder::Dmy);
        if text.contains("lis") {
            assert_eq!(found, Err(DateError::Differs("\"lis\"".to_owned())));
        } else {
            assert_eq!(found, same, "{text}");
        }
    }
    // Hours of one part of the day: noon is no morning, and the night begins at 19.
    for (text, at) in [
        ("2026/11/22 中午12:05", "2026-11-22T11:05:00Z"),
        ("2026/11/22 凌晨4:05", "2026-11-22T03:05:00Z"),
        ("2026/11/22 晚上11:05", "2026-11-22T22:05:00Z"),
    ] {
        assert_eq!(read(text, DateOrder::Ymd), Ok(at.to_owned()), "{text}");
    }
    assert_eq!(read("2026/11/22 中午4:05", DateOrder::Ymd), Err(DateError::NoSuchTime));
}

#[test]
fn what_could_be_two_times_or_is_of_another_calendar_is_refused_by_name() {
    for (text, error) in [
        ("10.11.12 11.12.13", DateError::Year(2012)),
        ("10.11.22 11.12.23", DateError::Ambiguous),
        ("۱۴۰۵/۹/۱ ۱۴:۵۲", DateError::Year(1405)),
        ("1 آذر 1405، 14:52", DateError::Word("\"آذر\"".to_owned())),
        ("R8/11/22 14:52", DateError::Word("\"r\"".to_owned())),
    ] {
        assert_eq!(read(text, DateOrder::Dmy), Err(error), "{text}");
    }
    assert_eq!(read("10.11.22 11.13.53", DateOrder::Dmy), Ok("2022-11-10T10:13:53Z".to_owned()));
}
