use axum::body::Body;
use http::{Method, Request, StatusCode};
use sha2::{Digest, Sha256};

use super::*;
use crate::fake::{self, Answer, Fake};

const TOKENS: [(&str, &str); 3] = [("r", "read"), ("w", "write"), ("x", "act")];

fn guarded() -> String {
    let token = |(token, scope): &(&str, &str)| {
        format!("{{name: {token}, sha256: {}, scopes: [{scope}]}}", hex::encode(Sha256::digest(token)))
    };
    let tokens: Vec<String> = TOKENS.iter().map(token).collect();
    let user = "{username: grafana, password: '${env:P}', scopes: [read]}";
    format!("security: {{tokens: [{}], basic: [{user}]}}", tokens.join(", "))
}

/// The row's path with its parameters filled in.
fn path_of(route: &Route) -> String {
    route
        .path
        .replace("{kind}", "json")
        .replace("{name}", "job")
        .replace("{id}", "d1")
        .replace("{file}", "isobar.css")
}

fn request(route: &Route, method: &Method, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path_of(route));
    if matches!(route.door, Door::Native | Door::Alertmanager) && !method.is_safe() {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

fn rows() -> impl Iterator<Item = (&'static Route, &'static Method)> {
    // Live events do not end; what stands in front of them is the same as everywhere.
    let routes = ROUTES.iter().filter(|route| !route.path.ends_with("/events"));
    routes.flat_map(|route| route.methods.list().iter().map(move |method| (route, method)))
}

async fn check(router: &axum::Router, request: Request<Body>) -> Answer {
    let answer = fake::send(router, request).await;
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    assert_eq!(answer.headers["cross-origin-opener-policy"], "same-origin");
    assert!(answer.headers.contains_key("cache-control"));
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    answer
}

fn refused(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

#[tokio::test]
async fn every_route_asks_for_exactly_its_scope() {
    let router = Fake::new().router(&guarded());
    for (route, method) in rows() {
        let what = format!("{method} {}", route.path);
        let anonymous = check(&router, request(route, method, &[])).await;
        let stranger = check(&router, request(route, method, &[("authorization", "Bearer y")])).await;
        let scope_needed = route.scope(method);
        let is_open = scope_needed.is_none();
        for answer in [anonymous, stranger] {
            let expected = if is_open { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            assert_eq!(answer.status, expected, "{what}");
            assert_eq!(answer.headers.contains_key("www-authenticate"), !is_open, "{what}");
        }
        for (token, scope) in TOKENS {
            let bearer = format!("Bearer {token}");
            let answer = check(&router, request(route, method, &[("authorization", &bearer)])).await;
            let allowed = scope_needed.is_none_or(|needed| needed.as_str() == scope);
            assert_eq!(!refused(answer.status), allowed, "{what} with {scope}: {}", answer.status);
        }
        // grafana:swordfish
        let basic = ("authorization", "Basic Z3JhZmFuYTpzd29yZGZpc2g=");
        let answer = check(&router, request(route, method, &[basic])).await;
        let allowed = is_open || (scope_needed == Some(Scope::Read) && route.door != Door::Native);
        assert_eq!(!refused(answer.status), allowed, "{what} with basic: {}", answer.status);
    }
}

#[tokio::test]
async fn no_page_of_another_site_changes_anything() {
    let fake = Fake::new();
    let router = fake.router("{}");
    for (route, method) in rows().filter(|(_, method)| !method.is_safe()) {
        for header in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let answer = check(&router, request(route, method, &[header])).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {} {header:?}", route.path);
        }
    }
    assert!(fake.changes.lock().is_empty() && fake.written.lock().is_empty());
}

#[tokio::test]
async fn who_is_turned_away_from_acting_is_journalled() {
    let fake = Fake::new();
    let router = fake.router(&guarded());
    let path = "/api/isobar/v1/runbooks/p1/approve";
    let decision = format!(r#"{{"hash": "{}"}}"#, "0".repeat(64));
    for (headers, status, who, why) in [
        (vec![("authorization", "Bearer r")], 403, "token r: ", "does not have the scope act"),
        (vec![("authorization", "Bearer y")], 401, "unknown: ", "not known here"),
        (vec![], 401, "unknown: ", "needs a token"),
        (
            vec![("authorization", "Bearer x"), ("origin", "https://evil.example")],
            403,
            "token x: ",
            "another site",
        ),
        (vec![("authorization", "Bearer x"), ("host", "evil.example")], 421, "token x: ", "host name"),
    ] {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = check(&router, request.body(Body::from(decision.clone())).unwrap()).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        let noted = fake.turned_away.lock().pop().expect("it is journalled");
        assert!(
            noted.starts_with(who) && noted.contains(&format!("POST {path}")) && noted.contains(why),
            "{noted}"
        );
    }
    assert!(fake.changes.lock().is_empty());
    let act =
        Request::post(path).header("content-type", "application/json").header("authorization", "Bearer x");
    let answer = check(&router, act.body(Body::from(decision)).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(*fake.changes.lock(), ["approve p1 by token x"]);
    // To look is not to act.
    check(&router, Request::get("/api/isobar/v1/lever").body(Body::empty()).unwrap()).await;
    assert!(fake.turned_away.lock().is_empty());
}

#[tokio::test]
async fn no_other_host_is_answered() {
    let router = Fake::new().router("security: {hosts: [isobar.internal]}");
    for (route, method) in rows() {
        let answer = check(&router, request(route, method, &[("host", "evil.example")])).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{method} {}", route.path);
        let answer = check(&router, request(route, method, &[("host", "isobar.internal:80")])).await;
        assert_ne!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{method} {}", route.path);
    }
    let unknown = Request::get("/nowhere").header("host", "evil.example").body(Body::empty()).unwrap();
    assert_eq!(check(&router, unknown).await.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn bodies_over_the_rows_limit_are_refused_before_they_are_read() {
    let fake = Fake::new();
    let router = fake.router("{}");
    for (route, method) in rows().filter(|(_, method)| !method.is_safe()) {
        let what = format!("{method} {}", route.path);
        let mut announced = request(route, method, &[]);
        let length = (route.body_max + 1).to_string();
        announced.headers_mut().insert("content-length", length.parse().unwrap());
        let answer = check(&router, announced).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{what}");
        if route.body_max == TEXT_MAX {
            let stream =
                futures::stream::iter((0..=16).map(|_| Ok::<_, std::io::Error>(vec![b'x'; TEXT_MAX / 16])));
            let unannounced = request(route, method, &[]).map(|_| Body::from_stream(stream));
            let answer = check(&router, unannounced).await;
            assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{what}");
        }
    }
    assert!(fake.changes.lock().is_empty() && fake.written.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let router = Fake::new().router("{}");
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = Request::post("/api/v1/write").body(never).unwrap();
    let answer = check(&router, request).await;
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_doors_own_way() {
    let router = Fake::new().router(&guarded());
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let answer = check(&router, get("/api/v1/nothing")).await;
    assert_eq!((answer.status, &answer.json()["errorType"]), (StatusCode::NOT_FOUND, &"not_found".into()));
    let answer = check(&router, get("/api/isobar/v1/nothing")).await;
    assert_eq!((answer.status, &answer.json()["code"]), (StatusCode::NOT_FOUND, &"not_found".into()));
    let answer = check(&router, get("/api/v2/nothing")).await;
    assert_eq!((answer.status, &answer.json()["code"]), (StatusCode::NOT_FOUND, &404.into()));
    let answer = check(&router, get("/%3Cscript%3Ealert(1)%3C/script%3E/..%2f..%2fetc/passwd")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(!answer.body.contains("<script"), "{}", answer.body);
    let delete = Request::delete("/api/isobar/v1/alerts").header("authorization", "Bearer r");
    let answer = check(&router, delete.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers["allow"], "GET,HEAD");
}

#[tokio::test]
async fn changes_want_json() {
    let fake = Fake::new();
    let router = fake.router("{}");
    for kind in
        ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx"]
    {
        for path in [
            "/api/isobar/v1/deliveries/d1/resend",
            "/api/isobar/v1/sql",
            "/api/v2/alerts",
            "/api/v2/silences",
        ] {
            let answer = fake::post(&router, path, kind, r#"{"statement": "SELECT 1"}"#).await;
            assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path} {kind}");
        }
    }
    assert!(fake.changes.lock().is_empty());
}
