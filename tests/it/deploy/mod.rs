//! What is deployed in other ways than the package: the chart, the compose file, the image, against their schemas.

use crate::package::release_without_image;
use crate::support::process::Daemon;
use crate::support::stack::repository;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A program of the tools that `tests/run` installs beside what is compiled.
fn tool(name: &str) -> Command {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let program: PathBuf = target.join("tools/bin").join(name);
    assert!(program.exists(), "{} is missing; tests/run installs it", program.display());
    Command::new(program)
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn the_chart_renders_to_what_kubernetes_takes() {
    let directory = tempfile::tempdir().unwrap();
    // The chart as a release has it. `image` installs it, without a cluster: none is to be had.
    let release = directory.path().join("release");
    release_without_image(&release);
    let chart = format!("lightning-sync-exporter-chart-{}.tgz", env!("CARGO_PKG_VERSION"));
    let mut untar = Command::new("tar");
    let unpacked = untar.current_dir(directory.path()).arg("-xzf").arg(release.join(chart));
    assert!(unpacked.status().unwrap().success());
    let output = tool("python")
        .current_dir(directory.path())
        .arg(repository("tests/it/deploy/chart.py"))
        .arg(directory.path().join("lightning-sync-exporter"))
        .arg(env!("CARGO_BIN_EXE_lightning-sync-exporter"))
        .arg(repository("alerts/lightning-sync.prometheusrule.yaml"))
        .arg(repository("tests/it/upgrade/chart_0_1_values.yaml"))
        .args(["1.25", "1.37"])
        .output()
        .unwrap();
    assert_eq!(
        said(&output),
        "default: ConfigMap NetworkPolicy Service ServiceAccount StatefulSet\n\
         monitored: ConfigMap ServiceMonitor PrometheusRule NetworkPolicy Service ServiceAccount StatefulSet\n\
         guarded: ConfigMap ServiceMonitor NetworkPolicy Service ServiceAccount StatefulSet\n\
         asking: ConfigMap NetworkPolicy Service ServiceAccount StatefulSet\n\
         open: ConfigMap Service ServiceAccount StatefulSet\n\
         probing: ConfigMap NetworkPolicy Service ServiceAccount StatefulSet\n\
         drawn: ConfigMap ConfigMap ConfigMap ConfigMap NetworkPolicy Service ServiceAccount StatefulSet\n\
         ingress: Ingress ConfigMap NetworkPolicy Service ServiceAccount StatefulSet\n\
         gateway: HTTPRoute ConfigMap NetworkPolicy Service ServiceAccount StatefulSet\n\
         scraped: ConfigMap ServiceMonitor PrometheusRule NetworkPolicy Service ServiceAccount StatefulSet\n\
         placed: ConfigMap NetworkPolicy Service ServiceAccount StatefulSet\n\
         upgraded: 1\n\
         not rendered: 6\n\
         linked: 3\n\
         notes on who may scrape: monitored\n\
         refused: 14\n"
    );
    let rules = directory.path().join("rules.out.yaml");
    let checked = Command::new("promtool")
        .args(["check", "rules"])
        .arg(&rules)
        .output()
        .unwrap_or_else(|error| panic!("promtool: {error}; tests/run installs it"));
    assert!(checked.status.success(), "{}", said(&checked));
}

#[test]
fn the_chart_is_of_this_version() {
    let chart =
        std::fs::read_to_string(repository("deploy/helm/lightning-sync-exporter/Chart.yaml"))
            .unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert!(chart.contains(&format!("\nversion: {version}\n")), "{chart}");
    assert!(chart.contains(&format!("\nappVersion: \"{version}\"\n")), "{chart}");
}

#[test]
fn the_compose_file_fits_its_schema_and_names_what_exists() {
    let file = repository("deploy/compose/compose.yaml");
    let output = tool("check-jsonschema")
        .args(["--builtin-schema", "vendor.compose-spec"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let text = std::fs::read_to_string(&file).unwrap();
    let compose: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap();
    for (name, service) in compose["services"].as_mapping().unwrap() {
        let name = name.as_str().unwrap();
        // The operator's own; everything else is shipped.
        for volume in service["volumes"].as_sequence().into_iter().flatten() {
            let source = volume.as_str().unwrap().split(':').next().unwrap();
            let own = ["./config.yaml", "./alertmanager.yaml"];
            let shipped = source.starts_with('.') && !own.contains(&source);
            let path = repository("deploy/compose").join(source);
            assert!(!shipped || path.exists(), "{name}: {source}");
        }
        for port in service["ports"].as_sequence().into_iter().flatten() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name}");
        }
        let (_, tag) = service["image"].as_str().unwrap().split_once(':').unwrap();
        assert!(tag.starts_with(|c: char| c.is_ascii_digit() || c == 'v'), "{name}: {tag}");
        let hardened = &service["<<"];
        assert_eq!(hardened["read_only"], true, "{name}");
        assert_eq!(hardened["cap_drop"][0], "ALL", "{name}");
    }
    let output = Command::new("promtool")
        .args(["check", "config", "--syntax-only"])
        .arg(repository("deploy/compose/prometheus.yml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    // What the configurations name inside the containers is mounted there.
    let yaml = |path: &str| -> serde_yaml_ng::Value {
        serde_yaml_ng::from_str(&std::fs::read_to_string(repository(path)).unwrap()).unwrap()
    };
    let provider = yaml("deploy/compose/grafana/dashboards/lightning-sync.yaml");
    for (service, inside, beside) in [
        (
            "prometheus",
            yaml("deploy/compose/prometheus.yml")["rule_files"][0].clone(),
            "../../alerts/lightning-sync.rules.yaml",
        ),
        ("grafana", provider["providers"][0]["options"]["path"].clone(), "../../dashboards"),
    ] {
        let mount = format!("{beside}:{}:ro", inside.as_str().unwrap());
        let volumes = compose["services"][service]["volumes"].as_sequence().unwrap();
        assert!(volumes.iter().any(|volume| *volume == *mount), "{mount}");
    }
}

#[test]
fn the_image_is_no_roots_and_its_health_check_tells_alive_from_dead() {
    let read = |path: &str| std::fs::read_to_string(repository(path)).unwrap();
    assert!(read("deploy/container/Containerfile").contains("\nUSER 65532:65532\n"));
    let compose: serde_yaml_ng::Value =
        serde_yaml_ng::from_str(&read("deploy/compose/compose.yaml")).unwrap();
    let check = &compose["services"]["exporter"]["healthcheck"]["test"];
    let check: Vec<&str> =
        check.as_sequence().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(check[..3], ["CMD", "bash", "-c"]);
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.yaml");
    let store = directory.path().join("store.db");
    std::fs::write(
        &config,
        format!("store: {{ path: {} }}\norgs: [{{ name: acme }}]\n", store.display()),
    )
    .unwrap();
    let daemon = Daemon::start(&config);
    let port = format!("/{}", daemon.address.port());
    let probe = || {
        // Compose takes two dollars for one.
        let script = check[3].replace("/9877", &port).replace("$$", "$");
        Command::new(check[1]).args([check[2], &script]).output().unwrap()
    };
    let output = probe();
    assert!(output.status.success(), "{}", said(&output));
    drop(daemon);
    assert!(!probe().status.success());
}
