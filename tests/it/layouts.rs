//! Random statuses in random layouts of the page, read back.

use chrono::{LocalResult, TimeZone, Utc};
use chrono_tz::Tz;
use lightning_sync_exporter::domain::ids::{ObjectType, OrgName, Source, UserName};
use lightning_sync_exporter::domain::observation::Snapshot;
use lightning_sync_exporter::domain::policy::DateOrder;
use lightning_sync_exporter::domain::rows::{OrgRow, OrgValue, Status, UserRow, UserValue};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::sources::page::{self, PageForm};
use proptest::prelude::*;

/// 2026-11-22T14:00:00Z
const NOW: i64 = 1_795_356_000;

/// How a page is laid out and how it writes what it shows.
#[derive(Debug, Clone)]
struct Style {
    layout: Layout,
    mark: usize,
    separator: &'static str,
    colon: bool,
    shout: bool,
    twelve_hours: bool,
    order: DateOrder,
    zone: Tz,
    right_to_left: bool,
    noise: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Layout {
    Table,
    ClassicPairs,
    DefinitionList,
    Divisions,
    Lines,
    Tabs,
    OneLine,
    Paragraphs,
}

impl Layout {
    fn is_html(self) -> bool {
        !matches!(self, Self::Lines | Self::Tabs | Self::OneLine)
    }
}

fn style() -> impl Strategy<Value = Style> {
    use Layout::*;
    let layout = prop::sample::select(vec![
        Table,
        ClassicPairs,
        DefinitionList,
        Divisions,
        Lines,
        Tabs,
        OneLine,
        Paragraphs,
    ]);
    let separator = prop::sample::select(vec!["", ",", ".", " ", "\u{a0}", "\u{202f}", "'", "’"]);
    let order = prop::sample::select(DateOrder::ALL.to_vec());
    let zone = prop::sample::select(vec![
        Tz::UTC,
        Tz::Europe__Berlin,
        Tz::America__New_York,
        Tz::Asia__Kolkata,
        Tz::Australia__Lord_Howe,
    ]);
    (layout, 0_usize..6, separator, any::<[bool; 5]>(), order, zone).prop_map(
        |(
            layout,
            mark,
            separator,
            [colon, shout, twelve_hours, right_to_left, noise],
            order,
            zone,
        )| Style {
            layout,
            mark,
            separator,
            // Without cells only a colon tells the label's end from a value.
            colon: colon || layout == OneLine,
            shout,
            twelve_hours,
            order,
            zone,
            right_to_left,
            noise,
        },
    )
}

impl Style {
    fn mark(&self, check: bool) -> String {
        let (word, glyph) = if check { ("checkmark", "✓") } else { ("X", "✗") };
        if !self.layout.is_html() {
            return [word, glyph, if check { "Yes" } else { "No" }][self.mark % 3].to_owned();
        }
        match self.mark {
            0 => format!("<img src=a.png alt='Exchange Sync status {word}'>"),
            1 => glyph.to_owned(),
            2 => format!("<span title={}></span>", if check { "Yes" } else { "No" }),
            3 => format!(
                "<svg data-key={}></svg><span class=slds-assistive-text>{}</span>",
                if check { "check" } else { "close" },
                if check { "Checked" } else { "Unchecked" }
            ),
            4 => format!("<input type=checkbox {}>", if check { "checked" } else { "" }),
            _ => format!("<i role=img aria-label={word}></i>"),
        }
    }

    fn count(&self, count: u64) -> String {
        let digits = count.to_string();
        let mut shown = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                shown.push_str(self.separator);
            }
            shown.push(digit);
        }
        shown
    }

    /// `None` for a time that the clocks of the zone show twice.
    fn time(&self, at: Timestamp) -> Option<String> {
        let local = at.datetime().with_timezone(&self.zone).naive_local();
        let LocalResult::Single(_) = self.zone.from_local_datetime(&local) else {
            return None;
        };
        let date = match self.order {
            DateOrder::Dmy => "%d.%m.%Y",
            DateOrder::Mdy => "%-m/%-d/%Y",
            DateOrder::Ymd => "%Y-%m-%d",
        };
        let time = if self.twelve_hours { "%-I:%M %p" } else { "%H:%M" };
        Some(local.format(&format!("{date} {time}")).to_string())
    }

    fn label(&self, label: &str) -> String {
        let label = if self.shout { label.to_uppercase() } else { label.to_owned() };
        format!("{label}{}", if self.colon { ":" } else { "" })
    }

    fn heading(&self, page: &mut String, heading: &str) {
        let line = if self.layout.is_html() {
            format!("<h2>{heading}</h2>\n")
        } else {
            format!("{heading}\n")
        };
        page.push_str(&line);
    }

    fn row(&self, page: &mut String, label: &str, value: &str) {
        let label = self.label(label);
        let value =
            if self.right_to_left { format!("\u{200f}{value}\u{200e}") } else { value.to_owned() };
        let help = if self.noise { "<img alt=Help src=h.gif><button>Help</button>" } else { "" };
        let line = match self.layout {
            Layout::Table => {
                format!("<table><tr><th>{label}{help}</th><td>{value}</td></tr></table>\n")
            }
            Layout::ClassicPairs => format!(
                "<tr><td class=labelCol>{label}{help}<td class=dataCol><div>{value}</div>\n"
            ),
            Layout::DefinitionList => format!("<dl><dt>{label}</dt>{help}<dd>{value}</dd></dl>\n"),
            Layout::Divisions => format!("<div><div>{label}</div><div>{value}</div></div>\n"),
            Layout::Paragraphs => format!("<p><b>{label}</b> {value}</p>\n"),
            Layout::Lines => format!("{label}\n{value}\n"),
            Layout::Tabs => format!("{label}\t{value}\r\n"),
            Layout::OneLine => format!("{label} {value}\n"),
        };
        page.push_str(&line);
    }
}

