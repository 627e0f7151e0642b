//! `email_configs`: one mail per notification, through a configured relay.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use isobar_egress::Trust;
use isobar_normalizer::{ConfigError, Secret};
use lettre::message::Mailbox;
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use url::Url;

use self::message::{Addresses, Form, Head, Texts};
use self::smtp::{Relay, RelaySettings};
use super::fit::fit;
use super::{
    IntegrationSettings, Message, Notifier, NotifierKind, NotifyError, RawIntegration, Tools, place,
};
use crate::config::http::{RawTls, TlsConfig};
use crate::config::keys::{Checked, Grammar};
use crate::config::{Global, SecretSource};
use crate::delivery::{KeyScope, Receipt};
use crate::gotemplate::{TemplateText, Templates};

mod message;
mod smtp;

/// The channel.
#[derive(Debug)]
pub(super) struct Email;
pub(super) static KIND: Email = Email;

impl NotifierKind for Email {
    fn name(&self) -> &'static str {
        "email"
    }

    fn config_key(&self) -> &'static str {
        "email_configs"
    }

    fn sample(&self) -> &'static str {
        include_str!("email.sample.yaml")
    }

    fn key_scope(&self) -> KeyScope {
        KeyScope::Notification
    }
}

/// What `global` says about mail.
#[derive(Clone, Debug, Default)]
pub(crate) struct MailDefaults {
    pub(crate) from: Option<Spanned<String>>,
    pub(crate) hello: Option<Spanned<String>>,
    pub(crate) smarthost: Option<Spanned<String>>,
    pub(crate) auth_username: Option<String>,
    pub(crate) auth_password: Option<SecretSource>,
    pub(crate) require_tls: bool,
    pub(crate) implicit_tls: Option<bool>,
    pub(crate) tls: Option<TlsConfig>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawEmail {
    #[serde(default)]
    send_resolved: bool,
    to: Option<Spanned<String>>,
    from: Option<Spanned<String>>,
    hello: Option<Spanned<String>>,
    smarthost: Option<Spanned<String>>,
    auth_username: Option<String>,
    auth_password: Option<Secret>,
    auth_password_file: Option<Spanned<PathBuf>>,
    require_tls: Option<bool>,
    force_implicit_tls: Option<bool>,
    tls_config: Option<Checked<RawTls>>,
    #[serde(default)]
    headers: BTreeMap<String, Spanned<String>>,
    html: Option<Spanned<String>>,
    text: Option<Spanned<String>>,
}

impl Grammar for RawEmail {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] = &[
        ("auth_secret", "CRAM-MD5 is not offered, use auth_password"),
        ("auth_secret_file", "CRAM-MD5 is not offered, use auth_password_file"),
        ("auth_identity", "remove it, it would have no effect"),
        ("threading", "remove it, mails of one group share References"),
    ];
}

/// Headers that the message or the relay makes itself.
const OWN_HEADERS: [&str; 10] = [
    "from",
    "to",
    "cc",
    "bcc",
    "sender",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
];

#[derive(Debug)]
pub(super) struct EmailSettings {
    send_resolved: bool,
    head: Head,
    texts: Texts,
    relay: RelaySettings,
}

/// What is written where nothing is configured; Alertmanager's, but that it sends no plain text beside the HTML.
const SUBJECT: &str = r#"{{ template "email.default.subject" . }}"#;
const HTML: &str = r#"{{ template "email.default.html" . }}"#;
const TEXT: &str = r#"{{ template "email.default.text" . }}"#;

impl RawIntegration for RawEmail {
    fn check(self, location: Location, global: &Global) -> Result<Arc<dyn IntegrationSettings>, ConfigError> {
        let (defaults, templates) = (&global.mail, &global.templates);
        let missing = |what: &str| ConfigError::at(location, format!("a mail needs {what}"));
        let to = self.to.as_ref().ok_or_else(|| missing("to"))?;
        let from = self
            .from
            .as_ref()
            .or(defaults.from.as_ref())
            .ok_or_else(|| missing("from, or global smtp_from"))?;
        let smarthost = self.smarthost.as_ref().or(defaults.smarthost.as_ref());
        let smarthost = smarthost.ok_or_else(|| missing("smarthost, or global smtp_smarthost"))?;
        let own_password =
            SecretSource::choose("auth_password", self.auth_password, self.auth_password_file)?;
        let username = self.auth_username.or_else(|| defaults.auth_username.clone());
        let credentials = match (username, own_password.or_else(|| defaults.auth_password.clone())) {
            (Some(username), Some(password)) => Some((username, password)),
            (None, None) => None,
            (Some(_), None) => return Err(missing("auth_password beside auth_username")),
            (None, Some(_)) => return Err(missing("auth_username beside auth_password")),
        };
        let relay = RelaySettings::check(
            smarthost,
            self.hello.as_ref().or(defaults.hello.as_ref()),
            credentials,
            self.require_tls.unwrap_or(defaults.require_tls),
            self.force_implicit_tls.or(defaults.implicit_tls),
            match self.tls_config {
                Some(Checked(tls)) => TlsConfig::try_from(tls)?,
                None => defaults.tls.clone().unwrap_or_default(),
            },
        )?;
        let head = Head {
            from: sender(from, templates)?,
            to: addresses(to, templates)?,
            headers: headers(&self.headers, templates)?,
        };
        let texts = Texts {
            html: TemplateText::check(self.html.as_ref(), HTML, templates)?.html(),
            text: TemplateText::check(self.text.as_ref(), TEXT, templates)?,
        };
        Ok(Arc::new(EmailSettings { send_resolved: self.send_resolved, head, texts, relay }))
    }
}

