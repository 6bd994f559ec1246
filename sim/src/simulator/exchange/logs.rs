//! The logs that an Exchange server writes: EWS, `HttpProxy` and IIS, each in a directory of its own, by the hour or day.

use super::soap::{error_code, mailbox_of, operation};
use crate::domain::ids::closed_set;
use crate::simulator::FeederClock;
use chrono::SecondsFormat;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The columns of Exchange 2016.
const EWS: &str = "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,Ring,ClientRequestId,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,UserAgent,VersionInfo,ClientIpAddress,ServerHostName,FrontEndServer,SoapAction,HttpStatus,RequestSize,ResponseSize,ErrorCode,ImpersonatedUser,ProxyAsUser,ActAsUser,Cookie,CorrelationGuid,PrimaryOrProxyServer,TaskType,RemoteBackendCount,LocalMailboxCount,RemoteMailboxCount,LocalIdCount,RemoteIdCount,BeginBudgetConnections,EndBudgetConnections,BeginBudgetHangingConnections,EndBudgetHangingConnections,BeginBudgetAD,EndBudgetAD,BeginBudgetCAS,EndBudgetCAS,BeginBudgetRPC,EndBudgetRPC,BeginBudgetFindCount,EndBudgetFindCount,BeginBudgetSubscriptions,EndBudgetSubscriptions,MDBResource,MDBHealth,MDBHistoricalLoad,ThrottlingPolicy,ThrottlingDelay,ThrottlingRequestType,TotalDCRequestCount,TotalDCRequestLatency,TotalMBXRequestCount,TotalMBXRequestLatency,RecipientLookupLatency,ExchangePrincipalLatency,HttpPipelineLatency,CheckAccessCoreLatency,AuthModuleLatency,CallContextInitLatency,PreExecutionLatency,CoreExecutionLatency,TotalRequestTime,DetailedExchangePrincipalLatency,ClientStatistics,GenericInfo,AuthenticationErrors,GenericErrors,Puid,StartTime,ProcessId,TimeInGC,StartTotalMemory,EndTotalMemory,StartGCCounts,EndGCCounts,TokenBasedThrottlingPolicy,BudgetKey,CoinsCharged,CoinsChargedMethod,SidBudgetInfo,AppBudgetInfo,TenantBudgetInfo,ResourceAccessed,ResourceHealthBasedThreshold,ThrottledBy,BackoffHint,WorkClassification";
/// The front end's, as far as they are documented.
const HTTP_PROXY: &str = "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ClientRequestId,Protocol,UrlHost,UrlStem,ProtocolAction,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,AnchorMailbox,UserAgent,ClientIpAddress,ServerHostName,HttpStatus,BackEndStatus,ErrorCode,Method,ProxyAction,TargetServer,TargetServerVersion,TotalRequestTime,UrlQuery,BackEndGenericInfo,GenericInfo,GenericErrors";
/// What IIS logs by default.
const IIS: &str = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken";

closed_set! {
    /// Which log.
    WrittenLog {
        /// The back end's.
        Ews = "Ews",
        /// The front end's.
        HttpProxy = "HttpProxy",
        /// IIS's.
        Iis = "W3SVC1",
    }
}

/// Writes the logs of one server. A log that cannot be written is left out: a full disk of the simulator is no news.
#[derive(Clone)]
pub struct ServerLogs {
    directory: PathBuf,
    server: String,
    clock: FeederClock,
}

/// A request and its answer, as far as they are logged.
pub(super) struct LoggedCall<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// The account that was shown, by name.
    pub(super) account: Option<&'a str>,
    pub(super) agent: &'a str,
    pub(super) client: &'a str,
    pub(super) anchor: &'a str,
    pub(super) body: &'a str,
    pub(super) status: u16,
    pub(super) answer: &'a str,
    /// Whether the account is locked out.
    pub(super) locked: bool,
    /// Whether a back end saw the call.
    pub(super) reached: bool,
}

impl ServerLogs {
    /// Writes below a directory, which is made. `clock` gives the time of the lines.
    ///
    /// # Errors
    /// When the directories cannot be made.
    pub fn new(directory: &Path, server: &str, clock: FeederClock) -> io::Result<Self> {
        let logs = Self { directory: directory.to_owned(), server: server.to_owned(), clock };
        for log in WrittenLog::ALL {
            fs::create_dir_all(logs.folder(*log))?;
        }
        Ok(logs)
    }

    /// The directory of a log.
    pub fn folder(&self, log: WrittenLog) -> PathBuf {
        self.directory.join(log.name())
    }

