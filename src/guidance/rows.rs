//! The 25 rows of the status page: the article's labels, what each can show, and our words for it.

use super::{RowGuide, Step, Text, steps};
use crate::domain::causes::Cause;
use crate::domain::ids::closed_set;
use crate::domain::rows::{OrgRow, Status, UserRow};

closed_set! {
    /// What an organisation's row can show, distinguished as the article does. The names are those of JSON and of
    /// `explain ROW=VALUE`.
    OrgState {
        Named = "named",
        NoneShown = "none",
        Yes = "yes",
        No = "no",
        Expected = "expected",
        /// Not the expected number.
        Unexpected = "unexpected",
        /// A number, with nothing to compare it with.
        Number = "number",
        Zero = "zero",
        /// Within the last few minutes.
        Minutes = "minutes",
        /// Within a few hours.
        Hours = "hours",
        /// On a past date: older than the documented 24 hours.
        Past = "past",
        /// No source has reported it.
        Unknown = "unknown",
    }
}

impl OrgState {
    /// The states a row can show.
    pub const fn of(row: OrgRow) -> &'static [Self] {
        match row {
            OrgRow::ServiceAccountProvided => &[Self::Named, Self::NoneShown, Self::Unknown],
            OrgRow::OutlookIntegration | OrgRow::ServiceAccountRecognized => {
                &[Self::Yes, Self::No, Self::Unknown]
            }
            OrgRow::LinkedUsers => {
                &[Self::Expected, Self::Unexpected, Self::Number, Self::Zero, Self::Unknown]
            }
            OrgRow::LastSync(_) => &[Self::Minutes, Self::Hours, Self::Past, Self::Unknown],
            OrgRow::Synced60m(_) | OrgRow::Synced24h(_) => {
                &[Self::Number, Self::Zero, Self::Unknown]
            }
        }
    }
}

const PASTE: &str =
    "Open Setup, Lightning Sync Status, and paste the page on the organisation's page.";
const PASTE_USER: &str = "Open Setup, Lightning Sync Status, type the user's name, and paste the page on the organisation's page.";
const CASE: &str = "The addresses are equal and the X stays after a reset? Open a Salesforce case.";

/// Nothing is to be done.
pub(super) const fn fine(meaning: &'static str) -> RowGuide {
    act(meaning, &[])
}

/// Something is to be done that is no cause's.
pub(super) const fn act(meaning: &'static str, steps: &'static [Step]) -> RowGuide {
    RowGuide { meaning: Text(meaning), steps, cause: None }
}

/// Evidence of a cause; without `steps` of its own the cause's are taken, by `successor::complete`.
pub(super) const fn because(
    cause: Cause,
    meaning: &'static str,
    steps: &'static [Step],
) -> RowGuide {
    RowGuide { meaning: Text(meaning), steps, cause: Some(cause) }
}

