//! What can be made to go wrong, with whom, and for which calls.

mod body;

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

pub(crate) use body::spoil;

/// Faults that can be active at once; a test that wants more has a leak.
const ACTIVE_MAX: usize = 1_000;

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// Everything under the AWS address.
    Aws,
    /// Everything under the Azure addresses: tokens, management, metrics.
    Azure,
    /// The pages of node_exporter.
    Prometheus,
    /// What receives pages: PagerDuty, webhooks, mail.
    Sinks,
}

/// One way to fail.
///
/// Two ways are no answers and so not here: TLS that nobody trusts has an address of its own, and a name that does not
/// resolve is the client's to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status and an empty body, for any of 401, 403, 429, 500, 502, 503 and the like.
    Status {
        /// The HTTP status.
        code: u16,
        /// Seconds in `Retry-After`, if that header comes.
        retry_after_s: Option<u32>,
    },
    /// Answers as the provider does when there were too many calls.
    Throttled,
    /// Answers as the provider does when it fails inside.
    Failing,
    /// Nobody listens any more: connections are refused.
    Refuse,
    /// Reads the request and never answers.
    Stall,
    /// Sends one byte a second.
    Drip,
    /// Resets the connection (RST) after reading the request.
    Reset,
    /// Sends half a body and then bytes that fit no format.
    Malformed,
    /// Says `Content-Encoding: gzip` and stops in the middle.
    TruncatedGzip,
    /// Sends a body of 100 MB.
    Huge,
    /// Answers 200 with the body of an error.
    ErrorIn200,
    /// One item in five of an otherwise good answer fails inside the provider.
    SomeFailing,
    /// One item in five of an otherwise good answer is forbidden.
    SomeForbidden,
    /// Sends strings where numbers belong.
    WrongType,
    /// Always names a next page.
    EndlessPages,
    /// Sends every point twice.
    Duplicates,
    /// Sends points in no order.
    OutOfOrder,
    /// Sends the newest point a day ahead of the clock.
    Future,
    /// Sends values that are not a number.
    NotANumber,
    /// Sends infinite values.
    Infinite,
}

/// One call, as far as faults and quotas tell calls apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// The provider's word for what is asked, for example `GetMetricData`.
    pub operation: String,
    /// The region it is asked of; empty where there is none.
    pub region: String,
}

/// Which calls a fault applies to; everything that is `None` applies to all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only this operation.
    pub operation: Option<String>,
    /// Only this region.
    pub region: Option<String>,
    /// Only so many calls, then the fault is over.
    pub calls: Option<u64>,
}

impl Scope {
    fn holds(&self, call: &Call) -> bool {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        fits(&self.operation, &call.operation) && fits(&self.region, &call.region) && self.calls != Some(0)
    }
}

/// Names one injected fault, to take it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultId(u64);

#[derive(Debug)]
struct Active {
    id: FaultId,
    provider: Provider,
    fault: Fault,
    scope: Scope,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    active: Vec<Active>,
}

/// Makes the simulators fail and well again; clones act on the same simulators.
#[derive(Debug, Clone)]
pub struct FaultHandle {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<()>,
}

impl Default for FaultHandle {
    fn default() -> Self {
        Self { state: Arc::default(), changed: watch::Sender::new(()) }
    }
}

impl FaultHandle {
    /// Injects a fault; it holds for every call in its scope until cleared.
    ///
    /// # Panics
    /// When a thousand faults are active: nobody cleared them.
    pub fn inject(&self, provider: Provider, fault: Fault, scope: Scope) -> FaultId {
        let mut state = self.state.lock();
        assert!(state.active.len() < ACTIVE_MAX, "{ACTIVE_MAX} faults are active: clear some");
        state.next += 1;
        let id = FaultId(state.next);
        state.active.push(Active { id, provider, fault, scope });
        drop(state);
        self.changed.send_replace(());
        id
    }

    /// Takes one fault back; one that is over already is no error.
    pub fn clear(&self, id: FaultId) {
        self.state.lock().active.retain(|active| active.id != id);
        self.changed.send_replace(());
    }

    /// Takes all faults back.
    pub fn clear_all(&self) {
        self.state.lock().active.clear();
        self.changed.send_replace(());
    }

    /// Returns whether connections to a provider are refused.
    pub(crate) fn refuses(&self, provider: Provider) -> bool {
        let state = self.state.lock();
        state.active.iter().any(|active| active.provider == provider && active.fault == Fault::Refuse)
    }

    /// Returns what tells that faults were injected or cleared.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Returns the faults of one call, and counts the call against those that last for a number of calls.
    pub(crate) fn of_call(&self, provider: Provider, call: &Call) -> Vec<Fault> {
        let mut state = self.state.lock();
        let mut faults = Vec::new();
        for active in &mut state.active {
            if active.provider != provider || !active.scope.holds(call) {
                continue;
            }
            faults.push(active.fault);
            if let Some(calls) = &mut active.scope.calls {
                *calls -= 1;
            }
        }
        state.active.retain(|active| active.scope.calls != Some(0));
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str, region: &str) -> Call {
        Call { operation: operation.to_owned(), region: region.to_owned() }
    }

    #[test]
    fn a_fault_holds_for_its_scope_and_its_number_of_calls() {
        let faults = FaultHandle::default();
        let scope = Scope { operation: Some("ListMetrics".to_owned()), calls: Some(2), ..Scope::default() };
        faults.inject(Provider::Aws, Fault::Stall, scope);
        assert!(faults.of_call(Provider::Aws, &call("DescribeAlarms", "us-east-1")).is_empty());
        assert!(faults.of_call(Provider::Azure, &call("ListMetrics", "us-east-1")).is_empty());
        for _ in 0..2 {
            assert_eq!(faults.of_call(Provider::Aws, &call("ListMetrics", "eu-west-1")), [Fault::Stall]);
        }
        assert!(faults.of_call(Provider::Aws, &call("ListMetrics", "eu-west-1")).is_empty());
    }

    #[test]
    fn a_cleared_fault_is_over_and_others_stay() {
        let faults = FaultHandle::default();
        let scope = Scope { region: Some("us-east-1".to_owned()), ..Scope::default() };
        let first = faults.inject(Provider::Aws, Fault::Refuse, Scope::default());
        faults.inject(Provider::Aws, Fault::Drip, scope);
        assert!(faults.refuses(Provider::Aws) && !faults.refuses(Provider::Azure));
        faults.clear(first);
        assert!(!faults.refuses(Provider::Aws));
        assert_eq!(faults.of_call(Provider::Aws, &call("any", "us-east-1")), [Fault::Drip]);
        assert!(faults.of_call(Provider::Aws, &call("any", "eu-west-1")).is_empty());
    }
}
