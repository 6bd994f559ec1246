//! The server itself: refusals, TLS, kills of it under load, and a commit whose connection is lost.

use super::places::dsn;
use super::{acme, batch};
use crate::support::postgres::{Server, write_secret};
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_exporter::domain::windows::Ledger;
use lightning_sync_exporter::store::*;
use std::time::{Duration, Instant};

fn tallied(store: &PostgresStore) -> u64 {
    store.tally(Timestamp::MIN, Timestamp::MAX).unwrap().iter().map(|t| t.count).sum()
}

#[test]
fn a_second_daemon_is_refused_and_a_later_schema_too() {
    let server = crate::support::postgres::server();
    let db = server.database();
    let first = PostgresStore::open(dsn(&db.file())).unwrap();
    let began = Instant::now();
    let second = PostgresStore::open(dsn(&db.file())).unwrap_err();
    println!("{:?} {second}", began.elapsed());
    drop(first);
    drop(PostgresStore::open(dsn(&db.file())).unwrap());
    server.psql(&db.name, "INSERT INTO schema_version VALUES (99, now())").unwrap();
    println!("{}", PostgresStore::open(dsn(&db.file())).unwrap_err());
    println!("{}", PostgresHistory::open(dsn(&db.file())).unwrap_err());
    write_secret(
        &db.file(),
        &server.dsn(&db.name, "127.0.0.1", server.port).replace("correct", "wrong"),
    );
    println!("{}", PostgresStore::open(dsn(&db.file())).unwrap_err());
    write_secret(&db.file(), &server.dsn("nothing", "127.0.0.1", server.port));
    println!("{}", PostgresStore::open(dsn(&db.file())).unwrap_err());
    write_secret(&db.file(), &server.dsn("nothing", "127.0.0.1", 1));
    println!("{}", PostgresStore::open(dsn(&db.file())).unwrap_err());
    // TLS
    let db = server.database();
    write_secret(
        &db.file(),
        &(server.dsn(&db.name, "localhost", server.port) + "?sslmode=require"),
    );
    println!("{}", PostgresStore::open(dsn(&db.file())).unwrap_err());
    let ca = lightning_sync_exporter::http_client::Authorities::from_file(&server.certificate())
        .unwrap();
    let with = PostgresDsn::from_file(&db.file(), Some(ca)).unwrap();
    drop(PostgresStore::open(with.clone()).unwrap());
    write_secret(
        &db.file(),
        &(server.dsn(&db.name, "localhost", server.port)
            + "?sslmode=require&channel_binding=require"),
    );
    drop(PostgresStore::open(with).unwrap());
}

#[test]
fn a_server_that_is_killed_again_and_again_loses_nothing() {
    let mut server = Server::start();
    let db = server.database();
    let mut store = PostgresStore::open(dsn(&db.file())).unwrap();
    let org = acme(&mut store);
    let mut taken = 0;
    let (mut acked, mut maybe) = (0u64, 0u64);
    for round in 0..5u64 {
        for _ in 0..10 {
            let w = store.commit(&[batch(org, taken, 200)]).unwrap();
            assert!(w[0].fresh.iter().all(|f| *f));
            taken += 200;
        }
        // killed while it commits
        let file = db.file();
        std::thread::scope(|s| {
            let writer = s.spawn(|| {
                loop {
                    match store.commit(&[batch(org, taken, 200)]) {
                        Ok(w) => {
                            assert!(w[0].fresh.iter().all(|f| *f));
                            taken += 200;
                        }
                        Err(e) => {
                            println!("{e}");
                            return;
                        }
                    }
                }
            });
            std::thread::sleep(Duration::from_millis(30 + 37 * round));
            server.kill();
            writer.join().unwrap();
        });
        println!("away: {}", store.reopen().unwrap_err());
        server.run();
        let began = Instant::now();
        while let Err(e) = store.reopen() {
            assert!(began.elapsed() < Duration::from_secs(40), "{e}");
            std::thread::sleep(Duration::from_millis(100));
        }
        let found = tallied(&store);
        assert!(found == taken || found == taken + 200, "{found} {taken}");
        maybe += u64::from(found > taken);
        let w = store.commit(&[batch(org, taken, 200)]).unwrap();
        let fresh = w[0].fresh.iter().filter(|f| **f).count() as u64;
        assert_eq!(fresh, taken + 200 - found);
        taken += 200;
        assert_eq!(tallied(&store), taken);
        acked = taken;
    }
    println!(
        "5 kills of the server, {acked} records acknowledged, 0 lost, 0 twice; {maybe} commits were ambiguous and had arrived"
    );
}

/// A way to the server that can be cut.
struct Cable {
    port: u16,
    ends: std::sync::Arc<std::sync::Mutex<Vec<std::net::TcpStream>>>,
}
impl Cable {
    fn to(port: u16) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let ends: std::sync::Arc<std::sync::Mutex<Vec<std::net::TcpStream>>> = Default::default();
        let all = ends.clone();
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.unwrap();
                let far = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
                all.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                for (mut from, mut to) in
                    [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)]
                {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(std::net::Shutdown::Both);
                    });
                }
            }
        });
        Self { port: own, ends }
    }
    /// The daemon's side alone sees the end: the server goes on, as with a network that is cut.
    fn cut_near(&self) {
        for (at, end) in self.ends.lock().unwrap().drain(..).enumerate() {
            if at % 2 == 0 {
                let _ = end.shutdown(std::net::Shutdown::Both);
            } else {
                std::mem::forget(end);
            }
        }
    }
}

#[test]
fn a_commit_whose_connection_is_lost_counts_once_whatever_became_of_it() {
    let server = crate::support::postgres::server();
    for (seconds, wait_before_reopen) in [(1, 2500u64), (3, 0)] {
        let db = server.database();
        let cable = Cable::to(server.port);
        write_secret(&db.file(), &server.dsn(&db.name, "127.0.0.1", cable.port));
        let mut store = PostgresStore::open(dsn(&db.file())).unwrap();
        let org = acme(&mut store);
        server.psql(&db.name, &format!("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$; \
            CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON lightning_sync.activity DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()")).unwrap();
        let error = std::thread::scope(|s| {
            let writer = s.spawn(|| store.commit(&[batch(org, 0, 1)]).unwrap_err());
            crate::support::process::wait_until(
                "the server commits",
                Duration::from_secs(20),
                || {
                    let n = server.psql("postgres", &format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND query = 'COMMIT' AND state = 'active'", db.name)).unwrap();
                    (n.trim() == "1").then_some(())
                },
            );
            cable.cut_near();
            writer.join().unwrap()
        });
        println!("{error}");
        std::thread::sleep(Duration::from_millis(wait_before_reopen));
        let began = Instant::now();
        while let Err(e) = store.reopen() {
            println!("{e}");
            assert!(began.elapsed() < Duration::from_secs(40));
            std::thread::sleep(Duration::from_millis(100));
        }
        let found = tallied(&store);
        println!(
            "commit of {seconds} s, opened anew {wait_before_reopen} ms after the cut, in {:?}: {found} found",
            began.elapsed()
        );
        let again = store.commit(&[batch(org, 0, 1)]).unwrap();
        assert_eq!(u64::from(again[0].fresh[0]), 1 - found);
        assert_eq!(tallied(&store), 1);
        assert_eq!(server.psql(&db.name, "SELECT (SELECT count(*) FROM activity), (SELECT sum(count) FROM minute_totals), (SELECT sum(count) FROM hour_totals)").unwrap().trim(), "1|1|1");
    }
}
