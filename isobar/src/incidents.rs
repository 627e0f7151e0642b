//! `isobar incidents`: what belongs together, what happened to it, and what people do about it.

use anyhow::{Context, Result};
use http::Method;
use serde_json::{Value, json};

use crate::cli::{IncidentCommand, IncidentsArguments, Output};
use crate::client::{Server, encoded, print_items, print_line};
use crate::people::text;
use crate::table;

const INCIDENTS: &str = "/api/isobar/v1/incidents";
const COLUMNS: [&str; 7] = ["id", "state", "severity", "title", "open_count", "acknowledged_by", "starts_at"];
const MEMBERS: [&str; 6] = ["id", "name", "severity", "resource", "left_at", "reason"];
const TIMELINE: [&str; 6] = ["at", "kind", "what", "subject", "actor", "detail"];

/// `isobar incidents`
pub async fn run(arguments: IncidentsArguments) -> Result<()> {
    let IncidentsArguments { command, state, list } = arguments;
    let Some(command) = command else {
        let q = list.q.as_deref().map(|q| ("q", q));
        let query: Vec<(&str, &str)> = [("state", state.as_str())].into_iter().chain(q).collect();
        let items = Server::new(&list.server)?.items(INCIDENTS, &query).await?;
        return print_items(items, list.output, &COLUMNS);
    };
    match command {
        IncidentCommand::Show { id, output, server } => {
            let shown = Server::new(&server)?.ask_json(&address(&id), &[]).await?;
            match output {
                Output::Json => print_line(&serde_json::to_string_pretty(&shown)?),
                Output::Table => print_line(&page(&shown)),
            }
        }
        IncidentCommand::Ack(targets) => {
            let server = Server::new(&targets.server)?;
            for id in targets.ids {
                change(&server, &id, "acknowledge", json!({})).await?;
            }
            Ok(())
        }
        IncidentCommand::Unack(targets) => {
            let server = Server::new(&targets.server)?;
            for id in targets.ids {
                change(&server, &id, "unacknowledge", json!({})).await?;
            }
            Ok(())
        }
        IncidentCommand::Split { id, alerts, server } => {
            let new = change(&Server::new(&server)?, &id, "split", json!({ "alerts": alerts })).await?;
            print_line(&new)
        }
        IncidentCommand::Merge { into, from, server } => {
            let whole = change(&Server::new(&server)?, &into, "merge", json!({ "from": from })).await?;
            print_line(&whole)
        }
    }
}

fn address(id: &str) -> String {
    format!("{INCIDENTS}/{}", encoded(id))
}

/// Changes an incident; the id of what came of it.
async fn change(server: &Server, id: &str, act: &str, body: Value) -> Result<String> {
    let answer = server.send_json(Method::POST, &format!("{}/{act}", address(id)), body).await?;
    let id = answer["id"].as_str().context("the answer has no id: is this an Isobar server?")?;
    Ok(id.to_owned())
}

/// One incident for people.
fn page(incident: &Value) -> String {
    let line = |name: &str, value: &Value| format!("{name:<16}{}\n", table::visible(&text(value)));
    let head =
        ["title", "state", "severity", "acknowledged_by", "reason", "starts_at", "ends_at", "merged_into"];
    let said = head.into_iter().filter(|name| !incident[*name].is_null());
    let mut shown: String = said.map(|name| line(name, &incident[name])).collect();
    let of_outage = |list: &str| incident["outage"][list].as_array().into_iter().flatten();
    shown.extend(of_outage("evidence").map(|one| line("for", &one["detail"])));
    shown.extend(of_outage("against").map(|one| line("against", one)));
    for (list, columns) in [("members", MEMBERS), ("timeline", TIMELINE)] {
        let items = incident[list].as_array().into_iter().flatten();
        let rows: Vec<Vec<String>> =
            items.map(|item| columns.iter().map(|column| text(&item[*column])).collect()).collect();
        shown.push('\n');
        shown.push_str(&table::render(&columns, &rows));
    }
    let (all, told) = (&incident["alert_count"], incident["members"].as_array().map_or(0, Vec::len));
    if all.as_u64() > Some(told as u64) {
        shown.push_str(&format!(
            "\n{told} of {all} alerts; isobar alerts --q @incident={} has all\n",
            text(&incident["id"])
        ));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_is_shown_with_its_alerts_and_what_happened() {
        let incident = json!({
            "id": "i-1", "title": "Slow on db-1\u{1b}[2J", "state": "open", "severity": "critical", "reason": "opened by Slow",
            "acknowledged_by": null, "starts_at": "2026-03-01T12:00:00.000Z", "ends_at": null, "merged_into": null,
            "alert_count": 2, "outage": {"evidence": [{"detail": "9 of 10"}], "against": ["nothing"]},
            "members": [{"id": "a1", "name": "Slow", "severity": "critical", "resource": null, "left_at": null, "reason": "the first"}],
            "timeline": [{"at": "t", "kind": "alert", "what": "firing", "subject": "Slow", "actor": null, "detail": "it is"}],
        });
        let expected = "title           Slow on db-1\\u{1b}[2J
state           open
severity        critical
reason          opened by Slow
starts_at       2026-03-01T12:00:00.000Z
for             9 of 10
against         nothing

ID  NAME  SEVERITY  RESOURCE  LEFT_AT  REASON
a1  Slow  critical                     the first

AT  KIND   WHAT    SUBJECT  ACTOR  DETAIL
t   alert  firing  Slow            it is

1 of 2 alerts; isobar alerts --q @incident=i-1 has all
";
        assert_eq!(page(&incident), expected);
    }
}
