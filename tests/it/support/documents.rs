//! Documents that are made from the program's own tables.

use lightning_sync_exporter::domain::rows::{ArticleRow, OrgRow, UserRow};
use lightning_sync_exporter::guidance::{Owner, RowState, cause, guide_of, states_of};
use lightning_sync_exporter::metrics::catalogue::{METRICS, Metric, MetricGroup};

/// `docs/statuses.md`: every row and state with meaning, steps and owner.
pub(crate) fn statuses() -> String {
    let mut out = vec![String::from(STATUSES)];
    for row in ArticleRow::all() {
        match row {
            ArticleRow::Org(OrgRow::ServiceAccountProvided) => {
                out.push("\n## The organisation\n".into())
            }
            ArticleRow::User(UserRow::ActiveConfiguration) => out.push("\n## A user\n".into()),
            ArticleRow::Org(_) | ArticleRow::User(_) => {}
        }
        let of = row.spec().object_type.map_or_else(String::new, |object| format!(" ({object})"));
        out.push(format!("\n### {}{of}\n\n`{}`\n", row.spec().label, row.spec().id));
        for state in states_of(row) {
            push_state(&mut out, row, state);
        }
    }
    out.concat()
}

const STATUSES: &str = "# Statuses: what each row means and what to do\n\n\
    Made from the program's own guidance; `lightning-sync-exporter explain ROW=VALUE` prints the same. The labels \
    are those of the Lightning Sync status page. Owner is who acts first.\n\n\
    Three corrections to the vendor's page about these rows: its texts for \"24 hours … 0\" speak of 60 minutes, \
    and the one about events of contacts; here the titles hold. \"A few minutes\" and \"a past date\" are the \
    settings `fresh_within` and `stale_after`, decided by age and not by the calendar. The 24 hours count from \
    the last sync, not from when somebody noticed.\n";

fn push_state(out: &mut Vec<String>, row: ArticleRow, state: RowState) {
    let Some(guide) = guide_of(row, state) else {
        return;
    };
    let (name, meaning, owner) = (state.name(), guide.meaning.marked(), guide.owner());
    out.push(format!("\n**{name}**: {meaning} Owner: {owner}."));
    let mut steps = guide.steps;
    if let Some((of, alert)) = guide.cause.and_then(|of| Some((of, of.alert()?))) {
        // The cause's own steps stand in its runbook.
        let is_same = cause(of).steps == steps;
        let what = if is_same { "Steps" } else { "Alert" };
        out.push(format!(" {what}: [{alert}](runbooks/{alert}.md)."));
        if is_same {
            steps = &[];
        }
    }
    out.push("\n".into());
    for (number, step) in (1..).zip(steps) {
        let gap = if number == 1 { "\n" } else { "" };
        let owner =
            if step.owner == Owner::Wait { String::new() } else { format!(" *({})*", step.owner) };
        out.push(format!("{gap}{number}. {}{owner}\n", step.text.marked()));
    }
}

const METRICS_PREFACE: &str = "# Metrics

Generated from the catalogue in `src/metrics/table.rs`; a test compares the two.

A value that no source has reported is absent, never 0. A stale value (none of its sources is live) stays and is marked
by `lightning_sync_reading_stale`; window counts are absent instead. Ages are computed at the scrape.
`object_type` is `contacts` or `events`, only those that the organisation syncs.
";

/// `docs/metrics.md`: the catalogue as a table.
pub(crate) fn metrics() -> String {
    let groups = GROUPS.into_iter().map(section);
    std::iter::once(METRICS_PREFACE.to_owned()).chain(groups).collect()
}

fn section((group, title): (MetricGroup, &str)) -> String {
    let metrics = METRICS.iter().filter(|metric| metric.group == group);
    let lines: String = metrics.map(line).collect();
    format!(
        "\n## {title}\n\n| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n{lines}"
    )
}

fn line(metric: &Metric) -> String {
    let labels: Vec<String> = metric.labels.iter().map(|l| format!("`{l}`")).collect();
    format!(
        "| `{}` | {} | {} | {} | {} |\n",
        metric.name,
        metric.kind.open_metrics(),
        metric.unit(),
        labels.join(", "),
        metric.help
    )
}

/// The groups with their headings, in the order of the page.
const GROUPS: [(MetricGroup, &str); 8] = [
    (MetricGroup::Organisation, "Organisations"),
    (MetricGroup::Sync, "Sync activity and organisation rows"),
    (MetricGroup::Users, "Users"),
    (MetricGroup::Readings, "Readings and sources"),
    (MetricGroup::Judgement, "Findings"),
    (MetricGroup::View, "The age of what is shown"),
    (MetricGroup::Exporter, "The daemon's counters"),
    (MetricGroup::Process, "The process"),
];
