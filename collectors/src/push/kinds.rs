//! The table of kinds of hooks.

use super::{HookKind, alertmanager, azure, cloudevents, grafana, json, zabbix};

/// Every kind of hook there is. Documentation, `isobar kinds` and the tests of samples walk it.
pub static HOOK_KINDS: &[&dyn HookKind] =
    &[&alertmanager::KIND, &azure::KIND, &cloudevents::KIND, &grafana::KIND, &json::KIND, &zabbix::KIND];

#[cfg(test)]
mod tests;
