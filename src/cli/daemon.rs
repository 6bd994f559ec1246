//! The daemon and the demonstration, from the command line to the exit code.

use super::args::{DaemonArgs, DemoArgs};
use super::exit::{Exit, Streams};
use super::log;
use crate::app::{Daemon, Options, Supervisor, real_clock};
use crate::config::{Environment, from_file};
use crate::demo::Demo;
use crate::store::StoreError;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use std::io;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long the end waits for what still reads a file.
const LEFT_BEHIND_AFTER: Duration = Duration::from_secs(2);

/// Runs the daemon until it is stopped.
pub(super) fn daemon(args: &DaemonArgs, streams: &mut Streams<'_>) -> Exit {
    if let Err(error) = log::set_up(&args.log) {
        return streams.complain(error, Exit::FAILED);
    }
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
        listen: args.web.listen_addresses.clone(),
        telemetry_path: args.web.telemetry_path.clone(),
        web_file: args.web_file.clone(),
        lifecycle: args.lifecycle,
        allowed_hosts: args.allowed_hosts.clone(),
        config_file: Some(args.config.file.clone()),
        environment,
        clock: real_clock(),
        supervisor,
        alert_pace: 1,
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

/// Runs the demonstration until it is stopped.
pub(super) fn demo(args: &DemoArgs, streams: &mut Streams<'_>) -> Exit {
    if args.list {
        return streams.print(&crate::demo::list());
    }
    if let Err(error) = log::set_up(&args.log) {
        return streams.complain(error, Exit::FAILED);
    }
    let demo = Demo {
        listen: args.web.listen_addresses.clone(),
        telemetry_path: args.web.telemetry_path.clone(),
        scenario: args.scenario.clone(),
        speed: args.speed,
    };
    let work = async {
        let shutdown = end_requested(args.exit_after)?;
        demo.run(&mut io::stdout(), shutdown).await
    };
    blocking(work, streams)
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
        Err(error) => {
            // The same start once more would end the same: it takes another program, or another database.
            let downgraded = matches!(error.downcast_ref(), Some(StoreError::TooNew { .. }));
            let exit = if downgraded { Exit::WRONG } else { Exit::FAILED };
            streams.complain(format_args!("{error:#}"), exit)
        }
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
