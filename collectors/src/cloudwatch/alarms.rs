//! Collects the alarms of one region: as they are, and those that fired and ended in between.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_cloudwatch::types::{
    AlarmContributor, AlarmHistoryItem, AlarmType, HistoryItemType, MetricAlarm, ScanBy,
};
use isobar_normalizer::{AlarmReport, NativeAlarm, NativeState, Timestamp};
use serde::Deserialize;
use tokio::time::sleep;

use super::alarm::{Reader, has_contributors, queried_namespace};
use super::answer::{date, millis};
use super::call::{DESCRIBE_ALARM_CONTRIBUTORS, DESCRIBE_ALARM_HISTORY, DESCRIBE_ALARMS, Failure, LIST_TAGS};
use super::discovery::Pages;
use super::metrics::Region;
use crate::{CollectError, Collected, Window};

/// Alarms on one page. Source: API_DescribeAlarms.html, MaxRecords (read 2026-11-21).
const RECORDS_MAX: i32 = 100;
/// Twenty thousand alarms in one region.
const PAGES_MAX: usize = 200;
/// A region that flaps a thousand times a minute is told of the first thousand.
const HISTORY_PAGES_MAX: usize = 10;
/// Alarms whose series are looked up in one collection, and pages of each.
const CONTRIBUTED_MAX: usize = 20;
const CONTRIBUTOR_PAGES_MAX: usize = 10;
/// Alarms whose tags are looked up in one collection, and the pause between two: a region takes nine calls a second.
/// Source: cloudwatch_limits.html (2023-05), of the calls about alarms.
const TAGGED_MAX: usize = 160;
const TAGGED_PAUSE: Duration = Duration::from_millis(125);
/// How long tags that were looked up hold.
const TAGS_HOLD: Duration = Duration::from_secs(3600);

/// What is known of a region's alarms, between collections.
#[derive(Debug, Default)]
pub(super) struct RegionAlarms(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Up to where the history was read.
    cursor: Option<Timestamp>,
    /// Tags by ARN, and when they were looked up.
    tags: HashMap<String, (Timestamp, BTreeMap<String, String>)>,
}

/// The alarms of all pages.
#[derive(Debug, Default)]
struct Listed {
    alarms: Vec<NativeAlarm>,
    /// Those on many series that fire: ARN, the name to ask by, and the namespace of the series.
    on_many: Vec<(String, String, Option<String>)>,
}

/// One change of state, as the history writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HistoryData {
    new_state: HistoryState,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HistoryState {
    state_value: String,
    state_reason: Option<String>,
}

