use std::time::Duration;

use isobar_normalizer::{AlertClass, Labels, Severity, Timestamp};

use super::*;
use crate::alert::{Alert, AlertState};
use crate::fixture::{START, alert, labels};

const SERVICES: [&str; 6] = ["shop", "mail", "search", "pay", "login", "stock"];
const REGIONS: [(&str, &str); 4] =
    [("aws", "us-east-1"), ("aws", "eu-west-1"), ("azure", "westeurope"), ("onprem", "room-a")];
const KINDS: [&str; 3] = ["compute.instance", "db.relational", "queue"];
const ZONES: [&str; 3] = ["a", "b", "c"];

fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

/// Six services in four regions, each with a resource of every type in every zone.
fn estate() -> Estate {
    let mut estate = Estate::default();
    for (provider, region) in REGIONS {
        for (service, kind, zone) in everything() {
            estate.add(&resource(provider, region, service, kind, zone));
        }
    }
    estate
}

fn everything() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    SERVICES.into_iter().flat_map(|service| {
        KINDS.into_iter().flat_map(move |kind| ZONES.into_iter().map(move |zone| (service, kind, zone)))
    })
}

fn resource(provider: &str, region: &str, service: &str, kind: &str, zone: &str) -> Labels {
    labels(&format!(
        "cloud_provider={provider} cloud_region={region} cloud_availability_zone={region}{zone} service_name={service} \
         resource_type={kind}"
    ))
}

fn breach(region: usize, service: &str, kind: &str, zone: &str, seconds: u64) -> Features {
    let (provider, region) = REGIONS[region];
    let mut alert = alert("alertname=SlowAnswers", AlertState::Firing, Severity::Error, at(seconds));
    let mut identity = alert.identity.edit();
    identity.set("resource_id", format!("{provider}:1:{region}:{kind}:{service}-{zone}"));
    alert.identity = identity.build();
    alert.described = resource(provider, region, service, kind, zone);
    alert.class = AlertClass::Latency;
    Features::of(&alert)
}

/// Something of each type of the services in a region, each in another zone.
fn breaches(region: usize, services: &[&str], seconds: u64) -> Vec<Features> {
    let pairs = || KINDS.into_iter().zip(ZONES);
    services
        .iter()
        .flat_map(|service| pairs().map(|(kind, zone)| breach(region, service, kind, zone, seconds)))
        .collect()
}

/// Three parts in each region, all well since just now.
fn parts(now: u64) -> Vec<PartFacts> {
    let part = |(provider, region): (&str, &str)| PartFacts {
        provider: provider.into(),
        region: region.into(),
        trouble: None,
        last_answer: Some(at(now.saturating_sub(10))),
    };
    REGIONS.into_iter().flat_map(|place| std::iter::repeat_n(part(place), 3)).collect()
}

fn trouble(mut parts: Vec<PartFacts>, region: usize, trouble: Trouble, since: u64) -> Vec<PartFacts> {
    let is_in = |part: &&mut PartFacts| (&*part.provider, &*part.region) == REGIONS[region];
    for part in parts.iter_mut().filter(is_in) {
        (part.trouble, part.last_answer) = (Some((trouble, at(since))), Some(at(since.saturating_sub(50))));
    }
    parts
}

/// What goes on, and what has been inferred from it.
struct World {
    estate: Estate,
    alerts: Vec<Features>,
    parts: Vec<PartFacts>,
    notices: Vec<HealthNotice>,
    inference: OutageInference,
}

impl World {
    fn new() -> Self {
        Self {
            estate: estate(),
            alerts: Vec::new(),
            parts: parts(0),
            notices: Vec::new(),
            inference: OutageInference::default(),
        }
    }

    fn look(&mut self, seconds: u64) -> Vec<Verdict> {
        let alerts: Vec<&Features> = self.alerts.iter().collect();
        let facts =
            OutageFacts { estate: &self.estate, alerts: &alerts, parts: &self.parts, notices: &self.notices };
        let (next, told) = self.inference.step(&facts, at(seconds));
        self.inference = next;
        told
    }
}

