//! Starts the simulators and stops them.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::aws::{self, Account, AwsCredentials, Bill, SubscribeError};
use crate::azure::{self, Azure, AzureCredentials};
use crate::clock::Clock;
use crate::estate::{Estate, Millis};
use crate::faults::FaultHandle;
use crate::prometheus;
use crate::requests::RequestLog;
use crate::scenario::Scenario;
use crate::server::{Server, Shared, Site};
use crate::sinks::{self, Incident, Received, Sinks};
use crate::untrusted_tls;

/// What to simulate, and where.
#[derive(Clone)]
pub struct Config {
    /// Two runs with the same seed, origin and scenario have the same estate.
    pub seed: u64,
    /// When the story begins, in milliseconds since 1970-01-01 UTC.
    pub origin: Millis,
    /// What happens.
    pub scenario: Scenario,
    /// Where the first simulator listens; the others take the ports after it, or any when this one's is 0.
    pub listen: SocketAddr,
    /// Tells the time in milliseconds since 1970-01-01 UTC.
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("seed", &self.seed)
            .field("origin", &self.origin)
            .field("scenario", &self.scenario)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

/// Why the simulators did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address could not be bound.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Starts everything; see [`Simulators::start`].
#[derive(Debug)]
pub struct Simulators;

/// The simulators while they run. Dropping it stops them at once; [`Running::stop`] lets open requests end.
#[derive(Debug)]
pub struct Running {
    /// The estate that everything is told of.
    pub estate: Arc<Estate>,
    /// The endpoint of every AWS service, for all regions.
    pub aws_url: Url,
    /// An `https` address of AWS whose certificate is for another name and signed by nobody: every handshake fails.
    pub untrusted_tls_url: Url,
    /// Keys for AWS.
    pub aws_credentials: AwsCredentials,
    /// Where tokens of Azure come from: `{url}/{tenant}/oauth2/v2.0/token`, `{url}/metadata/identity/oauth2/token` of
    /// machines, and `{url}/msi/token` of apps.
    pub azure_token_url: Url,
    /// Azure Resource Manager, with Resource Graph and Alerts Management.
    pub azure_arm_url: Url,
    /// The metrics hosts of all regions; `{url}/{region}` is the one of a region.
    pub azure_metrics_url: Url,
    /// Applications for them.
    pub azure_credentials: AzureCredentials,
    /// The pages of node_exporter, in the order of the machines that run one.
    pub prometheus_targets: Vec<Url>,
    /// Where PagerDuty takes events.
    pub pagerduty_url: Url,
    /// Takes any webhook; a name may follow in the path.
    pub webhook_url: Url,
    /// Takes failovers signed with [`Running::failover_secret`].
    pub failover_url: Url,
    /// `whsec_…`: what failovers are signed with.
    pub failover_secret: String,
    /// Takes mail, with STARTTLS for those who trust [`Running::smtp_certificate`].
    pub smtp_addr: SocketAddr,
    /// The certificate of the mail server, as PEM.
    pub smtp_certificate: String,
    /// Makes things fail.
    pub faults: FaultHandle,
    account: Arc<Account>,
    sinks: Arc<Sinks>,
    log: Arc<RequestLog>,
    clock: Clock,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// Addresses one after the other.
struct Addresses {
    next: SocketAddr,
}

impl Addresses {
    fn take(&mut self) -> SocketAddr {
        let address = self.next;
        if address.port() != 0 {
            self.next.set_port(address.port() + 1);
        }
        address
    }

    async fn serve(&mut self, site: Site, shared: &Shared) -> Result<Server, StartError> {
        let address = self.take();
        site.serve(address, shared.clone()).await.map_err(|source| StartError::Listen { address, source })
    }
}

fn url(address: SocketAddr) -> Url {
    Url::parse(&format!("http://{address}")).expect("an address makes a URL")
}

fn under(address: SocketAddr, path: &str) -> Url {
    url(address).join(path).expect("a plain path joins any address")
}

impl Simulators {
    /// Binds the addresses and serves until the result is stopped or dropped.
    ///
    /// # Errors
    /// When an address cannot be bound.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        let estate = Estate::new(config.seed, config.origin, config.scenario);
        Self::start_over(estate, config.listen, config.clock).await
    }