/// The words for a state of an organisation's row; a test holds that none of [`OrgState::of`] is missing.
#[rustfmt::skip]
pub(super) fn org(row: OrgRow, state: OrgState) -> Option<RowGuide> {
    use OrgState as Shown;
    Some(match (row, state) {
        (OrgRow::ServiceAccountProvided, Shown::Named) => fine("An account is saved and passed as a valid one. That alone is no proof that it can sync: if sync fails, test the connection from the Exchange side."),
        (OrgRow::ServiceAccountProvided, Shown::NoneShown) => because(Cause::ServiceAccountMissing, "Salesforce could not save the credentials, so it cannot sign in to Exchange. Nothing can sync until a name stands here.", &[]),
        (OrgRow::OutlookIntegration, Shown::Yes) => fine("The Outlook integration is on. Where reps choose which events sync, they choose in it."),
        (OrgRow::OutlookIntegration, Shown::No) => because(Cause::OutlookIntegrationDisabled, "The Outlook integration is off. This matters only where reps choose which events sync: they cannot. Elsewhere it is no fault.", &[]),
        (OrgRow::ServiceAccountRecognized, Shown::Yes) => fine("Salesforce can sign in with the account. A check is no proof that sync works: if it fails, test the connection from the Exchange side."),
        (OrgRow::ServiceAccountRecognized, Shown::No) => because(Cause::ServiceAccountNotRecognized, "Exchange does not let Salesforce in with the saved account. Nobody syncs while this is so.", &[]),
        (OrgRow::ServiceAccountProvided | OrgRow::ServiceAccountRecognized, Shown::Unknown) => act("No source has reported this row. Where Salesforce connects by OAuth 2.0 the row does not exist.", steps![
            SalesforceAdmin: PASTE,
            Monitoring: "Connected by OAuth 2.0? Set `connection: oauth`.",
        ]),
        (OrgRow::LinkedUsers, Shown::Expected) => fine("As many users are linked as expected: everybody's two addresses match."),
        (OrgRow::LinkedUsers, Shown::Unexpected) => because(Cause::LinkedUsersUnexpected, "More or fewer users are linked than expected. Users whose two addresses differ do not sync.", &[]),
        (OrgRow::LinkedUsers, Shown::Number) => act("So many users are linked. How many are expected is not known, so only 0 can be judged.", steps![Monitoring: "Set `expected_linked_users`, or send the list of all users with `users_complete`."]),
        (OrgRow::LinkedUsers, Shown::Zero) => because(Cause::NoLinkedUsers, "No user's two addresses are matched. Single wrong addresses do not look like this.", &[]),
        (OrgRow::OutlookIntegration | OrgRow::LinkedUsers, Shown::Unknown) => act("No source has reported this row.", steps![SalesforceAdmin: PASTE]),
        (OrgRow::LastSync(_), Shown::Minutes) => fine("Something synced minutes ago: all is well. If single users complain, look at their own rows, their mailbox and their configuration."),
        (OrgRow::LastSync(_), Shown::Hours) => because(Cause::Delayed, "The last sync is hours old. During a first sync that is normal: it takes hours, sometimes more than a day. Otherwise it may be the beginning of a stop.", &[]),
        (OrgRow::LastSync(_), Shown::Past) => because(Cause::NoSyncIn24Hours, "The last sync is older than the limit, 24 hours unless set otherwise. The limit counts from that sync, not from when somebody noticed.", &[]),
        (OrgRow::LastSync(_), Shown::Unknown) => because(Cause::ObservationsStale, "No source has reported when something last synced. That is neither good nor bad: it is not known.", &[]),
        (OrgRow::Synced60m(_), Shown::Number) => fine("So many records synced in the 60 minutes before now."),
        (OrgRow::Synced60m(_), Shown::Zero) => because(Cause::NothingIn60Minutes, "No record synced in the last 60 minutes. Quiet hours, nights and weekends look like this too: nobody is woken for it.", &[]),
        (OrgRow::Synced24h(_), Shown::Number) => fine("So many records synced in the 24 hours before now."),
        (OrgRow::Synced24h(_), Shown::Zero) => because(Cause::NothingIn24Hours, "No record synced in the last 24 hours. It is a finding when a working day lies among them; then there is nothing to wait for.", &[]),
        (OrgRow::Synced60m(_) | OrgRow::Synced24h(_), Shown::Unknown) => act("No live source has reported this count. A count is true only at the moment it is taken, so an old one is not shown.", steps![Monitoring: "Send activity records for an exact count, or the status page more often."]),
        _ => return None,
    })
}

