//! What the database holds, by version. A change of what is stored is a new entry in [`STEPS`]; old entries never change.

use super::session::{Session, SessionUse};
use super::{PostgresFailure, write};
use crate::domain::activity::IdentityKey;

/// Each entry turns a schema of the version that is its place into one of the next. The tables and their numbers are those
/// of the file of SQLite, where they are described. What counts up changes in place: its pages leave space for that.
const STEPS: [&str; 2] = [
    r#"
CREATE TABLE meta (name TEXT COLLATE "C" PRIMARY KEY, number BIGINT, bytes BYTEA);
CREATE TABLE orgs (id INTEGER PRIMARY KEY, name TEXT COLLATE "C" NOT NULL UNIQUE, known_since BIGINT NOT NULL);
CREATE TABLE activity (at BIGINT NOT NULL, key BYTEA NOT NULL, org INTEGER NOT NULL, kind SMALLINT NOT NULL,
  PRIMARY KEY (at, key));
CREATE TABLE minute_totals (minute BIGINT NOT NULL, org INTEGER NOT NULL, kind SMALLINT NOT NULL,
  count BIGINT NOT NULL, newest BIGINT NOT NULL, PRIMARY KEY (minute, org, kind)) WITH (fillfactor = 60);
CREATE TABLE hour_totals (hour BIGINT NOT NULL, org INTEGER NOT NULL, kind SMALLINT NOT NULL,
  count BIGINT NOT NULL, newest BIGINT NOT NULL, PRIMARY KEY (hour, org, kind)) WITH (fillfactor = 60);
CREATE INDEX hour_totals_org ON hour_totals (org, hour);
CREATE TABLE lanes (org INTEGER NOT NULL, kind SMALLINT NOT NULL, newest BIGINT NOT NULL, expired BIGINT,
  PRIMARY KEY (org, kind)) WITH (fillfactor = 60);
CREATE TABLE readings (org INTEGER NOT NULL, row SMALLINT NOT NULL, source SMALLINT NOT NULL, value TEXT,
  observed_at BIGINT NOT NULL, changed_at BIGINT NOT NULL, PRIMARY KEY (org, row, source)) WITH (fillfactor = 60);
CREATE TABLE reading_changes (org INTEGER NOT NULL, row SMALLINT NOT NULL, at BIGINT NOT NULL, source SMALLINT NOT NULL,
  value TEXT, PRIMARY KEY (org, row, at, source));
CREATE INDEX reading_changes_at ON reading_changes (at);
CREATE TABLE users (org INTEGER NOT NULL, source SMALLINT NOT NULL, "user" TEXT COLLATE "C" NOT NULL, cells BYTEA NOT NULL,
  PRIMARY KEY (org, source, "user")) WITH (fillfactor = 80);
CREATE TABLE user_changes (org INTEGER NOT NULL, "user" TEXT COLLATE "C" NOT NULL, at BIGINT NOT NULL, row SMALLINT NOT NULL,
  source SMALLINT NOT NULL, before SMALLINT NOT NULL, after SMALLINT NOT NULL,
  PRIMARY KEY (org, "user", at, row, source));
CREATE INDEX user_changes_at ON user_changes (at);
CREATE TABLE source_heartbeats (org INTEGER NOT NULL, source SMALLINT NOT NULL, at BIGINT NOT NULL,
  users_complete SMALLINT NOT NULL, PRIMARY KEY (org, source)) WITH (fillfactor = 60);
CREATE TABLE covered (org INTEGER NOT NULL, object_type SMALLINT NOT NULL, since BIGINT NOT NULL,
  PRIMARY KEY (org, object_type));
CREATE TABLE incidents (org INTEGER NOT NULL, cause TEXT NOT NULL, object_type TEXT NOT NULL, user_row TEXT NOT NULL,
  severity TEXT NOT NULL, since BIGINT NOT NULL, users BIGINT, first_sync BIGINT, ended BIGINT, calm_until BIGINT,
  synced_before BIGINT,
  PRIMARY KEY (org, cause, object_type, user_row));
CREATE TABLE source_memory (org INTEGER NOT NULL, source SMALLINT NOT NULL, bytes BYTEA NOT NULL,
  PRIMARY KEY (org, source));
CREATE TABLE alerts (org INTEGER NOT NULL, cause TEXT NOT NULL, severity TEXT NOT NULL, object_type TEXT NOT NULL,
  user_row TEXT NOT NULL, shared TEXT NOT NULL, held_since BIGINT, fired_at BIGINT, resolved_at BIGINT,
  description TEXT NOT NULL, PRIMARY KEY (org, cause, severity, object_type, user_row, shared));
"#,
    // Who may write, and how often somebody has; see `lease`.
    r#"
CREATE TABLE lease (fence BIGINT PRIMARY KEY, holder TEXT, process INTEGER, since TEXT,
  expires_at TIMESTAMPTZ NOT NULL) WITH (fillfactor = 20);
INSERT INTO lease VALUES (0, NULL, NULL, NULL, '-infinity');
CREATE TABLE commits (count BIGINT NOT NULL) WITH (fillfactor = 20);
INSERT INTO commits VALUES (0);
"#,
];

