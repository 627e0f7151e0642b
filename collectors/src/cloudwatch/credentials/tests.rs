//! Which credentials are found, and how the metadata services are asked.

use std::collections::HashMap;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, put};
use isobar_egress::{ClientOptions, EgressOptions, Trust};

use super::*;

struct Variables(HashMap<&'static str, String>);

impl SecretReader for Variables {
    fn read(&self, reference: &SecretReference) -> Result<String, String> {
        let SecretReference::Env(name) = reference else { return Err("no file".to_owned()) };
        self.0.get(name.as_str()).cloned().ok_or_else(|| format!("{name} is not set"))
    }
}

fn egress() -> Egress {
    Egress::new(EgressOptions::default()).unwrap()
}

#[track_caller]
fn check(variables: &[(&'static str, &str)], expected: &str) {
    let variables = Variables(variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect());
    let settings = CredentialSettings::new(None).unwrap();
    let found = settings.build(&variables, Path::new("/"), &egress()).unwrap();
    let kind = match found {
        Base::Static(keys) => format!("keys {}", keys.access_key_id()),
        Base::Profile(profile) => format!("profile {}", profile.name),
        Base::Container(_) => "container".to_owned(),
        Base::Instance(_) => "instance".to_owned(),
        Base::WebIdentity(identity) => format!("web identity {}", identity.role_arn),
    };
    assert_eq!(kind, expected);
}

#[test]
fn the_first_there_is_counts() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    std::fs::write(home.path().join(".aws/credentials"), "[default]\n").unwrap();
    let profile = ("HOME", home.path().to_str().unwrap());
    let container = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x");
    let token = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"), ("AWS_ROLE_ARN", "arn:x")];
    let keys = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "s")];
    check(&[], "instance");
    check(&[("HOME", "/nonexistent")], "instance");
    check(&[profile], "profile default");
    check(&[profile, ("AWS_PROFILE", "prod")], "profile prod");
    check(&[profile, container], "container");
    check(&[profile, container, token[0], token[1]], "web identity arn:x");
    check(&[profile, container, token[0], token[1], keys[0], keys[1]], "keys AKIA");
    check(&[keys[0]], "instance");
}

#[test]
fn what_a_source_lacks_is_named() {
    for (text, expected) in [
        ("{source: environment}", "AWS_ACCESS_KEY_ID"),
        ("{source: web_identity}", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("{source: container}", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        ("{source: profile}", "HOME"),
        (
            "{source: static, access_key_id: A, secret_access_key: plain}",
            "a secret does not stand in the file",
        ),
    ] {
        let raw: Spanned<RawCredentials> = serde_saphyr::from_str(text).unwrap();
        let settings = CredentialSettings::new(Some(raw)).unwrap();
        let error = settings.build(&Variables(HashMap::new()), Path::new("/"), &egress()).unwrap_err();
        assert!(error.message.contains(expected), "{text}: {error}");
        assert_eq!(error.line, 1, "{text}: {error}");
    }
}

async fn serve(router: Router) -> url::Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}/latest/").parse().unwrap()
}

const KEYS: &str = r#"{"Code": "Success", "AccessKeyId": "ASIA1", "SecretAccessKey": "s", "Token": "t",
                       "Expiration": "2026-11-21T16:00:00Z"}"#;

fn instance_metadata(role: &'static str) -> Router {
    let with_token = |headers: &HeaderMap, body: &'static str| match headers.get("x-aws-ec2-metadata-token") {
        Some(token) if token == "secret" => Ok(body),
        _ => Err(StatusCode::UNAUTHORIZED),
    };
    let roles = move |headers: HeaderMap| async move { with_token(&headers, role) };
    let keys = move |headers: HeaderMap| async move { with_token(&headers, KEYS) };
    Router::new()
        .route("/latest/api/token", put(|| async { "secret" }))
        .route("/latest/meta-data/iam/security-credentials/", get(roles))
        .route("/latest/meta-data/iam/security-credentials/reader", get(keys))
}

#[tokio::test]
async fn an_instance_is_asked_with_a_token() {
    let client = egress().client(ClientOptions::new(Trust::Operator)).unwrap();
    let ask = async |role| Instance::at(client.clone(), serve(instance_metadata(role)).await).ask().await;
    let keys = ask("reader\n").await.unwrap();
    assert_eq!((keys.access_key_id(), keys.session_token()), ("ASIA1", Some("t")));
    let expires = Timestamp::parse_rfc3339("2026-11-21T16:00:00Z").unwrap();
    assert_eq!(keys.expiry(), Some(system_time(expires)));
    for other in ["", "../../user-data", "a/b"] {
        let error = ask(other).await.unwrap_err();
        assert!(error.contains("has no role"), "{other}: {error}");
    }
}

#[tokio::test]
async fn a_container_shows_the_token_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let answer = async |headers: HeaderMap| match headers.get("authorization") {
        Some(token) if token == "from the file" => Ok(KEYS),
        _ => Err(StatusCode::UNAUTHORIZED),
    };
    let url = serve(Router::new().route("/latest/", get(answer))).await;
    let container = Container::new(&egress(), url, Some("other".to_owned()), Some(file.clone())).unwrap();
    assert!(container.ask().await.unwrap_err().contains("token"), "the file is missing");
    std::fs::write(&file, "from the file\n").unwrap();
    assert_eq!(container.ask().await.unwrap().access_key_id(), "ASIA1");
    std::fs::write(&file, "rotated").unwrap();
    assert!(container.ask().await.unwrap_err().contains("401"));
}

#[test]
fn what_is_no_answer_is_said_without_it() {
    assert!(
        session(b"{\"SecretAccessKey\": 5}", "x").unwrap_err().ends_with("something else than credentials")
    );
    let text = KEYS.replace("2026-11-21T16:00:00Z", "soon");
    assert!(session(text.as_bytes(), "x").unwrap_err().contains("no time"));
}
