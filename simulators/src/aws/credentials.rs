//! Who may ask, and for what.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::error::ApiError;
use crate::estate::{AWS_ACCOUNT, Dice, Millis};

/// Sessions kept; expired ones go first.
const SESSIONS_MAX: usize = 1_000;

/// A long-lived key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsKey {
    /// `AKIA…`.
    pub access_key_id: String,
    /// What requests are signed with.
    pub secret_access_key: String,
}

/// The keys of one run. They open nothing but these simulators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsCredentials {
    /// May ask for everything the simulators answer.
    pub reader: AwsKey,
    /// May list metrics and alarms, and nothing else.
    pub limited: AwsKey,
    /// A role that the reader may assume.
    pub role_arn: String,
}

/// Someone whose signature was right.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub(crate) arn: String,
    pub(crate) id: String,
    pub(crate) secret: String,
    limited: bool,
}

/// A session that a role was assumed for.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) key: AwsKey,
    pub(crate) token: String,
    pub(crate) expires: Millis,
    pub(crate) principal: Principal,
}

/// What the limited key may do.
const LIMITED: [&str; 4] = [
    "sts:GetCallerIdentity",
    "cloudwatch:ListMetrics",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:ListTagsForResource",
];

/// The keys and the open sessions.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) credentials: AwsCredentials,
    dice: Dice,
    sessions: Mutex<HashMap<String, Session>>,
}

impl Keys {
    pub(crate) fn new(seed: u64) -> Self {
        let dice = Dice::new(seed);
        let key = |name: &str| AwsKey {
            access_key_id: format!("AKIA{}", dice.hex(16, &format!("{name} id")).to_uppercase()),
            secret_access_key: dice.hex(40, &format!("{name} secret")),
        };
        let credentials = AwsCredentials {
            reader: key("aws reader"),
            limited: key("aws limited"),
            role_arn: format!("arn:aws:iam::{AWS_ACCOUNT}:role/isobar-reader"),
        };
        Self { credentials, dice, sessions: Mutex::default() }
    }

    /// Finds who owns a key, given the session token that came with it.
    pub(crate) fn find(&self, id: &str, token: Option<&str>, now: Millis) -> Result<Principal, ApiError> {
        let user = |name: &str, key: &AwsKey, limited| Principal {
            arn: format!("arn:aws:iam::{AWS_ACCOUNT}:user/{name}"),
            id: format!("AIDA{}", self.dice.hex(16, name).to_uppercase()),
            secret: key.secret_access_key.clone(),
            limited,
        };
        let AwsCredentials { reader, limited, .. } = &self.credentials;
        if id == reader.access_key_id {
            return Ok(user("isobar-reader", reader, false));
        }
        if id == limited.access_key_id {
            return Ok(user("isobar-limited", limited, true));
        }
        let sessions = self.sessions.lock();
        let session = sessions.get(id).filter(|session| token == Some(session.token.as_str()));
        let session = session.ok_or_else(ApiError::unknown_key)?;
        if now >= session.expires {
            return Err(ApiError::expired_token());
        }
        Ok(session.principal.clone())
    }

    /// Opens a session for a role.
    pub(crate) fn assume(&self, name: &str, lasts_s: i64, now: Millis) -> Session {
        let mut sessions = self.sessions.lock();
        let seed = format!("session {name} {now} {}", sessions.len());
        let key = AwsKey {
            access_key_id: format!("ASIA{}", self.dice.hex(16, &seed).to_uppercase()),
            secret_access_key: self.dice.hex(40, &format!("{seed} secret")),
        };
        let principal = Principal {
            arn: format!("arn:aws:sts::{AWS_ACCOUNT}:assumed-role/isobar-reader/{name}"),
            id: format!("AROA{}:{name}", self.dice.hex(16, "role").to_uppercase()),
            secret: key.secret_access_key.clone(),
            limited: false,
        };
        let token = self.dice.hex(64, &format!("{seed} token"));
        let session = Session { key, token, expires: now + lasts_s * 1_000, principal };
        sessions.retain(|_, session| session.expires > now);
        if sessions.len() >= SESSIONS_MAX {
            sessions.clear();
        }
        sessions.insert(session.key.access_key_id.clone(), session.clone());
        session
    }
}

impl Principal {
    /// Checks that it may perform an action, for example `cloudwatch:GetMetricData`.
    pub(crate) fn may(&self, action: &str) -> Result<(), ApiError> {
        if self.limited && !LIMITED.contains(&action) {
            return Err(ApiError::denied(&self.arn, action));
        }
        Ok(())
    }
}
