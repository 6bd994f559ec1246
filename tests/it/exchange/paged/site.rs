//! What stands behind an organisation: an Exchange Server that is somewhere and goes away, a tenant of Exchange Online,
//! or logs.

use super::rows::{Played, Trouble};
use super::{NEW_PASSWORD, PATIENCE, around::Around};
use crate::exchange::fixture::{ACCOUNT, Certified, PASSWORD, addresses, mailboxes};
use crate::exchange::graph::SECRET;
use crate::salesforce::secret_file;
use lightning_sync_sim::simulator::exchange::graph::{
    Graph, GraphMailbox, GraphTenant, GraphTrouble, SimulatedApp,
};
use lightning_sync_sim::simulator::exchange::{Exchange, ExchangeOrg};
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A name that no server of names knows.
pub(super) const NAMED: &str = "mail.lightning-sync-test.invalid";

/// How many mailboxes each has.
const MAILBOXES: usize = 3;

pub(super) struct Site {
    pub(super) played: &'static Played,
    exchange: Option<Exchange>,
    pub(super) graph: Option<Graph>,
    address: Option<SocketAddr>,
    /// Keeps connections from being answered.
    wall: Option<(TcpListener, Vec<TcpStream>)>,
}

fn server(password: &str) -> ExchangeOrg {
    ExchangeOrg::healthy(ACCOUNT, password, mailboxes(MAILBOXES))
}

/// A tenant; its mailboxes are on premises as long as they have not moved.
fn tenant(trouble: Trouble) -> GraphTenant {
    let on_premises = matches!(trouble, Trouble::Move).then_some(GraphTrouble::NotEnabled);
    let mailboxes = addresses(MAILBOXES)
        .into_iter()
        .map(|user| GraphMailbox { trouble: on_premises, ..GraphMailbox::healthy(user, 42) });
    GraphTenant::healthy(SimulatedApp::Secret(SECRET.to_owned()), mailboxes.collect())
}

impl Site {
    pub(super) async fn start(played: &'static Played, around: &Around) -> Self {
        let (name, certified) = around.named(played);
        let tls = || Some(Arc::clone(&certified.config));
        let (mut exchange, mut graph) = (None, None);
        if played.is_in_cloud() {
            let started = Graph::start(tenant(played.trouble), "localhost", tls()).await;
            graph = Some(started.unwrap());
        }
        if played.is_on_premises() {
            exchange = Some(Exchange::start(server(PASSWORD), name, tls()).await.unwrap());
            secret_file(&around.directory().join(played.org), PASSWORD);
        }
        let address = exchange.as_ref().map(Exchange::address);
        Self { played, exchange, graph, address, wall: None }
    }

    fn change(&self, change: impl FnOnce(&mut ExchangeOrg)) {
        self.exchange.as_ref().unwrap().change(change);
    }

    fn change_tenant(&self, change: impl FnOnce(&mut GraphTenant)) {
        let graph = self.graph.as_ref().unwrap();
        graph.change(change);
        if matches!(self.played.trouble, Trouble::GraphApp(_)) {
            graph.end_tokens();
        }
        graph.take_seen();
    }

    /// Begins anew where it was.
    async fn again(&mut self, certified: &Certified) {
        self.exchange = None;
        self.wall = None;
        let began = Instant::now();
        let port = self.address.unwrap().port();
        loop {
            let tls = Some(Arc::clone(&certified.config));
            match Exchange::start_at(server(PASSWORD), "localhost", tls, port).await {
                Ok(exchange) => break self.exchange = Some(exchange),
                // The one before is on its way out.
                Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
            }
            tokio::task::yield_now().await;
        }
    }