fn org_rows() -> impl Strategy<Value = Vec<(OrgRow, OrgValue)>> {
    let value = |row: OrgRow| match row {
        OrgRow::ServiceAccountProvided => prop::option::of("[a-z]{1,8}@[a-z]{1,8}\\.example")
            .prop_map(|name| OrgValue::Account(name.map(Into::into)))
            .boxed(),
        OrgRow::OutlookIntegration | OrgRow::ServiceAccountRecognized => {
            any::<bool>().prop_map(OrgValue::Flag).boxed()
        }
        OrgRow::LinkedUsers | OrgRow::Synced60m(_) | OrgRow::Synced24h(_) => {
            (0_u64..3_000_000).prop_map(OrgValue::Count).boxed()
        }
        OrgRow::LastSync(_) => (0_i64..2_000_000)
            .prop_map(|minutes| OrgValue::Instant(Timestamp::from_seconds(NOW - minutes * 60)))
            .boxed(),
    };
    OrgRow::ALL
        .into_iter()
        .map(|row| prop::option::of(value(row)).prop_map(move |value| Some((row, value?))))
        .collect::<Vec<_>>()
        .prop_map(|rows| rows.into_iter().flatten().collect())
        .prop_map(consistent)
}

/// Without what cannot be true beside another row: such a page is refused.
fn consistent(mut rows: Vec<(OrgRow, OrgValue)>) -> Vec<(OrgRow, OrgValue)> {
    let all = rows.clone();
    let value = |row| all.iter().find(|(of, _)| *of == row).map(|(_, value)| value);
    rows.retain(|(row, shown)| match (row, shown) {
        (OrgRow::ServiceAccountRecognized, OrgValue::Flag(true)) => {
            value(OrgRow::ServiceAccountProvided) != Some(&OrgValue::Account(None))
        }
        (OrgRow::Synced60m(object), OrgValue::Count(hour)) => {
            !matches!(value(OrgRow::Synced24h(*object)), Some(OrgValue::Count(day)) if day < hour)
        }
        _ => true,
    });
    rows
}

fn user_values() -> impl Strategy<Value = Vec<(UserRow, UserValue)>> {
    let value = |row: UserRow| {
        let states: Vec<UserValue> = row
            .statuses()
            .iter()
            .filter(|status| !matches!(status, Status::Unknown | Status::None))
            .map(|status| UserValue::from(*status))
            .collect();
        if states.is_empty() {
            (0_u32..3_000_000).prop_map(UserValue::Records).boxed()
        } else {
            prop::sample::select(states).boxed()
        }
    };
    UserRow::ALL
        .iter()
        .map(|row| {
            prop::option::weighted(0.8, value(*row)).prop_map(move |value| Some((*row, value?)))
        })
        .collect::<Vec<_>>()
        .prop_map(|rows| rows.into_iter().flatten().collect())
}

pub(crate) fn org_label(row: OrgRow) -> &'static str {
    match row {
        OrgRow::ServiceAccountProvided => "Microsoft Exchange service account provided",
        OrgRow::OutlookIntegration => "Outlook integration enabled",
        OrgRow::ServiceAccountRecognized => {
            "Salesforce recognizes Microsoft Exchange service account"
        }
        OrgRow::LinkedUsers => {
            "Users with linked Microsoft Exchange and Salesforce email addresses"
        }
        OrgRow::LastSync(_) => "Last sync activity",
        OrgRow::Synced60m(_) => "Records synced in last 60 minutes",
        OrgRow::Synced24h(_) => "Records synced in last 24 hours",
    }
}

pub(crate) fn user_label(row: UserRow) -> &'static str {
    match row {
        UserRow::ActiveConfiguration => "User assigned to active Exchange configuration",
        UserRow::MailboxVersion => {
            "User mailbox is running on supported version of Microsoft Exchange"
        }
        UserRow::ServiceAccount => "User recognized by Exchange service account",
        UserRow::Reset => "User's reset sync status",
        UserRow::OutlookIntegration => "User set up Outlook integration",
        UserRow::ContactsFolder => "Salesforce_Sync folder found",
        UserRow::EventsFolder => "Calendar folder found",
        UserRow::ContactsLinked | UserRow::EventsLinked => {
            "Salesforce and Exchange email addresses linked"
        }
        UserRow::ContactsToExchange | UserRow::EventsToExchange => {
            "Salesforce to Exchange sync status"
        }
        UserRow::ContactsToSalesforce | UserRow::EventsToSalesforce => {
            "Exchange to Salesforce sync status"
        }
        UserRow::ContactsRecords | UserRow::EventsRecords => "Records in sync",
    }
}

