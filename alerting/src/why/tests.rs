use std::sync::Arc;
use std::time::Duration;

use isobar_egress::Retry;
use isobar_normalizer::Severity;

use super::*;
use crate::delivery::{NotifiedAlert, Receipt};
use crate::dispatch::Flaps;
use crate::fixture::{START, native_report, transition};
use crate::outbox::after_attempt;
use crate::suppress::open_gate;

const CONFIG: &str = r#"
route:
  receiver: mail
  group_by: [alertname]
  routes:
  - receiver: database
    matchers: [team="db"]
  - receiver: pager
    matchers: [severity="critical"]
receivers:
- {name: mail}
- {name: database}
- {name: pager, webhook_configs: [{url: 'http://h/'}]}
"#;

struct World {
    config: AlertingConfig,
    alerts: Alerts,
    expiries: Expiries,
    dispatcher: Dispatcher,
    log: NotificationLog,
    outbox: Outbox,
}

impl World {
    fn with(state: AlertState, severity: Severity) -> (Self, u64) {
        Self::under(CONFIG, state, severity, false)
    }

    fn under(config: &str, state: AlertState, severity: Severity, is_flapping: bool) -> (Self, u64) {
        let config = AlertingConfig::parse(config).unwrap();
        let said = transition("alertname=HighCpu i=1", state, severity, START);
        let fingerprint = said.alert.fingerprint();
        let mut dispatcher = Dispatcher::default();
        let flaps = Flaps { rule: config.flapping, is_flapping };
        let notified = Arc::new(NotifiedAlert::of(&said.alert));
        dispatcher.place(&config.route, &said.alert, &notified, flaps, START);
        let mut alerts = Alerts::default();
        alerts.apply(said);
        (
            Self {
                config,
                alerts,
                expiries: Expiries::default(),
                dispatcher,
                log: NotificationLog::default(),
                outbox: Outbox::default(),
            },
            fingerprint,
        )
    }

    fn tell(&mut self) -> Delivery {
        let now = START.plus(Duration::from_secs(30));
        let plan = self.dispatcher.plan(&self.config, &self.log, &open_gate(), now);
        for notification in &plan.notifications {
            self.log.apply(notification);
            self.outbox.apply_notification(&Arc::clone(notification));
        }
        for delivery in &plan.deliveries {
            self.outbox.apply_delivery(delivery.clone());
        }
        self.dispatcher.commit(&plan, now);
        plan.deliveries[0].clone()
    }

    fn scene(&self) -> Scene<'_> {
        Scene {
            config: &self.config,
            alerts: &self.alerts,
            expiries: &self.expiries,
            dispatcher: &self.dispatcher,
            log: &self.log,
            outbox: &self.outbox,
            gate: open_gate(),
            held: None,
            is_flapping: false,
            now: START,
        }
    }

    fn shown(&self, fingerprint: u64) -> Vec<String> {
        let steps = why(&self.scene(), fingerprint).unwrap();
        let since = |at: Timestamp| format!("{}s", at.since(START).as_secs());
        let line = |step: WhyStep| {
            let at = step.at.map_or_else(|| "-".to_owned(), since);
            format!("{} {} {} [{}] {}", step.stage, step.verdict, step.rule, at, step.detail)
        };
        steps.into_iter().map(line).collect()
    }
}

