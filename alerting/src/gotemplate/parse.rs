//! From tokens to trees: Go's grammar, with complaints that name the place and what would be right.

use std::sync::Arc;

use super::TemplateError;
use super::function::Function;
use super::lex::{Token, TokenKind, tokens};
use super::tree::{Base, Branch, Command, Node, Operand, Pipeline, Template};
use super::value::Value;

/// Blocks and parentheses inside each other; people write five.
const DEPTH_MAX: usize = 100;

/// What a text holds.
#[derive(Debug)]
pub(super) struct Parsed {
    /// What stands outside definitions.
    pub(super) main: Template,
    /// In the order they end; a name may come twice.
    pub(super) defined: Vec<(Arc<str>, Template)>,
}

/// Reads a text. `file` is what complaints call it.
pub(super) fn parse(file: &str, source: &str) -> Result<Parsed, TemplateError> {
    let mut parser = Parser {
        file: file.into(),
        tokens: tokens(file, source)?,
        at: 0,
        line: 1,
        variables: vec!["$".into()],
        ranges: 0,
        depth: 0,
        defined: Vec::new(),
    };
    let (body, end) = parser.nodes()?;
    match end {
        Ending::Text => {}
        Ending::End => return Err(parser.error("{{end}} without a block to end")),
        Ending::Else => return Err(parser.error("{{else}} outside if, with and range")),
    }
    Ok(Parsed { main: Template { file: Arc::clone(&parser.file), body }, defined: parser.defined })
}

struct Parser {
    file: Arc<str>,
    /// The last one is [`TokenKind::End`], which is never passed.
    tokens: Vec<Token>,
    at: usize,
    /// Of the token taken last.
    line: usize,
    /// Names in scope, inner ones last.
    variables: Vec<Arc<str>>,
    /// How many `range` are open.
    ranges: usize,
    depth: usize,
    defined: Vec<(Arc<str>, Template)>,
}

/// What ended a list of nodes. After `else` the parser stands behind the word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Text,
    Else,
    End,
}

impl Parser {
    fn nodes(&mut self) -> Result<(Vec<Node>, Ending), TemplateError> {
        let mut nodes = Vec::new();
        loop {
            let token = self.next();
            match token.kind {
                TokenKind::Text(text) => nodes.push(Node::Text(text.into())),
                TokenKind::End => return Ok((nodes, Ending::Text)),
                _ => match self.action(&mut nodes)? {
                    None => {}
                    Some(ending) => return Ok((nodes, ending)),
                },
            }
        }
    }

    /// Stands behind `{{`.
    fn action(&mut self, nodes: &mut Vec<Node>) -> Result<Option<Ending>, TemplateError> {
        let word = match &self.peek().kind {
            TokenKind::Word(word) => word.clone(),
            _ => String::new(),
        };
        let is_keyword = matches!(
            word.as_str(),
            "if" | "with" | "range" | "end" | "else" | "template" | "define" | "block" | "break" | "continue"
        );
        if is_keyword {
            self.next();
        }
        match word.as_str() {
            "if" => nodes.push(Node::If(self.branch("if")?)),
            "with" => nodes.push(Node::With(self.branch("with")?)),
            "range" => nodes.push(Node::Range(self.branch("range")?)),
            "template" => nodes.push(self.call()?),
            "block" => nodes.push(self.block()?),
            "define" => self.define()?,
            "break" | "continue" => {
                self.close(&word)?;
                if self.ranges == 0 {
                    return Err(self.error(&format!("{{{{{word}}}}} outside range")));
                }
                nodes.push(if word == "break" { Node::Break } else { Node::Continue });
            }
            "end" => {
                self.close("end")?;
                return Ok(Some(Ending::End));
            }
            "else" => return Ok(Some(Ending::Else)),
            _ => {
                let pipeline = self.pipeline("an action", &TokenKind::Close, 1)?;
                nodes.push(Node::Action(pipeline));
            }
        }
        Ok(None)
    }

    /// Stands behind `if`, `with` or `range`, also behind those of `else if`.
    fn branch(&mut self, word: &str) -> Result<Branch, TemplateError> {
        self.deeper()?;
        let begun = self.line;
        let scope = self.variables.len();
        let is_range = word == "range";
        let pipeline = self.pipeline(word, &TokenKind::Close, if is_range { 2 } else { 1 })?;
        self.ranges += usize::from(is_range);
        let (body, ending) = self.nodes()?;
        self.ranges -= usize::from(is_range);
        let mut otherwise = Vec::new();
        match ending {
            Ending::End => {}
            Ending::Text => return Err(self.unended(word, begun)),
            Ending::Else => {
                let chained = match &self.peek().kind {
                    TokenKind::Word(next) if next == word && !is_range => true,
                    TokenKind::Close => false,
                    other => {
                        let other = other.to_string();
                        return Err(self.error(&format!("unexpected {other} after else of {word}")));
                    }
                };
                self.next();
                if chained {
                    // The one end belongs to both.
                    let inner = self.branch(word)?;
                    otherwise.push(if word == "if" { Node::If(inner) } else { Node::With(inner) });
                } else {
                    let (nodes, ending) = self.nodes()?;
                    match ending {
                        Ending::End => otherwise = nodes,
                        Ending::Else => return Err(self.error(&format!("a second {{{{else}}}} of {word}"))),
                        Ending::Text => return Err(self.unended(word, begun)),
                    }
                }
            }
        }
        self.variables.truncate(scope);
        self.depth -= 1;
        Ok(Branch { pipeline, body, otherwise })
    }

