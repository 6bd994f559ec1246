//! The latest reports of sources: value, when it was true, since when it has been that value.

use super::ids::Source;
use super::rows::{OrgRow, OrgValue};
use super::time::Timestamp;
use enum_map::EnumMap;

/// The latest report of one source on one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
            return Some(Self { value, observed_at, changed_at: observed_at });
        };
        if observed_at < old.observed_at || (observed_at == old.observed_at && value == old.value) {
            return None;
        }
        let changed_at = if value == old.value { old.changed_at } else { observed_at };
        Some(Self { value, observed_at, changed_at })
    }
}

impl<T: Clone> Reading<T> {
    /// The reading as it holds for a reader.
    pub fn current(&self, source: Source, stale: bool) -> Current<T> {
        Current {
            value: self.value.clone(),
            source,
            observed_at: self.observed_at,
            changed_at: self.changed_at,
            stale,
        }
    }
}

/// Every source's latest reading of every organisation row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrgReadings(EnumMap<OrgRow, EnumMap<Source, Option<Reading<OrgValue>>>>);

impl OrgReadings {
    /// The latest reading of `row` by `source`.
    pub fn get(&self, row: OrgRow, source: Source) -> Option<&Reading<OrgValue>> {
        self.0[row][source].as_ref()
    }

    /// Stores a reading; the caller has decided with [`Reading::after`] that it holds.
    pub fn put(&mut self, row: OrgRow, source: Source, reading: Reading<OrgValue>) {
        self.0[row][source] = Some(reading);
    }

    /// All readings, to put their times right.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Reading<OrgValue>> {
        let sources = self.0.values_mut();
        sources.flat_map(EnumMap::values_mut).flatten()
    }

    /// All readings of a row, in the order of [`Source::ALL`].
    pub fn of_row(&self, row: OrgRow) -> impl Iterator<Item = (Source, &Reading<OrgValue>)> {
        let readings = self.0[row].iter();
        readings.filter_map(|(source, reading)| Some((source, reading.as_ref()?)))
    }
}

/// A reading as it holds for a reader, with its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Current<T = OrgValue> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub source: Source,
    /// When it was last confirmed.
    pub observed_at: Timestamp,
    /// Since when it has been this value, as far as any source saw.
    pub changed_at: Timestamp,
    /// No source that reports this row is live.
    pub stale: bool,
}

/// The order in which sources are believed about states; live ones come before silent ones.
pub const STATE_ORDER: [Source; 4] =
    [Source::Snapshot, Source::Canary, Source::Exchange, Source::Salesforce];

/// What holds of a row: of [`STATE_ORDER`] the first source that is live and has reported it, else the first that has
/// reported it.
pub(super) fn believed<'r, T: Clone + 'r>(
    reading: impl Fn(Source) -> Option<&'r Reading<T>>,
    is_live: impl Fn(Source) -> bool,
) -> Option<Current<T>> {
    let mut first_stale = None;
    for source in STATE_ORDER {
        let Some(found) = reading(source) else {
            continue;
        };
        if is_live(source) {
            return Some(found.current(source, false));
        }
        first_stale.get_or_insert((found, source));
    }
    first_stale.map(|(found, source)| found.current(source, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn every_source_of_states_has_its_place_in_the_order() {
        // A match, so that a new source is decided on here before anything compiles.
        let reports_states = |source| match source {
            Source::Snapshot | Source::Canary | Source::Exchange | Source::Salesforce => 1,
            Source::Activity | Source::ExchangeLog => 0,
        };
        for source in Source::ALL {
            let places = STATE_ORDER.iter().filter(|ordered| *ordered == source).count();
            assert_eq!(places, reports_states(*source), "{source:?}");
        }
    }

    #[test]
    fn an_older_reading_changes_nothing() {
        let old = Reading { value: 1, observed_at: at(10), changed_at: at(5) };
        assert_eq!(Reading::after(Some(&old), 2, at(9)), None);
    }

    #[test]
    fn the_same_value_keeps_the_time_of_its_change() {
        let old = Reading { value: 1, observed_at: at(10), changed_at: at(5) };
        assert_eq!(
            Reading::after(Some(&old), 1, at(20)),
            Some(Reading { value: 1, observed_at: at(20), changed_at: at(5) })
        );
        assert_eq!(
            Reading::after(Some(&old), 2, at(20)),
            Some(Reading { value: 2, observed_at: at(20), changed_at: at(20) })
        );
        assert_eq!(Reading::after(Some(&old), 1, at(10)), None);
    }

    #[test]
    fn another_value_of_the_same_instant_is_taken() {
        let old = Reading { value: 1, observed_at: at(10), changed_at: at(5) };
        let new = Reading { value: 2, observed_at: at(10), changed_at: at(10) };
        assert_eq!(Reading::after(Some(&old), 2, at(10)), Some(new));
    }
}
