use std::path::Path;
use std::time::Duration;

use isobar_egress::{Egress, EgressOptions};
use isobar_normalizer::{SecretReader, SecretReference, Step};

use super::*;
use crate::{Clouds, SourceContext, SourceSettings};

const AT: [Step; 3] = [Step::Key("sources"), Step::Item(0), Step::Key("settings")];

struct AnySecret;

impl SecretReader for AnySecret {
    fn read(&self, _: &SecretReference) -> Result<String, String> {
        Ok("secret".to_owned())
    }
}

fn document(settings: &str) -> String {
    let indented: String = settings.lines().map(|line| format!("      {line}\n")).collect();
    format!("sources:\n  - name: x\n    settings:\n{indented}")
}

fn build(settings: &dyn SourceSettings) {
    let egress = Egress::new(EgressOptions::default()).unwrap();
    let context = SourceContext {
        name: "x",
        interval: Duration::from_secs(15),
        egress: &egress,
        secrets: &AnySecret,
        base_dir: Path::new("/nonexistent"),
        clouds: &Clouds::default(),
    };
    settings.build(context).unwrap();
}

#[test]
fn every_sample_builds() {
    for kind in KINDS {
        let settings = kind
            .read(&document(kind.sample()), &AT)
            .unwrap_or_else(|error| panic!("{}: {error}", kind.name()));
        build(&*settings);
    }
}

#[test]
fn every_unknown_key_is_refused_with_its_place() {
    for kind in KINDS {
        let sample = document(kind.sample());
        let line = sample.lines().count() + 1;
        let error = kind.read(&format!("{sample}      no_such_key: 1\n"), &AT).unwrap_err();
        assert_eq!((error.line, error.column), (u32::try_from(line).unwrap(), 7), "{}: {error}", kind.name());
        assert!(error.message.contains("no_such_key"), "{}: {error}", kind.name());
    }
}

#[test]
fn a_missing_table_says_what_is_needed() {
    for kind in KINDS {
        let error = kind.read("sources: [{name: x}]", &AT).unwrap_err();
        assert!(error.message.contains("settings"), "{}: {error}", kind.name());
    }
}

#[test]
fn names_are_unique_and_sorted() {
    assert!(KINDS.is_sorted_by(|a, b| a.name() < b.name()));
}
