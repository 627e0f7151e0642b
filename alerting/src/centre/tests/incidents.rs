//! Incidents through the running centre: many alerts at once, and alerts of strangers.

use std::collections::BTreeMap;

use isobar_journal::{SqliteJournal, SqliteOptions};

use super::*;
use crate::fixture::labels;
use crate::outage::{Estate, OutageInference, PartFacts, Trouble};
use crate::pushed::PostedAlert;

impl Running {
    async fn until_joined(&self, count: usize) {
        let mut versions = self.handle.versions();
        let waiting = async {
            while self.handle.incidents().iter().map(|listed| listed.open).sum::<usize>() != count {
                versions.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("all alerts in incidents");
    }
}

#[tokio::test]
async fn ten_thousand_alerts_of_one_region_are_one_incident_and_what_comes_after_is_told() {
    const MANY: usize = 10_000;
    let receiver = TestReceiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let text = config(&receiver, "  webhook_configs: [{url: 'HOST/hook', max_alerts: 1}]\n");
    for restarts in [false, true] {
        let journal =
            SqliteJournal::open(&folder.path().join("journal.db"), SqliteOptions::default()).unwrap();
        let centre = Running::start_over(&text, &Arc::new(journal)).await;
        if !restarts {
            let now = (centre.handle.parts.clock)();
            let down = |nth| {
                let identity = format!("alertname=HostDown resource_id=aws:1:us-east-1:host:h-{nth}");
                transition(&identity, AlertState::Firing, Severity::Critical, now)
            };
            centre.handle.ingest((0..MANY).map(down).collect()).await.unwrap();
            centre.until_joined(MANY).await;
            centre.until_all_are(1, DeliveryState::Sent).await;
            centre.say(AlertState::Firing, "alertname=Other resource_id=onprem::room-a:host:db").await;
            centre.until_all_are(2, DeliveryState::Sent).await;
        }
        let mut alerts: Vec<usize> = centre.handle.incidents().iter().map(|listed| listed.alerts).collect();
        alerts.sort_unstable();
        assert_eq!(alerts, [1, MANY]);
        // Nothing is written at the end, so that the next start reads every record.
        centre.kill().await;
    }
}

#[tokio::test]
async fn what_a_stranger_sends_makes_no_outage() {
    for is_verified in [false, true] {
        let receiver = TestReceiver::start().await;
        let journal = Arc::new(MemoryJournal::new());
        let centre = Running::start(&config(&receiver, ""), &journal).await;
        let now = (centre.handle.parts.clock)();
        let place = "cloud_provider=aws cloud_region=us-east-1";
        let services = ["shop", "mail", "search", "pay", "login", "stock"];
        let mut estate = Estate::default();
        let mut alerts = Vec::new();
        for service in services {
            estate.add(&labels(&format!("{place} service_name={service} resource_type=queue")));
            alerts.push(PostedAlert {
                labels: labels(&format!("alertname=Down {place} service_name={service}")),
                annotations: BTreeMap::new(),
                starts_at: Some(now),
                ends_at: None,
                generator_url: String::new(),
            });
        }
        let outcome = centre.handle.post("alertmanager", alerts, is_verified).await.unwrap();
        assert_eq!(outcome.taken, services.len());
        centre.until_joined(services.len()).await;
        let failing = PartFacts {
            provider: "aws".into(),
            region: "us-east-1".into(),
            trouble: Some((Trouble::Errors, now.minus(Duration::from_secs(30)))),
            last_answer: Some(now),
        };
        let (_, told) = centre.handle.look_for_outages(&OutageInference::default(), &estate, &[failing]);
        assert_eq!(told.len(), usize::from(is_verified), "verified: {is_verified}");
        centre.stop().await;
    }
}
