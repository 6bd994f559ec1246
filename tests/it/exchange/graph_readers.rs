//! The simulated Graph as other people's programs read it: MSAL signs in by secret and by certificate, and O365 finds the
//! calendar, the folder and its contacts. `tests/run` installs both.

use super::graph::{KEY, SECRET, Tenant, app_certificate};
use super::others::python;
use crate::salesforce::secret_file;
use lightning_sync_exporter::domain::time::Timestamp;
use lightning_sync_sim::simulator::exchange::graph::GraphTrouble;

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_programs_read_the_simulated_graph() {
    let mut tenant = Tenant::of(2).await;
    let directory = tenant.certified.directory.path().to_owned();
    // MSAL has the machine's clock.
    let written = std::fs::metadata(&directory).unwrap().modified().unwrap();
    let now = chrono::DateTime::<chrono::Utc>::from(written);
    tenant.now = Timestamp::from_datetime(now).unwrap();
    tenant.graph.change(|it| it.now_seconds = now.timestamp() + 60);
    let (_, pem, app) = app_certificate(2100);
    let (certificate, key) = (directory.join("app.pem"), directory.join("app.key"));
    std::fs::write(&certificate, pem).unwrap();
    secret_file(&key, KEY);
    let settings = tenant.settings.graph.clone().unwrap();
    let read = async |tenant: &Tenant, user: &str, proof: &[&str]| {
        let mut reader = python("read_by_o365.py");
        // It goes before what a program says itself.
        reader.env("REQUESTS_CA_BUNDLE", &tenant.certified.ca_file);
        reader.arg(tenant.graph.url()).arg(&tenant.certified.ca_file);
        reader.args([&settings.tenant, &settings.client_id, user, "Salesforce_Sync"]).args(proof);
        let output = tokio::task::spawn_blocking(move || reader.output()).await.unwrap().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        String::from_utf8(output.stdout).unwrap()
    };
    let all = "token Bearer\ncalendar Calendar\nfolder Salesforce_Sync\ncontacts 42\n";
    assert_eq!(read(&tenant, "user0@corp.example", &[SECRET]).await, all);
    let wrong = read(&tenant, "user0@corp.example", &["another"]).await;
    assert_eq!(wrong, "refused invalid_client [7000215]\n");
    tenant.graph.change(|it| it.mailboxes[1].trouble = Some(GraphTrouble::NotEnabled));
    let gone = read(&tenant, "user1@corp.example", &[SECRET]).await;
    assert_eq!(gone, "token Bearer\nrefused 404 MailboxNotEnabledForRESTAPI\n");
    tenant.graph.change(|it| it.app = app);
    let proof = [certificate.to_str().unwrap(), key.to_str().unwrap()];
    assert_eq!(read(&tenant, "user0@corp.example", &proof).await, all);
}
