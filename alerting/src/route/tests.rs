use super::*;
use crate::config::AlertingConfig;

const TREE: &str = r#"
route:
  receiver: default
  group_by: [alertname]
  routes:
    - receiver: pager
      matchers: [severity="critical"]
      group_by: [alertname, cluster]
      routes:
        - receiver: database
          matchers: ['{team=~"db|storage", tier!="test"}']
          group_by: ['...']
    - receiver: audit
      matchers: [class=security]
      continue: true
    - receiver: legacy
      match: {job: cron}
      match_re: {host: 'web\d+'}
receivers: [{name: default}, {name: pager}, {name: database}, {name: audit}, {name: legacy}]
"#;

fn labels(text: &str) -> Labels {
    let pairs = text.split_whitespace().map(|pair| pair.split_once('=').expect("name=value"));
    Labels::from_pairs(pairs).unwrap()
}

fn check(alert: &str, expected: &[(&str, &str)]) {
    let config = AlertingConfig::parse(TREE).unwrap();
    let labels = labels(alert);
    let found: Vec<(String, String)> = config
        .route
        .matching(&labels)
        .into_iter()
        .map(|route| (route.receiver.to_string(), route.group_key(&route.group_labels(&labels))))
        .collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(r, k)| (r.as_str(), k.as_str())).collect();
    assert_eq!(found, expected, "{alert}");
}

#[test]
fn first_match_wins_unless_it_continues() {
    check("alertname=A", &[("default", r#"{}:{alertname="A"}"#)]);
    check("alertname=A severity=critical", &[("pager", r#"{}/{severity="critical"}:{alertname="A"}"#)]);
    check(
        "alertname=A severity=critical cluster=c1 tier=test team=db",
        &[("pager", r#"{}/{severity="critical"}:{alertname="A", cluster="c1"}"#)],
    );
    check(
        "alertname=A severity=critical team=db",
        &[(
            "database",
            r#"{}/{severity="critical"}/{team=~"db|storage",tier!="test"}:{alertname="A", severity="critical", team="db"}"#,
        )],
    );
    check(
        "alertname=A class=security job=cron host=web12",
        &[
            ("audit", r#"{}/{class="security"}:{alertname="A"}"#),
            ("legacy", r#"{}/{host=~"^(?:web\\d+)$",job="cron"}:{alertname="A"}"#),
        ],
    );
    check("alertname=A class=security", &[("audit", r#"{}/{class="security"}:{alertname="A"}"#)]);
}

#[test]
fn each_tried_route_says_why() {
    let config = AlertingConfig::parse(TREE).unwrap();
    let labels = labels("alertname=A severity=critical team=web");
    let shown: Vec<String> = config
        .route
        .explain(&labels)
        .into_iter()
        .map(|(route, verdict)| match verdict {
            RouteVerdict::Refused(matcher) => format!("{} refused by {matcher}", route.receiver),
            RouteVerdict::Passed => format!("{} passed", route.receiver),
            RouteVerdict::Chosen => format!("{} chosen", route.receiver),
        })
        .collect();
    assert_eq!(shown, [r#"database refused by team=~"db|storage""#, "pager chosen", "default passed"]);
}

/// Debian's amtool routes the same alerts through the same tree.
#[test]
fn amtool_agrees() {
    use std::process::Command;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alertmanager.yml");
    std::fs::write(&file, TREE).unwrap();
    let config = AlertingConfig::parse(TREE).unwrap();
    let route = |alert: &str| {
        let arguments = ["config", "routes", "test", "--config.file"].map(str::to_owned);
        Command::new("amtool").args(arguments).arg(&file).args(alert.split(' ')).output()
    };
    for severity in ["critical", "warning"] {
        for team in ["db", "storage", "web"] {
            for rest in
                ["tier=test", "class=security", "class=security job=cron host=web1", "job=cron host=webx"]
            {
                let alert = format!("alertname=A severity={severity} team={team} {rest}");
                let Ok(output) = route(&alert) else {
                    eprintln!("skipped: amtool is not installed");
                    return;
                };
                let theirs = String::from_utf8(output.stdout).unwrap();
                let ours: Vec<&str> =
                    config.route.matching(&labels(&alert)).iter().map(|route| &*route.receiver).collect();
                assert_eq!(ours.join(","), theirs.trim(), "{alert}");
            }
        }
    }
}
