//! Keys in a shared credentials file.

use std::path::{Path, PathBuf};

use aws_sdk_cloudwatch::config::Credentials;

/// A profile of a file. The file is read again whenever credentials are wanted, because whoever writes it may rotate them.
#[derive(Clone, Debug)]
pub(in super::super) struct Profile {
    pub(super) file: PathBuf,
    pub(super) name: String,
}

/// A larger file is a wrong path.
const FILE_MAX: u64 = 1 << 20;

impl Profile {
    pub(super) async fn read(&self) -> Result<Credentials, String> {
        let wrong = |what: String| format!("the credentials file {}: {what}", self.file.display());
        let size = tokio::fs::metadata(&self.file).await.map_err(|error| wrong(error.to_string()))?.len();
        if size > FILE_MAX {
            return Err(wrong(format!("is over {FILE_MAX} bytes")));
        }
        let text = tokio::fs::read_to_string(&self.file).await.map_err(|error| wrong(error.to_string()))?;
        keys(&text, &self.name, &self.file)
    }
}

/// The keys of a profile. Grammar: AWS SDKs and Tools Reference Guide, "Shared config and credentials files": sections in
/// brackets, `config` writes `[profile name]`; `key = value`; lines that begin with `#` or `;` say nothing.
fn keys(text: &str, profile: &str, file: &Path) -> Result<Credentials, String> {
    let wrong = |what: &str| Err(format!("profile {profile} in {}: {what}", file.display()));
    let (mut id, mut secret, mut token) = (None, None, None);
    let (mut is_here, mut was_here) = (false, false);
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(section) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let section = section.trim();
            is_here = section.strip_prefix("profile ").map_or(section, str::trim) == profile;
            was_here |= is_here;
            continue;
        }
        // A line that begins with a space belongs to a nested value.
        if !is_here || trimmed.starts_with(['#', ';']) || line.starts_with([' ', '\t']) {
            continue;
        }
        let Some((key, value)) = trimmed.split_once('=') else { continue };
        let value = value.trim().to_owned();
        match key.trim() {
            "aws_access_key_id" => id = Some(value),
            "aws_secret_access_key" => secret = Some(value),
            "aws_session_token" => token = Some(value),
            "role_arn" => return wrong("roles are written under accounts, with this source's credentials"),
            "credential_process" | "sso_session" | "sso_start_url" | "login_session" => {
                return wrong("only keys are read from it, neither sign-in nor programs");
            }
            _ => {}
        }
    }
    match (id, secret) {
        _ if !was_here => wrong("there is no such profile"),
        (Some(id), Some(secret)) => Ok(Credentials::new(id, secret, token, None, "profile")),
        _ => wrong("it lacks aws_access_key_id or aws_secret_access_key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# mine\n[default]\naws_access_key_id=AKIA1\naws_secret_access_key = a=b\n\n[profile prod]\n\
                        aws_access_key_id = AKIA2\naws_secret_access_key = s\naws_session_token = t\ns3 =\n  \
                        aws_access_key_id = nested\n[role]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = prod\n\
                        [half]\naws_access_key_id = AKIA3\n";

    #[track_caller]
    fn check(profile: &str, expected: Result<(&str, &str, Option<&str>), &str>) {
        let found = keys(FILE, profile, Path::new("credentials"));
        let found = found
            .as_ref()
            .map(|keys| (keys.access_key_id(), keys.secret_access_key(), keys.session_token()))
            .map_err(String::as_str);
        assert_eq!(found, expected);
    }

    #[test]
    fn profiles_are_read_and_what_they_lack_is_named() {
        check("default", Ok(("AKIA1", "a=b", None)));
        check("prod", Ok(("AKIA2", "s", Some("t"))));
        check("none", Err("profile none in credentials: there is no such profile"));
        check(
            "half",
            Err("profile half in credentials: it lacks aws_access_key_id or aws_secret_access_key"),
        );
        check(
            "role",
            Err(
                "profile role in credentials: roles are written under accounts, with this source's credentials",
            ),
        );
    }
}
