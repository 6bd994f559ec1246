//! One connection: opened and tuned within bounds, used by a thread that waits, given up after its first failure.
//!
//! The network is driven by a thread of its own, so that the writer, pages and commands wait as they wait for a file,
//! whatever runtime they run in.

use super::tls::PostgresTls;
use super::{PostgresDsn, PostgresFailure, lease};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

/// Connecting, over all hosts of the string; the figures on the pages may not be older than 30 s.
const OPEN_WITHIN: Duration = Duration::from_secs(6);
/// One job of the writer, such as a commit; whoever pushes waits that long for an answer.
pub(super) const JOB_WITHIN: Duration = Duration::from_secs(15);
/// The first release whose server notices within a statement that we are gone.
const OLDEST_SERVER: i32 = 140_000;

/// A value of a statement.
pub(super) type SqlValue<'a> = &'a (dyn ToSql + Sync);

/// A connection and the statements that it knows.
pub(super) struct Session {
    client: Client,
    statements: RefCell<HashMap<String, Statement>>,
    /// Which process of the server this is, and since when; a number alone comes again after a restart.
    pub(super) backend: Backend,
    /// The fence under which it writes; see `lease`.
    pub(super) fence: Cell<i64>,
    /// Dropped, it ends the connection at once, whatever is under way.
    _alive: oneshot::Sender<()>,
}

/// A process of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backend {
    pub(super) process: i32,
    pub(super) since: String,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionUse {
    /// Writing; what it has committed is on disk.
    Write,
    /// Reading alone.
    Read,
}

impl Session {
    /// Connects, and checks that what the server acknowledges is on its disk.
    pub(super) fn open(dsn: &PostgresDsn, access: SessionUse) -> Result<Self, PostgresFailure> {
        let (client, alive) = connect(dsn)?;
        let mut session = Self {
            client,
            statements: RefCell::default(),
            backend: Backend { process: 0, since: String::new() },
            fence: Cell::new(lease::NO_FENCE),
            _alive: alive,
        };
        session.backend = session.wait(OPEN_WITHIN, tune(&session, access))?;
        Ok(session)
    }

    /// Waits for a job's end, at most so long.
    pub(super) fn wait<T>(
        &self,
        within: Duration,
        job: impl Future<Output = Result<T, PostgresFailure>>,
    ) -> Result<T, PostgresFailure> {
        wait(within, job).unwrap_or(Err(PostgresFailure::Late(within)))
    }

