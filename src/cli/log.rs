//! The log: text or JSON, one line for each event, to standard error.

use super::args::{LogArgs, LogFormat};
use std::io::IsTerminal;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

/// Sends this process's events to standard error; an error the second time.
pub(super) fn set_up(args: &LogArgs) -> Result<(), SetGlobalDefaultError> {
    let colours = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let subscriber = subscriber(args.level, args.format, colours, std::io::stderr);
    tracing::subscriber::set_global_default(subscriber)
}

fn subscriber<W>(
    level: LevelFilter,
    format: LogFormat,
    colours: bool,
    writer: W,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // The libraries' own details help nobody who runs this program.
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level);
    let registry = tracing_subscriber::registry().with(targets);
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_target(false);
    match format {
        LogFormat::Text => Box::new(registry.with(layer.with_ansi(colours))),
        LogFormat::Json => {
            Box::new(registry.with(
                layer.json().flatten_event(true).with_current_span(false).with_span_list(false),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: LevelFilter, format: LogFormat) -> Vec<String> {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = subscriber(level, format, false, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(org = "acme", "Looked.");
            tracing::info!(org = "acme", records = 3, "Took records.");
            tracing::warn!(reason = "two\nlines", "Refused.");
            tracing::info!(target: "hyper::proto", "parsed 3 headers");
        });
        let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_text_form_has_a_time_a_level_words_and_fields_in_one_line_each() {
        let lines = logged(LevelFilter::INFO, LogFormat::Text);
        let after_time: Vec<&str> =
            lines.iter().map(|line| line.split_once(' ').unwrap().1).collect();
        assert_eq!(
            after_time,
            [" INFO Took records. org=\"acme\" records=3", " WARN Refused. reason=\"two\\nlines\""]
        );
    }

    #[test]
    fn the_json_form_is_one_object_for_each_line() {
        let lines = logged(LevelFilter::DEBUG, LogFormat::Json);
        let events: Vec<serde_json::Value> =
            lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let written: Vec<_> = events
            .iter()
            .map(|event| (event["level"].as_str().unwrap(), event["message"].as_str().unwrap()))
            .collect();
        assert_eq!(
            written,
            [("DEBUG", "Looked."), ("INFO", "Took records."), ("WARN", "Refused.")]
        );
        assert_eq!(events[1]["records"], 3);
        assert!(events[1]["timestamp"].is_string());
    }

    #[test]
    fn a_higher_level_says_less() {
        assert_eq!(logged(LevelFilter::ERROR, LogFormat::Text), [""; 0]);
        assert_eq!(logged(LevelFilter::WARN, LogFormat::Text).len(), 1);
    }
}
