//! Runs a template over data, within limits.

use std::collections::HashMap;
use std::sync::Arc;

use super::TemplateError;
use super::function::{Env, Function, Kind, printable};
use super::html::HtmlWriter;
use super::method::{field, method};
use super::tree::{Base, Branch, Command, Node, Operand, Pipeline, Template};
use super::value::Value;

/// Nodes, operands and rounds one rendering may take: a mail about 1000 alerts takes a twelfth of it.
const STEPS_MAX: u64 = 2_000_000;
/// Bytes one rendering may write: mail systems take ten times as much, chats far less. About a thousand alerts of usual length
/// fill the HTML of a mail; of more the worst are written.
const OUTPUT_MAX: usize = 2 << 20;
/// Bytes that functions may make on the way.
const MADE_MAX: usize = 64 << 20;
/// Lists and maps inside each other; people write three.
const NESTED_MAX: usize = 32;
/// Bytes of arguments a function looks at for one step.
const STEP_BYTES: usize = 1024;
/// Templates, blocks and parentheses inside each other; recursion ends here.
const DEPTH_MAX: usize = 200;

/// Templates by name.
pub(super) type Named = HashMap<Arc<str>, Arc<Template>>;

/// Where what is rendered goes.
#[derive(Debug)]
pub(super) enum Output {
    Text(String),
    Html(HtmlWriter),
}

impl Output {
    fn literal(&mut self, text: &str) {
        match self {
            Self::Text(out) => out.push_str(text),
            Self::Html(html) => html.literal(text),
        }
    }

    fn value(&mut self, value: &Value) -> Result<(), String> {
        printable(std::slice::from_ref(value))?;
        match (self, value) {
            (Self::Text(out), Value::Nil) => out.push_str("<no value>"),
            (Self::Text(out), value) => value.print_to(out),
            (Self::Html(html), value) => html.value(value)?,
        }
        Ok(())
    }

    fn len(&self) -> usize {
        match self {
            Self::Text(out) => out.len(),
            Self::Html(html) => html.len(),
        }
    }
}

/// Renders `template`. Names are looked up in `own` first.
pub(super) fn run(
    template: &Template,
    own: &Named,
    named: &Named,
    data: &Value,
    env: Env,
    output: Output,
) -> Result<Output, TemplateError> {
    let mut run = Run {
        own,
        named,
        env,
        file: Arc::clone(&template.file),
        variables: vec![("$".into(), data.clone())],
        output,
        steps: 0,
        made: 0,
        depth: 0,
    };
    run.nodes(&template.body, data)?;
    Ok(run.output)
}

struct Run<'a> {
    own: &'a Named,
    named: &'a Named,
    env: Env,
    /// Of the template that runs.
    file: Arc<str>,
    variables: Vec<(Arc<str>, Value)>,
    output: Output,
    steps: u64,
    made: usize,
    depth: usize,
}

/// Whether the next node comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

