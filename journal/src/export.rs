//! The form in which the journal leaves the process: one event per line, JSON.
//!
//! `{"seq":1,"at":"2026-01-02T03:04:05.678Z","tenant":"default","kind":"alert","actor":"isobar","payload":"{…}",
//! "prev":"00…","hash":"9f…"}`: `payload` is the exact bytes as a JSON string where they are UTF-8, otherwise the field is
//! `payload_hex`; hashes are hexadecimal.

use std::io::{self, Write};

use isobar_normalizer::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::journal::{Journal, JournalError};

/// Events read at once while exporting: with the largest payloads 256 MiB, usually under one.
const PAGE_EVENTS: usize = 256;

#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    at: String,
    tenant: &'a str,
    kind: &'a str,
    actor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_hex: Option<String>,
    prev: String,
    hash: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadLine {
    seq: u64,
    at: String,
    tenant: String,
    kind: String,
    actor: String,
    payload: Option<String>,
    payload_hex: Option<String>,
    prev: String,
    hash: String,
}

/// Writes an event as one line, without the line's end.
pub fn to_line(event: &Event) -> String {
    let text = std::str::from_utf8(&event.payload).ok();
    let line = Line {
        seq: event.seq,
        at: event.at.to_string(),
        tenant: &event.tenant,
        kind: &event.kind,
        actor: &event.actor,
        payload: text,
        payload_hex: text.is_none().then(|| hex::encode(&event.payload)),
        prev: hex::encode(event.prev),
        hash: hex::encode(event.hash),
    };
    serde_json::to_string(&line).expect("a struct of numbers and strings is always JSON")
}

/// Reads what [`to_line`] wrote. Says nothing about hashes being right.
///
/// # Errors
/// One line: which field is missing, unknown, or not of its form.
pub fn from_line(line: &[u8]) -> Result<Event, String> {
    let read: ReadLine = serde_json::from_slice(line).map_err(|error| format!("not an event: {error}"))?;
    let at = Timestamp::parse_rfc3339(&read.at).filter(|at| at.to_string() == read.at);
    let payload = match (read.payload, read.payload_hex) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(digits)) => hex::decode(digits).map_err(|error| format!("payload_hex: {error}"))?,
        (Some(_), Some(_)) | (None, None) => {
            return Err("one of payload and payload_hex is expected".to_owned());
        }
    };
    Ok(Event {
        seq: read.seq,
        at: at.ok_or_else(|| format!("at: {:?} is not a UTC time with milliseconds", read.at))?,
        tenant: read.tenant,
        kind: read.kind,
        actor: read.actor,
        payload,
        prev: hash_from("prev", &read.prev)?,
        hash: hash_from("hash", &read.hash)?,
    })
}

fn hash_from(field: &str, digits: &str) -> Result<[u8; 32], String> {
    let mut hash = [0; 32];
    hex::decode_to_slice(digits, &mut hash).map_err(|error| format!("{field}: {error}"))?;
    Ok(hash)
}

/// Writes all events after `after_seq`, up to the head at the time of the call; returns how many.
///
/// # Errors
/// What the journal says and what the writer says; whole lines were written until then.
pub fn export(journal: &dyn Journal, after_seq: u64, out: &mut dyn Write) -> Result<u64, ExportError> {
    let end = journal.head().seq;
    let mut last = after_seq;
    let mut written = 0;
    while last < end {
        let events = journal.read(last, PAGE_EVENTS)?;
        for event in events.iter().take_while(|event| event.seq <= end) {
            writeln!(out, "{}", to_line(event))?;
            written += 1;
        }
        match events.last() {
            Some(event) => last = event.seq,
            None => break,
        }
    }
    out.flush()?;
    Ok(written)
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The other side takes no more.
    #[error("writing the export")]
    Write(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Head, NewEvent};
    use proptest::prelude::*;

    fn event(kind: &str, payload: &[u8]) -> Event {
        let new =
            NewEvent { kind: kind.to_owned(), actor: "user:李\n".to_owned(), payload: payload.to_vec() };
        Head::default().seal(Timestamp::from_millis(1_700_000_000_001), new)
    }

    #[test]
    fn the_line_is_fixed() {
        let event = event("alert", b"{\"a\": 1}");
        assert_eq!(
            to_line(&event),
            format!(
                r#"{{"seq":1,"at":"2023-11-14T22:13:20.001Z","tenant":"default","kind":"alert","actor":"user:李\n","payload":"{{\"a\": 1}}","prev":"{}","hash":"{}"}}"#,
                "0".repeat(64),
                hex::encode(event.hash)
            )
        );
        assert!(to_line(&self::event("raw", &[0xff, 0])).contains(r#""payload_hex":"ff00""#));
    }

    #[test]
    fn lines_of_another_form_are_refused() {
        let line = to_line(&event("alert", b"{}"));
        for (from, to) in [
            ("\"seq\":1", "\"seq\":-1"),
            ("\"seq\":1", "\"seq\":1,\"seq\":1"),
            ("\"seq\":1", "\"seq\":1,\"note\":\"x\""),
            ("\"tenant\":\"default\",", ""),
            ("\"payload\":\"{}\",", ""),
            ("\"payload\":\"{}\"", "\"payload\":\"{}\",\"payload_hex\":\"\""),
            ("20.001Z", "20.0010Z"),
            ("20.001Z", "20.001+00:00"),
            ("\"prev\":\"00", "\"prev\":\""),
            ("\"prev\":\"00", "\"prev\":\"0g"),
        ] {
            let edited = line.replacen(from, to, 1);
            assert_ne!(edited, line);
            assert!(from_line(edited.as_bytes()).is_err(), "{edited}");
        }
    }

    proptest! {
        #[test]
        fn every_byte_of_a_payload_comes_back(kind in "\\PC{1,20}", payload: Vec<u8>) {
            let event = event(&kind, &payload);
            prop_assert_eq!(from_line(to_line(&event).as_bytes()), Ok(event));
        }

        #[test]
        fn any_text_is_read_or_refused(line: Vec<u8>) {
            prop_assert!(from_line(&line).is_err());
        }
    }
}
