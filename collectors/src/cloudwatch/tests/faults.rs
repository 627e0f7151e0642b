//! What is collected while something fails: nothing false, nothing for ever, and everything once it is over.

use isobar_egress::Retry;
use isobar_normalizer::NativeState;
use isobar_simulators::{Fault, Provider, Scope};

use super::*;

/// Rounds of trouble for each way to fail.
const ROUNDS: u32 = 3;

/// What a fault of GetMetricData does to a region.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Effect {
    /// The part fails, and its watermark stands.
    Late,
    /// The part comes with what is well; what fails holds the watermark back.
    Held,
    /// What failed will fail for ever: the others go on.
    Told,
    /// Nothing: what is wrong is told from what is right.
    None,
}

fn status(code: u16, retry_after_s: Option<u32>) -> Fault {
    Fault::Status { code, retry_after_s }
}

/// Every way the service can fail. Names that do not resolve and certificates nobody trusts are the client's side, below.
fn modes() -> Vec<(Fault, Effect)> {
    use Effect::{Held, Late, None, Told};
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
        (Fault::Refuse, Late),
        (Fault::Stall, Late),
        (Fault::Drip, Late),
        (Fault::Reset, Late),
        (Fault::Malformed, Late),
        (Fault::TruncatedGzip, Late),
        (Fault::WrongType, Late),
        (Fault::ErrorIn200, Late),
        (Fault::Huge, Late),
        (Fault::EndlessPages, Late),
        (Fault::SomeFailing, Held),
        (Fault::SomeForbidden, Told),
        (Fault::Duplicates, None),
        (Fault::OutOfOrder, None),
        (Fault::Future, None),
        (Fault::NotANumber, Told),
        (Fault::Infinite, Told),
    ]
}

fn scope(operation: &str) -> Scope {
    Scope { operation: Some(operation.to_owned()), region: Some("us-east-1".to_owned()), calls: None }
}

/// Waits until the simulators listen again: that is their affair, and takes them a moment.
async fn listening(world: &World) {
    let address = world.aws.aws_url.socket_addrs(|| None).unwrap()[0];
    while tokio::net::TcpStream::connect(address).await.is_err() {
        tokio::task::yield_now().await;
    }
}

const EXTRA: &str = "namespaces: [AWS/RDS]\nbackfill: 30m\nother_interval: 24h";

#[tokio::test]
async fn a_region_that_fails_is_late_and_makes_up_for_it() {
    let world = World::new("quiet-day", &format!("{EXTRA}\ntimeout: 5s")).await;
    for region in ["us-east-1", "eu-west-1"] {
        world.collect(region).await;
    }
    for (fault, effect) in modes() {
        let before = world.collect("us-east-1").await.watermark.unwrap();
        let requests = world.asked("GetMetricData");
        let scoped = if fault == Fault::Refuse { Scope::default() } else { scope("GetMetricData") };
        let id = world.aws.faults.inject(Provider::Aws, fault, scoped);
        for _ in 0..ROUNDS {
            world.pass(MINUTE);
            let failing = world.try_collect("us-east-1").await;
            match (&failing, effect) {
                (Err(error), Effect::Late) => {
                    // Where nobody listens, what is asked first fails first.
                    let operation = if fault == Fault::Refuse { "" } else { "GetMetricData" };
                    let names = ["123456789012/us-east-1", operation];
                    assert!(names.iter().all(|name| error.message.contains(name)), "{fault:?}: {error}");
                }
                (Ok(collected), Effect::Held | Effect::Told | Effect::None) => {
                    let points = collected.measurements.iter().flat_map(|measurement| &measurement.points);
                    for (at, value) in points {
                        assert!(value.is_finite() && *at <= world.now(), "{fault:?}: {at} {value}");
                    }
                    let is_told = !collected.failures.is_empty();
                    let tells = matches!(effect, Effect::Held | Effect::Told) || fault == Fault::Future;
                    assert_eq!(is_told, tells, "{fault:?}: {:?}", collected.failures);
                }
                other => panic!("{fault:?}: {other:?}"),
            }
            if fault != Fault::Refuse {
                // What fails here fails nothing elsewhere.
                let elsewhere = world.collect("eu-west-1").await;
                assert_eq!(elsewhere.failures, Vec::<String>::new(), "{fault:?}");
            }
        }
        // Each round asks for two regions; a retry in ten, and those that were saved up, are on top, and once an hour, or after
        // midnight, each region's values of an hour or a day.
        let sent = world.asked("GetMetricData") - requests;
        assert!(sent <= 2 * ROUNDS as usize + 4 + 2, "{fault:?}: {sent} requests");
        world.aws.faults.clear(id);
        listening(&world).await;
        world.pass(MINUTE);
        let after = world.collect("us-east-1").await;
        assert_eq!(after.failures, Vec::<String>::new(), "{fault:?}");
        assert_eq!(after.watermark, Some(before.plus(MINUTE * (ROUNDS + 1))), "{fault:?} is over");
        if effect == Effect::Late {
            // Every minute of the trouble is made up.
            let ends: BTreeSet<Timestamp> = after
                .measurements
                .iter()
                .filter(|measurement| &*measurement.metric == "CPUUtilization")
                .flat_map(|measurement| measurement.points.iter().map(|(at, _)| *at))
                .collect();
            for minute in 1..=ROUNDS {
                let missed = before.plus(MINUTE * minute);
                assert!(ends.contains(&missed), "{fault:?}: {missed} in {ends:?}");
            }
        }
    }
}

