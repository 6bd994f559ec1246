//! Why a step of the probe fails: one closed list with advice, and what Exchange's codes mean in it.

use super::ews::answer::EwsFault;
use crate::domain::causes::Cause;
use crate::http_client::Distrust;
use crate::sources::failure::failure_reasons;
use chrono::TimeDelta;

failure_reasons! {
    /// What Exchange, or something before it, refuses.
    ExchangeFailure {
        CertificateExpired = "certificate_expired", false,
            "Renew the certificate of the Exchange server, and assign it to IIS with `Enable-ExchangeCertificate`.";
        CertificateNotYetValid = "certificate_not_yet_valid", false,
            "Compare the clock of this machine with that of the Exchange server, and look at the certificate's dates.";
        CertificateUnknownIssuer = "certificate_unknown_issuer", false,
            "Name the authority that signed the certificate in ca_file. Salesforce needs one of a public authority.";
        CertificateOtherName = "certificate_other_name", false,
            "The certificate is for another name: correct ews_url, or issue a certificate for this one.";
        TlsNotAgreed = "tls_not_agreed", false,
            "Nothing in common with this server: switch TLS 1.2 on there, and check that the port speaks TLS.";
        CertificateRefused = "certificate_refused", false,
            "The certificate is not acceptable; the log names why. Issue a new one.";
        NotEws = "not_ews", false,
            "There is no EWS at this path: compare ews_url with `Get-WebServicesVirtualDirectory | fl ExternalUrl,InternalUrl`.";
        LoginPage = "login_page", false,
            "A page for people answers in the place of EWS: a proxy or a portal lies before it. Publish EWS without pre-authentication.";
        ServiceUnavailable = "service_unavailable", false,
            "IIS answers and Exchange behind it does not: look at the application pool MSExchangeServicesAppPool and at the service health.";
        ExchangeServerError = "exchange_server_error", false,
            "Exchange failed inside: look at its application log, or at Microsoft's service health; it is tried again by itself.";
        AutodiscoverMissing = "autodiscover_missing", false,
            "Autodiscover does not answer on the host of ews_url. Salesforce needs it: publish it, or set autodiscover to false here where it is elsewhere.";
        AutodiscoverMismatch = "autodiscover_url_mismatch", false,
            "Autodiscover names another URL than ews_url: correct the one that is wrong with `Set-WebServicesVirtualDirectory -ExternalUrl`.";
        SchemeNotOffered = "scheme_not_offered", true,
            "The server does not offer this way to sign in: `Set-WebServicesVirtualDirectory -BasicAuthentication $true`, or choose another under auth.";
        SignInRefusedOnce = "sign_in_refused_once", true,
            "One refusal proves nothing: it is tried a second time with the next poll.";
        SignInRefused = "sign_in_refused", true,
            "The account's name or password is wrong, or it may not sign in: `Get-ADUser ACCOUNT -Properties Enabled,LockedOut,PasswordExpired`. It is tried once an hour, and at once after the password file changed and the configuration was reloaded.";
        AccountLocked = "account_locked", true,
            "The account is locked out: find what signs in with an old password, then `Unlock-ADAccount ACCOUNT`.";
        AccountDisabled = "account_disabled", true,
            "The account is disabled; at a mailbox, that of its owner: `Enable-ADAccount ACCOUNT`. Take who left out of mailboxes, and out of Salesforce's configuration.";
        AccountPasswordExpired = "account_password_expired", true,
            "The account's password has expired: set a new one, here and in Salesforce, and one that does not expire.";
        TokenUnreadable = "token_unreadable", false,
            "The file of the bearer token cannot be read: see its name and its mode.";
        EwsDisabled = "ews_disabled", true,
            "EWS is switched off for the tenant or the mailbox: `Get-OrganizationConfig | fl EwsEnabled` and `Get-CASMailbox MAILBOX | fl EwsEnabled`. This is about our application; that of Salesforce may be listed separately.";
        EwsBlocked = "ews_blocked_by_policy", true,
            "A policy blocks our application: `Get-OrganizationConfig | fl EwsAllowedAppIDs,EwsApplicationAccessPolicy,EwsAllowList,EwsBlockList`. That of Salesforce may be listed separately.";
        EwsForbidden = "ews_forbidden", true,
            "Forbidden, without a reason of Exchange's own: look at IP restrictions, licences, conditional access and proxies.";
        ImpersonationDenied = "impersonation_denied", false,
            "Give the account the right: `New-ManagementRoleAssignment -Role ApplicationImpersonation -User ACCOUNT`, or widen the scope of the assignment.";
        ImpersonationDeniedServer = "impersonation_denied_server", false,
            "The account may not impersonate through this server: grant ms-Exch-EPI-Impersonation on it.";
        ImpersonationFailed = "impersonation_failed", false,
            "Exchange could not check the right: look at its connection to the directory, and at trusts.";
        MailboxNotFound = "mailbox_not_found", false,
            "No mailbox here has this address: compare it with `Get-Recipient ADDRESS`. A RemoteUserMailbox moved to the cloud, where this account does not reach it.";
        AliasAddress = "alias_address", false,
            "This is another address of the mailbox: use the primary one, here and in Salesforce.";
        MailboxAccessDenied = "mailbox_access_denied", false,
            "The account may not open the mailbox: check impersonation, or the rights in its folders.";
        MailboxUnavailable = "mailbox_unavailable", false,
            "The mailbox is being moved or its database is not mounted: `Get-MailboxDatabase -Status`.";
        WrongServer = "wrong_server", false,
            "The mailbox is on a server that this one does not lead to: name the URL of its site.";
        VersionUnsupported = "version_unsupported", false,
            "The mailbox is on a version of Exchange that the vendor does not support: move it, or change the connection method.";
        CalendarMissing = "calendar_missing", false,
            "The mailbox has no calendar that the account sees: open it once in Outlook, and check the rights.";
        FolderMissing = "folder_missing", false,
            "Nowhere in the mailbox is there such a folder: Salesforce creates it at the first sync. Reset the user's sync.";
        FolderMisplaced = "folder_misplaced", false,
            "The folder is not directly under Contacts: move it back there.";
        FolderDeleted = "folder_deleted", false,
            "The folder lies under Deleted Items: move it back under Contacts.";
        FolderWrongClass = "folder_wrong_class", false,
            "The folder of this name is not for contacts: rename it, and let Salesforce create its own.";
        FolderNearName = "folder_near_name", false,
            "A folder of nearly this name is there: give it back its exact name.";
        FolderTwice = "folder_twice", false,
            "There are two folders of this name: keep the one that Salesforce uses, and rename the other.";
        EwsRetired = "ews_retired", true,
            "Microsoft has ended EWS in Exchange Online: nothing switches it on again. Give this organisation a section graph in the place of ews_url.";
        AppUnknown = "app_unknown", true,
            "The tenant has no such application: compare client_id and tenant with the application's overview in Microsoft Entra.";
        AppSecretWrong = "app_secret_wrong", true,
            "The application's secret is wrong: the file needs the secret's value, not its id. Make a new one under `Certificates & secrets`.";
        AppSecretExpired = "app_secret_expired", true,
            "The application's secret has expired: make a new one under `Certificates & secrets`, write it to the file, and reload the configuration.";
        AppCertificateRefused = "app_certificate_refused", true,
            "The application does not have this certificate, or it has expired: upload it under `Certificates & secrets`, and compare the clock of this machine.";
        TenantUnknown = "tenant_unknown", true,
            "There is no such tenant in this cloud: compare tenant with the directory's overview in Microsoft Entra, and cloud with where it is.";
        ConditionalAccess = "conditional_access", true,
            "Conditional access blocks the application: look at the sign-ins of service principals in Microsoft Entra, and exclude it or this machine's address.";
        AppRefused = "app_refused", true,
            "Microsoft Entra or Graph refuses the application: look the AADSTS code in the log up, and see the sign-ins of service principals in Microsoft Entra.";
        OutOfScope = "out_of_scope", false,
            "A policy keeps the application out of the mailbox: `Test-ServicePrincipalAuthorization APP -Resource MAILBOX` and `Get-ApplicationAccessPolicy`. It may take hours until a change counts.";
        ConsentOrScope = "consent_or_scope", false,
            "The application lacks Calendars.ReadBasic.All or Contacts.Read: grant admin consent in Microsoft Entra, or put the mailbox into the scope of its roles in Exchange: `Test-ServicePrincipalAuthorization APP -Resource MAILBOX`.";
        FreshRefusal = "fresh_refusal", false,
            "The mailbox refuses the application since less than two hours, which may be what Exchange Online remembers from before a change. It is looked at again after 35 minutes, because each request keeps such a memory alive.";
        NotInExchangeOnline = "not_in_exchange_online", false,
            "The mailbox is not in Exchange Online: it is on premises, has no licence, or was deleted. For one on premises give ews_url and auth as well.";
        ExchangeThrottled = "throttled", true,
            "Exchange demands a pause, which is no failure: the probe goes on by itself.";
        NotReached = "not_reached", false,
            "The time of one poll was over before this mailbox was reached; the next poll begins with it.";
        RequestRefused = "request_refused", false,
            "Exchange does not take the request: report it with the log's code.";
        ExchangeOther = "exchange_other", false,
            "Look the code in the log up in the documentation of EWS.";
    }
}

