//! The part of the Kusto query language that inventories are read with.
//!
//! `table | where … | extend … | project … | project-away … | order by … | limit n | distinct … | count | summarize
//! count() by …`; in conditions: and, or, not(), comparisons, `=~`, `in`, `in~`, `has`, `contains`, `startswith`,
//! `endswith` and their negations, and the functions that [`super::evaluate`] knows.

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    /// In lower case.
    pub(super) table: String,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Where(Expr),
    Project(Vec<(String, Expr)>),
    Extend(Vec<(String, Expr)>),
    ProjectAway(Vec<String>),
    /// Each with whether it ascends.
    OrderBy(Vec<(Expr, bool)>),
    Limit(usize),
    Count,
    /// The name of the count, and what it is counted by.
    CountBy(String, Vec<(String, Expr)>),
    Distinct(Vec<(String, Expr)>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    /// A column and the way into it.
    Path(Vec<String>),
    Text(String),
    Number(f64),
    Bool(bool),
    Binary(Box<Expr>, String, Box<Expr>),
    /// Whether it is in the list; with the operator's spelling.
    In(Box<Expr>, String, Vec<Expr>),
    Call(String, Vec<Expr>),
}

/// Where a query cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) line: usize,
    pub(super) position: usize,
    pub(super) token: String,
    pub(super) expected: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(f64),
    Sign(&'static str),
}

/// Longer signs first.
const SIGNS: [&str; 17] =
    ["==", "=~", "!=", "!~", "<=", ">=", "|", "(", ")", "[", "]", ",", ".", "=", "<", ">", "!"];
const COMPARISONS: [&str; 8] = ["==", "=~", "!=", "!~", "<=", ">=", "<", ">"];
const WORDS: [&str; 8] =
    ["has", "!has", "contains", "!contains", "startswith", "!startswith", "endswith", "!endswith"];
/// The words a step begins with.
const OPERATORS: [&str; 10] =
    ["where", "project", "extend", "distinct", "order", "sort", "limit", "take", "count", "summarize"];
/// How deep conditions may nest.
const DEPTH_MAX: usize = 64;

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
    text: String,
}

/// Reads a query.
///
/// # Errors
/// The first place that is no query, with what was expected there.
pub(super) fn parse(text: &str) -> Result<Query, Broken> {
    let tokens = lex(text)?;
    let mut parser = Parser { tokens, at: 0, depth: 0, text: text.to_owned() };
    let query = parser.query()?;
    if parser.at < parser.tokens.len() { Err(parser.broken("|")) } else { Ok(query) }
}

fn broken(text: &str, offset: usize, token: &str, expected: &str) -> Broken {
    let before = &text[..offset.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let position = before.chars().rev().take_while(|it| *it != '\n').count();
    Broken { line, position, token: token.to_owned(), expected: expected.to_owned() }
}

fn lex(text: &str) -> Result<Vec<(Token, usize)>, Broken> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let offset = text.len() - rest.len();
        if first.is_whitespace() {
            rest = &rest[first.len_utf8()..];
        } else if let Some(comment) = rest.strip_prefix("//") {
            rest = &comment[comment.find('\n').unwrap_or(comment.len())..];
        } else if first == '\'' || first == '"' {
            let (value, after) = quoted(rest, first).ok_or_else(|| broken(text, offset, "<EOF>", "'"))?;
            tokens.push((Token::Text(value), offset));
            rest = after;
        } else if first.is_ascii_digit() {
            let end = rest.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(rest.len());
            let number = rest[..end].parse().map_err(|_| broken(text, offset, &rest[..end], "a number"))?;
            tokens.push((Token::Number(number), offset));
            rest = &rest[end..];
        } else if first.is_alphabetic() || first == '_' || first == '$' {
            let end =
                rest.find(|it: char| !it.is_alphanumeric() && it != '_' && it != '$').unwrap_or(rest.len());
            tokens.push((Token::Word(rest[..end].to_owned()), offset));
            rest = &rest[end..];
        } else if let Some(away) = rest.strip_prefix("-away") {
            tokens.push((Token::Word("-away".to_owned()), offset));
            rest = away;
        } else if let Some(after) = rest.strip_prefix('~') {
            tokens.push((Token::Word("~".to_owned()), offset));
            rest = after;
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            tokens.push((Token::Sign(sign), offset));
            rest = &rest[sign.len()..];
        } else {
            return Err(broken(text, offset, &first.to_string(), "an expression"));
        }
    }
    Ok(tokens)
}

