//! The files a configuration names by pattern.

use std::path::Path;

use isobar_normalizer::ConfigError;
use serde_saphyr::Spanned;

/// A configuration file larger than this is a wrong path.
const FILE_MAX: u64 = 16 << 20;

/// Where patterns start, and the file that holds them.
pub struct Files<'a> {
    pub config: &'a Path,
    pub base_dir: &'a Path,
}

impl Files<'_> {
    /// Hands the text of every file that the patterns match to `read`, in name order, and notes what is wrong: a pattern
    /// that matches nothing is a mistake too, because it would silently do nothing. Returns whether nothing was wrong.
    pub fn each(
        &self,
        patterns: &[Spanned<String>],
        note: &mut dyn FnMut(&Path, ConfigError),
        mut read_text: impl FnMut(&str) -> Result<(), ConfigError>,
    ) -> bool {
        let mut is_right = true;
        let mut note = |file: &Path, error: ConfigError| {
            is_right = false;
            note(file, error);
        };
        for pattern in patterns {
            let full = self.base_dir.join(&pattern.value);
            let found = glob::glob(&full.to_string_lossy());
            let paths: Vec<_> = match found {
                Ok(paths) => paths.filter_map(Result::ok).filter(|path| path.is_file()).collect(),
                Err(error) => {
                    note(
                        self.config,
                        ConfigError::at(pattern.referenced, format!("{:?}: {error}", pattern.value)),
                    );
                    continue;
                }
            };
            if paths.is_empty() {
                let message =
                    format!("{:?} matches no file: paths start at this file's folder", pattern.value);
                note(self.config, ConfigError::at(pattern.referenced, message));
            }
            for path in paths {
                if let Err(error) = read(&path).and_then(|text| read_text(&text)) {
                    note(&path, error);
                }
            }
        }
        is_right
    }
}

/// Name and text of every file of templates that a pattern matches, in name order. That none does is no mistake: Alertmanager
/// takes a folder that is filled later.
pub fn templates(base_dir: &Path, pattern: &str) -> Result<Vec<(String, String)>, String> {
    let full = base_dir.join(pattern);
    let found = glob::glob(&full.to_string_lossy()).map_err(|error| format!("{pattern:?}: {error}"))?;
    let mut templates = Vec::new();
    for path in found.filter_map(Result::ok).filter(|path| path.is_file()) {
        let text = read(&path).map_err(|error| format!("{}: {}", path.display(), error.message))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        templates.push((name, text));
    }
    Ok(templates)
}

/// Reads a whole file as text.
pub fn read(path: &Path) -> Result<String, ConfigError> {
    let size = std::fs::metadata(path).map_err(|error| ConfigError::whole(error.to_string()))?.len();
    if size > FILE_MAX {
        return Err(ConfigError::whole(format!(
            "has {size} bytes: a configuration file has at most {FILE_MAX}"
        )));
    }
    std::fs::read_to_string(path).map_err(|error| ConfigError::whole(error.to_string()))
}
