//! The pages as they are sent: what stands where, and what they say of what is not known.

use super::fixture::{NOW, Setting, Site, minutes_ago, view};
use super::history::week;
use crate::support::http::{get, request};
use crate::support::stack::repository;
use chrono::TimeDelta;
use lightning_sync_exporter::domain::causes::Cause;
use lightning_sync_exporter::domain::ids::{ObjectType, OrgId, OrgName, Source, UserName};
use lightning_sync_exporter::domain::readings::Reading;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue};
use lightning_sync_exporter::domain::rows::{Status, UserRow, UserValue};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::users::{
    FAILURE_ORDER, UserEntry, UserReadings, UserSummary, UserTable,
};
use lightning_sync_exporter::domain::view::View;
use lightning_sync_exporter::guidance;
use lightning_sync_exporter::store::{History, HourTotal, ReadingChange, StoreError, UserChange};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn the_first_page_shows_the_worst_first_with_the_next_step_and_who() {
    let site = Site::start();
    let answer = get(site.address, "/");
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    let html = answer.text();
    let cause = guidance::cause(Cause::ServiceAccountNotRecognized);
    let step = &cause.steps[0];
    for wanted in [
        "<a href=\"/orgs/acme\">acme</a> <span class=\"badge broken\">BROKEN since 02:10</span>".to_owned(),
        "Since <time datetime=\"2026-11-22T02:10:00Z\" title=\"2026-11-22T02:10:00Z\">11 h ago <small>(02:10 UTC)</small></time>.".to_owned(),
        format!("<strong>Next, {}:</strong>", step.owner),
        "<a href=\"/metrics\">Metrics</a>".to_owned(),
        "<a href=\"/orgs/beta\">beta</a> <span class=\"badge unknown\">UNKNOWN</span>".to_owned(),
    ] {
        assert!(html.contains(&wanted), "{wanted} is missing:\n{html}");
    }
    assert!(html.find("acme") < html.find("beta"));
    let scripts: Vec<_> = html.split("<script").skip(1).collect();
    assert!(!html.contains("style=\""), "{html}");
    assert_eq!(scripts.len(), 1, "{html}");
    assert!(scripts[0].starts_with(" src=\"/assets/refresh.js?v="), "{html}");
    assert!(!html.contains("Nothing is wrong"), "unknown is not well");
}

#[test]
fn every_page_allows_its_own_style_and_nothing_inline_or_from_elsewhere() {
    let site = Site::start();
    for path in [
        "/",
        "/orgs/acme",
        "/orgs/beta",
        "/orgs/acme/users",
        "/orgs/acme/users/f000",
        "/orgs/acme/paste",
        "/orgs/acme/replay",
        "/runbooks/LightningSyncNoSyncIn24Hours",
    ] {
        let answer = get(site.address, path);
        let html = answer.text();
        assert_eq!(answer.status, 200, "{path}: {html}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';")
                && !policy.contains("unsafe"),
            "{policy}"
        );
        for inline in ["<style", "style=\"", "<script>", " onclick", "src=\"http", "url("] {
            assert!(!html.contains(inline), "{path} has {inline}");
        }
        let style = html.split("<link rel=\"stylesheet\" href=\"").nth(1).unwrap();
        let style = get(site.address, style.split('"').next().unwrap());
        assert_eq!(
            (style.status, style.header("content-type")),
            (200, Some("text/css; charset=utf-8"))
        );
    }
}

#[test]
fn an_organisation_s_page_names_cause_step_and_owner_before_everything_else() {
    let html = get(Site::start().address, "/orgs/acme").text();
    let cause = guidance::cause(Cause::ServiceAccountNotRecognized);
    let place =
        |text: &str| html.find(text).unwrap_or_else(|| panic!("{text} is missing:\n{html}"));
    let verdict = place("BROKEN since 02:10");
    let sentence = place("Salesforce does not accept svc…</bdi>");
    let next = place(&format!("DO NOW, {}:", cause.steps[0].owner));
    let glance = place("At a glance");
    assert!(verdict < sentence && sentence < next && next < glance);
    for wanted in [
        "<code>Unlock-ADAccount ACCOUNT</code>",
        "26 h ago",
        "Held back until that is repaired",
        "1 failing",
        "Lightning Sync ends",
        "snapshot",
        "/api/v1/orgs/acme",
    ] {
        place(wanted);
    }
}