    /// Nothing is listening, or nobody takes what is.
    async fn wall_up(&mut self) {
        self.exchange = None;
        let (began, address) = (Instant::now(), self.address.unwrap());
        let listener = loop {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseaddr(true).unwrap();
            match socket.bind(address).and_then(|()| socket.listen(1)) {
                Ok(listener) => break listener,
                Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
            }
            tokio::task::yield_now().await;
        };
        // When as many wait as may, the system drops the next one's first packet, as a firewall does.
        let mut waiting = Vec::new();
        while let Ok(Ok(stream)) =
            tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
        {
            waiting.push(stream);
        }
        self.wall = Some((listener, waiting));
    }

    /// The trouble begins. What is logged is turned by who writes the logs.
    pub(super) async fn break_it(&mut self, around: &Around) {
        match self.played.trouble {
            Trouble::Name => fs::write(&around.hosts, "127.0.0.1 localhost\n").unwrap(),
            Trouble::Firewall => self.wall_up().await,
            Trouble::Down => self.exchange = None,
            Trouble::Expired => self.again(&around.expired).await,
            Trouble::Ending => self.again(&around.ending).await,
            Trouble::Ews(change) | Trouble::Password(change) | Trouble::Token(change) => {
                self.change(change);
            }
            Trouble::Graph(change) | Trouble::GraphApp(change) | Trouble::GraphForHours(change) => {
                self.change_tenant(change);
            }
            Trouble::Move => {
                self.change(|org| drop(org.mailboxes.remove(0)));
                self.change_tenant(|tenant| tenant.mailboxes[0].trouble = None);
            }
            Trouble::Logged => {}
        }
    }

    /// Somebody repairs it. A refused account has another password then, for which the configuration is read again.
    pub(super) async fn repair(&mut self, around: &Around) {
        match self.played.trouble {
            Trouble::Name => fs::write(&around.hosts, around.names()).unwrap(),
            Trouble::Firewall | Trouble::Down | Trouble::Expired | Trouble::Ending => {
                self.again(&around.certified).await;
            }
            Trouble::Password(_) => {
                secret_file(&around.directory().join(self.played.org), NEW_PASSWORD);
                self.change(|org| *org = server(NEW_PASSWORD));
            }
            Trouble::Ews(_) | Trouble::Token(_) | Trouble::Move => {
                self.change(|org| *org = server(PASSWORD));
            }
            Trouble::Graph(_)
            | Trouble::GraphApp(_)
            | Trouble::GraphForHours(_)
            | Trouble::Logged => {}
        }
        if let Some(graph) = &self.graph {
            graph.change(|found| *found = tenant(self.played.trouble));
        }
    }

    /// Its part of the configuration.
    pub(super) fn written(&self, around: &Around) -> String {
        let org = self.played.org;
        if self.played.reads_logs() {
            return format!(
                "  - name: {org}
    exchange_log:
      service_account: [svc-sfsync@corp.example, 'CORP\\svc-sfsync']
      poll_every: 1s
      no_calls_after: 1h
      servers: [{{ name: EX01, ews: {org}/ews, iis: {org}/iis }}]
"
            );
        }
        let (name, certified) = around.named(self.played);
        let mut text = format!("  - name: {org}\n");
        if self.exchange.is_none() {
            text += "    connection: oauth\n";
        }
        text += &format!(
            "    exchange:
      ca_file: {}
      mailboxes: [{}]
      poll_every: 1m
",
            certified.ca_file.display(),
            addresses(MAILBOXES).join(", ")
        );
        if let Some(address) = self.address {
            let auth = if matches!(self.played.trouble, Trouble::Token(_)) {
                "{ bearer: { token_file: token } }".to_owned()
            } else {
                format!("{{ basic: {{ username: '{ACCOUNT}', password_file: {org} }} }}")
            };
            let port = address.port();
            text += &format!(
                "      ews_url: https://{name}:{port}/EWS/Exchange.asmx\n      auth: {auth}\n"
            );
        }
        if let Some(graph) = &self.graph {
            let known = tenant(self.played.trouble);
            text += &format!(
                "      graph: {{ tenant: {}, client_id: {}, client_secret_file: secret, simulator: '{}' }}\n",
                known.tenant,
                known.client_id,
                graph.url()
            );
        }
        text
    }
}
