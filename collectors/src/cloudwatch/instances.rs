//! Asks EC2 where the instances of a region are and which of them are no more.
//!
//! It is one operation of some seven hundred, so the SDK's crate for EC2 is not worth its minutes of compiling: the request
//! is written and the answer read here, and the SDK's orchestrator signs and sends it as it does for the other services.

mod xml;

use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_sdk_cloudwatch::config::http::{HttpRequest, HttpResponse};
use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::config::{
    BehaviorVersion, Region as RegionName, SharedCredentialsProvider, SharedIdentityCache,
    StalledStreamProtectionConfig,
};
use aws_sdk_cloudwatch::error::{BoxError, SdkError};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime::client::orchestrator::operation::Operation as Orchestrated;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_types::region::SigningRegion;
use http::header::CONTENT_TYPE;
use url::form_urlencoded;

use super::account::Shared;
use super::call::{DESCRIBE_INSTANCES, Failure};
use super::discovery::Pages;
use super::metrics::Region;
use xml::Answer;
pub(super) use xml::{Instance, Page};

/// The version of the interface.
const VERSION: &str = "2016-11-15";
/// Instances on one page. Source: API_DescribeInstances.html, MaxResults (read 2026-11-21).
const PER_PAGE: &str = "1000";
/// A hundred thousand instances in one region.
const PAGES_MAX: usize = 100;
/// What regions of partitions other than `aws` begin with, and the domain of their services.
/// Source: botocore 1.44.5, data/partitions.json.
const DOMAINS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov"),
];

/// The client of one region of one account. It is asked for a page by the token that leads there.
#[derive(Clone, Debug)]
pub(super) struct Ec2(Orchestrated<Option<String>, Page, ErrorMetadata>);

impl Ec2 {
    /// Credentials are given as they are: wrapped once more, they would have a place of their own in the cache.
    pub(super) fn new(
        shared: &Shared,
        region: &str,
        credentials: SharedCredentialsProvider,
        identities: SharedIdentityCache,
    ) -> Self {
        let endpoint = shared.endpoints.ec2.clone().unwrap_or_else(|| endpoint(region));
        let operation = Orchestrated::builder()
            .service_name("EC2")
            .operation_name(DESCRIBE_INSTANCES.name)
            .behavior_version(BehaviorVersion::latest())
            .http_client(shared.http.clone())
            .endpoint_url(&endpoint)
            .time_source(shared.caller.clock.clone())
            .sleep_impl(TokioSleep::new())
            .standard_retry(&RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .runtime_plugin(signing(region, credentials, identities))
            .serializer(request)
            .deserializer(answer)
            .build();
        Self(operation)
    }

    async fn page(&self, token: Option<String>) -> Result<Page, SdkError<ErrorMetadata, HttpResponse>> {
        self.0.invoke(token).await
    }
}

/// Every instance of a region, those that ended within the hour among them.
pub(super) async fn list(region: Region<'_>) -> Result<Vec<Instance>, Failure> {
    let ec2 = &region.services.ec2;
    let mut instances = Vec::new();
    let mut pages = Pages::new(PAGES_MAX);
    let mut token = None;
    loop {
        let page = region.caller.call(&DESCRIBE_INSTANCES, 1, || ec2.page(token.clone())).await?;
        instances.extend(page.instances);
        token = pages.next(&DESCRIBE_INSTANCES, page.token)?;
        if token.is_none() {
            return Ok(instances);
        }
    }
}

/// Where EC2 answers.
fn endpoint(region: &str) -> String {
    let domain = DOMAINS.iter().find(|(prefix, _)| region.starts_with(prefix));
    format!("https://ec2.{region}.{}", domain.map_or("amazonaws.com", |(_, domain)| domain))
}

/// What the SDK needs to sign by.
fn signing(
    region: &str,
    credentials: SharedCredentialsProvider,
    identities: SharedIdentityCache,
) -> StaticRuntimePlugin {
    let mut config = Layer::new("signing");
    config.store_put(AuthSchemeOptionResolverParams::new(()));
    config.store_put(SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(RegionName::new(region.to_owned()))),
        name: Some("ec2".into()),
        ..SigV4OperationSigningConfig::default()
    });
    let components = RuntimeComponentsBuilder::new("signing")
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_identity_cache(Some(identities))
        .with_identity_resolver(SCHEME_ID, credentials);
    StaticRuntimePlugin::new().with_config(config.freeze()).with_runtime_components(components)
}

/// The form that asks for a page.
fn request(token: Option<String>) -> Result<HttpRequest, BoxError> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", DESCRIBE_INSTANCES.name)
        .append_pair("Version", VERSION)
        .append_pair("MaxResults", PER_PAGE);
    if let Some(token) = token {
        form.append_pair("NextToken", &token);
    }
    let request = http::Request::post("/")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
        .body(SdkBody::from(form.finish()))?;
    Ok(request.try_into()?)
}

/// An error under a good status is one all the same, and an answer under a bad one is none.
fn answer(response: &HttpResponse) -> Result<Page, OrchestratorError<ErrorMetadata>> {
    match xml::read(response.body().bytes().unwrap_or_default()) {
        Ok(Answer::Page(page)) if response.status().is_success() => Ok(page),
        Ok(Answer::Error { code, message }) => {
            Err(OrchestratorError::operation(ErrorMetadata::builder().code(code).message(message).build()))
        }
        Ok(Answer::Page(_)) => Err(OrchestratorError::other("instances under a status of failure")),
        Err(what) => Err(OrchestratorError::other(what)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_its_domain() {
        let check = |region: &str, expected: &str| assert_eq!(endpoint(region), expected);
        check("us-east-1", "https://ec2.us-east-1.amazonaws.com");
        check("us-gov-west-1", "https://ec2.us-gov-west-1.amazonaws.com");
        check("cn-north-1", "https://ec2.cn-north-1.amazonaws.com.cn");
        check("us-isob-east-1", "https://ec2.us-isob-east-1.sc2s.sgov.gov");
        check("eusc-de-east-1", "https://ec2.eusc-de-east-1.amazonaws.eu");
    }

    #[test]
    fn a_page_is_asked_for_by_its_token() {
        let body = |token: Option<&str>| {
            let request = request(token.map(str::to_owned)).unwrap();
            assert_eq!((request.method(), request.uri()), ("POST", "/"));
            String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap()
        };
        let first = "Action=DescribeInstances&Version=2016-11-15&MaxResults=1000";
        assert_eq!(body(None), first);
        assert_eq!(body(Some("a+b/=&c")), format!("{first}&NextToken=a%2Bb%2F%3D%26c"));
    }
}