/// Reads a text in quotes with its backslashes; gives what is after it.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut escaped = false;
    for (at, it) in text.char_indices().skip(1) {
        match it {
            _ if escaped => {
                value.push(it);
                escaped = false;
            }
            '\\' => escaped = true,
            it if it == quote => return Some((value, &text[at + 1..])),
            it => value.push(it),
        }
    }
    None
}

impl Parser {
    fn broken(&self, expected: &str) -> Broken {
        match self.tokens.get(self.at) {
            None => broken(&self.text, self.text.len(), "<EOF>", expected),
            Some((token, offset)) => {
                let token = match token {
                    Token::Word(word) | Token::Text(word) => word.clone(),
                    Token::Number(number) => number.to_string(),
                    Token::Sign(sign) => (*sign).to_owned(),
                };
                broken(&self.text, *offset, &token, expected)
            }
        }
    }

    fn sign(&mut self, wanted: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some((Token::Sign(sign), _)) if *sign == wanted);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, wanted: &'static str) -> Result<(), Broken> {
        if self.sign(wanted) { Ok(()) } else { Err(self.broken(wanted)) }
    }

    fn peek_word(&self) -> Option<String> {
        match self.tokens.get(self.at) {
            Some((Token::Word(word), _)) => Some(word.to_lowercase()),
            _ => None,
        }
    }

    fn keyword(&mut self, wanted: &str) -> bool {
        let found = self.peek_word().as_deref() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn name(&mut self) -> Result<String, Broken> {
        match self.tokens.get(self.at) {
            Some((Token::Word(word), _)) => {
                let word = word.clone();
                self.at += 1;
                Ok(word)
            }
            _ => Err(self.broken("a name")),
        }
    }

    fn query(&mut self) -> Result<Query, Broken> {
        // A query without a table is about resources.
        let begins_with_step = self.peek_word().is_some_and(|word| OPERATORS.contains(&word.as_str()));
        let mut steps = Vec::new();
        let table = if begins_with_step {
            steps.push(self.step()?);
            "resources".to_owned()
        } else {
            self.name()?.to_lowercase()
        };
        while self.sign("|") {
            steps.push(self.step()?);
        }
        Ok(Query { table, steps })
    }

    fn step(&mut self) -> Result<Step, Broken> {
        let word = self.peek_word().ok_or_else(|| self.broken("an operator"))?;
        self.at += 1;
        Ok(match word.as_str() {
            "where" => Step::Where(self.or()?),
            "project" if self.keyword("-away") => Step::ProjectAway(self.list(Self::name)?),
            "project" => Step::Project(self.list(Self::column)?),
            "extend" => Step::Extend(self.list(Self::column)?),
            "distinct" => Step::Distinct(self.list(Self::column)?),
            "order" | "sort" if self.keyword("by") => Step::OrderBy(self.list(Self::ordering)?),
            "limit" | "take" => match self.tokens.get(self.at) {
                Some((Token::Number(count), _)) => {
                    let count = *count as usize;
                    self.at += 1;
                    Step::Limit(count)
                }
                _ => return Err(self.broken("a number")),
            },
            "count" => Step::Count,
            "summarize" => self.summarize()?,
            _ => {
                self.at -= 1;
                return Err(self.broken("an operator"));
            }
        })
    }

    fn summarize(&mut self) -> Result<Step, Broken> {
        let mut name = "count_".to_owned();
        if self.peek_word().as_deref() != Some("count") {
            name = self.name()?;
            self.need("=")?;
        }
        if !self.keyword("count") {
            return Err(self.broken("count()"));
        }
        self.need("(")?;
        self.need(")")?;
        let by = if self.keyword("by") { self.list(Self::column)? } else { Vec::new() };
        Ok(Step::CountBy(name, by))
    }

    fn list<T>(&mut self, item: fn(&mut Self) -> Result<T, Broken>) -> Result<Vec<T>, Broken> {
        let mut items = vec![item(self)?];
        while self.sign(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `name`, `way.into.it` or `name = expression`.
    fn column(&mut self) -> Result<(String, Expr), Broken> {
        let named = matches!(self.tokens.get(self.at), Some((Token::Word(_), _)))
            && matches!(self.tokens.get(self.at + 1), Some((Token::Sign("="), _)));
        if named {
            let name = self.name()?;
            self.need("=")?;
            return Ok((name, self.or()?));
        }
        let expr = self.or()?;
        let name = match &expr {
            Expr::Path(path) => path.join("_"),
            // A conversion keeps the name of what it converts.
            Expr::Call(_, arguments) => match arguments.first() {
                Some(Expr::Path(path)) => path.join("_"),
                _ => "Column1".to_owned(),
            },
            _ => "Column1".to_owned(),
        };
        Ok((name, expr))
    }

    fn ordering(&mut self) -> Result<(Expr, bool), Broken> {
        let expr = self.primary()?;
        let ascends = if self.keyword("asc") {
            true
        } else {
            // What is not said descends.
            let _ = self.keyword("desc");
            false
        };
        Ok((expr, ascends))
    }

    fn or(&mut self) -> Result<Expr, Broken> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.broken("a shallower condition"));
        }
        let mut left = self.and()?;
        while self.keyword("or") {
            left = Expr::Binary(Box::new(left), "or".to_owned(), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, Broken> {
        let mut left = self.comparison()?;
        while self.keyword("and") {
            left = Expr::Binary(Box::new(left), "and".to_owned(), Box::new(self.comparison()?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Expr, Broken> {
        let left = self.primary()?;
        for operator in COMPARISONS {
            if self.sign(operator) {
                return Ok(Expr::Binary(Box::new(left), operator.to_owned(), Box::new(self.primary()?)));
            }
        }
        let begin = self.at;
        let negated = if self.sign("!") { "!" } else { "" };
        let Some(word) = self.peek_word() else {
            self.at = begin;
            return Ok(left);
        };
        let operator = format!("{negated}{word}");
        if word == "in" {
            self.at += 1;
            let folds = if self.keyword("~") { "~" } else { "" };
            self.need("(")?;
            let items = self.list(Self::primary)?;
            self.need(")")?;
            return Ok(Expr::In(Box::new(left), format!("{operator}{folds}"), items));
        }
        if WORDS.contains(&operator.as_str()) {
            self.at += 1;
            return Ok(Expr::Binary(Box::new(left), operator, Box::new(self.primary()?)));
        }
        self.at = begin;
        Ok(left)
    }

    fn primary(&mut self) -> Result<Expr, Broken> {
        if self.sign("(") {
            let inner = self.or()?;
            self.need(")")?;
            return Ok(inner);
        }
        let Some((token, _)) = self.tokens.get(self.at).cloned() else {
            return Err(self.broken("an expression"));
        };
        let word = match token {
            Token::Text(text) => {
                self.at += 1;
                return Ok(Expr::Text(text));
            }
            Token::Number(number) => {
                self.at += 1;
                return Ok(Expr::Number(number));
            }
            Token::Sign(_) => return Err(self.broken("an expression")),
            Token::Word(word) => word,
        };
        if OPERATORS.contains(&word.to_lowercase().as_str()) && word.to_lowercase() != "count" {
            return Err(self.broken("an expression"));
        }
        self.at += 1;
        match word.as_str() {
            "true" => return Ok(Expr::Bool(true)),
            "false" => return Ok(Expr::Bool(false)),
            _ => {}
        }
        if self.sign("(") {
            let mut arguments = Vec::new();
            if !self.sign(")") {
                arguments = self.list(Self::or)?;
                self.need(")")?;
            }
            if !super::evaluate::FUNCTIONS.contains(&word.to_lowercase().as_str()) {
                self.at -= 1;
                return Err(self.broken("a known function"));
            }
            return Ok(Expr::Call(word.to_lowercase(), arguments));
        }
        let mut path = vec![word];
        loop {
            if self.sign(".") {
                path.push(self.name()?);
            } else if self.sign("[") {
                match self.tokens.get(self.at) {
                    Some((Token::Text(key), _)) => path.push(key.clone()),
                    Some((Token::Number(index), _)) => path.push((*index as usize).to_string()),
                    _ => return Err(self.broken("a key")),
                }
                self.at += 1;
                self.need("]")?;
            } else {
                return Ok(Expr::Path(path));
            }
        }
    }
}
