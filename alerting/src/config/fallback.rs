//! Fallbacks: each leads to a receiver that can be told, and no chain of them in a circle.

use std::collections::BTreeSet;

use super::Receiver;

/// Whether the fallback of the receiver at this place, which has one, can be told. Says what is wrong otherwise.
pub(super) fn check(receivers: &[Receiver], place: usize) -> Result<(), String> {
    let find = |name: &str| receivers.iter().find(|receiver| &*receiver.name == name);
    let mut passed: BTreeSet<&str> = BTreeSet::new();
    let mut path: Vec<&str> = Vec::new();
    let mut next = Some(&receivers[place]);
    while let Some(receiver) = next {
        path.push(&receiver.name);
        if !passed.insert(&receiver.name) {
            return Err(format!("fallbacks go in a circle: {}", path.join(" → ")));
        }
        next = receiver.fallback.as_deref().and_then(find);
    }
    let name = receivers[place].fallback.as_deref().unwrap_or_default();
    match find(name) {
        None => Err(format!("undefined receiver {name:?}")),
        Some(fallback) if fallback.integrations.is_empty() => {
            Err(format!("receiver {name:?} tells nobody: give it an integration, or name another"))
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::AlertingConfig;

    #[track_caller]
    fn check(receivers: &str, expected: Option<(&str, (u32, u32))>) {
        let text = format!("route: {{receiver: a}}\nreceivers:\n{receivers}");
        match (AlertingConfig::parse(&text), expected) {
            (Ok(config), None) => assert_eq!(config.receivers[0].fallback.as_deref(), Some("b")),
            (Err(error), Some((hint, place))) => {
                assert!(error.message.contains(hint), "{error}");
                assert_eq!((error.line, error.column), place, "{error}");
            }
            (result, expected) => panic!("{text}\n{result:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn a_fallback_is_a_receiver_that_can_be_told() {
        let url = "webhook_configs: [{url: 'http://h/'}]";
        check(&format!("- {{name: a, fallback: b, {url}}}\n- {{name: b, {url}}}\n"), None);
        let unknown = format!("- {{name: a, fallback: c, {url}}}\n- {{name: b, {url}}}\n");
        check(&unknown, Some(("undefined receiver \"c\"", (3, 23))));
        let mute = format!("- {{name: a, fallback: b, {url}}}\n- {{name: b}}\n");
        check(&mute, Some(("tells nobody", (3, 23))));
        check(&format!("- {{name: a, fallback: a, {url}}}\n"), Some(("in a circle: a → a", (3, 23))));
        let circle = format!(
            "- {{name: a, fallback: b, {url}}}\n- {{name: b, fallback: c, {url}}}\n- {{name: c, fallback: b, {url}}}\n"
        );
        check(&circle, Some(("in a circle: a → b → c → b", (3, 23))));
    }
}
