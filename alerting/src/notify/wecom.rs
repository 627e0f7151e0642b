//! `wecom_configs`: a group robot of WeCom (WeChat Work). Alertmanager's `wechat_configs` is WeCom's application API, which is
//! another.
//!
//! Source: developer.work.weixin.qq.com, "Group robot configuration".

use std::time::Duration;

use serde_json::json;

use super::posted::Body;
use super::robot::{Codes, Post, Protocol};
use super::{NotifierKind, NotifyError};
use crate::delivery::KeyScope;
use crate::outbox::Rate;

/// Largest `markdown.content`, in bytes.
const MARKDOWN_MAX: usize = 4096;
/// Largest `text.content`, in bytes.
const TEXT_MAX: usize = 2048;

/// The channel.
#[derive(Clone, Debug)]
pub(crate) struct WeCom;
pub(super) static KIND: WeCom = WeCom;

impl NotifierKind for WeCom {
    fn name(&self) -> &'static str {
        "wecom"
    }

    fn config_key(&self) -> &'static str {
        "wecom_configs"
    }

    fn sample(&self) -> &'static str {
        include_str!("wecom.sample.yaml")
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

impl Protocol for WeCom {
    /// 93000: no such robot; 93004: switched off.
    const CODES: Codes = Codes {
        fields: &["errcode"],
        limited: &[45_009, 45_033],
        limited_for: Duration::from_secs(60),
        refused: &[93_000, 93_004, 93_008, 40_008, 40_058, 44_004, 45_002],
    };
    /// No content within its limit makes a larger one.
    const BODY_MAX: usize = 64 << 10;
    const WITHOUT_SECRET: Option<&'static str> =
        Some("WeCom signs nothing: the key in webhook_url is the secret; remove secret");

    fn kind() -> &'static dyn NotifierKind {
        &KIND
    }

    /// Markdown; where people are to be called who can be called in plain text only, plain text.
    fn body(post: &Post<'_>) -> Result<Body, NotifyError> {
        let mention = post.mention;
        let mut content = format!("**{}**\n{}", post.said.title, post.said.text);
        if mention.all || !mention.mobiles.is_empty() {
            let everybody = mention.all.then(|| "@all".to_owned());
            let users: Vec<String> = mention.users.iter().cloned().chain(everybody).collect();
            let is_within = content.len() <= TEXT_MAX;
            let text = json!({"content": content, "mentioned_list": users, "mentioned_mobile_list": mention.mobiles});
            return Body::limited(&json!({"msgtype": "text", "text": text}), is_within);
        }
        if !mention.users.is_empty() {
            let named: Vec<String> = mention.users.iter().map(|user| format!("<@{user}>")).collect();
            content.push('\n');
            content.push_str(&named.join(" "));
        }
        let is_within = content.len() <= MARKDOWN_MAX;
        Body::limited(&json!({"msgtype": "markdown", "markdown": {"content": content}}), is_within)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::notify::chat::Said;
    use crate::notify::fixture::{post, wire};
    use crate::notify::robot::Mention;

    fn body(text: &str, mention: &Mention) -> (Value, usize) {
        let said = Said { title: "[FIRING] HighCpu".to_owned(), text: text.to_owned() };
        let body = WeCom::body(&post(&said, mention)).unwrap();
        (serde_json::from_slice(&body.json).unwrap(), body.size)
    }

    #[test]
    fn the_bodies_are_those_of_the_service() {
        let Some(bodies) = wire("bodies.hand-written.json") else { return };
        let nobody = Mention::default();
        let (markdown, _) = body("host-1", &nobody);
        assert_eq!(markdown["msgtype"], bodies["wecom_markdown"]["body"]["msgtype"]);
        assert_eq!(markdown["markdown"]["content"], "**[FIRING] HighCpu**\nhost-1");
        let everybody = Mention { all: true, mobiles: vec!["13800000000".to_owned()], users: Vec::new() };
        let (mut text, _) = body("host-1", &everybody);
        let mut expected = bodies["wecom_text"]["body"].clone();
        for body in [&mut text, &mut expected] {
            body["text"]["content"] = Value::Null;
        }
        assert_eq!(text, expected);
        let one = Mention { users: vec!["ada".to_owned()], ..Mention::default() };
        let (named, _) = body("host-1", &one);
        assert!(named["markdown"]["content"].as_str().unwrap().ends_with("\n<@ada>"));
    }

    #[test]
    fn the_content_has_a_limit_in_bytes() {
        let (_, size) = body(&"云".repeat(1300), &Mention::default());
        assert!(size < usize::MAX);
        let (_, size) = body(&"云".repeat(1400), &Mention::default());
        assert_eq!(size, usize::MAX);
    }
}
