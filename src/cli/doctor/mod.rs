//! `doctor`: looks at everything that a daemon needs, in the order in which one thing depends on another, and says for
//! what is not well what to do next. `--page` sends one marked alert the way that every page goes.

mod canary;
mod exchange;
mod page;
mod prometheus;
mod sources;

use super::api_client::{ApiClient, runtime};
use super::args::DoctorArgs;
use super::exit::{Exit, Streams};
use crate::app::now;
use crate::config::{self, Environment, OrgConfig, ValidConfig};
use crate::guidance::verdict::span;
use crate::store;
use serde_json::Value;
use std::fmt::Display;

/// Runs every check. Fails when one of them does.
pub(super) fn doctor(args: &DoctorArgs, streams: &mut Streams<'_>) -> Exit {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return streams.complain(error, Exit::FAILED),
    };
    let mut report = DoctorReport { streams, exit: Exit::FINE };
    let config = configuration(args, &mut report);
    runtime.block_on(async {
        match ApiClient::daemon(&args.url, &args.ask) {
            Ok(api) => daemon(args, &api, config.as_ref(), &mut report).await,
            Err(says) => report.fail("daemon", says),
        }
        for org in config.iter().flat_map(|config| &config.orgs) {
            exchange::look(org, &args.mailboxes, &mut report).await;
            canary::look(org, &mut report).await;
        }
        let probed: Vec<_> = config
            .iter()
            .flat_map(|config| &config.orgs)
            .filter_map(|org| org.exchange.as_ref())
            .flat_map(|exchange| &exchange.mailboxes)
            .collect();
        for address in &args.mailboxes {
            if !probed.iter().any(|probed| probed.address.eq_ignore_ascii_case(address)) {
                report.fail(address, "no organisation has this address under exchange.mailboxes");
            }
        }
        for url in &args.prometheuses {
            let looked = match ApiClient::other(url, &args.ask) {
                Ok(api) => prometheus::look(&api, config.as_ref(), &mut report).await,
                Err(says) => Err(says),
            };
            if let Err(says) = looked {
                report.fail("prometheus", says);
            }
        }
        if args.prometheuses.is_empty() {
            report.skip(
                "prometheus",
                "name it with --prometheus.url, to see whether it has the target and the rules",
            );
        }
        for url in &args.alertmanagers {
            if let Err(says) = alertmanager(url, args, &mut report).await {
                report.fail("alertmanager", says);
            }
        }
        if args.alertmanagers.is_empty() {
            report.skip(
                "alertmanager",
                "name it with --alertmanager.url, and add --page to send a marked test alert",
            );
        }
    });
    report.exit
}

/// Prints one line a check, as they come: PASS, WARN, FAIL or SKIP, what was looked at, and what was found or is to be
/// done. Remembers whether one was bad.
struct DoctorReport<'r, 's> {
    streams: &'r mut Streams<'s>,
    exit: Exit,
}

impl DoctorReport<'_, '_> {
    fn pass(&mut self, check: &str, found: impl Display) {
        self.line("PASS", check, &found);
    }

    /// It works, and may not be what is wanted.
    fn warn(&mut self, check: &str, found: impl Display) {
        self.line("WARN", check, &found);
    }

    fn fail(&mut self, check: &str, found: impl Display) {
        self.line("FAIL", check, &found);
        self.exit = Exit::FAILED;
    }

    /// It was not looked at.
    fn skip(&mut self, check: &str, why: impl Display) {
        self.line("SKIP", check, &why);
    }

    fn line(&mut self, word: &str, check: &str, found: &dyn Display) {
        let printed = self.streams.print(&format!("{word} {check}: {found}\n"));
        if printed != Exit::FINE {
            self.exit = printed;
        }
    }
}

