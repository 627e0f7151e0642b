//! What every configuration reader shares: complaints that name a place, and secrets that are only references.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

/// A complaint about a configuration text: what is wrong, where, and what would be right.
///
/// Line and column count from 1; both are 0 when the complaint is about the text as a whole. The reader who knows the
/// file's name puts it in front.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct ConfigError {
    /// Line of the first character concerned.
    pub line: u32,
    /// Column of the first character concerned.
    pub column: u32,
    /// One line: what is wrong and what would be right.
    pub message: String,
}

impl ConfigError {
    /// A complaint about what stands at `location`.
    pub fn at(location: Location, message: impl Into<String>) -> Self {
        let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Self { line: narrow(location.line()), column: narrow(location.column()), message: message.into() }
    }

    /// A complaint about the text as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { line: 0, column: 0, message: message.into() }
    }
}

impl From<serde_saphyr::Error> for ConfigError {
    fn from(error: serde_saphyr::Error) -> Self {
        let location = error.location();
        let message = error.without_snippet().to_string();
        let first_line = message.lines().next().unwrap_or_default();
        match location {
            Some(location) => Self::at(location, first_line),
            None => Self::whole(first_line),
        }
    }
}

/// Where a secret's text is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretReference {
    /// `${env:NAME}`
    Env(String),
    /// `${file:path}`; a relative path starts at the configuration file's folder. One final newline is cut.
    File(PathBuf),
}

/// Reads what a reference points to. Only the binary implements it: nothing else reads the environment.
pub trait SecretReader {
    /// The secret's text.
    ///
    /// # Errors
    /// One line that says what is missing, without the secret.
    fn read(&self, reference: &SecretReference) -> Result<String, String>;
}

/// A secret as configured: a reference, or literal text where a foreign grammar allows it. Prints as `***`.
#[derive(Clone)]
pub struct Secret {
    kept: Kept,
    location: Location,
}

#[derive(Clone)]
enum Kept {
    Reference(SecretReference),
    Literal(String),
}

/// A secret's text, for the moment it is used. Prints as `***`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Revealed(String);

impl Revealed {
    /// Wraps text that must not be printed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Secret {
    /// The secret's text.
    ///
    /// # Errors
    /// The place of the reference and what is missing.
    pub fn reveal(&self, reader: &dyn SecretReader) -> Result<Revealed, ConfigError> {
        match &self.kept {
            Kept::Literal(text) => Ok(Revealed(text.clone())),
            Kept::Reference(reference) => match reader.read(reference) {
                Ok(text) => Ok(Revealed(text)),
                Err(missing) => Err(ConfigError::at(self.location, missing)),
            },
        }
    }

    /// The same, refusing literal text: our own grammar keeps secrets out of the file.
    ///
    /// # Errors
    /// As [`Secret::reveal`], and literal text.
    pub fn reveal_reference(&self, reader: &dyn SecretReader) -> Result<Revealed, ConfigError> {
        match &self.kept {
            Kept::Literal(_) => Err(ConfigError::at(
                self.location,
                "a secret does not stand in the file: write ${env:NAME} or ${file:path}",
            )),
            Kept::Reference(_) => self.reveal(reader),
        }
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<String>::deserialize(deserializer)?;
        let inner = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let kept = match inner.map(|inner| inner.split_once(':')) {
            None => Kept::Literal(value),
            Some(Some(("env", name))) if !name.is_empty() => {
                Kept::Reference(SecretReference::Env(name.to_owned()))
            }
            Some(Some(("file", path))) if !path.is_empty() => {
                Kept::Reference(SecretReference::File(path.into()))
            }
            Some(_) => {
                return Err(serde::de::Error::custom("a reference is written ${env:NAME} or ${file:path}"));
            }
        };
        Ok(Self { kept, location: referenced })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        match (&self.kept, &other.kept) {
            (Kept::Reference(a), Kept::Reference(b)) => a == b,
            (Kept::Literal(a), Kept::Literal(b)) => a == b,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Door {
        password: Secret,
    }

    struct OneVariable;

    impl SecretReader for OneVariable {
        fn read(&self, reference: &SecretReference) -> Result<String, String> {
            match reference {
                SecretReference::Env(name) if name == "SET" => Ok("hunter2".to_owned()),
                other => Err(format!("{other:?} is not set")),
            }
        }
    }

    #[test]
    fn references_are_revealed_and_never_printed() {
        let door: Door = serde_saphyr::from_str("password: ${env:SET}").unwrap();
        assert_eq!(format!("{door:?}"), "Door { password: *** }");
        let revealed = door.password.reveal_reference(&OneVariable).unwrap();
        assert_eq!(revealed.expose(), "hunter2");
        assert_eq!(format!("{revealed:?}"), "***");
    }

    #[test]
    fn what_is_missing_is_named_with_its_place() {
        let door: Door = serde_saphyr::from_str("\npassword: ${env:UNSET}").unwrap();
        let error = door.password.reveal(&OneVariable).unwrap_err();
        assert_eq!((error.line, error.column), (2, 11));
        assert!(error.message.contains("UNSET"), "{error}");
    }

    #[test]
    fn literal_text_is_for_foreign_grammars_only() {
        let door: Door = serde_saphyr::from_str("password: plain").unwrap();
        assert_eq!(door.password.reveal(&OneVariable).unwrap().expose(), "plain");
        assert!(door.password.reveal_reference(&OneVariable).is_err());
        assert!(serde_saphyr::from_str::<Door>("password: ${vault:x}").is_err());
    }
}
