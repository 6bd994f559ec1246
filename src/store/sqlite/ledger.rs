//! What the file has for sums over ranges of time.

use super::{codec, schema};
use crate::domain::time::Timestamp;
use crate::store::ledger::{LaneRow, LaneSums, TallyPart, TallyTables, add_sum, first_hour};
use rusqlite::{Connection, params};

impl TallyTables for Connection {
    type Failure = rusqlite::Error;

    fn add(
        &self,
        part: TallyPart,
        first: i64,
        last: i64,
        sums: &mut LaneSums,
    ) -> rusqlite::Result<()> {
        let mut statement = self.prepare_cached(match part {
            TallyPart::Records => {
                "SELECT org, kind, 1, at FROM activity WHERE at >= ?1 AND at <= ?2"
            }
            TallyPart::Minutes => {
                "SELECT org, kind, count, newest FROM minute_totals WHERE minute >= ?1 AND minute <= ?2"
            }
            TallyPart::Hours => {
                "SELECT org, kind, count, newest FROM hour_totals WHERE hour >= ?1 AND hour <= ?2"
            }
        })?;
        let mut rows = statement.query(params![first, last])?;
        while let Some(row) = rows.next()? {
            let lane = (codec::org(row, 0)?, codec::kind(row, 1)?);
            add_sum(sums, lane, codec::count(row, 2)?, codec::instant(row, 3)?);
        }
        Ok(())
    }

    fn lanes(&self) -> rusqlite::Result<Vec<LaneRow>> {
        let mut lanes = self.prepare_cached("SELECT org, kind, newest, expired FROM lanes")?;
        let lanes = lanes.query_map([], |row| {
            let expired = row.get::<_, Option<i64>>(3)?.map(Timestamp::from_nanos);
            let lane = (codec::org(row, 0)?, codec::kind(row, 1)?);
            Ok((lane, codec::instant(row, 2)?, expired))
        })?;
        lanes.collect()
    }

    fn oldest_hour(&self) -> rusqlite::Result<Option<i64>> {
        let oldest: Option<i64> =
            self.prepare_cached("SELECT min(at) FROM activity")?.query_row([], |row| row.get(0))?;
        Ok(first_hour(oldest.map(Timestamp::from_nanos), schema::meta(self, "pruned_hour")?))
    }
}
