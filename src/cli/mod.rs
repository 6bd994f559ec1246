//! What is typed: flags and commands, what they print, and how they exit. Text goes to the writers that are passed in. A new
//! command is a variant of `args::CliCommand` and a function.

mod api_client;
mod args;
mod check;
mod commands;
mod daemon;
mod doctor;
mod exit;
mod log;
mod replay;

pub use args::Cli;
use args::{CliCommand, StoreCommand};
use clap::Parser;
pub use exit::{Exit, Streams};
use std::ffi::OsString;

/// Parses the arguments, the program's name first. Help, the version and mistakes are printed.
///
/// # Errors
/// How to exit when there is nothing to run: 0 after help or the version, 2 after a mistake. A monitoring system takes 2
/// for critical, so a mistake in the arguments of `check` is 3, unknown.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    streams: &mut Streams<'_>,
) -> Result<Cli, Exit> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    Cli::try_parse_from(&arguments).map_err(|error| {
        let text = error.render().to_string();
        if !error.use_stderr() {
            return streams.print(&text);
        }
        if arguments.get(1).is_some_and(|command| command == "check") {
            // Plugins speak on standard output, in one line.
            let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            streams.print(&format!("UNKNOWN {}\n", line.replace('|', "/")));
            return Exit::UNKNOWN;
        }
        // The exit code says it in any case.
        streams.errors.write_all(text.as_bytes()).ok();
        Exit::WRONG
    })
}

/// Runs the command, or the daemon without one, to its end.
pub fn run(cli: &Cli, streams: &mut Streams<'_>) -> Exit {
    match &cli.command {
        None if cli.daemon.check_only => commands::check_all(&cli.daemon, streams),
        None => daemon::daemon(&cli.daemon, streams),
        Some(CliCommand::Demo(args)) => daemon::demo(args, streams),
        Some(CliCommand::Check(args)) => check::check(args, streams),
        Some(CliCommand::Explain(args)) => commands::explain(args, streams),
        Some(CliCommand::Parse(args)) => commands::parse(args, streams),
        Some(CliCommand::Replay(args)) => replay::replay(args, streams),
        Some(CliCommand::Rules(args)) => commands::rules(args, streams),
        Some(CliCommand::Doctor(args)) => doctor::doctor(args, streams),
        Some(CliCommand::Backup(args)) => commands::backup(args, streams),
        Some(CliCommand::Restore(args)) => commands::restore(args, streams),
        Some(CliCommand::Erase(args)) => commands::erase(args, streams),
        Some(CliCommand::Store(StoreCommand::Copy(args))) => commands::copy_store(args, streams),
        Some(CliCommand::Config(command)) => commands::config(command, streams),
    }
}

#[cfg(test)]
mod tests {
    use super::args::{ConfigCommand, ConfigFile};
    use super::*;
    use clap::CommandFactory;

    fn parsed(line: &str) -> (Result<Cli, Exit>, String, String) {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let mut streams =
            Streams { input: &mut std::io::empty(), output: &mut output, errors: &mut errors };
        let arguments = line.split(' ').filter(|word| !word.is_empty()).map(OsString::from);
        let arguments = std::iter::once(OsString::from("lightning-sync-exporter")).chain(arguments);
        let parsed = parse(arguments, &mut streams);
        (parsed, String::from_utf8(output).unwrap(), String::from_utf8(errors).unwrap())
    }

    fn good(line: &str) -> Cli {
        let (parsed, output, errors) = parsed(line);
        parsed.unwrap_or_else(|exit| panic!("{line}: {exit:?} {output} {errors}"))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_is_the_daemon_on_loopback() {
        let cli = good("");
        assert_eq!(cli.command, None);
        assert_eq!(cli.daemon.config.file, std::path::Path::new("/etc/lightning-sync/config.yaml"));
        assert_eq!(cli.daemon.web.listen_addresses, ["127.0.0.1:9877".parse().unwrap()]);
        assert_eq!(cli.daemon.web.telemetry_path, "/metrics");
        assert!(!cli.daemon.check_only);
    }

    #[test]
    fn flags_are_those_of_the_prometheus_family() {
        let cli = good(
            "--config.file a.yaml --config.check --web.listen-address=:9877 --web.listen-address [::1]:1 \
             --web.telemetry-path /m --log.level debug --log.format=json",
        );
        assert_eq!(cli.daemon.config.file, std::path::Path::new("a.yaml"));
        assert!(cli.daemon.check_only);
        let addresses: Vec<String> =
            cli.daemon.web.listen_addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["[::]:9877", "[::1]:1"]);
        assert_eq!(cli.daemon.web.telemetry_path, "/m");
    }

