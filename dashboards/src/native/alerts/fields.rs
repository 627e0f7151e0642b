//! What an alert has under the names of the filter language, and the order it stands in.

use isobar_alerting::{AlertState, KnownAlert};
use isobar_normalizer::Severity;

/// Something that can be asked of an alert: a field of its own, or a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    State,
    Severity,
    Name,
    Class,
    Domain,
    Provider,
    Account,
    Region,
    Resource,
    Service,
    Owner,
    Source,
    Held,
    Acknowledged,
    Flapping,
    Incident,
    Verified,
    Label(&'a str),
}

/// The marks of the page, the worst first: no data comes after high, because what is not seen may be as bad.
pub(super) fn mark(known: &KnownAlert) -> &'static str {
    let alert = known.alert();
    match (alert.state, alert.severity) {
        (AlertState::Resolved, _) => "ok",
        (AlertState::NoData, _) => "nodata",
        (_, Severity::Critical) => "critical",
        (_, Severity::Error) => "high",
        (_, Severity::Warning) => "warning",
        (_, Severity::Info) => "info",
    }
}

/// The place of an alert's mark; 0 is the worst.
pub(super) fn rank(known: &KnownAlert) -> u8 {
    match mark(known) {
        "critical" => 0,
        "high" => 1,
        "nodata" => 2,
        "warning" => 3,
        "info" => 4,
        _ => 5,
    }
}

/// Who has it: who took it, here or at its provider, else who is to look after it.
pub(super) fn owner(known: &KnownAlert) -> &str {
    let taken = known.acknowledged_by().or_else(|| known.alert().acknowledged_by());
    taken.or_else(|| known.assigned_to()).unwrap_or("nobody")
}

impl<'a> Field<'a> {
    pub(super) const NAMES: [&'static str; 17] = [
        "state",
        "severity",
        "name",
        "class",
        "domain",
        "provider",
        "account",
        "region",
        "resource",
        "service",
        "owner",
        "source",
        "held",
        "acknowledged",
        "flapping",
        "incident",
        "verified",
    ];

    /// The field of this name.
    pub(super) fn named(name: &str) -> Option<Field<'static>> {
        use Field::{
            Account, Acknowledged, Class, Domain, Flapping, Held, Incident, Name, Owner, Provider, Region,
            Resource, Service, Severity, Source, State, Verified,
        };
        let fields = [
            State,
            Severity,
            Name,
            Class,
            Domain,
            Provider,
            Account,
            Region,
            Resource,
            Service,
            Owner,
            Source,
            Held,
            Acknowledged,
            Flapping,
            Incident,
            Verified,
        ];
        Self::NAMES.into_iter().zip(fields).find(|(known, _)| *known == name).map(|(_, field)| field)
    }

    /// Hands every value of the field to `visit`; none, or an empty one, where it has none.
    pub(super) fn each<'k>(self, known: &'k KnownAlert, visit: &mut dyn FnMut(&'k str)) {
        let alert = known.alert();
        let label = |name: &str| known.labels.get(name);
        let yes = |holds: bool| if holds { "yes" } else { "no" };
        let value = match self {
            Self::Source => return alert.sources.iter().for_each(|source| visit(source)),
            Self::State => alert.state.as_str(),
            Self::Severity => mark(known),
            Self::Name => alert.name(),
            Self::Class => alert.class.as_str(),
            Self::Domain => alert.failure_domain.as_str(),
            Self::Provider => part(known, 0).or(label("cloud_provider")).unwrap_or_default(),
            Self::Account => part(known, 1).or(label("cloud_account_id")).unwrap_or_default(),
            Self::Region => part(known, 2).or(label("cloud_region")).unwrap_or_default(),
            Self::Resource => {
                let native = || part(known, 4).map(last_name);
                label("resource_name").or_else(native).or(label("instance")).unwrap_or_default()
            }
            Self::Service => label("service_name").or(label("service")).unwrap_or_default(),
            Self::Owner => owner(known),
            Self::Held => yes(!known.suppressed.is_empty()),
            Self::Acknowledged => yes(known.acknowledged_by().or_else(|| alert.acknowledged_by()).is_some()),
            Self::Flapping => yes(known.is_flapping),
            Self::Incident => known.incident.as_deref().unwrap_or_default(),
            Self::Verified => yes(alert.verified),
            Self::Label(name) => match label(name) {
                Some(value) => value,
                None => return,
            },
        };
        visit(value);
    }

    /// Its one value; of several the first.
    pub(super) fn first(self, known: &KnownAlert) -> &str {
        let mut first = None;
        self.each(known, &mut |value| first = first.or(Some(value)));
        first.unwrap_or_default()
    }
}

/// A part of the resource's id, `provider:account:region:type:native-id`.
fn part(known: &KnownAlert, place: usize) -> Option<&str> {
    let id = known.alert().resource()?;
    id.splitn(5, ':').nth(place)
}

/// ARM ids and ARNs say their name last.
fn last_name(native: &str) -> &str {
    native.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(native)
}

/// Whether the alert holds a word, in capitals or not; the word is in lower case.
pub(super) fn mentions(known: &KnownAlert, word: &str) -> bool {
    let holds = |text: &str| contains_folded(text, word);
    let alert = known.alert();
    holds(mark(known))
        || holds(alert.class.as_str())
        || known.labels.iter().any(|(_, value)| holds(value))
        || alert.annotations.values().any(|text| holds(text))
        || alert.sources.iter().any(|source| holds(source))
        || (word.len() <= 16 && holds(&format!("{:016x}", known.fingerprint)))
}

fn contains_folded(text: &str, word: &str) -> bool {
    if !word.is_ascii() {
        return text.to_lowercase().contains(word);
    }
    word.is_empty()
        || text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}