#[tokio::test]
async fn alarms_that_cannot_be_read_end_nothing() {
    let mut world = World::new("first-light", "").await;
    let reader = world.aws.aws_credentials.reader.clone();
    let text = settings(world.aws.aws_url.as_str(), &reader, "timeout: 1s");
    let mut hasty = build(&text, &reader.secret_access_key, &world.clouds);
    hasty.parts().await.unwrap();
    let whole = world.collect("us-east-1/alarms").await.alarms.unwrap();
    let firing = whole.alarms.iter().filter(|alarm| alarm.state == NativeState::Firing).count();
    assert!(whole.is_complete && firing > 0);
    for (fault, _) in modes() {
        let harmless = [
            Fault::SomeFailing,
            Fault::SomeForbidden,
            Fault::Duplicates,
            Fault::OutOfOrder,
            Fault::Future,
            Fault::NotANumber,
            Fault::Infinite,
            Fault::WrongType,
        ];
        if harmless.contains(&fault) {
            continue;
        }
        let scoped = if fault == Fault::Refuse { Scope::default() } else { scope("DescribeAlarms") };
        let id = world.aws.faults.inject(Provider::Aws, fault, scoped);
        // Nine calls a second are all a region takes; its brown-out begins after six minutes.
        world.pass(Duration::from_secs(2));
        // Only what never answers is not waited for.
        let is_endless = matches!(fault, Fault::Stall | Fault::Drip);
        if is_endless {
            std::mem::swap(&mut world.collector, &mut hasty);
        }
        let failing = world.try_collect("us-east-1/alarms").await;
        if is_endless {
            std::mem::swap(&mut world.collector, &mut hasty);
        }
        match failing {
            Err(error) => assert!(error.message.contains("us-east-1"), "{fault:?}: {error}"),
            Ok(collected) => {
                let report = collected.alarms.unwrap();
                assert!(!report.is_complete, "{fault:?}: {} alarms", report.alarms.len());
            }
        }
        world.aws.faults.clear(id);
        listening(&world).await;
        world.pass(Duration::from_secs(2));
        let after = world.collect("us-east-1/alarms").await.alarms.unwrap();
        assert_eq!((after.is_complete, after.alarms.len()), (true, whole.alarms.len()), "{fault:?}");
    }
}

