//! Why the logs, or some of them, cannot be read.

use crate::sources::failure::failure_reasons;

failure_reasons! {
    /// Something is wrong with a directory of logs. What the other directories gave is taken all the same.
    ExchangeLogFailure {
        DirectoryUnavailable = "log_directory_unavailable", false,
            "Check that the directory is there, its share mounted, and that the daemon's user may list and read it; it is read again by itself.";
        NoLogFiles = "no_log_files", false,
            "The directory has no log file of the last day: check the path, whether its share is mounted, and whether Exchange writes this log.";
        ColumnsUnknown = "log_columns_unknown", false,
            "The newest log does not have the columns that are needed: check that the directory is the right one and, for IIS, that date, time, sc-status and sc-win32-status are logged.";
        TooManyFiles = "too_many_log_files", false,
            "The directory has more log files of the last day than are read: move those away that Exchange did not write.";
    }
}
