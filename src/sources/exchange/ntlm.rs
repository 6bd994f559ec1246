//! NTLM version 2, as [MS-NLMP] has it: three messages, bound to the server's certificate and sealed by a code over all
//! of them. Pure: random bytes and the time are arguments.

use crate::domain::time::Timestamp;
use crate::secret::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use md4::{Digest as _, Md4};
use md5::Md5;
use ring::digest::{SHA256, SHA384, SHA512, digest};
use zeroize::Zeroizing;

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";
/// Unicode, target, NTLM, always sign, extended security, target information, version, 128 and 56 bits. No exchange of keys:
/// nothing is sealed after the sign-in.
const FLAGS: u32 = 0xA288_8205;
/// A version is demanded by the flag and read by nobody; 15 is the revision of the protocol.
const VERSION: [u8; 8] = [10, 0, 0, 0, 0, 0, 0, 15];
const AUTHENTICATE_HEAD: usize = 88;
const MIC_AT: usize = 72;
/// The header of the longest name and the largest list that servers send take some hundred bytes.
const MAX_CHALLENGE: usize = 16 << 10;

/// Pairs of the target information.
const AV_END: u16 = 0;
const AV_FLAGS: u16 = 6;
const AV_TIME: u16 = 7;
const AV_TARGET: u16 = 9;
const AV_BINDINGS: u16 = 10;
/// The sign-in has a code over all three messages.
const HAS_CODE: u32 = 2;

/// Who signs in.
pub(super) struct NtlmAccount<'a> {
    /// Empty for `name@domain`.
    pub(super) domain: &'a str,
    pub(super) name: &'a str,
    pub(super) password: &'a Secret,
}

impl<'a> NtlmAccount<'a> {
    /// `DOMAIN\name`, or `name@domain`.
    pub(super) fn of(username: &'a str, password: &'a Secret) -> Self {
        let (domain, name) = username.split_once('\\').unwrap_or(("", username));
        Self { domain, name, password }
    }
}

/// What is around a sign-in.
pub(super) struct NtlmScene<'a> {
    /// The host's name.
    pub(super) host: &'a str,
    /// The certificate that the server showed, where the connection is encrypted.
    pub(super) certificate: Option<&'a [u8]>,
    pub(super) now: Timestamp,
    pub(super) random: [u8; 8],
}

/// The first message.
pub(super) fn negotiate() -> Vec<u8> {
    let mut message = Vec::with_capacity(40);
    message.extend_from_slice(SIGNATURE);
    message.extend_from_slice(&1_u32.to_le_bytes());
    message.extend_from_slice(&FLAGS.to_le_bytes());
    message.extend_from_slice(&[0; 16]);
    message.extend_from_slice(&VERSION);
    message
}