    /// The same over an estate that is there already; `clock` as in [`Config`].
    ///
    /// # Errors
    /// When an address cannot be bound.
    pub async fn start_over(
        estate: Estate,
        listen: SocketAddr,
        clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    ) -> Result<Running, StartError> {
        let seed = estate.seed();
        let estate = Arc::new(estate);
        let shared = Shared {
            estate: Arc::clone(&estate),
            clock: Clock::new(clock),
            faults: FaultHandle::default(),
            log: Arc::default(),
            stop: CancellationToken::new(),
        };
        let mut addresses = Addresses { next: listen };
        let account = Arc::new(Account::new(Arc::clone(&estate)));
        let aws = addresses.serve(aws::site(Arc::clone(&account)), &shared).await?;
        account.sns.serves_at(url(aws.address));
        let untrusted = addresses.take();
        let tls = untrusted_tls::serve(untrusted, shared.stop.clone()).await;
        let tls = tls.map_err(|source| StartError::Listen { address: untrusted, source })?;
        let deliveries = tokio::spawn(aws::sns::run(Arc::clone(&account), shared.clone()));
        let azure = Arc::new(Azure::new(Arc::clone(&estate)));
        let [token, arm, metrics] = azure::sites(&azure);
        let token = addresses.serve(token, &shared).await?;
        let arm = addresses.serve(arm, &shared).await?;
        let metrics = addresses.serve(metrics, &shared).await?;
        let sinks = Arc::new(Sinks::new(seed));
        let told = addresses.serve(sinks::site(&sinks), &shared).await?;
        let smtp = sinks::smtp(&sinks, shared.clock.clone());
        let smtp_certificate = smtp.certificate.clone();
        let address = addresses.take();
        let mail = smtp.serve(address, shared.clone()).await;
        let mail = mail.map_err(|source| StartError::Listen { address, source })?;
        let mut exporters = Vec::new();
        for exporter in prometheus::sites(&estate) {
            exporters.push(addresses.serve(exporter, &shared).await?);
        }
        let prometheus_targets = exporters.iter().map(|server| under(server.address, "metrics")).collect();
        let mut tasks =
            vec![aws.task, tls.task, deliveries, token.task, arm.task, metrics.task, told.task, mail.task];
        tasks.extend(exporters.into_iter().map(|server| server.task));
        Ok(Running {
            estate,
            aws_url: url(aws.address),
            untrusted_tls_url: Url::parse(&format!("https://{}", tls.address))
                .expect("an address makes a URL"),
            aws_credentials: account.keys.credentials.clone(),
            azure_token_url: url(token.address),
            azure_arm_url: url(arm.address),
            azure_metrics_url: url(metrics.address),
            azure_credentials: azure.credentials().clone(),
            prometheus_targets,
            pagerduty_url: under(told.address, "v2/enqueue"),
            webhook_url: under(told.address, "webhook"),
            failover_url: under(told.address, "failover"),
            failover_secret: sinks.failover_secret.clone(),
            smtp_addr: mail.address,
            smtp_certificate,
            faults: shared.faults,
            account,
            sinks,
            log: shared.log,
            stop: shared.stop,
            clock: shared.clock,
            tasks,
        })
    }
}

impl Running {
    /// Returns what AWS was asked so far and what it would cost.
    pub fn bill(&self) -> Bill {
        self.account.bill()
    }

    /// Subscribes an `http` endpoint to the alarms of an AWS region; it gets a request to confirm first, as SNS sends it.
    ///
    /// Returns the subscription's ARN.
    ///
    /// # Errors
    /// When the endpoint cannot be reached by its form, or the estate has nothing in the region.
    pub fn subscribe_to_alarms(&self, region: &str, endpoint: Url) -> Result<String, SubscribeError> {
        self.account.sns.subscribe(region, endpoint, self.clock.now())
    }

    /// Returns how many alarm notifications were lost because too many waited.
    pub fn notifications_lost(&self) -> u64 {
        self.account.sns.lost()
    }

    /// Returns what the sinks were told: pages, webhooks, failovers and mails.
    pub fn received(&self) -> &Received {
        &self.sinks.received
    }

    /// Returns the incidents at PagerDuty, in the order they were opened.
    pub fn incidents(&self) -> Vec<Incident> {
        self.sinks.incidents()
    }

    /// Returns the requests that came.
    pub fn requests(&self) -> &RequestLog {
        &self.log
    }

    /// Stops listening, lets open requests end for two seconds, and returns when nothing runs any more.
    pub async fn stop(mut self) {
        self.stop.cancel();
        for task in std::mem::take(&mut self.tasks) {
            // A server that panicked has stopped as well.
            let _ = task.await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
