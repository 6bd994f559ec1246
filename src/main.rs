//! The binary: parses the command line, runs the command, and exits with its code.

use lightning_sync_exporter::app::{Daemon, Options, Supervisor, real_clock};
use lightning_sync_exporter::cli::{
    self, Cli, Command, DaemonArgs, DemoArgs, Exit, RulesFormat, Streams, WebArgs,
};
use lightning_sync_exporter::config::{Environment, from_file};
use lightning_sync_exporter::demo::Demo;
use lightning_sync_exporter::rules;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long the end waits for what still reads a file.
const LEFT_BEHIND_AFTER: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let (mut input, mut output, mut errors) = (io::stdin().lock(), io::stdout(), io::stderr());
    let mut streams = Streams { input: &mut input, output: &mut output, errors: &mut errors };
    let cli = match cli::parse(std::env::args_os(), &mut streams) {
        Ok(cli) => cli,
        Err(exit) => return exit.into(),
    };
    run(&cli, &mut streams).into()
}

fn run(cli: &Cli, streams: &mut Streams<'_>) -> Exit {
    if let Some(exit) = cli::run(cli, streams) {
        return exit;
    }
    match &cli.command {
        Some(Command::Rules(args)) => {
            let format = match args.format {
                RulesFormat::Prometheus => rules::Format::Prometheus,
                RulesFormat::Operator => rules::Format::Operator,
            };
            let url = args.external_url.as_deref().unwrap_or(rules::LOCAL);
            streams.print(&rules::render(format, url))
        }
        Some(Command::Demo(args)) => {
            log(&args.log, streams).unwrap_or_else(|| blocking(demo(args), streams))
        }
        _ => log(&cli.daemon.log, streams).unwrap_or_else(|| daemon(&cli.daemon, streams)),
    }
}

/// Sets the log up; an exit code when that failed.
fn log(args: &cli::LogArgs, streams: &mut Streams<'_>) -> Option<Exit> {
    cli::log::set_up(args.level, args.format)
        .err()
        .map(|error| streams.complain(error, Exit::FAILED))
}

fn daemon(args: &DaemonArgs, streams: &mut Streams<'_>) -> Exit {
    // Tokens are in memory, and a core is a file that nobody guards. A system that refuses this writes one as it would
    // for anybody.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
    let environment = Environment::of_process();
    let config = match from_file(&args.config.file, &environment) {
        Ok(config) => config,
        Err(error) => return streams.complain(error, Exit::WRONG),
    };
    for note in &config.notes {
        tracing::warn!("The configuration is valid, but {note}");
    }
    let supervisor = match Supervisor::of_process() {
        Ok(supervisor) => supervisor,
        Err(error) => {
            let says =
                format!("the supervisor that NOTIFY_SOCKET names cannot be reached: {error}");
            return streams.complain(says, Exit::FAILED);
        }
    };
    let options = Options {
        listen: addresses(&args.web),
        telemetry_path: args.web.telemetry_path.clone(),
        web_file: args.web_file.clone(),
        lifecycle: args.lifecycle,
        allowed_hosts: args.allowed_hosts.clone(),
        config_file: Some(args.config.file.clone()),
        environment,
        clock: real_clock(),
        supervisor,
    };
    blocking(
        async move {
            let shutdown = end_requested(None)?;
            Daemon::start(&config, options)?.run(shutdown).await?;
            Ok(())
        },
        streams,
    )
}

async fn demo(args: &DemoArgs) -> anyhow::Result<()> {
    let shutdown = end_requested(args.exit_after)?;
    let demo = Demo {
        listen: addresses(&args.web),
        telemetry_path: args.web.telemetry_path.clone(),
        scenario: args.scenario.clone(),
        speed: args.speed,
    };
    demo.run(&mut io::stdout(), shutdown).await?;
    Ok(())
}

fn addresses(web: &WebArgs) -> Vec<SocketAddr> {
    web.listen_addresses.iter().map(|address| address.address()).collect()
}

fn blocking(work: impl Future<Output = anyhow::Result<()>>, streams: &mut Streams<'_>) -> Exit {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        let done = runtime.block_on(work);
        // Everything acknowledged is on disk by now; a read from a share that hangs would never be done.
        runtime.shutdown_timeout(LEFT_BEHIND_AFTER);
        done
    });
    match done {
        Ok(()) => Exit::FINE,
        Err(error) => streams.complain(format_args!("{error:#}"), Exit::FAILED),
    }
}

/// Completes at Ctrl-C, at SIGTERM, or after a given time.
fn end_requested(after: Option<Duration>) -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        let in_time = async {
            match after {
                Some(after) => tokio::time::sleep(after).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = in_time => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_in_a_thread_of_its_own_does_not_hold_up_the_end() {
        let (mut input, mut output, mut errors) = (io::empty(), io::sink(), io::sink());
        let mut streams = Streams { input: &mut input, output: &mut output, errors: &mut errors };
        let exit = blocking(
            async {
                let (begun, begins) = tokio::sync::oneshot::channel();
                tokio::task::spawn_blocking(move || {
                    begun.send(()).ok();
                    loop {
                        std::thread::park();
                    }
                });
                begins.await?;
                Ok(())
            },
            &mut streams,
        );
        assert_eq!(exit, Exit::FINE);
    }
}
