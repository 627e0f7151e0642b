//! How much a counter or gauge moved.

use super::View;

/// The difference between last and first value, drops undone for counters, extrapolated to the whole window: over
/// each end up to 1.1 average distances between samples, beyond that by half a distance, and for counters never to
/// below zero. Source: prometheus `promql/functions.go`, extrapolatedRate.
pub(super) fn extrapolated(view: &View<'_>, is_counter: bool) -> Option<f64> {
    if view.values.len() < 2 {
        return None;
    }
    let ((first_at, first), (last_at, last)) = view.ends();
    let mut moved = last - first;
    if is_counter {
        moved = view.before_marks().fold(moved, |moved, before| moved + before);
    }
    let seconds = |millis: i64| millis as f64 / 1000.0;
    let sampled = seconds(last_at - first_at);
    let distance = sampled / (view.values.len() - 1) as f64;
    let reach = |gap: f64| if gap >= distance * 1.1 { distance / 2.0 } else { gap };
    let mut to_start = reach(seconds(first_at - view.window.after));
    if is_counter && moved > 0.0 && first >= 0.0 {
        to_start = to_start.min(sampled * (first / moved));
    }
    let to_end = reach(seconds(view.window.end - last_at));
    Some(moved * ((sampled + to_start + to_end) / sampled))
}

/// Per second, from the last two samples; after a reset the counter began at zero.
pub(super) fn instant_rate(view: &View<'_>) -> Option<f64> {
    let ((before_at, before), (at, value)) = last_two(view)?;
    let moved = if value < before { value } else { value - before };
    Some(moved / ((at - before_at) as f64 / 1000.0))
}

/// The difference of the last two samples.
pub(super) fn instant_delta(view: &View<'_>) -> Option<f64> {
    let ((_, before), (_, value)) = last_two(view)?;
    Some(value - before)
}

fn last_two(view: &View<'_>) -> Option<((i64, f64), (i64, f64))> {
    let last = view.values.len() - 1;
    let before = last.checked_sub(1)?;
    Some(((view.timestamps[before], view.values[before]), (view.timestamps[last], view.values[last])))
}
