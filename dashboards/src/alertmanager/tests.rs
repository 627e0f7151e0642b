use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use isobar_alerting::{Period, SilenceDraft};
use isobar_normalizer::Matcher;
use serde_json::{Value, json};

use crate::fake::{self, Answer, Fake, NOW, get, labels, post};
use crate::{PostAnswer, Sender, Silences, StandingAlert};

const JSON: &str = "application/json";

fn standing(pairs: &[(&str, &str)], receivers: &[&str]) -> StandingAlert {
    let labels = labels(pairs);
    StandingAlert {
        fingerprint: labels.fingerprint(),
        labels,
        annotations: BTreeMap::new(),
        starts_at: NOW,
        updated_at: NOW,
        ends_at: NOW.plus(Duration::from_secs(300)),
        generator_url: String::new(),
        receivers: receivers.iter().map(|name| Arc::from(*name)).collect(),
        silenced_by: Vec::new(),
        inhibited_by: Vec::new(),
    }
}

fn filled() -> Arc<Fake> {
    let fake = Fake::new();
    let mut silenced = standing(&[("alertname", "B"), ("team", "db")], &["db"]);
    silenced.silenced_by = vec!["s1".to_owned()];
    let mut inhibited = standing(&[("alertname", "C")], &["ops", "db"]);
    inhibited.inhibited_by = vec!["00000000000000a1".to_owned()];
    let mut active = standing(&[("alertname", "A"), ("team", "db")], &["ops"]);
    active.generator_url = "http://x/y".to_owned();
    active.annotations.insert("summary".to_owned(), "down".to_owned());
    *fake.standing.lock() = vec![silenced, inhibited, active];
    fake
}

/// The names of the alerts that are left, in order.
async fn check(query: &str, expected: &[&str]) {
    let answer = get(&filled().router("{}"), &format!("/api/v2/alerts?{query}")).await;
    let answer = answer.json();
    let mut names: Vec<&str> = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| alert["labels"]["alertname"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, expected, "{query}");
}

async fn check_refused(router: &Router, path: &str, status: u16, expected: Value) {
    let answer = get(router, path).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (status, expected), "{path}");
}

#[tokio::test]
async fn an_alert_is_written_as_alertmanager_writes_it() {
    let answer = get(&filled().router("{}"), "/api/v2/alerts?filter=alertname=A").await;
    let expected = r#"[{"annotations":{"summary":"down"},"endsAt":"2023-11-14T22:18:20.000Z","fingerprint":"7c645696d60f2876","receivers":[{"name":"ops"}],"startsAt":"2023-11-14T22:13:20.000Z","status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":[],"state":"active"},"updatedAt":"2023-11-14T22:13:20.000Z","generatorURL":"http://x/y","labels":{"alertname":"A","team":"db"}}]"#;
    assert_eq!(answer.body, expected);
    assert_eq!(answer.headers["content-type"], "application/json");
}

#[tokio::test]
async fn alerts_are_filtered() {
    check("", &["A", "B", "C"]).await;
    check("active=false", &["B", "C"]).await;
    check("silenced=false", &["A", "C"]).await;
    check("inhibited=false", &["A", "B"]).await;
    check("active=false&silenced=false&inhibited=false", &[]).await;
    check("unprocessed=false", &["A", "B", "C"]).await;
    check("active=yes", &["A", "B", "C"]).await;
    check("active=maybe", &["B", "C"]).await;
    check("filter=team=db", &["A", "B"]).await;
    check("filter=team=db&filter=alertname!=A", &["B"]).await;
    check("filter=team=%22%22", &["C"]).await;
    check("filter=%7Bteam=~%22d.%22%7D", &["A", "B"]).await;
    check("receiver=op.", &["A", "C"]).await;
    check("receiver=op", &[]).await;
    check("receiver_matchers=owner=%22%22", &["A", "B", "C"]).await;
    check("receiver_matchers=owner=me", &[]).await;
}

