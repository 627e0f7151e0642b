//! `runbooks:` of the configuration: what policies may ask to be done.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderName, Method};
use isobar_normalizer::{ConfigError, Entries, Secret, format_duration, parse_duration};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use url::Url;

use crate::proposal::{Shown, Target};
use crate::situation::Situation;

/// The section's complete, commented sample, YAML.
pub const SAMPLE: &str = include_str!("runbooks.sample.yaml");

/// The default of `expires_after`.
const EXPIRES_AFTER: Duration = Duration::from_secs(15 * 60);
/// Less gives nobody the time to read; after more the evidence is history.
const EXPIRES_AFTER_MIN: Duration = Duration::from_secs(10);
const EXPIRES_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);
/// Names stand in metrics, paths and files: short and plain.
const NAME_BYTES_MAX: usize = 64;
/// Headers that are ours or the connection's.
const OWN_HEADERS: [&str; 9] = [
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "content-type",
    "content-length",
    "transfer-encoding",
    "connection",
    "host",
    "te",
];

/// One entry of `runbooks:` as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRunbook {
    name: Spanned<String>,
    webhook: RawWebhook,
    expires_after: Option<Spanned<String>>,
    #[serde(default)]
    description: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWebhook {
    url: Spanned<String>,
    secret: Secret,
    #[serde(default)]
    headers: Entries<Secret>,
}

/// A runbook that was found valid. Secrets are still references.
#[derive(Clone, Debug)]
pub struct Runbook {
    /// Unique.
    pub name: String,
    /// What it does, in the operator's words; may be empty.
    pub description: String,
    /// How long a proposal waits for a decision.
    pub expires_after: Duration,
    pub(crate) url: Url,
    pub(crate) secret: Secret,
    pub(crate) headers: Vec<(HeaderName, Secret, Location)>,
    /// Where its name stands.
    location: Location,
}

impl Runbook {
    /// What it calls.
    pub fn target(&self) -> Target {
        Target { url: self.url.to_string(), method: Method::POST.to_string() }
    }

    /// Where it connects to.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Where its name stands in the configuration.
    pub(crate) fn location(&self) -> Location {
        self.location
    }

    /// What a person sees of it for an alert.
    pub(crate) fn shown(&self, situation: &Situation) -> Shown {
        Shown {
            runbook: self.name.clone(),
            description: self.description.clone(),
            target: self.target(),
            alert: situation.alert.clone(),
            evidence: situation.evidence.clone(),
        }
    }
}

/// The configured runbooks, by name.
#[derive(Clone, Debug, Default)]
pub struct Runbooks(BTreeMap<String, Runbook>);

impl Runbooks {
    /// Adds one.
    ///
    /// # Errors
    /// A name that is taken or cannot be one, an address that cannot be called, a duration out of range; with the place.
    pub fn add(&mut self, raw: RawRunbook) -> Result<(), ConfigError> {
        let runbook = Runbook::try_from(raw)?;
        if let Some(first) = self.0.get(&runbook.name) {
            let message = format!(
                "runbook {:?} is given twice, first at line {}: names are unique",
                runbook.name,
                first.location.line()
            );
            return Err(ConfigError::at(runbook.location, message));
        }
        self.0.insert(runbook.name.clone(), runbook);
        Ok(())
    }

    /// The runbook of this name.
    pub fn get(&self, name: &str) -> Option<&Runbook> {
        self.0.get(name)
    }

    /// Every runbook, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Runbook> {
        self.0.values()
    }

    /// Complains about each runbook that is not among those policies name: it would have no effect.
    pub fn unused<'a>(&self, named: impl IntoIterator<Item = &'a str>) -> Vec<ConfigError> {
        let named: std::collections::BTreeSet<&str> = named.into_iter().collect();
        let unused = self.0.values().filter(|runbook| !named.contains(runbook.name.as_str()));
        unused
            .map(|runbook| {
                let message = format!(
                    "runbook {0:?} has no effect: no policy names it; write respond: {{webhook: {0}, mode: propose}} \
                     in a policy, or remove it",
                    runbook.name
                );
                ConfigError::at(runbook.location, message)
            })
            .collect()
    }
}

impl RawRunbook {
    /// The name as it is written, for who refers to it.
    pub fn name(&self) -> &str {
        &self.name.value
    }
}

impl TryFrom<RawRunbook> for Runbook {
    type Error = ConfigError;

