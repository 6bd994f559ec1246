//! Causes in words, one place for each [`Cause`]. Which alert speaks of a cause and how loudly is `domain::causes`.

use super::{CauseGuide, guide};
use crate::domain::causes::Cause;

/// The one test that tells a fault of Exchange from a fault of Salesforce.
const TEST_EXCHANGE: &str = "Test Exchange from outside on one mailbox: Remote Connectivity Analyzer, Service Account Access, with impersonation. Once: retries lock the account.";
const READ_AGAIN: &str = "Read the status page again (Setup, Lightning Sync Status) and paste it on the organisation's page.";
const PLANNED: &str = "Is this planned work? Silence the alert until it ends.";
const ACCOUNT_FIRST: &str = "Does the status page show a service account, with a check beside it? If not, that is the cause: start there.";

/// The words of a cause; without a wildcard, so that a new cause does not compile until it has some.
pub(super) const fn of(cause: Cause) -> &'static CauseGuide {
    match cause {
        Cause::ServiceAccountMissing => guide! {
            "Salesforce has no Exchange service account."
            "The status page shows None where the account's name should be: Salesforce could not save the credentials. Without an account it cannot sign in to Exchange."
            "No contact and no event syncs, in either direction, for anybody."
            SalesforceAdmin: "Open Setup, Outlook Integration and Sync. Did somebody clear or change the account?"
            ExchangeAdmin: "Is the account enabled and not locked, and its password not expired? `Get-ADUser ACCOUNT -Properties Enabled,LockedOut,PasswordExpired`."
            SalesforceAdmin: "Save ID and password once more, as `user@domain` or `DOMAIN\\user`. Only once: retries lock the account."
            ExchangeAdmin: TEST_EXCHANGE
            SalesforceAdmin: READ_AGAIN
            SalesforceSupport: "The test passes and None stays? Open a Salesforce case."
        },
        Cause::ServiceAccountNotRecognized => guide! {
            "Salesforce does not accept the Exchange service account."
            "An account is saved, and Exchange does not let Salesforce in with it. It is locked, disabled or expired, its password changed, or it is no valid account."
            "Sync stops for everybody in both directions. Changes wait on both sides; nothing is deleted."
            ExchangeAdmin: "Is the account locked, disabled or expired? `Get-ADUser ACCOUNT -Properties Enabled,LockedOut,PasswordExpired,AccountExpirationDate`, then `Unlock-ADAccount ACCOUNT`."
            ExchangeAdmin: TEST_EXCHANGE
            SalesforceAdmin: "Was the password changed? Save the new one in Setup, Outlook Integration and Sync."
            ExchangeAdmin: "Sign-in works and the mailbox is refused? Check the impersonation right: `Get-ManagementRoleAssignment -Role ApplicationImpersonation -GetEffectiveUsers`."
            ExchangeAdmin: "Does the server still offer EWS with Basic or NTLM, TLS 1.2 and a valid certificate? `Get-WebServicesVirtualDirectory` shows the first part."
            SalesforceAdmin: READ_AGAIN
            SalesforceSupport: "The test passes and the X stays? Open a Salesforce case."
        },
        Cause::NoLinkedUsers => guide! {
            "No user is linked between Salesforce and Exchange."
            "No user's Exchange address is matched with the user's Salesforce address. One wrong address affects one user; all at once is a fault inside Salesforce that customers cannot see."
            "Nobody has anything to sync to. Contacts and events stand still."
            SalesforceSupport: "Open a Salesforce case now: Lightning Sync, 0 linked users, with the time it began."
            SalesforceAdmin: "Meanwhile open Setup, Lightning Sync Configurations. Is one active, and does it have users?"
            SalesforceAdmin: "Did many addresses change at once (single sign-on, a new domain, an import)? Say so in the case."
        },
        Cause::ExchangeUnreachable => guide! {
            "Exchange cannot be reached by the probe."
            "The probe does not get as far as a sign-in: the name, the connection, the certificate or EWS itself fails. It is a warning while records go on syncing: then only the exporter's way is broken."
            "If Salesforce goes the same way, nothing syncs in either direction."
            ExchangeAdmin: "Look at the steps on the organisation's page. The first one that failed has its reason and its own advice: follow that first. `doctor` tries again at once."
            ExchangeAdmin: "A name or a connection? Test the URL of EWS with `curl` from the exporter's machine, and from outside."
            ExchangeAdmin: "A certificate? Renew it, and assign it to IIS with `Enable-ExchangeCertificate`."
            ExchangeAdmin: "EWS itself? Is its application pool running, and is the path right? `Get-WebServicesVirtualDirectory` shows it."
            Monitoring: "Do records go on syncing? Salesforce reaches Exchange: repair the way from the exporter's machine."
        },
        Cause::ExchangeAccountRefused => guide! {
            "Exchange refuses the sign-in of the probe's account."
            "The sign-in was refused in two polls in a row, or Exchange does not offer this way to sign in. The exporter tries an account once an hour from then on, so that it locks nobody out."
            "If it is the account that Salesforce uses, nothing syncs for anybody."
            ExchangeAdmin: "Is the account locked, disabled or expired? `Get-ADUser ACCOUNT -Properties Enabled,LockedOut,PasswordExpired`, then `Unlock-ADAccount ACCOUNT`."
            ExchangeAdmin: "Locked again and again? Find the machine that signs in with an old password."
            Monitoring: "Was the password changed? Write the new one into `password_file`, and reload the exporter: it is tried at once."
            SalesforceAdmin: "Was the password changed? Save the new one in Setup, Outlook Integration and Sync."
            ExchangeAdmin: "Is this way to sign in still offered? `Get-WebServicesVirtualDirectory` shows it."
            ExchangeAdmin: "Is it an application of Microsoft Graph? Has its secret or certificate expired? See `Certificates & secrets` and its sign-ins in Microsoft Entra."
        },
        Cause::ExchangeEwsOff => guide! {
            "Exchange refuses EWS as a whole."
            "Exchange took the sign-in and refused EWS, in several polls in a row: it is switched off for the tenant or the mailboxes, or a policy blocks our application. This is about our application: that of Salesforce may be listed separately. Since October 2026 Microsoft switches EWS off in Exchange Online, tenant by tenant, and ends it on 2027-04-01."
            "Lightning Sync needs EWS. If Salesforce is refused too, nothing syncs for mailboxes in Exchange Online; mailboxes on Exchange Server are not touched."
            ExchangeAdmin: "Was it switched off? `Get-OrganizationConfig`, fields `EwsEnabled` and `EwsAllowedAppIDs`. A change takes up to a day."
            ExchangeAdmin: "For some mailboxes alone? `Get-CASMailbox MAILBOX`, field `EwsEnabled`."
            SalesforceAdmin: "Do records go on syncing? Then Salesforce's application is allowed: ask for ours to be listed as well."
            SalesforceAdmin: "Plan the move to the successor product before 2027-04-01."
        },
        Cause::ExchangeImpersonationRefused => guide! {
            "Exchange refuses the account in most mailboxes."
            "The account may sign in and may not act for most of the mailboxes that are looked at: the right to impersonate was taken away, or its scope does not hold them any more."
            "If it is the account that Salesforce uses, nothing syncs for these users."
            ExchangeAdmin: "Who has the right? `Get-ManagementRoleAssignment -Role ApplicationImpersonation -GetEffectiveUsers`."
            ExchangeAdmin: "Give it back: `New-ManagementRoleAssignment -Role ApplicationImpersonation -User ACCOUNT`, with the scope that holds all users."
            ExchangeAdmin: "Is the scope a group or a filter? Are the users still in it? For an application of Microsoft Graph, `Test-ServicePrincipalAuthorization APP -Resource MAILBOX` shows it."
            ExchangeAdmin: "The right is there and the refusal stays for hours? Open a case with Microsoft."
        },
        Cause::ExchangeCertificateEnding => guide! {
            "The certificate of Exchange ends in less than three weeks."
            "The certificate that Exchange shows, or the first of its chain to end, is near its end: after it, Salesforce does not connect any more. Where the probe uses Microsoft Graph, it is the certificate of the probe's own application."
            "From that moment on nothing syncs, and mail clients complain as well."
            ExchangeAdmin: "Which one is it? `Get-ExchangeCertificate` lists them with their services and their last days."
            ExchangeAdmin: "Renew it at a public authority that Salesforce accepts, and assign it to IIS with `Enable-ExchangeCertificate`."
            ExchangeAdmin: "Is a proxy or load balancer in between? It has a certificate of its own."
        },
        Cause::NoSyncIn24Hours => guide! {
            "Nothing has synced for longer than 24 hours."
            "The last sync is older than the limit (`stale_after`, 24 hours by default). The limit counts from that sync. A source that looked after the limit reported it."
            "Changes made since then are missing on the other side. Users work with old contacts and old calendars."
            SalesforceAdmin: PLANNED
            SalesforceAdmin: "Open Setup, Lightning Sync Status. Does it show a newer time? Paste it on the organisation's page."
            SalesforceAdmin: ACCOUNT_FIRST
            ExchangeAdmin: TEST_EXCHANGE
            ExchangeAdmin: "Mailboxes in Exchange Online? Is EWS still allowed? `Get-OrganizationConfig`, fields `EwsEnabled` and `EwsAllowedAppIDs`."
            SalesforceSupport: "Exchange answers and nothing syncs? Open a Salesforce case with the last sync time and the test's result."
            Monitoring: "Does it fire each Saturday or Monday and nothing is wrong? Set `count_hours: business`."
        },
        Cause::NeverSynced => guide! {
            "Nothing has synced since this organisation was added."
            "Days have passed, a source reported, and no sync was ever seen. A first sync within its limit is not counted."
            "The set-up is not finished: users believe that they sync, and nothing moves."
            SalesforceAdmin: "Is set-up still going on? Set `setup_until` to the day it ends."
            SalesforceAdmin: "Open Setup, Lightning Sync Configurations. Is one active, and does it have users?"
            SalesforceAdmin: "Should this object type sync at all? If not, take it out of `objects` in the configuration."
            SalesforceAdmin: ACCOUNT_FIRST
            ExchangeAdmin: TEST_EXCHANGE
            SalesforceSupport: "All of that is right? Open a Salesforce case."
        },
        Cause::ObservationsStale => guide! {
            "No source has reported lately whether sync works."
            "Every source that could know has been silent for too long. The pages show what was true when it was read. This is no proof of a failure, and no proof of health."
            "If sync stops now, nobody notices."
            Monitoring: "Is the job that sends activity or the status page still running? When did it last succeed?"
            Monitoring: "What does it get as an answer? 401 is the token, 422 names the wrong field, 503 means send again."
            Monitoring: "Does it write files? Is the share reachable, and the disk not full?"
            SalesforceAdmin: READ_AGAIN
            Monitoring: "Does the source report less often by design? Set `expected_every`."
        },
        Cause::NothingIn24Hours => guide! {
            "No record synced in 24 hours that include a working day."
            "People worked, and the count of the last 24 hours is 0. Either nobody changed anything, or changes no longer get through."
            "Changes of the last working day may be missing on the other side."
            SalesforceAdmin: "Change one test contact or event of a synced user and wait 30 minutes."
            ExchangeAdmin: "Not across? Test Exchange from outside on one mailbox: Remote Connectivity Analyzer, Service Account Access, with impersonation. Once: retries lock the account."
            SalesforceSupport: "Exchange answers and the test record is still missing? Open a Salesforce case."
            SalesforceAdmin: "It came across? Then nobody changed anything. Was it a holiday? Add it to `business_hours`."
        },
        Cause::LinkedUsersUnexpected => guide! {
            "The number of linked users is not the expected one."
            "Some users' addresses in Exchange and Salesforce do not match, or the expected number is out of date."
            "The users who are not linked do not sync; everybody else does."
            SalesforceAdmin: "Did people join or leave? Correct `expected_linked_users`, or remove it to count the assigned users."
            SalesforceAdmin: "Open the list of users and look for addresses that are not linked."
            SalesforceAdmin: "Compare the Email field of each Salesforce user with the mailbox's primary address: `Get-Mailbox USER`, field `PrimarySmtpAddress`."
            SalesforceAdmin: "Corrected? Check that `Salesforce_Sync` holds only contacts that should sync. Then reset that user in Setup, Lightning Sync Status."
        },
        Cause::UsersFailing => guide! {
            "Some users fail a check that they need to sync."
            "These users cannot sync because of the check named in the alert, such as `contacts_folder` (the folder `Salesforce_Sync` is missing) or `mailbox_version` (Exchange is too old). If others pass it, the service account works and the fault is with these users."
            "The users counted do not sync, or only in part; everybody else does."
            SalesforceAdmin: "Did they leave, or should they never sync? Remove them from the Lightning Sync configuration, or list them in `exclude_users`."
            SalesforceAdmin: "Open the organisation's list of users: each failing check stands there with its own steps. `explain user.CHECK=no` prints the same."
            SalesforceAdmin: "Read the status of those users again (Setup, Lightning Sync Status) and paste it on the organisation's page."
        },
        Cause::ResetStuck => guide! {
            "A user's sync reset has not ended in time."
            "A reset has been queued or running for longer than `limits.reset`."
            "The user's contacts and events do not sync until the reset ends."
            SalesforceAdmin: "Open Setup, Lightning Sync Status, and type the user's name. No reset shown? It has ended: paste that page on the organisation's page."
            SalesforceAdmin: "Were many users reset at once? Give the queue a night."
            SalesforceSupport: "Still there? Open a Salesforce case with the user's name and the time of the reset."
        },
        Cause::InitialSyncStuck => guide! {
            "A user's first sync has not ended in time."
            "A first sync takes hours, sometimes more than a day. This one has not begun or not ended within `limits.initial_sync`."
            "Part of the user's contacts or events is missing on one side."
            SalesforceAdmin: "Open Setup, Lightning Sync Status, and type the user's name. A later state? Paste that page on the organisation's page."
            SalesforceAdmin: "Is the user's configuration active, and does it sync this object type in this direction?"
            ExchangeAdmin: "How much has it to carry? `Get-MailboxFolderStatistics USER`. Above 50,000 contacts the rest waits."
            SalesforceAdmin: "No progress? Check that `Salesforce_Sync` holds only contacts that should sync. Then reset this one user."
            SalesforceSupport: "No progress a day after the reset? Open a Salesforce case."
        },
        Cause::UsersSyncNothing => guide! {
            "Users are assigned to an active configuration that syncs nothing for them."
            "User assigned to active Exchange configuration shows a check, and every direction shows Exchange configuration not set to sync. The two contradict each other."
            "Neither contacts nor events of these users sync. They count as excluded, neither failing nor healthy."
            SalesforceAdmin: "Open Setup, Lightning Sync Configurations. Which one names the users, and in which directions does it sync?"
            SalesforceAdmin: "Should they sync? Choose the directions. Should they not? Take them out of the configuration."
            SalesforceAdmin: "Set so on purpose? List them in `exclude_users`."
        },
        Cause::Delayed => guide! {
            "Sync is later than usual."
            "The last sync is older than `fresh_within` and younger than the 24-hour limit. A first sync can look like this for hours."
            "Changes reach the other side late. Nothing is lost."
            Wait: "Watch it. If sync does not resume, the 24-hour alert fires."
            SalesforceAdmin: "Did somebody just set up, reset or assign many users? Wait for their first sync to end."
            SalesforceAdmin: "You cannot wait? Open Setup, Lightning Sync Status, and look at the service account first."
        },
        Cause::NothingIn60Minutes => guide! {
            "Nothing synced in the last working hour."
            "The count of the last 60 minutes is 0 in business hours. A quiet hour is normal in a small organisation."
            "None yet. It can be the first sign of a stop."
            Wait: "Watch for 24 hours whether the count rises again."
            SalesforceAdmin: "You cannot wait? Change one test event of a synced user and wait 30 minutes."
            ExchangeAdmin: "Not across? Test Exchange from outside on one mailbox: Remote Connectivity Analyzer, Service Account Access. Once: retries lock the account."
            SalesforceSupport: "Exchange answers and still nothing moves? Open a Salesforce case."
        },
        Cause::UnusuallyQuiet => guide! {
            "It is unusually quiet: nothing syncs at hours that always had records."
            "At these hours each of the last four weeks had records, and now there is none. The feed reports. This is an early warning: the limit of 24 hours has not passed."
            "None yet that is certain. If sync has stopped, changes since the last record wait."
            SalesforceAdmin: "Change one test event of a synced user and wait 30 minutes. Does it come across?"
            SalesforceAdmin: ACCOUNT_FIRST
            ExchangeAdmin: TEST_EXCHANGE
            Monitoring: "It came across? Does the job that sends activity still get what syncs?"
            Monitoring: "Is it a holiday? Add it to `business_hours`. Is silence normal at this hour? Set `unusually_quiet: false`."
        },
        Cause::OutlookIntegrationDisabled => guide! {
            "Sales reps choose which events sync, and the Outlook integration is off."
            "Reps choose their events in the Outlook integration, and it is off for the whole organisation."
            "Reps cannot choose further events. Events chosen before and all contacts go on."
            SalesforceAdmin: "Open Setup, Outlook Integration and Sync, and switch the Outlook integration on."
            SalesforceAdmin: "Do reps not choose their events? Set `reps_select_events: false`."
        },
        Cause::RetirementNear => guide! {
            "Lightning Sync ends soon."
            "The vendor retires Lightning Sync in April 2027. The successor is Einstein Activity Capture. Government Cloud is exempt."
            "From that day new changes no longer sync. Records that have synced stay on both sides."
            SalesforceAdmin: "Confirm the date with your account team. Government Cloud? Set `retirement: none`."
            SalesforceAdmin: "Run the vendor's migration tool from Lightning Sync to Einstein Activity Capture on a few users first."
            SalesforceAdmin: "Assign the permissions of the successor to everybody who syncs."
            SalesforceAdmin: "Set `migrating_since`, so that users who have moved do not count as failing."
        },
        Cause::Retired => guide! {
            "Lightning Sync has ended for this organisation."
            "The retirement date has passed. What Lightning Sync no longer does is no fault."
            "Contacts and events no longer sync this way. Records that have synced stay on both sides."
            SalesforceAdmin: "Moved to Einstein Activity Capture? Set `product: einstein_activity_capture`."
            SalesforceAdmin: "Exempt, as in Government Cloud? Set `retirement: none`."
            SalesforceAdmin: "No longer needed? Remove the organisation from the configuration."
        },
        Cause::ExporterDown => guide! {
            "The Lightning Sync exporter cannot be scraped."
            "Prometheus gets no answer from this program. Alerts that were firing keep firing; nothing new is seen."
            "If sync stops now, nobody notices. Senders get no acknowledgement and must send again."
            Monitoring: "Is the process running? `systemctl status lightning-sync-exporter`, or the container's state; then its last log lines."
            Monitoring: "Running? Fetch `/-/healthy` on its listen address from the Prometheus host: network, TLS or token."
            Monitoring: "Does it stop at start? Run it with `--config.check`: it names every mistake with its key."
            Monitoring: "Removed on purpose? Take it out of the scrape configuration."
        },
        Cause::StoreFailing => guide! {
            "The exporter cannot write its database."
            "The store refuses to commit. What cannot be written is not acknowledged, so senders send it again."
            "No new activity and no new page is taken. What was acknowledged is safe."
            Monitoring: "Is the disk full, or mounted read-only? `df` on the directory of `store.path`. With `store.postgres`: does the server answer?"
            Monitoring: "May the program's user write that directory? Does a second process use the same file?"
            Monitoring: "Read the log for the database's own error. Restore a backup only when it says corrupt."
        },
        Cause::ClockSuspect => guide! {
            "The exporter's clock has stepped."
            "The wall clock moved against the steady one. Ages and windows are counted by the wall clock and may be wrong."
            "The counts of 60 minutes and 24 hours and all ages may be wrong by the size of the step."
            Monitoring: "Is the time synchronised? `timedatectl`, or `chronyc tracking`, on the exporter's host."
            Monitoring: "Was a virtual machine paused or restored? Correct the clock. Counts are exact again 24 hours later."
        },
        Cause::IngestRejected => guide! {
            "What senders push is refused."
            "Requests with activity or status pages arrive and are refused: a wrong token, a changed format, or too much at once."
            "The refused data is missing until it is sent again correctly. Counts may be too low."
            Monitoring: "Read the sender's log: the answer's body names the reason and, for records, line and field."
            Monitoring: "Answer 401 or 403? Compare the sender's token with the organisation's `token_file`."
            Monitoring: "Answer 422? A field is wrong, or the page's layout changed. Correct the sender; `?on_error=skip` takes the good records meanwhile."
            Monitoring: "Answer 413? Send smaller batches. 429 or 503? Wait as long as `Retry-After` says."
        },
        Cause::PollFailing => guide! {
            "A source that the exporter polls fails."
            "Every poll of this source has failed for 25 minutes: the exporter waits for 15, the alert for 10 more. Its last readings stay and grow old. Polling goes on, less often, and recovers by itself."
            "Readings that only this source has are stale after a few minutes and say nothing about now."
            Monitoring: "Read the reason on the organisation's page or in the log: it comes with its own advice. Follow that first. `doctor` tries again at once."
            Monitoring: "A reason of the network (name, connection, TLS, time-out)? Test the host from the exporter's machine with `curl`."
            Monitoring: "A reason of a directory? Is it there, readable, and its share mounted?"
            Monitoring: "A reason of credentials or permission? Ask the source's administrator whether the account that the exporter uses is active, its secret or certificate valid, and its permissions complete."
            Monitoring: "A reason of limits? Ask the source's administrator which program uses up the requests, and poll less often (`poll_every`)."
            Wait: "Maintenance or a server error? See the status page of the source's service and wait."
        },
        Cause::SalesforceApiBudgetLow => guide! {
            "The Salesforce organisation's daily API requests run low."
            "Three quarters of the share that polling may let be used (`api_budget_percent`) are used up, by any program. Polling slows down, and pauses when the share is used up."
            "Polled values get older. When all requests are used up, every integration of the organisation stops."
            SalesforceAdmin: "Setup, System Overview, API usage, and the report API Usage Last 7 Days: which user sends most of the requests?"
            Monitoring: "Is it this exporter? See the rate of `lightning_sync_salesforce_api_calls_total`; raise `poll_every`."
            SalesforceAdmin: "A runaway integration? Stop it. The count is of the last 24 hours and falls slowly."
            SalesforceAdmin: "Usual load? Buy more requests, or raise `api_budget_percent`."
        },
        Cause::ExchangeSignInRefused => guide! {
            "Exchange refuses the service account's sign-ins."
            "IIS's log on the Exchange server shows refused sign-ins of the account, and no call that worked since. The reason on the organisation's page is Windows' own: wrong password, locked out, expired, must change, or disabled."
            "Sync stops for everybody in both directions. Changes wait on both sides; nothing is deleted."
            ExchangeAdmin: "Locked out, disabled or expired? `Get-ADUser ACCOUNT -Properties Enabled,LockedOut,PasswordExpired,AccountExpirationDate`, then `Unlock-ADAccount ACCOUNT`."
            SalesforceAdmin: "Wrong password? Was it changed? Save the new one in Setup, Outlook Integration and Sync. Only once: retries lock the account."
            ExchangeAdmin: "Expired or must change? Set a new password and `PasswordNeverExpires`, then have it saved in Salesforce."
            ExchangeAdmin: "Locked again at once? Something else signs in with an old password: the address in IIS's log says where."
        },
        Cause::ExchangeNoCalls => guide! {
            "Exchange's logs are current and show no call from Salesforce."
            "The logs of all configured servers reach to now, and the service account has not called for longer than `no_calls_after`. Exchange itself works: others' calls are in the same logs."
            "Nothing syncs while nobody calls. Changes wait on both sides."
            SalesforceAdmin: "Open Setup, Lightning Sync Status. Is the service account there with a check, and is a configuration active?"
            ExchangeAdmin: "Can Salesforce reach the published address? Firewall, reverse proxy, certificate, the list of allowed addresses."
            ExchangeAdmin: "Does another server answer under that address? Add it to `exchange_log.servers`."
            Monitoring: "Does the account sign in under another name? Compare `exchange_log.service_account` with `AuthenticatedUser` in the log."
            Monitoring: "Is no IIS log read? Then refused sign-ins look like this. Configure `iis`."
            SalesforceSupport: "All of that is right? Open a Salesforce case with the time of the last call."
        },
        Cause::CanaryLate => guide! {
            "An item that the canary wrote has not arrived on the other side."
            "The canary wrote a contact or an event of its own, and it is not on the other side in the time that its earlier ones took, with a margin. The check names object type and direction. The status rows may still say that all is well."
            "Records of this object type do not reach the other side in this direction, or much later. Changes wait; nothing is deleted."
            SalesforceAdmin: "Is the canary's user still in an active configuration that syncs this object type in this direction?"
            SalesforceAdmin: "Change one event of another user. Does it arrive? Then only the canary's user does not sync: open its status row and reset its sync."
            ExchangeAdmin: "Nothing arrives? Look at the probe of Exchange on the organisation's page, or test Exchange from outside. The first step that fails shows whose side it is."
            SalesforceSupport: "Both sides work? Open a Salesforce case with the time of the last item that arrived."
        },
        Cause::CanaryFailing => guide! {
            "The canary cannot write, find or delete its items."
            "Salesforce or Exchange refuses the canary's own account, or does not answer it. Nothing is known of the sync from the canary meanwhile; what it found before stays."
            "A sync that stops now is noticed by the other sources alone."
            Monitoring: "Read the reason on the organisation's page or in the log: it comes with its own advice. `doctor` tries both sides without writing."
            SalesforceAdmin: "A reason of Salesforce? Are the canary's app, user and permission set active?"
            ExchangeAdmin: "A reason of Exchange? May the canary's account write to its mailbox?"
        },
        Cause::CanaryLeftovers => guide! {
            "Items of the canary are still there after a day."
            "The canary deleted items where it had written them, and the other side still has them after a day; or it could not delete them. The page names each."
            "Contacts and events named Sync canary stay in the canary's mailbox or with its Salesforce user. Nobody else sees them. Deletions may not sync for other users either."
            SalesforceAdmin: "Does the configuration sync deletions in this direction? Delete a contact of another user to compare."
            SalesforceAdmin: "Delete the items that the organisation's page names, by their titles, on the side that it names."
        },
        Cause::ExchangeTwoWriters => guide! {
            "A second sync program writes into the same mailboxes."
            "Exchange's EWS log shows that Salesforce and another program both wrote into these mailboxes within 26 hours. Programs with which people use their mailbox are not counted."
            "Two sync programs copy each other's records: duplicates and changes that come back."
            ExchangeAdmin: "Open the users' pages: they name the other account. Which program is it: another CRM sync, a migration, a backup?"
            SalesforceAdmin: "Is it the successor product or an old integration? Take these users out of one of the two."
            ExchangeAdmin: "Does it write something else, such as signatures? Then nothing is wrong: silence this alert."
        },
        Cause::DuplicateSurge => guide! {
            "Some users have twice as many synced contacts as two days ago."
            "The number of contacts in these users' `Salesforce_Sync` folders has at least doubled within two days. A sync that copies all contacts in both directions does that, and so do two sync programs. Growth of that kind is rarely work."
            "Every contact is there twice, and each copy may be copied again."
            SalesforceAdmin: "Open the users' pages: are there more contacts in the folder than records in sync? Then they are duplicates."
            SalesforceAdmin: "Does their configuration sync contacts in both directions, and all contacts? Take these users out of it until they are removed."
            ExchangeAdmin: "Does a second program write into these mailboxes? The users' pages show it where Exchange's logs are read."
            SalesforceAdmin: "Remove the copies before you reset these users: a reset copies what is in the folder."
            SalesforceSupport: "Nothing was changed and it goes on? Open a Salesforce case with the counts of one user."
        },
        Cause::RecordsDrift => guide! {
            "Salesforce and Exchange count different numbers of synced contacts."
            "Records in sync, as Salesforce shows them, and the contacts in the `Salesforce_Sync` folder, as the probe counts them, have been apart for longer than `drift.lasting`, by more than `drift.records` and `drift.percent`."
            "Some contacts exist on one side only, or deleted ones are still there. The others sync."
            SalesforceAdmin: "Open a user's page: which side has more?"
            SalesforceAdmin: "More in the folder: deletions that were lost, duplicates, or contacts that the configuration does not let through. Compare a few names."
            SalesforceAdmin: "More in Salesforce: were contacts moved out of the folder, or carry only its category? Only contacts in the folder sync."
            SalesforceAdmin: "Clean the folder, then reset the user's sync: only what is in the folder is compared anew."
            SalesforceSupport: "It comes back after a reset? Open a Salesforce case with both counts and the time it began."
        },
        Cause::ConfigReloadFailed => guide! {
            "The exporter could not read its configuration again."
            "The configuration file changed and has mistakes. The configuration that was in force before stays in force."
            "What was changed does not hold, and the next restart fails."
            Monitoring: "Run the exporter with `--config.check` on that file: it names every mistake with its key."
            Monitoring: "Correct the file and reload: `systemctl reload lightning-sync-exporter`."
        },
        Cause::WebReloadFailed => guide! {
            "The exporter could not read its web file or certificate again."
            "The web file or a file that it names changed and cannot be used. What was in force before stays in force."
            "A new password or certificate does not hold; the old certificate goes on until it ends."
            Monitoring: "Read the log: it names the file and the reason."
            Monitoring: "Correct the file; the exporter reads it again by itself."
        },
        Cause::CertificateExpiring => guide! {
            "The certificate of the exporter ends in less than two weeks."
            "The certificate that the exporter serves ends soon and nobody has renewed it."
            "After its end Prometheus and browsers refuse the connection, and nothing is seen."
            Monitoring: "Renew the certificate; the exporter reads the new file by itself."
            Monitoring: "Check that the timer that renews it runs."
        },
        Cause::Restarting => guide! {
            "The exporter or a part of it is restarted again and again."
            "The exporter, or one of its tasks, ended more than three times within an hour and was started anew."
            "Scrapes and requests fail in between, and reports of sources may be lost."
            Monitoring: "Read the log before each start: it names what ended and why."
            Monitoring: "Is memory limited too tightly, or does a health check end it? Look at the service manager."
        },
        Cause::SalesforceUsageUnknown => guide! {
            "Salesforce does not report how many API requests are used."
            "Polls are answered, and without the figures of the daily limit."
            "The exporter cannot spare the limit; it keeps to its own budget."
            SalesforceAdmin: "May the integration user see the organisation's limits? Give the permission View Setup and Configuration."
        },
        Cause::BackupTooOld => guide! {
            "The exporter's database has no recent backup."
            "The last good `backup` of this database is older than `store.backup_max_age`, or there has been none."
            "If the disk fails, what was reported since the last backup is lost: last syncs, users' readings, history."
            Monitoring: "Did the timer that runs `backup` run? Read its log: a backup that fails says why."
            Monitoring: "Is the disk full where the backup goes, or is there a file of that name already?"
            Monitoring: "Do you copy the database in another way? Then remove `backup_max_age`: only the command `backup` counts."
        },
        Cause::StoreEmptied => guide! {
            "The exporter's database was emptied."
            "The database begins later than it did within the last day: it was replaced, deleted, or lies where it does not last. Alerts that fired go on until somebody reports again."
            "Last syncs, users' readings and history are gone. Limits that count in days, such as the 72 hours to a first sync, begin anew."
            Monitoring: "Does `store.path` lie on a disk that outlives a restart, or on a volume in a container?"
            Monitoring: "Is there a backup? Stop the daemon, move the new database away, and `restore` it."
            Monitoring: "Emptied on purpose? Silence the alert for a day, and feed every source once."
        },
        Cause::ManyOrganizations => guide! {
            "Many organisations have the same trouble at once."
            "More than ten organisations, and more than a quarter of all, have the same critical finding. One thing that they share has probably failed."
            "As of each of them; the alerts of each are held back while this one fires."
            Monitoring: "What do they share? A feed, a network, an Exchange, a certificate: start there."
            Monitoring: "Was the exporter changed or moved? See whether its sources still reach it."
            Monitoring: "Look at the overview page: it lists the organisations, worst first."
        },
        Cause::Watchdog => guide! {
            "Alerting works."
            "This alert always fires. Route it to something that complains when it stops coming."
            "None while it fires. Its silence means that no other alert would arrive either."
        },
    }
}
