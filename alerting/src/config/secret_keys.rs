//! Which keys of the grammar hold secrets, so that a configuration can be shown without them.

/// How the names of keys end whose value is a secret wherever they stand: `telegram_bot_token`, `rocketchat_token_id`,
/// `victorops_api_key`. Whoever knows the address of an incoming webhook can write to it.
const ENDINGS: [&str; 9] = [
    "token",
    "token_id",
    "secret",
    "password",
    "key",
    "credentials",
    "authorization",
    "slack_api_url",
    "webhook_url",
];
/// What ends so and is none: events of PagerDuty are told apart by it.
const PLAIN: [&str; 1] = ["dedup_key"];
/// Addresses that let in whoever knows them, by the list they stand in.
const ADDRESSES: [(&str, &str); 4] = [
    ("cloudevents_configs", "url"),
    ("slack_configs", "api_url"),
    ("standard_webhook_configs", "url"),
    ("webhook_configs", "url"),
];

/// Whether the value of a key is a secret; `section` is `global` or the key of a receiver's list, `slack_configs`. Keys of
/// files, `…_file`, hold paths.
pub fn is_secret_key(section: &str, key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    !PLAIN.contains(&key) && ENDINGS.iter().any(|ending| lower.ends_with(ending))
        || ADDRESSES.contains(&(section, key))
}

#[cfg(test)]
mod tests {
    use serde::de::value::Error;
    use serde::de::{Error as _, Visitor};
    use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

    use super::super::global::RawGlobal;
    use super::super::http::RawHttp;
    use super::super::noted::Lenient;
    use super::*;
    use crate::notify::{
        DingTalk, Feishu, NOTIFIER_KINDS, RawCloudEvents, RawDiscord, RawEmail, RawPagerDuty, RawRobot,
        RawSlack, RawStandardWebhook, RawTeams, RawTelegram, RawWebhook, WeCom,
    };

    /// Takes down what a mapping may hold, and reads nothing.
    struct KeysOf<'a>(&'a mut Vec<&'static str>);

    impl<'de> Deserializer<'de> for KeysOf<'_> {
        type Error = Error;

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            keys: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Error> {
            self.0.extend(keys);
            Err(Error::custom("only the keys were asked for"))
        }

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(Error::custom("not a mapping with known keys"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    fn keys_of<'de, T: Deserialize<'de>>() -> Vec<&'static str> {
        let mut keys = Vec::new();
        let read = T::deserialize(KeysOf(&mut keys));
        assert!(read.is_err() && !keys.is_empty());
        keys
    }

    /// In this grammar what can be read from a file is a secret, a chat's number apart.
    fn check(section: &str, keys: &[&str]) {
        for key in keys {
            let has_file = keys.iter().any(|other| other.strip_suffix("_file") == Some(*key));
            assert_eq!(is_secret_key(section, key), has_file && *key != "chat_id", "{key} of {section}");
        }
    }

    #[test]
    fn every_key_of_global_with_a_secret_is_known() {
        let mut keys = keys_of::<RawGlobal>();
        assert!(keys.contains(&"telegram_bot_token"), "{keys:?}");
        keys.extend(RawGlobal::WITHOUT_EFFECT.iter().map(|(key, _)| key));
        check("global", &keys);
    }

    #[test]
    fn every_key_of_a_channel_with_a_secret_is_known() {
        let lists = [
            ("cloudevents_configs", keys_of::<RawCloudEvents>()),
            ("dingtalk_configs", keys_of::<RawRobot<DingTalk>>()),
            ("discord_configs", keys_of::<RawDiscord>()),
            ("email_configs", keys_of::<RawEmail>()),
            ("feishu_configs", keys_of::<RawRobot<Feishu>>()),
            ("msteamsv2_configs", keys_of::<RawTeams>()),
            ("pagerduty_configs", keys_of::<RawPagerDuty>()),
            ("slack_configs", keys_of::<RawSlack>()),
            ("standard_webhook_configs", keys_of::<RawStandardWebhook>()),
            ("telegram_configs", keys_of::<RawTelegram>()),
            ("webhook_configs", keys_of::<RawWebhook>()),
            ("wecom_configs", keys_of::<RawRobot<WeCom>>()),
        ];
        let known: Vec<&str> = NOTIFIER_KINDS.iter().map(|kind| kind.config_key()).collect();
        assert_eq!(lists.each_ref().map(|(list, _)| *list).as_slice(), known);
        for (list, keys) in &lists {
            check(list, keys);
        }
        let of_http: Vec<&str> =
            keys_of::<RawHttp>().into_iter().filter(|key| *key != "authorization").collect();
        check("webhook_configs", &of_http);
    }

    #[test]
    fn what_is_not_in_the_grammar_is_known_by_its_ending() {
        for (key, expected) in [
            ("credentials", true),
            ("client_secret", true),
            ("Proxy-Authorization", true),
            ("user_key", true),
            ("alert_source_token", true),
            ("dedup_key", false),
            ("key_file", false),
            ("token_url", false),
            ("url", false),
        ] {
            assert_eq!(is_secret_key("email_configs", key), expected, "{key}");
        }
    }
}
