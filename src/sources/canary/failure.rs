//! Why the canary cannot write, find or delete, besides what the clients of both sides report.

use crate::sources::failure::failure_reasons;

failure_reasons! {
    /// What one of the sides refuses of the canary.
    CanaryFailure {
        UserMissing = "canary_user_missing", true,
            "No active Salesforce user has the name canary.user, or the app may not read users: correct the name, or give it read access.";
        WriteRefused = "canary_write_refused", true,
            "Give the canary's account the right to create contacts and events of its user; the log has the code; see docs/canary.md.";
        SearchRefused = "canary_search_refused", true,
            "Give the canary's account the right to read contacts and events of its user; the log has the code; see docs/canary.md.";
        DeleteRefused = "canary_delete_refused", true,
            "Give the canary's account the right to delete contacts and events of its user; the log has the code; see docs/canary.md.";
        FolderMissing = "canary_folder_missing", true,
            "The canary's mailbox has no folder Salesforce_Sync under its contacts: add its user to the sync configuration, or create the folder.";
    }
}
