//! What the tests of channels start from.

use isobar_normalizer::{Severity, Timestamp};
use serde_json::Value;

use super::chat::Said;
use super::robot::{Mention, Post};
use super::{Message, Part};
use crate::delivery::Direction;

/// A file of recorded messages of receivers; `None`, and a line that says so, where there are none.
pub(super) fn wire(file: &str) -> Option<Value> {
    let path = format!("{}/../../shared/wire/alerts/notify/{file}", env!("CARGO_MANIFEST_DIR"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {path} is not there");
        return None;
    };
    Some(serde_json::from_str(&text).expect("recorded messages are JSON"))
}

/// A critical message at 1,700,000,000 seconds, unsigned.
pub(super) fn post<'a>(said: &'a Said, mention: &'a Mention) -> Post<'a> {
    let now = Timestamp::from_millis(1_700_000_000_999);
    Post { said, direction: Direction::Firing, severity: Severity::Critical, mention, secret: None, now }
}

/// The message as its first alerts alone are shown.
pub(super) fn first_of<'a>(message: &Message<'a>, alerts: usize) -> Message<'a> {
    let alerts = &message.notification.alerts[..alerts];
    Message { part: Some(Part { alerts, is_shortest: false }), ..*message }
}

/// The message as nothing shorter comes after it.
pub(super) fn shortest<'a>(message: &Message<'a>) -> Message<'a> {
    Message { part: Some(Part { alerts: &message.notification.alerts, is_shortest: true }), ..*message }
}
