//! The commands by which people handle alerts: `isobar alerts ack …`, `isobar silence …`, `isobar routes test`.

use anyhow::{Context, Result, bail};
use http::Method;
use isobar_alerting::parse_matchers;
use isobar_normalizer::{MatchOp, Matcher};
use serde_json::{Value, json};

use crate::cli::{
    ActCommand, AlertsArguments, Output, RoutesArguments, RoutesCommand, SilenceArguments, SilenceCommand,
    Targets,
};
use crate::client::{Server, encoded, list, print_items, print_line};
use crate::clock;
use crate::table;

const SILENCES: &str = "/api/isobar/v1/silences";
const SILENCE_COLUMNS: [&str; 7] = ["id", "state", "matchers", "ends_at", "created_by", "comment", "hides"];

/// `isobar alerts`: lists them, or does something about some.
pub async fn alerts(arguments: AlertsArguments, columns: &[&str]) -> Result<()> {
    let Some(act) = arguments.act else {
        return list(arguments.list, "alerts", columns).await;
    };
    let (mut body, targets) = match act {
        ActCommand::Ack(targets) => (json!({"act": "acknowledge"}), targets),
        ActCommand::Unack(targets) => (json!({"act": "unacknowledge"}), targets),
        ActCommand::Assign { to, targets } => (json!({"act": "assign", "to": to}), targets),
        ActCommand::Comment(targets) => (json!({"act": "comment"}), targets),
        ActCommand::Snooze { span, targets } => {
            (json!({"act": "snooze", "until": clock::now().plus(span).to_string()}), targets)
        }
        ActCommand::Unsnooze(targets) => (json!({"act": "unsnooze"}), targets),
    };
    let Targets { ids, q, note, server } = targets;
    match q {
        Some(q) => body["q"] = json!(q),
        None => body["ids"] = json!(ids),
    }
    body["note"] = json!(note);
    let answer = Server::new(&server)?.send_json(Method::POST, "/api/isobar/v1/alerts/acts", body).await?;
    let affected =
        answer["affected"].as_u64().context("the answer has no count: is this an Isobar server?")?;
    print_line(&format!("{affected} {}", if affected == 1 { "alert" } else { "alerts" }))
}

/// `isobar silence`
pub async fn silence(arguments: SilenceArguments) -> Result<()> {
    match arguments.command {
        SilenceCommand::List(arguments) => {
            let server = Server::new(&arguments.server)?;
            let q: Vec<(&str, &str)> = arguments.q.as_deref().map(|q| ("q", q)).into_iter().collect();
            let mut items = server.items(SILENCES, &q).await?;
            if arguments.output == Output::Table {
                items.iter_mut().for_each(|item| item["matchers"] = json!(matchers_text(&item["matchers"])));
            }
            print_items(items, arguments.output, &SILENCE_COLUMNS)
        }
        SilenceCommand::Add { matchers, comment, end, start, until_resolved, server } => {
            let mut body = json!({
                "matchers": wire_matchers(&matchers)?,
                "ends_at": end.at(clock::now()).to_string(),
                "comment": comment,
                "until_resolved": until_resolved,
            });
            if let Some(start) = start {
                body["starts_at"] = json!(start.to_string());
            }
            put(&Server::new(&server)?, body).await
        }
        SilenceCommand::Update { id, comment, span, until, server } => {
            let server = Server::new(&server)?;
            let mut body = server.ask_json(&format!("{SILENCES}/{}", encoded(&id)), &[]).await?;
            let kept = [
                "id",
                "matchers",
                "starts_at",
                "ends_at",
                "comment",
                "annotations",
                "recurrence",
                "until_resolved",
            ];
            body.as_object_mut()
                .context("the answer is no silence: is this an Isobar server?")?
                .retain(|key, _| kept.contains(&key.as_str()));
            if let Some(comment) = comment {
                body["comment"] = json!(comment);
            }
            if let Some(end) = until.or(span.map(|span| clock::now().plus(span))) {
                body["ends_at"] = json!(end.to_string());
            }
            put(&server, body).await
        }
        SilenceCommand::Expire { ids, server } => {
            let server = Server::new(&server)?;
            for id in ids {
                server.send_nothing(Method::DELETE, &format!("{SILENCES}/{}", encoded(&id))).await?;
            }
            Ok(())
        }
    }
}

/// Makes or changes a silence; prints its id, for scripts.
async fn put(server: &Server, body: Value) -> Result<()> {
    let silence = server.send_json(Method::POST, SILENCES, body).await?;
    print_line(silence["id"].as_str().context("the answer has no id: is this an Isobar server?")?)
}

fn wire_matchers(texts: &[String]) -> Result<Vec<Value>> {
    let mut matchers: Vec<Matcher> = Vec::new();
    for text in texts {
        match parse_matchers(text) {
            Ok(read) => matchers.extend(read),
            Err(wrong) => bail!("{wrong}"),
        }
    }
    let wire = |one: &Matcher| {
        json!({
            "name": one.name(),
            "value": one.value(),
            "is_regex": one.op().is_regex(),
            "is_equal": one.op().is_equal(),
        })
    };
    Ok(matchers.iter().map(wire).collect())
}

fn matchers_text(matchers: &Value) -> String {
    let text = |one: &Value| {
        let is = |key: &str, otherwise: bool| one[key].as_bool().unwrap_or(otherwise);
        let op = MatchOp::of(is("is_regex", false), is("is_equal", true));
        format!("{}{op}{}", one["name"].as_str().unwrap_or_default(), one["value"])
    };
    matchers.as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(" ")
}

/// `isobar routes`
pub async fn routes(arguments: RoutesArguments) -> Result<()> {
    let RoutesCommand::Test { labels, output, server } = arguments.command;
    let labels: serde_json::Map<String, Value> =
        labels.into_iter().map(|(name, value)| (name, value.into())).collect();
    let server = Server::new(&server)?;
    let answer =
        server.send_json(Method::POST, "/api/isobar/v1/routes/preview", json!({ "labels": labels })).await?;
    if output == Output::Json {
        return print_line(&serde_json::to_string_pretty(&answer)?);
    }
    let rows = |list: &str, columns: &[&str]| -> Vec<Vec<String>> {
        let items = answer[list].as_array().into_iter().flatten();
        items.map(|item| columns.iter().map(|column| text(&item[*column])).collect()).collect()
    };
    let path = ["place", "receiver", "is_match", "detail"];
    let told = ["receiver", "place", "group_by", "muted_by"];
    let mut shown = table::render(&path, &rows("path", &path));
    shown.push('\n');
    shown.push_str(&table::render(&told, &rows("receivers", &told)));
    for (held, what) in [("silenced_by", "silenced by"), ("inhibited_by", "inhibited by")] {
        let ids = text(&answer[held]);
        if !ids.is_empty() {
            shown.push_str(&format!("\n{what} {ids}\n"));
        }
    }
    print_line(&shown)
}

/// One value as a cell.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_are_read_as_people_write_them_and_shown_again() {
        let texts = ["team=db", "host=~\"a|b\"", "zone!=z"].map(str::to_owned);
        let wire = wire_matchers(&texts).unwrap();
        assert_eq!(wire[1], json!({"name": "host", "value": "a|b", "is_regex": true, "is_equal": true}));
        assert_eq!(matchers_text(&json!(wire)), "team=\"db\" host=~\"a|b\" zone!=\"z\"");
        assert!(wire_matchers(&["team".to_owned()]).is_err());
    }
}