fn classes(verdict: &Verdict) -> Vec<EvidenceClass> {
    verdict.evidence.iter().map(|evidence| evidence.class).collect()
}

fn said(provider: &str, region: Option<&str>) -> HealthNotice {
    HealthNotice {
        provider: provider.into(),
        region: region.map(Into::into),
        service: None,
        title: "increased error rates".to_owned(),
        since: at(900),
        is_open: true,
    }
}

#[test]
fn breadth_and_failing_calls_make_an_outage_suspected_and_the_provider_confirms_it() {
    let mut world = World::new();
    assert_eq!(world.look(900), []);
    world.alerts = breaches(0, &SERVICES[..4], 1_000);
    world.parts = trouble(parts(1_060), 0, Trouble::Errors, 1_020);
    let told = world.look(1_060);
    let [verdict] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(verdict.cell, Some(Cell::region("aws", "us-east-1")));
    assert_eq!((verdict.level, verdict.onset), (Level::Suspected, at(1_000)));
    assert_eq!(classes(verdict), [EvidenceClass::Breadth, EvidenceClass::Collectors]);
    assert_eq!(
        verdict.evidence(),
        "4 of 6 independent services in aws us-east-1 breach since 2026-01-01T00:16:40.000Z; usually 2.0 %, by chance once in \
         4e5 times; 3 of our 3 calls there fail at the provider"
    );
    assert_eq!(verdict.against, ["the provider has said nothing"]);
    assert_eq!(world.look(1_070), [], "nothing new");
    world.notices = vec![said("aws", Some("eu-west-1"))];
    assert_eq!(world.look(1_080), [], "another region's");
    world.notices = vec![said("aws", Some("us-east-1"))];
    let told = world.look(1_090);
    assert_eq!((told.len(), told[0].level, told[0].identity()), (1, Level::Confirmed, verdict.identity()));
}

#[test]
fn one_class_alone_is_no_outage() {
    let cases: [(&str, usize, Option<Trouble>); 4] = [
        ("calls fail and nothing breaches", 0, Some(Trouble::Errors)),
        ("three breach, and calls are fine", 3, None),
        ("two breach, and calls fail", 2, Some(Trouble::Errors)),
        ("many breach, and we are denied", 3, Some(Trouble::Denied)),
    ];
    for (case, services, failing) in cases {
        let mut world = World::new();
        world.alerts = breaches(0, &SERVICES[..services], 1_000);
        if let Some(failing) = failing {
            world.parts = trouble(parts(1_060), 0, failing, 1_000);
        }
        world.notices = Vec::new();
        assert_eq!(world.look(1_060), [], "{case}");
    }
    let mut world = World::new();
    world.notices = vec![said("aws", None)];
    assert_eq!(world.look(1_000), [], "of a notice alone nothing of ours is out");
}

#[test]
fn overwhelming_breadth_needs_controls_that_are_as_usual_and_a_network_that_works() {
    let mut world = World::new();
    world.alerts = breaches(0, &SERVICES, 1_000);
    world.parts = parts(1_060);
    let told = world.look(1_060);
    assert_eq!(
        told.iter().map(classes).collect::<Vec<_>>(),
        [[EvidenceClass::Breadth, EvidenceClass::Controls]]
    );
    assert!(told[0].against.contains(&"our own calls there are fine".to_owned()));

    let mut rooms_too = World::new();
    rooms_too.alerts = [breaches(0, &SERVICES, 1_000), breaches(3, &SERVICES[..3], 1_180)].concat();
    rooms_too.parts = parts(1_200);
    assert_eq!(rooms_too.look(1_200), []);

    let mut unproven = World::new();
    unproven.alerts = breaches(0, &SERVICES, 1_000);
    unproven.parts = parts(1_000);
    assert_eq!(unproven.look(1_060), [], "no other cloud has answered since it began");
}

