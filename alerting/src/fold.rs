//! One alert out of a policy's alert and a provider's alarm about the same resource and metric.
//!
//! Between those who decide (policies, native alarms), each of which tells of its own alert, and the journal. The first to
//! fire is the host: its identity, and with it its group and its keys at receivers, lives on while any member fires. Policies
//! never fold with each other, nor do native alarms: two disks of a machine that run full are two pages. A member stays one
//! until the whole is over, so that what comes and goes meanwhile is one alert.
//!
//! What was paged under an identity of its own before both were known to be one stays apart until it ends: no end is told
//! while its condition holds.

use std::collections::{BTreeMap, BTreeSet};

use isobar_normalizer::Severity;

use crate::alert::{Alert, AlertState};
use crate::event::Transition;

/// Resource and metric: what two alerts must have in common to be one.
type Key = (String, String);

/// The open alerts that something may be folded into, and what they are made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fold {
    /// By the fingerprint of the host.
    open: BTreeMap<u64, Folded>,
    /// Fingerprint of each member's own identity to that of its host.
    places: BTreeMap<u64, u64>,
    hosts: BTreeMap<Key, BTreeSet<u64>>,
}

#[derive(Clone, Debug)]
struct Folded {
    key: Key,
    /// As the journal has it.
    alert: Alert,
    /// Each as it stands by itself, the host first.
    members: Vec<Alert>,
}

impl Fold {
    /// Takes up open alerts as the journal has them. What was pending inside one is over: whoever told of it begins anew.
    pub(crate) fn restore<'a>(&mut self, alerts: impl IntoIterator<Item = &'a Alert>) {
        for alert in alerts.into_iter().filter(|alert| alert.state.is_open()) {
            if let Some(key) = key(alert) {
                let mut members = alert.made_of().to_vec();
                for member in members.iter_mut().filter(|member| member.state == AlertState::Pending) {
                    member.state = AlertState::Resolved;
                    member.ends_at = Some(member.updated_at);
                }
                self.host(key, alert.clone(), members);
            }
        }
    }

    /// Takes in what one of those who decide tells of its own alert; returns what becomes of the alerts the journal has.
    pub(crate) fn take(&mut self, told: Transition) -> Vec<Transition> {
        let fingerprint = told.alert.fingerprint();
        if let Some(host) = self.places.get(&fingerprint).copied() {
            return self.changed(host, told);
        }
        let Some(key) = key(&told.alert).filter(|_| told.alert.state.is_open()) else {
            return vec![told];
        };
        match self.host_for(&key, &told.alert) {
            Some(host) => self.joined(host, told),
            None => {
                self.host(key, told.alert.clone(), vec![told.alert.clone()]);
                vec![told]
            }
        }
    }

    fn host(&mut self, key: Key, alert: Alert, members: Vec<Alert>) {
        let host = alert.fingerprint();
        self.places.extend(members.iter().map(|member| (member.fingerprint(), host)));
        self.hosts.entry(key.clone()).or_default().insert(host);
        self.open.insert(host, Folded { key, alert, members });
    }

    /// The open alert that this one is the same as: the longest open of several.
    fn host_for(&self, key: &Key, alert: &Alert) -> Option<u64> {
        let folded = self.hosts.get(key)?.iter().filter_map(|host| Some((*host, self.open.get(host)?)));
        let taking = folded.filter(|(_, folded)| folded.takes(alert));
        taking.min_by_key(|(host, folded)| (folded.alert.starts_at, *host)).map(|(host, _)| host)
    }

    fn joined(&mut self, host: u64, told: Transition) -> Vec<Transition> {
        let Some(folded) = self.open.get_mut(&host) else { return vec![told] };
        let mut transitions = Vec::new();
        if told.from == Some(AlertState::Pending) {
            transitions.push(dropped(&told, folded.alert.name()));
        }
        self.places.insert(told.alert.fingerprint(), host);
        folded.members.push(told.alert.clone());
        let reason = format!("folded in: {}: {}", told.alert.name(), told.reason);
        transitions.extend(folded.change(&told, reason));
        transitions
    }

    fn changed(&mut self, host: u64, told: Transition) -> Vec<Transition> {
        let Some(folded) = self.open.get_mut(&host) else { return vec![told] };
        let fingerprint = told.alert.fingerprint();
        for member in folded.members.iter_mut().filter(|member| member.fingerprint() == fingerprint) {
            member.clone_from(&told.alert);
        }
        let mut transitions = if folded.members.len() == 1 {
            folded.alert.clone_from(&told.alert);
            vec![told]
        } else {
            let reason = format!("{}: {}", told.alert.name(), told.reason);
            folded.change(&told, reason).into_iter().collect()
        };
        if !folded.alert.state.is_open() {
            transitions.extend(self.ended(host));
        }
        transitions
    }

    /// Forgets an alert that is over; a member that is pending goes on by itself.
    fn ended(&mut self, host: u64) -> Vec<Transition> {
        let Some(Folded { key, alert, members }) = self.open.remove(&host) else { return Vec::new() };
        if let Some(hosts) = self.hosts.get_mut(&key) {
            hosts.remove(&host);
            if hosts.is_empty() {
                self.hosts.remove(&key);
            }
        }
        for member in &members {
            self.places.remove(&member.fingerprint());
        }
        let pending = members.into_iter().filter(|member| member.state == AlertState::Pending);
        let by_itself = pending.map(|member| Transition {
            from: None,
            reason: format!("{} is over, this one is to hold on", alert.name()),
            decided_at: alert.updated_at.max(member.updated_at),
            alert: member,
        });
        by_itself.collect()
    }
}

