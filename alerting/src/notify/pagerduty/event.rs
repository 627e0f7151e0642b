//! One event, within the limits of the API.

use std::collections::BTreeMap;

use isobar_egress::{Response, Retry, excerpt};
use isobar_normalizer::{Revealed, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{KIND, SEVERITIES};
use crate::delivery::{Direction, Receipt};
use crate::gotemplate::{TemplateData, TemplateText};
use crate::notify::http::refused;
use crate::notify::posted::{Body, Writer};
use crate::notify::text::{alert_url, common_labels, cut, marked, one_line, worst_severity};
use crate::notify::{Message, NotifierKind, NotifyError};
use crate::outbox::Destination;

/// Longest `payload.summary`, in characters; no other short text is longer here.
const TEXT_MAX: usize = 1024;
/// Largest event, in bytes; Alertmanager's figure for the documented 512 KB.
const EVENT_MAX: usize = 512_000;
/// A detail of at most so many bytes is never shortened.
const DETAIL_KEPT: usize = 1024;
/// Links to alerts.
const LINKS_SHOWN: usize = 5;

/// What the configuration says about every event.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    pub(super) description: TemplateText,
    pub(super) client: TemplateText,
    pub(super) client_url: TemplateText,
    pub(super) severity: Option<TemplateText>,
    pub(super) source: Option<TemplateText>,
    pub(super) class: Option<TemplateText>,
    pub(super) component: Option<TemplateText>,
    pub(super) group: Option<TemplateText>,
    pub(super) details: BTreeMap<String, TemplateText>,
    pub(super) links: Vec<Link>,
    pub(super) images: Vec<Image>,
}

#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) href: TemplateText,
    pub(super) text: TemplateText,
}

#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) src: TemplateText,
    pub(super) href: TemplateText,
    pub(super) alt: TemplateText,
}

#[derive(Serialize)]
struct Event<'a> {
    routing_key: &'a str,
    event_action: &'static str,
    dedup_key: &'a str,
    #[serde(flatten)]
    told: Option<Told>,
}

/// What a trigger says beside its key.
#[derive(Serialize)]
struct Told {
    payload: Payload,
    client: String,
    client_url: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<EventLink>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<EventImage>,
}

#[derive(Serialize)]
struct Payload {
    summary: String,
    source: String,
    severity: String,
    timestamp: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    component: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    class: String,
    custom_details: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct EventLink {
    href: String,
    text: String,
}

#[derive(Serialize)]
struct EventImage {
    src: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    href: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    alt: String,
}

/// What writes the events of one integration.
#[derive(Debug)]
pub(super) struct Events {
    pub(super) routing_key: Revealed,
    pub(super) texts: Texts,
}

impl Writer for Events {
    const BODY_MAX: usize = EVENT_MAX;

    fn kind() -> &'static dyn NotifierKind {
        &KIND
    }

    /// The event speaks of the whole message; where that would be too large, long details speak of a part of it, and say so.
    fn write(&self, message: &Message<'_>, external_url: &Url) -> Result<Body, NotifyError> {
        let (event_action, is_trigger) = match message.direction() {
            Direction::Firing => ("trigger", true),
            Direction::Acknowledged => ("acknowledge", false),
            Direction::Resolved => ("resolve", false),
        };
        let told = is_trigger.then(|| told(message, &self.texts, external_url)).transpose()?;
        let mut event = Event {
            routing_key: self.routing_key.expose(),
            event_action,
            dedup_key: &message.delivery.idempotency_key,
            told,
        };
        let body = Body::of(&event)?;
        match event.told.as_mut().filter(|_| message.is_shortest() && body.size > EVENT_MAX) {
            None => Ok(body),
            Some(told) => {
                // What is long whatever it tells of goes.
                let details = told.payload.custom_details.values_mut();
                details.filter(|detail| detail.len() > DETAIL_KEPT).for_each(String::clear);
                Body::of(&event)
            }
        }
    }

    /// The limit is that of the integration key.
    fn destination(&self, url: &Url) -> Destination {
        Destination::of(&[url.as_str(), self.routing_key.expose()])
    }

    fn judge(response: &Response, now: Timestamp) -> Result<Receipt, NotifyError> {
        if response.status.as_u16() != 202 {
            return Err(refused(response, now));
        }
        let (status, body) = (response.status.as_u16(), excerpt(&response.body));
        match serde_json::from_slice::<Taken>(&response.body) {
            Ok(taken) if taken.status == "success" => {
                Ok(Receipt { status, body, provider_id: taken.dedup_key })
            }
            // 202 without "success" is no statement about this event; asking again under the same key is safe.
            _ => Err(NotifyError::Answer { status, body, retry: Retry::Backoff }),
        }
    }
}