#[test]
fn from_the_value_to_the_receipt() {
    let (mut world, fingerprint) = World::with(AlertState::Firing, Severity::Critical);
    let before = [
        "evaluate firing HighCpu [0s] value 0.97 > 0.95",
        "classify critical saturation [-] the policy HighCpu says so",
        r#"route refused {}/{team="db"} [-] team="db" does not hold: team is absent"#,
        r#"route chosen {}/{severity="critical"} [-] receiver pager"#,
        "route passed {} [-] a route under it took the alert",
    ];
    let key = r#"{}/{severity="critical"}:{alertname="HighCpu"}"#;
    let mut expected: Vec<String> = before.map(str::to_owned).into();
    expected
        .push(format!("group waiting {key} [30s] the group waits for company; 1 alerts for receiver pager"));
    assert_eq!(world.shown(fingerprint), expected);

    let delivery = world.tell();
    let rests =
        format!("group waiting {key} [330s] the group was told and rests; 1 alerts for receiver pager");
    let told = format!("notify told {key} [30s] firing: first notification to pager/webhook[0]");
    let with = |last: &str| -> Vec<String> {
        let mut all: Vec<String> = before.map(str::to_owned).into();
        all.extend([rests.clone(), told.clone(), last.to_owned()]);
        all
    };
    assert_eq!(world.shown(fingerprint), with("deliver queued pager/webhook[0] [30s] not tried yet"));

    let now = START.plus(Duration::from_secs(31));
    let failed = after_attempt(&delivery, Err(("answered 503: busy".to_owned(), Retry::Backoff)), now, 1.0);
    world.outbox.apply_delivery(failed.clone());
    let line =
        "deliver failed pager/webhook[0] [32s] 1 try in vain, again at the time shown: answered 503: busy";
    assert_eq!(world.shown(fingerprint), with(line));

    let receipt = Receipt { status: 200, body: "ok".to_owned(), provider_id: None };
    world.outbox.apply_delivery(after_attempt(
        &failed,
        Ok(receipt),
        START.plus(Duration::from_secs(33)),
        0.0,
    ));
    assert_eq!(
        world.shown(fingerprint),
        with("deliver sent pager/webhook[0] [33s] taken after 2 tries: 200 ok")
    );
}

#[test]
fn why_nobody_was_told() {
    let (world, fingerprint) = World::with(AlertState::Pending, Severity::Critical);
    let shown = world.shown(fingerprint);
    assert_eq!(shown.len(), 3);
    assert!(shown[2].starts_with("route refused {} [-] a pending alert is told to nobody"), "{shown:?}");

    let (world, fingerprint) = World::with(AlertState::Firing, Severity::Info);
    let swallowed = world.shown(fingerprint);
    assert!(
        swallowed.contains(&"route chosen {} [-] receiver mail, which tells nobody".to_owned()),
        "{swallowed:#?}"
    );
    assert!(why(&world.scene(), 7).is_none());
}

#[test]
fn what_was_folded_in_and_what_is_held_back() {
    let (mut world, fingerprint) = World::with(AlertState::Firing, Severity::Critical);
    let mut said = Transition::clone(world.alerts.transition(fingerprint).unwrap());
    let policy = said.alert.clone();
    let mut alarm = transition("alertname=cpu-high", AlertState::Firing, Severity::Warning, START).alert;
    alarm.native = vec![native_report("arn:1", true)];
    alarm.sources = ["aws-prod".to_owned()].into();
    alarm.watched.metric = Some("system.cpu.utilization".to_owned());
    said.alert.members = vec![policy.clone(), alarm.clone()];
    world.alerts.apply(said.clone());
    let shown = world.shown(fingerprint);
    assert_eq!(
        shown[2..4],
        [
            "fold firing HighCpu [0s] policy, told by policy: the first to fire, whose identity it has",
            "fold firing cpu-high [0s] native alarm, told by aws-prod: the same resource and metric, system.cpu.utilization of ",
        ]
    );
    assert!(shown[4].starts_with("route refused"), "{shown:#?}");

    said.alert.members = vec![Alert { state: AlertState::Resolved, ..policy }, alarm];
    world.alerts.apply(said);
    let shown = world.shown(fingerprint);
    assert!(shown[4].contains("the provider holds the alarm's notifications back"), "{shown:#?}");
}

#[test]
fn an_alert_that_is_told_in_a_digest_says_why() {
    let config = CONFIG.replace("  - receiver: pager\n", "  - receiver: pager\n    flapping: digest\n");
    let (mut world, fingerprint) = World::under(&config, AlertState::Firing, Severity::Critical, true);
    let reason = "it began and ended again and again: the route tells of all such alerts in one message";
    let expected = format!(r#"group digested {{}}/{{severity="critical"}}:flapping [-] {reason}"#);
    let count = |world: &World| world.shown(fingerprint).into_iter().filter(|step| *step == expected).count();
    assert_eq!(count(&world), 1, "while it waits");
    world.tell();
    assert_eq!(count(&world), 1, "told and still in the group: said once");
    world.dispatcher = Dispatcher::default();
    assert_eq!(count(&world), 1, "the group is gone");
    assert!(!World::with(AlertState::Firing, Severity::Critical).0.shown(fingerprint).contains(&expected));
}
