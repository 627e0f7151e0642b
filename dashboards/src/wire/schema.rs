//! How the description shows what has no schema of its own: times, and closed lists of words of other crates.

use std::fmt::Display;

use isobar_alerting::{AlertState as State, IncidentState as Standing};
use isobar_normalizer as vocabulary;
use isobar_runbooks as runbooks;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::WireTime;

impl PartialSchema for WireTime {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(format))
            .description(Some("A point in time: RFC 3339, UTC, milliseconds."))
            .examples([serde_json::json!("2026-03-01T12:00:00.000Z")])
            .into()
    }
}

impl ToSchema for WireTime {}

/// Every state of an alert, in the order it goes through them.
const ALERT_STATES: [State; 4] = [State::Pending, State::Firing, State::NoData, State::Resolved];

/// Every state of an incident.
const INCIDENT_STATES: [Standing; 3] = [Standing::Open, Standing::Acknowledged, Standing::Resolved];

/// Describes lists of words; the type's name is the schema's.
macro_rules! enumerations {
    ($($(#[doc = $doc:literal])+ $name:ident = $words:expr;)+) => {$(
        $(#[doc = $doc])+
        pub(super) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                enumeration(concat!($($doc),+).trim_start(), $words)
            }
        }

        impl ToSchema for $name {}
    )+};
}

enumerations! {
    /// Where an alert stands.
    AlertState = ALERT_STATES.map(State::as_str);
    /// Where an incident stands.
    IncidentState = INCIDENT_STATES.map(Standing::as_str);
    /// How bad it is, mildest first.
    Severity = vocabulary::Severity::ALL;
    /// What kind of trouble it is.
    AlertClass = vocabulary::AlertClass::ALL;
    /// How wide the trouble reaches.
    FailureDomain = vocabulary::FailureDomain::ALL;
    /// Where a proposal stands.
    ProposalState = runbooks::ProposalState::ALL.map(runbooks::ProposalState::as_str);
    /// How far Isobar may go.
    LeverPosition = runbooks::Position::ALL;
    /// What a provider says of its own alarm.
    NativeState = vocabulary::NativeState::ALL.map(vocabulary::NativeState::as_str);
    /// Who runs a resource.
    Provider = vocabulary::Provider::ALL;
}

fn enumeration(description: &str, words: impl IntoIterator<Item = impl Display>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words.into_iter().map(|word| word.to_string())))
        .description(Some(description))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_state_is_missing() {
        fn check<T: serde::de::DeserializeOwned + std::fmt::Debug>(words: &[&str]) {
            let known = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            let refusal = serde_json::from_str::<T>("\"none of them\"").unwrap_err().to_string();
            assert!(refusal.contains(&format!("expected one of {known} at")), "{refusal}");
        }
        check::<State>(&ALERT_STATES.map(State::as_str));
        check::<Standing>(&INCIDENT_STATES.map(Standing::as_str));
    }
}