impl From<Distrust> for ExchangeFailure {
    fn from(distrust: Distrust) -> Self {
        match distrust {
            Distrust::Expired => Self::CertificateExpired,
            Distrust::NotYetValid => Self::CertificateNotYetValid,
            Distrust::UnknownIssuer => Self::CertificateUnknownIssuer,
            Distrust::OtherName => Self::CertificateOtherName,
            Distrust::NoAgreement => Self::TlsNotAgreed,
            Distrust::Other => Self::CertificateRefused,
        }
    }
}

impl ExchangeFailure {
    /// What it means when it keeps anybody from using Exchange: at the server, or in most mailboxes.
    pub(super) const fn cause(self) -> Option<Cause> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all others are about single mailboxes or folders"
        )]
        match self {
            Self::SchemeNotOffered
            | Self::SignInRefused
            | Self::AccountLocked
            | Self::AccountDisabled
            | Self::AccountPasswordExpired
            | Self::TokenUnreadable
            | Self::AppUnknown
            | Self::AppSecretWrong
            | Self::AppSecretExpired
            | Self::AppCertificateRefused
            | Self::TenantUnknown
            | Self::ConditionalAccess
            | Self::AppRefused => Some(Cause::ExchangeAccountRefused),
            Self::EwsDisabled | Self::EwsBlocked | Self::EwsForbidden | Self::EwsRetired => {
                Some(Cause::ExchangeEwsOff)
            }
            Self::ImpersonationDenied
            | Self::ImpersonationDeniedServer
            | Self::ImpersonationFailed
            | Self::MailboxAccessDenied
            | Self::OutOfScope
            | Self::ConsentOrScope => Some(Cause::ExchangeImpersonationRefused),
            _ => None,
        }
    }

    /// Whether it may come from what Exchange Online remembers of an application's rights.
    pub(super) const fn may_be_stale(self) -> bool {
        matches!(self, Self::OutOfScope | Self::ConsentOrScope)
    }

    /// In how many polls in a row it has to be seen before it is believed. What Exchange says in passing, and what it says
    /// wrongly while a switch is being turned, ends by itself.
    pub(super) const fn believed_after(self) -> u32 {
        #[expect(clippy::wildcard_enum_match_arm, reason = "all others are believed at once")]
        match self {
            Self::EwsDisabled | Self::EwsBlocked | Self::EwsRetired => 3,
            Self::AppUnknown
            | Self::AppSecretWrong
            | Self::AppSecretExpired
            | Self::AppCertificateRefused
            | Self::TenantUnknown
            | Self::ConditionalAccess
            | Self::AppRefused
            | Self::MailboxUnavailable
            | Self::ExchangeServerError
            | Self::ImpersonationFailed
            | Self::ServiceUnavailable => 2,
            _ => 1,
        }
    }
}