/// The third message, from the second; `None` when that is no challenge.
pub(super) fn authenticate(
    account: &NtlmAccount<'_>,
    scene: &NtlmScene<'_>,
    challenge: &[u8],
) -> Option<Vec<u8>> {
    let part = |at: usize, length: usize| challenge.get(at..at.checked_add(length)?);
    if challenge.len() > MAX_CHALLENGE || part(0, 8)? != SIGNATURE || u32_at(challenge, 8)? != 2 {
        return None;
    }
    let flags = u32_at(challenge, 20)?;
    let server = part(24, 8)?;
    let length = usize::from(u16_at(challenge, 40)?);
    let at = usize::try_from(u32_at(challenge, 44)?).ok()?;
    let pairs = pairs(part(at, length)?)?;
    let time = pairs.iter().find(|(id, _)| *id == AV_TIME).map(|(_, value)| value.clone());
    let sealed = time.is_some();
    let info = information(&pairs, scene, sealed);

    let key = ntowf(account);
    let time = time.unwrap_or_else(|| filetime(scene.now).to_le_bytes().to_vec());
    let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
    blob.extend_from_slice(&time);
    blob.extend_from_slice(&scene.random);
    blob.extend_from_slice(&[0; 4]);
    blob.extend_from_slice(&info);
    blob.extend_from_slice(&[0; 4]);
    let proof = code(key.as_slice(), &[server, &blob]);
    let session = Zeroizing::new(code(key.as_slice(), &[&proof]));
    let nt = [proof.as_slice(), &blob].concat();
    // A server that names its time expects nothing here.
    let lm = if sealed {
        vec![0; 24]
    } else {
        [code(key.as_slice(), &[server, &scene.random]).as_slice(), &scene.random].concat()
    };

    let (domain, name) = (utf16(account.domain), utf16(account.name));
    let mut message = Vec::with_capacity(AUTHENTICATE_HEAD + 512);
    message.extend_from_slice(SIGNATURE);
    message.extend_from_slice(&3_u32.to_le_bytes());
    let mut at = AUTHENTICATE_HEAD;
    let mut payload: Vec<u8> = Vec::new();
    for field in [lm.as_slice(), &nt, &domain, &name, &[], &[]] {
        let length = u16::try_from(field.len()).ok()?.to_le_bytes();
        message.extend_from_slice(&length);
        message.extend_from_slice(&length);
        message.extend_from_slice(&u32::try_from(at).ok()?.to_le_bytes());
        at += field.len();
        payload.extend_from_slice(field);
    }
    message.extend_from_slice(&(flags & FLAGS).to_le_bytes());
    message.extend_from_slice(&VERSION);
    message.extend_from_slice(&[0; 16]);
    message.extend_from_slice(&payload);
    if sealed {
        let seal = code(session.as_slice(), &[&negotiate(), challenge, &message]);
        message.get_mut(MIC_AT..MIC_AT + 16)?.copy_from_slice(&seal);
    }
    Some(message)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// 100 ns since 1601.
fn filetime(now: Timestamp) -> u64 {
    const UNIX: i64 = 116_444_736_000_000_000;
    u64::try_from(now.nanos() / 100 + UNIX).unwrap_or_default()
}

fn code(key: &[u8], texts: &[&[u8]]) -> [u8; 16] {
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(key) else {
        unreachable!("a code takes keys of every length")
    };
    for text in texts {
        mac.update(text);
    }
    mac.finalize().into_bytes().into()
}

fn ntowf(account: &NtlmAccount<'_>) -> Zeroizing<[u8; 16]> {
    let password = Zeroizing::new(utf16(account.password.expose()));
    let hash: [u8; 16] = Md4::digest(password.as_slice()).into();
    let hash = Zeroizing::new(hash);
    let name = utf16(&account.name.to_uppercase());
    Zeroizing::new(code(hash.as_slice(), &[&name, &utf16(account.domain)]))
}

fn pairs(mut bytes: &[u8]) -> Option<Vec<(u16, Vec<u8>)>> {
    let mut pairs = Vec::new();
    loop {
        let (id, length) = (u16_at(bytes, 0)?, usize::from(u16_at(bytes, 2)?));
        let value = bytes.get(4..4 + length)?;
        bytes = bytes.get(4 + length..)?;
        if id == AV_END {
            return Some(pairs);
        }
        pairs.push((id, value.to_vec()));
    }
}

/// The server's information with ours: the certificate that we see, and the name that we called.
fn information(pairs: &[(u16, Vec<u8>)], scene: &NtlmScene<'_>, sealed: bool) -> Vec<u8> {
    let mut all: Vec<(u16, Vec<u8>)> = pairs
        .iter()
        .filter(|(id, _)| ![AV_FLAGS, AV_TARGET, AV_BINDINGS].contains(id))
        .cloned()
        .collect();
    if sealed {
        let earlier = pairs.iter().find(|(id, _)| *id == AV_FLAGS);
        let earlier = earlier.and_then(|(_, value)| u32_at(value, 0)).unwrap_or_default();
        all.push((AV_FLAGS, (earlier | HAS_CODE).to_le_bytes().to_vec()));
    }
    all.push((AV_BINDINGS, scene.certificate.map_or([0; 16], bindings).to_vec()));
    all.push((AV_TARGET, utf16(&format!("HTTP/{}", scene.host))));
    all.push((AV_END, Vec::new()));
    let mut bytes = Vec::new();
    for (id, value) in all {
        let length = u16::try_from(value.len()).unwrap_or_default();
        bytes.extend_from_slice(&id.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(value.get(..usize::from(length)).unwrap_or_default());
    }
    bytes
}

/// What binds a sign-in to the certificate of its connection, as RFC 5929 has it.
fn bindings(certificate: &[u8]) -> [u8; 16] {
    // Of signatures with a stronger hash that hash is taken.
    let signed_with = x509_parser::parse_x509_certificate(certificate)
        .map(|(_, read)| read.signature_algorithm.algorithm.to_id_string());
    let hash = match signed_with.as_deref() {
        Ok("1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3") => &SHA384,
        Ok("1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4") => &SHA512,
        _ => &SHA256,
    };
    let data = [b"tls-server-end-point:", digest(hash, certificate).as_ref()].concat();
    let length = u32::try_from(data.len()).unwrap_or_default().to_le_bytes();
    Md5::digest([&[0; 16], length.as_slice(), &data].concat()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The example of [MS-NLMP] 4.2.4.
    #[test]
    fn the_hash_is_that_of_the_specifications_example() {
        let password = Secret::from_file_text("Password").unwrap();
        let account = NtlmAccount { domain: "Domain", name: "User", password: &password };
        assert_eq!(hex(ntowf(&account).as_slice()), "0c868a403bfd7a93a3001ef22ef02e3f");
    }

    #[test]
    fn what_is_no_challenge_is_refused() {
        let password = Secret::from_file_text("Password").unwrap();
        let account = NtlmAccount::of("CORP\\svc", &password);
        let now = Timestamp::from_seconds(0);
        let scene = NtlmScene { host: "mail", certificate: None, now, random: [7; 8] };
        let mut good = [SIGNATURE.as_slice(), &2_u32.to_le_bytes(), &[0; 8]].concat();
        good.extend_from_slice(&FLAGS.to_le_bytes());
        good.extend_from_slice(&[1; 8]);
        good.extend_from_slice(&[0; 8]);
        let info =
            [AV_TIME.to_le_bytes().as_slice(), &8_u16.to_le_bytes(), &[9; 8], &[0; 4]].concat();
        good.extend_from_slice(&(info.len() as u16).to_le_bytes());
        good.extend_from_slice(&(info.len() as u16).to_le_bytes());
        good.extend_from_slice(&48_u32.to_le_bytes());
        good.extend_from_slice(&info);
        assert!(authenticate(&account, &scene, &good).is_some());
        for end in 0..good.len() {
            assert_eq!(authenticate(&account, &scene, &good[..end]), None, "{end}");
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut damaged = good.clone();
                damaged[at] ^= 1 << bit;
                // It may be taken or refused, and never ends the program.
                drop(authenticate(&account, &scene, &damaged));
            }
        }
    }
}