#[test]
fn what_breaches_wherever_it_runs_is_the_service_and_not_the_provider() {
    let mut world = World::new();
    for (region, seconds) in [(0, 1_000), (1, 1_030), (2, 990), (3, 1_020)] {
        world.alerts.extend(breaches(region, &SERVICES[..5], seconds));
    }
    world.parts = trouble(parts(1_060), 0, Trouble::Throttled, 1_010);
    assert_eq!(world.look(1_060), []);
    // Load that moves away from an outage comes later, and does not hide it.
    let mut moved = World::new();
    moved.alerts = [breaches(0, &SERVICES[..5], 1_000), breaches(1, &SERVICES[..5], 1_200)].concat();
    moved.parts = trouble(parts(1_260), 0, Trouble::Errors, 1_010);
    let told = moved.look(1_260);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].cell, Some(Cell::region("aws", "us-east-1")));
}

#[test]
fn when_every_cloud_is_silent_it_is_our_own_uplink() {
    let mut world = World::new();
    let silent = |parts, since| {
        (0..3).fold(parts, |parts, region| trouble(parts, region, Trouble::Unreachable, since))
    };
    // Machines in the clouds that are scraped over the uplink are gone, too.
    world.alerts = breaches(0, &SERVICES, 1_000);
    world.parts = trouble(parts(1_020), 0, Trouble::Unreachable, 1_010);
    for part in &mut world.parts {
        part.last_answer = part.last_answer.min(Some(at(1_000)));
    }
    assert_eq!(world.look(1_020), [], "the other clouds have not been asked since");
    world.parts = silent(parts(1_060), 1_010);
    assert_eq!(world.look(1_060), [], "it may pass");
    world.parts = silent(parts(1_080), 1_010);
    let told = world.look(1_080);
    let [verdict] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((verdict.cause, &verdict.cell, verdict.onset), (Cause::OwnUplink, &None, at(1_010)));
    assert_eq!(classes(verdict), [EvidenceClass::Collectors, EvidenceClass::Controls]);
    assert_eq!(verdict.identity(), labels("alertname=OwnUplink"));
    assert!(verdict.explains(&world.alerts[0]).is_some());
    assert!(
        verdict.explains(&breach(3, "shop", "host", "a", 1_050)).is_none(),
        "our own rooms are not behind it"
    );
    // It comes back, and what comes in late is not the providers'.
    world.parts = parts(1_200);
    assert_eq!(world.look(1_200), []);
    let told = world.look(1_260);
    assert_eq!(told.iter().map(|verdict| verdict.ended_at).collect::<Vec<_>>(), [Some(at(1_200))]);
    world.parts = trouble(parts(1_300), 0, Trouble::Late, 1_210);
    assert_eq!(world.look(1_300), []);
}

#[test]
fn an_uplink_is_not_blamed_without_our_own_rooms_or_for_what_has_long_been_silent() {
    let silent = |parts, since| {
        (0..3).fold(parts, |parts, region| trouble(parts, region, Trouble::Unreachable, since))
    };
    let day = 86_400;
    let cases: [(&str, Vec<PartFacts>, usize); 6] = [
        ("every cloud is silent, and our rooms go on", silent(parts(day), day - 90), 1),
        ("nothing of our own to compare with", silent(parts(day), day - 90)[..9].to_vec(), 0),
        (
            "our own rooms are silent, too",
            trouble(silent(parts(day), day - 90), 3, Trouble::Unreachable, day - 90),
            0,
        ),
        ("for so long that it is nothing new", silent(parts(day), day - 7 * 3_600), 0),
        (
            "one cloud has been for long",
            trouble(silent(parts(day), day - 90), 2, Trouble::Unreachable, 100),
            0,
        ),
        (
            "somebody has answered since",
            {
                let mut parts = silent(parts(day), day - 90);
                parts[0].last_answer = Some(at(day - 20));
                parts
            },
            0,
        ),
    ];
    for (case, parts, expected) in cases {
        let mut world = World::new();
        world.parts = parts;
        assert_eq!(world.look(day).len(), expected, "{case}");
    }
    // A part that has long been out of reach makes no outage older than it is.
    let mut world = World::new();
    world.parts = silent(parts(day), day - 90);
    world.parts[0].trouble = Some((Trouble::Unreachable, at(day - 3 * 3_600)));
    assert_eq!(world.look(day)[0].onset, at(day - 140), "when the cloud last answered");
    assert_eq!(world.look(day + 15), []);
}

