//! Held against what others wrote: the schemas of EWS. They lie in a directory `shared` beside or above the repository, or
//! where `LIGHTNING_SYNC_TEST_EWS_SCHEMA` says. Without them, and without Python's package `xmlschema`, which `tests/run`
//! installs, this test fails; where there is no copy, `tests/run` says so and leaves it out.

use super::fixture::{ACCOUNT, World, mailboxes};
use crate::support::http::request;
use crate::support::process::Process;
use crate::support::stack::repository;
use chrono::TimeDelta;
use lightning_sync_exporter::http_client::Endpoint;
use lightning_sync_exporter::secret::Secret;
use lightning_sync_exporter::sources::exchange::{ExchangeAuth, ExchangeFailure};
use lightning_sync_sim::simulator::exchange::{Exchange, ExchangeOrg, ExchangeScene, FolderPlace};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// The directory with the schemas.
pub(crate) fn schemas() -> PathBuf {
    if let Some(given) = std::env::var_os("LIGHTNING_SYNC_TEST_EWS_SCHEMA") {
        return given.into();
    }
    let root = repository("");
    let mut above = root.ancestors().map(|above| above.join("shared/data/ews-schema"));
    above
        .find(|path| path.join("messages.xsd").exists())
        .expect("shared/data/ews-schema above the repository")
}

/// What others wrote, as `tests/run` names it.
const PACKAGES: [&str; 4] =
    ["xmlschema==4.3.2", "pyspnego==0.12.4", "exchangelib==5.6.0", "O365==2.1.10"];

/// Python with these packages, which are installed where they are missing.
pub(crate) fn python(script: &str) -> Command {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or(repository("target"), PathBuf::from);
        let directory = target.join("python");
        let mut known = Command::new("python3");
        known
            .env("PYTHONPATH", &directory)
            .args(["-c", "import xmlschema, spnego, exchangelib, O365"]);
        if !known.output().is_ok_and(|known| known.status.success()) {
            let mut install = Command::new("python3");
            install.args(["-m", "pip", "install", "--quiet", "--target"]).arg(&directory);
            let done = install.args(PACKAGES).status().unwrap();
            assert!(done.success(), "pip cannot install {PACKAGES:?}");
        }
        directory
    });
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", directory).arg(repository("tests/it/exchange/data").join(script));
    command
}

/// The simulator is an Exchange to those who know Exchange.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_client_reads_the_simulator() {
    let world = World::of(3).await;
    world.exchange.change(|org| {
        // It sends other letters in another encoding than anybody else.
        "a password".clone_into(&mut org.password);
        org.mailboxes[1].folders.clear();
        org.mailboxes[2].fault = Some("ErrorImpersonateUserDenied");
    });
    let mut texts = Vec::new();
    for mailbox in 0..3 {
        let mut read = python("read_by_exchangelib.py");
        read.args([world.exchange.url().as_str(), ACCOUNT, "a password"])
            .args([&format!("user{mailbox}@corp.example"), "Salesforce_Sync"])
            .env("REQUESTS_CA_BUNDLE", &world.certified.ca_file);
        let output = tokio::task::spawn_blocking(move || read.output()).await.unwrap().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        texts.push(printed);
    }
    let seen = world.exchange.take_seen();
    let head = "version 15 1\ncalendar Calendar 128\n";
    assert_eq!(texts[0], format!("{head}folder Salesforce_Sync IPF.Contact 42\n"));
    assert_eq!(texts[1], format!("{head}refused ErrorFolderNotFound\n"));
    assert_eq!(texts[2], "version 15 1\nrefused ErrorImpersonateUserDenied\n");
    assert!(seen.iter().any(|seen| seen.body.contains("ExchangeImpersonation")));
    println!("exchangelib: {} requests, {texts:?}", seen.len());
}