#[test]
fn a_page_of_an_engine_that_stands_still_says_so() {
    let old = View { as_of: minutes_ago(1), store_failing: true, ..view() };
    let html = get(Site::with(Setting { view: old, ..Setting::default() }).address, "/").text();
    assert!(html.contains("The engine has not published for too long."), "{html}");
    assert!(html.contains("The store cannot write."), "{html}");
    let empty = View { orgs: Vec::new(), ..view() };
    let html = get(Site::with(Setting { view: empty, ..Setting::default() }).address, "/").text();
    assert!(html.contains("No organisation is configured."), "{html}");
}

#[test]
fn errors_are_pages_where_people_look_and_json_where_programs_ask() {
    let site = Site::start();
    for (path, status, wanted) in [
        ("/orgs/nobody", 404, "Unknown organisation"),
        ("/orgs/nobody/paste", 404, "Unknown organisation"),
        ("/orgs/acme/users/nobody", 404, "No source has named this user."),
        ("/orgs/acme/users?verdict=odd", 400, "Bad query"),
        ("/runbooks/Nothing", 404, "There is no alert of this name."),
        ("/orgs/acme/", 404, "Nothing is served"),
        ("/favicon.ico", 404, "Nothing is served"),
    ] {
        let browser = [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
        let answer = request(site.address, "GET", path, &browser, b"").unwrap();
        let html = answer.text();
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(html.contains(wanted) && html.contains("<h1>"), "{path}: {html}");
        assert!(answer.header("content-security-policy").is_some(), "{path}");
    }
    for path in ["/api/v1/orgs/nobody", "/api/v1/nothing", "/nothing"] {
        let answer = get(site.address, path);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
    }
    // Dashboards link by a cause's name, also where no alert speaks of it.
    assert_eq!(get(site.address, "/runbooks/retired").status, 200);
    let post = request(site.address, "POST", "/orgs/acme", &[], b"").unwrap();
    assert_eq!((post.status, post.header("allow")), (405, Some("GET,HEAD")));
}

#[test]
fn a_status_that_a_check_never_shows_finds_nobody_and_says_why() {
    let answer = get(
        Site::start().address,
        "/orgs/acme/users?verdict=&check=service_account&status=in_sync",
    );
    let html = answer.text();
    assert_eq!(answer.status, 200, "{html}");
    assert!(html.contains("never shows “In sync”") && html.contains("0 of 5 users"), "{html}");
}

#[test]
fn a_user_of_whom_only_something_is_known_is_not_fine() {
    let site = Site::start();
    let users = get(site.address, "/orgs/acme/users").text();
    assert!(users.contains("partly known") && !users.contains("badge fine"), "{users}");
    let html = get(site.address, "/orgs/acme/users/effe").text();
    assert!(html.contains("not every check that counts is known."), "{html}");
    let html = get(site.address, "/orgs/acme/users/effc").text();
    assert!(html.contains("No source has reported a check of this user"), "{html}");
}

/// acme with three users of whom every check is known and fine, the second in a reset for an hour, the third for a day.
fn in_resets(spoke: i64) -> Setting {
    let mut view = view();
    let mut acme = (*view.orgs[0]).clone();
    acme.last_report[Source::Snapshot] = Some(minutes_ago(spoke));
    let users = [None, Some(60), Some(1440)]
        .into_iter()
        .enumerate()
        .map(|(number, since)| {
            let mut cells = UserReadings::default();
            let state = |status: Status| UserValue::from(status);
            for row in FAILURE_ORDER {
                cells.take(row, state(Status::Yes), minutes_ago(6));
            }
            for row in UserRow::ALL.iter().filter(|row| row.is_direction()) {
                cells.take(*row, state(Status::NotSetToSync), minutes_ago(6));
            }
            cells.take(UserRow::EventsToExchange, state(Status::InSync), minutes_ago(6));
            if let Some(since) = since {
                cells.take(UserRow::Reset, state(Status::ResetInProgress), minutes_ago(since));
            }
            UserEntry {
                name: UserName::new(&format!("user{number}@corp.example")).unwrap(),
                pseudonym: format!("{number:04x}").into(),
                readings: Arc::new([(Source::Snapshot, cells)]),
            }
        })
        .collect();
    let table = UserTable { users, complete: true };
    acme.summary = Arc::new(UserSummary::of(&table, &acme.policy, &acme.live(NOW), NOW));
    acme.users = Arc::new(table);
    view.orgs[0] = Arc::new(acme);
    Setting { view, ..Setting::default() }
}

#[test]
fn a_user_who_hangs_or_of_whom_nobody_speaks_any_more_is_not_fine() {
    let site = Site::with(in_resets(6));
    let html = get(site.address, "/orgs/acme").text();
    for wanted in [">1 fine<", ">1 resetting<", ">1 stuck<", ">0 unknown<"] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    let users = get(site.address, "/orgs/acme/users?verdict=stuck").text();
    assert!(users.contains("1 of 3 users") && users.contains("badge attention\">stuck"), "{users}");
    for (user, wanted) in [
        ("0000", "Every check that counts is known, and none fails."),
        ("0001", "A reset waits or runs."),
        ("0002", "a reset has lasted longer than it may"),
    ] {
        let html = get(site.address, &format!("/orgs/acme/users/{user}")).text();
        assert!(html.contains(wanted), "{html}");
        // What is excluded by design is no trouble.
        assert!(html.contains("badge none\">Exchange configuration not set to sync"), "{html}");
    }
    let silent = Site::with(in_resets(90 * 60));
    let users = get(silent.address, "/orgs/acme/users").text();
    assert!(!users.contains("badge fine"), "{users}");
    for wanted in ["fine when last read", "in a reset when last read", "stuck when last read"] {
        assert!(users.contains(wanted), "{wanted}: {users}");
    }
    let html = get(silent.address, "/orgs/acme/users/0000").text();
    assert!(html.contains("badge held\">fine when last read"), "{html}");
}

#[test]
fn what_never_synced_is_not_told_as_unknown() {
    let mut view = view();
    let mut beta = (*view.orgs[1]).clone();
    beta.last_report[Source::Activity] = Some(minutes_ago(1));
    view.orgs[1] = Arc::new(beta);
    let site = Site::with(Setting { view, ..Setting::default() });
    let html = get(site.address, "/orgs/beta").text();
    assert!(html.contains("WAITING for the first sync"), "{html}");
    assert!(html.contains("<td class=\"waiting\">never</td>"), "{html}");
    assert!(html.contains("<bdi>never</bdi>"), "{html}");
    let row = html.split("<bdi>never</bdi>").nth(1).unwrap().split("</tr>").next().unwrap();
    assert!(row.contains("<span class=\"badge waiting\">not yet</span>"), "{row}");
    assert!(row.contains("No source that can tell has seen anything sync."), "{row}");
    let json = get(site.address, "/api/v1/orgs/beta").json();
    let mut rows = json["rows"].as_array().unwrap().iter();
    let last = rows.find(|row| row["row"] == "events.last_sync").unwrap();
    assert_eq!((&last["state"], &json["verdict"]), (&"never".into(), &"waiting".into()));
}

#[test]
fn pages_of_users_say_first_when_their_organisation_is_broken_and_times_are_in_its_zone() {
    let site = Site::start();
    for path in ["/orgs/acme/users", "/orgs/acme/users/f000"] {
        let html = get(site.address, path).text();
        let banner = html.find("BROKEN since 02:10").unwrap_or_else(|| panic!("{path}: {html}"));
        assert!(html[banner..].contains("Salesforce does not accept svc…</bdi>"), "{html}");
        assert!(banner < html.find("<h1>").unwrap(), "{html}");
    }
    // What stands on the organisation's page is not said twice there.
    let html = get(site.address, "/orgs/acme").text();
    assert_eq!(html.matches("BROKEN since 02:10").count(), 1, "{html}");
    // Nothing is known of this one, and its users are not known to be fine.
    let html = get(site.address, "/orgs/beta/users").text();
    assert!(html.contains("<span class=\"badge unknown\">UNKNOWN</span>"), "{html}");
    let fine = paged_in("Europe/Berlin");
    assert!(fine.contains(">2026-11-22 15:00:00 CET</time>"), "{fine}");
}

#[test]
fn the_first_page_is_in_the_zone_of_all_organisations_and_in_utc_where_they_differ() {
    let overview = |orgs: usize| {
        let site =
            Site::with(Setting { view: view_in("Europe/Berlin", orgs), ..Setting::default() });
        get(site.address, "/").text()
    };
    for (orgs, words) in [
        (
            usize::MAX,
            [
                "BROKEN since 03:10</span>",
                "<small>(03:10 CET)</small>",
                ">2026-11-22 15:00:00 CET</time>",
                "Times of day are those of Europe/Berlin.",
            ],
        ),
        (
            1,
            [
                "BROKEN since 02:10</span>",
                "<small>(02:10 UTC)</small>",
                ">2026-11-22 14:00:00 UTC</time>",
                "Times of day are those of UTC.",
            ],
        ),
    ] {
        let html = overview(orgs);
        for word in words {
            assert!(html.contains(word), "{word} is missing:\n{html}");
        }
    }
}

/// The view with the first organisations in a zone.
fn view_in(zone: &str, orgs: usize) -> View {
    let mut view = view();
    for place in view.orgs.iter_mut().take(orgs) {
        let mut org = (**place).clone();
        let mut policy = (*org.policy).clone();
        policy.time_zone = zone.parse().unwrap();
        org.policy = Arc::new(policy);
        *place = Arc::new(org);
    }
    view
}

/// The list of users of an organisation in a zone.
fn paged_in(zone: &str) -> String {
    let site = Site::with(Setting { view: view_in(zone, 1), ..Setting::default() });
    get(site.address, "/orgs/acme/users").text()
}

#[test]
fn a_last_sync_of_which_only_counts_are_reported_shows_its_span_and_never_unknown() {
    let mut view = view();
    let mut beta = (*view.orgs[1]).clone();
    beta.last_report[Source::Snapshot] = Some(NOW);
    let reading = Reading { value: OrgValue::Count(18), observed_at: NOW, changed_at: NOW };
    let row = OrgRow::Synced60m(ObjectType::Events);
    Arc::make_mut(&mut beta.readings).put(row, Source::Snapshot, reading);
    view.orgs[1] = Arc::new(beta);
    let site = Site::with(Setting { view, ..Setting::default() });
    let html = get(site.address, "/orgs/beta").text();
    assert!(html.contains("<td>within the last 60 minutes</td>"), "{html}");
    assert!(html.contains("only counts are reported, and they say no time."), "{html}");
    let json = get(site.address, "/api/v1/orgs/beta").json();
    let last = json["rows"].as_array().unwrap().iter().find(|row| row["row"] == "events.last_sync");
    let last = last.unwrap();
    assert_eq!(
        (&last["value"], &last["state"], &last["within"]),
        (&serde_json::Value::Null, &"unknown".into(), &"within the last 60 minutes".into())
    );
}

#[test]
fn only_sources_that_can_be_heard_are_listed() {
    let html = get(Site::start().address, "/orgs/acme").text();
    assert!(!html.contains("<b>canary</b>") && !html.contains("<b>exchange</b>"), "{html}");
    assert!(html.contains("<b>activity</b>") && html.contains("Live <time"), "{html}");
    assert!(html.contains("for another 47 h"), "{html}");
}

#[test]
fn charts_tell_what_no_feed_has_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut view = view();
    let mut acme = (*view.orgs[0]).clone();
    acme.last_report[Source::Snapshot] = Some(minutes_ago(90 * 60));
    view.orgs[0] = Arc::new(acme.clone());
    let mut policy = (*acme.policy).clone();
    policy.name = OrgName::new("contacts-only").unwrap();
    policy.objects.retain(|object| *object == ObjectType::Contacts);
    acme.policy = Arc::new(policy);
    view.orgs.push(Arc::new(acme));
    let history = week(directory.path(), "ann@corp.example", NOW);
    let site = Site::with(Setting { view, history: Some(history), ..Setting::default() });
    let html = get(site.address, "/orgs/acme").text();
    for wanted in [
        "contacts not known: no feed of their records has reported",
        "events since Thu 14:00 UTC",
        "<title>contacts: not known</title>",
        "<title>events: not known</title>",
        "class=\"contacts held\"",
        "contacts held: it was",
        "events now 90 min, since 12:30 UTC",
        "<span class=\"key events\">",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    assert!(!html.contains("class=\"events held\""), "{html}");
    let html = get(site.address, "/orgs/contacts-only").text();
    assert!(!html.contains("key events") && !html.contains(" events"), "{html}");
}

#[test]
fn instants_in_markup_are_what_browsers_read() {
    let setting =
        Setting { now: Timestamp::from_nanos(NOW.nanos() + 123_456_789), ..Setting::default() };
    let html = get(Site::with(setting).address, "/orgs/acme").text();
    for instant in html.split("datetime=\"").skip(1) {
        assert_eq!(instant.find('"'), Some("2026-11-22T14:00:00Z".len()), "{instant}");
    }
}

#[test]
fn a_page_that_is_left_open_loads_again_and_disturbs_nobody() {
    let script = r#"
        let tick, loads = 0, marked = false, field = null;
        globalThis.setInterval = (call, wait) => { tick = call; console.log(wait); };
        globalThis.location = { reload: () => loads++ };
        globalThis.getSelection = () => ({ isCollapsed: !marked });
        globalThis.document = { hidden: false, get activeElement() { return field; } };
        require("vm").runInThisContext(require("fs").readFileSync(0, "utf8"));
        const after = (change) => { change(); tick(); console.log(loads); };
        after(() => {});
        after(() => { marked = true; });
        after(() => { marked = false; field = { matches: (kinds) => kinds.includes("input") }; });
        after(() => { field = { matches: () => false }; });
        after(() => { document.hidden = true; });
    "#;
    let refresh = std::fs::File::open(repository("src/web/pages/assets/refresh.js")).unwrap();
    let output = std::process::Command::new("node").args(["-e", script]).stdin(refresh).output();
    let output = output.unwrap_or_else(|error| panic!("node: {error}; tests/run installs it"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "60000\n1\n1\n1\n2\n2\n", "{errors}");
}

/// A section of a page as people read it: a line for each row of its table or item of its list.
fn section(html: &str, name: &str) -> String {
    let begins = format!("<section aria-labelledby=\"{name}\">");
    let (_, rest) = html.split_once(&begins).unwrap_or_else(|| panic!("no {name}: {html}"));
    plain(rest.split("</section>").next().unwrap())
}

/// What a page shows, without its markup, one line for each line, row or heading.
fn plain(html: &str) -> String {
    let section = html.replace("</tr>", "\n").replace("</h2>", "\n").replace("</th>", " | ");
    let section = section.replace("</td>", " | ").replace("</p>", "\n");
    let mut text = String::new();
    let mut inside = false;
    for letter in section.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            letter if !inside => text.push(letter),
            _ => {}
        }
    }
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_users_page_shows_both_sides_beside_each_other() {
    let mut view = view();
    let mut acme = (*view.orgs[0]).clone();
    let mut users = (*acme.users).clone();
    let mut probed = UserReadings::default();
    for (row, value) in [
        (UserRow::ServiceAccount, Status::Yes.into()),
        (UserRow::MailboxVersion, Status::Yes.into()),
        (UserRow::EventsFolder, Status::Yes.into()),
        (UserRow::ContactsFolder, Status::Yes.into()),
        (UserRow::ContactsRecords, UserValue::Records(640)),
    ] {
        probed.take(row, value, minutes_ago(2));
    }
    let user = &mut users.users[0];
    user.readings = user.readings.iter().cloned().chain([(Source::Exchange, probed)]).collect();
    acme.users = Arc::new(users);
    acme.last_report[Source::Exchange] = Some(minutes_ago(2));
    let mut policy = (*acme.policy).clone();
    policy.probes_exchange = true;
    acme.policy = Arc::new(policy);
    let live = acme.live(NOW);
    let summary = UserSummary::of(&acme.users, &acme.policy, &live, NOW);
    let before = UserSummary::default();
    let table = (&*acme.users, &*acme.policy);
    acme.summary = Arc::new(summary.with_counts_after(&before, table, &live, NOW));
    view.orgs[0] = Arc::new(acme);
    let site = Site::with(Setting { view, ..Setting::default() });
    let html = get(site.address, "/orgs/acme/users/f000").text();
    assert_eq!(section(&html, "sides"), SIDES);
    let main = html.split("<main").nth(1).unwrap().split("</main>").next().unwrap();
    let main = main.split_once('>').unwrap().1;
    crate::generated::is_current("tests/it/golden/user_page.txt", &(plain(main) + "\n"));
    // Who is not probed has no such section.
    let html = get(site.address, "/orgs/acme/users/efff").text();
    assert!(!html.contains("aria-labelledby=\"sides\""), "{html}");
}

const SIDES: &str = "\
Both sides
Row | Salesforce shows | Exchange answers |
User mailbox is running on supported version of Microsoft Exchange | unknown | ✓ yes version 2 min ago (13:58 UTC) |
User recognized by Exchange service account differs | ✗ no 6 min ago (13:54 UTC) | ✓ yes impersonation 2 min ago (13:58 UTC) |
Salesforce_Sync folder found (contacts) | unknown | ✓ yes contacts_folder 2 min ago (13:58 UTC) |
Records in sync (contacts) differs | 312 6 min ago (13:54 UTC) | 640 counts 2 min ago (13:58 UTC) |
Calendar folder found (events) | unknown | ✓ yes calendar 2 min ago (13:58 UTC) |";

/// A history that says when it is read, and answers when it is told to.
struct Waiting {
    begun: Mutex<Sender<()>>,
    goes_on: Mutex<Receiver<()>>,
}

impl History for Waiting {
    fn org(&self, _name: &OrgName) -> Result<Option<(OrgId, Timestamp)>, StoreError> {
        Ok(None)
    }

    fn hours(
        &self,
        _org: OrgId,
        _from: Timestamp,
        _upto: Timestamp,
    ) -> Result<Vec<HourTotal>, StoreError> {
        self.begun.lock().unwrap().send(()).unwrap();
        self.goes_on.lock().unwrap().recv().unwrap();
        Ok(Vec::new())
    }

    fn reading_changes(
        &self,
        _org: OrgId,
        _row: OrgRow,
        _from: Timestamp,
        _upto: Timestamp,
        _every: TimeDelta,
    ) -> Result<Vec<ReadingChange>, StoreError> {
        Ok(Vec::new())
    }

    fn user_changes(
        &self,
        _org: OrgId,
        _user: &UserName,
        _between: (Timestamp, Timestamp),
        _limit: usize,
    ) -> Result<Vec<UserChange>, StoreError> {
        Ok(Vec::new())
    }
}

#[test]
fn a_second_replay_is_refused_while_one_is_under_way() {
    let (begun, begins) = channel();
    let (goes, goes_on) = channel();
    let history = Arc::new(Waiting { begun: Mutex::new(begun), goes_on: Mutex::new(goes_on) });
    let site = Site::with(Setting { history: Some(history), ..Setting::default() });
    let address = site.address;
    let path = "/orgs/acme/replay?since=2026-11-20";
    let first = std::thread::spawn(move || get(address, path));
    begins.recv_timeout(Duration::from_secs(30)).unwrap();
    for _ in 0..50 {
        let answer = get(address, path);
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.text().contains("Another replay is under way"), "{}", answer.text());
    }
    assert_eq!(get(address, "/metrics").status, 200);
    assert_eq!(get(address, "/orgs/acme/replay").status, 200, "the form is no replay");
    goes.send(()).unwrap();
    let answer = first.join().unwrap();
    assert!(answer.text().contains("nothing is known of this time"), "{}", answer.text());
    // The turn has been given back.
    goes.send(()).unwrap();
    assert_eq!(get(address, path).status, answer.status);
}

