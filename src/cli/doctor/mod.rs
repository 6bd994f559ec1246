//! `doctor`: looks at everything that a daemon needs, in the order in which one thing depends on another, and says for
//! what is not well what to do next. `--page` sends one marked alert the way that every page goes.

mod counters;
mod page;
mod report;
mod sources;

use super::api_client::ApiClient;
use super::args::DoctorArgs;
use super::exit::{Exit, Streams};
use crate::app::now;
use crate::config::{self, Environment, ValidConfig};
use crate::store::SqliteHistory;
use report::DoctorReport;
use serde_json::Value;

/// Runs every check. Fails when one of them does.
pub(super) fn doctor(args: &DoctorArgs, streams: &mut Streams<'_>) -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return streams.complain(error, Exit::FAILED),
    };
    let mut report = DoctorReport::new(streams);
    let config = configuration(args, &mut report);
    if let Some(config) = &config {
        store(config, &mut report);
    }
    runtime.block_on(async {
        match ApiClient::daemon(&args.url, &args.ask) {
            Ok(api) => daemon(args, &api, config.as_ref(), &mut report).await,
            Err(says) => report.fail("daemon", says),
        }
        for url in &args.alertmanagers {
            match ApiClient::other(url, &args.ask) {
                Ok(api) => alertmanager(url, args, &api, &mut report).await,
                Err(says) => report.fail("alertmanager", says),
            }
        }
        if args.alertmanagers.is_empty() {
            report.skip(
                "alertmanager",
                "name it with --alertmanager.url, and add --page to send a marked test alert",
            );
        }
    });
    report.finish()
}

fn configuration(args: &DoctorArgs, report: &mut DoctorReport<'_, '_>) -> Option<ValidConfig> {
    let config = match config::from_file(&args.config.file, &Environment::of_process()) {
        Ok(config) => {
            report.pass(
                "configuration",
                format!(
                    "{} is valid, with {}",
                    args.config.file.display(),
                    config
                        .orgs
                        .iter()
                        .map(|org| org.policy.name.as_str())
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            );
            Some(config)
        }
        Err(error) => {
            report.fail("configuration", error);
            None
        }
    };
    match args.web_file.as_deref().map(|path| (path, config::web_file(path))) {
        None => {}
        Some((path, Ok(file))) => {
            report.pass(
                "web",
                format!(
                    "{}: {}, {} users",
                    path.display(),
                    if file.tls.is_some() { "encrypted" } else { "plain http" },
                    file.users.len()
                ),
            );
            if let Some(says) = file.certificate_warning(now()) {
                report.warn("certificate", says);
            }
        }
        Some((_, Err(error))) => report.fail("web", error),
    }
    for org in config.iter().flat_map(|config| &config.orgs) {
        let name = format!("{} ingest", org.policy.name);
        if org.ingest.token.is_some() {
            report.pass(&name, "a token is set");
        } else {
            report.warn(
                &name,
                "no token, so only this host can push; set `ingest.token_file` for others",
            );
        }
    }
    config
}

fn store(config: &ValidConfig, report: &mut DoctorReport<'_, '_>) {
    let path = &config.store.path;
    if !path.exists() {
        report.warn(
            "store",
            format!("{} is not there yet; the daemon makes it at its first start", path.display()),
        );
        return;
    }
    match SqliteHistory::open(path) {
        Ok(_) => report.pass("store", format!("{} can be read", path.display())),
        Err(error) => report.fail("store", error),
    }
}

async fn daemon(
    args: &DoctorArgs,
    api: &ApiClient,
    config: Option<&ValidConfig>,
    report: &mut DoctorReport<'_, '_>,
) {
    match api.get("/-/ready").await {
        Ok((200, _)) => report.pass("daemon", format!("{} is ready", args.url)),
        Ok((401, _)) => {
            report.fail("daemon", format!("{} answers, and {}", args.url, api.refused()));
            report.skip("sources", "the daemon tells them to its users alone");
            return;
        }
        Ok((status, body)) => {
            let answer = json(&body);
            let detail = answer.pointer("/detail").and_then(Value::as_str);
            let detail = detail.unwrap_or_default();
            report.fail("daemon", format!("{} answers {status}. {detail}", args.url));
            return;
        }
        Err(error) => {
            report.fail("daemon", format!("{error}; start it, or name it with --url"));
            return;
        }
    }
    let polls = sources::polls(api).await;
    for org in config.iter().flat_map(|config| &config.orgs) {
        let name = &org.policy.name;
        let check = format!("{name} sources");
        match api.get(&format!("/api/v1/orgs/{name}")).await {
            Ok((200, body)) => {
                let reported = json(&body);
                sources::heard(&check, &reported, report);
                for (configured, source) in
                    [(org.salesforce.is_some(), "salesforce"), (org.files.is_some(), "files")]
                {
                    if configured {
                        sources::polled(name.as_str(), source, &reported, polls.as_deref(), report);
                    }
                }
            }
            Ok((404, _)) => report.fail(
                &check,
                "the daemon does not know this organisation; reload its configuration",
            ),
            Ok((status, _)) => report.fail(&check, format!("the daemon answers {status}")),
            Err(error) => report.fail(&check, error),
        }
    }
}

async fn alertmanager(
    url: &str,
    args: &DoctorArgs,
    api: &ApiClient,
    report: &mut DoctorReport<'_, '_>,
) {
    match api.get("/api/v2/status").await {
        Ok((200, body)) => {
            let answer = json(&body);
            let version = answer
                .pointer("/versionInfo/version")
                .and_then(Value::as_str)
                .unwrap_or("of an unknown version");
            report.pass("alertmanager", format!("{url} answers, {version}"));
            if args.page {
                page::send(args.page_within, api, report).await;
            }
        }
        Ok((status, _)) => report.fail(
            "alertmanager",
            format!("{url} answers {status} to /api/v2/status; is it Alertmanager's address?"),
        ),
        Err(error) => report.fail("alertmanager", error),
    }
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}
