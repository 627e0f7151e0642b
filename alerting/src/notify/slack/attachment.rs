//! The attachment of a Slack message: its texts, fields and buttons.

use std::sync::Arc;

use isobar_normalizer::ConfigError;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use serde_saphyr::{Location, Spanned};
use url::Url;

use crate::gotemplate::{TemplateData, TemplateText, Templates};
use crate::notify::text::{alerts_url, cut, marked};
use crate::notify::{Message, NotifyError};

/// Longest title, in characters.
const TITLE_MAX: usize = 1024;
/// Where markdown is read unless the configuration says otherwise.
const MRKDWN_IN: [&str; 3] = ["fallback", "pretext", "text"];

/// What the configuration says about the attachment.
#[derive(Clone, Debug)]
pub(super) struct Attachment {
    pub(super) title: TemplateText,
    pub(super) title_link: TemplateText,
    pub(super) pretext: TemplateText,
    pub(super) text: TemplateText,
    pub(super) fallback: TemplateText,
    pub(super) callback_id: TemplateText,
    pub(super) footer: TemplateText,
    pub(super) color: TemplateText,
    pub(super) image_url: TemplateText,
    pub(super) thumb_url: TemplateText,
    pub(super) fields: Vec<Field>,
    pub(super) actions: Vec<Action>,
    pub(super) mrkdwn_in: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    title: TemplateText,
    value: TemplateText,
    short: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Action {
    /// Names and texts of what the button has.
    keys: Vec<(&'static str, TemplateText)>,
    confirm: Vec<(&'static str, TemplateText)>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawField {
    title: Spanned<String>,
    value: Spanned<String>,
    short: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAction {
    #[serde(rename = "type")]
    kind: Spanned<String>,
    text: Spanned<String>,
    url: Option<Spanned<String>>,
    style: Option<Spanned<String>>,
    name: Option<Spanned<String>>,
    value: Option<Spanned<String>>,
    confirm: Option<RawConfirm>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfirm {
    text: Spanned<String>,
    title: Option<Spanned<String>>,
    ok_text: Option<Spanned<String>>,
    dismiss_text: Option<Spanned<String>>,
}

impl RawField {
    pub(super) fn check(&self, short: bool, templates: &Arc<Templates>) -> Result<Field, ConfigError> {
        Ok(Field {
            title: TemplateText::check(Some(&self.title), "", templates)?,
            value: TemplateText::check(Some(&self.value), "", templates)?,
            short: self.short.unwrap_or(short),
        })
    }
}

impl RawAction {
    /// A link needs `url`; a button of an app needs `name`, and may ask for confirmation.
    pub(super) fn check(
        &self,
        location: Location,
        templates: &Arc<Templates>,
    ) -> Result<Action, ConfigError> {
        let is_link = self.url.is_some();
        if !is_link && self.name.is_none() {
            return Err(ConfigError::at(location, "an action needs url, or name for a button of an app"));
        }
        let (name, value) = if is_link { (&None, &None) } else { (&self.name, &self.value) };
        let keys = [
            ("type", Some(&self.kind)),
            ("text", Some(&self.text)),
            ("url", self.url.as_ref()),
            ("style", self.style.as_ref()),
            ("name", name.as_ref()),
            ("value", value.as_ref()),
        ];
        let confirm = self.confirm.as_ref().filter(|_| !is_link);
        let asked = confirm.map(|confirm| {
            [
                ("text", Some(&confirm.text)),
                ("title", confirm.title.as_ref()),
                ("ok_text", confirm.ok_text.as_ref()),
                ("dismiss_text", confirm.dismiss_text.as_ref()),
            ]
        });
        Ok(Action {
            keys: wordings(keys, templates)?,
            confirm: wordings(asked.into_iter().flatten(), templates)?,
        })
    }
}

fn wordings<'a>(
    given: impl IntoIterator<Item = (&'static str, Option<&'a Spanned<String>>)>,
    templates: &Arc<Templates>,
) -> Result<Vec<(&'static str, TemplateText)>, ConfigError> {
    let given = given.into_iter().filter_map(|(name, text)| Some((name, text?)));
    given.map(|(name, text)| Ok((name, TemplateText::check(Some(text), "", templates)?))).collect()
}

/// The texts that are not empty.
fn written(
    wordings: &[(&'static str, TemplateText)],
    data: &TemplateData,
) -> Result<Map<String, Value>, NotifyError> {
    let mut texts = Map::new();
    for (name, wording) in wordings {
        let text = wording.render(data)?;
        if !text.is_empty() {
            texts.insert((*name).to_owned(), text.into());
        }
    }
    Ok(texts)
}

impl Attachment {
    /// As Alertmanager writes it: text, fallback, callback_id and footer also when they are empty. Alerts that were left out
    /// are counted at the end of the text; what is said of the whole counts them too.
    pub(super) fn write(
        &self,
        message: &Message<'_>,
        data: &TemplateData,
        external_url: &Url,
    ) -> Result<Value, NotifyError> {
        let whole = &data.whole();
        let title = cut(&marked(message, self.title.render(whole)?), TITLE_MAX);
        let mut fallback = self.fallback.render(whole)?;
        if message.is_cut() {
            fallback = cut(&fallback, TITLE_MAX);
        }
        let mut text = self.text.render(data)?;
        if message.left_out() > 0 {
            let more = format!("<{}|and {} more>", alerts_url(external_url), message.left_out());
            text = if text.is_empty() { more } else { format!("{text}\n{more}") };
        }
        let mut attachment = Map::new();
        for (name, value) in [
            ("text", text),
            ("fallback", fallback),
            ("callback_id", self.callback_id.render(whole)?),
            ("footer", self.footer.render(data)?),
        ] {
            attachment.insert(name.to_owned(), value.into());
        }
        for (name, value) in [
            ("title", title),
            ("title_link", self.title_link.render(whole)?),
            ("pretext", self.pretext.render(data)?),
            ("image_url", self.image_url.render(data)?),
            ("thumb_url", self.thumb_url.render(data)?),
            ("color", self.color.render(whole)?),
        ] {
            if !value.is_empty() {
                attachment.insert(name.to_owned(), value.into());
            }
        }
        let markdown = self.mrkdwn_in.clone();
        attachment
            .insert("mrkdwn_in".to_owned(), markdown.map_or_else(|| json!(MRKDWN_IN), |names| json!(names)));
        if !self.fields.is_empty() {
            attachment.insert(
                "fields".to_owned(),
                self.fields.iter().map(|field| field.write(data)).collect::<Result<Value, _>>()?,
            );
        }
        if !self.actions.is_empty() {
            attachment.insert(
                "actions".to_owned(),
                self.actions.iter().map(|action| action.write(data)).collect::<Result<Value, _>>()?,
            );
        }
        Ok(Value::Object(attachment))
    }
}

impl Field {
    fn write(&self, data: &TemplateData) -> Result<Value, NotifyError> {
        Ok(json!({"title": self.title.render(data)?, "value": self.value.render(data)?, "short": self.short}))
    }
}

impl Action {
    fn write(&self, data: &TemplateData) -> Result<Value, NotifyError> {
        let mut action = written(&self.keys, data)?;
        if !self.confirm.is_empty() {
            action.insert("confirm".to_owned(), Value::Object(written(&self.confirm, data)?));
        }
        Ok(Value::Object(action))
    }
}
