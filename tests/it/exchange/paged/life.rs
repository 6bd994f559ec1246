//! What goes on by itself around the organisations: records that sync, pages that are read, calls that Exchange logs.

use super::rows::{ALL, FOR_HOURS, SIGN_INS};
use crate::exchange_log::{EwsVersion, LogFile};
use crate::support::http::post;
use chrono::SecondsFormat;
use lightning_sync_exporter::app::now;
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

const SVC: &str = "svc-sfsync@corp.example";

fn at() -> String {
    now().datetime().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Goes on until it is ended.
pub(super) struct Life {
    turns: Sender<(&'static str, bool)>,
    thread: JoinHandle<()>,
}

impl Life {
    pub(super) fn begin(daemon: SocketAddr, mut logs: Vec<ServerLog>) -> Self {
        let (turns, taken) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut broken = BTreeSet::new();
            let last_sync = at();
            for number in 0.. {
                sync(daemon, number);
                read_pages(daemon, &last_sync);
                for log in &mut logs {
                    log.goes_on(broken.contains(log.org));
                }
                match taken.recv_timeout(Duration::from_millis(500)) {
                    Ok((org, true)) => drop(broken.insert(org)),
                    Ok((org, false)) => drop(broken.remove(org)),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Self { turns, thread }
    }

    /// Something in the logs of an organisation begins or ends.
    pub(super) fn turn(&self, org: &'static str, broken: bool) {
        self.turns.send((org, broken)).unwrap();
    }

    /// Ends; what went wrong in it is an error here.
    pub(super) fn end(self) {
        drop(self.turns);
        self.thread.join().unwrap();
    }
}

fn push(daemon: SocketAddr, path: &str, kind: &str, text: &str) {
    let answer = post(daemon, path, &[("Content-Type", kind)], text.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// A record of the organisation in which all goes on.
fn sync(daemon: SocketAddr, number: usize) {
    let record =
        format!("{{\"at\":\"{}\",\"object_type\":\"contacts\",\"id\":\"c{number}\"}}\n", at());
    push(daemon, "/api/v1/orgs/syncing/activity", "application/x-ndjson", &record);
}

/// What Salesforce's pages show: everybody's contacts, and a last sync that was before the trouble.
fn read_pages(daemon: SocketAddr, last_sync: &str) {
    let push = |org: &str, shown: &str| {
        let text = format!("{{\"captured_at\":\"{}\",{shown}}}", at());
        push(daemon, &format!("/api/v1/orgs/{org}/snapshot"), "application/json", &text);
    };
    let user = |number: usize| {
        format!(
            "{{\"user\":\"user{number}@corp.example\",\"contacts\":{{\"records_in_sync\":42}}}}"
        )
    };
    let users: Vec<String> = (0..3).map(user).collect();
    push("drift", &format!("\"users\":[{}]", users.join(",")));
    let last = format!("{{\"last_sync\":\"{last_sync}\"}}");
    push(FOR_HOURS, &format!("\"contacts\":{last},\"events\":{last}"));
}

/// The logs of one server.
pub(super) struct ServerLog {
    org: &'static str,
    ews: (LogFile, PathBuf),
    iis: (LogFile, PathBuf),
}

impl ServerLog {
    fn new(org: &'static str, directory: &Path) -> Self {
        let day = now().datetime();
        let ews = LogFile::ews(EwsVersion::Exchange2016, &at());
        let iis = LogFile::iis("date time cs-username cs-uri-stem sc-status sc-win32-status");
        let made = |folder: &str, name: String, file: &LogFile| {
            let folder = directory.join(org).join(folder);
            fs::create_dir_all(&folder).unwrap();
            let path = folder.join(name);
            fs::write(&path, &file.text).unwrap();
            path
        };
        let ews_path = made("ews", format!("Ews_{}-1.LOG", day.format("%Y%m%d%H")), &ews);
        let iis_path = made("iis", format!("u_ex{}.log", day.format("%y%m%d")), &iis);
        Self { org, ews: (ews, ews_path), iis: (iis, iis_path) }
    }

    /// Those of all organisations whose logs are read.
    pub(super) fn all(directory: &Path) -> Vec<Self> {
        let read = ALL.iter().filter(|played| played.reads_logs());
        read.map(|played| Self::new(played.org, directory)).collect()
    }

    fn goes_on(&self, broken: bool) {
        self.call("bob@corp.example", "Microsoft Office/16.0");
        match (self.org, broken) {
            ("two-writers", true) => {
                self.call(SVC, "SF/1.0");
                self.call("crm@corp.example", "OtherSync/2");
            }
            (SIGN_INS, true) => self.sign_in("401", "1909"),
            (_, true) => {}
            (_, false) => {
                self.sign_in("200", "0");
                self.call(SVC, "SF/1.0");
            }
        }
    }

    fn call(&self, account: &str, agent: &str) {
        append(
            &self.ews,
            &[
                ("DateTime", &at()),
                ("AuthenticatedUser", account),
                ("ImpersonatedUser", "ann@corp.example"),
                ("SoapAction", "UpdateItem"),
                ("UserAgent", agent),
            ],
        );
    }

    fn sign_in(&self, status: &str, win32: &str) {
        let at = at();
        append(
            &self.iis,
            &[
                ("date", &at[..10]),
                ("time", &at[11..19]),
                ("cs-username", "CORP\\svc-sfsync"),
                ("cs-uri-stem", "/EWS/Exchange.asmx"),
                ("sc-status", status),
                ("sc-win32-status", win32),
            ],
        );
    }
}

fn append((file, path): &(LogFile, PathBuf), cells: &[(&str, &str)]) {
    let mut open = OpenOptions::new().append(true).open(path).unwrap();
    open.write_all(file.line(cells).as_bytes()).unwrap();
}
