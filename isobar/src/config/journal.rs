//! `journal:`: where checkpoints of the journal are kept.

use std::path::{Path, PathBuf};

use isobar_journal::Cadence;
use isobar_normalizer::{ConfigError, Secret};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use url::Url;

/// The default of `every`.
const EVERY: Cadence = Cadence::Time(std::time::Duration::from_secs(3600));
/// More places than this are a mistake: each is a task of its own.
const PLACES_MAX: usize = 16;

/// `journal:` as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawJournal {
    checkpoints: Option<RawCheckpoints>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCheckpoints {
    every: Option<Spanned<String>>,
    to: Vec<Spanned<RawPlace>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlace {
    file: Option<PathBuf>,
    webhook: Option<String>,
    secret: Option<Secret>,
}

/// When checkpoints are kept, and where.
#[derive(Clone, Debug)]
pub struct CheckpointConfig {
    /// How often.
    pub every: Cadence,
    /// Where; at least one place.
    pub places: Vec<PlaceConfig>,
}

/// One place.
#[derive(Clone, Debug)]
pub struct PlaceConfig {
    /// What it is.
    pub target: PlaceTarget,
    /// Where it stands in the configuration.
    pub location: Location,
}

/// What a place is.
#[derive(Clone, Debug)]
pub enum PlaceTarget {
    /// A file that is appended to.
    File(PathBuf),
    /// A webhook; signed where there is a secret.
    Webhook(Url, Option<Secret>),
}

impl RawJournal {
    /// Checks the section; relative paths start at `base_dir`.
    ///
    /// # Errors
    /// A pause that is none, a place that is neither a file nor a webhook or both; with the place.
    pub fn check(self, base_dir: &Path) -> Result<Option<CheckpointConfig>, ConfigError> {
        let Some(RawCheckpoints { every, to }) = self.checkpoints else { return Ok(None) };
        let every = match every {
            None => EVERY,
            Some(text) => text.value.parse().map_err(|wrong| ConfigError::at(text.referenced, wrong))?,
        };
        if to.is_empty() || to.len() > PLACES_MAX {
            let message = format!(
                "journal.checkpoints.to has {} places: write 1 to {PLACES_MAX}, each {{file: PATH}} or {{webhook: URL}}",
                to.len()
            );
            return Err(ConfigError::whole(message));
        }
        let places = to.into_iter().map(|place| place.value.check(place.referenced, base_dir));
        Ok(Some(CheckpointConfig { every, places: places.collect::<Result<_, _>>()? }))
    }
}

impl RawPlace {
    fn check(self, location: Location, base_dir: &Path) -> Result<PlaceConfig, ConfigError> {
        let wrong = |message: String| Err(ConfigError::at(location, message));
        let target = match (self.file, self.webhook) {
            (Some(_), None) if self.secret.is_some() => {
                return wrong("a file takes no secret: it is a webhook's".to_owned());
            }
            (Some(path), None) => PlaceTarget::File(base_dir.join(path)),
            (None, Some(text)) => match Url::parse(&text) {
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                    PlaceTarget::Webhook(url, self.secret)
                }
                _ => return wrong("the webhook is no address: write https://host/path".to_owned()),
            },
            _ => return wrong("a place for checkpoints is either {file: PATH} or {webhook: URL}".to_owned()),
        };
        Ok(PlaceConfig { target, location })
    }
}
