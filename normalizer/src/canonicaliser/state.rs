//! Everything known about one source: its wanted series, their flows, and the resources they measure.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::Stats;
use super::claim::Claims;
use super::flow::{Emission, Flow, FlowKey};
use super::input::{Change, Description, Feed, Input};
use super::unwanted::{IdentityBuilder, Unwanted};
use crate::mapping::{Record, Use};
use crate::{Labels, METRIC_NAME, Mappings, Resource, ResourceId, Sample, SeriesId, Timestamp, is_stale};

/// One source may have this many mapped series, about a thousand machines of 64 processors; each takes some hundred
/// bytes of state.
const INPUTS_MAX: usize = 500_000;

/// State of one source.
#[derive(Debug, Default)]
pub(super) struct SourceState {
    unwanted: Unwanted,
    inputs: HashMap<SeriesId, Input, IdentityBuilder>,
    flows: HashMap<FlowKey, Flow, IdentityBuilder>,
    claims: Claims,
    resources: HashMap<u64, Seen, IdentityBuilder>,
    /// Flows with something to settle, in the order they changed.
    dirty: Vec<FlowKey>,
    /// Resources that samples of this run measure.
    touched: Vec<u64>,
}

/// A resource as its samples show it.
#[derive(Debug)]
struct Seen {
    id: ResourceId,
    description: Description,
    /// Time of the sample that gave the description.
    described_at: Timestamp,
    last: Timestamp,
    touched: bool,
}

impl SourceState {
    /// Whether any mapping wants the series; if so, its state is there afterwards.
    pub(super) fn wants(
        &mut self,
        mappings: &Mappings,
        source: &str,
        labels: &Labels,
        stats: &mut Stats,
    ) -> bool {
        if self.unwanted.contains(labels.id()) {
            return false;
        }
        self.inputs.contains_key(&labels.id()) || self.admit(mappings, source, labels, stats)
    }

    /// Makes the state of a series seen for the first time, unless nothing wants it or there are too many.
    fn admit(&mut self, mappings: &Mappings, source: &str, labels: &Labels, stats: &mut Stats) -> bool {
        let uses = mappings.uses(labels.name().unwrap_or_default());
        if !uses.is_empty() && self.inputs.len() >= INPUTS_MAX {
            stats.refused += 1;
            return false;
        }
        let mut input = Input::new();
        let mut unidentified = false;
        for wanted in uses {
            let rule = match *wanted {
                Use::Operand { record, .. } => mappings.resource_rule(record.mapping),
                Use::Name { mapping } => mappings.resource_rule(mapping),
            };
            let admitted = match *wanted {
                Use::Operand { record, side } => mappings.record(record).branch(side).admits(labels),
                Use::Name { .. } => true,
            };
            if !admitted {
                continue;
            }
            let native_id = labels.get(&rule.native_id).unwrap_or_default();
            let Ok(id) = ResourceId::new(rule.provider, source, "", &rule.kind, native_id) else {
                unidentified = true;
                continue;
            };
            let resource = self.see(&id);
            match *wanted {
                Use::Name { .. } => {
                    let of = |label: Option<&String>| labels.get(label?).map(Box::from);
                    let description = Description {
                        name: of(rule.name.as_ref().map(|(_, label)| label)).unwrap_or_default(),
                        service: of(rule.service.as_ref()).unwrap_or_default(),
                    };
                    input.described.push((resource, description));
                }
                Use::Operand { record: index, side } => {
                    let record = mappings.record(index);
                    let branch = record.branch(side);
                    let key = branch.key(labels);
                    let flow = FlowKey { record: index, key: key.id() };
                    input.feeds.push(Feed { flow, resource, side, counter: branch.counter });
                    self.flows.entry(flow).or_insert_with(|| Flow::new(output(record, &key, &id, source)));
                }
            }
        }
        if input.resources().next().is_none() {
            stats.unidentified += u64::from(unidentified);
            self.unwanted.insert(labels.id());
            return false;
        }
        self.inputs.insert(labels.id(), input);
        true
    }

    /// The key of a resource.
    fn see(&mut self, id: &ResourceId) -> u64 {
        let key = xxh3_64(id.as_str().as_bytes());
        let never = Timestamp::from_millis(i64::MIN);
        self.resources.entry(key).or_insert_with(|| Seen {
            id: id.clone(),
            description: Description::default(),
            described_at: never,
            last: never,
            touched: false,
        });
        key
    }

