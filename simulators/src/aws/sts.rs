//! The Security Token Service, in the query protocol: who am I, and sessions for a role.
//!
//! Source: docs.aws.amazon.com/STS/latest/APIReference/.

use bytes::Bytes;
use http::Response;

use super::alarms::iso_time;
use super::credentials::{Keys, Principal};
use super::error::ApiError;
use super::protocol::{Protocol, escape};
use crate::estate::{AWS_ACCOUNT, Millis};

/// The service's name in a signature.
pub(super) const SIGNED_AS: &str = "sts";
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// How long a session lasts when nothing is said, and the bounds, in seconds.
const DURATION_S: i64 = 3_600;
const DURATIONS_S: std::ops::RangeInclusive<i64> = 900..=43_200;

/// Answers one operation.
pub(super) fn answer(
    operation: &str,
    form: &[(String, String)],
    principal: &Principal,
    keys: &Keys,
    now: Millis,
) -> Result<Response<Bytes>, ApiError> {
    let given = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let result = match operation {
        "GetCallerIdentity" => format!(
            "<Arn>{}</Arn><UserId>{}</UserId><Account>{AWS_ACCOUNT}</Account>",
            escape(&principal.arn),
            escape(&principal.id)
        ),
        "AssumeRole" => {
            let role = given("RoleArn").ok_or_else(|| ApiError::missing("RoleArn is required"))?;
            let name =
                given("RoleSessionName").ok_or_else(|| ApiError::missing("RoleSessionName is required"))?;
            if role != keys.credentials.role_arn {
                return Err(ApiError::denied(&principal.arn, "sts:AssumeRole"));
            }
            let duration = given("DurationSeconds").map_or(Ok(DURATION_S), str::parse);
            let duration = duration.ok().filter(|duration| DURATIONS_S.contains(duration));
            let duration = duration
                .ok_or_else(|| ApiError::validation("DurationSeconds must be between 900 and 43200"))?;
            let session = keys.assume(name, duration, now);
            format!(
                "<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>",
                escape(&session.principal.id),
                escape(&session.principal.arn),
                session.key.access_key_id,
                session.key.secret_access_key,
                session.token,
                iso_time(session.expires)
            )
        }
        other => return Err(ApiError::unknown_operation(other)),
    };
    Ok(Protocol::xml(format!(
        "<{operation}Response xmlns=\"{NAMESPACE}\"><{operation}Result>{result}</{operation}Result><ResponseMetadata><RequestId>00000000-0000-4000-a000-000000000000</RequestId></ResponseMetadata></{operation}Response>"
    )))
}
