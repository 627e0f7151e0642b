//! What the text of the project may hold.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A committed file larger than this needs a reason and a row in [`LARGE`].
const SIZE_MAX: u64 = 256 * 1024;

/// Files that may be larger, with the reason.
const LARGE: [(&str, &str); 0] = [];

/// Every file git tracks, or would.
fn files() -> Vec<PathBuf> {
    let root = crate::root();
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(&root)
        .output();
    let listed = listed.expect("git lists the files");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).expect("file names are UTF-8");
    names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(|name| root.join(name))
        .filter(|path| path.is_file())
        .collect()
}

/// Every place where a file's text matches, as `file:line: text`.
fn places(pattern: &str, applies: impl Fn(&Path) -> bool) -> Vec<String> {
    let pattern = regex::Regex::new(pattern).expect("the patterns here are valid");
    let mut places = Vec::new();
    for path in files().into_iter().filter(|path| applies(path)) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let hits = text.lines().enumerate().filter(|(_, line)| pattern.is_match(line));
        places.extend(hits.map(|(number, line)| format!("{}:{}: {line}", path.display(), number + 1)));
    }
    places
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

#[test]
fn nothing_is_left_to_do() {
    let words = ["todo!", "unimplemented!", "FIXME", "XXX:"];
    let pattern = words.map(regex::escape).join("|");
    let found = places(&pattern, |path| is_rust(path) && !path.ends_with("tidy/text.rs"));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_machine_and_no_registry_is_named() {
    let hosts = ["crates\\.io", "pypi\\.org", "registry\\.npmjs", "deb\\.debian\\.org"];
    let pattern = format!("(^|[\\s\"'`(=])/(work|farm|root|home)/[A-Za-z0-9._-]+|{}", hosts.join("|"));
    let found = places(&pattern, |path| !path.ends_with("Cargo.lock") && !path.ends_with("tidy/text.rs"));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn committed_files_are_small() {
    for path in files() {
        let size = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let excused = LARGE.iter().any(|(name, _)| path.ends_with(name)) || path.ends_with("Cargo.lock");
        assert!(excused || size <= SIZE_MAX, "{} has {size} bytes", path.display());
    }
}

#[test]
fn modules_are_named_after_what_they_hold() {
    let empty_words = ["util.rs", "utils.rs", "common.rs", "helpers.rs", "misc.rs", "manager.rs", "mod.rs"];
    for path in files() {
        assert!(
            !empty_words.iter().any(|word| path.ends_with(word)),
            "{}: name it after what it holds",
            path.display()
        );
    }
}