#[tokio::test]
async fn groups_leave_out_what_is_not_wanted() {
    let router = filled().router("{}");
    let groups = async |query: &str| {
        let answer = get(&router, &format!("/api/v2/alerts/groups?{query}")).await.json();
        let shown = answer.as_array().unwrap().iter().map(|group| {
            let alerts = group["alerts"].as_array().unwrap();
            format!("{} {}", group["receiver"]["name"].as_str().unwrap(), alerts.len())
        });
        shown.collect::<Vec<_>>()
    };
    assert_eq!(groups("").await, ["db 2", "ops 2"]);
    assert_eq!(groups("muted=false").await, ["ops 2"]);
    assert_eq!(groups("receiver=db&silenced=false").await, ["db 1"]);
    assert_eq!(groups("filter=alertname=B").await, ["db 1"]);
    let answer = get(&router, "/api/v2/alerts/groups?receiver=db&filter=alertname=B").await.json();
    assert_eq!(answer[0]["alerts"][0]["status"]["mutedBy"], json!(["nights"]));
    assert_eq!(answer[0]["alerts"][0]["status"]["state"], "suppressed");
}

#[tokio::test]
async fn wrong_filters_are_named() {
    let router = filled().router("{}");
    for list in ["alerts", "alerts/groups", "silences"] {
        let answer = get(&router, &format!("/api/v2/{list}?filter=a")).await;
        assert_eq!(answer.status, 400);
        let said = answer.json();
        assert!(said.as_str().unwrap().starts_with("bad matcher format: "), "{said}");
        assert_eq!(get(&router, &format!("/api/v2/{list}?filter=a=b,c=d")).await.status, 400);
    }
    let answer = get(&router, "/api/v2/alerts?receiver=(").await;
    assert_eq!(answer.status, 400);
    assert!(answer.json().as_str().unwrap().starts_with("failed to parse receiver param: "));
}

#[tokio::test]
async fn posted_alerts_are_answered_as_alertmanager_answers() {
    let fake = Fake::new();
    let router = fake.router("{}");
    let answer = post(&router, "/api/v2/alerts", JSON, "[]").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
    let anonymous = Sender { name: "anonymous".to_owned(), is_known: false };
    assert_eq!(*fake.posted.lock(), [("[]".into(), anonymous)]);
    for (outcome, status, expected) in [
        (PostAnswer::Refused("alert 0: no".to_owned()), 400, json!("alert 0: no")),
        (PostAnswer::Malformed("parsing".to_owned()), 400, json!({"code": 400, "message": "parsing"})),
        (PostAnswer::Failed("disk full".to_owned()), 500, json!("disk full")),
    ] {
        *fake.post_answer.lock() = outcome;
        let answer = post(&router, "/api/v2/alerts", JSON, "[]").await;
        assert_eq!((answer.status.as_u16(), answer.json()), (status, expected));
    }
    let answer = post(&router, "/api/v2/alerts", JSON, "").await;
    let expected = json!({"code": 602, "message": "alerts in body is required"});
    assert_eq!((answer.status.as_u16(), answer.json()), (422, expected));
}

fn silence(matchers: Value) -> Value {
    json!({
        "matchers": matchers, "createdBy": "me", "comment": "why",
        "startsAt": "2023-11-14T22:00:00Z", "endsAt": "2023-11-15T00:00:00.5+01:00",
    })
}

async fn put(router: &Router, body: &Value) -> Answer {
    post(router, "/api/v2/silences", JSON, &body.to_string()).await
}

