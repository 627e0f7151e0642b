//! AWS: CloudWatch, the tagging API, EC2, STS and SNS on one address.
//!
//! The region is the one the request is signed for, so one address serves all regions.

mod alarms;
mod bill;
mod catalogue;
mod cloudwatch;
mod codec;
mod credentials;
mod ec2;
mod error;
mod page;
mod points;
mod protocol;
mod quota;
mod sigv4;
pub(crate) mod sns;
mod statistic;
mod sts;
mod tagging;
mod value;

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::estate::{AWS_REGIONS, Cloud, Dice, Estate};
use crate::faults::{Call, Fault, Provider};
use crate::server::{Asked, Site};

use alarms::Alarms;
use catalogue::Catalogue;
use cloudwatch::CloudWatch;
use credentials::Keys;
use error::ApiError;
use protocol::Named;

pub use bill::{Bill, Billed};
pub use credentials::{AwsCredentials, AwsKey};
pub use sns::SubscribeError;

/// Everything the account has.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) estate: Arc<Estate>,
    pub(crate) keys: Keys,
    catalogue: Arc<Catalogue>,
    alarms: Alarms,
    pub(crate) sns: sns::Sns,
    quotas: quota::Quotas,
    meter: bill::Meter,
}

impl Account {
    pub(crate) fn new(estate: Arc<Estate>) -> Self {
        let catalogue = Arc::new(Catalogue::new(&estate));
        let alarms = Alarms::new(&estate, Arc::clone(&catalogue));
        let keys = Keys::new(estate.seed());
        Self {
            sns: sns::Sns::new(estate.seed()),
            estate,
            keys,
            catalogue,
            alarms,
            quotas: quota::Quotas::default(),
            meter: bill::Meter::default(),
        }
    }

    /// Returns what was asked so far and what it cost.
    pub(crate) fn bill(&self) -> Bill {
        self.meter.bill()
    }

    /// Answers one request that names an operation.
    fn answer(&self, named: &Named, parts: &Parts, body: &[u8], asked: &Asked) -> Response<Bytes> {
        let service = service(named, parts);
        let said = self.checked(service, named, parts, body, asked);
        let error_in_200 = asked.has(Fault::ErrorIn200).then(ApiError::internal);
        let error = match (said, error_in_200) {
            (Ok(response), None) => return response,
            (Ok(_), Some(error)) => ApiError { status: StatusCode::OK, ..error },
            (Err(error), _) => error,
        };
        if service == Some(Service::Ec2) {
            return ec2::refusal(&error);
        }
        // Who spoke the query protocol once and is asked by a client that remembers says the old name as well.
        let remembers = parts.headers.get("x-amzn-query-mode").is_some_and(|value| value == "true");
        let (namespace, old_names) = match service {
            Some(Service::CloudWatch) => ("com.amazonaws.cloudwatch", remembers),
            _ => ("com.amazonaws.resourcegroupstaggingapi", false),
        };
        // The tagging service refuses callers with 400, the others with 403.
        let status = if service == Some(Service::Tagging) && error.status == StatusCode::FORBIDDEN {
            StatusCode::BAD_REQUEST
        } else {
            error.status
        };
        named.protocol.error(&ApiError { status, ..error }, namespace, old_names)
    }

