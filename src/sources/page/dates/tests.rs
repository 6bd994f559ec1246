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
fn noon_and_midnight_of_a_twelve_hour_clock_are_told_apart() {
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
        read("29.03.2026 02:30", DateOrder::Dmy)
            .unwrap_err()
            .to_string(),
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
        ("5 minutes ago", Shape),
        ("11/22/2026 2:52 PM", NoSuchDay(dmy)),
        ("31.02.2026 14:52", NoSuchDay(dmy)),
        ("00.01.2026 14:52", NoSuchDay(dmy)),
        ("22.11.2026 24:00", NoSuchTime),
        ("22.11.2026 13:05 PM", NoSuchTime),
        ("22.11.2026 0:05 AM", NoSuchTime),
        ("22.11.2026 14:60", NoSuchTime),
        ("22.11.2026 14:52 CST", Zone),
        ("22.11.2026 14:52 +99:00", Zone),
        ("22.11.2026 14:52 22.11.2026 14:52", Shape),
        ("9999999999.11.2026 14:52", Shape),
    ] {
        assert_eq!(read(text, dmy), Err(error), "{text}");
    }
}