#[tokio::test]
async fn a_silence_is_made_read_and_ended() {
    let fake = Fake::new();
    let router = fake.router("{}");
    let matchers = json!([{"name": "team", "value": "d.*", "isRegex": true, "isEqual": false}, {"name": "a", "value": "b", "isRegex": false}]);
    let answer = put(&router, &silence(matchers)).await;
    let id = "00000000-0000-4000-8000-000000000000";
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "silenceID": id })));
    let one = get(&router, &format!("/api/v2/silence/{id}")).await;
    let expected = r#"{"id":"00000000-0000-4000-8000-000000000000","status":{"state":"active"},"updatedAt":"2023-11-14T22:13:20.000Z","annotations":{},"comment":"why","createdBy":"me","endsAt":"2023-11-14T23:00:00.500Z","matchers":[{"isEqual":false,"isRegex":true,"name":"team","value":"d.*"},{"isEqual":true,"isRegex":false,"name":"a","value":"b"}],"startsAt":"2023-11-14T22:00:00.000Z"}"#;
    assert_eq!(one.body, expected);
    let list = |query: &'static str| {
        let router = router.clone();
        async move { get(&router, &format!("/api/v2/silences?{query}")).await.json().as_array().unwrap().len() }
    };
    assert_eq!((list("").await, list("active=false").await, list("filter=a=b").await), (1, 0, 1));
    assert_eq!(list("filter=a=c").await, 0);
    let delete = |id: &str| Request::delete(format!("/api/v2/silence/{id}")).body(Body::empty()).unwrap();
    let answer = fake::send(&router, delete(id)).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
    assert_eq!((list("expired=true&active=false").await, list("expired=false").await), (1, 0));
    assert_eq!(
        *fake.changes.lock(),
        [format!("silence {id} by anonymous"), format!("expire {id} by anonymous")]
    );
    let unknown = "00000000-0000-4000-8000-00000000000f";
    let answer = fake::send(&router, delete(unknown)).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (404, ""));
    let answer = get(&router, &format!("/api/v2/silence/{unknown}")).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (404, ""));
    let wrong = json!({"code": 601, "message": "silenceID in path must be of type uuid: \"x\""});
    check_refused(&router, "/api/v2/silence/x", 422, wrong).await;
}

/// This door has no words for when a silence recurs, and whether it ends with the alerts.
#[tokio::test]
async fn a_silence_that_is_changed_here_keeps_what_cannot_be_said_here() {
    let fake = Fake::new();
    let router = fake.router("{}");
    let weekly: Vec<Period> = vec![serde_json::from_value(json!({"weekdays": ["saturday"]})).unwrap()];
    let draft = SilenceDraft {
        matchers: vec![Matcher::equal("a", "b")],
        ends_at: NOW.plus(Duration::from_secs(3600)),
        recurrence: weekly.clone(),
        until_resolved: true,
        ..SilenceDraft::default()
    };
    let known = Silences::put(&*fake, draft, "me").unwrap();
    let mut changed = silence(json!([{"name": "a", "value": "c", "isRegex": false}]));
    changed["id"] = json!(&*known.id);
    let answer = put(&router, &changed).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let now = fake.silences.lock()[0].clone();
    assert_eq!((now.matchers[0].value(), &now.recurrence, now.until_resolved), ("c", &weekly, true));
    put(&router, &silence(json!([{"name": "a", "value": "d", "isRegex": false}]))).await;
    let new = fake.silences.lock()[1].clone();
    assert_eq!((new.recurrence.len(), new.until_resolved), (0, false));
}