#[tokio::test]
async fn zones_that_cannot_be_read_end_nothing() {
    let mut world = World::new("quiet-day", "").await;
    let zoned = |collected: &Collected| collected.resources.iter().filter(|one| !one.zone.is_empty()).count();
    let whole = world.collect("us-east-1/inventory").await;
    assert!(zoned(&whole) > 20);
    let cases = [
        (status(403, None), "refused with 403: check the credentials and ec2:DescribeInstances"),
        (status(503, None), "answered 503"),
        (Fault::Throttled, "throttled (RequestLimitExceeded: Request limit exceeded.)"),
        (Fault::Failing, "answered 500 (InternalError: An internal error has occurred)"),
        (Fault::ErrorIn200, "answered 200 with what cannot be read"),
        (Fault::Malformed, "DescribeInstances: "),
        (Fault::TruncatedGzip, "DescribeInstances: "),
        (Fault::Reset, "DescribeInstances: "),
        (Fault::Huge, "DescribeInstances: "),
        (Fault::EndlessPages, "leads to a page that was read before"),
    ];
    // Who is asked for an account signs by the clock on the wall, so that they are made before time passes.
    let reader = world.aws.aws_credentials.reader.clone();
    let text = settings(world.aws.aws_url.as_str(), &reader, "");
    let mut strangers = Vec::new();
    for _ in &cases {
        let stranger = build(&text, &reader.secret_access_key, &world.clouds);
        stranger.parts().await.unwrap();
        strangers.push(stranger);
    }
    for ((fault, told), mut stranger) in cases.into_iter().zip(strangers) {
        let id = world.aws.faults.inject(Provider::Aws, fault, scope("DescribeInstances"));
        world.pass(Duration::from_secs(60));
        // What EC2 said before still holds; who was never told knows no zones, and all the rest.
        let after = world.collect("us-east-1/inventory").await;
        assert_eq!(
            (zoned(&after), after.resources.len()),
            (zoned(&whole), whole.resources.len()),
            "{fault:?}"
        );
        std::mem::swap(&mut world.collector, &mut stranger);
        world.pass(Duration::from_secs(2));
        let first = world.collect("us-east-1/inventory").await;
        assert_eq!((zoned(&first), first.resources.len()), (0, whole.resources.len()), "{fault:?}");
        std::mem::swap(&mut world.collector, &mut stranger);
        for collected in [after, first] {
            let [failure] = &collected.failures[..] else { panic!("{fault:?}: {:?}", collected.failures) };
            assert!(failure.contains(told) && failure.contains("DescribeInstances"), "{fault:?}: {failure}");
        }
        world.aws.faults.clear(id);
    }
    world.pass(Duration::from_secs(60));
    assert_eq!(world.collect("us-east-1/inventory").await.failures, Vec::<String>::new());
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let (aws, clock) = simulate("quiet-day").await;
    let (clouds, limited) = (clouds(), aws.aws_credentials.limited.clone());
    let text = settings(aws.aws_url.as_str(), &limited, EXTRA);
    let collector = build(&text, &limited.secret_access_key, &clouds);
    collector.parts().await.unwrap();
    let world = World { aws, clock, clouds, collector };
    for (name, permission) in [
        ("us-east-1", "cloudwatch:GetMetricData is missing"),
        ("eu-west-1/inventory", "tag:GetResources is missing"),
    ] {
        let error = world.try_collect(name).await.unwrap_err();
        assert!(error.message.contains(permission), "{name}: {error}");
        assert_eq!(error.retry, Retry::Never);
    }
    // Alarms may be listed, and come; their history may not be read, and that is told.
    let collected = world.collect("us-east-1/alarms").await;
    assert!(collected.alarms.unwrap().is_complete);
    let told = collected.failures.join("; ");
    assert!(told.contains("cloudwatch:DescribeAlarmHistory is missing"), "{told}");
}

