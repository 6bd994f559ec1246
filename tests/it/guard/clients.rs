//! A client that speaks TLS as rustls does, and the daemon that it speaks to.

use super::authority::{Authority, Signed, replace};
use crate::support::http::{Response, exchange};
use crate::support::process::Daemon;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A daemon with one organisation and a web's file in a directory of their own.
pub(super) fn guarded(directory: &Path, web: &str) -> Daemon {
    let config = directory.join("config.yaml");
    let token = directory.join("acme.token");
    replace(&token, TOKEN);
    let store = directory.join("store.db");
    std::fs::write(
        &config,
        format!(
            "store: {{ path: {} }}\norgs: [{{ name: acme, ingest: {{ token_file: {} }} }}]\n",
            store.display(),
            token.display()
        ),
    )
    .unwrap();
    let file = directory.join("web.yaml");
    replace(&file, web);
    let file = file.display().to_string();
    Daemon::start_with(&config, "127.0.0.1:0", &["--web.config.file", &file])
}

pub(super) const TOKEN: &str = "0123456789abcdef0123";

/// A client of an authority, with or without a certificate of its own.
#[derive(Clone)]
pub(super) struct Client(Arc<ClientConfig>);

impl Client {
    pub(super) fn of(authorities: &[&Authority], own: Option<&Signed>) -> Self {
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        Self(Arc::new(match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let chain = CertificateDer::pem_slice_iter(own.certificate.as_bytes())
                    .collect::<Result<_, _>>()
                    .unwrap();
                let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        }))
    }

    pub(super) fn connect(
        &self,
        address: SocketAddr,
    ) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let name = "localhost".try_into().unwrap();
        let connection =
            ClientConnection::new(Arc::clone(&self.0), name).map_err(std::io::Error::other)?;
        Ok(StreamOwned::new(connection, stream))
    }

    pub(super) fn request(
        &self,
        address: SocketAddr,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> std::io::Result<Response> {
        exchange(self.connect(address)?, "localhost", method, path, headers, b"")
    }

    pub(super) fn get(&self, address: SocketAddr, path: &str) -> std::io::Result<Response> {
        self.request(address, "GET", path, &[])
    }
}
