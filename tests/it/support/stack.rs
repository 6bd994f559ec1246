//! Prometheus and Alertmanager as a user would run them, with short intervals.

use super::http;
use super::process::{Process, free_port, wait_until};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A file of this repository.
pub(crate) fn repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A running Alertmanager.
pub(crate) struct Alertmanager {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Alertmanager {
    /// Runs the shipped configuration with every receiver pointed at `receiver` and waits cut to a second.
    pub(crate) fn start(directory: &Path, receiver: SocketAddr) -> Self {
        Self::start_changed(directory, receiver, |_| {})
    }

    /// The same with receivers that `change` made others.
    pub(crate) fn start_changed(
        directory: &Path,
        receiver: SocketAddr,
        change: impl Fn(&mut serde_yaml_ng::Value),
    ) -> Self {
        Self::start_edited(directory, receiver, |config| {
            let receivers = config["receivers"].as_sequence_mut();
            receivers.expect("the shipped file has receivers").iter_mut().for_each(&change);
        })
    }

    /// The same without office hours: what waits for them comes at once.
    pub(crate) fn at_any_hour(directory: &Path, receiver: SocketAddr) -> Self {
        Self::start_edited(directory, receiver, |config| {
            remove(config, "active_time_intervals");
        })
    }

    fn start_edited(
        directory: &Path,
        receiver: SocketAddr,
        edit: impl Fn(&mut serde_yaml_ng::Value),
    ) -> Self {
        let shipped = fs::read_to_string(repository("deploy/alertmanager/alertmanager.yaml"))
            .expect("shipped");
        let mut config: serde_yaml_ng::Value =
            serde_yaml_ng::from_str(&shipped).expect("the shipped file is YAML");
        shorten(&mut config);
        point_at(&mut config, receiver);
        edit(&mut config);
        let file = directory.join("alertmanager.yml");
        fs::write(&file, serde_yaml_ng::to_string(&config).expect("it was YAML"))
            .expect("the directory is writable");
        let address = loopback(free_port());
        let process = Process::start(
            Command::new("prometheus-alertmanager")
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.path={}", directory.join("alertmanager").display()))
                .arg(format!("--web.listen-address={address}"))
                .arg("--cluster.listen-address="),
        );
        wait_until(
            &format!("Alertmanager is ready:\n{}", process.log()),
            Duration::from_secs(30),
            || {
                http::request(address, "GET", "/-/ready", &[], b"")
                    .ok()
                    .filter(|answer| answer.status == 200)
            },
        );
        Self { process, address }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// Takes a key out, wherever it is.
fn remove(value: &mut serde_yaml_ng::Value, name: &str) {
    if let Some(map) = value.as_mapping_mut() {
        map.remove(name);
        map.iter_mut().for_each(|(_, value)| remove(value, name));
    } else if let Some(list) = value.as_sequence_mut() {
        list.iter_mut().for_each(|value| remove(value, name));
    }
}

/// Cuts what a person would not notice and a test would wait for.
fn shorten(value: &mut serde_yaml_ng::Value) {
    if let Some(map) = value.as_mapping_mut() {
        for (key, value) in map.iter_mut() {
            match key.as_str() {
                Some("group_wait" | "group_interval") => *value = "1s".into(),
                _ => shorten(value),
            }
        }
    } else if let Some(list) = value.as_sequence_mut() {
        list.iter_mut().for_each(shorten);
    }
}

/// Gives every webhook a URL of the test's receiver that names the receiver it stands for.
fn point_at(config: &mut serde_yaml_ng::Value, receiver: SocketAddr) {
    let receivers = config["receivers"].as_sequence_mut().expect("the shipped file has receivers");
    for entry in receivers {
        let name = entry["name"].as_str().unwrap_or_default().to_owned();
        if let Some(hooks) =
            entry.get_mut("webhook_configs").and_then(|hooks| hooks.as_sequence_mut())
        {
            for hook in hooks {
                let hook = hook.as_mapping_mut().expect("a webhook is a mapping");
                hook.remove("url_file");
                hook.insert("url".into(), format!("http://{receiver}/{name}").into());
            }
        }
    }
}

/// A running Prometheus.
pub(crate) struct Prometheus {
    process: Option<Process>,
    directory: PathBuf,
    flags: Vec<String>,
    pub(crate) address: SocketAddr,
}

impl Prometheus {
    /// Scrapes each job's targets every second and evaluates the shipped rules as often.
    pub(crate) fn start(
        directory: &Path,
        jobs: &[(&str, &[SocketAddr])],
        alertmanager: Option<SocketAddr>,
    ) -> Self {
        let rules = repository("alerts/lightning-sync.rules.yaml");
        Self::start_with(directory, jobs, alertmanager, &rules)
    }

    /// The same with other rules.
    pub(crate) fn start_with(
        directory: &Path,
        jobs: &[(&str, &[SocketAddr])],
        alertmanager: Option<SocketAddr>,
        rules: &Path,
    ) -> Self {
        let jobs: Vec<String> = jobs
            .iter()
            .map(|(job, targets)| {
                let targets: Vec<String> =
                    targets.iter().map(|target| format!("'{target}'")).collect();
                format!(
                    "{{job_name: {job}, static_configs: [{{targets: [{}]}}]}}",
                    targets.join(", ")
                )
            })
            .collect();
        // As often as it scrapes: the shipped file says every minute, and every four.
        let rules = fs::read_to_string(rules).expect("there are rules");
        let rules = ["1m", "4m"].iter().fold(rules, |rules, shipped| {
            rules.replace(&format!("    interval: {shipped}\n"), "    interval: 1s\n")
        });
        // A figure in a text is that of the evaluation before.
        let rules = rules.replace(" offset 1m", " offset 1s");
        Self::start_configured(directory, &jobs, alertmanager, &rules, &[])
    }

    /// Scrapes every second, with the jobs and rules as they are written.
    pub(crate) fn start_configured(
        directory: &Path,
        jobs: &[String],
        alertmanager: Option<SocketAddr>,
        rules: &str,
        flags: &[&str],
    ) -> Self {
        fs::write(directory.join("rules-of-prometheus.yaml"), rules)
            .expect("the directory is writable");
        let mut prometheus = Self {
            process: None,
            directory: directory.to_owned(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            address: loopback(free_port()),
        };
        prometheus.configure(jobs, alertmanager);
        prometheus.run();
        prometheus
    }

    fn configure(&self, jobs: &[String], alertmanager: Option<SocketAddr>) {
        let rules = self.directory.join("rules-of-prometheus.yaml");
        let mut config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{}']\nscrape_configs:\n",
            rules.display()
        );
        for job in jobs {
            config += &format!("  - {job}\n");
        }
        if let Some(alertmanager) = alertmanager {
            config += &format!(
                "alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}\n"
            );
        }
        fs::write(self.directory.join("prometheus.yml"), config)
            .expect("the directory is writable");
    }

    fn run(&mut self) {
        let file = self.directory.join("prometheus.yml");
        let process = Process::start(
            Command::new("prometheus")
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.tsdb.path={}", self.directory.join("prometheus").display()))
                .arg(format!("--web.listen-address={}", self.address))
                .args(&self.flags),
        );
        wait_until(
            &format!("Prometheus is ready:\n{}", process.log()),
            Duration::from_secs(60),
            || {
                http::request(self.address, "GET", "/-/ready", &[], b"")
                    .ok()
                    .filter(|answer| answer.status == 200)
            },
        );
        self.process = Some(process);
    }

    /// Gives it other jobs, as an operator who edits its file does.
    pub(crate) fn reconfigure(&self, jobs: &[String], alertmanager: Option<SocketAddr>) {
        self.configure(jobs, alertmanager);
        let process = self.process.as_ref().expect("it runs");
        let pid = rustix::process::Pid::from_raw(process.pid() as i32).expect("a process has one");
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("it runs");
    }

    /// Kills it, and starts it again with what it stored when `meanwhile` has ended.
    pub(crate) fn away(&mut self, meanwhile: impl FnOnce()) {
        drop(self.process.take());
        meanwhile();
        self.run();
    }

    /// The result of an instant query.
    pub(crate) fn query(&self, expression: &str) -> Vec<serde_json::Value> {
        let answer =
            http::get(self.address, &format!("/api/v1/query?query={}", encode(expression)));
        let body = answer.json();
        assert_eq!(body["status"], "success", "{expression}: {body}");
        body["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// Firing alerts of a name, as label sets.
    pub(crate) fn firing(&self, name: &str) -> Vec<serde_json::Value> {
        let body = http::get(self.address, "/api/v1/alerts").json();
        let alerts = body["data"]["alerts"].as_array().cloned().unwrap_or_default();
        alerts
            .into_iter()
            .filter(|alert| alert["labels"]["alertname"] == name && alert["state"] == "firing")
            .map(|alert| alert["labels"].clone())
            .collect()
    }

    /// Rules whose last evaluation failed, with the error.
    pub(crate) fn broken_rules(&self) -> Vec<String> {
        let body = http::get(self.address, "/api/v1/rules").json();
        let groups = body["data"]["groups"].as_array().cloned().unwrap_or_default();
        assert!(!groups.is_empty(), "no rules are loaded");
        groups
            .iter()
            .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default())
            .filter(|rule| rule["health"] == "err")
            .map(|rule| format!("{}: {}", rule["name"], rule["lastError"]))
            .collect()
    }
}

/// Percent-encodes a query parameter.
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
