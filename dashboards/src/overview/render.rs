//! From the state of things to one HTML page.

use std::fmt::Write;
use std::time::Duration;

use http::StatusCode;
use isobar_alerting::AlertState;
use isobar_normalizer::{Severity, Timestamp, format_duration};

use super::escape::escape;
use crate::backend::StageHealth;
use crate::wire::{AlertView, DeliveryState, DeliveryView, SourceState, SourceView};

/// Rows of one table; a page of more is not read. What is left out is said under the table.
const ROWS_MAX: usize = 100;

/// What the page shows.
pub(super) struct Overview {
    pub(super) now: Timestamp,
    pub(super) alerts: Vec<AlertView>,
    pub(super) deliveries: Vec<DeliveryView>,
    pub(super) sources: Vec<SourceView>,
    pub(super) stages: Vec<StageHealth>,
}

/// The whole page.
pub(super) fn page(mut overview: Overview) -> String {
    overview.alerts.retain(|alert| alert.state.is_open());
    overview.alerts.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then(b.starts_at.cmp(&a.starts_at)).then_with(|| a.id.cmp(&b.id))
    });
    overview.sources.sort_by(|a, b| rank(b.state).cmp(&rank(a.state)).then_with(|| a.name.cmp(&b.name)));
    overview.deliveries.sort_by(|a, b| b.queued_at.cmp(&a.queued_at).then_with(|| a.id.cmp(&b.id)));
    let mut body = String::new();
    let (mood, sentence) = sentence(&overview);
    let _ = write!(
        body,
        "<h1 class=\"{mood}\">{}</h1><p class=\"quiet\">As of <time>{}</time>. <a href=\"/\">Look again</a></p>",
        escape(&sentence),
        overview.now
    );
    stages(&mut body, &overview.stages);
    alerts(&mut body, &overview.alerts, overview.now);
    sources(&mut body, &overview.sources);
    deliveries(&mut body, &overview.deliveries);
    document("Overview", &body)
}

/// The page that says no.
pub(crate) fn refusal(status: StatusCode, message: &str) -> String {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = format!(
        "<h1>{} {}</h1><p>{}</p><p><a href=\"/\">Overview</a></p>",
        status.as_u16(),
        escape(title),
        escape(message)
    );
    document(title, &body)
}

/// How things stand in one sentence, the worst first, and the class it is shown in.
fn sentence(overview: &Overview) -> (&'static str, String) {
    let stuck = overview.stages.iter().filter(|stage| !stage.ok).count();
    if stuck > 0 {
        let stages = if stuck == 1 { "stage is" } else { "stages are" };
        return ("critical", format!("Isobar itself needs help: {stuck} {stages} stuck."));
    }
    let mut parts = Vec::new();
    let mut mood = "fine";
    if let Some(worst) = overview.alerts.first() {
        mood = worst.severity.as_str();
        let count = overview.alerts.len();
        let of_worst = overview.alerts.iter().filter(|alert| alert.severity == worst.severity).count();
        let verb = if count == 1 { "alert is" } else { "alerts are" };
        parts.push(format!("{count} {verb} open, {of_worst} {}.", severity_word(worst.severity)));
    } else {
        parts.push("No alert is open.".to_owned());
    }
    let active = overview.sources.iter().filter(|source| source.state != SourceState::Disabled).count();
    let up = overview.sources.iter().filter(|source| source.state == SourceState::Up).count();
    if active == 0 {
        parts.push("No source is configured.".to_owned());
    } else {
        parts.push(format!("{up} of {active} sources deliver."));
    }
    let dead = overview.deliveries.iter().filter(|delivery| delivery.state == DeliveryState::Dead).count();
    if dead > 0 {
        let verb = if dead == 1 { "delivery was" } else { "deliveries were" };
        parts.push(format!("{dead} {verb} given up."));
    }
    if mood == "fine" && (up < active || dead > 0) {
        mood = "warning";
    }
    (mood, parts.join(" "))
}

fn stages(out: &mut String, stages: &[StageHealth]) {
    let stuck: Vec<&StageHealth> = stages.iter().filter(|stage| !stage.ok).collect();
    if stuck.is_empty() {
        return;
    }
    out.push_str("<section><h2>Stuck stages</h2><ul>");
    for stage in stuck {
        let (name, detail) = (escape(&stage.name), escape(&stage.detail));
        let _ = write!(out, "<li><strong>{name}</strong>: {detail}, since <time>{}</time></li>", stage.since);
    }
    out.push_str("</ul></section>");
}

