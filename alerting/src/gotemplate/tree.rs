//! What a template is once it is read.

use std::sync::Arc;

use super::function::Function;
use super::value::Value;

/// A named piece: the whole text of a file, or what stands between `define` and its `end`.
#[derive(Debug)]
pub(super) struct Template {
    /// Where it was read from, for complaints.
    pub(super) file: Arc<str>,
    pub(super) body: Vec<Node>,
}

impl Template {
    /// White space only: Go lets such a definition stand behind one that says something.
    pub(super) fn is_empty(&self) -> bool {
        self.body.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
    }

    /// Line and name of every call of another template.
    pub(super) fn calls(&self, found: &mut impl FnMut(usize, &Arc<str>)) {
        calls(&self.body, found);
    }
}

fn calls(nodes: &[Node], found: &mut impl FnMut(usize, &Arc<str>)) {
    for node in nodes {
        match node {
            Node::Call { line, name, .. } => found(*line, name),
            Node::If(branch) | Node::With(branch) | Node::Range(branch) => {
                calls(&branch.body, found);
                calls(&branch.otherwise, found);
            }
            Node::Text(_) | Node::Action(_) | Node::Break | Node::Continue => {}
        }
    }
}

#[derive(Debug)]
pub(super) enum Node {
    Text(Arc<str>),
    /// Written unless it declares or assigns.
    Action(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    Call {
        line: usize,
        name: Arc<str>,
        argument: Option<Pipeline>,
    },
    Break,
    Continue,
}

#[derive(Debug)]
pub(super) struct Branch {
    pub(super) pipeline: Pipeline,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// Commands, each of which gets the value of the one before as its last argument.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) line: usize,
    /// `$x` of `$x := …`; for `range` up to two, otherwise up to one.
    pub(super) variables: Vec<Arc<str>>,
    /// Whether they are new (`:=`) or there already (`=`).
    pub(super) declares: bool,
    /// At least one.
    pub(super) commands: Vec<Command>,
}

/// What is evaluated, and its arguments: never empty.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) operands: Vec<Operand>,
}

/// A value and the fields taken of it: `.Labels.severity`, `$x.Name`, `(index .Alerts 0).Labels`.
#[derive(Debug)]
pub(super) struct Operand {
    pub(super) base: Base,
    pub(super) fields: Vec<Arc<str>>,
}

#[derive(Debug)]
pub(super) enum Base {
    Dot,
    Variable(Arc<str>),
    Nil,
    Literal(Value),
    Function(&'static Function),
    Pipeline(Box<Pipeline>),
}