/// The answer to an event that was taken.
#[derive(Debug, Deserialize)]
struct Taken {
    status: String,
    dedup_key: Option<String>,
}

/// The details of the whole message; long ones of the part of it that is shown, and how much is not.
fn details(
    message: &Message<'_>,
    shown: &TemplateData,
    whole: &TemplateData,
    texts: &Texts,
) -> Result<BTreeMap<String, String>, NotifyError> {
    let mut details = BTreeMap::new();
    for (name, text) in &texts.details {
        let mut detail = text.render(shown)?;
        if message.is_cut() && detail.len() <= DETAIL_KEPT {
            let of_all = text.render(whole).ok().filter(|of_all| of_all.len() <= DETAIL_KEPT);
            detail = of_all.unwrap_or(detail);
        }
        details.insert(name.clone(), detail);
    }
    let reason = message.delivery.reason.as_str();
    details.entry("reason".to_owned()).or_insert_with(|| reason.to_owned());
    if message.left_out() > 0 {
        let total = message.all_alerts().count();
        let left_out = format!("{} of {total} alerts are not shown", message.left_out());
        details.entry("left_out".to_owned()).or_insert(left_out);
    }
    Ok(details)
}

fn told(message: &Message<'_>, texts: &Texts, external_url: &Url) -> Result<Told, NotifyError> {
    let shown = TemplateData::of(message, external_url);
    let data = &shown.whole();
    let short = |text: &TemplateText| text.render(data).map(|text| cut(&text, TEXT_MAX));
    let labels = common_labels(message);
    let label = |names: &[&str]| {
        let found = names.iter().find_map(|name| labels.get(name).copied());
        cut(found.unwrap_or_default(), TEXT_MAX)
    };
    let or_label = |text: &Option<TemplateText>, names: &[&str]| match text {
        Some(text) => short(text),
        None => Ok(label(names)),
    };
    let client = short(&texts.client)?;
    let source = or_label(&texts.source, &["resource_name", "resource_id", "instance"])?;
    let severity = texts.severity.as_ref().map(short).transpose()?.unwrap_or_default().to_lowercase();
    let begun = message.all_alerts().filter(|alert| alert.is_firing()).map(|alert| alert.starts_at).min();
    let payload = Payload {
        summary: cut(&marked(message, required(short(&texts.description)?, "alert")), TEXT_MAX),
        source: required(source, &required(client.clone(), "Isobar")),
        // The API refuses any other word, and a page is not lost over one.
        severity: match SEVERITIES.contains(&severity.as_str()) {
            true => severity,
            false => worst_severity(message).as_str().to_owned(),
        },
        timestamp: begun.unwrap_or(message.notification.at).to_string(),
        component: or_label(&texts.component, &["resource_type", "job"])?,
        group: or_label(&texts.group, &["service_name", "cluster"])?,
        class: or_label(&texts.class, &["class"])?,
        custom_details: details(message, &shown, data, texts)?,
    };
    let client_url = short(&texts.client_url)?;
    let (links, images) = (links(message, &short, texts, external_url)?, images(&short, texts)?);
    Ok(Told { payload, client, client_url, links, images })
}

/// What the API wants to be there and not blank.
fn required(text: String, otherwise: &str) -> String {
    if text.trim().is_empty() { otherwise.to_owned() } else { text }
}

/// Those of the configuration, then some to alerts.
fn links(
    message: &Message<'_>,
    short: &impl Fn(&TemplateText) -> Result<String, NotifyError>,
    texts: &Texts,
    external_url: &Url,
) -> Result<Vec<EventLink>, NotifyError> {
    let mut links = Vec::new();
    for link in &texts.links {
        let href = short(&link.href)?;
        if !href.is_empty() {
            let text = required(short(&link.text)?, &href);
            links.push(EventLink { href, text });
        }
    }
    for alert in message.alerts().filter(|alert| alert.is_firing()).take(LINKS_SHOWN) {
        let name = alert.labels.get("alertname").unwrap_or("alert");
        let text = cut(&one_line(name), TEXT_MAX);
        links.push(EventLink { href: alert_url(external_url, alert), text });
    }
    Ok(links)
}

fn images(
    short: &impl Fn(&TemplateText) -> Result<String, NotifyError>,
    texts: &Texts,
) -> Result<Vec<EventImage>, NotifyError> {
    let mut images = Vec::new();
    for image in &texts.images {
        let src = short(&image.src)?;
        if !src.is_empty() {
            images.push(EventImage { src, href: short(&image.href)?, alt: short(&image.alt)? });
        }
    }
    Ok(images)
}

#[cfg(test)]
mod tests;