#[tokio::test]
async fn a_wrong_silence_is_refused_in_alertmanagers_words() {
    let router = Fake::new().router("{}");
    let good = || silence(json!([{"name": "a", "value": "b", "isRegex": false}]));
    let with = |field: &str, value: Value| {
        let mut silence = good();
        silence[field] = value;
        silence
    };
    let framework = |code: u16, message: &str| json!({"code": code, "message": message});
    for (body, status, expected) in [
        (json!({}), 422, framework(602, "comment in body is required")),
        (with("comment", Value::Null), 422, framework(602, "comment in body is required")),
        (with("matchers", json!([])), 422, framework(612, "matchers in body should have at least 1 items")),
        (
            with("matchers", json!([{"name": "a", "isRegex": true}])),
            422,
            framework(602, "matchers.0.value in body is required"),
        ),
        (
            with("matchers", json!([{"name": "a", "value": "", "isRegex": false}])),
            400,
            json!("silence invalid: at least one matcher must not match the empty string"),
        ),
        (
            with("endsAt", json!("2023-11-14T22:00:00Z")),
            400,
            json!("Failed to create silence: start time must be before end time"),
        ),
        (
            with("endsAt", json!("2023-11-14T22:00:01Z")),
            400,
            json!("Failed to create silence: end time can't be in the past"),
        ),
        (with("id", json!("abc")), 404, json!("silence not found")),
    ] {
        let answer = put(&router, &body).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (status, expected), "{body}");
    }
    let answer = put(&router, &with("matchers", json!([{"name": "a", "value": "(", "isRegex": true}]))).await;
    let said = answer.json();
    let words = "silence invalid: invalid label matcher 0: invalid regular expression \"(\": ";
    assert!(said.as_str().unwrap().starts_with(words), "{said}");
    let answer = post(&router, "/api/v2/silences", JSON, "nonsense").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (400, &json!(400)));
}

/// Where nothing else is at hand to compare with: what clients of the API take for granted is there.
#[tokio::test]
async fn what_clients_read_is_always_there() {
    let router = filled().router("{}");
    put(&router, &silence(json!([{"name": "a", "value": "b", "isRegex": false}]))).await;
    for (path, place, keys) in [
        ("status", "", "cluster config uptime versionInfo"),
        ("status", "/cluster", "status"),
        ("status", "/config", "original"),
        ("status", "/versionInfo", "branch buildDate buildUser goVersion revision version"),
        ("alerts", "/0", "annotations endsAt fingerprint labels receivers startsAt status updatedAt"),
        ("alerts", "/0/status", "inhibitedBy mutedBy silencedBy state"),
        ("alerts/groups", "/0", "alerts labels receiver"),
        ("alerts/groups", "/0/receiver", "name"),
        ("alerts/groups", "/0/alerts/0", "annotations endsAt fingerprint labels receivers startsAt status"),
        ("silences", "/0", "comment createdBy endsAt id matchers startsAt status updatedAt"),
        ("silences", "/0/status", "state"),
        ("silences", "/0/matchers/0", "isEqual isRegex name value"),
        ("receivers", "/0", "name"),
    ] {
        let answer = get(&router, &format!("/api/v2/{path}")).await.json();
        let found = answer.pointer(place).unwrap_or_else(|| panic!("{path}{place}: {answer:#}"));
        for key in keys.split(' ') {
            assert!(found.get(key).is_some_and(|value| !value.is_null()), "{path}{place}/{key}: {found:#}");
        }
    }
}

/// The published description of the API: every answer fits it.
#[tokio::test]
async fn answers_fit_the_published_description() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/wire/alerts/alertmanager/openapi.v2.yaml");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: the published description {} is not there", path.display());
        return;
    };
    let document: Value = serde_saphyr::from_str(&text).unwrap();
    let router = filled().router("{}");
    put(&router, &silence(json!([{"name": "a", "value": "b", "isRegex": false}]))).await;
    for (path, definition) in [
        ("status", "alertmanagerStatus"),
        ("alerts", "gettableAlerts"),
        ("alerts/groups", "alertGroups"),
        ("silences", "gettableSilences"),
        ("silence/00000000-0000-4000-8000-000000000000", "gettableSilence"),
    ] {
        let answer = get(&router, &format!("/api/v2/{path}")).await.json();
        assert!(answer.as_array().is_none_or(|list| !list.is_empty()), "{path}");
        let schema =
            json!({"$ref": format!("#/definitions/{definition}"), "definitions": document["definitions"]});
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let wrong: Vec<String> = validator
            .iter_errors(&answer)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{path}: {wrong:#?} in {answer:#}");
    }
    let receivers = get(&router, "/api/v2/receivers").await.json();
    assert_eq!(receivers, json!([{"name": "ops"}, {"name": "db"}]));
}