/// Items as the canary works with them, and the rest of what somebody else's client can do with them.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_client_writes_and_reads_items_in_the_simulator() {
    let world = World::of(1).await;
    world.exchange.change(|org| "a password".clone_into(&mut org.password));
    let mut work = python("items_by_exchangelib.py");
    work.args([world.exchange.url().as_str(), ACCOUNT, "a password"])
        .args(["user0@corp.example", "Salesforce_Sync"])
        .env("REQUESTS_CA_BUNDLE", &world.certified.ca_file);
    let output = tokio::task::spawn_blocking(move || work.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let expected = "created True True
found a test & <event> True
found a test contact True
absent 0 0
read a test & <event> 2026-11-29T10:00:00+00:00 2026-11-29T10:30:00+00:00 Normal
read a test contact a test contact
seen ['a test & <event>']
changed a changed event
left 0 0
gone ErrorItemNotFound
";
    assert_eq!(printed, expected);
    // The texts of both sides are as the schemas have them.
    let seen = world.exchange.take_seen();
    let texts = seen.iter().filter(|seen| seen.signs_in && seen.path.starts_with("/EWS"));
    let texts: Vec<String> = texts.map(|seen| seen.answer.clone()).collect();
    assert!(texts.len() > 10);
    let directory = world.certified.directory.path().join("texts");
    println!("{}", valid(&directory, &texts).await.unwrap());
}

/// Holds texts against the schemas: what was printed, or what is wrong.
async fn valid(directory: &Path, texts: &[String]) -> Result<String, String> {
    fs::create_dir_all(directory).unwrap();
    let mut names = String::new();
    for (number, text) in texts.iter().enumerate() {
        let file = directory.join(format!("{number}.xml"));
        fs::write(&file, text).unwrap();
        writeln!(names, "{}", file.display()).unwrap();
    }
    let list = directory.join("list");
    fs::write(&list, names).unwrap();
    let mut check = python("check_schema.py");
    check.arg(schemas()).arg(&list);
    let output = tokio::task::spawn_blocking(move || check.output()).await.unwrap().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(printed) } else { Err(format!("{printed}{errors}")) }
}

/// What the simulator answers in a scene to who signs in at EWS.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Answers {
    /// Envelopes.
    Valid,
    /// No text of EWS: a page, or a status alone.
    Page,
    /// What no server should send.
    Damaged,
    /// Nothing.
    Silence,
}

const fn answers(scene: ExchangeScene) -> Answers {
    match scene {
        ExchangeScene::Healthy
        | ExchangeScene::MailboxesRefused
        | ExchangeScene::Busy
        | ExchangeScene::BusyWrapped
        | ExchangeScene::OldInterface
        | ExchangeScene::FaultsOfAnother
        | ExchangeScene::NoRootFolder
        | ExchangeScene::AutodiscoverOld
        | ExchangeScene::AutodiscoverOff
        | ExchangeScene::AutodiscoverOther => Answers::Valid,
        ExchangeScene::LockedOut
        | ExchangeScene::BasicOff
        | ExchangeScene::BusyFront
        | ExchangeScene::PoolDown
        | ExchangeScene::ServerError
        | ExchangeScene::ErrorPage
        | ExchangeScene::RedirectElsewhere
        | ExchangeScene::SignInPage
        | ExchangeScene::WrongPath
        | ExchangeScene::EwsDisabled
        | ExchangeScene::EwsBlocked
        | ExchangeScene::Forbidden => Answers::Page,
        ExchangeScene::Truncated
        | ExchangeScene::Huge
        | ExchangeScene::Deep
        | ExchangeScene::Entities
        | ExchangeScene::OtherEncoding
        | ExchangeScene::Garbage => Answers::Damaged,
        ExchangeScene::Hang => Answers::Silence,
    }
}

