//! `isobar replay`: asks a running server what a stretch of the past would have told under another configuration.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use http::Method;
use isobar_normalizer::Timestamp;
use serde_json::{Value, json};

use crate::cli::{Output, ReplayArguments};
use crate::client::{Server, print};
use crate::config;
use crate::table;

/// What stands in isobar.yaml only, and says nothing about who is told.
const NOT_ROUTING: [&str; 3] = ["classify", "enrich", "native"];

/// Columns of the table.
const COLUMNS: [&str; 7] = ["", "at", "receiver", "channel", "reason", "group", "alerts"];

/// Sends the configuration and shows what differs.
pub async fn run(arguments: ReplayArguments) -> Result<()> {
    let mut asked = json!({"from": time("--from", &arguments.from)?, "to": time("--to", &arguments.to)?});
    if let Some(path) = &arguments.config {
        let document = read(path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let (text, folder_of_text) = alerting(&document, folder)?;
        asked["templates"] = templates(&text, &folder_of_text)?;
        asked["alerting"] = json!(text);
        if arguments.policies {
            asked["policies"] = json!(policies(&document, folder)?);
        }
    }
    let server = Server::new(&arguments.server)?;
    let replayed = server.send_json(Method::POST, "/api/isobar/v1/replay", asked).await?;
    let text = match arguments.output {
        Output::Json => format!("{}\n", serde_json::to_string_pretty(&replayed)?),
        Output::Table => shown(&replayed),
    };
    print(text.as_bytes())
}

/// RFC 3339, or Unix seconds.
fn time(argument: &str, text: &str) -> Result<String> {
    let seconds = || text.parse::<i64>().ok()?.checked_mul(1000).map(Timestamp::from_millis);
    let at = Timestamp::parse_rfc3339(text).or_else(seconds);
    at.map(|at| at.to_string())
        .ok_or_else(|| anyhow!("{argument} {text:?}: write 2026-01-02T03:04:05Z, or Unix seconds"))
}

fn read(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_saphyr::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

/// What stands under `alerting:`, or in the file that it names, and the folder its own paths start at; a file of
/// Alertmanager's own is taken as it is.
fn alerting(document: &Value, folder: &Path) -> Result<(String, PathBuf)> {
    if document.get("route").is_some() {
        return Ok((document.to_string(), folder.to_owned()));
    }
    let Some(section) = document.get("alerting") else {
        bail!("there is neither alerting nor route in the configuration: nothing in it says who is told");
    };
    if let Some(file) = section["file"].as_str() {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        return Ok((text, path.parent().unwrap_or(folder).to_owned()));
    }
    let mut section = section.clone();
    if let Some(keys) = section.as_object_mut() {
        NOT_ROUTING.iter().for_each(|key| drop(keys.remove(*key)));
    }
    Ok((section.to_string(), folder.to_owned()))
}

/// The files of templates that it names, by pattern and name.
fn templates(text: &str, folder: &Path) -> Result<Value> {
    // Whatever is wrong with it is said by the server, with its place.
    let section: Value = serde_saphyr::from_str(text).unwrap_or_default();
    let mut found = BTreeMap::new();
    for pattern in section["templates"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let files =
            config::templates(folder, pattern).map_err(|error| anyhow!("templates {pattern}: {error}"))?;
        found.insert(pattern.to_owned(), files.into_iter().collect::<BTreeMap<String, String>>());
    }
    Ok(json!(found))
}

/// The policies of every file that the configuration names, as one file.
fn policies(document: &Value, folder: &Path) -> Result<String> {
    let mut all = Vec::new();
    for pattern in document["policies"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let pattern = folder.join(pattern);
        let mut files: Vec<_> = glob::glob(&pattern.to_string_lossy())?.collect::<Result<_, _>>()?;
        files.sort();
        for file in files {
            all.extend(read(&file)?["policies"].as_array().cloned().unwrap_or_default());
        }
    }
    Ok(json!({"policies": all}).to_string())
}

/// Counts by receiver, and every message that differs in order of time.
fn shown(replayed: &Value) -> String {
    let mut text = String::new();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for one in replayed["receivers"].as_array().into_iter().flatten() {
        let name = one["receiver"].as_str().unwrap_or_default();
        let _ = writeln!(
            text,
            "{}: {} then, {} now: {} the same, {} added, {} removed, {} changed",
            table::visible(name),
            one["then"],
            one["now"],
            one["same"],
            one["added_total"],
            one["removed_total"],
            one["changed_total"]
        );
        let listed = |sort: &str| one[sort].as_array().cloned().unwrap_or_default();
        rows.extend(listed("added").iter().map(|message| row("added", name, message)));
        rows.extend(listed("removed").iter().map(|message| row("removed", name, message)));
        for changed in listed("changed") {
            rows.push(row("was", name, &changed["then"]));
            rows.push(row("is", name, &changed["now"]));
        }
    }
    if text.is_empty() {
        text.push_str("nobody was told anything, and nobody would be\n");
    }
    for note in replayed["notes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let _ = writeln!(text, "note: {note}");
    }
    if !rows.is_empty() {
        rows.sort_by(|a, b| a[1].cmp(&b[1]));
        let _ = write!(text, "\n{}\n", table::render(&COLUMNS, &rows).trim_end());
    }
    text
}

fn row(what: &str, receiver: &str, message: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let alerts = message["alerts"].as_array().into_iter().flatten();
    let alerts: Vec<String> =
        alerts.map(|alert| format!("{} {}", text(&alert["name"]), text(&alert["transition"]))).collect();
    let labels = message["group_labels"].as_object().into_iter().flatten();
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={}", text(value))).collect();
    vec![
        what.to_owned(),
        text(&message["at"]),
        receiver.to_owned(),
        text(&message["channel"]),
        text(&message["reason"]),
        labels.join(" "),
        alerts.join(", "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_taken_from_wherever_it_stands() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("am.yml"), "route: {receiver: a}\n").unwrap();
        std::fs::create_dir(dir.path().join("p")).unwrap();
        std::fs::write(dir.path().join("p/1.yaml"), "policies: [{name: A}]\n").unwrap();
        std::fs::write(dir.path().join("p/2.yaml"), "policies: [{name: B}]\n").unwrap();
        std::fs::write(dir.path().join("a.tmpl"), "{{ define \"a\" }}x{{ end }}").unwrap();
        let of =
            |text: &str| alerting(&serde_saphyr::from_str(text).unwrap(), dir.path()).map(|found| found.0);
        assert_eq!(of("alerting: {file: am.yml}").unwrap(), "route: {receiver: a}\n");
        assert_eq!(of("route: {receiver: a}").unwrap(), r#"{"route":{"receiver":"a"}}"#);
        let inline = of(
            "alerting: {route: {receiver: a}, receivers: [{name: a}], native: {file: n}, classify: {file: c}, \
             enrich: [{table: {file: t}}], flapping: {changes: 3}}",
        );
        let inline = inline.unwrap();
        let expected =
            json!({"route": {"receiver": "a"}, "receivers": [{"name": "a"}], "flapping": {"changes": 3}});
        assert_eq!(serde_json::from_str::<Value>(&inline).unwrap(), expected);
        // The server reads it as a whole.
        isobar_alerting::AlertingConfig::parse(&inline).unwrap();
        assert!(of("sources: []").is_err());
        let sent = templates("{templates: ['*.tmpl']}", dir.path()).unwrap();
        assert_eq!(sent, json!({"*.tmpl": {"a.tmpl": "{{ define \"a\" }}x{{ end }}"}}));
        let document: Value = serde_saphyr::from_str("policies: ['p/*.yaml']").unwrap();
        let found = policies(&document, dir.path()).unwrap();
        assert_eq!(found, r#"{"policies":[{"name":"A"},{"name":"B"}]}"#);
    }

    #[test]
    fn what_differs_is_listed_in_order_of_time() {
        let message = |at: &str| {
            json!({"at": at, "channel": "webhook", "reason": "first notification", "group_labels": {"alertname": "A"},
                "alerts": [{"name": "A", "transition": "firing"}]})
        };
        let replayed = json!({"receivers": [{"receiver": "ops", "then": 2, "now": 1, "same": 0, "added_total": 0,
            "removed_total": 1, "changed_total": 1, "added": [], "removed": [message("2026-01-01T00:00:03.000Z")],
            "changed": [{"then": message("2026-01-01T00:00:01.000Z"), "now": message("2026-01-01T00:00:02.000Z")}]}],
            "notes": ["so"]});
        let text = shown(&replayed);
        let begin = "ops: 2 then, 1 now: 0 the same, 0 added, 1 removed, 1 changed\nnote: so\n\n";
        assert!(text.starts_with(begin), "{text}");
        let order: Vec<_> = ["was", "is", "removed "].map(|word| text.rfind(&format!("\n{word}"))).into();
        assert!(order.is_sorted() && order.iter().all(Option::is_some), "{text}");
        assert!(shown(&json!({"receivers": [], "notes": []})).contains("nobody"));
        assert_eq!(time("--from", "0").unwrap(), "1970-01-01T00:00:00.000Z");
        assert!(time("--from", "yesterday").is_err());
    }
}
