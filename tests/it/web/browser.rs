//! Every page in a real Chromium: at 1280 and at 390 pixels, light and dark, without errors, overflow or barriers.

use super::fixture::{NOW, Setting, Site, minutes_ago, view};
use super::history::week;
use crate::scenarios::Telling;
use crate::support::browser::look;
use crate::support::http::{get, request};
use crate::support::process::{Process, free_port, wait_until};
use crate::support::stack::repository;
use chrono::TimeDelta;
use chrono_tz::Tz;
use enum_map::EnumMap;
use lightning_sync_exporter::domain::ids::{OrgName, Source, UserName};
use lightning_sync_exporter::domain::judge::judge_org;
use lightning_sync_exporter::domain::policy::UserNames;
use lightning_sync_exporter::domain::readings::Reading;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::users::{UserEntry, UserReadings, UserSummary, UserTable};
use lightning_sync_exporter::domain::view::{OrgView, View};
use lightning_sync_exporter::guidance::verdict::{steps, verdict_in};
use lightning_sync_sim::scenarios::{Scenario, demo, named};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Markup, quotes, a right-to-left override that nobody ends, and no place to break a line.
fn hostile(length: usize) -> String {
    let begin =
        "\"><script>alert(1)</script><img src=x onerror=alert(2)>'&lt;\u{202e}\u{200f}{{7*7}}";
    let mut text = begin.to_owned();
    while text.len() < length {
        text.push('W');
    }
    text
}

fn user(name: &str, pseudonym: &str, seed: usize) -> UserEntry {
    let mut cells = UserReadings::default();
    for (place, row) in UserRow::ALL.iter().enumerate() {
        let statuses = row.statuses();
        let value = match statuses.len() {
            0 => UserValue::Records((seed % 5000) as u32),
            count => statuses[(seed / 7 + place) % (count - 1)].into(),
        };
        cells.take(*row, value, minutes_ago(6));
    }
    let fine = !seed.is_multiple_of(10);
    if fine {
        for row in UserRow::checks().filter(|row| row.statuses().contains(&Status::Yes)) {
            cells.take(row, Status::Yes.into(), minutes_ago(5));
        }
    }
    UserEntry {
        name: UserName::new(name).unwrap(),
        pseudonym: pseudonym.into(),
        readings: Arc::new([(Source::Snapshot, cells)]),
    }
}

fn with_users(org: &OrgView, users: Vec<UserEntry>) -> OrgView {
    let mut org = org.clone();
    let table = UserTable { users, complete: true };
    org.summary = Arc::new(UserSummary::of(&table, &org.policy, &org.live(NOW), NOW));
    org.users = Arc::new(table);
    org
}

fn looked_at(site: &Site, name: &str, path: &str) -> Value {
    json!({ "name": name, "url": format!("http://{}{path}", site.address) })
}

#[test]
fn every_page_holds_in_a_browser_whatever_sources_say() {
    let mut view = view();
    view.user_names = UserNames::Plain;
    let name = hostile(320);
    let mut org = with_users(
        &view.orgs[0],
        (0..60).map(|number| user(&format!("{number:02}{}", &name[2..]), "f0", number)).collect(),
    );
    Arc::make_mut(&mut org.readings).put(
        OrgRow::ServiceAccountProvided,
        Source::Snapshot,
        Reading {
            value: OrgValue::Account(Some(hostile(500).into())),
            observed_at: minutes_ago(6),
            changed_at: minutes_ago(700),
        },
    );
    let first = org.users.users[0].name.as_str().to_owned();
    view.orgs[0] = Arc::new(org);
    let directory = tempfile::tempdir().unwrap();
    let site = Site::with(Setting {
        view,
        history: Some(week(directory.path(), &first, NOW)),
        ..Setting::default()
    });
    let empty = Site::with(Setting { view: View::empty(NOW), ..Setting::default() });
    let escaped = crate::support::stack::encode(&first);
    let users = get(site.address, "/orgs/acme/users").text();
    let second = users.split("<a href=\"").find(|part| part.contains("rel=\"next\""));
    let second = second.unwrap().split('"').next().unwrap().replace("&#38;", "&");
    let pasted = |name: &str, content: &str, press: &[&str], status: u16| {
        let mut look = looked_at(&site, name, "/orgs/acme/paste");
        look["paste"] = json!({ "content": content, "press": press });
        look["status"] = status.into();
        look
    };
    let refused = |name: &str, path: &str, status: u16| {
        let mut look = looked_at(&site, name, path);
        look["status"] = status.into();
        look
    };
    let html = get(site.address, "/orgs/acme").text();
    assert!(!html.contains("<script>alert") && !html.contains("<img"));
    assert_eq!(html.matches("<svg class=\"chart\"").count(), 4);
    let day = minutes_ago(3 * 24 * 60).datetime().format("%Y-%m-%d");
    let played = format!("/orgs/acme/replay?since={day}&set=stale_after%3D12h");
    look(&[
        looked_at(&site, "overview", "/"),
        looked_at(&site, "org", "/orgs/acme"),
        looked_at(&site, "unknown", "/orgs/beta"),
        looked_at(&site, "users", "/orgs/acme/users"),
        looked_at(
            &site,
            "search",
            &format!("/orgs/acme/users?q={escaped}&check=service_account&status=no"),
        ),
        looked_at(&site, "user", &format!("/orgs/acme/users/{escaped}")),
        looked_at(&site, "paste", "/orgs/acme/paste"),
        looked_at(&site, "replay", &played),
        looked_at(&site, "paste with a token", "/orgs/beta/paste"),
        looked_at(&site, "runbook", "/runbooks/LightningSyncNoSyncIn24Hours"),
        looked_at(&site, "second page of users", &second),
        looked_at(&site, "nobody found", "/orgs/acme/users?check=service_account&status=in_sync"),
        looked_at(&empty, "empty installation", "/"),
        pasted("paste preview", &hostile(500), &["show"], 200),
        pasted("paste stored", "svc", &["show", "store"], 200),
        pasted("paste refused", &format!("broken {}", hostile(500)), &["show"], 422),
        refused("unknown organisation", "/orgs/nobody", 404),
        refused("unknown user", "/orgs/acme/users/nobody", 404),
        refused("bad query", "/orgs/acme/users?verdict=odd", 400),
        refused("unknown page", "/orgs/acme/", 404),
        refused("unknown runbook", "/runbooks/Nothing", 404),
    ]);
}

