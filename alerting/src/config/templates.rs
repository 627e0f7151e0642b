//! `templates`: patterns of files, whose texts the binary reads.

use isobar_normalizer::ConfigError;
use serde_saphyr::Spanned;

use crate::gotemplate::Templates;

/// Reads the files that match a pattern of `templates`, by name: the name without its folder, and the text. None is no
/// mistake, as in Alertmanager; only the binary touches the disk.
pub type TemplateFiles<'a> = dyn Fn(&str) -> Result<Vec<(String, String)>, String> + 'a;

/// The built-in templates, and those of the files that the patterns match; a pattern that matches nothing is noted.
pub(super) fn read(
    patterns: &[Spanned<String>],
    files: &TemplateFiles<'_>,
    notes: &mut Vec<ConfigError>,
) -> Result<Templates, ConfigError> {
    let mut found = Vec::new();
    for pattern in patterns {
        let matching = files(&pattern.value).map_err(|wrong| ConfigError::at(pattern.referenced, wrong))?;
        if matching.is_empty() {
            let note = format!("{:?} has no effect: it matches no file", pattern.value);
            notes.push(ConfigError::at(pattern.referenced, note));
        }
        found.extend(matching);
    }
    Templates::parse(&found).map_err(|error| match patterns.first() {
        Some(pattern) => ConfigError::at(pattern.referenced, error.to_string()),
        None => ConfigError::whole(error.to_string()),
    })
}