#[test]
fn a_replay_shows_its_picture_and_its_words_and_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let past = super::history::week(directory.path(), "user5@corp.example", minutes_ago(0));
    let site = Site::with(Setting { history: Some(past), ..Setting::default() });
    let day = |days: i64| minutes_ago(days * 24 * 60).datetime().format("%Y-%m-%d").to_string();
    let form = get(site.address, "/orgs/acme/replay").text();
    assert!(form.contains("<form method=\"get\"") && !form.contains("<svg"), "{form}");
    let path = format!("/orgs/acme/replay?since={}&until=&set=fresh_within%3D2m%0D%0A", day(3));
    let html = get(site.address, &path).text();
    for wanted in [
        "<svg xmlns=",
        "changed: fresh_within=2m",
        "LightningSyncDelayed contacts, info",
        "Not known:",
        ">fresh_within=2m\r\n</textarea>",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    assert!(!html.contains("Another replay"));
    for (query, says) in [
        (format!("since={}", day(40)), "a page plays at most a month"),
        ("since=yesterday".to_owned(), "a day is written like 2026-11-01"),
        ("since=%3Cscript%3E".to_owned(), "a day is written like 2026-11-01"),
        (format!("since={}&until={}", day(2), day(4)), "ends before it begins"),
        (format!("since={}&set=fresh_within%3DNaN", day(2)), "fresh_within: found"),
        (format!("since={}&set=%3Cscript%3E", day(2)), "a key and its value"),
        (format!("since={}&step=1s", day(2)), "unknown field"),
        ("since=262142-12-31".to_owned(), "a day is written like"),
    ] {
        let answer = get(site.address, &format!("/orgs/acme/replay?{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        let text = answer.text();
        assert!(text.to_lowercase().contains(&says.to_lowercase()), "{query}: {text}");
    }
    assert_eq!(get(site.address, "/orgs/nobody/replay").status, 404);
}
