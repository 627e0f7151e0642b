//! Every route there is, in one table: who it speaks to, which scope it needs, how large a body it takes.
//! The router is built from this table and from nothing else, so that no route can be without a row.

use axum::routing::{MethodFilter, MethodRouter, get, on};
use http::{Method, StatusCode};

use crate::access::Scope;
use crate::app::App;
use crate::door::{Door, Refusal};
use crate::{alertmanager, document, hooks, native, operations, prometheus, ui};

/// Forms and statements: more text than anyone writes by hand or generates for a query.
const TEXT_MAX: usize = 1 << 20;
/// One remote-write request, compressed. Prometheus sends at most some thousand samples at once, well under 1 MiB.
const WRITE_MAX: usize = 16 << 20;
/// One message to a hook. An Alertmanager that tells of a thousand alerts at once stays under 4 MiB.
const HOOK_MAX: usize = 4 << 20;
/// Requests that carry nothing.
const NOTHING: usize = 0;

/// What the client must be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: probes, and files that are the same for everyone.
    Nothing,
    /// A credential with this scope.
    Scope(Scope),
    /// A credential with scope `read` to look, and one with this scope to change.
    ReadOr(Scope),
}

/// The methods of a row. HEAD comes with GET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Methods {
    Get,
    Post,
    GetPost,
    GetPut,
    GetDelete,
    PostPut,
    PostOptions,
}

impl Methods {
    pub(crate) fn list(self) -> &'static [Method] {
        match self {
            Self::Get => &[Method::GET],
            Self::Post => &[Method::POST],
            Self::GetPost => &[Method::GET, Method::POST],
            Self::GetPut => &[Method::GET, Method::PUT],
            Self::GetDelete => &[Method::GET, Method::DELETE],
            Self::PostPut => &[Method::POST, Method::PUT],
            Self::PostOptions => &[Method::POST, Method::OPTIONS],
        }
    }

    fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::GetPost => MethodFilter::GET.or(MethodFilter::POST),
            Self::GetPut => MethodFilter::GET.or(MethodFilter::PUT),
            Self::GetDelete => MethodFilter::GET.or(MethodFilter::DELETE),
            Self::PostPut => MethodFilter::POST.or(MethodFilter::PUT),
            Self::PostOptions => MethodFilter::POST.or(MethodFilter::OPTIONS),
        }
    }
}

/// One row.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) methods: Methods,
    pub(crate) door: Door,
    needs: Needs,
    /// The largest request body, in bytes.
    pub(crate) body_max: usize,
    handler: fn(MethodFilter) -> MethodRouter<App>,
}

impl Route {
    /// The scope that a request with this method needs; `None` when it needs no credential.
    pub(crate) fn scope(&self, method: &Method) -> Option<Scope> {
        match self.needs {
            Needs::Nothing => None,
            Needs::Scope(scope) => Some(scope),
            Needs::ReadOr(_) if method.is_safe() => Some(Scope::Read),
            Needs::ReadOr(scope) => Some(scope),
        }
    }

    /// Answers other methods too, in the door's own way.
    pub(crate) fn handler(&self) -> MethodRouter<App> {
        let door = self.door;
        let methods: Vec<&str> = self.methods.list().iter().map(Method::as_str).collect();
        let refusal =
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("use {} here", methods.join(" or ")));
        (self.handler)(self.methods.filter()).fallback(async move || door.refuse(refusal))
    }
}

const READ: Needs = Needs::Scope(Scope::Read);
const WRITE: Needs = Needs::Scope(Scope::Write);
const ACT: Needs = Needs::Scope(Scope::Act);

const fn row(
    methods: Methods,
    path: &'static str,
    door: Door,
    needs: Needs,
    body_max: usize,
    handler: fn(MethodFilter) -> MethodRouter<App>,
) -> Route {
    Route { path, methods, door, needs, body_max, handler }
}

const READ_OR_WRITE: Needs = Needs::ReadOr(Scope::Write);

use Door::{Alertmanager, Native, Page, Plain, Prometheus};
use Methods::{Get, GetDelete, GetPost, GetPut, Post, PostOptions, PostPut};

