//! Bodies within a limit: what is too large loses details first, then alerts, and always says how many.

use std::collections::BTreeMap;
use std::sync::Arc;

use isobar_egress::Retry;
use isobar_normalizer::Labels;

use super::text::cut;
use super::{Message, NotifyError, Part};
use crate::delivery::{Notification, NotifiedAlert};

/// Annotations that stay when the others go: what it is, and what to do.
const BRIEF_ANNOTATIONS: [&str; 2] = ["summary", "runbook_url"];
/// Labels of the last alert that is left: what it is, how bad, and where.
const BARE_LABELS: [&str; 6] =
    ["alertname", "severity", "resource_name", "resource_id", "cloud_provider", "cloud_region"];
/// Labels of the group that are left then.
const BARE_GROUP_LABELS_MAX: usize = 10;
/// Characters of a value in them.
const BARE_VALUE_MAX: usize = 100;

/// What `write` makes of the message, or of the largest part of it whose `size` is at most `max` bytes, which is what the
/// channel takes, and at most what the message's `max_bytes` wishes for. The most severe alerts stay longest; at least one
/// stays. A wish that not even the shortest form meets gives way: what the channel takes is sent.
///
/// Templates may compute for a while: it is written off the async threads.
///
/// # Errors
/// What `write` says, and that nothing is within what the channel takes.
pub(super) async fn fit<T: Send + 'static>(
    message: &Message<'_>,
    max: usize,
    size: fn(&T) -> usize,
    write: impl Fn(&Message<'_>) -> Result<T, NotifyError> + Send + 'static,
) -> Result<T, NotifyError> {
    let (notification, delivery) = (message.notification.clone(), message.delivery.clone());
    let (send_resolved, now, max_bytes) = (message.send_resolved, message.now, message.max_bytes);
    let written = tokio::task::spawn_blocking(move || {
        let message = Message { max_bytes, ..Message::new(&notification, &delivery, send_resolved, now) };
        fitted(&message, max, size, write)
    });
    written.await.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(stopped) => Err(NotifyError::Unreachable { reason: stopped.to_string(), retry: Retry::Backoff }),
    })
}

/// The same at once.
fn fitted<T>(
    message: &Message<'_>,
    max: usize,
    size: fn(&T) -> usize,
    write: impl Fn(&Message<'_>) -> Result<T, NotifyError>,
) -> Result<T, NotifyError> {
    let wanted = message.max_bytes.map_or(max, |wish| wish.min(max));
    let attempt = |message: &Message<'_>| match write(message) {
        Ok(written) => Ok((size(&written) <= wanted).then_some(written)),
        Err(NotifyError::TooLarge(_)) => Ok(None),
        Err(error) => Err(error),
    };
    if let Some(whole) = attempt(message)? {
        return Ok(whole);
    }
    let brief = reduced(message.notification, brief);
    let briefly = Message { notification: &brief, ..*message };
    if let Some(all) = attempt(&briefly)? {
        return Ok(all);
    }
    let ranked = ranked(message);
    let worst = |count: usize| {
        let alerts = part(&briefly, &ranked, count);
        attempt(&Message { part: Some(Part { alerts: &alerts, is_shortest: false }), ..briefly })
    };
    // The largest number of alerts that fits, between one that does and one that does not.
    let (mut fitting, mut too_many) = (None, ranked.len());
    let mut fewest = 0;
    while fewest + 1 < too_many {
        let middle = fewest + (too_many - fewest) / 2;
        match worst(middle)? {
            Some(written) => (fitting, fewest) = (Some(written), middle),
            None => too_many = middle,
        }
    }
    if let Some(fitting) = fitting {
        return Ok(fitting);
    }
    let bare = reduced(message.notification, bare);
    let bare = Notification { group_labels: bare_group_labels(&bare.group_labels), ..bare };
    let barely = Message { notification: &bare, ..*message };
    let alerts = part(&barely, &ranked, 1);
    let shortest = write(&Message { part: Some(Part { alerts: &alerts, is_shortest: true }), ..barely })?;
    if size(&shortest) > max {
        return Err(NotifyError::TooLarge(format!("the shortest message is larger than {max} bytes")));
    }
    Ok(shortest)
}

