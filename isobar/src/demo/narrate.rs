//! What a demo tells of the webhooks it receives: the first ones in full, a line for every further one.

use serde_json::Value;

/// Bodies shown in full that fire: the first may be about something small.
const FIRING_MAX: u32 = 2;
/// Bodies shown in full that resolve.
const RESOLVED_MAX: u32 = 1;

/// How many bodies were shown in full.
#[derive(Debug, Default)]
pub struct Narrator {
    firing: u32,
    resolved: u32,
}

impl Narrator {
    /// What to print for a body: the first that fire and the first that resolves as they came, in lines.
    pub fn tell(&mut self, body: &[u8]) -> String {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return format!("{} bytes that are no JSON", body.len());
        };
        let line = summary(&body);
        let (shown, most) = match body["status"].as_str() {
            Some("firing") => (&mut self.firing, FIRING_MAX),
            Some("resolved") => (&mut self.resolved, RESOLVED_MAX),
            _ => return line,
        };
        if *shown == most {
            return line;
        }
        *shown += 1;
        let pretty = serde_json::to_string_pretty(&body).expect("what was read as JSON is written as JSON");
        format!("{line}, in full:\n{pretty}")
    }
}

/// `firing: HighCpu, service checkout, 6 alerts: a, b, c and 3 more`
fn summary(body: &Value) -> String {
    const NAMED: usize = 3;
    let alerts = body["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<&str> = alerts.iter().filter_map(of_what).take(NAMED).collect();
    let more = match alerts.len().saturating_sub(names.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let labels = body["groupLabels"].as_object().into_iter().flatten();
    let group: Vec<String> =
        labels.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default())).collect();
    let plural = if alerts.len() == 1 { "" } else { "s" };
    format!(
        "{}: {}, {} alert{plural}: {}{more}",
        body["status"].as_str().unwrap_or("unknown"),
        group.join(" "),
        alerts.len(),
        names.join(", "),
    )
}

/// What an alert is about, in the shortest words there are.
fn of_what(alert: &Value) -> Option<&str> {
    ["resource_name", "resource_id", "source", "alertname"]
        .iter()
        .find_map(|name| alert["labels"][name].as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_are_told_in_full_and_the_others_in_a_line() {
        let body = |status: &str, count: usize| {
            let alerts: Vec<Value> = (1..=count)
                .map(|n| json!({"labels": {"alertname": "HighCpu", "resource_name": format!("web-{n}")}}))
                .collect();
            json!({"status": status, "groupLabels": {"alertname": "HighCpu"}, "alerts": alerts}).to_string()
        };
        let mut narrator = Narrator::default();
        let first = narrator.tell(body("firing", 1).as_bytes());
        assert!(first.starts_with("firing: alertname=HighCpu, 1 alert: web-1, in full:\n{\n"), "{first}");
        assert!(narrator.tell(body("firing", 2).as_bytes()).contains("in full"));
        assert_eq!(
            narrator.tell(body("firing", 5).as_bytes()),
            "firing: alertname=HighCpu, 5 alerts: web-1, web-2, web-3 and 2 more"
        );
        assert!(narrator.tell(body("resolved", 1).as_bytes()).contains("in full"));
        assert!(!narrator.tell(body("resolved", 1).as_bytes()).contains("in full"));
        assert_eq!(narrator.tell(b"\x00{"), "2 bytes that are no JSON");
    }
}