impl Run<'_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, TemplateError> {
        for node in nodes {
            let flow = match node {
                Node::Text(text) => {
                    self.output.literal(text);
                    self.step(0)?;
                    Flow::On
                }
                Node::Action(pipeline) => {
                    let value = self.pipeline(pipeline, dot)?;
                    if pipeline.variables.is_empty() {
                        self.output.value(&value).map_err(|what| self.error(pipeline.line, &what))?;
                        self.step(pipeline.line)?;
                    }
                    Flow::On
                }
                Node::If(branch) => self.scoped(branch.pipeline.line, |run| {
                    let chosen = run.pipeline(&branch.pipeline, dot)?.is_true();
                    run.nodes(if chosen { &branch.body } else { &branch.otherwise }, dot)
                })?,
                Node::With(branch) => self.scoped(branch.pipeline.line, |run| {
                    let value = run.pipeline(&branch.pipeline, dot)?;
                    match value.is_true() {
                        true => run.nodes(&branch.body, &value),
                        false => run.nodes(&branch.otherwise, dot),
                    }
                })?,
                Node::Range(branch) => self.scoped(branch.pipeline.line, |run| run.range(branch, dot))?,
                Node::Call { line, name, argument } => {
                    self.call(*line, name, argument.as_ref(), dot)?;
                    Flow::On
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    /// Runs something inside which new variables may appear.
    fn scoped(
        &mut self,
        line: usize,
        inside: impl FnOnce(&mut Self) -> Result<Flow, TemplateError>,
    ) -> Result<Flow, TemplateError> {
        self.deeper(line)?;
        let scope = self.variables.len();
        let flow = inside(self);
        self.variables.truncate(scope);
        self.depth -= 1;
        flow
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Result<Flow, TemplateError> {
        let line = branch.pipeline.line;
        let over = self.evaluate(&branch.pipeline, dot)?;
        let mut round = |index: Value, item: &Value| self.round(branch, index, item);
        let mut rounds = 0;
        match &over {
            Value::List(_, items) => {
                for (index, item) in (0..).zip(items.iter()) {
                    rounds += 1;
                    if round(Value::Int(index), item)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Map(_, map) => {
                for (name, item) in map.iter() {
                    rounds += 1;
                    if round(Value::Text(Arc::clone(name)), item)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Int(count) => {
                for index in 0..*count {
                    rounds += 1;
                    if round(Value::Int(index), &Value::Int(index))? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Nil => {}
            other => return Err(self.error(line, &format!("range can't iterate over {}", other.type_name()))),
        }
        if rounds == 0 {
            return self.nodes(&branch.otherwise, dot);
        }
        Ok(Flow::On)
    }

    /// One round; the variables of the one before are gone.
    fn round(&mut self, branch: &Branch, index: Value, item: &Value) -> Result<Flow, TemplateError> {
        self.step(branch.pipeline.line)?;
        let scope = self.variables.len();
        match &branch.pipeline.variables[..] {
            [] => {}
            [only] => self.bind(&branch.pipeline, only, item.clone()),
            [first, second, ..] => {
                self.bind(&branch.pipeline, first, index);
                self.bind(&branch.pipeline, second, item.clone());
            }
        }
        let flow = self.nodes(&branch.body, item);
        self.variables.truncate(scope);
        flow
    }

    fn call(
        &mut self,
        line: usize,
        name: &Arc<str>,
        argument: Option<&Pipeline>,
        dot: &Value,
    ) -> Result<(), TemplateError> {
        let found = self.own.get(name).or_else(|| self.named.get(name)).cloned();
        let template = found.ok_or_else(|| self.error(line, &format!("template {name:?} not defined")))?;
        let value = match argument {
            Some(pipeline) => self.pipeline(pipeline, dot)?,
            None => Value::Nil,
        };
        self.deeper(line)?;
        let variables = std::mem::replace(&mut self.variables, vec![("$".into(), value.clone())]);
        let file = std::mem::replace(&mut self.file, Arc::clone(&template.file));
        self.nodes(&template.body, &value)?;
        (self.variables, self.file) = (variables, file);
        self.depth -= 1;
        Ok(())
    }

    /// The value, which its variable gets where there is one.
    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, TemplateError> {
        let value = self.evaluate(pipeline, dot)?;
        if let [name, ..] = &pipeline.variables[..] {
            self.bind(pipeline, name, value.clone());
        }
        Ok(value)
    }

    fn bind(&mut self, pipeline: &Pipeline, name: &Arc<str>, value: Value) {
        if pipeline.declares {
            self.variables.push((Arc::clone(name), value));
        } else if let Some((_, old)) = self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            *old = value;
        }
    }

    fn evaluate(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, TemplateError> {
        self.deeper(pipeline.line)?;
        let mut piped = None;
        for command in &pipeline.commands {
            piped = Some(self.command(pipeline.line, command, piped, dot)?);
        }
        self.depth -= 1;
        Ok(piped.unwrap_or(Value::Nil))
    }

    fn command(
        &mut self,
        line: usize,
        command: &Command,
        piped: Option<Value>,
        dot: &Value,
    ) -> Result<Value, TemplateError> {
        self.step(line)?;
        let [callee, operands @ ..] = &command.operands[..] else { return Ok(Value::Nil) };
        if let (Base::Function(function), true) = (&callee.base, callee.fields.is_empty()) {
            return self.function(line, function, operands, piped, dot);
        }
        let takes = !callee.fields.is_empty();
        if !takes && (!operands.is_empty() || piped.is_some()) {
            return Err(self.error(line, "can't give an argument to what is no function or method"));
        }
        let mut args = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            args.push(self.operand(line, operand, &[], dot)?);
        }
        args.extend(piped);
        self.operand(line, callee, &args, dot)
    }

    fn function(
        &mut self,
        line: usize,
        function: &Function,
        operands: &[Operand],
        piped: Option<Value>,
        dot: &Value,
    ) -> Result<Value, TemplateError> {
        match function.kind {
            Kind::Until(deciding) => {
                let mut last = None;
                for operand in operands {
                    let value = self.operand(line, operand, &[], dot)?;
                    if value.is_true() == deciding {
                        return Ok(value);
                    }
                    last = Some(value);
                }
                let none = || self.error(line, &format!("{} needs an argument", function.name));
                piped.or(last).ok_or_else(none)
            }
            Kind::Call(call) => {
                let mut args = Vec::with_capacity(operands.len() + 1);
                for operand in operands {
                    args.push(self.operand(line, operand, &[], dot)?);
                }
                args.extend(piped);
                self.steps += args.iter().map(|arg| (arg.size() / STEP_BYTES) as u64).sum::<u64>();
                let made = call(&self.env, &args);
                self.steps += self.env.take_steps();
                let made = made.map_err(|what| self.error(line, &format!("{}: {what}", function.name)))?;
                self.charge(line, made)
            }
        }
    }

    /// The value of an operand; the last of its fields may be a method and takes the arguments.
    fn operand(
        &mut self,
        line: usize,
        operand: &Operand,
        args: &[Value],
        dot: &Value,
    ) -> Result<Value, TemplateError> {
        self.step(line)?;
        let mut value = match &operand.base {
            Base::Dot => dot.clone(),
            Base::Nil => Value::Nil,
            Base::Literal(value) => value.clone(),
            Base::Variable(name) => {
                let found = self.variables.iter().rev().find(|(known, _)| known == name);
                found.map_or(Value::Nil, |(_, value)| value.clone())
            }
            Base::Function(function) => self.function(line, function, &[], None, dot)?,
            Base::Pipeline(pipeline) => self.pipeline(pipeline, dot)?,
        };
        for (index, name) in operand.fields.iter().enumerate() {
            let given = if index + 1 == operand.fields.len() { args } else { &[] };
            let failed = |what: String| self.error(line, &what);
            value = match method(&value, name, given) {
                Some(made) => {
                    let made = made.map_err(failed)?;
                    self.charge(line, made)?
                }
                None => field(&value, name, given).map_err(failed)?,
            };
        }
        Ok(value)
    }

    fn charge(&mut self, line: usize, value: Value) -> Result<Value, TemplateError> {
        self.made = self.made.saturating_add(value.size());
        if self.made > MADE_MAX {
            return Err(self.error(line, &format!("more than {MADE_MAX} bytes of values are made")));
        }
        if value.extent().depth > NESTED_MAX {
            return Err(self.error(line, &format!("more than {NESTED_MAX} lists and maps inside each other")));
        }
        Ok(value)
    }

    fn step(&mut self, line: usize) -> Result<(), TemplateError> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(self.error(line, &format!("the template takes more than {STEPS_MAX} steps")));
        }
        if self.output.len() > OUTPUT_MAX {
            return Err(self.error(line, &format!("the template writes more than {OUTPUT_MAX} bytes")));
        }
        Ok(())
    }

    fn deeper(&mut self, line: usize) -> Result<(), TemplateError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let what = format!(
                "more than {DEPTH_MAX} templates and blocks inside each other: does one call itself?"
            );
            return Err(self.error(line, &what));
        }
        Ok(())
    }

    fn error(&self, line: usize, what: &str) -> TemplateError {
        TemplateError::new(&self.file, line, what)
    }
}