    fn try_from(raw: RawRunbook) -> Result<Self, ConfigError> {
        let RawRunbook { name, webhook, expires_after, description } = raw;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.value.is_empty() || name.value.len() > NAME_BYTES_MAX || !name.value.chars().all(is_plain) {
            let message = format!(
                "{:?} cannot name a runbook: write 1 to {NAME_BYTES_MAX} letters, digits, hyphens, underscores or dots",
                name.value
            );
            return Err(ConfigError::at(name.referenced, message));
        }
        let mut headers = Vec::with_capacity(webhook.headers.0.len());
        for (header, value) in webhook.headers.0 {
            headers.push((header_name(&header)?, value, header.referenced));
        }
        Ok(Self {
            name: name.value,
            description,
            expires_after: expires_after.as_ref().map_or(Ok(EXPIRES_AFTER), read_expires_after)?,
            url: read_url(&webhook.url)?,
            secret: webhook.secret,
            headers,
            location: name.referenced,
        })
    }
}

fn read_expires_after(text: &Spanned<String>) -> Result<Duration, ConfigError> {
    let wrong = |message: String| ConfigError::at(text.referenced, message);
    let duration = parse_duration(&text.value).map_err(|error| wrong(error.to_string()))?;
    if (EXPIRES_AFTER_MIN..=EXPIRES_AFTER_MAX).contains(&duration) {
        return Ok(duration);
    }
    let [least, most] = [EXPIRES_AFTER_MIN, EXPIRES_AFTER_MAX].map(format_duration);
    Err(wrong(format!("{:?} is out of range: write {least} to {most}", text.value)))
}

fn read_url(text: &Spanned<String>) -> Result<Url, ConfigError> {
    let wrong = |message: String| ConfigError::at(text.referenced, message);
    let url = Url::parse(&text.value)
        .map_err(|error| wrong(format!("not a URL: {error}; write https://host/path")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong(format!(
            "a URL of scheme {:?} cannot be called: write http:// or https://",
            url.scheme()
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("credentials do not stand in a URL: use headers".to_owned()));
    }
    if url.fragment().is_some() {
        return Err(wrong("what stands after # is never sent: remove it".to_owned()));
    }
    Ok(url)
}

fn header_name(name: &Spanned<String>) -> Result<HeaderName, ConfigError> {
    let wrong = |message: String| ConfigError::at(name.referenced, message);
    let header: HeaderName =
        name.value.parse().map_err(|_| wrong(format!("{:?} is no name of a header", name.value)))?;
    if OWN_HEADERS.contains(&header.as_str()) {
        return Err(wrong(format!("header {header} is set by Isobar itself: remove it")));
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Runbooks, ConfigError> {
        #[derive(Deserialize)]
        struct File {
            runbooks: Vec<RawRunbook>,
        }
        let file: File = serde_saphyr::from_str(text)?;
        let mut runbooks = Runbooks::default();
        for raw in file.runbooks {
            runbooks.add(raw)?;
        }
        Ok(runbooks)
    }

    const GOOD: &str = "runbooks:\n  - {name: a, webhook: {url: https://x.example/y, secret: '${env:S}'}}\n";

    #[track_caller]
    fn refused(change: (&str, &str), line: u32, word: &str) {
        assert!(GOOD.contains(change.0), "{change:?}");
        let error = read(&GOOD.replace(change.0, change.1)).unwrap_err();
        assert!(error.line == line && error.message.contains(word), "{change:?}: {error}");
    }

    #[test]
    fn the_sample_is_right() {
        let runbooks = read(SAMPLE).unwrap();
        let one = runbooks.get("restart-batch").unwrap();
        assert_eq!((one.expires_after, one.headers.len()), (EXPIRES_AFTER, 1));
        assert!(format!("{one:?}").contains("***"));
        assert!(runbooks.unused(["restart-batch"]).is_empty());
        let unused = runbooks.unused(["other"]);
        assert!(unused[0].line == 4 && unused[0].message.contains("no policy names it"), "{unused:?}");
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        assert_eq!(read(GOOD).unwrap().get("a").unwrap().expires_after, EXPIRES_AFTER);
        refused(("name: a", "name: 'a b'"), 2, "cannot name a runbook");
        refused(("https://x", "ftp://x"), 2, "http");
        refused(("https://x", "https://u:p@x"), 2, "headers");
        refused(("/y,", "/y#z,"), 2, "#");
        refused((", secret: '${env:S}'", ""), 2, "secret");
        refused(("S}'}", "S}', headers: {Host: x}}"), 2, "itself");
        refused(("S}'}", "S}', headers: {'a b': x}}"), 2, "no name of a header");
        refused(("S}'}}", "S}'}, expires_after: 5s}"), 2, "10s to 1d");
        refused(("S}'}}", "S}'}, mode: x}"), 2, "mode");
        let twice = format!("{GOOD}{}", GOOD.split_once('\n').unwrap().1);
        let error = read(&twice).unwrap_err();
        assert!(error.line == 3 && error.message.contains("twice"), "{error}");
    }
}
