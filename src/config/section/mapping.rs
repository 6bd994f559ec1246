//! A mapping whose keys are the operator's own words.

use super::{ConfigSection, KeyRead, origin, shown_key, text_of};
use config::ValueKind;

impl ConfigSection<'_> {
    /// Each key with its text, as `take` reads them, sorted by key. A mistake never repeats a value: it may be a secret.
    pub(in crate::config) fn mapping<T>(
        &self,
        name: &str,
        takes: &str,
        take: impl Fn(&str, &str) -> Result<T, String>,
    ) -> KeyRead<Vec<T>> {
        let Some(value) = self.value(name) else {
            return KeyRead::Absent;
        };
        let ValueKind::Table(table) = &value.kind else {
            self.wrong(name, format!("allowed: a mapping of {takes}"));
            return KeyRead::Wrong;
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        let mut taken = Vec::new();
        for (key, value) in &entries {
            let read = text_of(value, || takes.to_owned())
                .map_err(|_| format!("not text in quotes; allowed: {takes}"))
                .and_then(|text| take(key, text));
            match read {
                Ok(item) => taken.push(item),
                Err(says) => {
                    let path = format!("{}.{}", self.shown(name), shown_key(key));
                    self.mistakes.add(origin(value).0, path, says);
                }
            }
        }
        if taken.len() == entries.len() { KeyRead::Given(taken) } else { KeyRead::Wrong }
    }
}
