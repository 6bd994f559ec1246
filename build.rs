//! Notes what the program is built from, for `--version` and `lightning_sync_exporter_build_info`. Whoever builds a release
//! sets `LIGHTNING_SYNC_REVISION` and `LIGHTNING_SYNC_BRANCH`: a build does not depend on a checkout of git.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for name in ["LIGHTNING_SYNC_REVISION", "LIGHTNING_SYNC_BRANCH"] {
        println!("cargo::rerun-if-env-changed={name}");
        let given = env::var(name).ok().filter(|given| !given.is_empty());
        println!("cargo::rustc-env={name}={}", given.as_deref().unwrap_or("unknown"));
    }
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(compiler).arg("--version").output();
    let printed = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    // `rustc 1.95.0 (…)`
    let version = printed.ok().and_then(|line| line.split(' ').nth(1).map(str::to_owned));
    println!("cargo::rustc-env=LIGHTNING_SYNC_RUST={}", version.as_deref().unwrap_or("unknown"));
}
