//! The templates of Alertmanager's configuration: Go's template language and Alertmanager's data and functions.
//!
//! A subset that is written down in docs/templates.md; what is outside it is refused when the configuration is read. Rendering is
//! bounded in steps, depth and bytes, reads nothing but the data it is given, and never panics.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use self::function::Env;
use self::html::HtmlWriter;
use self::parse::{Parsed, parse};
use self::run::{Named, Output, run};

mod builtin;
mod data;
mod escape;
mod format;
mod function;
mod html;
mod json;
mod lex;
mod method;
mod parse;
mod run;
mod text;
mod time;
mod tree;
mod value;

pub use data::TemplateData;
pub(crate) use text::TemplateText;

/// Bytes one file or one text of the configuration may have.
const SOURCE_MAX: usize = 1 << 20;

/// The templates every text may refer to: the built-in ones, and those of the files that the configuration names.
#[derive(Clone, Debug)]
pub struct Templates {
    named: Arc<Named>,
    /// Whether no file of the user's is among them.
    is_built_in: bool,
}

/// A text that was read, with all it may call.
#[derive(Clone, Debug)]
struct Prepared {
    main: Arc<tree::Template>,
    own: Arc<Named>,
    named: Arc<Named>,
}

/// What is wrong with a template, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// Name of the file; empty for a text of the configuration.
    pub file: String,
    /// Counts from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// `file:line: what`, or `line N of the template: what`.
impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.file.as_str() {
            "" => write!(f, "line {} of the template: {}", self.line, self.what),
            file => write!(f, "{file}:{}: {}", self.line, self.what),
        }
    }
}

impl TemplateError {
    fn new(file: &str, line: usize, what: &str) -> Self {
        Self { file: file.to_owned(), line, what: what.to_owned() }
    }
}

/// What there is without any file of the user's.
const BUILT_IN: [(&str, &str); 2] = [
    ("default.tmpl", include_str!("gotemplate/default.tmpl")),
    ("email.tmpl", include_str!("gotemplate/email.tmpl")),
];

/// The built-in ones.
impl Default for Templates {
    fn default() -> Self {
        Self::parse(&[]).expect("the built-in templates are tested")
    }
}

impl Templates {
    /// Reads files, pairs of name and text, in their order, after the built-in ones: a definition takes the place of an earlier
    /// one of its name, unless it is empty. A file itself can be called by its name.
    ///
    /// # Errors
    /// The first text that is no template, or calls one that is not defined.
    pub fn parse(files: &[(String, String)]) -> Result<Self, TemplateError> {
        let mut named = HashMap::new();
        let is_built_in = files.is_empty();
        let files = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        for (name, text) in BUILT_IN.into_iter().chain(files) {
            let parsed = read(name, text)?;
            collect(parsed, Some(name), &mut named);
        }
        let templates = Self { named: Arc::new(named), is_built_in };
        for template in templates.named.values() {
            templates.check_calls(template, &Named::new())?;
        }
        Ok(templates)
    }

    /// Whether the text is a template whose functions and templates are all there.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, text: &str) -> Result<(), TemplateError> {
        self.prepare(text).map(drop)
    }

    /// Renders the text.
    ///
    /// # Errors
    /// What [`Self::check`] finds; a field that the data has not; a function that refuses its arguments; a limit.
    pub fn text(&self, text: &str, data: &TemplateData) -> Result<String, TemplateError> {
        self.prepare(text)?.text(data)
    }

    /// Renders HTML: values are escaped as the place they stand at needs.
    ///
    /// # Errors
    /// Those of [`Self::text`], and a value inside a script.
    pub fn html(&self, text: &str, data: &TemplateData) -> Result<String, TemplateError> {
        self.prepare(text)?.html(data)
    }

    /// Reads the text and its own definitions.
    fn prepare(&self, text: &str) -> Result<Prepared, TemplateError> {
        let mut own = HashMap::new();
        let main = collect(read("", text)?, None, &mut own);
        self.check_calls(&main, &own)?;
        for template in own.values() {
            self.check_calls(template, &own)?;
        }
        Ok(Prepared { main, own: Arc::new(own), named: Arc::clone(&self.named) })
    }

    fn check_calls(&self, template: &tree::Template, own: &Named) -> Result<(), TemplateError> {
        let mut missing = None;
        template.calls(&mut |line, name| {
            if missing.is_none() && !own.contains_key(name) && !self.named.contains_key(name) {
                missing = Some(TemplateError::new(
                    &template.file,
                    line,
                    &format!("template {name:?} is not defined: is its file among the templates?"),
                ));
            }
        });
        missing.map_or(Ok(()), Err)
    }
}

impl Prepared {
    fn text(&self, data: &TemplateData) -> Result<String, TemplateError> {
        self.render(data, Output::Text(String::new()))
    }

    fn html(&self, data: &TemplateData) -> Result<String, TemplateError> {
        self.render(data, Output::Html(HtmlWriter::default()))
    }

    fn render(&self, data: &TemplateData, output: Output) -> Result<String, TemplateError> {
        match run(&self.main, &self.own, &self.named, &data.root, Env::at(data.now), output)? {
            Output::Text(text) => Ok(text),
            Output::Html(html) => Ok(html.into_text()),
        }
    }
}

fn read(name: &str, text: &str) -> Result<Parsed, TemplateError> {
    if text.len() > SOURCE_MAX {
        return Err(TemplateError::new(name, 1, &format!("a template has at most {SOURCE_MAX} bytes")));
    }
    parse(name, text)
}

/// Adds what the text defines, and the text itself under its name where it has one.
fn collect(parsed: Parsed, name: Option<&str>, into: &mut Named) -> Arc<tree::Template> {
    let main = Arc::new(parsed.main);
    let defined = parsed.defined.into_iter().map(|(name, template)| (name, Arc::new(template)));
    let itself = name.map(|name| (Arc::from(name), Arc::clone(&main)));
    for (name, template) in defined.chain(itself) {
        if !template.is_empty() || !into.contains_key(&name) {
            into.insert(name, template);
        }
    }
    main
}

#[cfg(test)]
mod tests;
