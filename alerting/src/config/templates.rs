//! `templates`: patterns of files, whose texts the binary reads.

use std::collections::BTreeMap;

use isobar_normalizer::ConfigError;
use serde_saphyr::Spanned;

use crate::gotemplate::Templates;

/// Reads the files that match a pattern of `templates`, by name: the name without its folder, and the text. None is no
/// mistake, as in Alertmanager; only the binary touches the disk.
pub type TemplateFiles<'a> = dyn Fn(&str) -> Result<Vec<(String, String)>, String> + 'a;

/// What each pattern of `templates` matched when the configuration was read: names and texts of files.
#[derive(Clone, Debug, Default)]
pub struct KnownFiles(BTreeMap<String, Vec<(String, String)>>);

impl KnownFiles {
    /// The files of a pattern, for another configuration that names the same.
    ///
    /// # Errors
    /// The pattern is another.
    pub(super) fn of(&self, pattern: &str) -> Result<Vec<(String, String)>, String> {
        self.0.get(pattern).cloned().ok_or_else(|| {
            format!("the files of {pattern:?} are not known: only patterns of the configuration in force are")
        })
    }
}

/// The built-in templates, and those of the files that the patterns match; a pattern that matches nothing is noted.
pub(super) fn read(
    patterns: &[Spanned<String>],
    files: &TemplateFiles<'_>,
    notes: &mut Vec<ConfigError>,
) -> Result<(Templates, KnownFiles), ConfigError> {
    let mut found = Vec::new();
    let mut known = KnownFiles::default();
    for pattern in patterns {
        let matching = files(&pattern.value).map_err(|wrong| ConfigError::at(pattern.referenced, wrong))?;
        if matching.is_empty() {
            let note = format!("{:?} has no effect: it matches no file", pattern.value);
            notes.push(ConfigError::at(pattern.referenced, note));
        }
        found.extend(matching.iter().cloned());
        known.0.insert(pattern.value.clone(), matching);
    }
    let templates = Templates::parse(&found).map_err(|error| match patterns.first() {
        Some(pattern) => ConfigError::at(pattern.referenced, error.to_string()),
        None => ConfigError::whole(error.to_string()),
    })?;
    Ok((templates, known))
}
