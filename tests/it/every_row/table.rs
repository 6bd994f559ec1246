//! Every row of the article in every state, and what comes of it. The matches have no wildcard: a row or a state that is
//! added does not compile here until somebody has said whether it alerts, or why not.

use chrono::TimeDelta;
use lightning_sync_exporter::domain::causes::Cause;
use lightning_sync_exporter::domain::ids::ObjectType;
use lightning_sync_exporter::domain::rows::{
    ArticleRow, OrgRow, OrgValue, Status, UserRow, UserValue,
};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::guidance::{OrgState, RowState};

/// What comes of a state.
#[derive(Debug, Clone, Copy)]
pub(super) enum Comes {
    /// These findings and no other, each with an alert.
    Alerts(&'static [Cause]),
    /// No finding, and why not.
    Nothing(&'static str),
}

/// One row in one state; everything else on the page is well.
#[derive(Debug, Clone)]
pub(super) enum Case {
    Org(OrgRow, OrgValue),
    /// Nobody said.
    OrgUnknown(OrgRow),
    User(UserRow, UserValue),
}

/// All cases.
pub(super) fn cases(now: Timestamp) -> Vec<Case> {
    let org = OrgRow::ALL.into_iter().flat_map(|row| {
        org_values(row, now)
            .into_iter()
            .map(move |value| Case::Org(row, value))
            .chain([Case::OrgUnknown(row)])
    });
    let user = UserRow::ALL
        .iter()
        .flat_map(|row| user_values(*row).into_iter().map(|value| Case::User(*row, value)));
    org.chain(user).collect()
}

/// The values that the article tells apart.
fn org_values(row: OrgRow, now: Timestamp) -> Vec<OrgValue> {
    let ago = |span| OrgValue::Instant(now.minus(span));
    match row {
        OrgRow::ServiceAccountProvided => {
            vec![OrgValue::Account(Some("svc-sfsync@corp.example".into())), OrgValue::Account(None)]
        }
        OrgRow::OutlookIntegration | OrgRow::ServiceAccountRecognized => {
            vec![OrgValue::Flag(true), OrgValue::Flag(false)]
        }
        OrgRow::LinkedUsers => vec![OrgValue::Count(1), OrgValue::Count(2), OrgValue::Count(0)],
        OrgRow::LastSync(_) => {
            vec![ago(TimeDelta::minutes(5)), ago(TimeDelta::hours(2)), ago(TimeDelta::hours(25))]
        }
        OrgRow::Synced60m(_) | OrgRow::Synced24h(_) => {
            vec![OrgValue::Count(1_204), OrgValue::Count(0)]
        }
    }
}

/// What a page can show, and that nobody said: then it does not show the row.
fn user_values(row: UserRow) -> Vec<UserValue> {
    if row.statuses().is_empty() {
        return vec![UserValue::Records(312), UserValue::Records(0)];
    }
    row.statuses().iter().map(|status| (*status).into()).collect()
}

/// What comes of a case that has lasted for 80 hours.
pub(super) fn comes(case: &Case, now: Timestamp) -> Comes {
    match case {
        Case::Org(row, value) => org_comes(*row, value, now),
        Case::OrgUnknown(_) => Comes::Nothing("nobody said anything that could be wrong"),
        Case::User(row, value) => user_comes(*row, *value),
    }
}

fn org_comes(row: OrgRow, value: &OrgValue, now: Timestamp) -> Comes {
    match (row, value) {
        (OrgRow::ServiceAccountProvided, OrgValue::Account(None)) => {
            Comes::Alerts(&[Cause::ServiceAccountMissing])
        }
        (OrgRow::ServiceAccountProvided, _) => Comes::Nothing("an account is there"),
        (OrgRow::OutlookIntegration, OrgValue::Flag(false)) => {
            Comes::Alerts(&[Cause::OutlookIntegrationDisabled])
        }
        (OrgRow::OutlookIntegration, _) => Comes::Nothing("the integration is on"),
        (OrgRow::ServiceAccountRecognized, OrgValue::Flag(false)) => {
            Comes::Alerts(&[Cause::ServiceAccountNotRecognized])
        }
        (OrgRow::ServiceAccountRecognized, _) => Comes::Nothing("Salesforce gets in"),
        (OrgRow::LinkedUsers, OrgValue::Count(0)) => Comes::Alerts(&[Cause::NoLinkedUsers]),
        (OrgRow::LinkedUsers, OrgValue::Count(1)) => Comes::Nothing("as many as are expected"),
        (OrgRow::LinkedUsers, _) => Comes::Alerts(&[Cause::LinkedUsersUnexpected]),
        (OrgRow::LastSync(_), OrgValue::Instant(at)) if now.since(*at) > TimeDelta::hours(24) => {
            Comes::Alerts(&[Cause::NoSyncIn24Hours])
        }
        (OrgRow::LastSync(_), OrgValue::Instant(at)) if now.since(*at) > TimeDelta::minutes(15) => {
            Comes::Alerts(&[Cause::Delayed, Cause::NothingIn60Minutes])
        }
        (OrgRow::LastSync(_), _) => Comes::Nothing("it synced a moment ago"),
        (OrgRow::Synced60m(_), OrgValue::Count(0)) => {
            Comes::Alerts(&[Cause::Delayed, Cause::NothingIn60Minutes])
        }
        (OrgRow::Synced24h(_), OrgValue::Count(0)) => Comes::Alerts(&[Cause::NothingIn24Hours]),
        (OrgRow::Synced60m(_) | OrgRow::Synced24h(_), _) => Comes::Nothing("records sync"),
    }
}

/// Why a user's row of which nothing is known is no finding: the user may be new, or the page that was read shows less.
const NOBODY_SAID: &str = "nobody said, and the rows that are known are well";

fn user_comes(row: UserRow, value: UserValue) -> Comes {
    let status = value.status();
    match row {
        UserRow::ActiveConfiguration
        | UserRow::MailboxVersion
        | UserRow::ServiceAccount
        | UserRow::OutlookIntegration
        | UserRow::ContactsFolder
        | UserRow::ContactsLinked
        | UserRow::EventsFolder
        | UserRow::EventsLinked => match status {
            Status::No => Comes::Alerts(&[Cause::UsersFailing]),
            Status::Yes => Comes::Nothing("a check says that this works"),
            Status::Unknown => Comes::Nothing(NOBODY_SAID),
            Status::None
            | Status::MarkedForReset
            | Status::ResetInProgress
            | Status::NotStarted
            | Status::InitialSyncInProgress
            | Status::InitialSyncCompleted
            | Status::SyncInProgress
            | Status::InSync
            | Status::NotSetToSync => unreachable!("no check shows {status}"),
        },
        UserRow::Reset => match status {
            Status::MarkedForReset | Status::ResetInProgress => Comes::Alerts(&[Cause::ResetStuck]),
            Status::None => Comes::Nothing("no reset runs"),
            Status::Unknown => Comes::Nothing(NOBODY_SAID),
            Status::Yes
            | Status::No
            | Status::NotStarted
            | Status::InitialSyncInProgress
            | Status::InitialSyncCompleted
            | Status::SyncInProgress
            | Status::InSync
            | Status::NotSetToSync => unreachable!("no reset shows {status}"),
        },
        UserRow::ContactsToExchange
        | UserRow::ContactsToSalesforce
        | UserRow::EventsToExchange
        | UserRow::EventsToSalesforce => direction_comes(status),
        UserRow::ContactsRecords | UserRow::EventsRecords => Comes::Nothing(
            "a number of records in sync is neither good nor bad until it is compared with the Exchange folder",
        ),
    }
}

fn direction_comes(status: Status) -> Comes {
    match status {
        Status::NotStarted | Status::InitialSyncInProgress => {
            Comes::Alerts(&[Cause::InitialSyncStuck])
        }
        Status::InitialSyncCompleted => Comes::Nothing("the first sync has ended well"),
        Status::SyncInProgress => Comes::Nothing("records are on their way"),
        Status::InSync => Comes::Nothing("all is in step"),
        Status::Unknown => Comes::Nothing(NOBODY_SAID),
        Status::NotSetToSync => {
            Comes::Nothing("somebody decided that this direction does not sync")
        }
        Status::Yes
        | Status::No
        | Status::None
        | Status::MarkedForReset
        | Status::ResetInProgress => unreachable!("no direction shows {status}"),
    }
}

/// What the page of a case shows of a row: what is odd, what goes with it on a page that does not contradict itself, and
/// otherwise what is well. `None`: the row is not shown.
pub(super) fn shown(case: &Case, row: OrgRow, now: Timestamp) -> Option<OrgValue> {
    let (odd, value) = match case {
        Case::Org(odd, value) => (odd, value),
        Case::OrgUnknown(odd) => return (*odd != row).then(|| healthy_org(row, now)),
        Case::User(..) => return Some(healthy_org(row, now)),
    };
    if *odd == row {
        return Some(value.clone());
    }
    let zero = OrgValue::Count(0);
    match (odd, value, row) {
        // What is not there cannot be recognised.
        (
            OrgRow::ServiceAccountProvided,
            OrgValue::Account(None),
            OrgRow::ServiceAccountRecognized,
        ) => Some(OrgValue::Flag(false)),
        (OrgRow::Synced60m(of), OrgValue::Count(0), OrgRow::LastSync(object)) if *of == object => {
            Some(OrgValue::Instant(now.minus(TimeDelta::hours(2))))
        }
        // Nothing in a day, and nobody knows when the last sync was.
        (OrgRow::Synced24h(of), OrgValue::Count(0), OrgRow::LastSync(object)) if *of == object => {
            None
        }
        (OrgRow::Synced24h(of), OrgValue::Count(0), OrgRow::Synced60m(object)) if *of == object => {
            Some(zero)
        }
        (OrgRow::LastSync(of), OrgValue::Instant(at), OrgRow::Synced60m(object))
            if *of == object && now.since(*at) > TimeDelta::hours(1) =>
        {
            Some(zero)
        }
        (OrgRow::LastSync(of), OrgValue::Instant(at), OrgRow::Synced24h(object))
            if *of == object && now.since(*at) > TimeDelta::hours(24) =>
        {
            Some(zero)
        }
        _ => Some(healthy_org(row, now)),
    }
}

/// What a healthy page shows of the organisation.
fn healthy_org(row: OrgRow, now: Timestamp) -> OrgValue {
    org_values(row, now).swap_remove(0)
}

/// What a healthy page shows of a user.
pub(super) fn healthy_user(row: UserRow) -> UserValue {
    match row {
        UserRow::ContactsRecords | UserRow::EventsRecords => UserValue::Records(312),
        UserRow::Reset => Status::None.into(),
        UserRow::ContactsToExchange
        | UserRow::ContactsToSalesforce
        | UserRow::EventsToExchange
        | UserRow::EventsToSalesforce => Status::InSync.into(),
        UserRow::ActiveConfiguration
        | UserRow::MailboxVersion
        | UserRow::ServiceAccount
        | UserRow::OutlookIntegration
        | UserRow::ContactsFolder
        | UserRow::ContactsLinked
        | UserRow::EventsFolder
        | UserRow::EventsLinked => Status::Yes.into(),
    }
}

/// The series that says it on the metrics page, and its value; none where nobody said.
pub(super) fn series(case: &Case, org: &str) -> (String, Option<f64>) {
    let object = |object: ObjectType| object.name();
    match case {
        Case::Org(row, _) | Case::OrgUnknown(row) => {
            let name = match row {
                OrgRow::ServiceAccountProvided => "service_account_provided",
                OrgRow::OutlookIntegration => "outlook_integration_enabled",
                OrgRow::ServiceAccountRecognized => "service_account_recognized",
                OrgRow::LinkedUsers => "linked_users",
                OrgRow::LastSync(_) => "last_sync_timestamp_seconds",
                OrgRow::Synced60m(_) => "records_synced_60m",
                OrgRow::Synced24h(_) => "records_synced_24h",
            };
            let labels = row
                .object_type()
                .map_or_else(String::new, |of| format!(",object_type=\"{}\"", object(of)));
            let value = match case {
                Case::Org(_, OrgValue::Account(name)) => Some(f64::from(u8::from(name.is_some()))),
                Case::Org(_, OrgValue::Flag(yes)) => Some(f64::from(u8::from(*yes))),
                Case::Org(_, OrgValue::Count(count)) => Some(*count as f64),
                Case::Org(_, OrgValue::Instant(at)) => Some(at.seconds()),
                Case::OrgUnknown(_) | Case::User(..) => None,
            };
            (format!("lightning_sync_{name}{{org=\"{org}\"{labels}}}"), value)
        }
        Case::User(row, UserValue::Records(records)) => {
            let of = row.object_type().map_or("", object);
            let series =
                format!("lightning_sync_records_in_sync{{org=\"{org}\",object_type=\"{of}\"}}");
            (series, Some(f64::from(*records)))
        }
        Case::User(row, value) => {
            let (check, status) = (row.check(), value.status().name());
            let series = format!(
                "lightning_sync_users{{org=\"{org}\",check=\"{check}\",status=\"{status}\"}}"
            );
            (series, Some(1.0))
        }
    }
}

/// The state that the article tells of a case: what `explain` has to speak of.
pub(super) fn state(case: &Case, now: Timestamp) -> (ArticleRow, RowState) {
    let of = |row: &OrgRow, state| (ArticleRow::Org(*row), RowState::Org(state));
    match case {
        Case::OrgUnknown(row) => of(row, OrgState::Unknown),
        Case::Org(row, value) => {
            let state = match (row, value) {
                (_, OrgValue::Account(Some(_))) => OrgState::Named,
                (_, OrgValue::Account(None)) => OrgState::NoneShown,
                (_, OrgValue::Flag(true)) => OrgState::Yes,
                (_, OrgValue::Flag(false)) => OrgState::No,
                (_, OrgValue::Count(0)) => OrgState::Zero,
                // Every organisation here expects one linked user.
                (OrgRow::LinkedUsers, OrgValue::Count(1)) => OrgState::Expected,
                (OrgRow::LinkedUsers, OrgValue::Count(_)) => OrgState::Unexpected,
                (_, OrgValue::Count(_)) => OrgState::Number,
                (_, OrgValue::Instant(at)) if now.since(*at) > TimeDelta::hours(24) => {
                    OrgState::Past
                }
                (_, OrgValue::Instant(at)) if now.since(*at) > TimeDelta::minutes(15) => {
                    OrgState::Hours
                }
                (_, OrgValue::Instant(_)) => OrgState::Minutes,
            };
            of(row, state)
        }
        Case::User(row, _) if row.statuses().is_empty() => {
            (ArticleRow::User(*row), RowState::Count)
        }
        Case::User(row, value) => (ArticleRow::User(*row), RowState::User(value.status())),
    }
}
