//! A test in a process of its own, whose memory is measured.

use std::process::Command;

/// Tells a process that it is the one whose memory is measured.
const ALONE: &str = "LIGHTNING_SYNC_TEST_ALONE";

/// Runs a test, by its full name, in a process of its own, and looks at how much memory that took.
pub(crate) fn alone(test: &str, most_kb: u64, run: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        run();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|it| it.trim().strip_suffix(" kB")).unwrap();
        println!("{peak} kB of memory at most");
        assert!(peak.parse::<u64>().unwrap() < most_kb, "{peak} kB");
        return;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && printed.contains("kB of memory at most"),
        "{printed}{}",
        String::from_utf8_lossy(&child.stderr)
    );
    println!("{printed}");
}
