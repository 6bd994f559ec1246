//! What the database has for sums over ranges of time; it adds up itself what it can.

use super::session::{JOB_WITHIN, Session};
use super::{PostgresFailure, columns, schema};
use crate::domain::time::Timestamp;
use crate::store::ledger::{LaneRow, LaneSums, TallyPart, TallyTables, add_sum, first_hour};

impl TallyTables for Session {
    type Failure = PostgresFailure;

    fn add(
        &self,
        part: TallyPart,
        first: i64,
        last: i64,
        sums: &mut LaneSums,
    ) -> Result<(), PostgresFailure> {
        let sql = match part {
            TallyPart::Records => {
                "SELECT org, kind, count(*), max(at) FROM activity WHERE at >= $1 AND at <= $2 GROUP BY org, kind"
            }
            TallyPart::Minutes => {
                "SELECT org, kind, sum(count)::bigint, max(newest) FROM minute_totals \
                 WHERE minute >= $1 AND minute <= $2 GROUP BY org, kind"
            }
            TallyPart::Hours => {
                "SELECT org, kind, sum(count)::bigint, max(newest) FROM hour_totals \
                 WHERE hour >= $1 AND hour <= $2 GROUP BY org, kind"
            }
        };
        for row in self.wait(JOB_WITHIN, self.rows(sql, &[&first, &last]))? {
            let lane = (columns::org(&row, 0)?, columns::kind(&row, 1)?);
            add_sum(sums, lane, columns::count(&row, 2)?, columns::instant(&row, 3)?);
        }
        Ok(())
    }

    fn lanes(&self) -> Result<Vec<LaneRow>, PostgresFailure> {
        let sql = "SELECT org, kind, newest, expired FROM lanes";
        let rows = self.wait(JOB_WITHIN, self.rows(sql, &[]))?;
        let lane = |row| {
            let lane = (columns::org(row, 0)?, columns::kind(row, 1)?);
            Ok((lane, columns::instant(row, 2)?, columns::some_instant(row, 3)?))
        };
        rows.iter().map(lane).collect()
    }

    fn oldest_hour(&self) -> Result<Option<i64>, PostgresFailure> {
        self.wait(JOB_WITHIN, async {
            let row = self.row("SELECT min(at) FROM activity", &[]).await?;
            let oldest: Option<i64> = row.map_or(Ok(None), |row| row.try_get(0))?;
            let pruned = schema::meta(self, "pruned_hour").await?;
            Ok(first_hour(oldest.map(Timestamp::from_nanos), pruned))
        })
    }
}