fn alerts(out: &mut String, alerts: &[AlertView], now: Timestamp) {
    out.push_str("<section><h2>Open alerts</h2>");
    if alerts.is_empty() {
        out.push_str("<p class=\"quiet\">None.</p></section>");
        return;
    }
    out.push_str("<p>");
    for severity in Severity::ALL.iter().rev() {
        let count = alerts.iter().filter(|alert| alert.severity == *severity).count();
        if count > 0 {
            let _ =
                write!(out, "<span class=\"mark {severity}\">{} {count}</span> ", severity_word(*severity));
        }
    }
    out.push_str("</p>");
    table_head(out, &["Severity", "Alert", "Resource", "Summary", "Since"]);
    for alert in alerts.iter().take(ROWS_MAX) {
        let summary = alert.annotations.get("summary").or(alert.annotations.get("description"));
        let _ = write!(
            out,
            "<tr><td><span class=\"mark {0}\">{1}</span></td><td><a href=\"/api/isobar/v1/alerts/{2}\">{3}</a>{4}</td>\
             <td>{5}</td><td>{6}</td><td>{7}</td></tr>",
            alert.severity,
            severity_word(alert.severity),
            escape(&alert.id),
            escape(&alert.name),
            handling(alert),
            escape(alert.resource.as_deref().unwrap_or_default()),
            escape(summary.map(String::as_str).unwrap_or_default()),
            ago(alert.starts_at.0, now),
        );
    }
    table_end(out, alerts.len());
}

fn sources(out: &mut String, sources: &[SourceView]) {
    out.push_str("<section><h2>Sources</h2>");
    if sources.is_empty() {
        out.push_str("<p class=\"quiet\">None is configured.</p></section>");
        return;
    }
    table_head(out, &["State", "Source", "Kind", "Samples", "Lag", "Reason"]);
    for source in sources.iter().take(ROWS_MAX) {
        let lag = source.lag_seconds.map(|lag| format!("{lag:.0} s")).unwrap_or_default();
        let _ = write!(
            out,
            "<tr><td><span class=\"mark {0}\">{1}</span></td><td>{2}</td><td>{3}</td><td>{4}</td><td>{5}</td><td>{6}</td></tr>",
            source_mood(source.state),
            source.state.as_str(),
            escape(&source.name),
            escape(&source.kind),
            source.samples_last_cycle,
            lag,
            escape(source.reason.as_deref().unwrap_or_default()),
        );
    }
    table_end(out, sources.len());
}

fn deliveries(out: &mut String, deliveries: &[DeliveryView]) {
    out.push_str("<section><h2>Deliveries</h2>");
    if deliveries.is_empty() {
        out.push_str("<p class=\"quiet\">None yet.</p></section>");
        return;
    }
    table_head(out, &["State", "Receiver", "Channel", "Tells", "Tries", "Last error"]);
    for delivery in deliveries.iter().take(ROWS_MAX) {
        let _ = write!(
            out,
            "<tr><td><span class=\"mark {0}\">{1}</span></td><td>{2}</td><td>{3}</td><td>{4}</td><td>{5}</td><td>{6}</td></tr>",
            delivery_mood(delivery.state),
            delivery.state.as_str(),
            escape(&delivery.receiver),
            escape(&delivery.channel),
            delivery.transition.as_str(),
            delivery.attempts,
            escape(delivery.last_error.as_deref().unwrap_or_default()),
        );
    }
    table_end(out, deliveries.len());
}

fn table_head(out: &mut String, columns: &[&str]) {
    out.push_str("<div class=\"wide\"><table><thead><tr>");
    for column in columns {
        let _ = write!(out, "<th scope=\"col\">{column}</th>");
    }
    out.push_str("</tr></thead><tbody>");
}

fn table_end(out: &mut String, count: usize) {
    out.push_str("</tbody></table></div>");
    if count > ROWS_MAX {
        let _ = write!(out, "<p class=\"quiet\">{} more are not shown.</p>", count - ROWS_MAX);
    }
    out.push_str("</section>");
}

/// What is done about an alert, in words after its name.
fn handling(alert: &AlertView) -> String {
    let mut text = String::new();
    if alert.state == AlertState::NoData {
        text.push_str(" · no data");
    }
    if let Some(who) = &alert.acknowledged_by {
        let _ = write!(text, " · acknowledged by {}", escape(who));
    }
    if !alert.silenced_by.is_empty() {
        text.push_str(" · silenced");
    }
    if !alert.inhibited_by.is_empty() {
        text.push_str(" · inhibited");
    }
    text
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = Duration::from_secs(now.since(at).as_secs());
    format_duration(seconds)
}

/// People read `high` where the API says `error`.
fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "high",
        other => other.as_str(),
    }
}

fn rank(state: SourceState) -> u8 {
    match state {
        SourceState::Down => 3,
        SourceState::Degraded => 2,
        SourceState::Up => 1,
        SourceState::Disabled => 0,
    }
}

fn source_mood(state: SourceState) -> &'static str {
    match state {
        SourceState::Down => "critical",
        SourceState::Degraded => "warning",
        SourceState::Up => "fine",
        SourceState::Disabled => "info",
    }
}

fn delivery_mood(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Dead => "critical",
        DeliveryState::Failed => "warning",
        DeliveryState::Queued => "info",
        DeliveryState::Sent => "fine",
    }
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{} · Isobar</title><link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" \
         href=\"/assets/isobar.css\"></head><body><header><a href=\"/\">Isobar</a></header>\
         <main>{body}</main></body></html>",
        escape(title)
    )
}

#[cfg(test)]
mod tests;
