//! Files of real installations.

use std::path::{Path, PathBuf};

use super::*;

/// Every YAML file under the folder that looks like one of Alertmanager's.
fn configurations(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            configurations(&path, found);
            continue;
        }
        let is_yaml = path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
        let has = |text: &str, key: &str| text.lines().any(|line| line.starts_with(key));
        if is_yaml
            && let Ok(text) = std::fs::read_to_string(&path)
            && has(&text, "route:")
            && has(&text, "receivers:")
        {
            found.push(path);
        }
    }
}

/// Each of them loads, or is refused for something that is named and not supported.
#[test]
fn files_of_real_installations_load() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    if !folder.is_dir() {
        eprintln!("skipped: {} is not here", folder.display());
        return;
    }
    let mut found = Vec::new();
    configurations(&folder, &mut found);
    assert!(!found.is_empty(), "no file of Alertmanager's under {}", folder.display());
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        if let Err(error) = AlertingConfig::parse(&text) {
            assert!(error.message.contains("is not supported yet"), "{}:{error}", path.display());
        }
    }
}

/// The configuration whose answers are among the recorded ones: its inhibit rule and its routes are those.
#[test]
fn the_recorded_configuration_means_what_was_recorded() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/wire/alerts/alertmanager/alertmanager.karma-mock.yml");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("skipped: {} is not here", file.display());
        return;
    };
    let config = AlertingConfig::parse(&text).unwrap();
    let alert = crate::fixture::labels("alertname=A cluster=c severity=warning");
    let told: Vec<&str> = config.route.matching(&alert).iter().map(|route| &*route.receiver).collect();
    assert_eq!(told, ["by-cluster-service", "by-name"]);
    let [rule] = &config.inhibit_rules[..] else { panic!("{:?}", config.inhibit_rules) };
    assert_eq!(
        rule.sources[0].equal.iter().map(|name| &**name).collect::<Vec<_>>(),
        ["alertname", "cluster", "service"]
    );
    assert!(config.notes.is_empty(), "{:?}", config.notes);
}
