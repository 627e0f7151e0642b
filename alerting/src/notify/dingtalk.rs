//! `dingtalk_configs`: a DingTalk group robot.
//!
//! Source: open.dingtalk.com, "Custom robot access" and "Robot error codes".

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use isobar_normalizer::Timestamp;
use serde_json::json;
use sha2::Sha256;
use url::Url;

use super::posted::Body;
use super::robot::{Codes, Mention, Post, Protocol};
use super::{NotifierKind, NotifyError};
use crate::delivery::KeyScope;
use crate::outbox::Rate;

/// The channel.
#[derive(Clone, Debug)]
pub(crate) struct DingTalk;
pub(super) static KIND: DingTalk = DingTalk;

impl NotifierKind for DingTalk {
    fn name(&self) -> &'static str {
        "dingtalk"
    }

    fn config_key(&self) -> &'static str {
        "dingtalk_configs"
    }

    fn sample(&self) -> &'static str {
        include_str!("dingtalk.sample.yaml")
    }

    fn key_scope(&self) -> KeyScope {
        KeyScope::Notification
    }

    /// Of one robot.
    fn rate_limits(&self) -> &'static [Rate] {
        const LIMITS: &[Rate] = &[Rate::new(20, Duration::from_secs(60))];
        LIMITS
    }
}

impl Protocol for DingTalk {
    /// 310000: key word, signature or address do not fit. After too many messages a robot is silent for ten minutes.
    const CODES: Codes = Codes {
        fields: &["errcode"],
        limited: &[130_101, 410_100, 90_030],
        limited_for: Duration::from_secs(600),
        refused: &[
            310_000, 300_001, 300_005, 400_013, 400_101, 400_102, 400_105, 400_106, 40_035, 43_004, 430_101,
            430_102, 430_103, 430_104,
        ],
    };
    const BODY_MAX: usize = 20_000;

    fn kind() -> &'static dyn NotifierKind {
        &KIND
    }

    /// The title stands in the text too: it is what the list of chats shows, the text is what the chat shows. Whoever is
    /// called must stand in the text.
    fn body(post: &Post<'_>) -> Result<Body, NotifyError> {
        let (said, mention) = (post.said, post.mention);
        let mut text = format!("### {}\n\n{}", said.title, said.text);
        let named: Vec<String> =
            mention.mobiles.iter().chain(&mention.users).map(|name| format!("@{name}")).collect();
        if !named.is_empty() {
            text.push_str("\n\n");
            text.push_str(&named.join(" "));
        }
        let mut body = json!({"msgtype": "markdown", "markdown": {"title": said.title, "text": text}});
        if *mention != Mention::default() {
            body["at"] =
                json!({"atMobiles": mention.mobiles, "atUserIds": mention.users, "isAtAll": mention.all});
        }
        Body::of(&body)
    }

    /// With the time and its signature, which is good for an hour.
    fn url(url: &Url, secret: Option<&str>, now: Timestamp) -> Url {
        let mut signed = url.clone();
        if let Some(secret) = secret {
            let timestamp = now.millis().to_string();
            let sign = sign(secret, &timestamp);
            signed.query_pairs_mut().append_pair("timestamp", &timestamp).append_pair("sign", &sign);
        }
        signed
    }
}

/// The key is the secret, and what is signed is the time and the secret again.
fn sign(secret: &str, timestamp: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{timestamp}\n{secret}").as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::notify::chat::Said;
    use crate::notify::fixture::{post, wire};

    /// Computed by `printf '%s\nSECisobar' 1700000000123 | openssl dgst -sha256 -hmac SECisobar -binary | base64`.
    #[test]
    fn an_address_is_signed_by_time_and_secret() {
        let url = Url::parse("https://oapi.dingtalk.com/robot/send?access_token=t").unwrap();
        let now = Timestamp::from_millis(1_700_000_000_123);
        assert_eq!(sign("SECisobar", "1700000000123"), "1Qsix64Gcwi2MwGKkzxgbF54IBO62a2rDSRctQXVKNw=");
        let query =
            "access_token=t&timestamp=1700000000123&sign=1Qsix64Gcwi2MwGKkzxgbF54IBO62a2rDSRctQXVKNw%3D";
        assert_eq!(DingTalk::url(&url, Some("SECisobar"), now).query(), Some(query));
        assert_eq!(DingTalk::url(&url, None, now), url);
    }

    #[test]
    fn the_signature_is_that_of_the_vector() {
        let Some(vectors) = wire("signature_vectors.json") else { return };
        let vector = |key: &str| vectors["dingtalk"][key].as_str().unwrap();
        assert_eq!(sign(vector("secret"), vector("timestamp_ms")), vector("sign_base64"));
    }

    #[test]
    fn the_body_is_that_of_the_service() {
        let Some(bodies) = wire("bodies.hand-written.json") else { return };
        let expected = &bodies["dingtalk_markdown"]["body"];
        let said = Said { title: "[FIRING:2] HighCpu".to_owned(), text: "- host-1\n- host-2".to_owned() };
        let mention = Mention { mobiles: vec!["13800000000".to_owned()], ..Mention::default() };
        let mut found: Value =
            serde_json::from_slice(&DingTalk::body(&post(&said, &mention)).unwrap().json).unwrap();
        assert_eq!(found["markdown"]["title"], expected["markdown"]["title"]);
        assert_eq!(found["markdown"]["text"], "### [FIRING:2] HighCpu\n\n- host-1\n- host-2\n\n@13800000000");
        assert_eq!(found["at"].as_object_mut().unwrap().remove("atUserIds"), Some(json!([])));
        assert_eq!(found["at"], expected["at"]);
        assert_eq!(found["msgtype"], expected["msgtype"]);
        let nobody = Mention::default();
        let quiet: Value =
            serde_json::from_slice(&DingTalk::body(&post(&said, &nobody)).unwrap().json).unwrap();
        assert!(quiet.get("at").is_none());
    }
}