/// Broken situations, with the instant at which somebody looks: half an hour after the worst of the story began.
const BROKEN: [&str; 12] = [
    "service_account_broken",
    "account_missing",
    "password_expired",
    "contacts_stopped",
    "first_sync_hangs",
    "first_sync_never_begins",
    "users_failing",
    "reset_hangs",
    "linked_users_drop",
    "feed_silent",
    "page_unread",
    "reps_select_events",
];

/// A story as it is known at `now`, by another name.
fn told(story: &mut Scenario, name: &str, now: Timestamp) -> Arc<OrgView> {
    story.policy.name = OrgName::new(name).unwrap();
    let mut telling = Telling::begin(story);
    // Half an hour at a time: who is silent shows only in when others spoke.
    let mut since = story.starts.minus(TimeDelta::nanoseconds(1));
    while since < now {
        let upto = since.plus(TimeDelta::minutes(30)).min(now);
        let mut pushes = story.live(upto, since);
        for snapshot in &mut pushes.snapshots {
            snapshot.org = story.policy.name.clone();
        }
        telling.hear(pushes, upto);
        since = upto;
    }
    telling.engine.tick(now, TimeDelta::zero());
    Arc::clone(&telling.engine.view().orgs[0])
}

#[test]
fn the_first_screen_of_a_phone_names_cause_and_next_step_of_what_is_broken() {
    let directory = tempfile::tempdir().unwrap();
    let mut looks = Vec::new();
    let mut sites = Vec::new();
    for name in BROKEN {
        let mut story = named(name).unwrap();
        let worst = *story.truth.iter().min_by_key(|truth| (truth.severity, truth.from)).unwrap();
        let now = worst.from.plus(TimeDelta::minutes(30));
        assert!(now < worst.until, "{name}");
        let broken = told(&mut story, "broken", now);
        let fine = told(&mut demo(now)[0], "a-fine-one", now);
        let [own, elsewhere] = [&broken, &fine].map(|org| org.policy.time_zone);
        let common = if own == elsewhere { own } else { Tz::UTC };
        let findings = judge_org(&broken, true, now);
        // The first page is in one zone.
        let [verdict, in_common] =
            [own, common].map(|zone| verdict_in(&findings, &broken, zone, now));
        assert_eq!(verdict.cause, Some(worst.reason), "{name}");
        let step = steps(&verdict.acting[0], &broken, now)[0];
        let site = Site::with(Setting {
            view: View { orgs: vec![fine, broken], ..View::empty(now) },
            now,
            history: Some(week(&made(&directory, name), "nobody", now)),
            ..Setting::default()
        });
        let overview = get(site.address, "/").text();
        let place = |org: &str| overview.find(&format!("href=\"/orgs/{org}\"")).unwrap();
        assert!(place("broken") < place("a-fine-one"), "{name}");
        let account = format!("svc-sync@{}.example", name.replace('_', "-"));
        println!("{name}: {} {}", verdict.headline, verdict.sentence);
        for (path, verdict) in [("/orgs/broken", verdict), ("/", in_common)] {
            let mut look = looked_at(&site, name, path);
            look["first_screen"] = json!([
                verdict.headline,
                // Without a password the account is shortened, and its dots end the sentence.
                verdict.sentence.replace(&format!("{account}."), "svc…").replace(&account, "svc…"),
                format!("{}: {}", step.owner, step.text.plain()),
            ]);
            looks.push(look);
        }
        sites.push(site);
    }
    look(&looks);
}