#[tokio::test]
async fn a_wrong_clock_is_named() {
    let world = World::new("quiet-day", EXTRA).await;
    let part = Part { key: key("us-east-1"), interval: None };
    let wrong = world.now().plus(MINUTE * 20);
    let window = Window { start: wrong.minus(MINUTE), end: wrong };
    let error = world.collector.collect(&part, window).await.unwrap_err();
    assert!(error.message.contains("the clock of this machine is off"), "{error}");
}

#[tokio::test]
async fn credentials_that_are_refused_are_named() {
    let (aws, _clock) = simulate("quiet-day").await;
    let (clouds, mut reader) = (clouds(), aws.aws_credentials.reader.clone());
    let wrong = build(&settings(aws.aws_url.as_str(), &reader, EXTRA), "wrong", &clouds);
    let error = wrong.parts().await.unwrap_err();
    assert!(error.message.contains("GetCallerIdentity: the credentials are not valid"), "{error}");
    "AKIANOSUCHKEY".clone_into(&mut reader.access_key_id);
    let unknown = build(&settings(aws.aws_url.as_str(), &reader, EXTRA), "wrong", &clouds);
    let error = unknown.parts().await.unwrap_err();
    assert!(error.message.contains("the credentials are not valid"), "{error}");
    // A role that may not be assumed fails its own account, by name.
    let role =
        format!("{EXTRA}\naccounts: [{{role_arn: \"arn:aws:iam::123456789012:role/other\", name: prod}}]");
    let reader = aws.aws_credentials.reader.clone();
    let other = build(&settings(aws.aws_url.as_str(), &reader, &role), &reader.secret_access_key, &clouds);
    other.parts().await.unwrap();
    let now = Timestamp::from_millis(this_mark() + 20_000);
    let window = Window { start: now.minus(MINUTE), end: now };
    let part = Part { key: key("us-east-1"), interval: None };
    let error = other.collect(&part, window).await.unwrap_err();
    for expected in ["123456789012 (prod)/us-east-1", "role/other", "sts:AssumeRole is missing"] {
        assert!(error.message.contains(expected), "{expected}: {error}");
    }
}

#[tokio::test]
async fn names_and_certificates_that_fail_are_told() {
    let (aws, _clock) = simulate("quiet-day").await;
    let (clouds, reader) = (clouds(), aws.aws_credentials.reader.clone());
    for (endpoint, expected) in [
        ("http://aws.invalid:4566", "cannot resolve aws.invalid"),
        (aws.untrusted_tls_url.as_str(), "TLS handshake"),
        ("http://169.254.169.254", "instance metadata"),
    ] {
        let collector = build(&settings(endpoint, &reader, EXTRA), &reader.secret_access_key, &clouds);
        let error = collector.parts().await.unwrap_err();
        assert!(error.message.contains(expected), "{endpoint}: {error}");
    }
}

#[tokio::test]
async fn after_two_hours_away_the_present_comes_first_and_the_rest_at_once() {
    let world = World::new("quiet-day", "namespaces: [AWS/RDS]").await;
    world.clouds.in_use.set(BTreeSet::from(["system.cpu.utilization".to_owned()]));
    let before = world.collect("us-east-1").await.watermark.unwrap();
    world.pass(MINUTE * 120);
    let started = std::time::Instant::now();
    let after = world.collect("us-east-1").await;
    assert!(started.elapsed() < MINUTE, "{:?}", started.elapsed());
    assert_eq!(after.watermark, Some(before.plus(MINUTE * 120)));
    let first = after.measurements.iter().find(|one| &*one.metric == "CPUUtilization").unwrap();
    let newest = first.points.iter().map(|(at, _)| *at).max().unwrap();
    assert_eq!(newest, before.plus(MINUTE * 120), "the newest comes first");
    let of_first =
        after.measurements.iter().filter(|one| one.resource == first.resource && one.metric == first.metric);
    let ends: BTreeSet<Timestamp> = of_first.flat_map(|one| one.points.iter().map(|(at, _)| *at)).collect();
    assert!((1..=120).all(|minute| ends.contains(&before.plus(MINUTE * minute))), "{}", ends.len());
}
