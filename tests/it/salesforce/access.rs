//! The metadata that grants access: as the vendor's schema has it, and no more rights than documented.

use super::others::python;
use crate::support::stack::repository;
use std::fs;
use std::path::{Path, PathBuf};

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn shipped() -> Vec<PathBuf> {
    files(&repository("deploy/salesforce/force-app"))
}

fn checked(paths: &[PathBuf]) -> String {
    let output = python("check_metadata.py").args(paths).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_shipped_is_as_the_vendors_schema_has_it() {
    assert_eq!(checked(&shipped()), "9 files\n");
}

#[test]
fn what_the_schema_does_not_have_is_found() {
    let directory = tempfile::tempdir().unwrap();
    for (name, right, wrong, fault) in [
        ("permissionset-meta", "<label>", "<lable>", "has no lable"),
        ("permissionset-meta", "<enabled>true", "<enabled>yes", "enabled is no boolean"),
        ("ecaOauthPlcy", "AdminApprovedPreAuthorized", "Anybody", "has the value Anybody"),
        ("ecaOauthPlcy", ">120<", ">two<", "sessionTimeoutInMinutes is no number"),
        ("ecaOauth-meta", "externalClientApplication", "label", "needs externalClientApplication"),
    ] {
        let path =
            shipped().into_iter().find(|path| path.to_string_lossy().contains(name)).unwrap();
        let text = fs::read_to_string(path).unwrap();
        let wrong = text
            .replace(right, wrong)
            .replace("</label>", if wrong == "<lable>" { "</lable>" } else { "</label>" });
        let copy = directory.path().join("copy.xml");
        fs::write(&copy, wrong).unwrap();
        let found = checked(&[copy]);
        assert!(found.contains(fault), "{found}");
    }
}

#[test]
fn each_permission_set_grants_what_the_page_names_and_only_two_can_change_anything() {
    let page = fs::read_to_string(repository("docs/salesforce-access.md")).unwrap();
    let mut writers = Vec::new();
    for path in shipped() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(set) = name.strip_suffix(".permissionset-meta.xml") else { continue };
        let text = fs::read_to_string(&path).unwrap();
        assert!(page.contains(&format!("`{set}`")), "{set}");
        for granted in text.split("<name>").skip(1) {
            let (granted, _) = granted.split_once('<').unwrap();
            assert!(page.contains(&format!("`{granted}`")), "{set}: {granted}");
            if ["CustomizeApplication", "ModifyMetadata"].contains(&granted) {
                writers.push(set.to_owned());
            }
        }
        for right in ["allowCreate", "allowDelete", "allowEdit", "modifyAllRecords"] {
            assert!(!text.contains(&format!("<{right}>true")), "{set}: {right}");
        }
        for never in ["ModifyAllData", "ManageUsers", "ViewAllData", "AuthorApex"] {
            assert!(!text.contains(never), "{set}: {never}");
        }
    }
    writers.sort();
    assert_eq!(writers, ["Lightning_Sync_Exporter_Settings", "Lightning_Sync_Exporter_Status"]);
}

#[test]
fn the_app_has_the_least_scope_and_the_strictest_policy() {
    let all: String = shipped().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    for line in [
        "<commaSeparatedOauthScopes>Api</commaSeparatedOauthScopes>",
        "<ipRelaxationPolicyType>Enforce</ipRelaxationPolicyType>",
        "<permittedUsersPolicyType>AdminApprovedPreAuthorized</permittedUsersPolicyType>",
        "<refreshTokenPolicyType>Zero</refreshTokenPolicyType>",
        "<isConsumerSecretOptional>false</isConsumerSecretOptional>",
    ] {
        assert!(all.contains(line), "{line}");
    }
    // The Metadata API takes no token of that form.
    assert!(!all.contains("<isNamedUserJwtEnabled>true"));
    assert!(!all.contains("consumerSecret>") && !all.contains("consumerKey>"));
}
