//! Encodings: what a body is made of and how it is packed, as log shippers and spreadsheets send it.

use super::peers::site;
use super::{ENCODINGS, Inputs};
use crate::random::Random;
use crate::support::http::request;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use lightning_sync_exporter::app::now;
use std::io::Write;

/// A body of so many records whose ids nobody else has.
fn records(count: u64, first: u64) -> String {
    let now = now().to_string();
    let record = |number: u64| {
        format!(
            "{{\"at\":\"{now}\",\"object_type\":\"contacts\",\"user\":\"josé\",\"id\":\"e{number}\"}}\n"
        )
    };
    (first..first + count).map(record).collect()
}

/// In which characters, and what is right: whether it is taken, or the word that names the fault.
fn encoded(text: &str, random: &mut Random) -> (&'static str, Vec<u8>, Option<&'static str>) {
    let utf16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
        let body = text.encode_utf16().flat_map(bytes);
        mark.into_iter().chain(body).collect::<Vec<u8>>()
    };
    match random.below(8) {
        0 => ("utf-8 with a mark", [b"\xef\xbb\xbf", text.as_bytes()].concat(), None),
        1 => ("utf-16le", utf16([0xff, 0xfe], u16::to_le_bytes), Some("UTF-16")),
        2 => ("utf-16be", utf16([0xfe, 0xff], u16::to_be_bytes), Some("UTF-16")),
        3 => (
            "windows-1252",
            text.chars().map(|letter| u8::try_from(letter).unwrap_or(b'?')).collect(),
            Some("UTF-8"),
        ),
        _ => ("utf-8", text.as_bytes().to_vec(), None),
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// How a body is packed: the header's value and the bytes.
fn packed(body: &[u8], random: &mut Random) -> (Option<&'static str>, Vec<u8>) {
    let (first, second) = body.split_at(body.len() / 2);
    match random.below(9) {
        0 => (Some(random.one_of(&["gzip", "GZIP", "x-gzip", "GZip"])), gzip(body)),
        1 => (Some("gzip"), [gzip(first), gzip(second)].concat()),
        2 => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(body).unwrap();
            (Some(random.one_of(&["deflate", "Deflate"])), encoder.finish().unwrap())
        }
        3 => {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(body).unwrap();
            (Some("deflate"), encoder.finish().unwrap())
        }
        4 | 5 => {
            let pack = |body: &[u8]| {
                let level = ruzstd::encoding::CompressionLevel::Fastest;
                ruzstd::encoding::compress_to_vec(body, level)
            };
            let two = random.below(2) == 0;
            let body = if two { [pack(first), pack(second)].concat() } else { pack(body) };
            (Some(random.one_of(&["zstd", "ZSTD"])), body)
        }
        6 => (Some("identity"), body.to_vec()),
        _ => (None, body.to_vec()),
    }
}

#[test]
fn bodies_are_what_they_are_made_of_and_nothing_else() {
    let (mut inputs, mut random) = Inputs::new("encodings");
    let (_directory, daemon) = site("");
    let mut first = 0;
    for number in 0..ENCODINGS {
        let count = random.between(1, 300) as u64;
        let text = records(count, first);
        first += count;
        let (made_of, body, fault) = encoded(&text, &mut random);
        let (packing, mut wire) = packed(&body, &mut random);
        // One in ten packed bodies is cut off within its packing.
        let cut = packing.is_some_and(|packing| packing != "identity") && number % 10 == 0;
        if cut {
            wire.truncate(wire.len() - 9);
        }
        let media_type = random.one_of(&[
            "application/x-ndjson",
            "application/x-ndjson; charset=utf-8",
            "Application/X-NDJSON;charset=\"UTF-8\"",
            "application/x-ndjson ; charset=utf8",
        ]);
        let mut headers = vec![("Content-Type", media_type)];
        headers.extend(packing.map(|packing| ("Content-Encoding", packing)));
        let path = "/api/v1/orgs/acme/activity";
        let answer = request(daemon.address, "POST", path, &headers, &wire).unwrap();
        let json = answer.json();
        let told = fault.filter(|_| !cut).map(|fault| answer.text().contains(fault));
        let got = (answer.status, json["accepted"].as_u64(), told);
        let right = match (cut, fault) {
            (true, _) => (400, None, None),
            (false, None) => (200, Some(count), None),
            // A mark says that the whole body is something else; a letter, that its record is.
            (false, Some("UTF-16")) => (400, None, Some(true)),
            (false, Some(_)) => (422, None, Some(true)),
        };
        inputs.is(
            || format!("{count} records in {made_of} by {packing:?}, cut {cut}: {json}"),
            &got,
            &right,
        );
    }
    inputs.finish(ENCODINGS);
}
