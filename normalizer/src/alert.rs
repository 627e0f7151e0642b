//! The words alerts are described with: severity, class, failure domain.

use std::fmt;
use std::str::FromStr;

/// A word that is not one of a closed list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {word:?}: one of {known}")]
pub struct UnknownWord {
    /// What kind of word was expected.
    pub what: &'static str,
    /// The word found.
    pub word: String,
    /// The words that would be right, comma-separated.
    pub known: String,
}

impl UnknownWord {
    /// Names the kind, the word found and the words that would be right.
    pub fn new<'a>(what: &'static str, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        Self { what, word: word.to_owned(), known }
    }
}

/// Declares a closed list of words with `ALL`, `as_str`, `Display`, `FromStr` and serde as the word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal, { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every word of the list, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word as configuration, labels and the API write it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                let known = Self::ALL.iter().copied().find(|known| known.as_str() == word);
                known.ok_or_else(|| UnknownWord::new($what, word, Self::ALL.iter().map(|known| known.as_str())))
            }
        }
    };
}

words! {
    /// How bad it is, mildest first, so that the greater one is the worse one.
    Severity, "severity", {
        /// Worth knowing; nobody is woken.
        Info = "info",
        /// Will become a problem if nobody acts.
        Warning = "warning",
        /// Something does not work; the UI calls it High.
        Error = "error",
        /// Users are hurt now.
        Critical = "critical",
    }
}

words! {
    /// What kind of trouble it is.
    AlertClass, "alert class", {
        /// Something is not there.
        Availability = "availability",
        /// Something is slow.
        Latency = "latency",
        /// Something answers wrongly.
        Errors = "errors",
        /// Something is full or busy now.
        Saturation = "saturation",
        /// Something will be full.
        Capacity = "capacity",
        /// A copy of data is missing or late.
        DataProtection = "data-protection",
        /// Someone does what they may not.
        Security = "security",
        /// Money is spent in an unexpected way.
        Cost = "cost",
        /// Something was changed.
        Change = "change",
        /// Isobar's own health.
        Own = "self",
    }
}

words! {
    /// How wide the trouble reaches.
    FailureDomain, "failure domain", {
        /// One resource.
        Resource = "resource",
        /// One availability zone.
        Zone = "zone",
        /// One region.
        Region = "region",
        /// A whole provider.
        Provider = "provider",
        /// The way from us to the provider.
        Edge = "edge",
    }
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_ordered_and_read_back() {
        assert!(Severity::Critical > Severity::Error && Severity::Error > Severity::Warning);
        for severity in Severity::ALL {
            assert_eq!(severity.as_str().parse(), Ok(*severity));
        }
        let error = "fatal".parse::<Severity>().unwrap_err().to_string();
        assert_eq!(error, r#"unknown severity "fatal": one of info, warning, error, critical"#);
    }
}
