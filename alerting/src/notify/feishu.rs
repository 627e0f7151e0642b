//! `feishu_configs`: a group robot of Feishu, or of Lark under its own address.
//!
//! Source: open.feishu.cn, "Custom bot usage guide".

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use isobar_normalizer::Severity;
use serde_json::json;
use sha2::Sha256;

use super::posted::Body;
use super::robot::{Codes, Post, Protocol};
use super::{NotifierKind, NotifyError};
use crate::delivery::{Direction, KeyScope};
use crate::outbox::Rate;

/// The channel.
#[derive(Clone, Debug)]
pub(crate) struct Feishu;
pub(super) static KIND: Feishu = Feishu;

impl NotifierKind for Feishu {
    fn name(&self) -> &'static str {
        "feishu"
    }

    fn config_key(&self) -> &'static str {
        "feishu_configs"
    }

    fn sample(&self) -> &'static str {
        include_str!("feishu.sample.yaml")
    }

    fn key_scope(&self) -> KeyScope {
        KeyScope::Notification
    }

    /// Of one robot.
    fn rate_limits(&self) -> &'static [Rate] {
        const LIMITS: &[Rate] =
            &[Rate::new(100, Duration::from_secs(60)), Rate::new(5, Duration::from_secs(1))];
        LIMITS
    }
}

impl Protocol for Feishu {
    /// 19021: the signature is wrong or its time an hour off. 19022: the address is not listed. 19024: a key word is missing.
    const CODES: Codes = Codes {
        fields: &["code", "StatusCode"],
        limited: &[11_232, 11_233, 99_991_400],
        limited_for: Duration::from_secs(60),
        refused: &[19_001, 19_002, 19_021, 19_022, 19_024],
    };
    /// The documented 20 KB.
    const BODY_MAX: usize = 20_000;
    const WITHOUT_MOBILES: Option<&'static str> =
        Some("Feishu knows nobody by mobile number: list open ids under users");

    fn kind() -> &'static dyn NotifierKind {
        &KIND
    }

    /// A card: its header has a colour of its own for each severity.
    fn body(post: &Post<'_>) -> Result<Body, NotifyError> {
        let (said, mention) = (post.said, post.mention);
        let everybody = mention.all.then(|| "all".to_owned());
        let named: Vec<String> =
            mention.users.iter().cloned().chain(everybody).map(|id| format!("<at id={id}></at>")).collect();
        let mut text = said.text.clone();
        if !named.is_empty() {
            text.push_str("\n\n");
            text.push_str(&named.join(" "));
        }
        let color = color(post.direction, post.severity);
        let mut body = json!({
            "msg_type": "interactive",
            "card": {
                "config": {"wide_screen_mode": true},
                "header": {"template": color, "title": {"tag": "plain_text", "content": said.title}},
                "elements": [{"tag": "markdown", "content": text}],
            },
        });
        if let Some(secret) = post.secret {
            let timestamp = post.now.millis().div_euclid(1000).to_string();
            body["sign"] = sign(secret, &timestamp).into();
            body["timestamp"] = timestamp.into();
        }
        Body::of(&body)
    }
}

/// The key is the time and the secret, and the text that is signed is empty.
fn sign(secret: &str, timestamp: &str) -> String {
    let key = format!("{timestamp}\n{secret}");
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    STANDARD.encode(mac.finalize().into_bytes())
}

fn color(direction: Direction, severity: Severity) -> &'static str {
    match (direction, severity) {
        (Direction::Resolved, _) => "green",
        (Direction::Acknowledged, _) => "grey",
        (Direction::Firing, Severity::Critical) => "red",
        (Direction::Firing, Severity::Error) => "orange",
        (Direction::Firing, Severity::Warning) => "yellow",
        (Direction::Firing, Severity::Info) => "blue",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::notify::chat::Said;
    use crate::notify::fixture::{post, wire};
    use crate::notify::robot::Mention;

    /// Computed by Python: `hmac.new(b"1700000000\nisobar", b"", hashlib.sha256)`, in base 64; openssl agrees.
    #[test]
    fn the_time_and_the_secret_sign_an_empty_text() {
        assert_eq!(sign("isobar", "1700000000"), "ZmbAZ2Nu5Ep2wLiwE/pr6NhTmGKwtgdU+Jl5CWKA9To=");
    }

    #[test]
    fn the_signature_is_that_of_the_vector() {
        let Some(vectors) = wire("signature_vectors.json") else { return };
        let vector = |key: &str| vectors["feishu"][key].as_str().unwrap();
        assert_eq!(sign(vector("secret"), vector("timestamp_s")), vector("sign_base64"));
    }

    #[test]
    fn the_card_is_that_of_the_service() {
        let Some(bodies) = wire("bodies.hand-written.json") else { return };
        let expected = &bodies["feishu_card"]["body"];
        let said = Said { title: "[FIRING] HighCpu".to_owned(), text: "**host-1** cpu 97%".to_owned() };
        let nobody = Mention::default();
        let signed = Post { secret: Some("s"), ..post(&said, &nobody) };
        let found: Value = serde_json::from_slice(&Feishu::body(&signed).unwrap().json).unwrap();
        assert_eq!(found["timestamp"], expected["timestamp"]);
        assert_eq!(found["msg_type"], expected["msg_type"]);
        assert_eq!(found["card"]["config"], expected["card"]["config"]);
        assert_eq!(found["card"]["header"], expected["card"]["header"]);
        assert_eq!(found["card"]["elements"][0], expected["card"]["elements"][0]);
        let one = Mention { users: vec!["ou_1".to_owned()], ..Mention::default() };
        let called: Value = serde_json::from_slice(&Feishu::body(&post(&said, &one)).unwrap().json).unwrap();
        let text = called["card"]["elements"][0]["content"].as_str().unwrap();
        assert_eq!(text, "**host-1** cpu 97%\n\n<at id=ou_1></at>");
        assert!(called.get("sign").is_none() && called.get("timestamp").is_none());
    }
}
