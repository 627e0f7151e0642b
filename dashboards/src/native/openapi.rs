//! `GET /api/isobar/openapi.json`: the description of this API, made from the handlers themselves.

use std::sync::LazyLock;

use axum::response::Response;
use http::{Method, StatusCode};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ArrayItems, Components};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{Modify, OpenApi};

use super::{alerts, estate, events, incidents, journal, lists, replay, routing, runbooks, silences, sql};
use crate::door::json_response;
use crate::routes::ROUTES;
use crate::wire::EventView;

/// The name of the one way to show who one is.
const TOKEN: &str = "token";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Isobar",
        description = "Lists are pages: `q` picks by words, `limit` cuts, `after` takes the `next` of the page before. \
            Times are RFC 3339 in UTC. Every refusal is an `ErrorBody`, whatever its status. Fields may be added; those \
            described stay. Where no credential is configured, none is asked for."
    ),
    paths(
        lists::sources,
        estate::source,
        estate::coverage,
        estate::overview,
        lists::resources,
        alerts::alerts,
        alerts::alert,
        alerts::act,
        incidents::incidents,
        incidents::incident,
        incidents::acknowledge_incident,
        incidents::unacknowledge_incident,
        incidents::split_incident,
        incidents::merge_incident,
        silences::silences,
        silences::silence,
        silences::put_silence,
        silences::expire_silence,
        silences::preview_silence,
        routing::routes,
        routing::preview_routes,
        routing::receivers,
        routing::test_receiver,
        lists::deliveries,
        lists::resend,
        lists::why,
        runbooks::runbooks,
        runbooks::runbook,
        runbooks::approve,
        runbooks::deny,
        runbooks::lever,
        runbooks::set_lever,
        replay::replay,
        sql::sql,
        journal::journal,
        events::events,
        openapi,
    ),
    components(schemas(EventView)),
    modifiers(&Scopes, &Refusals, &Items)
)]
struct Description;

/// Says at each operation which scope it needs, from the table that admission decides by.
struct Scopes;

impl Modify for Scopes {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token of `security.tokens`; each operation names the scope it must have."));
        let components = description.components.get_or_insert_default();
        components.add_security_scheme(TOKEN, SecurityScheme::Http(bearer.build()));
        for route in ROUTES {
            let Some(item) = description.paths.paths.get_mut(route.path) else { continue };
            for method in route.methods.list() {
                if let (Some(scope), Some(operation)) = (route.scope(method), operation(item, method)) {
                    operation.security = Some(vec![SecurityRequirement::new(TOKEN, [scope.as_str()])]);
                }
            }
        }
    }
}

fn operation<'a>(item: &'a mut PathItem, method: &Method) -> Option<&'a mut Operation> {
    match *method {
        Method::GET => item.get.as_mut(),
        Method::POST => item.post.as_mut(),
        Method::PUT => item.put.as_mut(),
        Method::DELETE => item.delete.as_mut(),
        _ => None,
    }
}

/// Says at each operation what a refusal is.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        for item in description.paths.paths.values_mut() {
            for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
                let Some(operation) = operation(item, &method) else { continue };
                if let Some(RefOr::T(refusal)) = operation.responses.responses.get_mut("default") {
                    refusal.description = "Refused: what is wrong and what would be right.".to_owned();
                }
            }
        }
    }
}

/// Names the items of lists: the derived schema of a generic list repeats what they hold.
struct Items;

impl Modify for Items {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let Some(Components { schemas, .. }) = &mut description.components else { return };
        for (list, schema) in schemas.iter_mut() {
            let (Some(item), RefOr::T(Schema::Object(list))) = (list.strip_prefix("List_"), schema) else {
                continue;
            };
            if let Some(RefOr::T(Schema::Array(items))) = list.properties.get_mut("items") {
                items.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(item).into()));
            }
        }
    }
}

static TEXT: LazyLock<String> = LazyLock::new(|| {
    Description::openapi().to_json().expect("the description is made of texts and lists only")
});

/// Shows this description.
#[utoipa::path(get, path = "/api/isobar/openapi.json", responses((status = 200, body = Object, description = "OpenAPI 3.1."), (status = "default", body = crate::native::error::ErrorBody)))]
pub(crate) async fn openapi() -> Response {
    json_response(StatusCode::OK, TEXT.clone())
}

#[cfg(test)]
mod tests;
