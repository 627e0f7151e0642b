//! Bodies within a limit: what is too large loses details first, then alerts, and always says how many.

use std::collections::BTreeMap;
use std::sync::Arc;

use isobar_normalizer::Labels;

use super::text::cut;
use super::{LeftOut, Message, NotifyError};
use crate::delivery::{Notification, NotifiedAlert};

/// Annotations that stay when the others go: what it is, and what to do.
const BRIEF_ANNOTATIONS: [&str; 2] = ["summary", "runbook_url"];
/// Labels of the last alert that is left: what it is, how bad, and where.
const BARE_LABELS: [&str; 6] =
    ["alertname", "severity", "resource_name", "resource_id", "cloud_provider", "cloud_region"];
/// Characters of a value in it.
const BARE_VALUE_MAX: usize = 100;

/// What `write` makes of the message, or of the largest part of it whose `size` is at most `max` bytes. The most severe
/// alerts stay longest; at least one stays, so that the severity of the message does.
///
/// # Errors
/// What `write` says, and that nothing fits.
pub(super) fn fit<T>(
    message: &Message<'_>,
    max: usize,
    size: impl Fn(&T) -> usize,
    write: impl Fn(&Message<'_>) -> Result<T, NotifyError>,
) -> Result<T, NotifyError> {
    let whole = write(message)?;
    if size(&whole) <= max {
        return Ok(whole);
    }
    let ranked = ranked(message);
    let try_first = |count: usize, reduce: fn(&NotifiedAlert) -> NotifiedAlert| {
        let (notification, left_out) = part(message, &ranked, count, reduce);
        let written = write(&Message { notification: &notification, left_out, ..*message })?;
        Ok((size(&written) <= max).then_some(written))
    };
    if let Some(brief) = try_first(ranked.len(), brief)? {
        return Ok(brief);
    }
    // The largest number of alerts that fits, between one that does and one that does not.
    let (mut fitting, mut too_many) = (None, ranked.len());
    let mut fewest = 0;
    while fewest + 1 < too_many {
        let middle = fewest + (too_many - fewest) / 2;
        match try_first(middle, brief)? {
            Some(written) => (fitting, fewest) = (Some(written), middle),
            None => too_many = middle,
        }
    }
    let fitting = match fitting {
        Some(written) => Some(written),
        None => try_first(1, bare)?,
    };
    fitting.ok_or_else(|| NotifyError::Unwritable(format!("the shortest message is larger than {max} bytes")))
}

/// Places of the message's alerts, the worst first.
fn ranked(message: &Message<'_>) -> Vec<usize> {
    let alerts: Vec<&NotifiedAlert> = message.alerts().collect();
    let mut places: Vec<usize> = (0..alerts.len()).collect();
    places.sort_by_key(|place| {
        let alert = alerts[*place];
        std::cmp::Reverse((alert.is_firing(), alert.severity))
    });
    places
}

/// The message's `count` worst alerts, reduced, in the order they stood in; and how many others there are.
fn part(
    message: &Message<'_>,
    ranked: &[usize],
    count: usize,
    reduce: fn(&NotifiedAlert) -> NotifiedAlert,
) -> (Notification, LeftOut) {
    let mut kept: Vec<usize> = ranked[..count.min(ranked.len())].to_vec();
    kept.sort_unstable();
    let (mut alerts, mut left_out) = (Vec::with_capacity(kept.len()), message.left_out);
    for (place, alert) in message.alerts().enumerate() {
        if kept.binary_search(&place).is_ok() {
            alerts.push(Arc::new(reduce(alert)));
        } else if alert.is_firing() {
            left_out.firing += 1;
        } else {
            left_out.resolved += 1;
        }
    }
    let whole = message.notification;
    let notification = Notification {
        id: whole.id.clone(),
        group: whole.group.clone(),
        group_labels: whole.group_labels.clone(),
        at: whole.at,
        alerts,
        told: Vec::new(),
    };
    (notification, left_out)
}

fn brief(alert: &NotifiedAlert) -> NotifiedAlert {
    let kept = alert.annotations.iter().filter(|(name, _)| BRIEF_ANNOTATIONS.contains(&name.as_str()));
    NotifiedAlert { annotations: kept.map(|(n, v)| (n.clone(), v.clone())).collect(), ..alert.clone() }
}

fn bare(alert: &NotifiedAlert) -> NotifiedAlert {
    let kept =
        BARE_LABELS.iter().filter_map(|name| Some((*name, cut(alert.labels.get(name)?, BARE_VALUE_MAX))));
    let labels = Labels::from_pairs(kept).unwrap_or_else(|_| Labels::empty());
    NotifiedAlert { labels, annotations: BTreeMap::new(), ..alert.clone() }
}

#[cfg(test)]
mod tests {
    use isobar_normalizer::Severity;
    use proptest::prelude::*;

    use super::*;
    use crate::alert::{Alert, AlertState};
    use crate::delivery::Reason;
    use crate::fixture::{START, alert, told};

    fn storm(count: usize, detail: usize) -> Vec<Alert> {
        let severities = [Severity::Info, Severity::Critical, Severity::Warning];
        (0..count)
            .map(|i| {
                let mut one =
                    alert(&format!("alertname=A i={i}"), AlertState::Firing, severities[i % 3], START);
                one.annotations.insert("summary".to_owned(), format!("number {i}"));
                one.annotations.insert("description".to_owned(), "x".repeat(detail));
                one
            })
            .collect()
    }

    fn write(message: &Message<'_>) -> Result<String, NotifyError> {
        let line = |alert: &NotifiedAlert| {
            format!("{:?} {:?} {:?}\n", alert.severity, alert.labels, alert.annotations)
        };
        let lines: String = message.alerts().map(line).collect();
        Ok(format!("{lines}{} more\n", message.left_out.total()))
    }

    fn fitted(alerts: &[Alert], max: usize) -> Result<String, NotifyError> {
        let (notification, delivery) = told(alerts, Reason::First);
        fit(&Message::new(&notification, &delivery, true, START), max, String::len, write)
    }

    #[test]
    fn details_go_before_alerts_and_the_worst_stay_longest() {
        let alerts = storm(30, 500);
        let whole = fitted(&alerts, usize::MAX).unwrap();
        assert!(whole.contains("xxx") && whole.ends_with("\n0 more\n"));
        let brief = fitted(&alerts, whole.len() - 1).unwrap();
        assert!(!brief.contains("xxx") && brief.contains("number 29") && brief.ends_with("\n0 more\n"));
        let some = fitted(&alerts, brief.len() / 2).unwrap();
        let shown = some.lines().count() - 1;
        assert!(shown > 10 && some.ends_with(&format!("\n{} more\n", 30 - shown)), "{some}");
        assert_eq!(some.matches("Critical").count(), 10, "{some}");
        let one = fitted(&alerts, 200).unwrap();
        assert!(one.contains("Critical") && one.ends_with("\n29 more\n"), "{one}");
        assert!(matches!(fitted(&alerts, 10), Err(NotifyError::Unwritable(_))));
    }

    proptest! {
        /// Whatever is told and whatever fits: the limit holds, and every alert is shown or counted.
        #[test]
        fn the_limit_holds_and_every_alert_counts(count in 1usize..60, detail in 0usize..300, max in 300usize..9_000) {
            let written = fitted(&storm(count, detail), max).unwrap();
            prop_assert!(written.len() <= max);
            let shown = written.lines().count() - 1;
            let more: usize = written.lines().last().unwrap().trim_end_matches(" more").parse().unwrap();
            prop_assert_eq!(shown + more, count);
            prop_assert!(shown > 0);
        }
    }
}
