use std::collections::BTreeMap;

use isobar_egress::EgressOptions;
use isobar_normalizer::SecretReference;

use super::*;
use crate::config::AlertingConfig;

struct AnySecret;

impl SecretReader for AnySecret {
    fn read(&self, reference: &SecretReference) -> Result<String, String> {
        match reference {
            SecretReference::Env(name) if name.starts_with("WEBHOOK_SECRET") => {
                Ok("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned())
            }
            SecretReference::Env(name) if name.ends_with("_URL") => {
                Ok("https://hooks.example.org/x".to_owned())
            }
            SecretReference::Env(name) if name.ends_with("_PRIVATE_KEY") => {
                Ok("whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=".to_owned())
            }
            SecretReference::Env(_) => Ok("0123456789abcdef0123456789abcdef".to_owned()),
            SecretReference::File(path) => Err(format!("{} is not there", path.display())),
        }
    }
}

/// A configuration whose only integration is this entry of this kind.
fn receiver_with(kind: &dyn NotifierKind, entry: &str) -> String {
    let indented: String = entry.lines().map(|line| format!("    {line}\n")).collect();
    let first = indented.find(|c: char| c.is_ascii_alphabetic()).map_or(0, |_| {
        // The first line that is no comment begins the list's entry.
        indented
            .lines()
            .take_while(|line| line.trim_start().starts_with('#'))
            .map(|line| line.len() + 1)
            .sum()
    });
    let (comments, rest) = indented.split_at(first);
    let rest = rest.replacen("    ", "  - ", 1);
    format!("route: {{receiver: r}}\nreceivers:\n- name: r\n  {}:\n{comments}{rest}", kind.config_key())
}

#[test]
fn every_sample_is_read_and_built() {
    let egress = Egress::new(EgressOptions::default()).unwrap();
    let external_url = Url::parse("https://isobar.example.org/").unwrap();
    let tools = Tools { secrets: &AnySecret, egress: &egress, external_url: &external_url };
    for kind in NOTIFIER_KINDS {
        let text = receiver_with(*kind, kind.sample());
        let config = AlertingConfig::parse(&text).unwrap_or_else(|error| panic!("{text}\n{error}"));
        let [integration] = &config.receivers[0].integrations[..] else { panic!("{text}") };
        assert_eq!(integration.settings.kind().name(), kind.name());
        integration.settings.build(&tools).unwrap_or_else(|error| panic!("{text}\n{error}"));
    }
}

#[test]
fn every_kind_refuses_unknown_keys() {
    for kind in NOTIFIER_KINDS {
        let text = receiver_with(*kind, &format!("{}nonsense: 1\n", kind.sample()));
        let error = AlertingConfig::parse(&text).unwrap_err();
        assert!(error.message.contains("nonsense"), "{}: {error}", kind.name());
        assert!(error.line > 5 && error.column == 5, "{}: {error}", kind.name());
    }
}

#[test]
fn names_are_unique_and_keys_follow_them() {
    let names: BTreeMap<&str, &str> =
        NOTIFIER_KINDS.iter().map(|kind| (kind.name(), kind.config_key())).collect();
    assert_eq!(names.len(), NOTIFIER_KINDS.len());
    for (name, key) in names {
        assert_eq!(key, format!("{name}_configs"));
    }
}