/// Places of the message's alerts, the worst first.
fn ranked(message: &Message<'_>) -> Vec<usize> {
    let alerts: Vec<&NotifiedAlert> = message.all_alerts().collect();
    let mut places: Vec<usize> = (0..alerts.len()).collect();
    places.sort_by_key(|place| {
        let alert = alerts[*place];
        std::cmp::Reverse((alert.is_firing(), alert.severity))
    });
    places
}

/// The notification with each of its alerts reduced.
fn reduced(whole: &Notification, reduce: fn(&NotifiedAlert) -> NotifiedAlert) -> Notification {
    Notification {
        id: whole.id.clone(),
        group: whole.group.clone(),
        group_labels: whole.group_labels.clone(),
        at: whole.at,
        alerts: whole.alerts.iter().map(|alert| Arc::new(reduce(alert))).collect(),
        told: Vec::new(),
    }
}

/// The message's `count` worst alerts, in the order they stand in.
fn part(message: &Message<'_>, ranked: &[usize], count: usize) -> Vec<Arc<NotifiedAlert>> {
    let all = &message.notification.alerts;
    let told: Vec<&Arc<NotifiedAlert>> =
        all.iter().filter(|alert| message.send_resolved || alert.is_firing()).collect();
    let mut kept: Vec<usize> = ranked[..count.min(ranked.len())].to_vec();
    kept.sort_unstable();
    kept.into_iter().map(|place| Arc::clone(told[place])).collect()
}

fn brief(alert: &NotifiedAlert) -> NotifiedAlert {
    let kept = alert.annotations.iter().filter(|(name, _)| BRIEF_ANNOTATIONS.contains(&name.as_str()));
    NotifiedAlert { annotations: kept.map(|(n, v)| (n.clone(), v.clone())).collect(), ..alert.clone() }
}

/// The link leads to our own page then: a sender's may be longer than a message.
fn bare(alert: &NotifiedAlert) -> NotifiedAlert {
    let kept =
        BARE_LABELS.iter().filter_map(|name| Some((*name, cut(alert.labels.get(name)?, BARE_VALUE_MAX))));
    let labels = Labels::from_pairs(kept).unwrap_or_else(|_| Labels::empty());
    NotifiedAlert { labels, annotations: BTreeMap::new(), generator_url: None, ..alert.clone() }
}

fn bare_group_labels(labels: &Labels) -> Labels {
    let kept = labels.iter().take(BARE_GROUP_LABELS_MAX);
    let kept = kept.map(|(name, value)| (name, cut(value, BARE_VALUE_MAX)));
    Labels::from_pairs(kept).unwrap_or_else(|_| Labels::empty())
}

#[cfg(test)]
mod tests {
    use isobar_normalizer::Severity;
    use proptest::prelude::*;

