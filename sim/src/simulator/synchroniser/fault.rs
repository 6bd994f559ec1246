//! What can go wrong with a living organisation, on either side and between.

use crate::domain::ids::closed_set;
use chrono::TimeDelta;

closed_set! {
    /// One thing that goes wrong.
    SyncFault {
        Nothing = "exchange_healthy",
        NameUnknown = "exchange_name_unknown",
        ServerDown = "exchange_server_down",
        PoolDown = "exchange_pool_down",
        CertificateExpired = "exchange_certificate_expired",
        CertificateEnding = "exchange_certificate_ending",
        PasswordExpired = "exchange_password_changed",
        LockedOut = "exchange_locked_out",
        ImpersonationRefused = "exchange_impersonation_refused",
        FolderDeleted = "exchange_folder_deleted",
        MailboxTooOld = "exchange_mailbox_too_old",
        Throttled = "exchange_throttled",
        EwsOff = "exchange_ews_off",
        TwoWriters = "exchange_two_writers",
        OldPassword = "sync_old_password",
        Stopped = "sync_stopped",
        OneDirection = "sync_one_direction",
        OneClass = "sync_one_class_of_events",
        Duplicates = "sync_duplicates",
        LostDeletions = "sync_lost_deletions",
        SlowNights = "sync_slow_at_night",
    }
}

impl SyncFault {
    /// What happens, for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Nothing => "Exchange is probed and its logs are read: all is well",
            Self::NameUnknown => "The name of Exchange does not resolve where the daemon runs",
            Self::ServerDown => "Exchange takes no connection",
            Self::PoolDown => "IIS answers, and EWS behind it does not",
            Self::CertificateExpired => "The certificate of Exchange has expired",
            Self::CertificateEnding => "The certificate of Exchange ends in 12 days",
            Self::PasswordExpired => "The account's password was changed in Exchange alone",
            Self::LockedOut => "The account is locked out",
            Self::ImpersonationRefused => "The account lost its right to impersonate",
            Self::FolderDeleted => "Two users deleted their Salesforce_Sync folder",
            Self::MailboxTooOld => "One mailbox is on Exchange 2010",
            Self::Throttled => "Exchange is busy and demands a pause",
            Self::EwsOff => "EWS is switched off for the tenant",
            Self::TwoWriters => "A second sync program writes into the same mailboxes",
            Self::OldPassword => "Salesforce has an old password; Exchange is well",
            Self::Stopped => "Salesforce stopped calling a day ago; Exchange is well",
            Self::OneDirection => "Nothing comes from Exchange to Salesforce any more",
            Self::OneClass => "Events of a custom object are left out",
            Self::Duplicates => "Every contact is written twice, from a minute after the start on",
            Self::LostDeletions => {
                "Contacts that are deleted in Salesforce stay in Exchange, from a minute after the start on"
            }
            Self::SlowNights => "Changes wait three hours at night",
        }
    }

    /// Whether it begins while somebody looks, because it shows as a change.
    pub const fn begins_live(self) -> bool {
        matches!(self, Self::Duplicates | Self::LostDeletions)
    }

    /// How long ago it began when somebody looks: long enough that its consequences show.
    pub const fn began_ago(self) -> TimeDelta {
        match self {
            Self::Stopped | Self::OneDirection | Self::SlowNights => TimeDelta::hours(26),
            Self::OneClass | Self::LostDeletions => TimeDelta::hours(30),
            Self::OldPassword => TimeDelta::hours(6),
            Self::Nothing
            | Self::NameUnknown
            | Self::ServerDown
            | Self::PoolDown
            | Self::CertificateExpired
            | Self::CertificateEnding
            | Self::PasswordExpired
            | Self::LockedOut
            | Self::ImpersonationRefused
            | Self::FolderDeleted
            | Self::MailboxTooOld
            | Self::Throttled
            | Self::EwsOff
            | Self::TwoWriters
            | Self::Duplicates => TimeDelta::hours(1),
        }
    }
}
