//! HTML that values cannot break out of: what is written before a value tells how it is escaped.
//!
//! As Go's package html/template does it, but while writing: text and quoted attributes are escaped, links begin with
//! `http:`, `https:`, `mailto:` or have no scheme, values of styles are single words, comments of the template are left out.
//! Values inside scripts and `on…` attributes are refused: mails run no scripts.

use super::escape::{url, url_part};
use super::value::{Content, Value};

/// What stands where a value was refused; Go's word for it.
const REFUSED: &str = "ZgotmplZ";

#[derive(Debug, Default)]
pub(super) struct HtmlWriter {
    out: String,
    state: State,
}

/// Where the next character goes.
#[derive(Clone, Debug, Default, PartialEq)]
enum State {
    #[default]
    Text,
    Comment,
    /// Inside a tag, between attributes. The element whose content begins behind it, where that is not plain.
    Tag(Element),
    /// Inside the name of an attribute.
    Name(Element, String),
    /// Behind the name of an attribute.
    AfterName(Element, String),
    /// Behind `=`.
    BeforeValue(Element, String),
    Value(Element, Attribute),
    /// Inside an element whose content is no markup.
    Inside(Element),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Plain,
    Script,
    Style,
    Title,
    Textarea,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attribute {
    kind: Kind,
    quote: Option<char>,
    part: UrlPart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Url,
    SourceSet,
    Style,
    Script,
}

/// How far a URL is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UrlPart {
    Begin,
    Path,
    /// Behind `?` or `#`.
    Query,
}

impl Element {
    fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "script" => Self::Script,
            "style" => Self::Style,
            "title" => Self::Title,
            "textarea" => Self::Textarea,
            _ => Self::Plain,
        }
    }

    fn end_tag(self) -> &'static str {
        match self {
            Self::Script => "</script",
            Self::Style => "</style",
            Self::Title => "</title",
            Self::Textarea => "</textarea",
            Self::Plain => "",
        }
    }
}

/// Attributes whose value is a URL. Source: the list of Go's package html/template, without `srcset`.
const URL_ATTRIBUTES: [&str; 17] = [
    "action",
    "archive",
    "background",
    "cite",
    "classid",
    "codebase",
    "data",
    "formaction",
    "href",
    "icon",
    "longdesc",
    "manifest",
    "poster",
    "profile",
    "src",
    "usemap",
    "xmlns",
];

impl Kind {
    fn of(attribute: &str) -> Self {
        let name = attribute.to_ascii_lowercase();
        let name = name.strip_prefix("data-").unwrap_or(&name);
        let name = match name.split_once(':') {
            Some(("xmlns", _)) => "xmlns",
            Some((_, local)) => local,
            None => name,
        };
        match name {
            "style" => Self::Style,
            "srcset" => Self::SourceSet,
            // A page in a page; nothing of it is trusted.
            "srcdoc" => Self::Script,
            name if name.starts_with("on") => Self::Script,
            name if URL_ATTRIBUTES.contains(&name) => Self::Url,
            name if ["src", "uri", "url"].iter().any(|hint| name.contains(hint)) => Self::Url,
            _ => Self::Plain,
        }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

impl HtmlWriter {
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    pub(super) fn into_text(self) -> String {
        self.out
    }

    /// Writes what the template itself says.
    pub(super) fn literal(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let state = std::mem::take(&mut self.state);
            (self.state, rest) = self.advance(state, rest);
        }
    }

    /// Writes up to where the state changes: the new state, and what is left.
    fn advance<'a>(&mut self, state: State, rest: &'a str) -> (State, &'a str) {
        match state {
            State::Text => self.text(rest),
            State::Comment => match rest.find("-->") {
                Some(end) => (State::Text, &rest[end + 3..]),
                None => (State::Comment, ""),
            },
            State::Inside(element) => match find_end_tag(rest, element) {
                Some(end) => (State::Tag(Element::Plain), self.take(rest, end + element.end_tag().len())),
                None => (State::Inside(element), self.take(rest, rest.len())),
            },
            State::Tag(element) => match rest.find(|c| !(is_space(c) || c == '/')) {
                None => (State::Tag(element), self.take(rest, rest.len())),
                Some(at) if rest[at..].starts_with('>') => (after_tag(element), self.take(rest, at + 1)),
                Some(at) => (State::Name(element, String::new()), self.take(rest, at)),
            },
            State::Name(element, begun) => {
                // The first character belongs to the name whatever it is, so that every round goes on.
                let least = if begun.is_empty() { rest.chars().next().map_or(0, char::len_utf8) } else { 0 };
                let end = rest[least..].find(|c| is_space(c) || matches!(c, '=' | '>' | '/'));
                let end = end.map_or(rest.len(), |end| end + least);
                let name = begun + &rest[..end];
                let left = self.take(rest, end);
                match left.is_empty() {
                    true => (State::Name(element, name), left),
                    false => (State::AfterName(element, name), left),
                }
            }
            State::AfterName(element, name) => match rest.find(|c| !is_space(c)) {
                None => (State::AfterName(element, name), self.take(rest, rest.len())),
                Some(at) if rest[at..].starts_with('=') => {
                    (State::BeforeValue(element, name), self.take(rest, at + 1))
                }
                Some(at) => (State::Tag(element), self.take(rest, at)),
            },
            State::BeforeValue(element, name) => match rest.find(|c| !is_space(c)) {
                None => (State::BeforeValue(element, name), self.take(rest, rest.len())),
                Some(at) if rest[at..].starts_with('>') => (after_tag(element), self.take(rest, at + 1)),
                Some(at) => {
                    let quote = rest[at..].chars().next().filter(|c| matches!(c, '"' | '\''));
                    let attribute = Attribute { kind: Kind::of(&name), quote, part: UrlPart::Begin };
                    (State::Value(element, attribute), self.take(rest, at + usize::from(quote.is_some())))
                }
            },
            State::Value(element, attribute) => self.attribute_text(element, attribute, rest),
        }
    }