#[test]
fn a_second_wave_does_not_make_the_loss_of_a_zone_that_of_the_region() {
    let mut world = World::new();
    let machines = |seconds| {
        SERVICES.into_iter().flat_map(move |service| KINDS.map(|kind| breach(0, service, kind, "b", seconds)))
    };
    world.alerts = machines(1_000).collect();
    world.parts = trouble(parts(1_400), 0, Trouble::Errors, 1_010);
    let zone = |told: &[Verdict]| told[0].cell.as_ref().unwrap().zone.as_deref().map(str::to_owned);
    assert_eq!(zone(&world.look(1_400)).as_deref(), Some("us-east-1b"));
    // Most of it clears, and breaches again.
    world.alerts = machines(2_000).collect();
    world.parts = trouble(parts(2_060), 0, Trouble::Errors, 1_010);
    assert_eq!(world.look(2_060), [], "what is told late has not come");
    assert_eq!(world.look(2_400), [], "the same zone");
}

#[test]
fn a_zone_or_a_type_of_service_that_is_all_there_is_to_it_is_named() {
    let mut world = World::new();
    let machines = |zone: &'static str| {
        SERVICES.into_iter().flat_map(move |service| KINDS.map(|kind| breach(0, service, kind, zone, 1_000)))
    };
    world.alerts = machines("b").collect();
    world.parts = trouble(parts(1_060), 0, Trouble::Errors, 1_010);
    let cell = |told: &[Verdict]| told[0].cell.as_ref().unwrap().to_string();
    assert_eq!(cell(&world.look(1_060)), "aws us-east-1", "what is told late has not come yet");
    let told = world.look(1_360);
    assert_eq!(cell(&told), "aws us-east-1 zone us-east-1b");
    assert!(told[0].explains(&breach(0, "shop", "queue", "c", 1_030)).is_none());
    world.alerts.extend(machines("c"));
    assert_eq!(cell(&world.look(1_370)), "aws us-east-1", "it is wider than it looked");
    world.alerts = machines("b").collect();
    assert_eq!(world.look(1_380), [], "and stays so");

    let mut world = World::new();
    let databases = |kind: &'static str| {
        SERVICES.into_iter().flat_map(move |service| ZONES.map(|zone| breach(0, service, kind, zone, 1_000)))
    };
    world.alerts = databases("db.relational").collect();
    world.parts = trouble(parts(1_400), 0, Trouble::Errors, 1_290);
    let told = world.look(1_400);
    assert_eq!(told[0].identity().get("cloud_service"), Some("db.relational"));
    world.alerts.extend(databases("queue"));
    let told = world.look(1_420);
    let identities: Vec<_> = told
        .iter()
        .map(|verdict| (verdict.identity().get("cloud_service").is_some(), verdict.ended_at))
        .collect();
    assert_eq!(identities, [(true, Some(at(1_420))), (false, None)]);
}

#[test]
fn an_outage_ends_when_nothing_has_spoken_for_it_for_a_while() {
    let mut world = World::new();
    world.alerts = breaches(0, &SERVICES[..4], 1_000);
    world.parts = trouble(parts(1_060), 0, Trouble::Errors, 1_020);
    assert_eq!(world.look(1_060).len(), 1);
    world.parts = parts(1_500);
    assert_eq!(world.look(1_500), [], "much still breaches");
    world.alerts.clear();
    assert_eq!(world.look(1_600), []);
    world.alerts = breaches(0, &SERVICES[..4], 1_650);
    assert_eq!(world.look(1_700), [], "and again");
    world.alerts.clear();
    assert_eq!(world.look(1_800), []);
    assert_eq!(world.look(2_099), []);
    let told = world.look(2_100);
    assert_eq!(told.iter().map(|verdict| verdict.ended_at).collect::<Vec<_>>(), [Some(at(1_800))]);
    assert_eq!(told[0].against, ["nothing has spoken for it for 5m"]);
}