/// Requests about items, good ones and such as are refused.
fn work_with_items(exchange: &Exchange) {
    let headers = [("Authorization", "Basic dXBzdHJlYW06c2VjcmV0"), ("Content-Type", "text/xml")];
    let send = |mailbox: &str, body: &str| {
        let text = format!(
            "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\"><soap:Header><t:RequestServerVersion Version=\"Exchange2010_SP2\"/><t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>{mailbox}</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"
        );
        // An answer that is none is no trouble of this client.
        let answer =
            request(exchange.address(), "POST", "/EWS/Exchange.asmx", &headers, text.as_bytes());
        answer.map(|answer| answer.text()).unwrap_or_default()
    };
    let event = "<m:CreateItem SendMeetingInvitations=\"SendToNone\"><m:SavedItemFolderId><t:DistinguishedFolderId Id=\"calendar\"/></m:SavedItemFolderId><m:Items><t:CalendarItem><t:Subject>one</t:Subject><t:Sensitivity>Private</t:Sensitivity><t:Body BodyType=\"Text\">&lt;b&gt;</t:Body><t:ExtendedProperty><t:ExtendedFieldURI PropertySetId=\"00020329-0000-0000-c000-000000000046\" PropertyName=\"id\" PropertyType=\"String\"/><t:Value>1</t:Value></t:ExtendedProperty><t:Start>2026-11-29T10:00:00Z</t:Start><t:End>2026-11-29T10:30:00Z</t:End></t:CalendarItem></m:Items></m:CreateItem>";
    let contact = |folder: &str| {
        format!(
            "<m:CreateItem><m:SavedItemFolderId>{folder}</m:SavedItemFolderId><m:Items><t:Contact><t:DisplayName>two</t:DisplayName><t:Surname>two</t:Surname></t:Contact></m:Items></m:CreateItem>"
        )
    };
    let find = |folder: &str, title: &str| {
        format!(
            "<m:FindItem Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape><m:IndexedPageItemView MaxEntriesReturned=\"1\" Offset=\"0\" BasePoint=\"Beginning\"/><m:Restriction><t:IsEqualTo><t:FieldURI FieldURI=\"item:Subject\"/><t:FieldURIOrConstant><t:Constant Value=\"{title}\"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction><m:ParentFolderIds>{folder}</m:ParentFolderIds></m:FindItem>"
        )
    };
    let named = |id: &str| format!("<t:DistinguishedFolderId Id=\"{id}\"/>");
    let get = |id: &str| {
        format!(
            "<m:GetItem><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId Id=\"{id}\"/></m:ItemIds></m:GetItem>"
        )
    };
    let change = |id: &str| {
        format!(
            "<m:UpdateItem ConflictResolution=\"AlwaysOverwrite\" SendMeetingInvitationsOrCancellations=\"SendToNone\"><m:ItemChanges><t:ItemChange><t:ItemId Id=\"{id}\"/><t:Updates><t:SetItemField><t:FieldURI FieldURI=\"item:Subject\"/><t:CalendarItem><t:Subject>three</t:Subject></t:CalendarItem></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"
        )
    };
    let delete = |id: &str| {
        format!(
            "<m:DeleteItem DeleteType=\"HardDelete\" SendMeetingCancellations=\"SendToNone\"><m:ItemIds><t:ItemId Id=\"{id}\"/></m:ItemIds></m:DeleteItem>"
        )
    };
    let user = "user0@corp.example";
    let created = send(user, event);
    let id = created.split("ItemId Id=\"").nth(1).and_then(|rest| rest.split('"').next());
    let id = id.unwrap_or("AAMkAD00000001AAA=").to_owned();
    let contacts = named("contacts");
    for body in [
        contact(&contacts),
        contact("<t:FolderId Id=\"AAAAf000\"/>"),
        contact("<t:FolderId Id=\"AAAAf999\"/>"),
        find(&named("calendar"), "one"),
        find(&named("calendar"), "nothing"),
        find(&contacts, "two"),
        find("<t:FolderId Id=\"AAAAf999\"/>", "two"),
        get(&id),
        get("AAAA"),
        change(&id),
        change("AAAA"),
        delete(&id),
        delete(&id),
        "<m:GetServerTimeZones/>".to_owned(),
    ] {
        send(user, &body);
    }
    for other in 1..5 {
        send(&format!("user{other}@corp.example"), event);
    }
    send("nobody@corp.example", event);
}

