//! What sources said last: value, when it was true, since when it has been that value.

use super::ids::Source;
use super::rows::{OrgRow, OrgValue};
use super::time::Timestamp;

/// The latest word of one source on one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading<T> {
    /// What was read.
    pub value: T,
    /// When it was true, by the source's own time.
    pub observed_at: Timestamp,
    /// The `observed_at` of the first reading in an unbroken run of this value.
    pub changed_at: Timestamp,
}

impl<T: PartialEq> Reading<T> {
    /// The reading that holds after `value` was observed at `observed_at`; `None` when the old one stays,
    /// because it is newer or says the same of the same instant.
    pub fn after(old: Option<&Self>, value: T, observed_at: Timestamp) -> Option<Self> {
        let Some(old) = old else {
            return Some(Self {
                value,
                observed_at,
                changed_at: observed_at,
            });
        };
        if observed_at < old.observed_at || (observed_at == old.observed_at && value == old.value) {
            return None;
        }
        let changed_at = if value == old.value {
            old.changed_at
        } else {
            observed_at
        };
        Some(Self {
            value,
            observed_at,
            changed_at,
        })
    }
}

/// Every source's latest reading of every organisation row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrgReadings {
    cells: [[Option<Reading<OrgValue>>; Source::COUNT]; OrgRow::COUNT],
}

impl OrgReadings {
    /// What `source` said last of `row`.
    pub fn get(&self, row: OrgRow, source: Source) -> Option<&Reading<OrgValue>> {
        self.cells.get(row.index())?.get(source.index())?.as_ref()
    }

    /// Keeps a reading; the caller has decided with [`Reading::after`] that it holds.
    pub fn put(&mut self, row: OrgRow, source: Source, reading: Reading<OrgValue>) {
        if let Some(cell) = self
            .cells
            .get_mut(row.index())
            .and_then(|cells| cells.get_mut(source.index()))
        {
            *cell = Some(reading);
        }
    }

    /// All readings, to put their times right.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Reading<OrgValue>> {
        self.cells.iter_mut().flatten().flatten()
    }

    /// All readings of a row, in the order of [`Source::ALL`].
    pub fn of_row(&self, row: OrgRow) -> impl Iterator<Item = (Source, &Reading<OrgValue>)> {
        Source::ALL
            .iter()
            .filter_map(move |source| Some((*source, self.get(row, *source)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn an_older_reading_changes_nothing() {
        let old = Reading {
            value: 1,
            observed_at: at(10),
            changed_at: at(5),
        };
        assert_eq!(Reading::after(Some(&old), 2, at(9)), None);
    }

    #[test]
    fn the_same_value_keeps_the_time_of_its_change() {
        let old = Reading {
            value: 1,
            observed_at: at(10),
            changed_at: at(5),
        };
        assert_eq!(
            Reading::after(Some(&old), 1, at(20)),
            Some(Reading {
                value: 1,
                observed_at: at(20),
                changed_at: at(5)
            })
        );
        assert_eq!(
            Reading::after(Some(&old), 2, at(20)),
            Some(Reading {
                value: 2,
                observed_at: at(20),
                changed_at: at(20)
            })
        );
        assert_eq!(Reading::after(Some(&old), 1, at(10)), None);
    }
}
