//! How fast Exchange's logs are read: an EWS log of 92 columns and about 1,000 bytes a row, and IIS's log of about 250,
//! every tenth row the account's. `cargo bench --bench exchange_log`.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use chrono::TimeDelta;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::sources::exchange_log::SyncAccount;
use lightning_sync_exporter::sources::exchange_log::columns::LogKind;
use lightning_sync_exporter::sources::exchange_log::files::{FilePositions, read_directory};
use lightning_sync_exporter::sources::exchange_log::rows;
use lightning_sync_exporter::sources::exchange_log::totals::LogTotals;
use std::fmt::Write;
use std::time::Instant;

/// Large enough that opening the file does not count.
const ROWS: usize = 300_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let account = SyncAccount {
        names: vec!["svc-sfsync@corp.example".to_owned(), "corp\\svc-sfsync".to_owned()],
        ..SyncAccount::default()
    };
    let now = Timestamp::from_seconds(1_795_850_000);
    let logs =
        [(LogKind::Ews, "Ews_2026112806-1.LOG", ews()?), (LogKind::Iis, "u_ex261128.log", iis()?)];
    for (kind, name, text) in logs {
        let directory = tempfile::tempdir()?;
        std::fs::write(directory.path().join(name), &text)?;
        let length = text.len();
        drop(text);
        let mut best = f64::MAX;
        for _ in 0..5 {
            let (mut positions, mut totals) = (FilePositions::default(), LogTotals::new(now));
            let began = Instant::now();
            let report = read_directory(
                (kind, directory.path()),
                &mut positions,
                (now.minus(TimeDelta::hours(25)), now),
                u64::MAX,
                &mut |columns, line| {
                    rows::read(columns, line, &account)
                        .is_some_and(|(at, row)| totals.add("EX01", kind, (at, &row), now))
                },
            );
            best = best.min(began.elapsed().as_secs_f64());
            assert_eq!((report.rows as usize, report.unreadable), (ROWS, 0));
        }
        let rate = length as f64 / best / 1e6;
        println!(
            "{kind}: {} bytes a row; {rate:.0} MB/s on one core; 10 GB take {:.0} s",
            length / ROWS,
            1e4 / rate
        );
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    println!("{peak}, with a log of {} MB in memory to write it", ROWS / 1_000);
    Ok(())
}

fn ews() -> Result<String, std::fmt::Error> {
    let known = "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,Ring,ClientRequestId,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,UserAgent,VersionInfo,ClientIpAddress,ServerHostName,FrontEndServer,SoapAction,HttpStatus,RequestSize,ResponseSize,ErrorCode,ImpersonatedUser";
    let mut text = format!(
        "\u{feff}#Software: Microsoft Exchange Server\r\n#Version: 15.01.2375.007\r\n#Log-type: EWS Logs\r\n#Fields: {known}"
    );
    let others = 92 - known.split(',').count();
    for index in 0..others {
        match index {
            30 => text.push_str(",ThrottlingDelay"),
            _ => write!(text, ",Column{index}")?,
        }
    }
    text.push_str("\r\n");
    let filler = (0..others - 2).map(|index| match index {
        30 => "0".to_owned(),
        _ => format!("{}", index * 7919),
    });
    let filler = filler.collect::<Vec<_>>().join(",");
    let info = "i=1;".repeat(90);
    for row in 0..ROWS {
        let user = if row % 10 == 0 { "svc-sfsync@corp.example" } else { "ann@corp.example" };
        write!(
            text,
            "2026-11-28T06:{:02}:{:02}.{:03}Z,b7f1c2d4-93f0-4a5e-8a56-0123456789ab,15,1,2375,7,,,Negotiate,true,{user},,Client/1.0 (Some; Agent),Target=None;Req=Exchange2013_SP1/Exchange2013_SP1;,192.0.2.7,EX01,EX01.CORP.EXAMPLE,CreateItem,200,1234,5678,,user{:03}@corp.example,{filler},\"BackEndGenericInfo=x;y;z;{info}\",\"S:WLM.Bal=300000;S:WLM.BT=Ews;S:BudgetMetric.MaxConn=27\"\r\n",
            row / 6_000 % 60,
            row / 100 % 60,
            row % 1000,
            row / 10 % 500,
        )?;
    }
    Ok(text)
}

fn iis() -> Result<String, std::fmt::Error> {
    let mut text = "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2026-11-28 00:00:00\r\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\r\n".to_owned();
    for row in 0..ROWS {
        let user = if row % 10 == 0 { "CORP\\svc-sfsync" } else { "CORP\\ann" };
        write!(
            text,
            "2026-11-28 06:{:02}:{:02} 192.0.2.10 POST /EWS/Exchange.asmx &CorrelationID=<empty>;&cafeReqId=b7f1c2d4-93f0-4a5e-8a56-0123456789ab; 443 {user} 192.0.2.7 Client/1.0+(Some;+Agent;+with+a+long+name+of+itself) - 200 0 0 {}\r\n",
            row / 6_000 % 60,
            row / 100 % 60,
            row % 1_000,
        )?;
    }
    Ok(text)
}