#[test]
fn where_much_always_breaches_more_is_needed() {
    let mut world = World::new();
    let two_of_six = |seconds| {
        [SERVICES[seconds as usize / 600 % 6], SERVICES[(seconds as usize / 600 + 3) % 6]]
            .map(|service| breach(0, service, "queue", "a", seconds))
            .to_vec()
    };
    for minute in 0..48 * 60 {
        world.alerts = two_of_six(minute * 60);
        world.parts = parts(minute * 60);
        assert_eq!(world.look(minute * 60), []);
    }
    let now = 48 * 3_600;
    world.alerts = breaches(0, &SERVICES[..4], now - 60);
    world.parts = trouble(parts(now), 0, Trouble::Errors, now - 40);
    assert_eq!(world.look(now), [], "four of six are nothing special here");
}

#[test]
fn throttling_in_every_region_is_our_own_quota() {
    let mut world = World::new();
    world.alerts = breaches(0, &SERVICES[..3], 1_000);
    world.parts = trouble(trouble(parts(1_060), 0, Trouble::Throttled, 1_000), 1, Trouble::Throttled, 1_000);
    assert_eq!(world.look(1_060), []);
    world.parts = trouble(parts(1_070), 0, Trouble::Throttled, 1_000);
    assert_eq!(world.look(1_070).len(), 1);
}

#[test]
fn calls_that_fail_for_another_reason_are_no_evidence() {
    let cases = [
        ("they failed long before", 700, Trouble::Errors, false),
        ("they fail long after", 1_400, Trouble::Errors, false),
        ("they fail since about then", 900, Trouble::Errors, true),
        ("for another cloud is not always reached either", 1_000, Trouble::Unreachable, false),
    ];
    for (case, since, failing, is_evidence) in cases {
        let mut world = World::new();
        world.alerts = breaches(0, &SERVICES[..4], 1_000);
        let now = since.max(1_000) + 60;
        world.parts = trouble(parts(now), 0, failing, since);
        if failing == Trouble::Unreachable {
            // Some of the parts of two regions of Azure's; the others answer.
            world.parts[6].trouble = Some((Trouble::Unreachable, at(since)));
            world.parts.push(PartFacts { region: "eastus".into(), ..world.parts[6].clone() });
            world.estate.add(&resource("azure", "eastus", "shop", "queue", "a"));
        }
        assert_eq!(world.look(now).len(), usize::from(is_evidence), "{case}");
    }
}

#[test]
fn where_our_own_rooms_breach_too_calls_must_fail_for_longer() {
    let mut world = World::new();
    world.alerts = [breaches(0, &SERVICES, 1_000), breaches(3, &SERVICES[..3], 1_010)].concat();
    for seconds in [1_060, 1_090, 1_120] {
        world.parts = trouble(parts(seconds), 0, Trouble::Errors, 1_010);
        assert_eq!(world.look(seconds), [], "at {seconds}");
    }
    world.parts = trouble(parts(1_140), 0, Trouble::Errors, 1_010);
    let told = world.look(1_140);
    assert_eq!(told.len(), 1);
    assert!(told[0].against.contains(&"3 of 6 services in our own room-a breach as well".to_owned()));
}

#[test]
fn a_restart_goes_on_with_what_was_found() {
    let mut world = World::new();
    world.alerts = breaches(0, &SERVICES[..4], 1_000);
    world.parts = trouble(parts(1_060), 0, Trouble::Errors, 1_020);
    let told = world.look(1_060);
    world.inference = OutageInference::restored(&told);
    assert_eq!(world.look(1_070), []);
    world.alerts.clear();
    world.parts = parts(1_100);
    assert_eq!(world.look(1_100), []);
    assert_eq!(world.look(1_400).len(), 1);
}