    fn text<'a>(&mut self, rest: &'a str) -> (State, &'a str) {
        let Some(at) = rest.find('<') else { return (State::Text, self.take(rest, rest.len())) };
        let tag = &rest[at..];
        if let Some(comment) = tag.strip_prefix("<!--") {
            self.take(rest, at);
            return (State::Comment, comment);
        }
        let name = tag[1..].strip_prefix('/').unwrap_or(&tag[1..]);
        let is_end = name.len() + 1 < tag.len();
        let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | ':')));
        let length = end.unwrap_or(name.len());
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let is_doctype = tag.get(..9).is_some_and(|tag| tag.eq_ignore_ascii_case("<!doctype"));
            self.take(rest, at);
            // A `<` that begins nothing is a character of the text.
            self.out.push_str(if is_doctype { "<" } else { "&lt;" });
            return (State::Text, &tag[1..]);
        }
        let element = if is_end { Element::Plain } else { Element::named(&name[..length]) };
        (State::Tag(element), self.take(rest, at + tag.len() - name.len() + length))
    }

    fn attribute_text<'a>(
        &mut self,
        element: Element,
        attribute: Attribute,
        rest: &'a str,
    ) -> (State, &'a str) {
        let ends = |c: char| match attribute.quote {
            Some(quote) => c == quote,
            None => is_space(c) || c == '>',
        };
        let end = rest.find(ends).unwrap_or(rest.len());
        let part = match &rest[..end] {
            text if attribute.part == UrlPart::Query || text.contains(['?', '#']) => UrlPart::Query,
            text if text.trim().is_empty() => attribute.part,
            _ => UrlPart::Path,
        };
        let left = self.take(rest, end);
        if left.is_empty() {
            return (State::Value(element, Attribute { part, ..attribute }), left);
        }
        (State::Tag(element), if attribute.quote.is_some() { self.take(left, 1) } else { left })
    }

    /// Writes so many bytes; what is left.
    fn take<'a>(&mut self, rest: &'a str, bytes: usize) -> &'a str {
        self.out.push_str(&rest[..bytes]);
        &rest[bytes..]
    }

    /// Writes a value so that it stays one where it stands.
    ///
    /// # Errors
    /// It stands in a script.
    pub(super) fn value(&mut self, value: &Value) -> Result<(), String> {
        let (content, text) = match value {
            Value::Nil => (None, String::new()),
            Value::Safe(content, text) => (Some(*content), text.to_string()),
            other => (None, other.print()),
        };
        let is_markup = content == Some(Content::Html);
        let state = std::mem::take(&mut self.state);
        self.state = match state {
            State::Comment => State::Comment,
            State::Text => {
                self.out.push_str(&if is_markup { text } else { escaped(&text, false) });
                State::Text
            }
            State::Inside(Element::Script) => return Err(IN_SCRIPT.to_owned()),
            State::Inside(Element::Style) => {
                self.out.push_str(style_value(&text));
                state
            }
            State::Inside(_) => {
                self.out.push_str(&escaped(&text, is_markup));
                state
            }
            State::Tag(element) | State::AfterName(element, _) => {
                let name = attribute_name(&text);
                self.out.push_str(&name);
                State::Name(element, name)
            }
            State::Name(element, begun) => {
                let name = attribute_name(&text);
                self.out.push_str(&name);
                State::Name(element, begun + &name)
            }
            State::BeforeValue(element, name) => {
                let attribute = Attribute { kind: Kind::of(&name), quote: None, part: UrlPart::Begin };
                self.attribute_value(element, attribute, content, &text)?
            }
            State::Value(element, attribute) => self.attribute_value(element, attribute, content, &text)?,
        };
        Ok(())
    }

    fn attribute_value(
        &mut self,
        element: Element,
        attribute: Attribute,
        content: Option<Content>,
        text: &str,
    ) -> Result<State, String> {
        let is_markup = content == Some(Content::Html);
        let safe = match attribute.kind {
            Kind::Script => return Err(IN_SCRIPT.to_owned()),
            Kind::Plain => escaped(text, is_markup),
            Kind::Style => escaped(style_value(text), false),
            Kind::Url => escaped(&link(attribute.part, content, text), is_markup),
            Kind::SourceSet => {
                let all_safe = text.split(',').all(|link| has_safe_scheme(link.trim()));
                let text = if all_safe { text } else { "#ZgotmplZ" };
                escaped(text, false)
            }
        };
        let safe = match attribute.quote {
            Some(_) => safe,
            None if safe.is_empty() => REFUSED.to_owned(),
            None => without_spaces(&safe),
        };
        self.out.push_str(&safe);
        let part = match attribute.part {
            UrlPart::Begin => UrlPart::Path,
            part => part,
        };
        Ok(State::Value(element, Attribute { part, ..attribute }))
    }
}