pub(crate) fn shown_status(status: Status) -> String {
    if status == Status::NotSetToSync {
        return "Exchange configuration not set to sync".to_owned();
    }
    let (first, rest) = status.name().split_at(1);
    format!("{}{}", first.to_uppercase(), rest.replace('_', " "))
}

/// The page of a snapshot; `None` when it would show a time that is two.
fn render(snapshot: &Snapshot, style: &Style) -> Option<String> {
    let mut page = String::new();
    if style.layout.is_html() {
        page.push_str("<!DOCTYPE html><html><head><title>Status</title></head><body>\n");
    }
    if style.noise {
        style.heading(&mut page, "Home");
        style.heading(&mut page, "Users");
    }
    let heading = |page: &mut String, object: Option<ObjectType>| match object {
        None => style.heading(page, "Configuration Setup Statuses"),
        Some(ObjectType::Contacts) => style.heading(page, "Contacts"),
        Some(ObjectType::Events) => style.heading(page, "Events"),
    };
    let mut section = None;
    for (row, value) in &snapshot.rows {
        if row.object_type() != section {
            section = row.object_type();
            // A heading without rows between it and the next would be a table with two columns.
            heading(&mut page, section);
        }
        let shown = match value {
            OrgValue::Account(name) => name.as_deref().unwrap_or("None").to_owned(),
            OrgValue::Flag(flag) if *row == OrgRow::OutlookIntegration => {
                if *flag { "Yes" } else { "No" }.to_owned()
            }
            OrgValue::Flag(flag) => style.mark(*flag),
            OrgValue::Count(count) => style.count(*count),
            OrgValue::Instant(at) => style.time(*at)?,
        };
        style.row(&mut page, org_label(*row), &shown);
    }
    for (name, values) in &snapshot.users {
        style.heading(&mut page, "User Statuses");
        style.row(&mut page, "User", name.as_str());
        let mut section = None;
        for (row, value) in values {
            if row.object_type() != section {
                section = row.object_type();
                heading(&mut page, section);
            }
            let shown = match *value {
                UserValue::Records(records) => style.count(u64::from(records)),
                UserValue::Status(status @ (Status::Yes | Status::No)) => {
                    style.mark(status == Status::Yes)
                }
                UserValue::Status(status) => shown_status(status),
            };
            style.row(&mut page, user_label(*row), &shown);
        }
    }
    if style.layout.is_html() {
        page.push_str("</body></html>");
    }
    Some(page)
}

/// What the page can say: a user of whom nothing is shown is not there, and a reset is absent where its place was read.
fn expected(mut snapshot: Snapshot) -> Snapshot {
    snapshot.users.retain(|(_, values)| !values.is_empty());
    for (_, values) in &mut snapshot.users {
        let read = |wanted: UserRow| values.iter().any(|(row, _)| *row == wanted);
        let before =
            [UserRow::ActiveConfiguration, UserRow::MailboxVersion, UserRow::ServiceAccount];
        if before.into_iter().all(read)
            && !read(UserRow::Reset)
            && values.iter().any(|(row, _)| *row > UserRow::Reset)
        {
            values.push((UserRow::Reset, Status::None.into()));
            values.sort_unstable();
        }
    }
    snapshot
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn random_statuses_in_random_layouts_are_read_back(
        style in style(),
        rows in org_rows(),
        users in prop::collection::btree_map("[a-z]{1,8}@corp\\.example", user_values(), 0..4),
    ) {
        let org = OrgName::new("acme").unwrap();
        let users = users.into_iter().map(|(name, values)| (UserName::new(&name).unwrap(), values)).collect();
        let now = Timestamp::from_seconds(NOW);
        let snapshot = Snapshot { org: org.clone(), source: Source::Snapshot, captured_at: now, rows, users, users_complete: false };
        let Some(page) = render(&snapshot, &style) else { return Ok(()) };
        let expected = expected(snapshot);
        prop_assume!(!expected.rows.is_empty() || !expected.users.is_empty());
        let context = page::PageContext { org: &org, now, captured_at: None, user: None, time_zone: style.zone, date_order: style.order };
        let form = if style.layout.is_html() { PageForm::Html } else { PageForm::Text };
        let read = page::parse(page.as_bytes(), form, &context);
        prop_assert_eq!(read, Ok(expected), "{}", page);
    }
}

#[test]
fn the_clock_of_this_test_is_right() {
    assert_eq!(Utc.with_ymd_and_hms(2026, 11, 22, 14, 0, 0).unwrap().timestamp(), NOW);
}
