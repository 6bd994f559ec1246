//! Secrets are planted in everything that a daemon is given, or is told, and looked for in everything that it says.

use super::daemon::{secret_file, wait_for_metric};
use super::fixture::{people, policy, settings, signing_key};
use crate::support::http::get;
use crate::support::process::{Daemon, wait_until};
use lightning_sync_exporter::app::now;
use lightning_sync_exporter::http_client::Trust;
use lightning_sync_exporter::secret::Secret;
use lightning_sync_exporter::sources::salesforce::{Auth, Poller};
use lightning_sync_sim::simulator::salesforce::{Salesforce, Scene, SimulatedOrg};
use std::fs;
use std::sync::Arc;
use std::time::Duration;

const ORGS: usize = 16;
/// The organisation that signs with a key instead of showing a secret.
const SIGNS: usize = 15;

fn planted() -> (Vec<String>, Vec<String>) {
    let secrets = |kind: &str| (0..ORGS).map(|n| format!("{kind}-{n}-d41d8cd98f00b204")).collect();
    (secrets("client-secret"), secrets("00Dsession"))
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_secrets_are_found_nowhere() {
    let (secrets, tokens) = planted();
    let scenes = [
        Scene::Healthy,
        Scene::SessionsRefused,
        Scene::NotForApi,
        Scene::PermissionDenied,
        Scene::Redirect,
        Scene::Garbage,
        Scene::Healthy,
        Scene::Healthy,
        Scene::RevokedApp,
        Scene::ServerError,
        Scene::StrangeCode,
        Scene::Maintenance,
        Scene::LoginPage,
        Scene::TokenRedirect,
        Scene::OddValues,
        Scene::Healthy,
    ];
    let orgs = scenes
        .iter()
        .enumerate()
        .map(|(n, scene)| {
            let mut org = SimulatedOrg::healthy(&format!("3MVG9{n}"), &secrets[n], people(6));
            org.token.clone_from(&tokens[n]);
            org.scene = *scene;
            // The server repeats them wherever it can say something.
            org.repeats = true;
            org.metadata_fault = Some("STRANGE");
            org.refused = vec![("SetupAuditTrail", "STRANGE_CODE")];
            org.people[0].recommended = Some(format!("Use {} and {}", secrets[n], tokens[n]));
            if n == SIGNS {
                org.public_key = include_bytes!("data/signing.pub.der").to_vec();
            }
            if n == 6 {
                "another".clone_into(&mut org.client_secret);
            }
            org
        })
        .collect();
    let salesforce = Salesforce::start(orgs, Arc::new(now)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut text =
        format!("store: {{ path: {} }}\norgs:\n", directory.path().join("sync.db").display());
    let key = include_str!("data/signing.key.pem");
    secret_file(&directory.path().join("key.pem"), key);
    for (n, secret) in secrets.iter().enumerate() {
        secret_file(&directory.path().join(format!("{n}.secret")), secret);
        let auth = if n == SIGNS {
            format!(
                "jwt_bearer: {{ client_id: 3MVG9{n}, username: ann@acme.example, private_key_file: key.pem }}"
            )
        } else {
            format!("client_credentials: {{ client_id: 3MVG9{n}, client_secret_file: {n}.secret }}")
        };
        text += &format!(
            "  - name: org-{n}\n    product: einstein_activity_capture\n    salesforce: {{ my_domain: 'http://{}', poll_every: 30s, auth: {{ {auth} }} }}\n",
            salesforce.address()
        );
    }
    let file = directory.path().join("config.yaml");
    fs::write(&file, text).unwrap();
    let daemon = Daemon::start_verbose(&file);
    for (n, scene) in scenes.iter().enumerate() {
        let expected = u8::from(matches!(scene, Scene::Healthy | Scene::OddValues) && n != 6);
        let line = format!(
            "lightning_sync_poll_success{{org=\"org-{n}\",source=\"salesforce\"}} {expected}"
        );
        wait_for_metric(daemon.address, &line);
    }
    let mut said = String::new();
    let mut paths: Vec<String> =
        ["/metrics", "/", "/api/v1/orgs", "/api/v1/findings"].map(str::to_owned).to_vec();
    for n in 0..ORGS {
        for path in
            ["/api/v1/orgs/org-N", "/api/v1/orgs/org-N/users", "/orgs/org-N", "/orgs/org-N/users"]
        {
            paths.push(path.replace("org-N", &format!("org-{n}")));
        }
        let list = get(daemon.address, &format!("/api/v1/orgs/org-{n}/users")).json();
        for user in list["users"].as_array().unwrap() {
            paths.push(format!("/orgs/org-{n}/users/{}", user["user"].as_str().unwrap()));
        }
    }
    for path in paths {
        said += &get(daemon.address, &path).text();
    }
    said += &wait_until("all polls are in the log", Duration::from_secs(60), || {
        let log = daemon.process.log();
        (0..ORGS).all(|n| log.contains(&format!("org-{n}"))).then_some(log)
    });
    said += &debugged(&secrets, &tokens).await;
    let lines = key.lines().filter(|line| line.len() >= 40);
    let planted: Vec<&str> =
        secrets.iter().chain(&tokens).map(String::as_str).chain(lines).collect();
    let found: Vec<&&str> = planted.iter().filter(|secret| said.contains(**secret)).collect();
    println!(
        "{} secrets planted, {} bytes searched, {} found",
        planted.len(),
        said.len(),
        found.len()
    );
    assert!(said.contains("session_expired") && said.contains("credentials_rejected"));
    assert_eq!(found, Vec::<&&str>::new());
}

/// Everything of ours that holds a secret, as `Debug` and errors print it.
async fn debugged(secrets: &[String], tokens: &[String]) -> String {
    let mut said = String::new();
    for (secret, token) in secrets.iter().zip(tokens) {
        let mut org = SimulatedOrg::healthy("3MVG9acme", secret, people(1));
        org.token.clone_from(token);
        org.repeats = true;
        let salesforce = Salesforce::start(vec![org], Arc::new(now)).await.unwrap();
        let mut settings = settings(&format!("http://{}", salesforce.address()));
        settings.auth = Auth::ClientCredentials {
            client_id: "3MVG9acme".to_owned(),
            secret: Secret::from_file_text(secret).unwrap(),
        };
        let mut poller = Poller::new(&policy(), Arc::new(settings.clone()), &Trust::of_system());
        let good = poller.poll(now()).await;
        salesforce.change("3MVG9acme", |org| org.scene = Scene::ServerError);
        let bad = poller.poll(now()).await;
        said += &format!("{settings:?} {poller:?} {good:?} {bad:?} {:?}", signing_key());
    }
    assert!(said.contains("my_domain"));
    said
}