    fn call(&mut self) -> Result<Node, TemplateError> {
        let name = self.name("template")?;
        let line = self.line;
        let argument = match self.peek().kind {
            TokenKind::Close => {
                self.next();
                None
            }
            _ => Some(self.pipeline("template", &TokenKind::Close, 1)?),
        };
        Ok(Node::Call { line, name, argument })
    }

    fn block(&mut self) -> Result<Node, TemplateError> {
        let name = self.name("block")?;
        let line = self.line;
        let argument = self.pipeline("block", &TokenKind::Close, 1)?;
        self.definition("block", &name, line)?;
        Ok(Node::Call { line, name, argument: Some(argument) })
    }

    fn define(&mut self) -> Result<(), TemplateError> {
        if self.depth > 0 {
            return Err(self.error("{{define}} inside another block: definitions stand outside"));
        }
        let name = self.name("define")?;
        self.close("define")?;
        self.definition("define", &name, self.line)
    }

    /// The body of a definition; nothing from around is in scope.
    fn definition(&mut self, word: &str, name: &Arc<str>, begun: usize) -> Result<(), TemplateError> {
        self.deeper()?;
        let variables = std::mem::replace(&mut self.variables, vec!["$".into()]);
        let ranges = std::mem::take(&mut self.ranges);
        let (body, ending) = self.nodes()?;
        match ending {
            Ending::End => {}
            Ending::Else => return Err(self.error(&format!("{{{{else}}}} in {word}"))),
            Ending::Text => return Err(self.unended(word, begun)),
        }
        (self.variables, self.ranges) = (variables, ranges);
        self.depth -= 1;
        self.defined.push((Arc::clone(name), Template { file: Arc::clone(&self.file), body }));
        Ok(())
    }

    fn name(&mut self, word: &str) -> Result<Arc<str>, TemplateError> {
        let token = self.next();
        match token.kind {
            TokenKind::Str(name) => Ok(name.into()),
            other => Err(self.error(&format!("unexpected {other} after {word}: write the name in quotes"))),
        }
    }

    fn close(&mut self, word: &str) -> Result<(), TemplateError> {
        match self.next().kind {
            TokenKind::Close => Ok(()),
            other => Err(self.error(&format!("unexpected {other} in {word}: expected }}}}"))),
        }
    }

    /// Up to and with `end`. So many variables may be declared.
    fn pipeline(
        &mut self,
        context: &str,
        end: &TokenKind,
        variables_max: usize,
    ) -> Result<Pipeline, TemplateError> {
        self.deeper()?;
        let line = self.peek().line;
        let mut pipeline = Pipeline { line, variables: Vec::new(), declares: true, commands: Vec::new() };
        if variables_max > 0 {
            self.declarations(context, variables_max, &mut pipeline)?;
        }
        loop {
            let command = self.command(context)?;
            let first = &command.operands[0];
            let is_callable =
                matches!(first.base, Base::Function(_) | Base::Pipeline(_)) || !first.fields.is_empty();
            if !pipeline.commands.is_empty() && !is_callable && !matches!(first.base, Base::Variable(_)) {
                return Err(self.error("what stands after | must be a function or a method"));
            }
            pipeline.commands.push(command);
            match self.next().kind {
                TokenKind::Pipe => {}
                kind if kind == *end => break,
                other => return Err(self.error(&format!("unexpected {other} in {context}: expected {end}"))),
            }
        }
        if pipeline.declares {
            self.variables.extend(pipeline.variables.iter().cloned());
        }
        self.depth -= 1;
        Ok(pipeline)
    }

    /// `$x :=`, `$x =`, and in a `range` also `$i, $x :=`, where one stands.
    fn declarations(
        &mut self,
        context: &str,
        variables_max: usize,
        pipeline: &mut Pipeline,
    ) -> Result<(), TemplateError> {
        let mut names: Vec<Arc<str>> = Vec::new();
        let mut ahead = self.at;
        let declares = loop {
            let [first, second, ..] = &self.tokens[ahead..] else { return Ok(()) };
            let TokenKind::Variable(name) = &first.kind else { return Ok(()) };
            names.push(name.as_str().into());
            ahead += 2;
            match second.kind {
                TokenKind::Declare => break true,
                TokenKind::Assign => break false,
                TokenKind::Comma if names.len() < variables_max => {}
                TokenKind::Comma => return Err(self.error(&format!("too many variables in {context}"))),
                _ => return Ok(()),
            }
        };
        self.at = ahead;
        if let Some(unknown) = names.iter().find(|name| !declares && !self.variables.contains(name)) {
            return Err(self.error(&format!("undefined variable {unknown:?}: declare it with :=")));
        }
        pipeline.variables = names;
        pipeline.declares = declares;
        Ok(())
    }

