//! `{"status":"success","data":…}`, and the answers that are data alone.

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use crate::door::json_response;

/// A successful answer's body; `data` is JSON already. Empty lists of warnings and infos are left out.
pub(super) fn success(data: &str, warnings: &[String], infos: &[String]) -> Response {
    let mut body = String::with_capacity(data.len() + 64);
    body.push_str(r#"{"status":"success","data":"#);
    body.push_str(data);
    for (name, list) in [("warnings", warnings), ("infos", infos)] {
        if !list.is_empty() {
            body.push_str(&format!(r#","{name}":{}"#, json!(list)));
        }
    }
    body.push('}');
    json_response(StatusCode::OK, body)
}

/// A list cut to the limit, with Prometheus' warning where something was cut.
pub(super) fn limited_list<T: Serialize>(mut list: Vec<T>, limit: Option<usize>) -> Response {
    let mut warnings = Vec::new();
    if limit.is_some_and(|limit| list.len() > limit) {
        list.truncate(limit.unwrap_or_default());
        warnings.push(TRUNCATED.to_owned());
    }
    success(&json!(list).to_string(), &warnings, &[])
}

/// Prometheus' own words.
pub(super) const TRUNCATED: &str = "results truncated due to limit";

/// The version of Prometheus whose API and query language are spoken here: clients choose what they use by it.
const SPOKEN_VERSION: &str = "3.5.0";

pub(crate) async fn build_info() -> Response {
    let data = json!({
        "version": SPOKEN_VERSION,
        "revision": concat!("isobar-", env!("CARGO_PKG_VERSION")),
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    });
    success(&data.to_string(), &[], &[])
}
