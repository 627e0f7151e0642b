//! An account and its clients, one of each service for each region.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::config::{
    BehaviorVersion, IdentityCache, Region, SharedCredentialsProvider, SharedIdentityCache,
    StalledStreamProtectionConfig,
};

use super::call::{Caller, Failure, GET_CALLER_IDENTITY};
use super::credentials::{AssumedRole, Base, Provider};
use super::http_client::GuardedHttp;
use super::instances::Ec2;
use super::settings::{AccountSettings, Endpoints};

/// What all clients of a source share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) http: GuardedHttp,
    pub(super) endpoints: Endpoints,
    pub(super) caller: Caller,
}

/// One account, with the credentials for it.
#[derive(Debug)]
pub(super) struct Account {
    id: OnceLock<Arc<str>>,
    /// As people call it; empty when nobody does.
    name: String,
    credentials: SharedCredentialsProvider,
    identities: SharedIdentityCache,
}

/// The clients for one region of one account.
#[derive(Clone)]
pub(super) struct Services {
    pub(super) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(super) tagging: aws_sdk_resourcegroupstagging::Client,
    pub(super) ec2: Ec2,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

/// The configuration of a client: our HTTP, our clock, our retries. The SDK's correction of a wrong clock is off, because a
/// wrong clock is also wrong about which minutes are over; it is told instead.
macro_rules! config {
    ($sdk:ident, $shared:expr, $region:expr, $endpoint:expr, $account:expr) => {{
        let mut config = config!($sdk, $shared, $region, $endpoint);
        // Given as it is: wrapped once more, it would have a place of its own in the cache for every client.
        config
            .set_identity_cache($account.identities.clone())
            .set_credentials_provider(Some($account.credentials.clone()));
        config
    }};
    ($sdk:ident, $shared:expr, $region:expr, $endpoint:expr) => {{
        let mut config = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new($region.to_owned()))
            .http_client($shared.http.clone())
            .time_source($shared.caller.clock.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .disable_clock_skew_correction(true);
        config.set_endpoint_url($endpoint.clone());
        config
    }};
}

impl Shared {
    /// The account of the first credentials.
    pub(super) fn own(&self, base: Base, region: &str) -> Account {
        let provider = match base {
            Base::Static(keys) => SharedCredentialsProvider::new(Provider::Static(keys)),
            Base::Profile(profile) => SharedCredentialsProvider::new(Provider::Profile(profile)),
            Base::Container(container) => SharedCredentialsProvider::new(Provider::Container(container)),
            Base::Instance(instance) => SharedCredentialsProvider::new(Provider::Instance(instance)),
            Base::WebIdentity(identity) => {
                let config = config!(aws_sdk_sts, self, region, self.endpoints.sts);
                let sts = aws_sdk_sts::Client::from_conf(config.build());
                let caller = self.caller.clone();
                SharedCredentialsProvider::new(AssumedRole::ByToken { sts, caller, identity })
            }
        };
        Account {
            id: OnceLock::new(),
            name: String::new(),
            credentials: provider,
            identities: IdentityCache::lazy().build(),
        }
    }

    /// An account reached by a role of it, which `own` may assume.
    pub(super) fn by_role(&self, own: &Account, settings: &AccountSettings, region: &str) -> Account {
        let role = AssumedRole::ByRole {
            sts: self.sts(own, region),
            caller: self.caller.clone(),
            role_arn: settings.role_arn.clone(),
            external_id: settings.external_id.clone(),
        };
        Account {
            id: OnceLock::from(settings.id.clone()),
            name: settings.name.clone(),
            credentials: SharedCredentialsProvider::new(role),
            identities: IdentityCache::lazy().build(),
        }
    }

    /// The clients for a region.
    pub(super) fn services(&self, account: &Account, region: &str) -> Services {
        let endpoint = &self.endpoints.cloudwatch;
        let cloudwatch = config!(aws_sdk_cloudwatch, self, region, endpoint, account);
        let endpoint = &self.endpoints.tagging;
        let tagging = config!(aws_sdk_resourcegroupstagging, self, region, endpoint, account);
        Services {
            cloudwatch: aws_sdk_cloudwatch::Client::from_conf(cloudwatch.build()),
            tagging: aws_sdk_resourcegroupstagging::Client::from_conf(tagging.build()),
            ec2: Ec2::new(self, region, account.credentials.clone(), account.identities.clone()),
        }
    }

    fn sts(&self, account: &Account, region: &str) -> aws_sdk_sts::Client {
        let config = config!(aws_sdk_sts, self, region, self.endpoints.sts, account);
        aws_sdk_sts::Client::from_conf(config.build())
    }

    /// The account's number; asked for once where the settings do not say it.
    pub(super) async fn id(&self, account: &Account, region: &str) -> Result<Arc<str>, Failure> {
        if let Some(id) = account.id.get() {
            return Ok(id.clone());
        }
        let sts = self.sts(account, region);
        let answer = self.caller.call(&GET_CALLER_IDENTITY, 0, || sts.get_caller_identity().send()).await?;
        let id = answer.account.filter(|id| !id.is_empty() && !id.contains([':', '/']));
        let id = id.ok_or_else(|| Failure::broken(&GET_CALLER_IDENTITY, "answered without an account"))?;
        Ok(account.id.get_or_init(|| id.into()).clone())
    }
}

impl Account {
    /// Its number, once it is known.
    pub(super) fn known_id(&self) -> Option<&Arc<str>> {
        self.id.get()
    }

    /// Its number, and its name where it has one.
    pub(super) fn shown(&self) -> String {
        let id = self.id.get().map_or("the credentials' own account", |id| id);
        if self.name.is_empty() { id.to_owned() } else { format!("{id} ({})", self.name) }
    }
}