    fn command(&mut self, context: &str) -> Result<Command, TemplateError> {
        let mut operands = Vec::new();
        loop {
            match &self.peek().kind {
                TokenKind::Close | TokenKind::Pipe | TokenKind::CloseParen => break,
                _ if !operands.is_empty() && !self.peek().spaced => {
                    let other = self.peek().kind.to_string();
                    return Err(self.error(&format!("unexpected {other}: write a space before it")));
                }
                _ => operands.push(self.operand(context)?),
            }
        }
        if operands.is_empty() {
            return Err(self.error(&format!("missing value for {context}")));
        }
        if matches!(operands[..], [Operand { base: Base::Nil, .. }]) {
            return Err(self.error("nil is not a command"));
        }
        Ok(Command { operands })
    }

    fn operand(&mut self, context: &str) -> Result<Operand, TemplateError> {
        let token = self.next();
        let mut fields: Vec<Arc<str>> = Vec::new();
        let base = match token.kind {
            TokenKind::Dot => Base::Dot,
            TokenKind::Field(name) => {
                fields.push(name.into());
                Base::Dot
            }
            TokenKind::Variable(name) => {
                if !self.variables.iter().any(|known| **known == *name) {
                    return Err(self.error(&format!("undefined variable {name:?}")));
                }
                Base::Variable(name.into())
            }
            TokenKind::Word(word) => match word.as_str() {
                "nil" => Base::Nil,
                "true" => Base::Literal(Value::Bool(true)),
                "false" => Base::Literal(Value::Bool(false)),
                name => Base::Function(
                    Function::named(name)
                        .ok_or_else(|| self.error(&format!("function {name:?} not defined")))?,
                ),
            },
            TokenKind::Number(text) => {
                Base::Literal(number(&text).ok_or_else(|| self.error(&format!("{text:?} is no number")))?)
            }
            TokenKind::Char(c) => Base::Literal(Value::Int(i64::from(u32::from(c)))),
            TokenKind::Str(text) => Base::Literal(Value::Text(text.into())),
            TokenKind::OpenParen => {
                Base::Pipeline(Box::new(self.pipeline("parentheses", &TokenKind::CloseParen, 0)?))
            }
            other => return Err(self.error(&format!("unexpected {other} in {context}"))),
        };
        let takes_fields = !matches!(base, Base::Nil | Base::Literal(_));
        let is_bare_dot = matches!(base, Base::Dot) && fields.is_empty();
        while let Token { kind: TokenKind::Field(name), spaced: false, .. } = self.peek() {
            let name: Arc<str> = name.as_str().into();
            if !takes_fields || is_bare_dot {
                return Err(self.error(&format!("unexpected .{name}: what stands before it has no fields")));
            }
            self.next();
            fields.push(name);
        }
        Ok(Operand { base, fields })
    }

    fn deeper(&mut self) -> Result<(), TemplateError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(
                self.error(&format!("more than {DEPTH_MAX} blocks and parentheses inside each other"))
            );
        }
        Ok(())
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.at]
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.line = token.line;
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn unended(&self, word: &str, begun: usize) -> TemplateError {
        TemplateError::new(&self.file, begun, &format!("{word} has no {{{{end}}}}"))
    }

    fn error(&self, what: &str) -> TemplateError {
        TemplateError::new(&self.file, self.line, what)
    }
}

/// Go's number literals. One that is written as a fraction or with an exponent is a float.
fn number(text: &str) -> Option<Value> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase().replace('_', "");
    let radix = |text: &str, radix: u32| {
        let number =
            i128::from_str_radix(text, radix).ok().filter(|_| text.starts_with(|c| char::is_digit(c, radix)));
        i64::try_from(sign * number?).ok().map(Value::Int)
    };
    if let Some(digits) = lower.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = lower.strip_prefix("0b") {
        return radix(digits, 2);
    }
    if let Some(digits) = lower.strip_prefix("0o") {
        return radix(digits, 8);
    }
    if lower.contains(['.', 'e']) {
        let valid = lower.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | '+' | '-'));
        let number: f64 = lower.parse().ok().filter(|_| valid)?;
        return Some(Value::Float(if sign < 0 { -number } else { number })).filter(|_| number.is_finite());
    }
    if lower.len() > 1 && lower.starts_with('0') {
        return radix(&lower, 8);
    }
    radix(&lower, 10)
}
