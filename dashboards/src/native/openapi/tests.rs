use std::collections::BTreeSet;

use axum::body::Body;
use http::Request;
use isobar_alerting::{AlertState, KnownAlert, NativeReport, Suppressed, Threshold, Transition};
use isobar_journal::Journal;
use isobar_normalizer::Severity;
use jsonschema::Validator;
use serde_json::{Value, json};

use super::TEXT;
use crate::door::Door;
use crate::fake::{self, Answer, Fake, NOW};
use crate::routes::ROUTES;
use crate::wire::*;

/// The description, and what it makes of answers.
struct Described(Value);

impl Described {
    fn new() -> Self {
        let mut document: Value = serde_json::from_str(&TEXT).unwrap();
        close(&mut document["components"]["schemas"]);
        Self(document)
    }

    /// Every operation as `get /path`.
    fn operations(&self) -> BTreeSet<String> {
        let paths = self.0["paths"].as_object().unwrap();
        let methods = |(path, item): (&String, &Value)| {
            let methods: Vec<String> = item.as_object().unwrap().keys().cloned().collect();
            methods.into_iter().map(|method| format!("{method} {path}")).collect::<Vec<_>>()
        };
        paths.iter().flat_map(methods).collect()
    }

    /// What is described for this status of an operation; `default` where it has no entry of its own.
    fn response(&self, operation: &str, status: &str) -> &Value {
        let (method, path) = operation.split_once(' ').unwrap();
        let responses = &self.0["paths"][path][method]["responses"];
        responses.get(status).unwrap_or(&responses["default"])
    }

    fn validator(&self, schema: &Value) -> Validator {
        let mut schema = schema.clone();
        schema["components"] = self.0["components"].clone();
        jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
    }

