//! One mail: headers, a plain text and an HTML part that say the same.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use url::Url;

use super::mailboxes;
use crate::gotemplate::{TemplateData, TemplateText};
use crate::notify::text::{alerts_url, cut, in_html, marked, one_line};
use crate::notify::{Message, NotifyError};

/// Longest value of a header, in characters: a line of a mail has at most 998 bytes.
const HEADER_MAX: usize = 900;
/// Addresses one template may write.
const ADDRESSES_MAX: usize = 100;

/// What the configuration says about every mail.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) from: Addresses,
    pub(super) to: Addresses,
    /// `Subject` among them.
    pub(super) headers: BTreeMap<String, TemplateText>,
}

/// The bodies; an empty one is left out.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    pub(super) html: TemplateText,
    pub(super) text: TemplateText,
}

/// Who a mail is from or goes to.
#[derive(Clone, Debug)]
pub(super) enum Addresses {
    Fixed(Vec<Mailbox>),
    /// Addresses with commas between them.
    Template(TemplateText),
}

impl Addresses {
    fn write(&self, data: &TemplateData) -> Result<Vec<Mailbox>, NotifyError> {
        match self {
            Self::Fixed(addresses) => Ok(addresses.clone()),
            Self::Template(text) => {
                let list = one_line(&text.render(data)?);
                let addresses = mailboxes(&list).map_err(NotifyError::Unwritable)?;
                match addresses.len() <= ADDRESSES_MAX {
                    true => Ok(addresses),
                    false => {
                        Err(NotifyError::Unwritable(format!("more than {ADDRESSES_MAX} mail addresses")))
                    }
                }
            }
        }
    }

    /// The only one of them.
    fn write_one(&self, data: &TemplateData) -> Result<Mailbox, NotifyError> {
        let mut addresses = self.write(data)?.into_iter();
        match (addresses.next(), addresses.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(NotifyError::Unwritable(
                "from is one mail address, and its template writes several".into(),
            )),
        }
    }
}

/// All that mails are made of beside the message.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) head: Head,
    pub(super) texts: Texts,
    pub(super) external_url: Url,
}

impl Form {
    /// The mail. The same delivery makes the same `Message-ID` at every try, so that mail systems can drop a repetition; mails
    /// of one group refer to one thread. Its headers speak of the whole message, also where the bodies show a part of it and
    /// say so.
    pub(super) fn write(&self, message: &Message<'_>) -> Result<lettre::Message, NotifyError> {
        let (head, texts) = (&self.head, &self.texts);
        let data = TemplateData::of(message, &self.external_url);
        let whole = data.whole();
        let host = self.external_url.host_str().unwrap_or("isobar.invalid");
        let sent = u64::try_from(message.notification.at.millis()).unwrap_or(0);
        let mut mail = lettre::Message::builder()
            .date(SystemTime::UNIX_EPOCH + Duration::from_millis(sent))
            .message_id(Some(format!("<{}@{host}>", message.delivery.idempotency_key)))
            .references(format!("<{}@{host}>", thread(message)))
            .from(head.from.write_one(&whole)?);
        for to in head.to.write(&whole)? {
            mail = mail.to(to);
        }
        if !head.headers.keys().any(|name| name.eq_ignore_ascii_case("auto-submitted")) {
            mail = mail.raw_header(header("Auto-Submitted", "auto-generated")?);
        }
        for (name, value) in &head.headers {
            let mut value = value.render(&whole)?;
            if name.eq_ignore_ascii_case("subject") {
                value = marked(message, value);
            }
            mail = mail.raw_header(header(name, &cut(&one_line(&value), HEADER_MAX))?);
        }
        let (mut html, mut text) = (texts.html.render(&data)?, texts.text.render(&data)?);
        let more = message.left_out();
        if more > 0 {
            let url = alerts_url(&self.external_url);
            text.push_str(&format!("\nand {more} more: {url}\n"));
            html = with_last(&html, &format!("<p><a href=\"{}\">and {more} more</a></p>\n", in_html(&url)));
        }
        let written = match (texts.html.is_empty(), texts.text.is_empty()) {
            (false, false) => mail.multipart(MultiPart::alternative_plain_html(text, html)),
            (false, true) => mail.singlepart(SinglePart::html(html)),
            (true, _) => mail.singlepart(SinglePart::plain(text)),
        };
        written.map_err(|error| NotifyError::Unwritable(error.to_string()))
    }
}

/// A page with this at the end of what it shows.
fn with_last(page: &str, last: &str) -> String {
    let end = page.to_ascii_lowercase().rfind("</body").unwrap_or(page.len());
    format!("{}{last}{}", &page[..end], &page[end..])
}

fn header(name: &str, value: &str) -> Result<HeaderValue, NotifyError> {
    let name = HeaderName::new_from_ascii(name.to_owned());
    let name = name.map_err(|error| NotifyError::Unwritable(error.to_string()))?;
    Ok(HeaderValue::new(name, value.to_owned()))
}

/// The name of the group's thread: the same for all its mails to this receiver.
fn thread(message: &Message<'_>) -> String {
    use sha2::{Digest, Sha256};
    let group = &message.notification.group;
    let hash = Sha256::digest(format!("{}\n{}", group.receiver, group.key));
    format!("isobar-group-{}", hex::encode(&hash[..12]))
}

#[cfg(test)]
mod tests;
