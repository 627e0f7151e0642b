//! One mail: headers, a plain text and an HTML part that say the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use url::Url;

use crate::delivery::NotifiedAlert;
use crate::notify::text::{alert_url, cut, headline, one_line};
use crate::notify::{Message, NotifyError};

/// Alerts written out in one mail; the others are counted.
const ALERTS_SHOWN: usize = 200;
/// Longest subject, in characters: what mail programs still show.
const SUBJECT_MAX: usize = 200;

/// What the configuration says about every mail.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) from: Mailbox,
    pub(super) to: Vec<Mailbox>,
    pub(super) headers: BTreeMap<String, String>,
}

/// The mail. The same delivery makes the same `Message-ID` at every try, so that mail systems can drop a repetition; mails of
/// one group refer to one thread.
pub(super) fn write(
    message: &Message<'_>,
    head: &Head,
    external_url: &Url,
) -> Result<lettre::Message, NotifyError> {
    let host = external_url.host_str().unwrap_or("isobar.invalid");
    let subject = cut(&headline(message), SUBJECT_MAX);
    let sent = u64::try_from(message.notification.at.millis()).unwrap_or(0);
    let mut mail = lettre::Message::builder()
        .from(head.from.clone())
        .date(SystemTime::UNIX_EPOCH + Duration::from_millis(sent))
        .message_id(Some(format!("<{}@{host}>", message.delivery.idempotency_key)))
        .references(format!("<{}@{host}>", thread(message)));
    for to in &head.to {
        mail = mail.to(to.clone());
    }
    let mut headers = BTreeMap::from([
        ("Subject".to_owned(), subject.clone()),
        ("Auto-Submitted".to_owned(), "auto-generated".to_owned()),
    ]);
    for (name, value) in &head.headers {
        headers.retain(|known, _| !known.eq_ignore_ascii_case(name));
        headers.insert(name.clone(), one_line(value));
    }
    for (name, value) in headers {
        let name =
            HeaderName::new_from_ascii(name).map_err(|error| NotifyError::Unwritable(error.to_string()))?;
        mail = mail.raw_header(HeaderValue::new(name, value));
    }
    let body = MultiPart::alternative_plain_html(
        text(message, &subject, external_url),
        html(message, &subject, external_url),
    );
    mail.multipart(body).map_err(|error| NotifyError::Unwritable(error.to_string()))
}

/// The name of the group's thread: the same for all its mails to this receiver.
fn thread(message: &Message<'_>) -> String {
    use sha2::{Digest, Sha256};
    let group = &message.notification.group;
    let hash = Sha256::digest(format!("{}\n{}", group.receiver, group.key));
    format!("isobar-group-{}", hex::encode(&hash[..12]))
}

fn text(message: &Message<'_>, subject: &str, external_url: &Url) -> String {
    let mut text = format!(
        "{subject}\n\nReceiver: {}\nReason: {}\n",
        message.notification.group.receiver,
        message.delivery.reason.as_str()
    );
    for alert in message.alerts().take(ALERTS_SHOWN) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{} {}\n", alert.direction.as_str().to_uppercase(), name(alert));
        for (key, value) in facts(alert) {
            let _ = writeln!(text, "  {key}: {}", one_line(&value));
        }
        let _ = writeln!(text, "  {}", alert_url(external_url, alert));
    }
    if let Some(left_out) = left_out(message) {
        let _ = write!(text, "\n{left_out}\n");
    }
    text
}

fn html(message: &Message<'_>, subject: &str, external_url: &Url) -> String {
    let mut html = format!(
        "<!DOCTYPE html><html><body style=\"font-family:sans-serif\"><h2>{}</h2><p>Receiver: {}<br>Reason: {}</p>",
        escaped(subject),
        escaped(&message.notification.group.receiver),
        message.delivery.reason.as_str(),
    );
    for alert in message.alerts().take(ALERTS_SHOWN) {
        let _ = write!(
            html,
            "<h3>{} <a href=\"{}\">{}</a></h3><table>",
            alert.direction.as_str().to_uppercase(),
            escaped(&alert_url(external_url, alert)),
            escaped(name(alert)),
        );
        for (key, value) in facts(alert) {
            let _ = write!(html, "<tr><td>{}</td><td>{}</td></tr>", escaped(&key), escaped(&value));
        }
        html.push_str("</table>");
    }
    if let Some(left_out) = left_out(message) {
        let _ = write!(html, "<p>{left_out}</p>");
    }
    html.push_str("</body></html>");
    html
}

fn name(alert: &NotifiedAlert) -> &str {
    alert.labels.get("alertname").unwrap_or("alert")
}

/// Annotations first, because people wrote them; then times and labels.
fn facts(alert: &NotifiedAlert) -> Vec<(String, String)> {
    let annotations = alert.annotations.iter().map(|(key, value)| (key.clone(), value.clone()));
    let mut facts: Vec<(String, String)> = annotations.collect();
    facts.push(("since".to_owned(), alert.starts_at.to_string()));
    if let Some(ended) = alert.ends_at {
        facts.push(("until".to_owned(), ended.to_string()));
    }
    let labels = alert.labels.iter().filter(|(key, _)| *key != "alertname");
    facts.extend(labels.map(|(key, value)| (key.to_owned(), value.to_owned())));
    facts
}

fn left_out(message: &Message<'_>) -> Option<String> {
    let total = message.alerts().count();
    (total > ALERTS_SHOWN).then(|| format!("{} more of {total} alerts are not shown", total - ALERTS_SHOWN))
}

/// Text that stays text inside HTML, in content and in quoted attributes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
