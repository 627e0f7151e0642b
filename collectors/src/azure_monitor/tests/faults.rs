//! What is collected while something fails: nothing false, nothing for ever, and everything once it is over.

use isobar_egress::Retry;
use isobar_simulators::{Fault, Provider, Scope};

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
/// Rounds of trouble.
const ROUNDS: u32 = 2;

/// Settings that make little work of a round, so that it takes no time where nothing fails, and little where nothing answers.
const QUICK: &str = "namespaces: [Microsoft.Compute/virtualMachines]\nbackfill: 10m\ntimeout: 3s";

/// What a fault of the metrics host does to a region.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Effect {
    /// The region stands still.
    Late,
    /// Nothing: what is wrong is told from what is right.
    None,
}

fn status(code: u16, retry_after_s: Option<u32>) -> Fault {
    Fault::Status { code, retry_after_s }
}

/// Every way the metrics host can fail. Names that do not resolve and certificates nobody trusts are the client's side, below.
fn modes() -> Vec<(Fault, Effect)> {
    use Effect::{Late, None};
    vec![
        (status(429, Some(30)), Late),
        (status(429, Option::None), Late),
        (Fault::Throttled, Late),
        (status(500, Option::None), Late),
        (status(502, Option::None), Late),
        (status(503, Some(1)), Late),
        (Fault::Failing, Late),
        (status(401, Option::None), Late),
        (status(403, Option::None), Late),
        (Fault::Stall, Late),
        (Fault::Drip, Late),
        (Fault::Reset, Late),
        (Fault::Malformed, Late),
        (Fault::TruncatedGzip, Late),
        (Fault::WrongType, Late),
        (Fault::ErrorIn200, Late),
        (Fault::Huge, Late),
        (Fault::SomeFailing, Late),
        (Fault::SomeForbidden, Late),
        (Fault::EndlessPages, None),
        (Fault::Duplicates, None),
        (Fault::OutOfOrder, None),
        (Fault::Future, None),
        (Fault::NotANumber, None),
        (Fault::Infinite, None),
    ]
}

#[tokio::test]
async fn a_region_that_fails_is_late_and_makes_up_for_it() {
    let world = World::new("quiet-day", QUICK).await;
    for region in ["eastus", "westeurope"] {
        world.collect(region).await;
    }
    for (fault, effect) in modes() {
        let before = world.collect("eastus").await.watermark;
        let requests = world.azure.requests().all().len();
        let region = Some("eastus".to_owned());
        let scope = Scope { operation: Some("MetricsBatch".to_owned()), region, calls: None };
        let id = world.azure.faults.inject(Provider::Azure, fault, scope);
        // The way around is closed too.
        let scope = Scope { operation: Some("Metrics".to_owned()), region: None, calls: None };
        let around = world.azure.faults.inject(Provider::Azure, fault, scope);
        for _ in 0..ROUNDS {
            world.pass(MINUTE);
            let failing = world.try_collect("eastus").await;
            match (&failing, effect) {
                (Ok(collected), Effect::Late) => {
                    assert_eq!(collected.watermark, None, "{fault:?}: {:?}", collected.failures);
                    assert!(!collected.failures.is_empty(), "{fault:?} is told of");
                }
                (Err(error), Effect::Late) => assert!(error.message.contains("eastus"), "{fault:?}: {error}"),
                (Ok(collected), Effect::None) => {
                    assert!(collected.watermark.is_some(), "{fault:?}: {:?}", collected.failures)
                }
                (Err(error), Effect::None) => panic!("{fault:?}: {error}"),
            }
            if let Ok(collected) = &failing {
                let now = world.now();
                let points = || collected.measurements.iter().flat_map(|one| &one.points);
                assert!(points().all(|(at, value)| *at <= now && value.is_finite()), "{fault:?}");
            }
            let other = world.collect("westeurope").await;
            assert!(
                other.watermark.is_some_and(|mark| mark >= world.now().minus(MINUTE * 5)),
                "{fault:?} is eastus'"
            );
        }
        let asked = world.azure.requests().all().len() - requests;
        assert!(asked <= 60, "{fault:?}: {asked} requests in {ROUNDS} rounds");
        world.azure.faults.clear(id);
        world.azure.faults.clear(around);
        // A block of 30 s that Azure asked for is kept; this clock is another than the simulators'.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(40)).await;
        tokio::time::resume();
        world.pass(MINUTE);
        let after = world.collect("eastus").await;
        assert_eq!(after.failures, Vec::<String>::new(), "{fault:?}");
        let mark = after.watermark.unwrap();
        assert!(Some(mark) > before && mark >= world.now().minus(MINUTE * 5), "{fault:?}");
        if effect == Effect::Late {
            let cpu = after.measurements.iter().filter(|one| &*one.metric == "Percentage CPU");
            let oldest = cpu.flat_map(|one| &one.points).map(|(at, _)| *at).min().unwrap();
            assert!(Some(oldest) <= before, "{fault:?}: what was not read is read now");
        }
    }
}

