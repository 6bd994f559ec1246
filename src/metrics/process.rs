//! The operating system's figures of this process, read from `/proc` under the names that every exporter uses.
//! What the system does not tell is absent.

use super::catalogue::{Metric, metric};
use super::encoder::Lines;
use bytes::BytesMut;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::sync::OnceLock;

type ReadFigure = fn(&Stat) -> Option<f64>;

/// The process's metrics, in the order of the page, with where their values come from.
pub(super) const PROCESS: &[(&Metric, ReadFigure)] = &[
    (metric("process_cpu_seconds_total"), |stat| {
        Some((stat.field(14)? + stat.field(15)?) / ticks())
    }),
    (metric("process_max_fds"), |_| getrlimit(Resource::Nofile).current.map(|limit| limit as f64)),
    (metric("process_open_fds"), |_| {
        // The directory that is being read is one of them.
        Some((std::fs::read_dir("/proc/self/fd").ok()?.count() as f64 - 1.0).max(0.0))
    }),
    (metric("process_resident_memory_bytes"), |stat| Some(stat.field(24)? * page_size() as f64)),
    (metric("process_start_time_seconds"), |stat| stat.field(22).map(started_at)),
    (metric("process_threads"), |stat| stat.field(20)),
];

/// Writes the process's families.
pub(super) fn write(out: &mut BytesMut, lines: &mut Lines) {
    let stat = Stat::read();
    for (metric, figure) in PROCESS {
        if let Some(value) = figure(&stat) {
            lines.sample(out, metric, value);
        }
    }
}

/// `/proc/self/stat` behind the command's name, which may itself hold spaces and parentheses.
pub(super) struct Stat(String);

impl Stat {
    fn read() -> Self {
        Self::of(&std::fs::read_to_string("/proc/self/stat").unwrap_or_default())
    }

    fn of(text: &str) -> Self {
        let behind = text.rsplit_once(") ").map_or("", |(_, fields)| fields);
        Self(behind.to_owned())
    }

    /// The field of a number, counted from 1 as proc(5) does; the command's name is the second.
    fn field(&self, number: usize) -> Option<f64> {
        let value = self.0.split_ascii_whitespace().nth(number.checked_sub(3)?);
        value?.parse().ok()
    }
}

fn ticks() -> f64 {
    clock_ticks_per_second() as f64
}

/// When the process started, `ticks` after the system did. Worked out once, so that it does not tremble from scrape to
/// scrape; from the clocks, because a hardened unit sees nothing of `/proc` but processes.
fn started_at(ticks: f64) -> f64 {
    static STARTED: OnceLock<f64> = OnceLock::new();
    *STARTED.get_or_init(|| {
        let [wall, up] = [ClockId::Realtime, ClockId::Boottime]
            .map(clock_gettime)
            .map(|time| time.tv_sec as f64 + time.tv_nsec as f64 / 1e9);
        wall - up + ticks / self::ticks()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_spaces_and_parentheses_moves_no_field() {
        let stat =
            Stat::of("42 (a) b (c) S 1 42 42 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 7 0 99 1 25");
        assert_eq!(stat.field(3), None);
        assert_eq!(stat.field(14), Some(250.0));
        assert_eq!(stat.field(15), Some(50.0));
        assert_eq!(stat.field(20), Some(7.0));
        assert_eq!(stat.field(22), Some(99.0));
        assert_eq!(stat.field(24), Some(25.0));
        assert_eq!(stat.field(25), None);
    }
}
