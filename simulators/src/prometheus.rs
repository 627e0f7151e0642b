//! node_exporter: every host of the owner, and the cloud machines that run one, each on an address of its own.

mod page;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Method, StatusCode, header};

use crate::estate::{Estate, Machine};
use crate::faults::{Call, Fault, Provider};
use crate::server::{Asked, Site};

use page::Page;

/// Scrapes node_exporter answers at once. Source: prometheus/node_exporter v1.5.0, node_exporter.go, web.max-requests.
const SCRAPES_MAX: u32 = 40;

/// One machine's exporter.
#[derive(Debug)]
struct Exporter {
    estate: Arc<Estate>,
    index: usize,
}

impl Exporter {
    fn machine(&self) -> &Machine {
        &self.estate.machines()[self.index]
    }
}

/// The sites of all exporters, in the order of [`Estate::machines`].
pub(crate) fn sites(estate: &Arc<Estate>) -> Vec<Site> {
    let machines = estate.machines().iter().enumerate().filter(|(_, machine)| machine.node_exporter);
    let site = |(index, machine): (usize, &Machine)| {
        let exporter = Arc::new(Exporter { estate: Arc::clone(estate), index });
        Site {
            provider: Provider::Prometheus,
            cloud: machine.identity.place.cloud(),
            classify,
            router: Router::new().fallback(answer).with_state(exporter),
        }
    };
    machines.map(site).collect()
}

fn classify(_: &Parts, _: &[u8]) -> Call {
    Call { operation: "Scrape".to_owned(), region: String::new() }
}

async fn answer(State(exporter): State<Arc<Exporter>>, request: Request) -> Response {
    let asked = request.extensions().get::<Asked>().cloned().expect("the server adds what is asked");
    if request.method() != Method::GET || request.uri().path() != "/metrics" {
        return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
    }
    if asked.has(Fault::Throttled) {
        let message = format!("Limit of concurrent requests reached ({SCRAPES_MAX}), try again later.\n");
        return (StatusCode::SERVICE_UNAVAILABLE, message).into_response();
    }
    let machine = exporter.machine();
    // A machine that is down answers nothing; what is left is the proxy before it.
    if !machine.outages.up(asked.now) || !machine.identity.exists(asked.now) {
        return (StatusCode::SERVICE_UNAVAILABLE, "no such host answers\n").into_response();
    }
    if asked.has(Fault::Failing) || asked.has(Fault::ErrorIn200) {
        let status =
            if asked.has(Fault::ErrorIn200) { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
        return (status, "An error has occurred while serving metrics:\n\nerror gathering metrics\n")
            .into_response();
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, Page::of(machine, asked.now).write(&asked)).into_response()
}
