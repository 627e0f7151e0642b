//! The commands that act on a running server: `isobar approve` and `isobar lever`.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal};

use anyhow::{Context, Result, bail};
use http::Method;
use serde_json::{Value, json};

use crate::cli::{ApproveArguments, LeverArguments};
use crate::client::{Server, encoded, print};
use crate::table;

const RUNBOOKS: &str = "/api/isobar/v1/runbooks";
const LEVER: &str = "/api/isobar/v1/lever";

/// `isobar approve`: lists what waits, or decides about one proposal under the hash it shows.
pub async fn approve(arguments: ApproveArguments) -> Result<()> {
    let server = Server::new(&arguments.server)?;
    let Some(id) = &arguments.id else {
        let items = server.items(RUNBOOKS, &[("q", "proposed")]).await?;
        let open: Vec<&Value> = items.iter().filter(|item| item["state"] == "proposed").collect();
        if open.is_empty() {
            return say("nothing waits for a decision");
        }
        let shown: Vec<String> = open.into_iter().map(shown).collect();
        return say(&shown.join("\n"));
    };
    let path = format!("{RUNBOOKS}/{}", encoded(id));
    let proposal = server.ask_json(&path, &[]).await?;
    say(&shown(&proposal))?;
    let hash = proposal["hash"].as_str().context("the answer has no hash: is this an Isobar server?")?;
    let word = if arguments.deny { "deny" } else { "approve" };
    if !arguments.yes && !confirmed(word)? {
        return say("nothing was decided");
    }
    let comment = arguments.comment.as_deref().unwrap_or_default();
    let body = json!({"hash": hash, "comment": comment});
    let answer = server.send_json(Method::POST, &format!("{path}/{word}"), body).await?;
    let reason = answer["reason"].as_str().map(|reason| format!(": {}", clean(reason))).unwrap_or_default();
    say(&format!("{} is {}{reason}", clean(id), answer["state"].as_str().unwrap_or_default()))
}

/// `isobar lever`: shows where it stands, or moves it.
pub async fn lever(arguments: LeverArguments) -> Result<()> {
    let server = Server::new(&arguments.server)?;
    let lever = match (arguments.position, arguments.reason) {
        (Some(position), Some(reason)) => {
            let body = json!({"position": position.as_str(), "reason": reason});
            server.send_json(Method::PUT, LEVER, body).await?
        }
        _ => server.ask_json(LEVER, &[]).await?,
    };
    let text = |key: &str| lever[key].as_str().map(clean);
    let mut line = text("position").context("the answer has no position: is this an Isobar server?")?;
    if let (Some(by), Some(at), Some(reason)) = (text("set_by"), text("set_at"), text("reason")) {
        let _ = write!(line, ", by {by} at {at}: {reason}");
    }
    say(&line)
}

/// A proposal as a person decides about it: everything under the hash.
fn shown(proposal: &Value) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => clean(text),
        Value::Null => "-".to_owned(),
        other => clean(&other.to_string()),
    };
    let alert = &proposal["alert"];
    let mut lines = vec![
        format!("proposal  {}  {}", text(&proposal["id"]), text(&proposal["state"])),
        format!("  runbook   {}  {}", text(&proposal["runbook"]), text(&proposal["description"])),
        format!("  calls     {} {}", text(&proposal["target"]["method"]), text(&proposal["target"]["url"])),
        format!(
            "  alert     {}  {}  {}  value {}  since {}",
            text(&alert["severity"]),
            text(&alert["name"]),
            text(&alert["id"]),
            text(&alert["value"]),
            text(&alert["starts_at"])
        ),
        format!("  resource  {}", text(&alert["resource"])),
    ];
    let labels = alert["labels"].as_object().into_iter().flatten();
    let labels: Vec<String> =
        labels.map(|(name, value)| format!("{}={}", clean(name), text(value))).collect();
    lines.push(format!("  labels    {}", labels.join("  ")));
    for one in proposal["evidence"].as_array().into_iter().flatten() {
        let verified = if one["verified"] == true { "verified" } else { "NOT VERIFIED" };
        lines.push(format!(
            "  evidence  {} {}  {verified}  {}",
            text(&one["at"]),
            text(&one["kind"]),
            text(&one["detail"])
        ));
    }
    if !proposal["reason"].is_null() {
        lines.push(format!("  reason    {}", text(&proposal["reason"])));
    }
    lines.push(format!("  hash      {}", text(&proposal["hash"])));
    lines.push(format!("  expires   {}", text(&proposal["expires_at"])));
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines.join("\n") + "\n"
}

/// Asks the person at the terminal.
fn confirmed(word: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask at: give --yes to {word} what was shown");
    }
    eprint!("{word} this? Type {word}: ");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim() == word)
}

/// Control characters shown, not obeyed: nothing of what is decided about is cut.
fn clean(text: &str) -> String {
    table::visible(text)
}

fn say(text: &str) -> Result<()> {
    print(format!("{}\n", text.trim_end()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_under_the_hash_is_shown_and_nothing_obeyed() {
        let proposal = json!({
            "id": "p1", "state": "proposed", "runbook": "restart-batch", "description": "restarts",
            "target": {"url": "https://hooks.example/a", "method": "POST"},
            "alert": {"id": "00000000000000a1", "name": "High\u{1b}[2JCpu", "severity": "critical", "resource": null,
                "labels": {"team": "platform"}, "value": 0.97, "starts_at": "2026-03-01T12:00:00.000Z"},
            "evidence": [{"kind": "policy", "detail": "0.97 from lab\nfake", "at": "2026-03-01T12:01:00.000Z", "verified": false}],
            "reason": null, "hash": "abcd", "expires_at": "2026-03-01T12:16:00.000Z",
        });
        let expected = "proposal  p1  proposed\n  runbook   restart-batch  restarts\n  calls     POST https://hooks.example/a\n  \
            alert     critical  High\\u{1b}[2JCpu  00000000000000a1  value 0.97  since 2026-03-01T12:00:00.000Z\n  \
            resource  -\n  labels    team=platform\n  \
            evidence  2026-03-01T12:01:00.000Z policy  NOT VERIFIED  0.97 from lab\\nfake\n  \
            hash      abcd\n  expires   2026-03-01T12:16:00.000Z\n";
        assert_eq!(shown(&proposal), expected);
        assert_eq!(encoded("a/../b?c"), "a%2F%2E%2E%2Fb%3Fc");
    }
}
