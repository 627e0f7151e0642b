//! The lever: one switch over everything that acts.

use std::fmt;
use std::str::FromStr;

use isobar_normalizer::{Timestamp, UnknownWord};
use serde::{Deserialize, Serialize};

/// How far Isobar may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Nothing is proposed, approved or sent.
    Off,
    /// Proposals are made; what a person approves is sent.
    #[default]
    Propose,
}

impl Position {
    /// Every position.
    pub const ALL: [Self; 2] = [Self::Off, Self::Propose];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Propose => "propose",
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Position {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let known = Self::ALL.into_iter().find(|position| position.as_str() == word);
        known.ok_or_else(|| UnknownWord::new("lever position", word, Self::ALL.map(Self::as_str)))
    }
}

/// Where the lever stands. Before anybody has moved it, it stands at `propose`: nothing is sent without an approval.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lever {
    /// How far Isobar may go.
    pub position: Position,
    /// Who moved it last; empty before anybody has.
    pub set_by: String,
    /// When that was.
    pub set_at: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

impl Lever {
    /// Why nothing may be done; `None` when it may.
    pub fn holds(&self) -> Option<String> {
        (self.position == Position::Off).then(|| format!("the lever is off: {}", self.reason))
    }
}
