//! Chromium, driven by the scripts in `tests/browser`: a plan goes in as JSON, what was seen comes out as JSON.

use super::stack::repository;
use std::io::Write;
use std::process::{Command, Stdio};

/// The browser; Debian's package puts it there.
const CHROMIUM: &str = "/usr/bin/chromium";

/// Runs a script with a plan, which is given the browser's place.
pub(crate) fn run(script: &str, mut plan: serde_json::Value) -> serde_json::Value {
    let directory = repository("tests/browser");
    assert!(
        directory.join("node_modules/playwright-core").exists(),
        "the browser's driver is missing: run `npm ci` in tests/browser, or tests/run"
    );
    plan["chromium"] = CHROMIUM.into();
    let mut child = Command::new("node")
        .arg(directory.join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is installed");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(plan.to_string().as_bytes()).expect("the script reads its plan");
    drop(stdin);
    let output = child.wait_with_output().expect("the script ends");
    assert!(output.status.success(), "{script} failed");
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

/// Looks at pages, at both widths, light and dark; none may show any trouble.
pub(crate) fn look(looks: &[serde_json::Value]) {
    let shots = std::env::var("LIGHTNING_SYNC_TEST_SHOTS").ok();
    let seen = run("look.mjs", serde_json::json!({ "looks": looks, "shots": shots }));
    assert_eq!(seen["looks"], looks.len() * 4);
    assert!(seen["troubles"] == serde_json::json!([]), "{:#}", seen["troubles"]);
    println!("{} looks in Chromium, no trouble", seen["looks"]);
}
