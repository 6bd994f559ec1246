//! Logs as Exchange and IIS write them: the columns of 2013, 2016 and later, the front end's, and IIS's as an
//! administrator may choose them.

use std::collections::BTreeMap;

/// Of Exchange 2013, in their order.
const EWS_2013: &str = "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ClientRequestId,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,UserAgent,VersionInfo,ClientIpAddress,ServerHostName,FrontEndServer,SoapAction,HttpStatus,RequestSize,ResponseSize,ErrorCode,ImpersonatedUser,ProxyAsUser,ActAsUser,Cookie,CorrelationGuid,PrimaryOrProxyServer,TaskType,RemoteBackendCount,LocalMailboxCount,RemoteMailboxCount,LocalIdCount,RemoteIdCount,BeginBudgetConnections,EndBudgetConnections,BeginBudgetHangingConnections,EndBudgetHangingConnections,BeginBudgetAD,EndBudgetAD,BeginBudgetCAS,EndBudgetCAS,BeginBudgetRPC,EndBudgetRPC,BeginBudgetFindCount,EndBudgetFindCount,BeginBudgetSubscriptions,EndBudgetSubscriptions,MDBResource,MDBHealth,MDBHistoricalLoad,ThrottlingPolicy,ThrottlingDelay,ThrottlingRequestType,TotalDCRequestCount,TotalDCRequestLatency,TotalMBXRequestCount,TotalMBXRequestLatency,RecipientLookupLatency,ExchangePrincipalLatency,HttpPipelineLatency,CheckAccessCoreLatency,AuthModuleLatency,CallContextInitLatency,PreExecutionLatency,CoreExecutionLatency,TotalRequestTime,DetailedExchangePrincipalLatency,ClientStatistics,GenericInfo,AuthenticationErrors,GenericErrors,Puid";
/// What Exchange 2016 adds at the end.
const EWS_2016_TAIL: &str = "StartTime,ProcessId,TimeInGC,StartTotalMemory,EndTotalMemory,StartGCCounts,EndGCCounts,TokenBasedThrottlingPolicy,BudgetKey,CoinsCharged,CoinsChargedMethod,SidBudgetInfo,AppBudgetInfo,TenantBudgetInfo,ResourceAccessed,ResourceHealthBasedThreshold,ThrottledBy,BackoffHint,WorkClassification";
/// The first and the last of the front end's 74; the others are numbers.
const HTTP_PROXY: &str = "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ClientRequestId,Protocol,UrlHost,UrlStem,ProtocolAction,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,AnchorMailbox,UserAgent,ClientIpAddress,ServerHostName,HttpStatus,BackEndStatus,ErrorCode,Method,ProxyAction,TargetServer,TargetServerVersion";
const HTTP_PROXY_TAIL: &str = "TotalRequestTime,HandlerToModuleSwitchingLatency,UrlQuery,BackEndGenericInfo,GenericInfo,GenericErrors";

/// Which columns an EWS log has.
#[derive(Clone, Copy)]
pub(crate) enum EwsVersion {
    /// 72.
    Exchange2013,
    /// 92.
    Exchange2016,
}

/// A log in memory.
pub(crate) struct LogFile {
    columns: Vec<String>,
    separator: &'static str,
    pub(crate) text: String,
}

impl LogFile {
    /// An EWS log with its comments, as it begins at `date`.
    pub(crate) fn ews(version: EwsVersion, date: &str) -> Self {
        let (columns, number) = match version {
            EwsVersion::Exchange2013 => (EWS_2013.to_owned(), "15.00.1104.002"),
            EwsVersion::Exchange2016 => (
                EWS_2013.replace("RevisionVersion,", "RevisionVersion,Ring,") + "," + EWS_2016_TAIL,
                "15.01.2375.007",
            ),
        };
        let file = Self::exchange(&columns, "EWS Logs", number, date);
        let expected = match version {
            EwsVersion::Exchange2013 => 72,
            EwsVersion::Exchange2016 => 92,
        };
        assert_eq!(file.columns.len(), expected);
        file
    }

    /// The front end's.
    pub(crate) fn http_proxy(date: &str) -> Self {
        let known = HTTP_PROXY.split(',').chain(HTTP_PROXY_TAIL.split(',')).count();
        let middle: String = (known..74).map(|number| format!("Latency{number},")).collect();
        let columns = format!("{HTTP_PROXY},{middle}{HTTP_PROXY_TAIL}");
        let file = Self::exchange(&columns, "HttpProxy Logs", "15.02.2562.045", date);
        assert_eq!(file.columns.len(), 74);
        file
    }

    fn exchange(columns: &str, kind: &str, version: &str, date: &str) -> Self {
        let text = format!(
            "#Software: Microsoft Exchange Server\r\n#Version: {version}\r\n#Log-type: {kind}\r\n#Date: {date}\r\n#Fields: {columns}\r\n"
        );
        let columns = columns.split(',').map(str::to_owned).collect();
        Self { columns, separator: ",", text }
    }

    /// IIS's, with the columns that the administrator chose.
    pub(crate) fn iis(columns: &str) -> Self {
        let mut file = Self { columns: Vec::new(), separator: " ", text: String::new() };
        file.fields(columns);
        file
    }

    /// IIS begins anew within the file, as after a restart or another choice of columns.
    pub(crate) fn fields(&mut self, columns: &str) {
        self.columns = columns.split(' ').map(str::to_owned).collect();
        self.text += &format!(
            "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2026-11-28 00:00:01\r\n#Fields: {columns}\r\n"
        );
    }

    /// The bare row of names once more.
    pub(crate) fn names_again(&mut self) {
        self.text += &(self.columns.join(self.separator) + "\r\n");
    }

    /// A row: what is named, and something in every other column.
    pub(crate) fn line(&self, cells: &[(&str, &str)]) -> String {
        let mut cells: BTreeMap<&str, &str> = cells.iter().copied().collect();
        let of = |column: &String| {
            let filler = match column.as_str() {
                "GenericInfo" | "BackEndGenericInfo" => {
                    "\"S:WLM.Bal=300000;S:WLM.BT=Ews;Note=\"\"a, b\"\";Req=Exchange2013_SP1\""
                }
                "GenericErrors" => "\"L'accès est refusé, réessayez\"",
                "ServerHostName" => "EX01",
                "SoapAction" | "ErrorCode" | "ImpersonatedUser" | "AuthenticatedUser"
                | "UserAgent" | "BackEndStatus" | "Organization" => "",
                _ if self.separator == " " => "-",
                _ => "0",
            };
            cells.remove(column.as_str()).unwrap_or(filler).to_owned()
        };
        let line = self.columns.iter().map(of).collect::<Vec<_>>().join(self.separator);
        assert!(cells.is_empty(), "there is no column for {cells:?}");
        line + "\r\n"
    }

    pub(crate) fn row(&mut self, cells: &[(&str, &str)]) {
        self.text += &self.line(cells);
    }
}
