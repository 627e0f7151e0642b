//! The sections that are read when the server starts. A reload that differs in them is refused: taking it without effect
//! would be worse.

use isobar_normalizer::ConfigError;
use serde_json::Value;

/// Names of the sections.
const SECTIONS: [&str; 5] = ["server", "security", "store", "journal", "mappings"];

/// What the sections say, and the texts of the mapping files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Started {
    sections: [Value; SECTIONS.len()],
    mappings: Vec<String>,
}

impl Started {
    /// Takes the sections of a document that was found valid.
    pub fn of(document: &str, mappings: Vec<String>) -> Self {
        let whole: Value = serde_saphyr::from_str(document).unwrap_or_default();
        Self { sections: SECTIONS.map(|name| whole.get(name).cloned().unwrap_or_default()), mappings }
    }

    /// Compares with what another reading of the file says.
    ///
    /// # Errors
    /// One for each section that differs.
    pub fn refuse_changes(&self, other: &Self) -> Result<(), Vec<ConfigError>> {
        let same_texts = self.mappings == other.mappings;
        let differs = |index: usize, name: &str| {
            self.sections[index] != other.sections[index] || (name == "mappings" && !same_texts)
        };
        let refused = SECTIONS.iter().enumerate().filter(|(index, name)| differs(*index, name));
        let refused: Vec<ConfigError> = refused
            .map(|(_, name)| {
                ConfigError::whole(format!(
                    "{name} differs from what runs and is read at the start only: restart to change it"
                ))
            })
            .collect();
        if refused.is_empty() { Ok(()) } else { Err(refused) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_that_are_read_at_the_start_are_named_when_they_differ() {
        let started = Started::of("store: {retention: 3d}\nsources: []\n", vec!["a".to_owned()]);
        let moved = Started::of("# moved\nsources: [1]\nstore:\n  retention: 3d\n", vec!["a".to_owned()]);
        assert_eq!(started.refuse_changes(&moved), Ok(()));
        let changed = Started::of("store: {retention: 4d}\n", vec!["b".to_owned()]);
        let refused = started.refuse_changes(&changed).unwrap_err();
        assert_eq!(refused.len(), 2);
        assert!(
            refused[0].message.starts_with("store differs") && refused[1].message.starts_with("mappings")
        );
    }
}
