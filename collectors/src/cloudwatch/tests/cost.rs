//! What a fresh value costs, beside what YACE would pay for it on the same estate.

use std::collections::BTreeMap;

use super::super::cadence::Cadence;
use super::super::call::Caller;
use super::super::catalogue::{Bundle, Catalogue, Place};
use super::super::clock::Clock;
use super::super::plan::{self, Rules};
use super::super::progress::{Progress, Seen};
use super::super::{discovery, http_client};
use super::*;

/// What policies read: the machines, the databases, the balancers and the queues.
const READ: [&str; 7] = [
    "system.cpu.utilization",
    "resource.up",
    "compute.cpu.credit.balance",
    "db.connection.count",
    "lb.response.rate",
    "messaging.queue.messages",
    "system.disk.io.rate",
];
/// Periods of at most this length; what comes once a day is asked for differently by everybody.
const FAST: Duration = Duration::from_secs(300);
const STALENESS_PERIODS: f64 = 2.0;
/// How long both collect.
const STRETCH: i64 = 6 * 3600;
const STEP: i64 = 5;
/// How often the scheduler asks us.
const TICK: i64 = 60;

/// One bundle of metrics that policies read.
struct Watched<'a> {
    bundle: &'a Bundle,
    /// The period it is really published in.
    period: i64,
    delay: i64,
}

/// What one way of asking comes to.
#[derive(Debug, Default)]
struct Cost {
    units: u64,
    /// Values of metrics that were not there before.
    fresh: u64,
    /// The 95th percentile of the age of the newest value, over what its provider needs, in periods.
    p95: f64,
}

impl Cost {
    fn per_fresh(&self) -> f64 {
        self.units as f64 / self.fresh as f64
    }
}

/// Ages of the newest value, in hundredths of a period.
#[derive(Default)]
struct Ages(BTreeMap<i64, u64>);

impl Ages {
    fn note(&mut self, at: i64, newest: i64, watched: &Watched<'_>) {
        *self.0.entry((at - watched.delay - newest) * 100 / watched.period).or_default() += 1;
    }

    fn p95(&self) -> f64 {
        let total: u64 = self.0.values().sum();
        let mut passed = 0;
        for (age, count) in &self.0 {
            passed += count;
            if passed * 100 >= total * 95 {
                return *age as f64 / 100.0;
            }
        }
        0.0
    }
}