    /// Takes one sample of an admitted series.
    pub(super) fn take(
        &mut self,
        mappings: &Mappings,
        sample: &Sample,
        gap_max: Duration,
        out: &mut Vec<Sample>,
        stats: &mut Stats,
    ) {
        let member = sample.labels.id();
        let Some(input) = self.inputs.get_mut(&member) else { return };
        let change = input.advance(sample, gap_max);
        if !is_stale(sample.value) {
            for key in input.resources() {
                if let Some(seen) = self.resources.get_mut(&key) {
                    seen.last = seen.last.max(sample.at);
                    if !std::mem::replace(&mut seen.touched, true) {
                        self.touched.push(key);
                    }
                }
            }
            for (key, description) in &input.described {
                if let Some(seen) = self.resources.get_mut(key).filter(|seen| seen.described_at <= sample.at)
                {
                    seen.described_at = sample.at;
                    seen.description.clone_from(description);
                }
            }
        }
        let is_late_counter =
            matches!(change, Change::OutOfOrder) && input.feeds.iter().any(|feed| feed.counter.is_some());
        stats.out_of_order += u64::from(is_late_counter);
        for feed in &input.feeds {
            let Some(report) = feed.report(sample.value, change) else { continue };
            let Some(flow) = self.flows.get_mut(&feed.flow) else { continue };
            let record = mappings.record(feed.flow.record);
            if record.is_direct() {
                if let Some(emission) = flow.direct(record, report) {
                    emit(&mut self.claims, feed.flow, &flow.output, sample.at, emission, out, stats);
                }
                continue;
            }
            if !flow.report(sample.at, feed.side, member, report) {
                stats.late += 1;
            }
            if flow.is_changed() && !std::mem::replace(&mut flow.queued, true) {
                self.dirty.push(feed.flow);
            }
        }
    }

    /// Computes what this run has changed; returns the resources it measured. What a restored run gives is not written
    /// anywhere.
    pub(super) fn settle(
        &mut self,
        mappings: &Mappings,
        is_restored: bool,
        out: &mut Vec<Sample>,
        stats: &mut Stats,
    ) -> Vec<Resource> {
        for key in self.dirty.drain(..) {
            let Some(flow) = self.flows.get_mut(&key) else { continue };
            let output = flow.output.clone();
            let claims = &mut self.claims;
            flow.settle(mappings.record(key.record), |at, emission| {
                emit(claims, key, &output, at, emission, out, stats);
            });
            if is_restored {
                flow.reopen();
            }
        }
        let mut resources = Vec::with_capacity(self.touched.len());
        for key in self.touched.drain(..) {
            let Some(seen) = self.resources.get_mut(&key) else { continue };
            seen.touched = false;
            resources.push(Resource {
                id: seen.id.clone(),
                zone: String::new(),
                name: seen.description.name.to_string(),
                tags: Default::default(),
                service: seen.description.service.to_string(),
                last_seen: seen.last,
            });
        }
        resources
    }

    /// Drops what is older than `before`; false when nothing is left.
    pub(super) fn forget_idle(&mut self, before: Timestamp) -> bool {
        self.inputs.retain(|_, input| input.last >= before);
        let feeds = self.inputs.values().flat_map(|input| &input.feeds);
        let fed: HashSet<FlowKey> = feeds.map(|feed| feed.flow).collect();
        let measured: HashSet<u64> = self.inputs.values().flat_map(Input::resources).collect();
        self.flows.retain(|key, _| fed.contains(key));
        self.resources.retain(|key, _| measured.contains(key));
        self.claims.forget_idle(before);
        !self.inputs.is_empty()
    }
}

/// The labels of the canonical series.
fn output(record: &Record, key: &Labels, resource: &ResourceId, source: &str) -> Labels {
    let mut labels = Labels::empty().edit();
    for (name, value) in &record.constants {
        labels.set(name.as_str(), value.as_str());
    }
    for (attribute, label) in &record.taken {
        labels.set(attribute.as_str(), key.get(label).unwrap_or_default());
    }
    labels.set(METRIC_NAME, record.target.name());
    labels.set("resource_id", resource.as_str());
    labels.set("source", source);
    labels.build()
}

fn emit(
    claims: &mut Claims,
    flow: FlowKey,
    output: &Labels,
    at: Timestamp,
    emission: Emission,
    out: &mut Vec<Sample>,
    stats: &mut Stats,
) {
    let (allowed, value) = match emission {
        Emission::Value(value) => (claims.claim(output.id(), flow, at), value),
        Emission::Stale => (claims.release(output.id(), flow, at), crate::stale_marker()),
    };
    if allowed {
        out.push(Sample { labels: output.clone(), at, value });
    } else {
        stats.contested += u64::from(matches!(emission, Emission::Value(_)));
    }
}