/// Looks at the files of this machine.
fn configuration(args: &DoctorArgs, report: &mut DoctorReport<'_, '_>) -> Option<ValidConfig> {
    let file = &args.config.file;
    let config = match config::from_file(file, &Environment::of_process()) {
        Ok(config) => {
            let names: Vec<_> = config.orgs.iter().map(|org| org.policy.name.as_str()).collect();
            let says = format!("{} is valid, with {}", file.display(), names.join(", "));
            report.pass("configuration", says);
            Some(config)
        }
        Err(error) => {
            report.fail("configuration", error);
            None
        }
    };
    if let Some(path) = &args.web_file {
        match config::web_file(path) {
            Ok(file) => {
                let how = if file.tls.is_some() { "encrypted" } else { "plain http" };
                let says = format!("{}: {how}, {} users", path.display(), file.users.len());
                report.pass("web", says);
                if let Some(says) = file.certificate_warning(now()) {
                    report.warn("certificate", says);
                }
            }
            Err(error) => report.fail("web", error),
        }
    }
    let config = config?;
    for org in &config.orgs {
        let name = format!("{} ingest", org.policy.name);
        match org.ingest.token {
            Some(_) => report.pass(&name, "a token is set"),
            None => report.warn(
                &name,
                "no token, so only this host can push; set `ingest.token_file` for others",
            ),
        }
    }
    let database = config.store.path.display();
    if let Some(server) = &config.store.postgres {
        match store::open_history(&config.store.path, Some(server)) {
            Ok(_) => report.pass("store", "the PostgreSQL database can be read"),
            Err(error) => report.fail("store", error),
        }
    } else if !config.store.path.exists() {
        let says = format!("{database} is not there yet; the daemon makes it at its first start");
        report.warn("store", says);
    } else if let Err(error) = store::open_history(&config.store.path, None) {
        report.fail("store", error);
    } else {
        report.pass("store", format!("{database} can be read"));
    }
    if let Some(max) = config.store.backup_max_age {
        let next = format!("at most {} are allowed; run `backup`", span(max));
        match store::last_backup(&config.store.path).map(|at| now().since(at)) {
            Some(age) if age <= max => {
                report.pass("backup", format!("the last is {} old", span(age)))
            }
            Some(age) => report.fail("backup", format!("the last is {} old, {next}", span(age))),
            None => report.fail("backup", format!("there has been none, {next}")),
        }
    }
    Some(config)
}

async fn daemon(
    args: &DoctorArgs,
    api: &ApiClient,
    config: Option<&ValidConfig>,
    report: &mut DoctorReport<'_, '_>,
) {
    let url = &args.url;
    match api.get("/-/ready").await {
        Ok((200, _)) => report.pass("daemon", format!("{url} is ready")),
        Ok((401, _)) => {
            report.fail("daemon", format!("{url} answers, and {}", api.refused()));
            return report.skip("sources", "the daemon shows them to its users alone");
        }
        Ok((status, body)) => {
            let answer = json(&body);
            let detail = answer.get("detail").and_then(Value::as_str).unwrap_or_default();
            return report.fail("daemon", format!("{url} answers {status}. {detail}"));
        }
        Err(error) => {
            return report.fail("daemon", format!("{error}; start it, or name it with --url"));
        }
    }
    let polls = sources::polls(api).await;
    for org in config.iter().flat_map(|config| &config.orgs) {
        // The compiler asks for a source that is missing here.
        let OrgConfig { policy, ingest: _, files, salesforce, exchange_log, exchange, canary } =
            org;
        let name = policy.name.as_str();
        let check = format!("{name} sources");
        match api.get(&format!("/api/v1/orgs/{name}")).await {
            Ok((200, body)) => {
                let reported = json(&body);
                sources::reporting(&check, &reported, report);
                let polled = [
                    (salesforce.is_some(), "salesforce"),
                    (files.is_some(), "files"),
                    (exchange_log.is_some(), "exchange_log"),
                    (exchange.is_some(), "exchange"),
                    (canary.is_some(), "canary"),
                ];
                for (_, source) in polled.into_iter().filter(|(configured, _)| *configured) {
                    sources::polled(name, source, &reported, polls.as_deref(), report);
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
    report: &mut DoctorReport<'_, '_>,
) -> Result<(), String> {
    let api = ApiClient::other(url, &args.ask)?;
    let (status, body) = api.get("/api/v2/status").await?;
    if status != 200 {
        return Err(format!(
            "{url} answers {status} to /api/v2/status; is it Alertmanager's address?"
        ));
    }
    let answer = json(&body);
    let version = answer.pointer("/versionInfo/version").and_then(Value::as_str);
    let version = version.unwrap_or("of an unknown version");
    report.pass("alertmanager", format!("{url} answers, {version}"));
    if args.page {
        page::send(args.page_within, &api, report).await;
    }
    Ok(())
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// The value of a label in a line of a metrics page, where it has nothing that is escaped.
fn label<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (_, labels) = line.split_once('{')?;
    labels
        .split('"')
        .zip(labels.split('"').skip(1))
        .find(|(key, _)| key.trim_start_matches(',').strip_suffix('=') == Some(name))
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_found_wherever_it_stands_and_only_by_its_whole_name() {
        let line = "a{source=\"x\",org=\"acme\",my_org=\"y\"} 1";
        assert_eq!(label(line, "org"), Some("acme"));
        assert_eq!(label(line, "source"), Some("x"));
        assert_eq!(label(line, "rce"), None);
        assert_eq!(label("a 1", "org"), None);
    }
}