    fn checked(
        &self,
        service: Option<Service>,
        named: &Named,
        parts: &Parts,
        body: &[u8],
        asked: &Asked,
    ) -> Result<Response<Bytes>, ApiError> {
        let claim = sigv4::claim(parts).ok_or_else(ApiError::no_credentials)??;
        let principal = sigv4::verify(&claim, parts, body, &self.keys, asked.now)?;
        let service = service.ok_or_else(|| ApiError::unknown_operation(&named.operation))?;
        let (signed_as, prefix) = match service {
            Service::CloudWatch => (cloudwatch::SIGNED_AS, "cloudwatch"),
            Service::Tagging => (tagging::SIGNED_AS, "tag"),
            Service::Ec2 => (ec2::SIGNED_AS, "ec2"),
            Service::Sts => (sts::SIGNED_AS, "sts"),
        };
        if claim.service != signed_as {
            return Err(ApiError::bad_signature(format!(
                "Credential should be scoped to correct service: '{signed_as}'."
            )));
        }
        principal.may(&format!("{prefix}:{}", named.operation))?;
        let region = AWS_REGIONS.into_iter().find(|region| *region == claim.region);
        match service {
            Service::CloudWatch => {
                let cloudwatch = CloudWatch {
                    estate: &self.estate,
                    catalogue: &self.catalogue,
                    alarms: &self.alarms,
                    quotas: &self.quotas,
                    meter: &self.meter,
                    asked,
                    region,
                };
                let input = named.protocol.decode(body)?;
                cloudwatch.answer(&named.operation, &input).map(|output| named.protocol.answer(&output))
            }
            Service::Tagging => {
                if named.operation != "GetResources" {
                    return Err(ApiError::unknown_operation(&named.operation));
                }
                let enough =
                    self.quotas.take(&named.operation, claim.region, tagging::PER_SECOND, 1.0, asked.now);
                if !enough || asked.has(Fault::Throttled) {
                    return Err(ApiError::throttled());
                }
                if asked.has(Fault::Failing) {
                    return Err(ApiError::internal());
                }
                let input = named.protocol.decode(body)?;
                let endless = asked.has(Fault::EndlessPages);
                let output = tagging::get_resources(&self.estate, region, &input, asked.now, endless)?;
                self.meter.count(&named.operation, &[]);
                Ok(named.protocol.answer(&output))
            }
            Service::Ec2 => {
                if named.operation != "DescribeInstances" {
                    return Err(ApiError::unknown_operation(&named.operation));
                }
                let question = ec2::Question::read(&protocol::form(parts, body))?;
                let (name, rate) = question.quota();
                let enough = self.quotas.take_at(name, claim.region, rate, 1.0, asked.now);
                if !enough || asked.has(Fault::Throttled) {
                    return Err(ApiError::throttled());
                }
                if asked.has(Fault::Failing) {
                    return Err(ApiError::internal());
                }
                let endless = asked.has(Fault::EndlessPages);
                let answer = ec2::describe_instances(&self.estate, region, &question, asked.now, endless)?;
                self.meter.count(&named.operation, &[]);
                Ok(answer)
            }
            Service::Sts => {
                let form = protocol::form(parts, body);
                sts::answer(&named.operation, &form, &principal, &self.keys, asked.now)
            }
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    CloudWatch,
    Tagging,
    Ec2,
    Sts,
}

/// Tells the service by its name on the wire; the query protocol has only the signature to go by.
fn service(named: &Named, parts: &Parts) -> Option<Service> {
    match named.service.as_str() {
        cloudwatch::SERVICE => Some(Service::CloudWatch),
        tagging::SERVICE => Some(Service::Tagging),
        "" => match sigv4::claim(parts) {
            Some(Ok(claim)) if claim.service == sts::SIGNED_AS => Some(Service::Sts),
            Some(Ok(claim)) if claim.service == ec2::SIGNED_AS => Some(Service::Ec2),
            _ => None,
        },
        _ => None,
    }
}

/// Reads operation and region for faults, quotas and the log.
fn classify(parts: &Parts, body: &[u8]) -> Call {
    let operation = protocol::name(parts, body).map_or_else(String::new, |named| named.operation);
    let region = match sigv4::claim(parts) {
        Some(Ok(claim)) => claim.region.to_owned(),
        _ => String::new(),
    };
    Call { operation, region }
}

/// The site that serves the account.
pub(crate) fn site(account: Arc<Account>) -> Site {
    let router = Router::new().fallback(handle).with_state(account);
    Site { provider: Provider::Aws, cloud: Cloud::Aws, classify, router }
}

async fn handle(State(account): State<Arc<Account>>, request: Request) -> Response<axum::body::Body> {
    let (parts, body) = request.into_parts();
    // The server has bounded the body already.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    // A full page of data or a first look at all alarms takes longer than an async thread should be held.
    let answered = tokio::task::spawn_blocking(move || answer(&account, &parts, &body));
    answered.await.expect("answering does not panic").map(axum::body::Body::from)
}

fn answer(account: &Account, parts: &Parts, body: &[u8]) -> Response<Bytes> {
    let asked = parts.extensions.get::<Asked>().expect("the server adds what is asked");
    let open = account.sns.answer(parts);
    let mut response = match (open, protocol::name(parts, body)) {
        (Some(response), _) => response,
        (None, Some(named)) => account.answer(&named, parts, body, asked),
        (None, None) => {
            let mut response = Response::new(Bytes::from_static(b"<UnknownOperationException/>\n"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    };
    let id = Dice::new(asked.now.cast_unsigned()).uuid(&String::from_utf8_lossy(body));
    let id = HeaderValue::from_str(&id).expect("a UUID is a plain word");
    response.headers_mut().insert(HeaderName::from_static("x-amzn-requestid"), id);
    response
}
