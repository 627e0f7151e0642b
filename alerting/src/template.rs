//! Annotation templates: what an alert says to people, in a small Jinja without loops that never end.
//!
//! Variables: `policy`, `state`, `severity`, `class`, `value`, `threshold`, `labels.<name>`, and for policies about
//! resources `resource_id` and `resource_name`. Filters: `percent`, `bytes`, `duration`, `round` and Jinja's own.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use isobar_normalizer::{Labels, format_duration};
use minijinja::value::{Object, Value};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, context};

use crate::alert::Alert;
use crate::policy::RESOURCE_ID;

/// Instructions one rendering may take; a summary takes some dozens.
const FUEL: u64 = 20_000;
/// Bytes one annotation may have: pages, mails and chats cut far earlier.
const OUTPUT_MAX: usize = 4096;
/// Bytes one template may have.
const SOURCE_MAX: usize = 16 * 1024;
/// Annotations one policy may have.
const ANNOTATIONS_MAX: usize = 32;

/// What a template may speak about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TemplateScope {
    /// The policy's groups are resources.
    Resource,
    /// They are not: there is no `resource_id` and no `resource_name`.
    Group,
}

/// A policy's annotation templates; each has rendered once with made-up values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Annotations {
    sources: BTreeMap<String, String>,
}

impl Annotations {
    /// Takes a template after trying it.
    ///
    /// # Errors
    /// One line: what in the template cannot work.
    pub(crate) fn add(&mut self, name: &str, source: &str, scope: TemplateScope) -> Result<(), String> {
        if name.is_empty() {
            return Err("an annotation's name is empty".to_owned());
        }
        if self.sources.len() == ANNOTATIONS_MAX {
            return Err(format!("more than {ANNOTATIONS_MAX} annotations"));
        }
        if source.len() > SOURCE_MAX {
            return Err(format!("a template has at most {SOURCE_MAX} bytes"));
        }
        try_out(source, scope)?;
        self.sources.insert(name.to_owned(), source.to_owned());
        Ok(())
    }

    /// Renders all of them for an alert. What cannot be rendered says so in its place: an alert is never lost over
    /// its words.
    pub(crate) fn render(&self, alert: &Alert, threshold: f64) -> BTreeMap<String, String> {
        if self.sources.is_empty() {
            return BTreeMap::new();
        }
        let labels = alert.labels();
        let resource_id = alert.resource();
        let resource_name = labels.get("resource_name").or(resource_id);
        let values = context! {
            policy => alert.name(),
            state => alert.state.as_str(),
            severity => alert.severity.as_str(),
            class => alert.class.as_str(),
            value => alert.value,
            threshold => threshold,
            resource_id => resource_id,
            resource_name => resource_name,
            labels => Value::from_object(LabelValues(labels.clone())),
        };
        let rendered = self.sources.iter().map(|(name, source)| {
            let text =
                render(source, values.clone()).unwrap_or_else(|error| format!("template error: {error}"));
            (name.clone(), text)
        });
        rendered.collect()
    }
}

static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    engine.add_filter("percent", |value: Option<f64>| {
        or_none(value, |ratio| format!("{}%", short(ratio * 100.0)))
    });
    engine.add_filter("bytes", |value: Option<f64>| or_none(value, bytes));
    engine.add_filter("duration", |value: Option<f64>| or_none(value, duration));
    engine.add_filter("round", round);
    let globals: Vec<String> = engine.globals().map(|(name, _)| name.to_owned()).collect();
    for global in globals {
        engine.remove_global(&global);
    }
    engine
});

/// Compiles a template, checks the names of its variables and renders it once.
fn try_out(source: &str, scope: TemplateScope) -> Result<(), String> {
    let template = ENGINE.template_from_str(source).map_err(|error| message(&error))?;
    let mut known = vec!["policy", "state", "severity", "class", "value", "threshold", "labels"];
    if scope == TemplateScope::Resource {
        known.extend([RESOURCE_ID, "resource_name"]);
    }
    let mut used: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    used.sort();
    if let Some(unknown) = used.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("unknown variable {unknown:?} in a template: one of {}", known.join(", ")));
    }
    let sample = context! {
        policy => "Sample",
        state => "firing",
        severity => "critical",
        class => "saturation",
        value => 0.5,
        threshold => 0.4,
        resource_id => "onprem::::sample",
        resource_name => "sample",
        labels => Value::from_object(AnyLabel),
    };
    render(source, sample).map(drop)
}

fn render(source: &str, values: Value) -> Result<String, String> {
    let template = ENGINE.template_from_str(source).map_err(|error| message(&error))?;
    let mut output = Capped::default();
    let rendered = template.render_captured_to(values, &mut output).map(drop);
    match rendered {
        Err(error) if !output.full => Err(message(&error)),
        _ => Ok(output.into_text()),
    }
}

fn message(error: &Error) -> String {
    let kind = error.kind();
    match error.detail() {
        _ if kind == ErrorKind::OutOfFuel => format!("the template takes more than {FUEL} steps"),
        Some(detail) => format!("{kind}: {detail}"),
        None => kind.to_string(),
    }
}

/// Collects output up to [`OUTPUT_MAX`] and then fails, which ends the rendering.
#[derive(Debug, Default)]
struct Capped {
    bytes: Vec<u8>,
    full: bool,
}

impl Capped {
    fn into_text(self) -> String {
        let mut text = String::from_utf8_lossy(&self.bytes).into_owned();
        if self.full {
            // The cut may have split the last character.
            text.truncate(text.trim_end_matches(char::REPLACEMENT_CHARACTER).len());
            text.push('…');
        }
        text
    }
}

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = OUTPUT_MAX - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room {
            self.full = true;
            return Err(io::Error::other("the annotation is full"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `labels.<name>` of a real alert; an absent label is undefined.
#[derive(Debug)]
struct LabelValues(Labels);

impl Object for LabelValues {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_str()?).map(Value::from)
    }
}

impl fmt::Display for LabelValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `labels.<name>` while a template is tried: which labels there will be is not known yet.
#[derive(Debug)]
struct AnyLabel;

impl Object for AnyLabel {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        key.as_str().map(Value::from)
    }
}

/// A no-data alert has no value: its templates still say something.
fn or_none(value: Option<f64>, write: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| "no value".to_owned(), write)
}

fn round(value: Option<f64>, digits: Option<i32>) -> String {
    let digits = usize::try_from(digits.unwrap_or(0)).unwrap_or(0).min(17);
    or_none(value, |value| format!("{value:.digits$}"))
}

fn bytes(value: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut scaled = value;
    let mut unit = 0;
    while scaled.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{} {}", short(scaled), UNITS[unit])
}

fn duration(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let Ok(duration) = Duration::try_from_secs_f64(seconds.abs()) else {
        return format!("{seconds} s");
    };
    // Above a minute nobody reads milliseconds.
    let whole = if duration.as_secs() >= 60 { Duration::from_secs(duration.as_secs()) } else { duration };
    format!("{sign}{}", format_duration(whole))
}

/// At most two decimals, without trailing zeros: `97.25`, `97.3`, `97`.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests;