/// Whatever happens, and whatever the canary does: no scene is left out.
#[tokio::test(flavor = "multi_thread")]
async fn every_request_and_every_answer_is_as_the_schemas_have_it() {
    let mut world = World::of(5).await;
    // A server that gives no answer is not waited for.
    world.settings.limits.total = Duration::from_secs(2);
    let plain = ExchangeOrg::healthy("upstream", "secret", mailboxes(5));
    let plain = Exchange::start(plain, "localhost", None).await.unwrap();
    let different = |org: &mut ExchangeOrg| {
        org.mailboxes[1].fault = Some("ErrorImpersonateUserDenied");
        org.mailboxes[2].folders.clear();
        org.mailboxes[3].folders[0].place = FolderPlace::Deleted;
        org.mailboxes[4].calendar = false;
    };
    let mut all = Vec::new();
    for scene in ExchangeScene::ALL.iter().copied() {
        for exchange in [&world.exchange, &plain] {
            exchange.change(|org| {
                org.mailboxes = mailboxes(5);
                different(org);
                org.scene = scene;
            });
        }
        for impersonate in [true, false] {
            world.ews().impersonate = impersonate;
            world.pass(TimeDelta::hours(2));
            world.restart();
            world.poll().await;
            // Where the server is busy it is refused, which is an answer, too.
            world.source().count_not_synced("user0@corp.example", world.now).await.ok();
        }
        if matches!(answers(scene), Answers::Valid | Answers::Page) {
            work_with_items(&plain);
        }
        let mut seen = world.exchange.take_seen();
        seen.extend(plain.take_seen());
        seen.retain(|seen| seen.path.starts_with("/EWS") && seen.signs_in);
        let envelopes = || seen.iter().filter(|seen| seen.answer.contains("Envelope>"));
        match answers(scene) {
            Answers::Valid => assert!(envelopes().count() >= 2, "{scene}"),
            Answers::Page => {
                assert!(!seen.is_empty() || scene != ExchangeScene::EwsDisabled, "{scene}");
                assert_eq!(envelopes().count(), 0, "{scene}");
            }
            Answers::Damaged => assert_eq!(envelopes().count(), 0, "{scene}"),
            Answers::Silence => assert!(seen.is_empty()),
        }
        println!("{scene}: {} requests, {} envelopes", seen.len(), envelopes().count());
        all.extend(envelopes().map(|seen| seen.answer.clone()));
        all.extend(seen.into_iter().map(|seen| seen.body));
    }
    let directory = world.certified.directory.path().join("texts");
    println!("{}", valid(&directory, &all).await.unwrap());
    // A wrong order is found, and so is a code that Exchange does not have.
    let view =
        "<m:IndexedPageFolderView MaxEntriesReturned=\"50\" Offset=\"0\" BasePoint=\"Beginning\"/>";
    let find = all.iter().find(|text| text.contains("FindFolder") && text.contains(view)).unwrap();
    let order =
        find.replace(view, "").replace("</m:FindFolder>", &format!("{view}</m:FindFolder>"));
    let fault = all.iter().find(|text| text.contains("e:ResponseCode")).unwrap();
    let code = fault.replace("ErrorImpersonateUserDenied", "ErrorNobodyKnows");
    assert_ne!(code, *fault);
    for wrong in [order, code] {
        assert!(valid(&directory, &[wrong]).await.is_err());
    }
}

#[test]
fn the_document_names_every_reason() {
    let document = fs::read_to_string(repository("docs/exchange.md")).unwrap();
    for failure in ExchangeFailure::ALL {
        assert!(document.contains(&format!("`{failure}`")), "{failure}");
    }
}

/// NTLM as pyspnego accepts it, with the channel's binding required, optional and wrong, with a wrong password, and with a
/// message that somebody changed on its way.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_ntlm_takes_our_sign_in() {
    let mut world = World::of(3).await;
    let directory = world.certified.directory.path().to_owned();
    let users = directory.join("users");
    fs::write(&users, format!("CORP:svc-sfsync:{}\n", "a password")).unwrap();
    let org = ExchangeOrg::healthy("upstream", "secret", mailboxes(3));
    let upstream = Exchange::start(org, "localhost", None).await.unwrap();
    let basic = "Basic dXBzdHJlYW06c2VjcmV0";
    for (mode, password, reason) in [
        ("required", "a password", None),
        ("optional", "a password", None),
        ("wrong", "a password", Some("sign_in_refused")),
        ("damaged", "a password", Some("sign_in_refused")),
        ("required", "another password", Some("sign_in_refused")),
    ] {
        let mut front = python("ntlm_front.py");
        front.env("NTLM_USER_FILE", &users);
        front.args([directory.join("server.pem"), directory.join("server.key")]);
        front.args([&upstream.address().port().to_string(), basic, mode]);
        let front = Process::start(&mut front);
        let port: u16 = front.wait_for_line(|line| line.strip_prefix("listening ")?.parse().ok());
        world.ews().host = Endpoint::new(&format!("https://localhost:{port}")).unwrap();
        world.ews().autodiscover = false;
        world.ews().auth = ExchangeAuth::Ntlm {
            username: ACCOUNT.to_owned(),
            password: Secret::from_file_text(password).unwrap(),
        };
        world.pass(TimeDelta::hours(2));
        world.restart();
        upstream.take_seen();
        let first = world.poll().await;
        let polled = if reason.is_some() { world.poll().await } else { first };
        let broken = polled.broken().map(|(_, reason)| reason);
        assert_eq!(broken, reason, "{mode} {password}: {}", front.log());
        let expected = if reason.is_some() { 0 } else { 1 + 2 * 3 };
        assert_eq!(upstream.take_seen().len(), expected, "{mode}");
        println!("{mode}, {password}: {broken:?}");
    }
}