    /// The server looks at itself, as Exchange does all the time: the logs of a server that nobody calls go on, too.
    pub fn idle(&self) {
        let mailbox = "HealthMailbox1f2e3d@corp.example";
        let body = "<s:Body><m:GetFolder>";
        self.note(&LoggedCall {
            method: "POST",
            path: "/EWS/Exchange.asmx",
            account: Some(mailbox),
            agent: "AMProbe/Local/ClientAccess",
            client: "127.0.0.1",
            anchor: mailbox,
            body,
            status: 200,
            answer: "",
            locked: false,
            reached: true,
        });
    }

    pub(super) fn note(&self, call: &LoggedCall<'_>) {
        let now = (self.clock)().datetime();
        let at = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        let hour = now.format("%Y%m%d%H");
        let (status, account) = (call.status.to_string(), call.account.unwrap_or_default());
        let stem = call.path.split('?').next().unwrap_or_default();
        let impersonated = mailbox_of(call.body);
        let code = error_code(call.answer);
        if call.reached {
            let line = row(
                EWS,
                &[
                    ("DateTime", &at),
                    ("AuthenticationType", "Basic"),
                    ("IsAuthenticated", "true"),
                    ("AuthenticatedUser", account),
                    ("UserAgent", call.agent),
                    ("ClientIpAddress", call.client),
                    ("ServerHostName", &self.server),
                    ("SoapAction", operation(call.body)),
                    ("HttpStatus", &status),
                    ("ErrorCode", code),
                    // Exchange fills it without impersonation, too.
                    ("ImpersonatedUser", impersonated.as_deref().unwrap_or(account)),
                    ("GenericInfo", "\"S:WLM.Bal=300000;S:WLM.BT=Ews;Note=\"\"a, b\"\"\""),
                ],
            );
            self.append(WrittenLog::Ews, &format!("Ews_{hour}-1.LOG"), &line);
        }
        // The front end's log leaves out who has not signed in yet.
        if call.status != 401 {
            let line = row(
                HTTP_PROXY,
                &[
                    ("DateTime", &at),
                    ("Protocol", "Ews"),
                    ("UrlStem", stem),
                    ("AuthenticatedUser", account),
                    ("AnchorMailbox", call.anchor),
                    ("UserAgent", call.agent),
                    ("ClientIpAddress", call.client),
                    ("ServerHostName", &self.server),
                    ("HttpStatus", &status),
                    ("BackEndStatus", if call.reached { &status } else { "" }),
                    ("Method", call.method),
                ],
            );
            self.append(WrittenLog::HttpProxy, &format!("HttpProxy_{hour}-1.LOG"), &line);
        }
        let [sub, win32] = match (call.status, call.account) {
            // The beginning of every handshake.
            (401, None) => ["2", "5"],
            (401, Some(_)) if call.locked => ["1", "1909"],
            (401, Some(_)) => ["1", "1326"],
            _ => ["0", "0"],
        };
        let dash =
            |text: &str| if text.is_empty() { "-".to_owned() } else { text.replace(' ', "+") };
        let query = call.path.split_once('?').map_or("", |(_, query)| query);
        let line = format!(
            "{} 127.0.0.1 {} {stem} {} 443 {} {} {} - {status} {sub} {win32} 15\r\n",
            now.format("%Y-%m-%d %H:%M:%S"),
            call.method,
            dash(query),
            dash(account),
            call.client,
            dash(call.agent),
        );
        self.append(WrittenLog::Iis, &format!("u_ex{}.log", now.format("%y%m%d")), &line);
    }

    fn append(&self, log: WrittenLog, name: &str, line: &str) {
        let path = self.folder(log).join(name);
        let date = (self.clock)().datetime();
        let head = match log {
            WrittenLog::Ews => exchange_head("EWS Logs", EWS),
            WrittenLog::HttpProxy => exchange_head("HttpProxy Logs", HTTP_PROXY),
            WrittenLog::Iis => format!(
                "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: {}\r\n#Fields: {IIS}\r\n",
                date.format("%Y-%m-%d %H:%M:%S")
            ),
        };
        let text = if path.exists() { line.to_owned() } else { head + line };
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            tracing::debug!(%error, "{} cannot be written: {error}", path.display());
        }
    }
}

fn exchange_head(kind: &str, columns: &str) -> String {
    format!(
        "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2507.007\r\n#Log-type: {kind}\r\n#Fields: {columns}\r\n"
    )
}

/// A row with what is named, and nothing in every other column.
fn row(columns: &str, cells: &[(&str, &str)]) -> String {
    let of = |column| {
        let cell = cells.iter().find(|(name, _)| *name == column).map_or("", |(_, cell)| *cell);
        if cell.contains(',') && !cell.starts_with('"') {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.to_owned()
        }
    };
    columns.split(',').map(of).collect::<Vec<_>>().join(",") + "\r\n"
}

impl std::fmt::Debug for ServerLogs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerLogs").field("directory", &self.directory).finish_non_exhaustive()
    }
}