    #[test]
    fn commands_have_their_own_flags() {
        for line in [
            "demo --scenario healthy --speed 60 --exit-after 1m30s --web.listen-address :0 --log.level warn",
            "demo --list",
            "check --org acme --url http://127.0.0.1:9999",
            "explain",
            "explain contacts.last_sync=past",
            "replay",
            "replay --config.file a.yaml --org acme --since 2026-11-01 --until 2026-11-08T12:00:00Z --step 1m",
            "replay --file a.ndjson --set fresh_within=5m --set stale_after=12h --format svg",
            "rules",
            "rules --format operator",
            "rules --external-url https://sync.example",
            "rules --config.file config.yaml",
            "config init --config.file a.yaml",
            "config check",
            "config example",
            "config schema",
            "backup --to copy.db",
            "erase --org acme --user ann@corp.example",
            "doctor",
            "doctor --page --alertmanager.url http://127.0.0.1:9093 --page.within 2m",
            "backup --database a.db --to copy.db",
            "restore --from copy.db --database a.db",
        ] {
            good(line);
        }
        let file = std::path::PathBuf::from("a.yaml");
        assert_eq!(
            good("config check --config.file a.yaml").command,
            Some(CliCommand::Config(ConfigCommand::Check(ConfigFile { file })))
        );
    }

    #[test]
    fn what_does_not_exist_is_wrong_usage_and_for_check_unknown() {
        for line in [
            "doctor --page",
            "rules --external-url sync.example",
            "rules --external-url https://sync.example --config.file config.yaml",
            "help",
            "replay --org acme --since yesterday",
            "replay --step 5",
            "replay --format pdf",
            "--web.config.file",
            "explain --config.file a.yaml",
            "--config.file a.yaml explain",
            "--web.listen-address 9877",
            "--web.telemetry-path /api/v1/orgs",
            "--web.telemetry-path /",
            "--log.level loud",
            "demo --speed 0",
            "demo --exit-after 90",
            "rules --format jsonnet",
            "backup",
            "erase --user ann@corp.example",
            "restore --to copy.db",
            "store copy --from a.db",
            "store",
            "config",
        ] {
            let (parsed, output, errors) = parsed(line);
            assert_eq!((parsed, output.as_str()), (Err(Exit::WRONG), ""), "{line}");
            assert!(!errors.is_empty(), "{line}");
        }
        let (parsed, output, errors) = parsed("check --org Acme");
        assert_eq!(parsed, Err(Exit::UNKNOWN));
        assert_eq!(
            (output.as_str(), errors.as_str()),
            (
                "UNKNOWN invalid value 'Acme' for '--org <NAME>': an organisation's name has 1 to 63 of the characters a-z, 0-9 and -\n",
                ""
            )
        );
    }

    #[test]
    fn help_and_version_are_no_failures() {
        let (parsed_version, output, _) = parsed("--version");
        assert_eq!(parsed_version, Err(Exit::FINE));
        let (version, rust) = (env!("CARGO_PKG_VERSION"), env!("LIGHTNING_SYNC_RUST"));
        let (branch, revision) = (env!("LIGHTNING_SYNC_BRANCH"), env!("LIGHTNING_SYNC_REVISION"));
        assert_eq!(
            output,
            format!(
                "lightning-sync-exporter {version} (branch: {branch}, revision: {revision})\n  rust version: {rust}\n"
            )
        );
        let (parsed_help, output, _) = parsed("--help");
        assert_eq!(parsed_help, Err(Exit::FINE));
        for word in
            ["--config.file", "--web.listen-address", "demo", "check", "explain", "rules", "config"]
        {
            assert!(output.contains(word), "{word}");
        }
    }
}
