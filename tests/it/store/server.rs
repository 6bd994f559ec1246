//! The PostgreSQL server itself: what is refused, TLS, kills of it under load, a commit whose connection is lost, and a
//! standby that confirms nothing.

use super::places::dsn;
use super::{acme, batch};
use crate::support::postgres::{Server, server, write_secret};
use crate::support::process::wait_until;
use crate::support::tcp_proxy::TcpProxy;
use lightning_sync_exporter::domain::ids::OrgName;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::windows::Ledger;
use lightning_sync_exporter::store::{
    PostgresDsn, PostgresHistory, PostgresStore, Store, StoreError,
};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const BATCH: u64 = 200;
const KILLS: u64 = 5;
/// Longer than the longest pause between two attempts, and a start of the server.
const BACK_WITHIN: Duration = Duration::from_secs(40);

fn tallied(store: &PostgresStore) -> u64 {
    let lanes = store.tally(Timestamp::MIN, Timestamp::MAX).unwrap();
    lanes.iter().map(|lane| lane.count).sum()
}

fn open(file: &Path) -> Result<PostgresStore, StoreError> {
    PostgresStore::open(dsn(file))
}

fn refused(file: &Path) -> String {
    let says = open(file).unwrap_err().to_string();
    assert!(!says.contains("horse"), "the password: {says}");
    says.replace(&format!("PostgreSQL of {}", file.display()), "DATABASE")
}

fn reopened(store: &mut PostgresStore) {
    wait_until("the store is opened anew", BACK_WITHIN, || store.reopen().ok());
}

#[test]
fn a_second_daemon_is_refused_until_the_first_one_ends() {
    let database = server().database();
    let first = open(&database.file()).unwrap();
    assert_eq!(
        refused(&database.file()),
        "DATABASE is in use by another daemon; stop that one, or give this one a `store.postgres` of its own"
    );
    drop(first);
    wait_until("the lock is free", BACK_WITHIN, || open(&database.file()).ok());
}

#[test]
fn what_cannot_be_used_is_refused_with_the_next_step_and_without_a_secret() {
    let server = server();
    let database = server.database();
    let file = database.file();
    let good = server.dsn(&database.name, "127.0.0.1", server.port);
    for (text, says) in [
        (
            good.replace("correct", "another"),
            "DATABASE: it refuses the user or the password of that file; correct the file, or pg_hba.conf",
        ),
        (
            server.dsn("nothing", "127.0.0.1", server.port),
            "DATABASE: it has no database of the name in that file; make it with CREATE DATABASE",
        ),
        (
            server.dsn(&database.name, "127.0.0.1", 1),
            "DATABASE: error connecting to server: Connection refused (os error 111)",
        ),
    ] {
        write_secret(&file, &text);
        assert_eq!(refused(&file), says);
    }
    write_secret(&file, &good);
    server.psql(&database.name, "CREATE SCHEMA strange").unwrap();
    drop(open(&file).unwrap());
    server.psql(&database.name, "INSERT INTO schema_version VALUES (99, now())").unwrap();
    let too_new = "DATABASE has schema 99 and this version knows up to 2; install the later version again, or restore a backup from before the upgrade";
    assert_eq!(refused(&file), too_new);
    let history = PostgresHistory::open(dsn(&file)).unwrap_err().to_string();
    assert!(history.contains("has schema 99"), "{history}");
}

#[test]
fn another_machine_is_verified_by_its_name_and_an_authority() {
    let server = server();
    let database = server.database();
    let file = database.file();
    let written = |host: &str, more: &str| {
        write_secret(&file, &(server.dsn(&database.name, host, server.port) + more));
    };
    let authority = server.certificate();
    let with_authority =
        || PostgresStore::open(PostgresDsn::from_file(&file, Some(&authority)).unwrap());

    written("localhost", "?sslmode=verify-full");
    let unknown = refused(&file);
    assert!(unknown.starts_with("DATABASE: error performing TLS handshake"), "{unknown}");
    drop(with_authority().unwrap());
    // The password is bound to the certificate that was verified.
    written("localhost", "?sslmode=require&channel_binding=require");
    drop(wait_until("the lock is free", BACK_WITHIN, || with_authority().ok()));
    // The certificate names localhost alone.
    written("127.0.0.1", "?sslmode=require");
    let other = with_authority().unwrap_err().to_string();
    assert!(other.contains("error performing TLS handshake"), "{other}");
}