#[tokio::test]
async fn alerts_that_cannot_be_read_end_none() {
    let world = World::new("first-light", "").await;
    world.collector.parts().await.unwrap();
    world.collect("alarms").await;
    let faults = [
        status(500, None),
        status(403, None),
        Fault::Malformed,
        Fault::TruncatedGzip,
        Fault::ErrorIn200,
        Fault::Huge,
        Fault::Reset,
        Fault::EndlessPages,
    ];
    for fault in faults {
        let scope = Scope { operation: Some("ListAlerts".to_owned()), ..Scope::default() };
        let id = world.azure.faults.inject(Provider::Azure, fault, scope);
        match world.try_collect("alarms").await {
            Err(error) => assert!(error.message.contains("alerts of subscription"), "{fault:?}: {error}"),
            Ok(collected) => assert!(!collected.alarms.unwrap().is_complete, "{fault:?}"),
        }
        world.azure.faults.clear(id);
    }
}

#[tokio::test]
async fn an_inventory_that_cannot_be_read_keeps_the_one_there_is() {
    let world = World::new("quiet-day", "").await;
    let parts = world.collector.parts().await.unwrap();
    for fault in [Fault::Failing, Fault::Malformed, Fault::EndlessPages, Fault::ErrorIn200] {
        let id = world.azure.faults.inject(Provider::Azure, fault, Scope::default());
        assert!(world.try_collect("inventory").await.is_err(), "{fault:?}");
        assert_eq!(world.collector.parts().await.unwrap(), parts, "{fault:?}");
        world.azure.faults.clear(id);
    }
    assert!(world.try_collect("inventory").await.is_ok());
}

#[tokio::test]
async fn an_azure_that_refuses_connections_is_said_to() {
    let world = World::new("quiet-day", "").await;
    world.collect("eastus").await;
    world.azure.faults.inject(Provider::Azure, Fault::Refuse, Scope::default());
    world.pass(MINUTE);
    let mut changes = 0;
    let error = loop {
        // The listener closes a moment after it is told to.
        match world.try_collect("eastus").await {
            Err(error) => break error,
            Ok(_) => changes += 1,
        }
        assert!(changes < 100);
        world.pass(MINUTE);
    };
    assert!(error.message.contains("metrics of"), "{error}");
    assert_eq!(error.retry, Retry::Backoff);
}

/// A collector whose endpoints are these, and what its discovery says.
async fn discovery(lines: &str) -> CollectError {
    let text = format!("tenant_id: t\nclient_id: c\nclient_secret: ${{env:SECRET}}\ntimeout: 2s\n{lines}");
    build(&text, "s", &Clouds::default()).parts().await.unwrap_err()
}

#[tokio::test]
async fn who_cannot_be_found_or_trusted_is_named() {
    let (azure, _) = simulate("quiet-day").await;
    let tls = azure.untrusted_tls_url.as_str();
    let error = discovery(&format!("endpoints: {{authority: \"{tls}\"}}")).await;
    assert!(error.message.contains("TLS handshake"), "{error}");
    let error = discovery("endpoints: {authority: \"https://isobar.invalid\"}").await;
    assert!(error.message.contains("isobar.invalid"), "{error}");
}

#[tokio::test]
async fn a_principal_without_rights_is_told_which_role_it_lacks() {
    let (azure, clock) = simulate("quiet-day").await;
    let clouds = Clouds { mappings: Arc::new(NativeMappings::builtin()), ..Clouds::default() };
    let limited = azure.azure_credentials.limited.clone();
    let collector = build(&settings(&azure, &limited.client_id, ""), &limited.client_secret, &clouds);
    let world = World { azure, clock, clouds, collector };
    assert!(world.try_collect("inventory").await.is_ok(), "it may list");
    for (part, about) in [("eastus", "metrics of"), ("alarms", "alerts of")] {
        let error = world.try_collect(part).await.unwrap_err();
        assert!(error.message.contains(about) && error.message.contains("Monitoring Reader"), "{error}");
    }
    assert!(world.asked("MetricsBatch") <= 4, "who may not read one may read none");
}

#[tokio::test]
async fn a_wrong_secret_is_asked_with_once() {
    let (azure, _) = simulate("quiet-day").await;
    let clouds = Clouds { mappings: Arc::new(NativeMappings::builtin()), ..Clouds::default() };
    let client = azure.azure_credentials.reader.client_id.clone();
    let collector = build(&settings(&azure, &client, ""), "wrong", &clouds);
    for _ in 0..5 {
        let error = collector.parts().await.unwrap_err();
        assert!(error.message.contains("AADSTS7000215"), "{error}");
    }
    assert_eq!(azure.requests().count(Provider::Azure, "Token"), 1);
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named() {
    let world = World::new("quiet-day", "").await;
    world.pass(MINUTE * 10);
    let part = Part { key: key("inventory"), interval: None };
    let window = Window { start: world.now().minus(MINUTE), end: world.now() };
    let collected = world.collector.collect(&part, window).await.unwrap();
    let [failure] = &collected.failures[..] else { panic!("{:?}", collected.failures) };
    assert!(
        failure.starts_with("this machine's clock is ") && failure.contains("ahead of Azure's"),
        "{failure}"
    );
}
