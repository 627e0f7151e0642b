//! The kind `json`: any system that posts JSON, by a table that says which field is what.

use isobar_normalizer::{ConfigError, Step, read_part};
use serde_json::Value;

use super::hook::{json, posted_only};
use super::mapping::Mapping;
use super::{Hook, HookAnswer, HookError, HookKind, HookRequest, Pushed};

/// `kind: json`
pub(super) static KIND: Json = Json;

#[derive(Debug)]
pub(super) struct Json;

impl HookKind for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn sample(&self) -> &'static str {
        include_str!("json.sample.yaml")
    }

    fn build(&self, document: &str, at: &[Step]) -> Result<Box<dyn Hook>, ConfigError> {
        Ok(Box::new(JsonHook(read_part::<Mapping>(document, at)?.unwrap_or_default().check()?)))
    }
}

#[derive(Debug)]
struct JsonHook(Mapping);

impl Hook for JsonHook {
    fn read(&self, request: HookRequest<'_>) -> Result<HookAnswer, HookError> {
        posted_only(&request)?;
        let body: Value = json(request.body, "JSON")?;
        let mut pushed = Pushed::default();
        self.0.add_all(&body, &request, &mut pushed);
        Ok(HookAnswer::Alerts(pushed))
    }
}