const IN_SCRIPT: &str = "a value inside a script or an on… attribute is not written: mails run no scripts";

fn after_tag(element: Element) -> State {
    match element {
        Element::Plain => State::Text,
        element => State::Inside(element),
    }
}

fn find_end_tag(text: &str, element: Element) -> Option<usize> {
    let tag = element.end_tag();
    let places = text.match_indices("</").map(|(at, _)| at);
    let mut ends = places.filter(|at| {
        let found = text[*at..].get(..tag.len()).is_some_and(|found| found.eq_ignore_ascii_case(tag));
        let after = text[*at..].get(tag.len()..).and_then(|rest| rest.chars().next());
        found && after.is_none_or(|c| is_space(c) || matches!(c, '>' | '/'))
    });
    ends.next()
}

/// Text of an element or of a quoted attribute. Markup keeps its entities.
fn escaped(text: &str, is_markup: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' if !is_markup => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            '+' => escaped.push_str("&#43;"),
            '\0' => escaped.push(char::REPLACEMENT_CHARACTER),
            c => escaped.push(c),
        }
    }
    escaped
}

/// What else an attribute without quotes needs.
fn without_spaces(text: &str) -> String {
    let one = |c: char| match c {
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '=' | '`' => format!("&#{};", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(one).collect()
}

fn link(part: UrlPart, content: Option<Content>, text: &str) -> String {
    match part {
        UrlPart::Query if content == Some(Content::QueryPart) => text.to_owned(),
        UrlPart::Query if content.is_none() => url_part(text),
        UrlPart::Begin if content != Some(Content::Url) && !has_safe_scheme(text) => format!("#{REFUSED}"),
        _ => url(text),
    }
}

fn has_safe_scheme(link: &str) -> bool {
    match link.split_once(':') {
        Some((scheme, _)) if !scheme.contains('/') => {
            ["http", "https", "mailto"].iter().any(|safe| scheme.eq_ignore_ascii_case(safe))
        }
        _ => true,
    }
}

/// A word, a number, a colour; nothing that ends a declaration or calls something.
fn style_value(text: &str) -> &str {
    let breaks_out =
        text.contains(['\0', '"', '\'', '(', ')', '/', ';', '@', '[', '\\', ']', '`', '{', '}', '<', '>']);
    let word: String = text.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect();
    let word = word.to_lowercase();
    if breaks_out || text.contains("--") || word.contains("expression") || word.contains("mozbinding") {
        return REFUSED;
    }
    text
}

/// A name that makes no script, style or link of an attribute.
fn attribute_name(text: &str) -> String {
    let is_name = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    match is_name && Kind::of(text) == Kind::Plain {
        true => text.to_ascii_lowercase(),
        false => REFUSED.to_owned(),
    }
}
