//! The compressed page is one gzip member whose text is the page, whoever reads it.

use super::orgs::{NOW, Org, busy, held, silent, view, zero};
use super::page::pages;
use bytes::Bytes;
use flate2::bufread::GzDecoder;
use lightning_sync_exporter::domain::rows::{Status, UserRow};
use lightning_sync_exporter::domain::view::View;
use lightning_sync_exporter::metrics::{MetricsPages, PageFormat};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// More users than a kept piece holds, in one of several organisations.
fn large() -> View {
    let mut org = Org::new("crowd");
    for number in 0..600 {
        let odd = [(UserRow::ContactsFolder, Status::No)];
        let odd = if number % 7 == 0 { &odd[..] } else { &[] };
        org = org.user(&format!("user-{number:04}@corp.example"), odd, NOW);
    }
    view([busy(), org, held(), silent(), zero()])
}

fn compressed(pages: &MetricsPages, view: &Arc<View>, format: PageFormat) -> Vec<u8> {
    pages.gzip(Arc::clone(view), NOW, format).flatten().collect()
}

/// The text of exactly one member; bytes behind it fail the test.
pub(super) fn one_member(compressed: &[u8]) -> String {
    let mut decoder = GzDecoder::new(compressed);
    let mut text = String::new();
    decoder.read_to_string(&mut text).unwrap();
    assert_eq!(decoder.into_inner(), b"", "nothing follows the first member");
    text
}

/// The page without what differs from one scrape to the next.
pub(super) fn lasting(page: &str) -> String {
    let own = |line: &&str| !line.starts_with("process_") && !line.contains("exporter_scrape");
    page.lines().filter(own).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_member_holds_the_page_before_and_after_its_pieces_are_kept() {
    let view = Arc::new(large());
    for format in [PageFormat::Text, PageFormat::OpenMetrics] {
        let pages = pages();
        let text: Vec<u8> = pages.text(Arc::clone(&view), NOW, format).flatten().collect();
        let text = lasting(&String::from_utf8(text).unwrap());
        for _ in 0..3 {
            let member = compressed(&pages, &view, format);
            assert_eq!(lasting(&one_member(&member)), text);
        }
    }
}

#[test]
fn an_organisation_that_changes_is_compressed_anew_and_only_that_one() {
    let pages = pages();
    let before = Arc::new(large());
    let busy_before = Arc::clone(&before.orgs[0]);
    let kept = pieces(&pages, &before);
    let mut after = large();
    after.orgs = before.orgs.clone();
    after.orgs[0] =
        busy().user("dora@corp.example", &[(UserRow::Reset, Status::ResetInProgress)], NOW).view();
    assert_ne!(after.orgs[0].summary, busy_before.summary);
    let after = Arc::new(after);
    let now = pieces(&pages, &after);
    assert!(
        one_member(&compressed(&pages, &after, PageFormat::Text)).contains("reset_in_progress")
    );
    // Three pieces of the crowd are the same allocations as before.
    let again = now.iter().filter(|piece| kept.iter().any(|old| same(old, piece)));
    assert_eq!(again.count(), 3);
}

/// The pieces of a page. While they are alive, one that has the same address is the same.
fn pieces(pages: &MetricsPages, view: &Arc<View>) -> Vec<Bytes> {
    pages.gzip(Arc::clone(view), NOW, PageFormat::Text).collect()
}

fn same(a: &Bytes, b: &Bytes) -> bool {
    a.as_ptr() == b.as_ptr() && a.len() == b.len()
}

#[test]
fn other_readers_see_the_same_page() {
    let view = Arc::new(large());
    let pages = pages();
    drop(compressed(&pages, &view, PageFormat::Text));
    let member = compressed(&pages, &view, PageFormat::Text);
    let text = one_member(&member);
    let python_gzip =
        "import gzip,sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))";
    let python_zlib = "import sys,zlib; d=zlib.decompressobj(31); t=d.decompress(sys.stdin.buffer.read()); assert d.eof and not d.unused_data; sys.stdout.buffer.write(t)";
    for command in
        [&["gzip", "-dc"][..], &["python3", "-c", python_gzip], &["python3", "-c", python_zlib]]
    {
        assert_eq!(filter(command, &member), text, "{command:?}");
    }
}

/// `curl` stops after the first member of several, which is why there is only one.
#[test]
fn curl_sees_the_whole_page() {
    let pages = pages();
    let member = compressed(&pages, &Arc::new(large()), PageFormat::Text);
    let text = one_member(&member);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept()?;
        let mut request = [0; 4096];
        let mut read = 0;
        while !request[..read].ends_with(b"\r\n\r\n") {
            match peer.read(&mut request[read..])? {
                0 => break,
                more => read += more,
            }
        }
        let length = member.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"
        );
        peer.write_all(head.as_bytes())?;
        peer.write_all(&member)
    });
    let arguments = ["--silent", "--show-error", "--max-time", "20", "--noproxy", "*"];
    let output = Command::new("curl").args(arguments).args(["--compressed", &url]).output();
    let output = output.expect("curl is installed");
    server.join().unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
}

fn filter(command: &[&str], input: &[u8]) -> String {
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{} is needed here: {error}", command[0]));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_empty_view_is_a_whole_member() {
    let view = Arc::new(View::empty(NOW));
    let member = compressed(&pages(), &view, PageFormat::OpenMetrics);
    assert!(one_member(&member).ends_with("# EOF\n"));
}