#[test]
fn its_alert_fires_changes_and_resolves() {
    let mut world = World::new();
    world.alerts = breaches(0, &SERVICES[..4], 1_000);
    world.parts = trouble(parts(1_060), 0, Trouble::Errors, 1_020);
    let mut verdict = world.look(1_060).remove(0);
    let mut alerts = OutageAlerts::default();
    let fired = alerts.tell(&verdict, at(1_060)).unwrap();
    assert_eq!((fired.from, fired.alert.state), (None, AlertState::Firing));
    assert_eq!(
        fired.alert.labels(),
        labels(
            "alertname=ProviderOutage cloud_provider=aws cloud_region=us-east-1 class=availability severity=critical \
             outage_level=suspected"
        )
    );
    assert!(fired.alert.annotations["summary"].starts_with("outage of aws us-east-1 suspected: 4 of 6"));
    let mut alerts = OutageAlerts::restored([&fired.alert]);
    verdict.level = Level::Confirmed;
    let confirmed = alerts.tell(&verdict, at(1_100)).unwrap();
    assert_eq!((confirmed.from, confirmed.alert.fired_at), (Some(AlertState::Firing), Some(at(1_060))));
    verdict.ended_at = Some(at(2_000));
    let over = alerts.tell(&verdict, at(2_300)).unwrap();
    assert_eq!((over.alert.state, over.alert.ends_at), (AlertState::Resolved, Some(at(2_000))));
    assert_eq!(alerts.tell(&verdict, at(2_310)), None);
}

#[test]
fn after_a_restart_every_outage_has_its_alert_and_no_alert_is_without_its_outage() {
    let mut world = World::new();
    world.alerts = breaches(0, &SERVICES[..4], 1_000);
    world.parts = trouble(parts(1_060), 0, Trouble::Errors, 1_020);
    let verdict = world.look(1_060).remove(0);
    let standing = [verdict.clone()];
    let mut voices = OutageAlerts::default();
    let told = voices.catch_up(&standing, at(1_100));
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].alert.state, &told[0].alert.identity), (AlertState::Firing, &verdict.identity()));
    assert_eq!(voices.catch_up(&standing, at(1_110)), [], "it has it");
    let mut restarted = OutageAlerts::restored([&told[0].alert]);
    assert_eq!(restarted.catch_up(&standing, at(1_120)), []);
    let ended = restarted.catch_up(&[], at(1_130));
    assert_eq!((ended.len(), ended[0].alert.state), (1, AlertState::Resolved));
    // What a stranger sent under its name does not stand in for it.
    let mut sent = told[0].alert.clone();
    sent.pushed = Some(crate::Pushed {
        door: "alertmanager".to_owned(),
        generator_url: String::new(),
        is_timed: true,
        expires_at: at(9_000),
        reported_at: at(1_000),
    });
    assert_eq!(OutageAlerts::restored([&sent]).catch_up(&standing, at(1_140)).len(), 1);
}

#[test]
fn notices_are_read_from_what_the_providers_send() {
    let of = |identity: &str, verified: bool| {
        let notice = Alert { verified, ..alert(identity, AlertState::Firing, Severity::Error, at(0)) };
        HealthNotice::of(&notice)
            .map(|notice| (notice.provider.to_string(), notice.region.map(|it| it.to_string())))
    };
    let some = |provider: &str, region: Option<&str>| Some((provider.to_owned(), region.map(str::to_owned)));
    let aws = "alertname=AWS_EC2_OPERATIONAL_ISSUE source=aws.health region=us-east-1";
    assert_eq!(of(aws, true), some("aws", Some("us-east-1")));
    assert_eq!(of(aws, false), None, "anybody could have said that");
    assert_eq!(of(&format!("{aws} eventTypeCategory=scheduledChange"), true), None);
    assert_eq!(of(&format!("{aws} eventTypeCategory=issue"), true), some("aws", Some("us-east-1")));
    assert_eq!(
        of("alertname=S monitoringService=ServiceHealth incidentType=Incident", true),
        some("azure", None)
    );
    let azure = "alertname=AzureServiceHealth cloud_provider=azure cloud_region=westeurope cloud_service=VM";
    assert_eq!(of(azure, true), some("azure", Some("westeurope")));
    assert_eq!(of("alertname=HighCpu", true), None);
}
