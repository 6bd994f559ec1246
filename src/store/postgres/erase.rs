//! Takes an organisation or a person out of a database that no daemon uses.

use super::{Claim, PostgresDsn, PostgresFailure, Session, own, write};
use crate::domain::ids::{OrgName, UserName};
use crate::store::forget::{self, Rest};
use crate::store::{Erase, StoreError};
use std::time::Duration;

/// Tables are written anew, which takes as long as their size wants.
const ERASE_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// Erases from a database; says how many rows went.
pub(in crate::store) fn erase(dsn: &PostgresDsn, what: Erase<'_>) -> Result<usize, StoreError> {
    let error = |failure| dsn.error(&failure);
    let (session, _) = own(dsn, None, Claim::Alone).map_err(error)?;
    let (Erase::Org(name) | Erase::User(name, _)) = what;
    session.wait(ERASE_WITHIN, rows(&session, name, what)).map_err(error)
}

async fn rows(
    session: &Session,
    name: &OrgName,
    what: Erase<'_>,
) -> Result<usize, PostgresFailure> {
    session.batch("SET statement_timeout = 0; BEGIN").await?;
    write::first_look(session).await?;
    let org = session.row("SELECT id FROM orgs WHERE name = $1", &[&name.as_str()]).await?;
    let Some(org) = org else {
        return Err(PostgresFailure::Other(format!("it knows no organisation {name}")));
    };
    let org: i32 = org.try_get(0)?;
    let mut erased = 0;
    // By the columns that there are: a table that comes later is not forgotten.
    let touched = match what {
        Erase::Org(_) => {
            let mut touched = tables(session, &["org"]).await?;
            for table in &touched {
                let sql = format!("DELETE FROM {table} WHERE org = $1");
                erased += session.execute(&sql, &[&org]).await?;
            }
            erased += session.execute("DELETE FROM orgs WHERE id = $1", &[&org]).await?;
            touched.push("orgs".to_owned());
            touched
        }
        Erase::User(_, user) => {
            let mut touched = tables(session, &["org", "user"]).await?;
            for table in &touched {
                let sql = format!(r#"DELETE FROM {table} WHERE org = $1 AND "user" = $2"#);
                erased += session.execute(&sql, &[&org, &user.as_str()]).await?;
            }
            erased += forget_in_memories(session, org, user).await?;
            // A name that was mistyped must not look like one that was forgotten.
            if erased == 0 {
                let near = nearest(session, &touched, org, user).await?;
                return Err(PostgresFailure::Other(forget::unknown(name, user, near)));
            }
            touched.push("source_memory".to_owned());
            touched
        }
    };
    session.commit().await?;
    // Deleted rows stay on their pages until the table is written anew.
    for table in touched {
        session.batch(&format!("VACUUM (FULL) {table}")).await?;
    }
    Ok(usize::try_from(erased).unwrap_or(usize::MAX))
}

/// Takes a user out of what sources have to know after a restart.
async fn forget_in_memories(
    session: &Session,
    org: i32,
    user: &UserName,
) -> Result<u64, PostgresFailure> {
    let rows =
        session.rows("SELECT source, bytes FROM source_memory WHERE org = $1", &[&org]).await?;
    let mut erased = 0;
    for row in rows {
        let source: i16 = row.try_get(0)?;
        erased += match forget::in_memory(row.try_get(1)?, user) {
            Rest::Untouched => 0,
            Rest::Without(rest) => {
                let sql = "UPDATE source_memory SET bytes = $3 WHERE org = $1 AND source = $2";
                session.execute(sql, &[&org, &source, &rest]).await?
            }
            Rest::Nothing => {
                let sql = "DELETE FROM source_memory WHERE org = $1 AND source = $2";
                session.execute(sql, &[&org, &source]).await?
            }
        };
    }
    Ok(erased)
}

/// The user whose name is nearest, none that has nothing to do with it.
async fn nearest(
    session: &Session,
    tables: &[String],
    org: i32,
    user: &UserName,
) -> Result<Option<String>, PostgresFailure> {
    let mut nearest = forget::NearestUser::to(user);
    for table in tables {
        let sql = format!(r#"SELECT DISTINCT "user" FROM {table} WHERE org = $1"#);
        for row in session.rows(&sql, &[&org]).await? {
            nearest.look_at(row.try_get(0)?);
        }
    }
    Ok(nearest.found())
}

/// The tables that have all of these columns.
async fn tables(session: &Session, columns: &[&str]) -> Result<Vec<String>, PostgresFailure> {
    let count = i64::try_from(columns.len()).unwrap_or(i64::MAX);
    let rows = session
        .rows(
            "SELECT table_name::text FROM information_schema.columns WHERE table_schema = 'lightning_sync' \
             AND column_name = ANY ($1::text[]) GROUP BY table_name HAVING count(*) = $2 ORDER BY 1",
            &[&columns, &count],
        )
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