    use super::*;
    use crate::alert::{Alert, AlertState};
    use crate::delivery::Reason;
    use crate::fixture::{START, alert, labels, told};

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
        Ok(format!("{lines}{} more\n", message.left_out()))
    }

    fn written(alerts: &[Alert], max: usize, wish: Option<usize>) -> Result<String, NotifyError> {
        let (notification, delivery) = told(alerts, Reason::First);
        let message = Message { max_bytes: wish, ..Message::new(&notification, &delivery, true, START) };
        fitted(&message, max, String::len, write)
    }

    fn within(alerts: &[Alert], max: usize) -> Result<String, NotifyError> {
        written(alerts, max, None)
    }

    #[test]
    fn details_go_before_alerts_and_the_worst_stay_longest() {
        let alerts = storm(30, 500);
        let whole = within(&alerts, usize::MAX).unwrap();
        assert!(whole.contains("xxx") && whole.ends_with("\n0 more\n"));
        let brief = within(&alerts, whole.len() - 1).unwrap();
        assert!(!brief.contains("xxx") && brief.contains("number 29") && brief.ends_with("\n0 more\n"));
        let some = within(&alerts, brief.len() / 2).unwrap();
        let shown = some.lines().count() - 1;
        assert!(shown > 10 && some.ends_with(&format!("\n{} more\n", 30 - shown)), "{some}");
        assert_eq!(some.matches("Critical").count(), 10, "{some}");
        let one = within(&alerts, 200).unwrap();
        assert!(one.contains("Critical") && one.ends_with("\n29 more\n"), "{one}");
        assert!(matches!(within(&alerts, 10), Err(NotifyError::TooLarge(_))));
    }

    #[test]
    fn a_wish_that_nothing_meets_gives_way_and_the_channels_limit_does_not() {
        let alerts = storm(30, 500);
        let shortest = written(&alerts, 200, Some(10)).unwrap();
        assert!(shortest.contains("Critical") && shortest.ends_with("\n29 more\n"), "{shortest}");
        assert_eq!(shortest, written(&alerts, usize::MAX, Some(10)).unwrap());
        assert!(matches!(written(&alerts, 10, Some(200)), Err(NotifyError::TooLarge(_))));
        let wished = written(&alerts, usize::MAX, Some(1000)).unwrap();
        assert!(wished.len() <= 1000 && wished.len() > shortest.len(), "{wished}");
    }

    #[test]
    fn what_is_too_much_to_write_is_written_of_fewer() {
        let (notification, delivery) = told(&storm(30, 0), Reason::First);
        let message = Message::new(&notification, &delivery, true, START);
        let few = |message: &Message<'_>| match message.alerts().count() {
            0..7 => write(message),
            _ => Err(NotifyError::TooLarge("steps".to_owned())),
        };
        let found = fitted(&message, usize::MAX, String::len, few).unwrap();
        assert_eq!(found.matches("Critical").count(), 6, "{found}");
        assert!(found.ends_with("\n24 more\n"), "{found}");
        let never = |_: &Message<'_>| Err(NotifyError::TooLarge("steps".to_owned()));
        assert!(fitted(&message, usize::MAX, String::len, never).is_err());
    }

    #[test]
    fn the_shortest_form_holds_nothing_that_may_be_long() {
        let mut one = storm(1, 5000).remove(0);
        one.described = labels(&format!("note={0} resource_name={0}", "x".repeat(3000)));
        let (mut notification, delivery) = told(&[one], Reason::First);
        notification.group_labels = labels(&format!("alertname=A note={}", "y".repeat(3000)));
        let told = Arc::make_mut(&mut notification.alerts[0]);
        told.generator_url = Some(format!("https://prometheus.example/{}", "g".repeat(8000)));
        let whole = |message: &Message<'_>| {
            let notification = message.notification;
            Ok(format!("{:?} {:?}", notification.group_labels, message.alerts().collect::<Vec<_>>()))
        };
        let message = Message::new(&notification, &delivery, true, START);
        let shortest = fitted(&message, 1500, String::len, whole).unwrap();
        assert!(shortest.contains("xx…") && shortest.contains("yy…"), "{shortest}");
    }

    #[test]
    fn the_whole_stays_known_to_the_part() {
        let (notification, delivery) = told(&storm(30, 0), Reason::First);
        let message = Message::new(&notification, &delivery, true, START);
        let counts = |message: &Message<'_>| {
            let firing = message.all_alerts().filter(|alert| alert.is_firing()).count();
            let lines = "x".repeat(message.alerts().count() * 100);
            Ok(format!("{firing} {} {}{lines}", message.alerts().count(), message.left_out()))
        };
        let found = fitted(&message, 450, String::len, counts).unwrap();
        assert!(found.starts_with("30 4 26x"), "{found}");
    }

    #[tokio::test]
    async fn it_is_written_off_the_async_threads() {
        let (notification, delivery) = told(&storm(1, 0), Reason::First);
        let message = Message::new(&notification, &delivery, true, START);
        let thread = |_: &Message<'_>| Ok(format!("{:?}", std::thread::current().id()));
        let found = fit(&message, usize::MAX, String::len, thread).await.unwrap();
        assert_ne!(found, format!("{:?}", std::thread::current().id()));
    }

    proptest! {
        /// Whatever is told and whatever fits: the limit holds, and every alert is shown or counted.
        #[test]
        fn the_limit_holds_and_every_alert_counts(count in 1usize..60, detail in 0usize..300, max in 300usize..9_000) {
            let written = within(&storm(count, detail), max).unwrap();
            prop_assert!(written.len() <= max);
            let shown = written.lines().count() - 1;
            let more: usize = written.lines().last().unwrap().trim_end_matches(" more").parse().unwrap();
            prop_assert_eq!(shown + more, count);
            prop_assert!(shown > 0);
        }
    }
}