#[test]
fn a_server_that_is_killed_again_and_again_loses_nothing() {
    let mut server = Server::start();
    let database = server.database();
    let mut store = open(&database.file()).unwrap();
    let org = acme(&mut store);
    let mut acknowledged = 0;
    let mut arrived = 0;
    for round in 0..KILLS {
        thread::scope(|scope| {
            let (send, committed) = mpsc::channel();
            let (store, acknowledged) = (&mut store, &mut acknowledged);
            scope.spawn(move || {
                while let Ok(written) = store.commit(&[batch(org, *acknowledged, BATCH)]) {
                    assert!(written[0].fresh.iter().all(|fresh| *fresh));
                    *acknowledged += BATCH;
                    // Nobody listens any more when the server is killed.
                    send.send(()).ok();
                }
            });
            // While it commits what follows these.
            for _ in 0..10 + 3 * round {
                committed.recv_timeout(BACK_WITHIN).unwrap();
            }
            server.kill();
        });
        store.reopen().unwrap_err();
        server.run();
        reopened(&mut store);
        let found = tallied(&store);
        assert!(found == acknowledged || found == acknowledged + BATCH, "{found} {acknowledged}");
        arrived += u64::from(found > acknowledged);
        let again = store.commit(&[batch(org, acknowledged, BATCH)]).unwrap();
        let fresh = again[0].fresh.iter().filter(|fresh| **fresh).count() as u64;
        assert_eq!(fresh, acknowledged + BATCH - found, "sent again");
        acknowledged += BATCH;
        assert_eq!(tallied(&store), acknowledged);
    }
    println!(
        "{KILLS} kills of PostgreSQL: {acknowledged} records acknowledged, 0 lost, 0 counted twice; {arrived} commits had arrived unacknowledged"
    );
}

#[test]
fn a_writer_whose_fence_is_gone_writes_nothing_more() {
    let database = server().database();
    let mut store = open(&database.file()).unwrap();
    let org = acme(&mut store);
    store.commit(&[batch(org, 0, 3)]).unwrap();
    server().psql(&database.name, "UPDATE lease SET fence = fence + 1").unwrap();
    for refused in [
        |store: &mut PostgresStore, org| store.commit(&[batch(org, 3, 1)]).map(drop),
        |store: &mut PostgresStore, _| store.prune(Timestamp::MAX, Timestamp::MAX).map(drop),
        |store: &mut PostgresStore, _| {
            store.org(&OrgName::new("beta").unwrap(), super::NOW).map(drop)
        },
    ] {
        let error = refused(&mut store, org).unwrap_err();
        assert!(matches!(error, StoreError::Deposed { .. }), "{error}");
        let rows = "SELECT (SELECT count(*) FROM activity), (SELECT sum(count) FROM hour_totals), \
                    (SELECT count(*) FROM orgs)";
        assert_eq!(server().psql(&database.name, rows).unwrap().trim(), "3|3|1");
        // One that shares its database with nobody becomes the writer again.
        reopened(&mut store);
        server().psql(&database.name, "UPDATE lease SET fence = fence + 1").unwrap();
    }
    reopened(&mut store);
    store.commit(&[batch(org, 3, 1)]).unwrap();
    assert_eq!(tallied(&store), 4);
}

/// Cuts the connection while the server commits, and opens the store anew before or after that commit is decided.
fn cut_while_committing(seconds: u64, decided_before: bool) {
    let server = server();
    let database = server.database();
    let proxy = TcpProxy::to(server.port);
    write_secret(&database.file(), &server.dsn(&database.name, "127.0.0.1", proxy.port));
    let mut store = open(&database.file()).unwrap();
    let org = acme(&mut store);
    let slow = format!(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON lightning_sync.activity DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION slow()"
    );
    server.psql(&database.name, &slow).unwrap();
    let committing = || {
        let count = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND query LIKE '%COMMIT' AND state = 'active'",
            database.name
        );
        server.psql("postgres", &count).unwrap().trim() == "1"
    };
    thread::scope(|scope| {
        let writer = scope.spawn(|| store.commit(&[batch(org, 0, 1)]).unwrap_err());
        wait_until("the server commits", BACK_WITHIN, || committing().then_some(()));
        proxy.cut();
        writer.join().unwrap()
    });
    if decided_before {
        wait_until("the commit is decided", BACK_WITHIN, || (!committing()).then_some(()));
    }
    reopened(&mut store);
    let found = tallied(&store);
    let again = store.commit(&[batch(org, 0, 1)]).unwrap();
    assert_eq!(u64::from(again[0].fresh[0]), 1 - found, "sent again");
    assert_eq!(tallied(&store), 1);
    let rows = "SELECT (SELECT count(*) FROM activity), (SELECT sum(count) FROM minute_totals), \
                (SELECT sum(count) FROM hour_totals)";
    assert_eq!(server.psql(&database.name, rows).unwrap().trim(), "1|1|1");
}

#[test]
fn a_commit_whose_connection_is_lost_counts_once_when_it_is_decided_later() {
    cut_while_committing(3, false);
}

#[test]
fn a_commit_whose_connection_is_lost_counts_once_when_it_is_decided_before() {
    cut_while_committing(1, true);
}

#[test]
fn what_no_standby_has_confirmed_is_not_acknowledged() {
    let server = Server::start();
    let database = server.database();
    let mut store = open(&database.file()).unwrap();
    let org = acme(&mut store);
    let standby = |name: &str| {
        let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{name}'");
        server.psql("postgres", &set).unwrap();
        server.psql("postgres", "SELECT pg_reload_conf()").unwrap();
    };
    standby("nobody");
    let mut sent = 0;
    let error = wait_until("a commit is not confirmed", Duration::from_secs(60), || {
        sent += 1;
        store.commit(&[batch(org, sent, 1)]).err()
    });
    assert!(error.to_string().ends_with("it did not answer within 15 s"), "{error}");
    standby("");
    reopened(&mut store);
    // It was on the server's own disk.
    assert_eq!(tallied(&store), sent);
}
