//! `cargo run --release -p lightning-sync-score [-- [--write] [LIFE…]]`: prints scores, and with `--write` puts them into
//! `docs/truth.md`; with `--quiet`, those of the early warning alone.

use anyhow::Context;
use lightning_sync_score::{RuleSet, document, lives, score};
use lightning_sync_sim::scenarios::Scenario;
use std::io::Write;
use std::path::Path;

fn main() -> anyhow::Result<()> {
    let (flags, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/truth.md");
    if flags.iter().any(|flag| flag == "--quiet") {
        // The early warning alone, which takes seconds and stands last.
        let section = lightning_sync_score::quiet::section()?;
        let document = std::fs::read_to_string(&path)?;
        let before = document.split("\n## The early warning").next().unwrap_or_default();
        std::fs::write(&path, format!("{before}{section}"))?;
        return Ok(());
    }
    let lives: Vec<Scenario> = lives()
        .into_iter()
        .filter(|life| names.is_empty() || names.iter().any(|name| name == life.name))
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no repository")?;
    let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let scored = score(&lives, &root.join("alerts/lightning-sync.rules.yaml"), workers)?;
    let document = document(&lives, &scored);
    let mut out = std::io::stdout();
    out.write_all(document.as_bytes())?;
    for life in &scored {
        for (_, score) in life.scores.iter().filter(|(rules, _)| *rules == RuleSet::Shipped) {
            for note in &score.notes {
                writeln!(out, "{}: {note}", life.name)?;
            }
        }
    }
    if flags.iter().any(|flag| flag == "--write") {
        std::fs::write(&path, document)?;
    }
    Ok(())
}