/// A directory of its own.
fn made(directory: &tempfile::TempDir, name: &str) -> std::path::PathBuf {
    let path = directory.path().join(name);
    std::fs::create_dir(&path).unwrap();
    path
}

#[test]
fn pages_of_what_is_held_and_of_what_has_ended_hold_in_a_browser() {
    let directory = tempfile::tempdir().unwrap();
    let (mut looks, mut sites) = (Vec::new(), Vec::new());
    for (name, after, headline) in [
        ("feed_silent", TimeDelta::hours(6), "STALE"),
        ("retirement_day", TimeDelta::days(2), "RETIRED"),
        ("users_failing", TimeDelta::days(20), "last reported"),
    ] {
        let mut story = named(name).unwrap();
        let last = story.truth.iter().map(|truth| truth.from).max().unwrap();
        let now = last.plus(after);
        // Nobody speaks any more at the end, so that what was told is held.
        let name = &name.replace('_', "-");
        let mut org = told(&mut story, name, last);
        if headline != "RETIRED" {
            org = silent(&org, now);
        }
        let site = Site::with(Setting {
            view: View { orgs: vec![org], ..View::empty(now) },
            now,
            history: Some(week(&made(&directory, name), "nobody", now)),
            ..Setting::default()
        });
        let html = get(site.address, &format!("/orgs/{name}")).text();
        let said = html.split("</h1>").next().unwrap();
        assert!(said.contains(headline), "{name}: {said}");
        looks.push(looked_at(&site, name, &format!("/orgs/{name}")));
        looks.push(looked_at(&site, name, &format!("/orgs/{name}/users")));
        looks.push(looked_at(&site, name, "/"));
        sites.push(site);
    }
    look(&looks);
}

/// The organisation when every source has been silent for ten days.
fn silent(org: &OrgView, now: Timestamp) -> Arc<OrgView> {
    let mut org = org.clone();
    let mut policy = (*org.policy).clone();
    policy.expected_every = EnumMap::from_fn(|_| Some(TimeDelta::hours(1)));
    for at in org.last_report.values_mut().flatten() {
        *at = now.minus(TimeDelta::days(10));
    }
    org.policy = Arc::new(policy);
    Arc::new(org)
}

#[test]
fn the_pages_of_a_hundred_thousand_users_are_small_and_quick() {
    let directory = tempfile::tempdir().unwrap();
    let mut view = view();
    let users = (0..100_000)
        .map(|number| {
            user(&format!("user{number:06}@corp.example"), &format!("{number:016x}"), number)
        })
        .collect();
    view.orgs[0] = Arc::new(with_users(&view.orgs[0], users));
    let site = Site::with(Setting {
        view,
        history: Some(week(directory.path(), "user000060@corp.example", NOW)),
        ..Setting::default()
    });
    let org = get(site.address, "/orgs/acme").text();
    assert_eq!(org.matches("<svg class=\"chart\"").count(), 4);
    assert!(org.matches("<rect").count() > 300, "a week of hours");
    let changes = get(site.address, "/orgs/acme/users/000000000000003c").text();
    assert!(changes.matches("Marked for reset").count() >= 8);
    for path in [
        "/",
        "/orgs/acme",
        "/orgs/acme/users",
        "/orgs/acme/users?verdict=failing",
        "/orgs/acme/users?q=user099999@corp.example",
        "/orgs/acme/users?after=00000000000080e8",
        "/orgs/acme/users/000000000000003c",
    ] {
        let mut answers: Vec<(Duration, usize)> = (0..15)
            .map(|_| {
                let begun = Instant::now();
                let answer = get(site.address, path);
                assert_eq!(answer.status, 200, "{path}");
                (begun.elapsed(), answer.body.len())
            })
            .collect();
        answers.sort();
        let (median, largest) = (answers[7].0, answers.iter().map(|(_, size)| *size).max());
        let largest = largest.unwrap();
        println!(
            "{path}: median of {} {:.1} ms, {largest} bytes",
            answers.len(),
            median.as_secs_f64() * 1e3
        );
        assert!(largest <= 300_000, "{path}: {largest}");
        assert!(median <= Duration::from_millis(200), "{path}: {median:?}");
    }
}

/// A look of which screenshots of parts are taken, too.
fn with_parts(mut look: Value, parts: Value) -> Value {
    look["parts"] = parts;
    look
}