#[rustfmt::skip]
pub(crate) static ROUTES: &[Route] = &[
    row(GetPost, "/api/v1/query",               Prometheus, READ,  TEXT_MAX,  |m| on(m, prometheus::query)),
    row(GetPost, "/api/v1/query_range",         Prometheus, READ,  TEXT_MAX,  |m| on(m, prometheus::query_range)),
    row(GetPost, "/api/v1/series",              Prometheus, READ,  TEXT_MAX,  |m| on(m, prometheus::series)),
    row(GetPost, "/api/v1/labels",              Prometheus, READ,  TEXT_MAX,  |m| on(m, prometheus::labels)),
    row(Get,     "/api/v1/label/{name}/values", Prometheus, READ,  NOTHING,   |m| on(m, prometheus::label_values)),
    row(Get,     "/api/v1/metadata",            Prometheus, READ,  NOTHING,   |m| on(m, prometheus::metadata)),
    row(Get,     "/api/v1/status/buildinfo",    Prometheus, READ,  NOTHING,   |m| on(m, prometheus::build_info)),
    row(Post,    "/api/v1/write",               Prometheus, WRITE, WRITE_MAX, |m| on(m, prometheus::write)),

    row(Get,       "/api/v2/status",        Alertmanager, READ,          NOTHING,   |m| on(m, alertmanager::status)),
    row(Get,       "/api/v2/receivers",     Alertmanager, READ,          NOTHING,   |m| on(m, alertmanager::receivers)),
    row(GetPost,   "/api/v2/alerts",        Alertmanager, READ_OR_WRITE, WRITE_MAX, |_| get(alertmanager::alerts).post(alertmanager::post)),
    row(Get,       "/api/v2/alerts/groups", Alertmanager, READ,          NOTHING,   |m| on(m, alertmanager::groups)),
    row(GetPost,   "/api/v2/silences",      Alertmanager, READ_OR_WRITE, TEXT_MAX,  |_| get(alertmanager::silences).post(alertmanager::put_silence)),
    row(GetDelete, "/api/v2/silence/{id}",  Alertmanager, READ_OR_WRITE, NOTHING,   |_| get(alertmanager::silence).delete(alertmanager::expire_silence)),

    row(PostOptions, "/hooks/{kind}/{name}", Plain, Needs::Nothing, HOOK_MAX, |m| on(m, hooks::hook)),

    row(Get,  "/api/isobar/v1/sources",                Native, READ,  NOTHING,  |m| on(m, native::sources)),
    row(Get,  "/api/isobar/v1/sources/{name}",         Native, READ,  NOTHING,  |m| on(m, native::source)),
    row(Get,  "/api/isobar/v1/coverage",               Native, READ,  NOTHING,  |m| on(m, native::coverage)),
    row(Get,  "/api/isobar/v1/overview",               Native, READ,  NOTHING,  |m| on(m, native::overview)),
    row(Get,  "/api/isobar/v1/resources",              Native, READ,  NOTHING,  |m| on(m, native::resources)),
    row(Get,  "/api/isobar/v1/alerts",                 Native, READ,  NOTHING,  |m| on(m, native::alerts)),
    row(Get,  "/api/isobar/v1/alerts/{id}",            Native, READ,  NOTHING,  |m| on(m, native::alert)),
    row(Post, "/api/isobar/v1/alerts/acts",            Native, WRITE, TEXT_MAX, |m| on(m, native::act)),
    row(Get,  "/api/isobar/v1/incidents",                     Native, READ,  NOTHING,  |m| on(m, native::incidents)),
    row(Get,  "/api/isobar/v1/incidents/{id}",                Native, READ,  NOTHING,  |m| on(m, native::incident)),
    row(Post, "/api/isobar/v1/incidents/{id}/acknowledge",    Native, WRITE, TEXT_MAX, |m| on(m, native::acknowledge_incident)),
    row(Post, "/api/isobar/v1/incidents/{id}/unacknowledge",  Native, WRITE, TEXT_MAX, |m| on(m, native::unacknowledge_incident)),
    row(Post, "/api/isobar/v1/incidents/{id}/split",          Native, WRITE, TEXT_MAX, |m| on(m, native::split_incident)),
    row(Post, "/api/isobar/v1/incidents/{id}/merge",          Native, WRITE, TEXT_MAX, |m| on(m, native::merge_incident)),
    row(GetPost,   "/api/isobar/v1/silences",          Native, READ_OR_WRITE, TEXT_MAX, |_| get(native::silences).post(native::put_silence)),
    row(GetDelete, "/api/isobar/v1/silences/{id}",     Native, READ_OR_WRITE, NOTHING,  |_| get(native::silence).delete(native::expire_silence)),
    row(Post, "/api/isobar/v1/silences/preview",       Native, READ,  TEXT_MAX, |m| on(m, native::preview_silence)),
    row(Get,  "/api/isobar/v1/routes",                 Native, READ,  NOTHING,  |m| on(m, native::routes)),
    row(Post, "/api/isobar/v1/routes/preview",         Native, READ,  TEXT_MAX, |m| on(m, native::preview_routes)),
    row(Get,  "/api/isobar/v1/receivers",              Native, READ,  NOTHING,  |m| on(m, native::receivers)),
    row(Post, "/api/isobar/v1/receivers/{name}/test",  Native, WRITE, TEXT_MAX, |m| on(m, native::test_receiver)),
    row(Get,  "/api/isobar/v1/deliveries",             Native, READ,  NOTHING,  |m| on(m, native::deliveries)),
    row(Post, "/api/isobar/v1/deliveries/{id}/resend", Native, WRITE, TEXT_MAX, |m| on(m, native::resend)),
    row(Get,  "/api/isobar/v1/why",                    Native, READ,  NOTHING,  |m| on(m, native::why)),
    row(Get,  "/api/isobar/v1/runbooks",               Native, READ,  NOTHING,  |m| on(m, native::runbooks)),
    row(Get,  "/api/isobar/v1/runbooks/{id}",          Native, READ,  NOTHING,  |m| on(m, native::runbook)),
    row(Post, "/api/isobar/v1/runbooks/{id}/approve",  Native, ACT,   TEXT_MAX, |m| on(m, native::approve)),
    row(Post, "/api/isobar/v1/runbooks/{id}/deny",     Native, ACT,   TEXT_MAX, |m| on(m, native::deny)),
    row(GetPut, "/api/isobar/v1/lever", Native, Needs::ReadOr(Scope::Act), TEXT_MAX, |_| get(native::lever).put(native::set_lever)),
    row(Post, "/api/isobar/v1/sql",                    Native, READ,  TEXT_MAX, |m| on(m, native::sql)),
    row(Post, "/api/isobar/v1/replay",                 Native, READ,  TEXT_MAX, |m| on(m, native::replay)),
    row(Get,  "/api/isobar/v1/journal",                Native, READ,  NOTHING,  |m| on(m, native::journal)),
    row(Get,  "/api/isobar/v1/events",                 Native, READ,  NOTHING,  |m| on(m, native::events)),
    row(Get,  "/api/isobar/openapi.json",              Native, READ,  NOTHING,  |m| on(m, native::openapi)),

    row(Get,     "/-/healthy", Plain, Needs::Nothing, NOTHING,  |m| on(m, operations::healthy)),
    row(Get,     "/-/ready",   Plain, Needs::Nothing, NOTHING,  |m| on(m, operations::ready)),
    row(PostPut, "/-/reload",  Plain, WRITE,          TEXT_MAX, |m| on(m, operations::reload)),
    row(Get,     "/metrics",   Plain, READ,           NOTHING,  |m| on(m, operations::metrics)),

    row(Get, "/",                    Page, Needs::Nothing, NOTHING, |m| on(m, ui::page)),
    row(Get, "/alerts",              Page, Needs::Nothing, NOTHING, |m| on(m, ui::page)),
    row(Get, "/incidents",           Page, Needs::Nothing, NOTHING, |m| on(m, ui::page)),
    row(Get, "/silences",            Page, Needs::Nothing, NOTHING, |m| on(m, ui::page)),
    row(Get, "/routing",             Page, Needs::Nothing, NOTHING, |m| on(m, ui::page)),
    row(Get, "/explore",             Page, Needs::Nothing, NOTHING, |m| on(m, ui::page)),
    row(Get, "/resources",           Page, Needs::Nothing, NOTHING, |m| on(m, ui::page)),
    row(Get, "/proposals",           Page, Needs::Nothing, NOTHING, |m| on(m, ui::page)),
    row(Get, "/sources",             Page, Needs::Nothing, NOTHING, |m| on(m, ui::page)),
    row(Get, "/assets/{file}",       Page, Needs::Nothing, NOTHING, |m| on(m, ui::asset)),
    row(Get, "/assets/isobar.css",   Page, Needs::Nothing, NOTHING, |m| on(m, document::style)),
];

#[cfg(test)]
mod tests;