/// What a code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sources) enum FaultMeaning {
    /// Wait so long.
    Throttled(TimeDelta),
    /// The server does not know the version of the request.
    VersionTooNew,
    /// The folder is not there, or not visible.
    NotFound,
    /// The account itself.
    SignIn(ExchangeFailure),
    /// Anything else.
    Failed(ExchangeFailure),
}

/// The shortest pause: "0 ms" was seen.
const LEAST_WAIT: TimeDelta = TimeDelta::seconds(5);
/// The longest pause: budgets fill within minutes, and a wrong number must not end the probe.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);
/// The pause where Exchange names none.
pub(super) const USUAL_WAIT: TimeDelta = TimeDelta::seconds(30);

/// A pause within reason.
pub(super) fn wait(named: Option<TimeDelta>) -> TimeDelta {
    named.unwrap_or(USUAL_WAIT).clamp(LEAST_WAIT, LONGEST_WAIT)
}

/// What a fault means.
pub(in crate::sources) fn meaning(fault: &EwsFault) -> FaultMeaning {
    use ExchangeFailure as F;
    match fault.code.as_str() {
        "ErrorServerBusy"
        | "ErrorExceededConnectionCount"
        | "ErrorExceededFindCountLimit"
        | "ErrorTooManyObjectsOpened" => FaultMeaning::Throttled(wait(fault.back_off)),
        "ErrorInvalidServerVersion"
        | "ErrorIncorrectSchemaVersion"
        | "ErrorInvalidSchemaVersionForMailboxVersion" => FaultMeaning::VersionTooNew,
        "ErrorFolderNotFound" | "ErrorItemNotFound" => FaultMeaning::NotFound,
        "ErrorAccountDisabled" => FaultMeaning::SignIn(F::AccountDisabled),
        "ErrorPasswordExpired" | "ErrorPasswordChangeRequired" => {
            FaultMeaning::SignIn(F::AccountPasswordExpired)
        }
        "ErrorImpersonateUserDenied" => FaultMeaning::Failed(F::ImpersonationDenied),
        "ErrorImpersonationDenied" => FaultMeaning::Failed(F::ImpersonationDeniedServer),
        "ErrorImpersonationFailed" => FaultMeaning::Failed(F::ImpersonationFailed),
        "ErrorNonExistentMailbox"
        | "ErrorCannotFindUser"
        | "ErrorInvalidUserPrincipalName"
        | "ErrorInvalidSmtpAddress"
        | "ErrorMissingEmailAddress" => FaultMeaning::Failed(F::MailboxNotFound),
        "ErrorNonPrimarySmtpAddress" => FaultMeaning::Failed(F::AliasAddress),
        "ErrorAccessDenied" => FaultMeaning::Failed(F::MailboxAccessDenied),
        "ErrorMailboxMoveInProgress"
        | "ErrorMailboxStoreUnavailable"
        | "ErrorMailboxFailover"
        | "ErrorConnectionFailed"
        | "ErrorInternalServerTransientError"
        | "ErrorInternalServerError"
        | "ErrorTimeoutExpired"
        | "ErrorADUnavailable"
        | "ErrorADOperation" => FaultMeaning::Failed(F::MailboxUnavailable),
        "ErrorCrossSiteRequest"
        | "ErrorNoRespondingCASInDestinationSite"
        | "ErrorWrongServerVersion" => FaultMeaning::Failed(F::WrongServer),
        "ErrorSchemaValidation"
        | "ErrorInvalidRequest"
        | "ErrorInvalidExchangeImpersonationHeaderData" => FaultMeaning::Failed(F::RequestRefused),
        "ErrorOrganizationAccessBlocked" | "ErrorInvalidLicense" => {
            FaultMeaning::Failed(F::EwsForbidden)
        }
        _ => FaultMeaning::Failed(F::ExchangeOther),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_have_a_floor_and_a_ceiling() {
        let of = |milliseconds: Option<i64>| {
            let back_off = milliseconds.map(TimeDelta::milliseconds);
            let fault = EwsFault { code: "ErrorServerBusy".to_owned(), back_off };
            let FaultMeaning::Throttled(wait) = meaning(&fault) else { panic!("throttled") };
            wait.num_seconds()
        };
        assert_eq!(
            [of(Some(0)), of(Some(60_000)), of(Some(i64::from(u32::MAX))), of(None)],
            [5, 60, 3_600, 30]
        );
    }
}