/// A demonstration, of one scenario where one is named.
fn demonstration(scenario: Option<&str>) -> (Process, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_lightning-sync-exporter"));
    command.args(["demo", "--web.listen-address", &address.to_string()]);
    command.args(scenario.map(|name| ["--scenario", name]).into_iter().flatten());
    (Process::start(&mut command), address)
}

fn wait_for_users(address: SocketAddr, org: &str) {
    wait_until("the demo is fed", Duration::from_secs(60), || {
        let answer = request(address, "GET", &format!("/api/v1/orgs/{org}"), &[], b"").ok()?;
        (answer.status == 200 && answer.json()["users"]["known"].as_u64()? > 0).then_some(())
    });
}

/// The way to a living Exchange, whole and broken at a step, its users, and both sides of one of them.
#[test]
fn the_pages_of_an_exchange_that_lives_hold_in_a_browser() {
    let (mut looks, mut demos) = (Vec::new(), Vec::new());
    for (name, broken, answers) in [
        ("exchange_healthy", None, true),
        ("exchange_certificate_expired", Some("tls"), false),
        ("exchange_impersonation_refused", Some("impersonation"), true),
        ("exchange_folder_deleted", Some("contacts_folder"), true),
        ("exchange_throttled", None, false),
    ] {
        let (demo, address) = demonstration(Some(name));
        wait_for_users(address, "vandelay");
        let html = wait_until("the way is shown", Duration::from_secs(60), || {
            let html = get(address, "/orgs/vandelay").text();
            let shown = html.contains("The way to Exchange");
            let marked = broken.is_none_or(|step| {
                html.contains("failed here") && html.contains(&format!("<b>{step}</b>"))
            });
            (shown && marked).then_some(html)
        });
        assert_eq!(html.contains("failed here"), broken.is_some(), "{name}");
        let users = get(address, "/api/v1/orgs/vandelay/users").json();
        let user = users["users"][0]["user"].as_str().unwrap().to_owned();
        // Of a side that has answered nothing, nothing is shown.
        wait_until("both sides are shown", Duration::from_secs(60), || {
            let page = get(address, &format!("/orgs/vandelay/users/{user}")).text();
            (page.contains("Both sides") == answers).then_some(())
        });
        let url = |path: &str| format!("http://{address}{path}");
        let look_at =
            |part: &str, path: &str| json!({ "name": format!("{name}-{part}"), "url": url(path) });
        looks.push(look_at("org", "/orgs/vandelay"));
        looks.push(look_at("users", "/orgs/vandelay/users"));
        looks.push(look_at("user", &format!("/orgs/vandelay/users/{user}")));
        demos.push(demo);
    }
    look(&looks);
}

#[test]
fn every_page_of_the_demo_holds_in_a_browser() {
    let (_demo, address) = demonstration(None);
    for org in ["acme", "globex", "umbrella", "einstein", "vandelay"] {
        wait_for_users(address, org);
    }
    let user = get(address, "/api/v1/orgs/umbrella/users").json()["users"][0]["user"].clone();
    let user = user.as_str().unwrap();
    let history = get(address, "/api/v1/orgs/acme/history").json();
    assert!(history["hours"].as_array().unwrap().len() > 24, "{history:#}");
    let look_at =
        |name: &str, path: &str| json!({ "name": name, "url": format!("http://{address}{path}") });
    let mut preview = look_at("demo-preview", "/orgs/acme/paste");
    let page = std::fs::read_to_string(repository("tests/it/pages/org_lightning.html")).unwrap();
    preview["paste"] = json!({ "content": page, "press": ["show"] });
    look(&[
        look_at("demo-overview", "/"),
        with_parts(
            look_at("demo-broken", "/orgs/globex"),
            json!({ "demo-finding": "section[aria-labelledby=findings]" }),
        ),
        with_parts(
            look_at("demo-fine", "/orgs/acme"),
            json!({ "demo-chart": "section[aria-labelledby=charts]" }),
        ),
        look_at("demo-first-sync", "/orgs/umbrella"),
        look_at("demo-users", "/orgs/umbrella/users"),
        look_at("demo-user", &format!("/orgs/umbrella/users/{user}")),
        look_at("demo-paste", "/orgs/acme/paste"),
        preview,
        look_at("demo-asked", "/orgs/einstein"),
        look_at("demo-living", "/orgs/vandelay"),
    ]);
}

#[test]
fn every_screenshot_is_shown_somewhere() {
    let text = |file: &std::path::Path| std::fs::read_to_string(file).unwrap();
    let mut shown = text(&repository("README.md"));
    for entry in std::fs::read_dir(repository("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "md") {
            shown += &text(&path);
        }
    }
    let shots = std::fs::read_dir(repository("docs/screenshots")).unwrap();
    let mut count = 0;
    for entry in shots {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(shown.contains(&format!("screenshots/{name})")), "{name}");
        count += 1;
    }
    assert!(count > 5);
}
