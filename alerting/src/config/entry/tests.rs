use super::*;
use crate::config::AlertingConfig;

fn with(channel: &str, entry: &str) -> String {
    format!("route: {{receiver: a}}\nreceivers:\n- name: a\n  {channel}_configs:\n  - {entry}\n")
}

/// The terms of the one integration of this entry.
#[track_caller]
fn terms(channel: &str, entry: &str) -> Terms {
    let text = with(channel, entry);
    let config = AlertingConfig::parse(&text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    config.receivers[0].integrations[0].terms.clone()
}

#[track_caller]
fn check_refused(channel: &str, entry: &str, place: (u32, u32), hint: &str) {
    let error = AlertingConfig::parse(&with(channel, entry)).expect_err(entry);
    assert!(error.message.contains(hint), "{entry}\n{error}");
    assert_eq!((error.line, error.column), place, "{entry}\n{error}");
}

#[test]
fn every_channel_takes_them_and_without_them_nothing_is_folded_or_cut() {
    assert_eq!(terms("webhook", "{url: 'http://h/'}"), Terms::default());
    let pager = terms("pagerduty", "{routing_key: k}");
    assert_eq!(pager.rates, [Rate::new(120, Duration::from_secs(60))]);
    assert!(!pager.is_digested && pager.max_bytes.is_none());
    let given = terms(
        "webhook",
        "{rate_limit: {messages: 20, per: 1m}, url: 'http://h/', storm: digest, max_bytes: 20000}",
    );
    let rates = vec![Rate::new(20, Duration::from_secs(60))];
    assert_eq!(given, Terms { rates, is_digested: true, max_bytes: Some(20_000) });
    let cut = terms("webhook", "{url: 'http://h/', max_bytes: 20000, rate_limit: {messages: 1, per: 1s}}");
    assert!(cut.is_digested, "who bounds the size of bodies takes several in one");
    let pager = terms("pagerduty", "{routing_key: k, max_bytes: 20000}");
    assert!(!pager.is_digested, "an incident is not told in another's message");
    let mail =
        terms("email", "{to: a@b.c, from: a@b.c, smarthost: 'h:25', rate_limit: {messages: 1, per: 1h}}");
    assert_eq!(mail.rates, [Rate::new(1, Duration::from_secs(3600))]);
}

#[test]
fn what_is_wrong_is_said_where_it_stands() {
    let url = "url: 'http://h/'";
    check_refused("webhook", &format!("{{{url}, storm: digest}}"), (5, 31), "storm needs a limit");
    check_refused("webhook", &format!("{{{url}, storm: drop}}"), (5, 31), "drop");
    check_refused("webhook", &format!("{{{url}, max_bytes: 12}}"), (5, 35), "at least 1024");
    check_refused(
        "webhook",
        &format!("{{{url}, rate_limit: {{messages: 0, per: 1m}}}}"),
        (5, 47),
        "from 1 to 10000",
    );
    check_refused(
        "webhook",
        &format!("{{{url}, rate_limit: {{messages: 1, per: 0s}}}}"),
        (5, 55),
        "per cannot be zero",
    );
    check_refused(
        "webhook",
        &format!("{{{url}, rate_limit: {{messages: 1, per: 2h}}}}"),
        (5, 55),
        "at most 1h",
    );
    check_refused("pagerduty", "{routing_key: k, storm: digest}", (5, 29), "one incident for each group");
    check_refused("webhook", "{uri: x}", (5, 6), "uri");
}