/// The one address mails are from: a mail of several would need a `Sender` beside them.
fn sender(from: &Spanned<String>, templates: &Templates) -> Result<Addresses, ConfigError> {
    let sender = addresses(from, templates)?;
    match &sender {
        Addresses::Fixed(several) if several.len() != 1 => {
            let wrong = format!("from is one address, not {}", several.len());
            Err(ConfigError::at(from.referenced, wrong))
        }
        _ => Ok(sender),
    }
}

/// Addresses, or a template that writes them.
fn addresses(list: &Spanned<String>, templates: &Templates) -> Result<Addresses, ConfigError> {
    if list.value.contains("{{") {
        return TemplateText::check(Some(list), "", templates).map(Addresses::Template);
    }
    let read = mailboxes(&list.value).map_err(|wrong| ConfigError::at(list.referenced, wrong));
    read.map(Addresses::Fixed)
}

fn mailboxes(list: &str) -> Result<Vec<Mailbox>, String> {
    let read = |text: &str| {
        text.trim().parse().map_err(|error| {
            format!("{text:?} is no mail address: {error}; write name@example.org or Name <name@example.org>")
        })
    };
    list.split(',').map(read).collect()
}

fn headers(
    raw: &BTreeMap<String, Spanned<String>>,
    templates: &Templates,
) -> Result<BTreeMap<String, TemplateText>, ConfigError> {
    let mut headers = BTreeMap::new();
    if !raw.keys().any(|name| name.eq_ignore_ascii_case("subject")) {
        headers.insert("Subject".to_owned(), TemplateText::check(None, SUBJECT, templates)?);
    }
    for (name, value) in raw {
        let wrong = |what: String| Err(ConfigError::at(value.referenced, what));
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            return wrong(format!("{name:?} is no name of a header"));
        }
        if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return wrong(format!("header {name} is made by Isobar: use from and to, remove the others"));
        }
        if headers.keys().any(|known: &String| known.eq_ignore_ascii_case(name)) {
            return wrong(format!("header {name} is given twice"));
        }
        let otherwise = if name.eq_ignore_ascii_case("subject") { SUBJECT } else { "" };
        headers.insert(name.clone(), TemplateText::check(Some(value), otherwise, templates)?);
    }
    Ok(headers)
}

impl IntegrationSettings for EmailSettings {
    fn kind(&self) -> &'static dyn NotifierKind {
        &KIND
    }

    fn send_resolved(&self) -> bool {
        self.send_resolved
    }

    fn build(&self, tools: &Tools<'_>) -> Result<Box<dyn Notifier>, ConfigError> {
        let form = Form {
            head: self.head.clone(),
            texts: self.texts.clone(),
            external_url: tools.external_url.clone(),
        };
        Ok(Box::new(EmailNotifier { form: Arc::new(form), relay: self.relay.build(tools)? }))
    }
}

#[derive(Debug)]
struct EmailNotifier {
    form: Arc<Form>,
    relay: Relay,
}

#[async_trait]
impl Notifier for EmailNotifier {
    fn target(&self) -> (&Url, Trust) {
        (self.relay.url(), Trust::Operator)
    }

    fn place(&self) -> String {
        match &self.form.head.to {
            Addresses::Fixed(to) => to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            Addresses::Template(_) => place(self.relay.url()),
        }
    }

    async fn notify(&self, message: Message<'_>) -> Result<Receipt, NotifyError> {
        let form = Arc::clone(&self.form);
        let size = |mail: &lettre::Message| mail.formatted().len();
        let mail = fit(&message, usize::MAX, size, move |message| form.write(message)).await?;
        self.relay.send(mail).await
    }
}