impl Folded {
    /// Whether the alert is the same as this one: of a policy and a native alarm, one is in it and the other is not. A policy
    /// alert that was in it keeps its place.
    fn takes(&self, alert: &Alert) -> bool {
        let of_policies = || self.members.iter().filter(|member| !is_native(member));
        if is_native(alert) {
            return of_policies().any(|member| member.state.is_open());
        }
        of_policies().next().is_none()
    }

    /// Makes the alert again of its members; its transition, when that changed anything.
    fn change(&mut self, told: &Transition, reason: String) -> Option<Transition> {
        let whole = self.whole(told);
        let before = std::mem::replace(&mut self.alert, whole);
        let standing = |alert: &Alert| -> Vec<Option<(AlertState, Severity)>> {
            let of = |member: &Alert| member.state.is_open().then_some((member.state, member.severity));
            alert.made_of().iter().map(of).collect()
        };
        let is_same = (before.state, before.severity, &before.sources, &before.native)
            == (self.alert.state, self.alert.severity, &self.alert.sources, &self.alert.native)
            && standing(&before) == standing(&self.alert);
        let from = Some(before.state);
        (!is_same).then(|| Transition {
            from,
            reason,
            decided_at: told.decided_at,
            alert: self.alert.clone(),
        })
    }

    fn whole(&self, told: &Transition) -> Alert {
        let mut whole = self.alert.clone();
        whole.members.clone_from(&self.members);
        whole.native = self.members.iter().flat_map(|member| member.native.iter().cloned()).collect();
        whole.updated_at = whole.updated_at.max(told.alert.updated_at);
        let mut open: Vec<&Alert> = self.members.iter().filter(|member| member.state.is_open()).collect();
        // What a policy watches and says is the operator's own, and more exact than what an alarm does.
        open.sort_by_key(|member| is_native(member));
        let Some(severity) = open.iter().map(|member| member.severity).max() else {
            whole.state = AlertState::Resolved;
            whole.value = told.alert.value.or(whole.value);
            whole.ends_at = Some(whole.updated_at);
            return whole;
        };
        let is_firing = open.iter().any(|member| member.state == AlertState::Firing);
        whole.state = if is_firing { AlertState::Firing } else { AlertState::NoData };
        whole.severity = severity;
        whole.sources = open.iter().flat_map(|member| member.sources.iter().cloned()).collect();
        whole.verified = open.iter().all(|member| member.verified);
        whole.value = open.iter().find_map(|member| member.value);
        whole.starts_at = open.iter().map(|member| member.starts_at).fold(whole.starts_at, Ord::min);
        whole.fired_at = open.iter().filter_map(|member| member.fired_at).chain(whole.fired_at).min();
        whole.watched = open[0].watched.clone();
        whole.annotations.clear();
        for member in open {
            for (name, text) in &member.annotations {
                whole.annotations.entry(name.clone()).or_insert_with(|| text.clone());
            }
        }
        whole
    }
}

/// Only what has a resource and a metric can be the same as something else.
fn key(alert: &Alert) -> Option<Key> {
    Some((alert.resource()?.to_owned(), alert.watched.metric.clone()?))
}

/// Whether a native alarm told of it; what it is made of is not looked at.
fn is_native(alert: &Alert) -> bool {
    !alert.native.is_empty()
}

/// Takes the pending alert out of the list: it goes on inside another one. Nobody was told of it.
fn dropped(told: &Transition, host: &str) -> Transition {
    let mut alert = told.alert.clone();
    alert.state = AlertState::Resolved;
    alert.ends_at = Some(alert.updated_at);
    let reason = format!("folded into {host}");
    Transition { from: Some(AlertState::Pending), reason, decided_at: told.decided_at, alert }
}

#[cfg(test)]
mod tests;
