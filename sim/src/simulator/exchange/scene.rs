//! What can go wrong with the server as a whole.

use crate::domain::ids::closed_set;

closed_set! {
    /// How the simulated Exchange behaves.
    ExchangeScene {
        /// As documented.
        Healthy = "healthy",
        /// The account is locked out.
        LockedOut = "locked_out",
        /// The sign-in is taken, and refused at every mailbox, as a server does that has too much to do.
        MailboxesRefused = "mailboxes_refused",
        /// Passwords are not taken.
        BasicOff = "basic_off",
        /// Busy, as a fault with HTTP 500 and no header.
        Busy = "busy",
        /// Busy, as a fault with HTTP 200, within another, and without a time.
        BusyWrapped = "busy_wrapped",
        /// Busy before EWS: HTTP 503 with `Retry-After` at requests that sign in.
        BusyFront = "busy_front",
        /// EWS does not run behind IIS.
        PoolDown = "pool_down",
        /// A fault of .NET.
        ServerError = "server_error",
        /// Its page for errors, by a redirect.
        ErrorPage = "error_page",
        /// A redirect to another host.
        RedirectElsewhere = "redirect_elsewhere",
        /// A page to sign in, as if all were well.
        SignInPage = "sign_in_page",
        /// EWS is not at this path.
        WrongPath = "wrong_path",
        /// EWS is switched off for the tenant.
        EwsDisabled = "ews_disabled",
        /// A policy blocks the application.
        EwsBlocked = "ews_blocked",
        /// HTTP 403 without a reason.
        Forbidden = "forbidden",
        /// It knows the interface of 2010 only.
        OldInterface = "old_interface",
        /// Faults as another server writes them: HTTP 200, an empty header, no details.
        FaultsOfAnother = "faults_of_another",
        /// An absent folder has no `RootFolder` at all.
        NoRootFolder = "no_root_folder",
        /// Autodiscover has its oldest form only.
        AutodiscoverOld = "autodiscover_old",
        /// No Autodiscover.
        AutodiscoverOff = "autodiscover_off",
        /// Autodiscover names another URL.
        AutodiscoverOther = "autodiscover_other",
        /// No answer.
        Hang = "hang",
        /// Half an answer, and then the connection ends.
        Truncated = "truncated",
        /// An answer of 4 GB.
        Huge = "huge",
        /// 10,000 elements within each other.
        Deep = "deep",
        /// A document type with entities.
        Entities = "entities",
        /// UTF-16.
        OtherEncoding = "other_encoding",
        /// Something that is no XML.
        Garbage = "garbage",
    }
}
