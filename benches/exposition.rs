//! What a page costs: time a series as text and compressed, memory a series, and the same series through the
//! `prometheus` crate's own encoder in the same run. `cargo bench --bench exposition`.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench prints its figures, and stops where it is wrong itself"
)]

#[path = "fleet.rs"]
mod fleet;

use bytes::Bytes;
use fleet::{NOW, USERS, view};
use lightning_sync_exporter::domain::policy::UserSeries;
use lightning_sync_exporter::domain::rows::UserRow;
use lightning_sync_exporter::domain::view::View;
use lightning_sync_exporter::metrics::{MetricsPages, PageFormat, SelfMetrics};
use prometheus::{Encoder, GaugeVec, Opts, Registry, TextEncoder};
use std::cell::Cell;
use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// How often each figure is measured.
const RUNS: usize = 7;

fn main() {
    let asked = std::env::args().find_map(|argument| argument.parse().ok());
    if let Some(series) = asked {
        measure(series);
        return;
    }
    // A process for each size: memory that one has given back would hide what the next one takes.
    let this = std::env::current_exe().expect("this program has a path");
    for series in [10_000, 100_000, 1_000_000] {
        let done = Command::new(&this).arg(series.to_string()).status();
        assert!(done.expect("this program can be started").success());
    }
}

fn measure(wanted: usize) {
    let orgs = wanted.div_ceil(1_000);
    let before = status("VmRSS:");
    let view = Arc::new(view(orgs));
    let aggregate = Arc::new(View { user_series: UserSeries::Aggregate, ..View::clone(&view) });
    let own = Arc::new(SelfMetrics::new(&["malformed"]).expect("the catalogue is sound"));
    let new_pages = || MetricsPages::new(Arc::clone(&own));
    let pages = new_pages();
    // Nothing is kept of a page that is made for the first time.
    let anew = |view: &Arc<View>| new_pages().text(Arc::clone(view), NOW, PageFormat::Text);
    // Every scrape is of a View of its own, in which nothing has changed but the time.
    let seconds = Cell::new(0);
    let next = || {
        seconds.set(seconds.get() + 15);
        let as_of = NOW.plus(chrono::TimeDelta::seconds(seconds.get()));
        let orgs = view.orgs.clone();
        (Arc::new(View { as_of, orgs, ..View::clone(&view) }), as_of)
    };
    let text = || {
        let (view, now) = next();
        pages.text(view, now, PageFormat::Text)
    };

    let (series, bytes) = count(text());
    let megabytes = bytes / 1_000_000;
    println!("\n{series} series of {orgs} organisations, {megabytes} MB; CPU time, best of {RUNS}");
    let figure = |what: &str, took: Duration, series: usize| {
        let each = took.as_nanos() as f64 / series as f64;
        println!("  {what:<32} {each:>9.2} ns a series");
        each
    };
    let resident = |what: &str| {
        let each = status("VmRSS:").saturating_sub(before) as f64 / series as f64;
        println!("  {what:<32} {each:>9.1} B a series");
    };

    let first = best(|| {
        black_box(text().next());
    });
    println!("  {:<32} {:>9.2} ms", "first chunk after", first.as_secs_f64() * 1e3);
    let ours = figure("text", best(|| drain(anew(&view))), series);
    let without = count(anew(&aggregate)).0;
    let took = best(|| drain(anew(&aggregate)));
    figure(&format!("text, {without} without users"), took, without);
    figure("text, what did not change kept", best(|| drain(text())), series);

    // As in the daemon, where Prometheus asks for nothing but gzip.
    drop(pages);
    let pages = new_pages();
    let gzip = || {
        let (view, now) = next();
        pages.gzip(view, now, PageFormat::Text)
    };
    let begun = cpu();
    let compressed: usize = gzip().map(|piece| piece.len()).sum();
    figure("gzip, nothing kept", cpu() - begun, series);
    figure("gzip, what did not change kept", best(|| drain(gzip())), series);
    let (prepared, now) = next();
    pages.prepare(&prepared, now);
    let ready = || pages.gzip(Arc::clone(&prepared), now, PageFormat::Text);
    figure("gzip, prepared", best(|| drain(ready())), series);
    println!("  {:<32} {:>9.1} times smaller", "gzip", bytes as f64 / compressed as f64);
    resident("resident, View and pages");
    println!("  {:<32} {:>9} MiB", "VmHWM so far", status("VmHWM:") / 1024 / 1024);

    let (took, theirs) = text_encoder(&view);
    let theirs = figure("prometheus TextEncoder", took, theirs);
    println!("  {:<32} {:>9.0} times ours", "", theirs / ours);
}

/// The least CPU time of a few runs: what is left is the work, not the neighbours.
fn best(mut run: impl FnMut()) -> Duration {
    let runs = (0..RUNS).map(|_| {
        let begun = cpu();
        run();
        cpu() - begun
    });
    runs.min().unwrap_or_default()
}

/// The CPU time that this thread has used.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("time goes forward");
    Duration::new(seconds, u32::try_from(time.tv_nsec).expect("below a second"))
}

fn drain(page: impl Iterator<Item = Bytes>) {
    for chunk in page {
        black_box(&chunk);
    }
}

fn count(page: impl Iterator<Item = Bytes>) -> (usize, usize) {
    let (mut lines, mut bytes, mut comments) = (0, 0, 0);
    let mut at_start = true;
    for chunk in page {
        bytes += chunk.len();
        for byte in chunk.iter() {
            comments += usize::from(at_start && *byte == b'#');
            at_start = *byte == b'\n';
            lines += usize::from(at_start);
        }
    }
    (lines - comments, bytes)
}

/// The users' series through the `prometheus` crate: time, and how many they are.
fn text_encoder(view: &View) -> (Duration, usize) {
    let registry = Registry::new();
    let vec = GaugeVec::new(
        Opts::new("lightning_sync_user_status", "The status that a user has now."),
        &["org", "user", "check", "status"],
    )
    .expect("a sound metric");
    registry.register(Box::new(vec.clone())).expect("registered once");
    for org in &view.orgs {
        for user in &org.summary.columns.0 {
            for row in UserRow::checks() {
                let status = user.statuses[row];
                let labels =
                    [org.policy.name.as_str(), &user.pseudonym, row.check(), status.name()];
                vec.with_label_values(&labels).set(1.0);
            }
        }
    }
    let mut out = Vec::new();
    let took = best(|| {
        out.clear();
        TextEncoder::new().encode(&registry.gather(), &mut out).expect("encodes");
        black_box(&out);
    });
    let series = view.orgs.len() * USERS * UserRow::checks().count();
    (took, series)
}

/// A line of `/proc/self/status`, in bytes.
fn status(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("this runs on Linux");
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.expect("the line is there") * 1024
}
