//! `isobar kinds`: every source and notifier kind with its commented sample, and the configuration reference made of them.

use std::fmt::Write;

use anyhow::{Result, bail};
use isobar_alerting::NOTIFIER_KINDS;
use isobar_collectors::KINDS;
use isobar_collectors::push::HOOK_KINDS;
use isobar_dashboards::{SECURITY_SAMPLE, SERVER_SAMPLE};

use crate::cli::KindsArguments;
use crate::client::print;
use crate::table;

/// The sections of `isobar.yaml` that are nobody's kind.
const STORE_SAMPLE: &str = include_str!("config/store.sample.yaml");
const JOURNAL_SAMPLE: &str = include_str!("config/journal.sample.yaml");
const HOOKS_SAMPLE: &str = include_str!("config/hooks.sample.yaml");
const FILES_SAMPLE: &str = include_str!("config/files.sample.yaml");

/// One kind: what it is for, its word, the key it is written under, its sample.
struct Kind {
    role: &'static str,
    name: &'static str,
    key: &'static str,
    sample: &'static str,
}

fn all() -> impl Iterator<Item = Kind> {
    let sources = KINDS.iter().map(|kind| Kind {
        role: "source",
        name: kind.name(),
        key: "settings",
        sample: kind.sample(),
    });
    let notifiers = NOTIFIER_KINDS.iter().map(|kind| Kind {
        role: "notifier",
        name: kind.name(),
        key: kind.config_key(),
        sample: kind.sample(),
    });
    let hooks = HOOK_KINDS.iter().map(|kind| Kind {
        role: "hook",
        name: kind.name(),
        key: "settings",
        sample: kind.sample(),
    });
    sources.chain(notifiers).chain(hooks)
}

/// Prints what was asked for.
pub fn run(arguments: &KindsArguments) -> Result<()> {
    let text = match &arguments.name {
        _ if arguments.markdown => reference(),
        None => {
            let rows: Vec<Vec<String>> = all()
                .map(|kind| vec![kind.role.to_owned(), kind.name.to_owned(), kind.key.to_owned()])
                .collect();
            table::render(&["role", "kind", "written under"], &rows)
        }
        Some(name) => {
            let found: Vec<Kind> = all().filter(|kind| kind.name == name).collect();
            if found.is_empty() {
                let known: Vec<&str> = all().map(|kind| kind.name).collect();
                bail!("there is no kind {name:?}: one of {}", known.join(", "));
            }
            samples(&found)
        }
    };
    print(text.as_bytes())
}

/// The samples of one word; what each is for stands above it where the word means several things.
fn samples(kinds: &[Kind]) -> String {
    match kinds {
        [kind] => kind.sample.to_owned(),
        _ => {
            let each = kinds.iter().map(|kind| format!("# {} ({})\n{}", kind.role, kind.key, kind.sample));
            each.collect::<Vec<_>>().join("\n")
        }
    }
}

/// The configuration reference as Markdown.
fn reference() -> String {
    let mut text = "# Configuration\n\n\
        Made by `cargo xtask docs` from the samples the program carries and tests; edit those. One `isobar.yaml` holds these sections; every\n\
        key is optional unless its comment says otherwise, an unknown one is refused with its place, and `isobar check` reads the whole\n\
        without starting anything. Secrets are `${env:NAME}` or `${file:path}`.\n"
        .to_owned();
    let sections = [
        ("server", SERVER_SAMPLE),
        ("security", SECURITY_SAMPLE),
        ("store", STORE_SAMPLE),
        ("journal", JOURNAL_SAMPLE),
        ("policies, mappings, alerting", FILES_SAMPLE),
        ("runbooks", isobar_runbooks::SAMPLE),
        ("hooks", HOOKS_SAMPLE),
    ];
    for (title, sample) in sections {
        section(&mut text, &format!("## {title}"), sample);
    }
    text.push_str("\n## sources\n\n`sources` is a list of `{name, kind, interval, settings}`; `settings` depends on the kind.\n");
    for kind in all() {
        let title = match kind.role {
            "source" => format!("### kind: {}", kind.name),
            "hook" => format!("### hook kind: {}", kind.name),
            _ => format!("### {} of a receiver", kind.key),
        };
        section(&mut text, &title, kind.sample);
    }
    text
}

fn section(text: &mut String, title: &str, sample: &str) {
    let _ = write!(text, "\n{title}\n\n```yaml\n{}\n```\n", sample.trim_end());
}
