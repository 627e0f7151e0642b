//! Which crate may depend on which: data flows one way and siblings do not know each other.

use std::collections::BTreeMap;

/// Each crate, the workspace crates it may import, and the outside crates that are its alone.
const TABLE: [(&str, &[&str], &[&str]); 10] = [
    ("normalizer", &[], &[]),
    ("egress", &[], &["reqwest", "hickory-resolver"]),
    ("journal", &["normalizer"], &["rusqlite"]),
    ("collectors", &["normalizer", "egress"], &[]),
    ("store", &["normalizer"], &["datafusion", "parquet", "object_store"]),
    ("promql", &["normalizer"], &["promql-parser"]),
    ("alerting", &["normalizer", "egress", "journal"], &["lettre"]),
    ("runbooks", &["normalizer", "egress", "journal"], &[]),
    ("dashboards", &["normalizer", "journal", "promql", "alerting", "runbooks"], &[]),
    ("simulators", &[], &[]),
];

/// These wire or test everything and may import any crate of the workspace.
const EVERYTHING: [&str; 4] = ["isobar", "tests", "benches", "xtask"];

/// The `[dependencies]` of a crate, or all its tables when `dev` counts too.
fn dependencies(folder: &str, dev: bool) -> Vec<String> {
    let manifest = crate::read(&format!("{folder}/Cargo.toml"));
    let mut table = "";
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            table = line;
        } else if table == "[dependencies]" || dev && table == "[dev-dependencies]" {
            names.extend(
                line.split(['.', ' ', '='])
                    .next()
                    .filter(|name| !name.is_empty() && !name.starts_with('#'))
                    .map(str::to_owned),
            );
        }
    }
    names
}

fn members() -> Vec<String> {
    let manifest = crate::read("Cargo.toml");
    let (_, rest) = manifest.split_once("members = [").expect("the workspace lists its members");
    let (list, _) = rest.split_once(']').expect("the list ends");
    list.split(',')
        .map(|item| item.trim().trim_matches('"').to_owned())
        .filter(|item| !item.is_empty())
        .collect()
}

#[test]
fn every_member_is_in_the_table() {
    for member in members() {
        let known = EVERYTHING.contains(&member.as_str()) || TABLE.iter().any(|(name, ..)| *name == member);
        assert!(known, "{member} has no row: say what it may import");
    }
}

#[test]
fn crates_import_only_what_they_may() {
    for (name, may, _) in TABLE {
        for import in dependencies(name, false).iter().filter_map(|import| import.strip_prefix("isobar-")) {
            assert!(
                may.contains(&import),
                "{name} imports {import}: declare the trait it wants and let the binary implement it"
            );
        }
    }
}

#[test]
fn some_libraries_have_one_home() {
    let homes: BTreeMap<&str, &str> =
        TABLE.iter().flat_map(|(name, _, alone)| alone.iter().map(|library| (*library, *name))).collect();
    for member in members().iter().filter(|member| !["tests", "benches", "xtask"].contains(&member.as_str()))
    {
        for import in dependencies(member, false) {
            if let Some(home) = homes.get(import.as_str()) {
                assert_eq!(member, home, "{import} is for {home} alone");
            }
        }
    }
}

#[test]
fn axum_and_anyhow_stay_at_the_edges() {
    for (name, ..) in TABLE {
        let imports = dependencies(name, false);
        assert!(
            ["dashboards", "simulators"].contains(&name) || !imports.contains(&"axum".to_owned()),
            "{name} imports axum"
        );
        assert!(!imports.contains(&"anyhow".to_owned()), "{name} imports anyhow: name its errors");
    }
}

#[test]
fn every_crate_inherits_lints_and_version() {
    for member in members() {
        let manifest = crate::read(&format!("{member}/Cargo.toml"));
        for line in ["[lints]\nworkspace = true", "version.workspace = true", "license.workspace = true"] {
            assert!(manifest.contains(line), "{member}/Cargo.toml lacks {line:?}");
        }
    }
}
