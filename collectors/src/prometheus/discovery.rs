//! Where targets come from: lists in the settings, and files that something else writes (`file_sd`).

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use globset::{Glob, GlobMatcher};
use isobar_normalizer::ConfigError;
use serde::Deserialize;

use super::target::Discovered;

/// A larger target file is refused, in bytes; it holds some 100,000 targets.
const FILE_MAX: u64 = 16 << 20;

/// Targets that share labels.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawGroup {
    targets: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// A path whose last part may hold `*`.
#[derive(Clone, Debug)]
pub(crate) struct FilePattern {
    folder: PathBuf,
    name: GlobMatcher,
}

/// The targets of a group.
pub(crate) fn discovered(group: RawGroup) -> Result<Vec<Discovered>, String> {
    if let Some(empty) = group.labels.keys().find(|name| name.is_empty()) {
        return Err(format!("{empty:?} is no label name"));
    }
    let with_address = |address: String| {
        let mut labels = group.labels.clone();
        labels.insert("__address__".to_owned(), address);
        labels
    };
    Ok(group.targets.into_iter().map(with_address).collect())
}

impl FilePattern {
    /// Reads a pattern. Relative ones start at `base_dir`.
    pub(crate) fn new(base_dir: &Path, pattern: &str) -> Result<Self, String> {
        let path = base_dir.join(pattern);
        let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str()))
        else {
            return Err(format!("{pattern:?} names no file"));
        };
        if !matches!(path.extension().and_then(|ending| ending.to_str()), Some("json" | "yml" | "yaml")) {
            return Err(format!("{pattern:?} must end in .json, .yml or .yaml"));
        }
        if pattern.rsplit_once('/').is_some_and(|(folder, _)| folder.contains('*')) {
            return Err(format!("{pattern:?}: * may stand in the file name only"));
        }
        let name = Glob::new(name).map_err(|error| format!("{pattern:?}: {error}"))?.compile_matcher();
        // A bare name lies in the working directory, which the empty path does not name.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Ok(Self { folder: folder.to_owned(), name })
    }

    /// Reads every file that matches now; none is no error. A file that is damaged or half written is one: whoever asks
    /// keeps the targets known before.
    pub(crate) fn read(&self) -> Result<Vec<Discovered>, String> {
        let cannot = |path: &Path, error: io::Error| format!("cannot read {}: {error}", path.display());
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(cannot(&self.folder, error)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| cannot(&self.folder, error))?;
            if self.name.is_match(entry.file_name()) {
                files.push(entry.path());
            }
        }
        files.sort();
        let mut targets = Vec::new();
        for path in files {
            let text = read_text(&path).map_err(|error| cannot(&path, error))?;
            let is_json = path.extension().is_some_and(|ending| ending == "json");
            let found = groups(&text, is_json).map_err(|error| format!("{}:{error}", path.display()))?;
            for mut target in found {
                target.insert("__meta_filepath".to_owned(), path.display().to_string());
                targets.push(target);
            }
        }
        Ok(targets)
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(FILE_MAX + 1).read_to_string(&mut text)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > FILE_MAX {
        return Err(io::Error::other(format!("it is larger than {FILE_MAX} bytes")));
    }
    Ok(text)
}

/// Reads a target file. JSON is read as such: its tabs and surrogates are no YAML.
fn groups(text: &str, is_json: bool) -> Result<Vec<Discovered>, ConfigError> {
    let groups: Option<Vec<RawGroup>> =
        if is_json { serde_json::from_str(text).map_err(json_error)? } else { serde_saphyr::from_str(text)? };
    let mut targets = Vec::new();
    for group in groups.unwrap_or_default() {
        targets.extend(discovered(group).map_err(ConfigError::whole)?);
    }
    Ok(targets)
}

fn json_error(error: serde_json::Error) -> ConfigError {
    let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or_default().to_owned();
    ConfigError { line: narrow(error.line()), column: narrow(error.column()), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_and_json_files_are_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let pattern = FilePattern::new(folder.path(), "sd/*.json").unwrap();
        assert_eq!(pattern.read(), Ok(Vec::new()), "a folder that is not there has no targets");
        std::fs::create_dir(folder.path().join("sd")).unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join("sd").join(name), text).unwrap();
        write("b.json", r#"[{"targets": ["b:1"]}]"#);
        write("a.json", r#"[{"targets": ["a:1", "a:2"], "labels": {"zone": "z"}}]"#);
        write("c.yml", "- targets: [c:1]\n");
        let found = pattern.read().unwrap();
        let addresses: Vec<&str> = found.iter().map(|target| target["__address__"].as_str()).collect();
        assert_eq!(addresses, ["a:1", "a:2", "b:1"]);
        assert_eq!((found[0]["zone"].as_str(), found[2].contains_key("zone")), ("z", false));
        assert!(found[0]["__meta_filepath"].ends_with("sd/a.json"));

        write("b.json", r#"[{"targets": ["b:1""#);
        let error = pattern.read().unwrap_err();
        assert!(error.contains("b.json:1:"), "{error}");
    }

    #[test]
    fn json_files_are_json() {
        let tabs =
            "[\n\t{\n\t\t\"targets\": [\"a:1\"],\n\t\t\"labels\": {\"face\": \"\\ud83d\\ude00\"}\n\t}\n]\n";
        let found = groups(tabs, true).unwrap();
        assert_eq!((found[0]["__address__"].as_str(), found[0]["face"].as_str()), ("a:1", "\u{1f600}"));
        assert_eq!(groups("[{\"targets\": 1}]", true).unwrap_err().line, 1);
        let unquoted = groups("- {targets: [a], labels: {rack: 5, spare: true}}\n", false).unwrap();
        assert_eq!((unquoted[0]["rack"].as_str(), unquoted[0]["spare"].as_str()), ("5", "true"));
    }

    #[test]
    fn a_bare_name_lies_in_the_working_directory() {
        let pattern = FilePattern::new(Path::new(""), "targets.json").unwrap();
        assert!(std::fs::read_dir(&pattern.folder).is_ok(), "{pattern:?}");
    }

    #[test]
    fn patterns_that_would_never_match_are_refused() {
        let wrong = |pattern: &str| FilePattern::new(Path::new("/etc"), pattern).unwrap_err();
        assert!(wrong("*/targets.json").contains("file name only"));
        assert!(wrong("targets.txt").contains("must end in"));
        assert!(wrong("a[.json").contains("a[.json"));
    }
}
