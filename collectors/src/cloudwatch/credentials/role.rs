//! Sessions that STS opens: for a role, with other credentials or with a token of an identity provider.

use std::path::PathBuf;
use std::time::SystemTime;

use aws_credential_types::provider::future;
use aws_sdk_cloudwatch::config::{Credentials, ProvideCredentials};
use aws_sdk_sts::types::Credentials as StsCredentials;

use super::super::call::{ASSUME_ROLE, Caller, Operation};
use super::{Provided, failed};

/// What the session is called where the environment names none: it stands in CloudTrail.
const SESSION: &str = "isobar";
const ASSUME_ROLE_WITH_WEB_IDENTITY: Operation =
    Operation { name: "AssumeRoleWithWebIdentity", permission: "sts:AssumeRoleWithWebIdentity" };

/// A role and the token that opens it; Kubernetes puts both into the environment.
#[derive(Clone, Debug)]
pub(in super::super) struct WebIdentity {
    /// Read again for every session: it is renewed on the disk.
    pub(super) token_file: PathBuf,
    pub(super) role_arn: String,
    pub(super) session: Option<String>,
}

/// A role assumed with the credentials of the client, or with a web identity.
#[derive(Debug)]
pub(in super::super) enum AssumedRole {
    ByRole { sts: aws_sdk_sts::Client, caller: Caller, role_arn: String, external_id: Option<String> },
    ByToken { sts: aws_sdk_sts::Client, caller: Caller, identity: WebIdentity },
}

impl AssumedRole {
    async fn open(&self) -> Provided {
        let (role_arn, opened) = match self {
            Self::ByRole { sts, caller, role_arn, external_id } => {
                let ask = sts
                    .assume_role()
                    .role_arn(role_arn)
                    .role_session_name(SESSION)
                    .set_external_id(external_id.clone());
                let answer = caller.call(&ASSUME_ROLE, 0, || ask.clone().send()).await;
                (role_arn, answer.map(|answer| answer.credentials))
            }
            Self::ByToken { sts, caller, identity } => {
                let WebIdentity { token_file, role_arn, session } = identity;
                let token = tokio::fs::read_to_string(token_file).await;
                let token = token.map_err(|error| failed(format!("{}: {error}", token_file.display())))?;
                let ask = sts
                    .assume_role_with_web_identity()
                    .role_arn(role_arn)
                    .role_session_name(session.as_deref().unwrap_or(SESSION))
                    .web_identity_token(token.trim_end());
                let operation = &ASSUME_ROLE_WITH_WEB_IDENTITY;
                let answer = caller.call(operation, 0, || ask.clone().send()).await;
                (role_arn, answer.map(|answer| answer.credentials))
            }
        };
        let opened = opened.map_err(|failure| failed(format!("{role_arn}: {failure}")))?;
        opened.map(credentials).ok_or_else(|| failed(format!("{role_arn}: STS answered no credentials")))
    }
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.open())
    }
}

fn credentials(session: StsCredentials) -> Credentials {
    let expires = SystemTime::try_from(session.expiration).ok();
    let token = Some(session.session_token);
    Credentials::new(session.access_key_id, session.secret_access_key, token, expires, "assumed role")
}
