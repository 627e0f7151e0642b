//! `GET /api/isobar/openapi.json`: the description of this API, made from the handlers themselves.

use std::sync::LazyLock;

use axum::response::Response;
use http::StatusCode;
use utoipa::OpenApi;

use super::{events, journal, lists, sql};
use crate::door::json_response;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Isobar",
        description = "Lists are pages: `q` picks by words, `limit` cuts, `after` takes the `next` of the page before."
    ),
    paths(
        lists::sources,
        lists::resources,
        lists::alerts,
        lists::alert,
        lists::deliveries,
        lists::resend,
        lists::why,
        sql::sql,
        journal::journal,
        events::events,
        openapi,
    )
)]
struct Description;

static TEXT: LazyLock<String> = LazyLock::new(|| {
    Description::openapi().to_json().expect("the description is made of texts and lists only")
});

/// Shows this description.
#[utoipa::path(get, path = "/api/isobar/openapi.json", responses((status = 200, body = Object, description = "OpenAPI 3.1")))]
pub(crate) async fn openapi() -> Response {
    json_response(StatusCode::OK, TEXT.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::Door;
    use crate::routes::ROUTES;

    #[test]
    fn every_native_route_is_described_and_nothing_else() {
        let document: serde_json::Value = serde_json::from_str(&TEXT).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
        let described = document["paths"].as_object().unwrap().iter();
        let mut described: Vec<String> = described
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(move |method| format!("{method} {path}"))
            })
            .collect();
        let native = ROUTES.iter().filter(|route| route.door == Door::Native);
        let mut served: Vec<String> = native
            .flat_map(|route| {
                let methods = route.methods.list().iter();
                methods.map(move |method| format!("{} {}", method.as_str().to_lowercase(), route.path))
            })
            .collect();
        described.sort();
        served.sort();
        assert_eq!(described, served);
    }

    #[test]
    fn shapes_are_described_by_name() {
        let document: serde_json::Value = serde_json::from_str(&TEXT).unwrap();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for name in ["SourceView", "ResourceView", "AlertView", "DeliveryView", "WhyStep", "ErrorBody"] {
            assert!(schemas.contains_key(name), "{name} is not in {:?}", schemas.keys());
        }
        let kind = &schemas["ResourceView"]["properties"]["type"]["type"];
        assert_eq!(kind, "string");
    }
}