    /// Asserts that an answer is one that is described.
    #[track_caller]
    fn check(&self, operation: &str, answer: &Answer) {
        let response = self.response(operation, answer.status.as_str());
        let kind = answer.headers["content-type"].to_str().unwrap().split(';').next().unwrap();
        let Some(media) = response["content"].get(kind) else {
            panic!("{operation} {}: {kind} is not described in {response}", answer.status);
        };
        let body = if kind == "application/json" { answer.json() } else { answer.body.clone().into() };
        let wrong: Vec<String> = self
            .validator(&media["schema"])
            .iter_errors(&body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{operation} {}: {wrong:#?} in {body:#}", answer.status);
    }
}

/// Lets objects hold what is described and nothing else: clients take more, this server sends no more.
fn close(schema: &mut Value) {
    if let Value::Object(fields) = schema {
        fields.values_mut().for_each(close);
        if fields.contains_key("properties") {
            fields.insert("additionalProperties".to_owned(), json!(false));
        }
    }
}

/// A backend that knows something of everything, with fields filled and left empty.
fn full() -> std::sync::Arc<Fake> {
    let fake = Fake::new();
    let states = [AlertState::Pending, AlertState::Firing, AlertState::NoData, AlertState::Resolved];
    let one = |state: AlertState| {
        let mut alert = Transition::clone(&fake::alert(state.as_str(), Severity::Error, state).latest).alert;
        if state == AlertState::Resolved {
            (alert.ends_at, alert.value) = (Some(NOW), Some(0.5));
        }
        if state == AlertState::Firing {
            let (operator, unit) = (">".to_owned(), "1".to_owned());
            alert.watched.threshold =
                Some(Threshold { level: Severity::Critical, operator, value: 0.95, unit });
            alert.watched.metric = Some("system.cpu.utilization".to_owned());
            alert.watched.expression = Some("up".to_owned());
            alert.native.push(NativeReport {
                source: "aws".to_owned(),
                part: String::new(),
                id: "arn:1".to_owned(),
                name: "cpu-high".to_owned(),
                state: isobar_normalizer::NativeState::Unknown,
                severity: Severity::Warning,
                source_severity: String::new(),
                since: NOW,
                is_muted: false,
                acknowledged_by: String::new(),
                url: String::new(),
            });
        }
        fake::known(alert)
    };
    let mut alerts: Vec<KnownAlert> = states.into_iter().map(one).collect();
    alerts[1].suppressed = Suppressed {
        silenced_by: vec!["s".into()],
        inhibited_by: vec![0xa1],
        muted_by: vec!["nights".into()],
        snoozed_until: Some(NOW),
        incident: None,
    };
    let handling = json!({
        "fingerprint": "00000000000000a1", "acknowledged": {"by": "user a", "at": 0, "severity": "critical"},
        "assigned_to": "user b", "comments": [{"by": "user a", "at": 0, "text": "seen"}],
        "act": "acknowledge", "actor": "user a", "at": 0,
    });
    alerts[1].handling = Some(std::sync::Arc::new(serde_json::from_value(handling).unwrap()));
    *fake.alerts.lock() = alerts;
    let (mut paid, mut fresh) =
        (fake::source("paid", SourceState::Degraded), fake::source("fresh", SourceState::Up));
    let cost = CostView { calls: 1, billed_units: 2, projected_month: 0.5, currency: "USD".to_owned() };
    paid.cost = Some(cost);
    paid.reason = Some("throttled".to_owned());
    (fresh.last_success, fresh.lag_seconds) = (None, None);
    fake.sources.lock().extend([paid, fresh]);
    let mut deliveries = fake.deliveries.lock();
    deliveries[1].last_error = None;
    deliveries[1].sent_at = Some(NOW.into());
    deliveries[1].transition = DeliveryTransition::Resolved;
    drop(deliveries);
    let mut sent = fake::proposal("p3");
    sent.state = isobar_runbooks::ProposalState::Sent;
    (sent.reason, sent.delivery, sent.attempts) = (Some("taken: 200".to_owned()), Some("p3".to_owned()), 2);
    (sent.next_attempt_at, sent.last_error) = (Some(NOW.into()), Some("answered 503".to_owned()));
    sent.receipt = Some(ReceiptView { status: 200, body: "ok".to_owned(), at: NOW.into() });
    fake.proposals.lock().push(sent);
    *fake.resources.lock() = Ok(vec![fake::resource("db-1")]);
    fake.journal("alert", "{}");
    let bytes =
        isobar_journal::NewEvent { kind: "raw".to_owned(), actor: "a".to_owned(), payload: vec![0xff] };
    fake.journal.append(NOW, vec![bytes]).unwrap();
    fake
}

#[test]
fn every_native_route_is_described_with_its_scope_and_nothing_else() {
    let described = Described::new();
    assert!(described.0["openapi"].as_str().unwrap().starts_with("3.1"), "{}", described.0["openapi"]);
    let mut served = BTreeSet::new();
    for route in ROUTES.iter().filter(|route| route.door == Door::Native) {
        for method in route.methods.list() {
            let Some(scope) = route.scope(method) else { panic!("{} is open to everyone", route.path) };
            let method = method.as_str().to_lowercase();
            let security = &described.0["paths"][route.path][&method]["security"];
            assert_eq!(*security, json!([{"token": [scope.as_str()]}]), "{method} {}", route.path);
            served.insert(format!("{method} {}", route.path));
        }
    }
    assert_eq!(described.operations(), served);
}

#[test]
fn the_description_is_what_openapi_says_and_every_schema_compiles() {
    let described = Described::new();
    let schemas = described.0["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        described.validator(schema);
        assert!(jsonschema::meta::is_valid(schema), "{name}: {schema}");
    }
    for operation in described.operations() {
        let (method, path) = operation.split_once(' ').unwrap();
        for (status, response) in described.0["paths"][path][method]["responses"].as_object().unwrap() {
            let text = response["description"].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{operation} {status} is without the description it must have");
        }
        let parameters = described.0["paths"][path][method]["parameters"].as_array();
        for parameter in parameters.into_iter().flatten() {
            assert!(
                !parameter["schema"]["type"].is_array(),
                "{operation}: what is left out is not null: {parameter}"
            );
        }
    }
    let items = |list: &str| schemas[list]["properties"]["items"]["items"]["$ref"].clone();
    assert_eq!(items("AlertList"), "#/components/schemas/AlertView");
    assert_eq!(items("List_SilenceView"), "#/components/schemas/SilenceView");
    assert_eq!(items("List_IncidentView"), "#/components/schemas/IncidentView");
    assert_eq!(items("List_EventView"), "#/components/schemas/EventView");
    for reference in references(&described.0) {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(described.0.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

/// Every `$ref` in it.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn what_is_always_there_is_required_and_closed_lists_of_words_are_enumerations() {
    let described = Described::new();
    let schemas = &described.0["components"]["schemas"];
    for name in [
        "SourceView",
        "CostView",
        "ResourceView",
        "AlertView",
        "NativeView",
        "ThresholdView",
        "DeliveryView",
        "WhyStep",
        "AlertList",
        "FacetCount",
        "CommentView",
        "ActAnswer",
        "SilenceView",
        "SilencePreview",
        "Hidden",
        "NameCount",
        "RoutingView",
        "RouteView",
        "WhoAnswer",
        "RouteStep",
        "ToldView",
        "ChangedAnswer",
        "ReceiverChange",
        "RouteChange",
        "ReceiverView",
        "ReceiverChannel",
        "TestAnswer",
        "TestResult",
        "TestStep",
        "IncidentView",
        "IncidentDetail",
        "IncidentCell",
        "OutageView",
        "OutageEvidence",
        "MemberView",
        "TimelineView",
        "ProposalView",
        "ProposedAlert",
        "EvidenceView",
        "TargetView",
        "ReceiptView",
        "LeverView",
        "ReplayView",
        "ReplayReceiver",
        "ReplayMessage",
    ] {
        let properties: BTreeSet<&String> = schemas[name]["properties"].as_object().unwrap().keys().collect();
        let required =
            schemas[name]["required"].as_array().unwrap_or_else(|| panic!("{name}: {}", schemas[name]));
        assert_eq!(properties.len(), required.len(), "{name}: {properties:?} {required:?}");
    }
    let optional: Vec<&str> = ["payload", "payload_hex"].into();
    let required = schemas["EventView"]["required"].to_string();
    assert!(optional.iter().all(|name| !required.contains(&format!("\"{name}\""))), "{required}");
    for (name, words) in [
        ("AlertState", "pending firing no_data resolved"),
        ("Severity", "info warning error critical"),
        (
            "AlertClass",
            "availability latency errors saturation capacity data-protection security cost change self",
        ),
        ("NativeState", "firing unknown ok"),
        ("FailureDomain", "resource zone region provider edge"),
        ("ProposalState", "proposed approved denied expired refused sending sent failed"),
        ("LeverPosition", "off propose"),
        ("Provider", "aws azure gcp alibaba_cloud huawei_cloud onprem"),
        ("IncidentState", "open acknowledged resolved"),
        ("SourceState", "up degraded down disabled"),
        ("DeliveryState", "queued sent failed dead"),
        ("DeliveryTransition", "firing acknowledged resolved"),
    ] {
        let described: Vec<&str> = words.split(' ').collect();
        assert_eq!(schemas[name]["enum"], json!(described), "{name}");
    }
}

#[test]
fn an_answer_that_is_not_as_described_is_noticed() {
    let described = Described::new();
    let validator = described.validator(&json!({"$ref": "#/components/schemas/AlertView"}));
    let right =
        serde_json::to_value(AlertView::from(&fake::alert("A", Severity::Info, AlertState::Firing))).unwrap();
    assert!(validator.is_valid(&right));
    for (field, value) in [
        ("state", json!("loud")),
        ("ends_at", json!("soon")),
        ("id", json!("A")),
        ("more", json!(1)),
        ("labels", json!({"a": 1})),
    ] {
        let mut wrong = right.clone();
        wrong[field] = value;
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
    let mut wrong = right;
    wrong.as_object_mut().unwrap().remove("incident");
    assert!(!validator.is_valid(&wrong), "{wrong}");
}

#[tokio::test]
async fn real_answers_are_as_described() {
    let described = Described::new();
    let fake = full();
    let router = fake.router("{}");
    let id = format!("{:016x}", fake.alerts.lock()[1].fingerprint);
    let why = format!("why?alert={id}");
    let decision = json!({"hash": "0".repeat(64), "comment": "seen"}).to_string();
    let alert = format!("alerts/{id}");
    let mut seen = BTreeSet::new();
    let silence = json!({
        "matchers": [{"name": "alertname", "value": "fir.*", "is_regex": true}], "ends_at": "2023-11-15T00:00:00Z",
        "comment": "why", "recurrence": [{"weekdays": ["monday:friday"], "location": "Europe/Berlin"}],
    });
    let made = fake::post(&router, "/api/isobar/v1/silences", "application/json", &silence.to_string()).await;
    assert_eq!(made.status, 200, "{}", made.body);
    for (operation, path, status) in [
        ("sources", "sources", 200),
        ("sources", "sources?limit=1", 200),
        ("sources", "sources?limit=0", 400),
        ("sources/{name}", "sources/paid", 200),
        ("sources/{name}", "sources/nobody", 404),
        ("coverage", "coverage?q=cpu", 200),
        ("overview", "overview", 200),
        ("overview", "overview?a=1", 400),
        ("resources", "resources", 200),
        ("alerts", "alerts", 200),
        ("alerts", "alerts?q=nothing", 200),
        ("alerts", "alerts?facets=@severity,resource_name&sort=-where&state=open&limit=1", 200),
        ("alerts", "alerts?sort=age", 400),
        ("incidents", "incidents", 200),
        ("incidents", "incidents?state=open&q=aws&limit=1", 200),
        ("incidents", "incidents?state=none", 400),
        ("incidents/{id}", "incidents/i-1", 200),
        ("incidents/{id}", "incidents/i-2", 200),
        ("incidents/{id}", "incidents/i-9", 404),
        ("silences", "silences", 200),
        ("silences/{id}", "silences/00000000-0000-4000-8000-000000000000", 200),
        ("silences/{id}", "silences/none", 404),
        ("routes", "routes", 200),
        ("routes", "routes?a=1", 400),
        ("receivers", "receivers", 200),
        ("receivers", "receivers?q=db", 200),
        ("alerts/{id}", &alert, 200),
        ("alerts/{id}", "alerts/0000000000000000", 404),
        ("alerts/{id}", "alerts/%ff", 400),
        ("deliveries", "deliveries", 200),
        ("why", &why, 200),
        ("why", "why", 400),
        ("journal", "journal", 200),
        ("journal", "journal?limit=1", 200),
        ("journal", "journal?q=alert", 200),
        ("journal", "journal?format=ndjson", 200),
        ("runbooks", "runbooks", 200),
        ("runbooks/{id}", "runbooks/p3", 200),
        ("runbooks/{id}", "runbooks/none", 404),
        ("lever", "lever", 200),
        ("lever", "lever?a=1", 400),
        ("events", "events?after=x", 400),
    ] {
        let operation = format!("get /api/isobar/v1/{operation}");
        let answer = fake::get(&router, &format!("/api/isobar/v1/{path}")).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.body);
        described.check(&operation, &answer);
        seen.insert(operation);
    }
    let silence = silence.to_string();
    let acts = format!(r#"{{"act": "assign", "to": "b", "ids": ["{id}", "00000000000000ff"]}}"#);
    for (operation, path, body, status) in [
        ("alerts/acts", "alerts/acts", &*acts, 200),
        (
            "alerts/acts",
            "alerts/acts",
            r#"{"act": "comment", "note": "n", "q": "@state=firing", "expected": 1}"#,
            200,
        ),
        ("alerts/acts", "alerts/acts", r#"{"act": "acknowledge", "q": "", "expected": 1}"#, 409),
        ("alerts/acts", "alerts/acts", r#"{"act": "snooze", "q": ""}"#, 400),
        ("incidents/{id}/acknowledge", "incidents/i-1/acknowledge", "{}", 200),
        ("incidents/{id}/acknowledge", "incidents/i-3/acknowledge", "{}", 409),
        ("incidents/{id}/unacknowledge", "incidents/i-1/unacknowledge", "{}", 200),
        ("incidents/{id}/merge", "incidents/i-1/merge", r#"{"from": "i-2"}"#, 200),
        ("incidents/{id}/merge", "incidents/i-9/merge", r#"{"from": "i-2"}"#, 404),
        ("incidents/{id}/split", "incidents/i-1/split", r#"{"alerts": ["00000000000000a2"]}"#, 200),
        ("incidents/{id}/split", "incidents/i-1/split", "{}", 400),
        ("silences", "silences", &silence, 200),
        (
            "silences",
            "silences",
            r#"{"matchers": [], "ends_at": "2023-11-15T00:00:00Z", "comment": "c"}"#,
            400,
        ),
        (
            "silences/preview",
            "silences/preview",
            r#"{"matchers": [{"name": "alertname", "value": "firing"}]}"#,
            200,
        ),
        ("routes/preview", "routes/preview", r#"{"labels": {"team": "db", "inhibited": "y"}}"#, 200),
        (
            "routes/preview",
            "routes/preview",
            r#"{"config": "{route: {receiver: x}, receivers: [{name: x}]}"}"#,
            200,
        ),
        ("routes/preview", "routes/preview", r#"{"config": "route: {}"}"#, 400),
        ("routes/preview", "routes/preview", "{}", 400),
        ("receivers/{name}/test", "receivers/ops/test", "{}", 200),
        ("receivers/{name}/test", "receivers/nobody/test", "{}", 404),
        ("sql", "sql", r#"{"statement": "SELECT 1"}"#, 200),
        ("sql", "sql?format=csv", r#"{"statement": "SELECT 1"}"#, 200),
        ("sql", "sql?format=arrow", r#"{"statement": "SELECT 1"}"#, 200),
        ("sql", "sql", r#"{"statement": "refused"}"#, 400),
        ("deliveries/{id}/resend", "deliveries/d1/resend", "{}", 202),
        ("deliveries/{id}/resend", "deliveries/d1/resend", "{}", 409),
        ("deliveries/{id}/resend", "deliveries/d1/resend", r#"{"a": 1}"#, 400),
        ("deliveries/{id}/resend", "deliveries/d1/resend?a=1", "{}", 400),
        ("replay", "replay", r#"{"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}"#, 200),
        (
            "replay",
            "replay",
            r#"{"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z", "alerting": "wrong"}"#,
            400,
        ),
        (
            "replay",
            "replay",
            r#"{"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z", "alerting": "busy"}"#,
            503,
        ),
        ("replay", "replay", r#"{"from": "2026-03-01T00:00:00Z"}"#, 400),
        ("runbooks/{id}/approve", "runbooks/p1/approve", &decision, 200),
        ("runbooks/{id}/approve", "runbooks/p1/approve", &decision, 409),
        ("runbooks/{id}/approve", "runbooks/none/approve", &decision, 404),
        ("runbooks/{id}/approve", "runbooks/p1/approve", "{}", 400),
        ("runbooks/{id}/deny", "runbooks/p2/deny", &decision, 200),
        ("runbooks/{id}/deny", "runbooks/p2/deny?a=1", &decision, 400),
    ] {
        let operation = format!("post /api/isobar/v1/{operation}");
        let answer = fake::post(&router, &format!("/api/isobar/v1/{path}"), "application/json", body).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.body);
        described.check(&operation, &answer);
        seen.insert(operation);
    }
    for (body, status) in [
        (r#"{"position": "off", "reason": "a test"}"#, 200),
        (r#"{"position": "off", "reason": ""}"#, 400),
        (r#"{"position": "auto", "reason": "a test"}"#, 400),
    ] {
        let operation = "put /api/isobar/v1/lever".to_owned();
        let answer = fake::put(&router, "/api/isobar/v1/lever", body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.body);
        described.check(&operation, &answer);
        seen.insert(operation);
    }
    for (id, status) in [("00000000-0000-4000-8000-000000000000", 200), ("none", 404)] {
        let operation = "delete /api/isobar/v1/silences/{id}".to_owned();
        let request = Request::delete(format!("/api/isobar/v1/silences/{id}"));
        let answer = fake::send(&router, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status.as_u16(), status, "{id}: {}", answer.body);
        described.check(&operation, &answer);
        seen.insert(operation);
    }
    let own = "get /api/isobar/openapi.json".to_owned();
    described.check(&own, &fake::get(&router, "/api/isobar/openapi.json").await);
    seen.insert(own);
    assert_eq!(seen, described.operations(), "each is asked");

    let item = described.validator(&json!({"$ref": "#/components/schemas/EventView"}));
    let export = fake::get(&router, "/api/isobar/v1/journal?format=ndjson").await;
    assert_eq!(export.body.lines().count(), 2);
    assert!(
        export.body.lines().all(|line| item.is_valid(&serde_json::from_str(line).unwrap())),
        "{}",
        export.body
    );
}

#[tokio::test]
async fn refusals_before_the_handler_are_as_described_too() {
    let described = Described::new();
    let hash = "a8bb651fed71713ffc5544aa4a8294cb3fb24de9f999116dfc7af93d2d83fa8e";
    let router =
        Fake::new().router(&format!("security: {{tokens: [{{name: a, sha256: {hash}, scopes: [act]}}]}}"));
    let open = Fake::new().router("{}");
    let large = "x".repeat((1 << 20) + 1);
    let post = || Request::post("/api/isobar/v1/sql");
    let json = ("content-type", "application/json");
    for (router, request, status) in [
        (&router, post().header(json.0, json.1).body(Body::empty()), 401),
        (&open, post().header("origin", "http://evil.example").body(Body::empty()), 403),
        (&open, post().header("host", "evil.example").body(Body::empty()), 421),
        (&open, post().body(Body::empty()), 415),
        (&open, post().header(json.0, json.1).body(Body::from(large)), 413),
    ] {
        let answer = fake::send(router, request.unwrap()).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        described.check("post /api/isobar/v1/sql", &answer);
    }
    let answer = fake::send(
        &open,
        Request::delete("/api/isobar/v1/sql").header(json.0, json.1).body(Body::empty()).unwrap(),
    )
    .await;
    assert_eq!((answer.status.as_u16(), &answer.headers["allow"]), (405, &"POST".parse().unwrap()));
    assert_eq!(answer.json()["message"], "use POST here");
    described.check("post /api/isobar/v1/sql", &answer);
}
