//! Provider outages inferred on seeded days: how many are found, how soon, how often a provider is blamed wrongly, and what
//! becomes of the alerts of a brown-out and of faults that have nothing to do with it.
//!
//! There is no peer: no open system infers outages. The days are made up; what that cannot show is said in the report.

mod day;
mod dice;
mod places;
mod play;
mod score;

use anyhow::Result;

use crate::report::{Report, percentile};
use day::{Day, Kind, Truth};
use score::Score;

/// Days the rules were made on are 1 to 1000; these were looked at only for the report.
const REPORTED: std::ops::Range<u64> = 100_001..100_201;

/// Of the days the rules were made on those that are played to see what a change to them does.
const LOOKED_AT: std::ops::Range<u64> = 1..201;

/// Plays days that the rules were made on, and says of each outage how long after the third service's alert it was found.
pub fn days() -> String {
    let mut score = Score::default();
    for seed in LOOKED_AT {
        let day = Day::new(seed);
        score.add(&day, &play::play(&day));
    }
    score.after_third.sort_by(|a, b| a.0.total_cmp(&b.0));
    let found = score.after_third.iter().map(|(after, whose)| format!("{after:.0} s: {whose}\n"));
    found.collect::<String>() + &report(&score).text()
}

/// Plays the days.
#[allow(clippy::unused_async, reason = "every benchmark is run the same way")]
pub async fn run() -> Result<Report> {
    let mut score = Score::default();
    for seed in REPORTED {
        let day = Day::new(seed);
        score.add(&day, &play::play(&day));
    }
    Ok(report(&score))
}

fn report(score: &Score) -> Report {
    let mut report = Report::new("Outages of providers, inferred");
    for note in NOTES {
        report.note(note);
    }
    let of_outages = |count: usize| share(count, score.outages);
    report.promise(
        "outages and brown-outs found within 3 min of the third service's alert",
        of_outages(score.in_time),
        "none infers",
        "at least 90 %",
        score.in_time * 10 >= score.outages * 9,
    );
    report.figure("the same within 3 min of the very first alert", of_outages(score.soon), "");
    report.figure("found at all", of_outages(score.found), "");
    report.figure(
        "from the first alert to the verdict, half and nine of ten",
        spans(&score.after_first_alert),
        "",
    );
    report.figure("from the onset to the verdict", spans(&score.after_onset), "");
    report.figure("before the provider's own notice, where there was one", spans(&score.before_notice), "");
    report.figure("alerts told before the verdict, half and nine of ten", counts(&score.told_before), "");
    report.promise(
        "verdicts against a provider without a fault",
        score.false_verdicts.len().to_string(),
        "",
        "at most 1 in 200 days",
        score.false_verdicts.len() <= 1,
    );
    report.figure("days with faults of our own network", score.own_network.to_string(), "");
    report.figure("lost uplinks recognised", found(score, Kind::UplinkLost), "");
    report.figure("bad uplinks recognised", found(score, Kind::UplinkBad), "");
    report.promise(
        "our uplink blamed wrongly",
        score.false_uplinks.to_string(),
        "",
        "never",
        score.false_uplinks == 0,
    );
    report.figure("zone losses found", found(score, Kind::ZoneLost), "");
    report.figure("of those the zone named", share(score.zones_named.0, score.zones_named.1), "");
    let (whole, brown_outs) = score.brown_outs_whole;
    report.promise(
        "brown-outs with at least 95 % of their alerts in one incident",
        share(whole, brown_outs),
        "",
        "all",
        whole == brown_outs,
    );
    report.figure(
        "alerts of brown-outs in their one incident",
        share(score.brown_outs.0, score.brown_outs.1),
        "",
    );
    for (truth, what) in UNRELATED {
        let (own, all) = score.unrelated.get(&truth).copied().unwrap_or_default();
        if truth == Truth::Alike {
            report.figure(what, share(own, all), "");
        } else {
            report.promise(what, share(own, all), "", "all", own == all);
        }
    }
    for wrong in score.false_verdicts.iter().chain(&score.missed) {
        report.note(format!("not right: {wrong}"));
    }
    report
}

const NOTES: [&str; 6] = [
    "200 seeded days, 100001 to 100200, not looked at while the rules were made (those were 1 to 1000): 35 days with a region \
     out, 15 with one service of a region, 40 brown-outs, 15 zone losses, 40 faults of our own network, 25 bad releases, 10 with \
     flapping hosts, 20 quiet; each with 20 to 120 alerts of its own besides",
    "estates of 7 to 24 services in six regions of three clouds and two rooms; a quarter of the resources may belong to nobody; \
     metrics of clouds are seen two to five minutes late, what is probed in seconds; half to nine tenths of a region breach",
    "an outage takes the provider's monitoring along on 88 of 100 days, on a fifth of those only by data that comes late, which is \
     seen after six minutes; its notice comes after 8 to 45 min or not at all",
    "the three minutes are counted from the moment when alerts of three services it hit are there: two may fail together by \
     chance, and before that nobody could tell; of the data of clouds that is two to five minutes and more after the onset",
    "made-up days show that the rules do what they say under the delays, gaps and coincidences that were thought of; they do not \
     show how often real outages look like these, and nothing is learnt from them about providers",
    "what cannot be told apart: a fault of one service that begins in the region during its outage is taken for a part of it; a \
     shared part of our own that only one region has, with calls that fail at the same time, is taken for the provider",
];

const UNRELATED: [(Truth, &str); 5] = [
    (Truth::Elsewhere, "alerts of other faults elsewhere, in their own incident and told"),
    (Truth::Before, "of faults there that began long before"),
    (Truth::Unlike, "of faults there of a kind that no outage brings about"),
    (Truth::Dependent, "of our own rooms that need what is out"),
    (Truth::Alike, "of like faults there that began meanwhile"),
];

fn share(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "none".to_owned();
    }
    format!("{part} of {whole}, {:.0} %", 100.0 * part as f64 / whole as f64)
}

fn found(score: &Score, kind: Kind) -> String {
    let (days, found) = score.days.get(&kind).copied().unwrap_or_default();
    share(found, days)
}

fn spans(seconds: &[f64]) -> String {
    let mut sorted = seconds.to_vec();
    format!("{:.0} s, {:.0} s", percentile(&mut sorted, 0.5), percentile(&mut sorted, 0.9))
}

fn counts(counts: &[usize]) -> String {
    let mut sorted: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
    format!("{:.0}, {:.0}", percentile(&mut sorted, 0.5), percentile(&mut sorted, 0.9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_and_more_of_the_days_the_rules_were_made_on_comes_out_right() {
        let mut score = Score::default();
        for seed in (2..41).step_by(3) {
            let day = Day::new(seed);
            score.add(&day, &play::play(&day));
        }
        assert_eq!(
            (score.found, score.false_verdicts.as_slice(), score.false_uplinks),
            (score.outages, &[][..], 0)
        );
        assert!(score.outages > 3 && score.own_network > 1);
        assert_eq!(score.brown_outs_whole.0, score.brown_outs_whole.1);
    }

    #[test]
    fn a_day_is_the_same_each_time_it_is_made() {
        let (once, again) = (Day::new(7), Day::new(7));
        assert_eq!(format!("{once:?}"), format!("{again:?}"));
    }
}