/// The words for a status of a user's row; `None` when the row cannot show it. The two counts take any status.
#[rustfmt::skip]
pub(super) fn user(row: UserRow, status: Status) -> Option<RowGuide> {
    let shows = row.statuses();
    if !shows.is_empty() && !shows.contains(&status) {
        return None;
    }
    if !shows.is_empty() && status == Status::Unknown {
        let steps = steps![SalesforceAdmin: PASTE_USER];
        return Some(act("No source has reported this row of this user.", steps));
    }
    let is_yes = status == Status::Yes;
    Some(match row {
        UserRow::ActiveConfiguration if is_yes => fine("An active Lightning Sync configuration names this user."),
        UserRow::ActiveConfiguration => because(Cause::UsersFailing, "No active configuration names this user, so nothing of theirs syncs. For somebody who left or never should sync that is right.", steps![
            SalesforceAdmin: "Should this user sync? If not, list them in `exclude_users`. Moved to the successor product? Set `migrating_since`.",
            SalesforceAdmin: "If so, add the user in Setup, Lightning Sync Configurations, and check that the configuration is active.",
            Wait: "Give the first sync some hours.",
        ]),
        UserRow::MailboxVersion if is_yes => fine("The mailbox is on an Exchange version that Lightning Sync supports."),
        UserRow::MailboxVersion => because(Cause::UsersFailing, "The mailbox is on an Exchange version that Lightning Sync does not support. The versions named by the vendor are 2013, 2016 and 2019.", steps![
            ExchangeAdmin: "Where is the mailbox? `Get-Mailbox USER`, fields `ServerName` and `AdminDisplayVersion`.",
            ExchangeAdmin: "Move it to a server of a supported version: `New-MoveRequest USER -TargetDatabase DATABASE`.",
            SalesforceAdmin: "Mailboxes on premises and in Exchange Online at once? That mix is not supported: plan the move to the successor product.",
        ]),
        UserRow::ServiceAccount if is_yes => fine("The service account may act for this user, and it answers."),
        UserRow::ServiceAccount => because(Cause::UsersFailing, "The service account may not act for this user, or it cannot be reached. If others pass this check, the account works and only its rights are short.", steps![
            ExchangeAdmin: "Do others pass? If nobody does, the account itself is the cause: start at the organisation's rows.",
            ExchangeAdmin: "Which mailboxes do its rights cover? `Get-ManagementRoleAssignment -Role ApplicationImpersonation`, field `CustomRecipientWriteScope`; then `Get-ManagementScope SCOPE`, field `RecipientFilter`.",
            ExchangeAdmin: "Was the mailbox moved or renamed out of that scope? Widen the filter: `Set-ManagementScope SCOPE -RecipientRestrictionFilter FILTER`.",
            ExchangeAdmin: "Is EWS switched off for this mailbox? `Get-CASMailbox USER`, field `EwsEnabled`.",
            SalesforceAdmin: PASTE_USER,
        ]),
        UserRow::Reset if status == Status::MarkedForReset => because(Cause::ResetStuck, "Somebody started a reset, and it waits in the vendor's queue. The user's other alerts are held back until `limits.reset` has passed.", steps![
            Wait: "Wait for it to begin and to end.",
            SalesforceSupport: "Longer than `limits.reset`? Open a Salesforce case with the user's name and the time of the reset.",
        ]),
        UserRow::Reset if status == Status::ResetInProgress => because(Cause::ResetStuck, "A reset runs: the user's records are matched anew. The row disappears from the page when it has ended. The user's other alerts are held back until `limits.reset` has passed.", steps![
            Wait: "Wait for it to end.",
            SalesforceSupport: "Longer than `limits.reset`? Open a Salesforce case with the user's name and since when it runs.",
        ]),
        UserRow::Reset => fine("No reset waits or runs: the rest of the user's section was read, and none is shown."),
        UserRow::OutlookIntegration if is_yes => fine("This user has set up the Outlook integration and can choose events where reps choose them."),
        UserRow::OutlookIntegration => because(Cause::UsersFailing, "This user has not set up the Outlook integration. It matters only where reps choose which events sync: this user cannot.", steps![
            User: "Open Outlook, start Salesforce from the ribbon, and sign in once.",
            SalesforceAdmin: "Not in the ribbon? Check that the integration is on: Setup, Outlook Integration and Sync.",
            ExchangeAdmin: "On, and still not there? Deploy the Salesforce add-in to this mailbox.",
        ]),
        UserRow::ContactsFolder if is_yes => fine("The mailbox has `Salesforce_Sync` under Contacts. Only contacts in it sync; the category of the same name does nothing."),
        UserRow::ContactsFolder => because(Cause::UsersFailing, "There is no `Salesforce_Sync` under this mailbox's Contacts, and Lightning Sync could not make one. This user's contacts do not sync.", steps![
            ExchangeAdmin: "Look for it: `Get-MailboxFolderStatistics USER -FolderScope Contacts`. Elsewhere in the mailbox, or spelled otherwise, it does not count.",
            User: "Create it in Outlook: People, right-click Contacts, New Folder, name `Salesforce_Sync`, for contact items.",
            ExchangeAdmin: "It is there and the X stays? The service account cannot see this mailbox: check its impersonation scope.",
            SalesforceAdmin: PASTE_USER,
        ]),
        UserRow::EventsFolder if is_yes => fine("The mailbox has a calendar that Lightning Sync can see."),
        UserRow::EventsFolder => because(Cause::UsersFailing, "Lightning Sync sees no calendar in this mailbox. This user's events do not sync.", steps![
            ExchangeAdmin: "Look for it: `Get-MailboxFolderStatistics USER -FolderScope Calendar`.",
            User: "Really gone? Start Outlook once with `outlook.exe /resetfolders`: it makes missing default folders anew.",
            ExchangeAdmin: "It is there and the X stays? The service account cannot see this mailbox: check its impersonation scope.",
            SalesforceAdmin: PASTE_USER,
        ]),
        UserRow::ContactsLinked | UserRow::EventsLinked if is_yes => fine("This user's Exchange address and Salesforce address match."),
        UserRow::ContactsLinked | UserRow::EventsLinked => because(Cause::UsersFailing, "This user's Exchange address and Salesforce address do not match. The user's records do not sync.", steps![
            SalesforceAdmin: "Compare the Email field of the Salesforce user with the mailbox's primary address: `Get-Mailbox USER`, field `PrimarySmtpAddress`. Correct the wrong one.",
            User: "Check that `Salesforce_Sync` holds only contacts that should sync: a reset matches every one of them.",
            SalesforceAdmin: "Reset the user: Setup, Lightning Sync Status, type the name, Reset Sync.",
            SalesforceSupport: CASE,
        ]),
        UserRow::ContactsToExchange | UserRow::ContactsToSalesforce
        | UserRow::EventsToExchange | UserRow::EventsToSalesforce => direction(status),
        UserRow::ContactsRecords => act("The number of this user's contacts that sync, if a number is shown. It should equal the number of contacts in the user's `Salesforce_Sync` folder; a lasting difference is drift.", steps![
            ExchangeAdmin: "Count the folder: `Get-MailboxFolderStatistics USER -FolderScope Contacts`, field `ItemsInFolder`.",
            SalesforceAdmin: "Fewer here? Look at the user's Unresolved Items in Salesforce; beyond 50,000 contacts the rest waits.",
            User: "Contacts with only the category `Salesforce_Sync`? Move them into the folder, turn contact categories off, and choose the folder for new contacts.",
            SalesforceAdmin: "Still different after a day? Check that the folder holds only contacts that should sync. Then reset the user.",
        ]),
        UserRow::EventsRecords => act("The number of this user's events that come from Exchange to Salesforce, if a number is shown. The other way is not counted.", steps![
            SalesforceAdmin: "Only some are missing? Look at the user's configuration first: which direction, and which events.",
            User: "Is the missing event marked private? Take the mark off if it should sync.",
            SalesforceAdmin: "Is it recurring, or does it have invitees? By the vendor's status article those may not sync, though newer help pages allow attendees.",
        ]),
    })
}