/// The version that this program writes.
pub(super) const VERSION: i64 = STEPS.len() as i64;

/// "LSYE": the lock of the one writer of a database. It goes with the session, and a session ends only when what it was
/// committing is decided and can be seen: whoever has the lock reads everything that the writer before committed.
const WRITER_LOCK: i64 = 0x4C53_5945;

/// Becomes the only writer, and brings the schema to [`VERSION`] in one transaction. `fresh` is the secret of a new one.
pub(super) async fn own(session: &Session, fresh: IdentityKey) -> Result<(), PostgresFailure> {
    lock(session).await?;
    let found = version(session).await?;
    if found == VERSION {
        return Ok(());
    }
    session.batch("BEGIN; CREATE SCHEMA IF NOT EXISTS lightning_sync").await?;
    session
        .batch("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL, reached_at TIMESTAMPTZ NOT NULL)")
        .await?;
    for (place, step) in (1_i64..).zip(STEPS).skip(usize::try_from(found).unwrap_or(0)) {
        session.batch(step).await?;
        session.execute("INSERT INTO schema_version VALUES ($1, now())", &[&place]).await?;
    }
    if found == 0 {
        let bytes = fresh.bytes();
        session
            .execute("INSERT INTO meta (name, bytes) VALUES ('identity', $1)", &[&bytes.as_slice()])
            .await?;
    }
    session.commit().await
}

async fn lock(session: &Session) -> Result<(), PostgresFailure> {
    match session.execute("SELECT pg_advisory_lock($1)", &[&WRITER_LOCK]).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.code().is_some_and(|code| code.code() == "55P03") => {
            Err(PostgresFailure::Locked)
        }
        Err(failure) => Err(failure),
    }
}

/// The version of what is there, 0 where nothing is.
pub(super) async fn version(session: &Session) -> Result<i64, PostgresFailure> {
    let there = session
        .row("SELECT to_regclass('lightning_sync.schema_version') IS NOT NULL", &[])
        .await?
        .map_or(Ok(false), |row| row.try_get(0))?;
    if !there {
        return Ok(0);
    }
    let row = session.row("SELECT max(version) FROM lightning_sync.schema_version", &[]).await?;
    let found: i64 = row.map_or(Ok(None), |row| row.try_get(0))?.unwrap_or(0);
    if found > VERSION {
        return Err(PostgresFailure::TooNew { found, known: VERSION });
    }
    Ok(found)
}

/// A connection for reading, where the schema is ours.
pub(super) fn open_reader(dsn: &super::PostgresDsn) -> Result<Session, PostgresFailure> {
    let session = Session::open(dsn, SessionUse::Read)?;
    match session.wait(super::session::JOB_WITHIN, version(&session))? {
        VERSION => Ok(session),
        _ => Err(PostgresFailure::Other(
            "it has not been brought to this version's schema; start the daemon once".to_owned(),
        )),
    }
}

/// The secret of record identities that was made with the schema.
pub(super) async fn identity(session: &Session) -> Result<IdentityKey, PostgresFailure> {
    let row = session.row("SELECT bytes FROM meta WHERE name = 'identity'", &[]).await?;
    let bytes = row.and_then(|row| row.try_get::<_, Vec<u8>>(0).ok());
    let bytes = bytes.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    bytes.map(IdentityKey::new).ok_or(PostgresFailure::Foreign("secret of identities"))
}

/// A number of `meta`.
pub(super) async fn meta(session: &Session, name: &str) -> Result<Option<i64>, PostgresFailure> {
    let row = session.row("SELECT number FROM meta WHERE name = $1", &[&name]).await?;
    row.map_or(Ok(None), |row| Ok(row.try_get(0)?))
}

/// Sets a number of `meta`.
pub(super) async fn set_meta(
    session: &Session,
    name: &str,
    value: i64,
) -> Result<(), PostgresFailure> {
    session
        .execute(
            "INSERT INTO meta (name, number) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET number = excluded.number",
            &[&name, &value],
        )
        .await?;
    Ok(())
}

/// Writes something that changes nothing: a full disk or a server that takes no writes shows here and not at the next push.
pub(super) async fn prove_writable(session: &Session) -> Result<(), PostgresFailure> {
    session.batch("BEGIN").await?;
    write::first_look(session).await?;
    let openings = meta(session, "reopened").await?.unwrap_or(0);
    set_meta(session, "reopened", openings.wrapping_add(1)).await?;
    session.commit().await
}
