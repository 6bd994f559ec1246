//! How fast Exchange's logs are read: a file of 92 columns and about 1,000 bytes a row, every tenth row the account's.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use chrono::TimeDelta;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::sources::exchange_log::columns::LogKind;
use lightning_sync_exporter::sources::exchange_log::files::{LogDirectory, Positions, look};
use lightning_sync_exporter::sources::exchange_log::rows::{self, Account};
use lightning_sync_exporter::sources::exchange_log::summary::LogSummary;
use std::fmt::Write;
use std::time::Instant;

/// Large enough that opening the file does not count.
const ROWS: usize = 200_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let text = log()?;
    std::fs::write(directory.path().join("Ews_2026112806-1.LOG"), &text)?;
    let log = LogDirectory {
        server: "ex01".to_owned(),
        kind: LogKind::Ews,
        path: directory.path().to_owned(),
    };
    let account = Account {
        names: vec![
            "svc-sfsync@corp.example".to_owned(),
            "corp\\svc-sfsync".to_owned(),
        ],
        ..Account::default()
    };
    let now = Timestamp::from_seconds(1_795_850_000);
    let mut best = f64::MAX;
    for _ in 0..5 {
        let (mut positions, mut summary) = (Positions::default(), LogSummary::default());
        let began = Instant::now();
        let report = look(
            &log,
            &mut positions,
            (now.minus(TimeDelta::days(30)), now),
            u64::MAX,
            &mut |columns, line| {
                let row = rows::read(LogKind::Ews, columns, line, &account);
                if let Some((at, row)) = &row {
                    summary.add("ex01", LogKind::Ews, *at, row);
                }
                row.is_some()
            },
        )?;
        let seconds = began.elapsed().as_secs_f64();
        assert_eq!(report.rows as usize, ROWS);
        assert_eq!(summary.mailboxes().len(), 500);
        best = best.min(seconds);
    }
    let rate = text.len() as f64 / best / 1e6;
    println!(
        "{} bytes a row; {rate:.0} MB/s on one core; 10 GB of logs take {:.0} s a day",
        text.len() / ROWS,
        1e4 / rate
    );
    Ok(())
}

fn log() -> Result<String, std::fmt::Error> {
    let known = "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,Ring,ClientRequestId,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,UserAgent,VersionInfo,ClientIpAddress,ServerHostName,FrontEndServer,SoapAction,HttpStatus,RequestSize,ResponseSize,ErrorCode,ImpersonatedUser";
    let mut text = format!(
        "\u{feff}#Software: Microsoft Exchange Server\r\n#Version: 15.01.2375.007\r\n#Log-type: EWS Logs\r\n#Fields: {known}"
    );
    let others = 92 - known.split(',').count();
    for index in 0..others {
        let name = if index == 30 {
            "ThrottlingDelay".to_owned()
        } else {
            format!("Column{index}")
        };
        write!(text, ",{name}")?;
    }
    text.push_str("\r\n");
    let filler = (0..others - 2).map(|index| match index {
        30 => "0".to_owned(),
        _ => format!("{}", index * 7919),
    });
    let filler = filler.collect::<Vec<_>>().join(",");
    for row in 0..ROWS {
        let user = if row % 10 == 0 {
            "svc-sfsync@corp.example"
        } else {
            "ann@corp.example"
        };
        write!(
            text,
            "2026-11-28T06:{:02}:{:02}.{:03}Z,b7f1c2d4-93f0-4a5e-8a56-0123456789ab,15,1,2375,7,,,Negotiate,true,{user},,Client/1.0 (Some; Agent),Target=None;Req=Exchange2013_SP1/Exchange2013_SP1;,192.0.2.7,EX01,EX01.CORP.EXAMPLE,CreateItem,200,1234,5678,,user{:03}@corp.example,{filler},\"BackEndGenericInfo=x;y;z;{}\",\"S:WLM.Bal=300000;S:WLM.BT=Ews;S:BudgetMetric.MaxConn=27\"\r\n",
            row / 6_000 % 60,
            row / 100 % 60,
            row % 1000,
            row / 10 % 500,
            "i=1;".repeat(90),
        )?;
    }
    Ok(text)
}