/// Our planner, asked once a minute, with every rhythm known and every answer good.
fn ours(watched: &[Watched<'_>], in_use: &crate::InUse) -> Cost {
    let rules =
        Rules { in_use, other_interval: Duration::from_secs(300), backfill: Duration::from_secs(3 * 3600) };
    let (mut cost, mut ages) = (Cost::default(), Ages::default());
    for (number, watched) in watched.iter().enumerate() {
        // The key of a part decides when in the minute it is asked.
        let phase = (number as i64 * 7) % TICK;
        let begin = 1_795_000_000 / 300 * 300 + phase;
        let mut progress = Progress::default();
        let mut newest = 0;
        for second in (0..STRETCH).step_by(STEP as usize) {
            let now = Timestamp::from_millis((begin + second) * 1000);
            if second % TICK == 0 {
                let is_basic = watched.bundle.period < FAST && watched.period == 300;
                progress.cadence = if is_basic { Cadence::Basic(now) } else { Cadence::Mapped(now) };
                if let Some(read) = plan::newest(0, watched.bundle, &progress, &rules, now) {
                    let end = read.window.end.millis() / 1000;
                    if newest > 0 {
                        // The start reads the past, which is no fresh value for either.
                        cost.units += plan::billed(watched.bundle);
                        cost.fresh +=
                            watched.bundle.metrics.len() as u64 * ((end - newest) / watched.period) as u64;
                    }
                    newest = end;
                    let seen = Seen { read_to: read.window.end, cadence: progress.cadence, newest: None };
                    progress.read(read.window, read.leaves, seen, now);
                }
            }
            ages.note(begin + second, newest, watched);
        }
    }
    cost.p95 = ages.p95();
    cost
}

/// YACE: every `interval` it asks for every metric, whatever its period, and takes the newest point of each.
fn yace(watched: &[Watched<'_>], interval: i64) -> Cost {
    let (mut cost, mut ages) = (Cost::default(), Ages::default());
    for (number, watched) in watched.iter().enumerate() {
        // It does not know when a period is published: its scrapes fall anywhere.
        let begin = 1_795_000_000 / 300 * 300 + (number as i64 * 7) % interval;
        let mut newest = 0;
        for second in (0..STRETCH).step_by(STEP as usize) {
            let now = begin + second;
            if second % interval == 0 {
                let end = (now - watched.delay).div_euclid(watched.period) * watched.period;
                if newest > 0 {
                    cost.units += plan::billed(watched.bundle);
                    cost.fresh += u64::from(end > newest) * watched.bundle.metrics.len() as u64;
                }
                newest = end;
            }
            ages.note(now, newest, watched);
        }
    }
    cost.p95 = ages.p95();
    cost
}

/// The longest interval at which YACE keeps values as fresh as is asked: each period on its own, so that the many slow ones do
/// not hide the fast ones.
fn yace_interval(watched: &[Watched<'_>]) -> i64 {
    let minutes: Vec<&Watched<'_>> = watched.iter().filter(|one| one.period == 60).collect();
    let of_minutes: Vec<Watched<'_>> = minutes.iter().map(|one| Watched { ..**one }).collect();
    let fits = |interval: &i64| yace(&of_minutes, *interval).p95 <= STALENESS_PERIODS;
    (3..120)
        .rev()
        .map(|fifths: i64| fifths * 5)
        .find(fits)
        .expect("one a quarter of a minute is fresh enough")
}

#[tokio::test]
async fn a_fresh_value_costs_at_most_four_fifths_of_what_yace_pays() {
    let (aws, _clock) = simulate("quiet-day").await;
    let clouds = clouds();
    clouds.in_use.set(READ.map(str::to_owned).into());
    let mappings = &clouds.mappings;
    let namespaces =
        mappings.of(isobar_normalizer::Provider::Aws).map(|one| one.namespace().into()).collect();
    let mut catalogues = Vec::new();
    for region in isobar_simulators::AWS_REGIONS {
        let listed =
            discovery::list(&client(&aws, region), &Caller::new(Clock::default()), &namespaces, true).await;
        let place = Place { account: AWS_ACCOUNT, region };
        let now = Timestamp::from_millis(this_mark());
        catalogues.push(Catalogue::new(place, &listed.unwrap(), mappings, &[], now));
    }
    let detailed: BTreeSet<&str> = aws
        .estate
        .machines()
        .iter()
        .filter(|machine| machine.detailed_monitoring)
        .filter_map(|machine| machine.identity.place.native_id())
        .collect();
    let rules = Rules { in_use: &clouds.in_use, other_interval: FAST, backfill: FAST };
    let bundles = catalogues.iter().flat_map(|catalogue| &catalogue.bundles);
    let watched: Vec<Watched<'_>> = bundles
        .filter(|bundle| rules.is_in_use(bundle) && bundle.period <= FAST)
        .map(|bundle| {
            let (_, _, _, _, native) = bundle.key.resource.parts();
            let is_check = bundle.metrics.iter().any(|metric| metric.name.starts_with("StatusCheck"));
            let is_basic = match &*bundle.namespace {
                "AWS/EC2" => !is_check && !detailed.contains(native),
                "AWS/EBS" => true,
                _ => false,
            };
            let period = if is_basic { FAST } else { bundle.period };
            let delay = bundle.delay_at(period).as_secs() as i64;
            Watched { bundle, period: period.as_secs() as i64, delay }
        })
        .collect();
    let interval = yace_interval(&watched);
    let (ours, theirs) = (ours(&watched, &clouds.in_use), yace(&watched, interval));
    let of_a_minute = watched.iter().filter(|one| one.period == 60).count();
    println!("{} bundles that policies read, {of_a_minute} of them every minute", watched.len());
    println!("{:>24} {:>10} {:>10} {:>12} {:>16}", "", "units", "fresh", "units/fresh", "p95 in periods");
    for (name, cost) in [("isobar", &ours), (&format!("YACE every {interval} s") as &str, &theirs)] {
        let Cost { units, fresh, p95 } = cost;
        println!("{name:>24} {units:>10} {fresh:>10} {:>12.3} {p95:>16.2}", cost.per_fresh());
    }
    println!("ratio {:.3}", ours.per_fresh() / theirs.per_fresh());
    assert!(ours.p95 <= STALENESS_PERIODS, "{ours:?}");
    assert!(of_a_minute > 50 && watched.len() > of_a_minute, "both rhythms are there");
    assert!(ours.per_fresh() <= 0.8 * theirs.per_fresh(), "{ours:?} and {theirs:?}");
}

/// A client of one region, signed by the SDK's own clock.
fn client(aws: &Running, region: &'static str) -> aws_sdk_cloudwatch::Client {
    use aws_sdk_cloudwatch::config::{BehaviorVersion, Credentials, Region};
    let egress = Egress::new(EgressOptions::default()).unwrap();
    let options = isobar_egress::ClientOptions::new(isobar_egress::Trust::Operator);
    let http = http_client::GuardedHttp::new(egress.client(options).unwrap(), MINUTE);
    let AwsKey { access_key_id, secret_access_key } = aws.aws_credentials.reader.clone();
    let config = aws_sdk_cloudwatch::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .http_client(http)
        .endpoint_url(aws.aws_url.as_str())
        .credentials_provider(Credentials::new(access_key_id, secret_access_key, None, None, "test"));
    aws_sdk_cloudwatch::Client::from_conf(config.build())
}