impl RegionAlarms {
    /// Reads the alarms as they are at the window's end. Tags, series and history that cannot be read are told, and the alarms
    /// come without them.
    pub(super) async fn collect(
        &self,
        region: Region<'_>,
        reader: Reader<'_>,
        window: Window,
    ) -> Result<Collected, CollectError> {
        let listed = list(region, &reader).await;
        let Listed { mut alarms, on_many } =
            listed.map_err(|failure| CollectError { message: failure.message, retry: failure.retry })?;
        let mut failures = BTreeSet::new();
        add_missed(&mut alarms, &self.history(region, window, &mut failures).await);
        self.add_tags(region, &reader, &mut alarms, &mut failures).await;
        let is_complete = add_contributors(region, &reader, &mut alarms, on_many, &mut failures).await;
        Ok(Collected {
            alarms: Some(AlarmReport { alarms, is_complete }),
            failures: failures.into_iter().collect(),
            ..Collected::default()
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rates the alarms that do not rest by their tags.
    async fn add_tags(
        &self,
        region: Region<'_>,
        reader: &Reader<'_>,
        alarms: &mut [NativeAlarm],
        failures: &mut BTreeSet<String>,
    ) {
        {
            let mut known = self.known();
            let present: BTreeSet<&str> = alarms.iter().map(|alarm| alarm.id.as_str()).collect();
            known.tags.retain(|arn, _| present.contains(arn.as_str()));
        }
        // What fires is rated first.
        alarms.sort_by(|a, b| (a.state, &a.id).cmp(&(b.state, &b.id)));
        let mut looked_up = 0;
        let mut may_ask = true;
        for alarm in alarms {
            let held = self.known().tags.get(&alarm.id).cloned();
            let is_fresh = held.as_ref().is_some_and(|(at, _)| reader.now.since(*at) < TAGS_HOLD);
            let is_wanted = alarm.state != NativeState::Ok && !is_fresh;
            if is_wanted && may_ask && looked_up < TAGGED_MAX {
                if looked_up > 0 {
                    sleep(TAGGED_PAUSE).await;
                }
                looked_up += 1;
                match tags(region, &alarm.id).await {
                    Ok(tags) => {
                        self.known().tags.insert(alarm.id.clone(), (reader.now, tags));
                    }
                    Err(failure) => {
                        may_ask = false;
                        failures.insert(failure.message);
                    }
                }
            }
            if let Some((_, tags)) = self.known().tags.get(&alarm.id) {
                reader.rate(alarm, tags);
            }
        }
    }

    /// The changes of state since the last collection, oldest first.
    async fn history(
        &self,
        region: Region<'_>,
        window: Window,
        failures: &mut BTreeSet<String>,
    ) -> Vec<AlarmHistoryItem> {
        let from = self.known().cursor.unwrap_or(window.start);
        match history(region, from, window.end).await {
            Ok(items) => {
                self.known().cursor = Some(window.end);
                items
            }
            Err(failure) => {
                failures.insert(failure.message);
                Vec::new()
            }
        }
    }
}

async fn list(region: Region<'_>, reader: &Reader<'_>) -> Result<Listed, Failure> {
    let mut listed = Listed::default();
    let mut seen = BTreeSet::new();
    let mut pages = Pages::new(PAGES_MAX);
    let mut token = None;
    loop {
        let ask = region
            .services
            .cloudwatch
            .describe_alarms()
            .set_alarm_types(Some(every_type()))
            .max_records(RECORDS_MAX)
            .set_next_token(token);
        let page = region.caller.call(&DESCRIBE_ALARMS, 1, || ask.clone().send()).await?;
        let mut add = |alarm: NativeAlarm, listed: &mut Listed| {
            let is_new = seen.insert(alarm.id.clone());
            if is_new {
                listed.alarms.push(alarm);
            }
            is_new
        };
        for alarm in page.metric_alarms() {
            let Some(native) = reader.metric(alarm) else { continue };
            let is_on_many = native.state == NativeState::Firing && has_contributors(alarm);
            let id = native.id.clone();
            if add(native, &mut listed) && is_on_many {
                listed.on_many.push((id, name(alarm), queried_namespace(alarm)));
            }
        }
        for alarm in page.composite_alarms().iter().filter_map(|alarm| reader.composite(alarm)) {
            add(alarm, &mut listed);
        }
        for alarm in page.log_alarms().iter().filter_map(|alarm| reader.log(alarm)) {
            add(alarm, &mut listed);
        }
        token = pages.next(&DESCRIBE_ALARMS, page.next_token)?;
        if token.is_none() {
            return Ok(listed);
        }
    }
}

fn name(alarm: &MetricAlarm) -> String {
    alarm.alarm_name().unwrap_or_default().to_owned()
}

/// Unless all are named, only alarms on metrics come.
fn every_type() -> Vec<AlarmType> {
    vec![AlarmType::MetricAlarm, AlarmType::CompositeAlarm, AlarmType::LogAlarm]
}

async fn tags(region: Region<'_>, arn: &str) -> Result<BTreeMap<String, String>, Failure> {
    let ask = region.services.cloudwatch.list_tags_for_resource().resource_arn(arn);
    let answer = region.caller.call(&LIST_TAGS, 1, || ask.clone().send()).await?;
    let tags = answer.tags.unwrap_or_default().into_iter();
    Ok(tags.filter_map(|tag| tag.key.zip(tag.value)).collect())
}

async fn history(
    region: Region<'_>,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<AlarmHistoryItem>, Failure> {
    let mut items = Vec::new();
    let mut pages = Pages::new(HISTORY_PAGES_MAX);
    let mut token = None;
    loop {
        let ask = region
            .services
            .cloudwatch
            .describe_alarm_history()
            .set_alarm_types(Some(every_type()))
            .history_item_type(HistoryItemType::StateUpdate)
            .start_date(date(from))
            .end_date(date(to))
            .scan_by(ScanBy::TimestampAscending)
            .max_records(RECORDS_MAX)
            .set_next_token(token);
        let page = region.caller.call(&DESCRIBE_ALARM_HISTORY, 1, || ask.clone().send()).await?;
        items.extend(page.alarm_history_items.unwrap_or_default());
        token = pages.next(&DESCRIBE_ALARM_HISTORY, page.next_token)?;
        if token.is_none() {
            return Ok(items);
        }
    }
}

/// An alarm that fired since the last look and has ended already is told as firing once more; the next look ends it. Nobody
/// would know of it otherwise.
fn add_missed(alarms: &mut [NativeAlarm], history: &[AlarmHistoryItem]) {
    let mut fired: HashMap<&str, (Timestamp, String)> = HashMap::new();
    for item in history.iter().filter(|item| item.alarm_contributor_id().is_none()) {
        let (Some(name), Some(at)) = (item.alarm_name(), item.timestamp()) else { continue };
        let data = item.history_data().unwrap_or_default();
        let Ok(HistoryData { new_state }) = serde_json::from_str(data) else { continue };
        if new_state.state_value == "ALARM" {
            fired.insert(name, (millis(at), new_state.state_reason.unwrap_or_default()));
        }
    }
    for alarm in alarms.iter_mut().filter(|alarm| alarm.state == NativeState::Ok) {
        let Some((at, reason)) = fired.remove(alarm.name.as_str()) else { continue };
        alarm.reason = format!("{reason} (over since {})", alarm.since);
        (alarm.state, alarm.since) = (NativeState::Firing, at);
    }
}

/// Puts the series that fire in the place of the alarm on all of them; false when some could not be read.
async fn add_contributors(
    region: Region<'_>,
    reader: &Reader<'_>,
    alarms: &mut Vec<NativeAlarm>,
    on_many: Vec<(String, String, Option<String>)>,
    failures: &mut BTreeSet<String>,
) -> bool {
    let mut is_complete = true;
    let mut replaced = BTreeSet::new();
    let mut found = Vec::new();
    for (asked, (id, name, namespace)) in on_many.into_iter().enumerate() {
        if asked >= CONTRIBUTED_MAX {
            is_complete = false;
            failures.insert(format!(
                "more than {CONTRIBUTED_MAX} alarms on many series fire: the series of the others are not told apart"
            ));
            break;
        }
        match contributors(region, &name).await {
            Ok(contributors) => {
                let Some(alarm) = alarms.iter().find(|alarm| alarm.id == id) else { continue };
                let of_alarm = contributors.iter();
                let of_alarm =
                    of_alarm.filter_map(|one| reader.contributor(alarm, namespace.as_deref(), one));
                let before = found.len();
                found.extend(of_alarm);
                if found.len() > before {
                    replaced.insert(id);
                }
            }
            Err(failure) => {
                // The series known before are still there, for all we know.
                is_complete = false;
                failures.insert(failure.message);
            }
        }
    }
    alarms.retain(|alarm| !replaced.contains(&alarm.id));
    alarms.extend(found);
    is_complete
}

async fn contributors(region: Region<'_>, name: &str) -> Result<Vec<AlarmContributor>, Failure> {
    let mut contributors = Vec::new();
    let mut pages = Pages::new(CONTRIBUTOR_PAGES_MAX);
    let mut token = None;
    loop {
        let ask =
            region.services.cloudwatch.describe_alarm_contributors().alarm_name(name).set_next_token(token);
        let page = region.caller.call(&DESCRIBE_ALARM_CONTRIBUTORS, 1, || ask.clone().send()).await?;
        contributors.extend(page.alarm_contributors.unwrap_or_default());
        token = pages.next(&DESCRIBE_ALARM_CONTRIBUTORS, page.next_token)?;
        if token.is_none() {
            return Ok(contributors);
        }
    }
}

#[cfg(test)]
mod tests;