/// The words for a direction's status that is known.
#[rustfmt::skip]
fn direction(status: Status) -> RowGuide {
    match status {
        Status::NotStarted => because(Cause::InitialSyncStuck, "Nothing of this user has gone in this direction yet. Right after set-up that is normal; when `limits.initial_sync` has passed, it is a fault.", steps![
            Wait: "Was the user just assigned or reset? Wait for the first sync to begin.",
            SalesforceAdmin: "Otherwise look at the user's configuration: is it active, and does it sync in this direction?",
            SalesforceAdmin: "Both right? Check that `Salesforce_Sync` holds only contacts that should sync. Then reset this one user.",
            SalesforceSupport: "Still not started the next day? Open a Salesforce case.",
        ]),
        Status::InitialSyncInProgress => because(Cause::InitialSyncStuck, "The user's first sync in this direction runs. It takes hours, sometimes more than a day; alerts are held back until `limits.initial_sync` has passed.", steps![
            Wait: "Wait for it to end.",
            ExchangeAdmin: "Longer than `limits.initial_sync`? See how much it has to carry: `Get-MailboxFolderStatistics USER`.",
            SalesforceSupport: "Too long for that size? Open a Salesforce case.",
        ]),
        Status::InitialSyncCompleted => fine("The user's first sync in this direction has ended well."),
        Status::SyncInProgress => fine("The user's records sync in this direction at this moment."),
        Status::NotSetToSync => act("For this user, nothing is set to go in this direction. That is neither a fault nor health: the direction does not count.", steps![
            SalesforceAdmin: "Is it meant so? Then there is nothing to do.",
            SalesforceAdmin: "Is every direction like this while the user is assigned? The two contradict each other: look in Setup, Lightning Sync Configurations, which one names the user.",
        ]),
        Status::InSync | Status::Yes | Status::No | Status::None | Status::MarkedForReset
        | Status::ResetInProgress | Status::Unknown => fine("All of this user's records have arrived in this direction."),
    }
}