    /// The rows of a statement, which is compiled once for each connection.
    pub(super) async fn rows(
        &self,
        sql: &str,
        values: &[SqlValue<'_>],
    ) -> Result<Vec<Row>, PostgresFailure> {
        let statement = self.statement(sql).await?;
        Ok(self.client.query(&statement, values).await?)
    }

    /// The only row of a statement, if there is one.
    pub(super) async fn row(
        &self,
        sql: &str,
        values: &[SqlValue<'_>],
    ) -> Result<Option<Row>, PostgresFailure> {
        let statement = self.statement(sql).await?;
        Ok(self.client.query_opt(&statement, values).await?)
    }

    /// Runs a statement; how many rows it changed.
    pub(super) async fn execute(
        &self,
        sql: &str,
        values: &[SqlValue<'_>],
    ) -> Result<u64, PostgresFailure> {
        let statement = self.statement(sql).await?;
        Ok(self.client.execute(&statement, values).await?)
    }

    /// Runs statements without values.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), PostgresFailure> {
        Ok(self.client.batch_execute(sql).await?)
    }

    /// Makes a transaction last. Without the server's limit of time: where it waits for a standby that is away, the limit
    /// ends the waiting and not the commit, and the server would say that all is well. Ours gives the connection up.
    pub(super) async fn commit(&self) -> Result<(), PostgresFailure> {
        self.batch("SET LOCAL statement_timeout = 0; COMMIT").await
    }

    async fn statement(&self, sql: &str) -> Result<Statement, PostgresFailure> {
        let known = self.statements.borrow().get(sql).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.borrow_mut().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// Starts the thread of a connection.
fn connect(dsn: &PostgresDsn) -> Result<(Client, oneshot::Sender<()>), PostgresFailure> {
    let (alive, given_up) = oneshot::channel::<()>();
    let (opened, client) = mpsc::sync_channel(1);
    let (config, trust) = dsn.read().map_err(PostgresFailure::Other)?;
    let tls = PostgresTls::new(&trust);
    let driven = move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            // Whoever waits for the connection is answered by the closed channel.
            Err(_) => return,
        };
        runtime.block_on(async move {
            let connected = tokio::time::timeout(OPEN_WITHIN, config.connect(tls)).await;
            match connected {
                Ok(Ok((client, connection))) => {
                    if opened.send(Ok(client)).is_ok() {
                        // The end of a connection is what the client's next statement says.
                        tokio::select! {
                            _ = connection => {}
                            _ = given_up => {}
                        }
                    }
                }
                Ok(Err(error)) => drop(opened.send(Err(PostgresFailure::Library(error)))),
                Err(_) => drop(opened.send(Err(PostgresFailure::Late(OPEN_WITHIN)))),
            }
        });
        // A name that is still being looked up is not waited for.
        runtime.shutdown_background();
    };
    let no_thread = || PostgresFailure::Other("the system refuses a thread".to_owned());
    let thread = thread::Builder::new().name("postgres".to_owned());
    thread.spawn(driven).map_err(|_| no_thread())?;
    let client = client.recv().unwrap_or_else(|_| Err(no_thread()))?;
    Ok((client, alive))
}

/// Settings of the session. `synchronous_commit` is raised where the server's is lower, never lowered; a server that does
/// not write what it acknowledges to its disk is refused.
async fn tune(session: &Session, access: SessionUse) -> Result<Backend, PostgresFailure> {
    let about = session
        .row(
            "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), \
             current_setting('fsync'), current_setting('full_page_writes'), \
             current_setting('synchronous_commit'), pg_backend_pid(), \
             (SELECT backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid())",
            &[],
        )
        .await?
        .ok_or_else(|| PostgresFailure::Other("it does not say what it is".to_owned()))?;
    let refuse = |says: &str| Err(PostgresFailure::Other(says.to_owned()));
    if about.try_get::<_, i32>(0)? < OLDEST_SERVER {
        return refuse("it is older than release 14; upgrade the server");
    }
    if about.try_get::<_, &str>(1)? != "UTF8" {
        return refuse("its encoding is not UTF8; make the database with ENCODING 'UTF8'");
    }
    session
        .batch(
            "SET search_path = lightning_sync; SET client_min_messages = error; SET jit = off; \
             SET statement_timeout = '14s'; SET lock_timeout = '5s'; \
             SET idle_in_transaction_session_timeout = '60s'; \
             SET client_connection_check_interval = '1s'; SET tcp_keepalives_idle = 10; \
             SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; SET tcp_user_timeout = '15s'",
        )
        .await?;
    match access {
        SessionUse::Read => session.batch("SET default_transaction_read_only = on").await?,
        SessionUse::Write => {
            for setting in [2, 3] {
                if about.try_get::<_, &str>(setting)? != "on" {
                    return refuse(
                        "the server does not write to its disk what it acknowledges; set fsync and full_page_writes to on",
                    );
                }
            }
            if about.try_get::<_, &str>(4)? != "remote_apply" {
                session.batch("SET synchronous_commit = on").await?;
            }
        }
    }
    let since: Option<String> = about.try_get(6)?;
    Ok(Backend { process: about.try_get(5)?, since: since.unwrap_or_default() })
}

/// Wakes the thread that waits.
struct WakeThread(Thread);

impl Wake for WakeThread {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Blocks this thread until the job has ended; `None` when it has not by then.
fn wait<T>(within: Duration, job: impl Future<Output = T>) -> Option<T> {
    let deadline = Instant::now() + within;
    let waker = Waker::from(Arc::new(WakeThread(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut job = pin!(job);
    loop {
        if let Poll::Ready(done) = job.as_mut().poll(&mut context) {
            return Some(done);
        }
        let left = deadline.checked_duration_since(Instant::now())?;
        thread::park_timeout(left);
    }
}
