//! Certificates and keys in PEM files, read under a bound. Nothing of a file's text gets into an error.

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// The authorities of a large company take 200 KiB.
const MAX_BYTES: u64 = 1024 * 1024;
/// The mode bits of users who are neither the owner nor in the group.
const OTHERS: u32 = 0o007;

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readers {
    Anybody,
    OwnerAndGroup,
}

/// A certificate and its chain.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(path, Readers::Anybody)?;
    let chain = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, pem::Error>>()
        .map_err(|_| "has a damaged PEM block; write the certificate and its chain anew")?;
    if chain.is_empty() {
        return Err("holds no certificate; name the PEM file with BEGIN CERTIFICATE".to_owned());
    }
    Ok(chain)
}

/// A private key that nobody else can read.
pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let text = read(path, Readers::OwnerAndGroup)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        "holds no private key; name the PEM file with BEGIN PRIVATE KEY, without a passphrase"
            .to_owned()
    })
}

/// Authorities whose certificates are trusted.
pub(super) fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store
            .add(certificate)
            .map_err(|error| format!("has a certificate that cannot be an authority: {error}"))?;
    }
    Ok(store)
}

fn read(path: &Path, readers: Readers) -> Result<Zeroizing<Vec<u8>>, String> {
    let cannot = |error: std::io::Error| {
        format!("cannot be read: {error}; give the daemon's user read access to it")
    };
    // Without waiting for the other end of a named pipe.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file =
        OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    if !metadata.is_file() {
        return Err("is no file".to_owned());
    }
    if readers == Readers::OwnerAndGroup && metadata.permissions().mode() & OTHERS != 0 {
        return Err(
            "is open to every user of this machine; run `chmod 640` on it (in Kubernetes, `defaultMode: 0440` on the secret's volume)"
                .to_owned(),
        );
    }
    let mut text = Zeroizing::new(Vec::with_capacity(metadata.len().min(MAX_BYTES) as usize + 1));
    file.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(cannot)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("has more than {MAX_BYTES} bytes; is it the right file?"));
    }
    Ok(text)
}
