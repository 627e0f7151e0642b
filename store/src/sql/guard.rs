//! Decides whether a statement may be run at all. DataFusion is a query engine, not an authorization boundary: what is
//! not on this list does not get there.

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::SqlError;

/// Longest statement, in bytes.
const BYTES_MAX: usize = 64 * 1024;

/// Most tokens, white space not counted. A long chain of operators becomes a tree as deep, and planning walks it by
/// recursion: the threads of the engine have the stack for this many, see `engine::STACK_BYTES`.
const TOKENS_MAX: usize = 2_000;

/// How deep brackets and subqueries may nest.
const NESTING_MAX: usize = 40;

/// Parses one statement and passes it if all it can do is read.
pub fn parse(statement: &str) -> Result<Statement, SqlError> {
    let refused = |reason: &str| Err(SqlError::Refused(reason.to_owned()));
    if statement.len() > BYTES_MAX {
        return refused("it is longer than 64 KiB");
    }
    let dialect = GenericDialect {};
    let tokens = Tokenizer::new(&dialect, statement).tokenize_with_location();
    let tokens = tokens.map_err(|error| SqlError::Invalid(error.to_string()))?;
    let meaningful = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).count();
    if meaningful > TOKENS_MAX {
        return refused("it has more than 2000 words and signs");
    }
    let parser =
        DFParserBuilder::new(tokens).with_dialect(&dialect).with_recursion_limit(NESTING_MAX).build();
    let statements = parser.and_then(|mut parser| parser.parse_statements());
    let mut statements = statements.map_err(|error| SqlError::Invalid(error.strip_backtrace()))?;
    match (statements.pop_front(), statements.is_empty()) {
        (Some(only), true) => check(&only).map(|()| only),
        (None, _) => refused("it is empty"),
        (Some(_), false) => refused("it is more than one"),
    }
}

fn check(statement: &Statement) -> Result<(), SqlError> {
    match statement {
        Statement::Statement(statement) => match &**statement {
            ast::Statement::Query(query) => check_query(query),
            ast::Statement::ShowTables { .. } => Ok(()),
            ast::Statement::Explain { statement, .. } => check_explained(statement),
            _ => Err(SqlError::Refused("it is of a kind that does more than read".to_owned())),
        },
        Statement::Explain(explain) => match &*explain.statement {
            Statement::Statement(statement) => check_explained(statement),
            _ => Err(SqlError::Refused("only a SELECT may be explained".to_owned())),
        },
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => {
            Err(SqlError::Refused("it is of a kind that does more than read".to_owned()))
        }
    }
}

fn check_explained(statement: &ast::Statement) -> Result<(), SqlError> {
    match statement {
        ast::Statement::Query(query) => check_query(query),
        _ => Err(SqlError::Refused("only a SELECT may be explained".to_owned())),
    }
}

/// What writes can stand where a SELECT is expected; deeper down the plan is checked again, with writes off.
fn check_query(query: &ast::Query) -> Result<(), SqlError> {
    let with = query.with.iter().flat_map(|with| &with.cte_tables);
    for table in with {
        check_query(&table.query)?;
    }
    check_body(&query.body)
}

fn check_body(body: &ast::SetExpr) -> Result<(), SqlError> {
    match body {
        ast::SetExpr::Select(select) if select.into.is_some() => {
            Err(SqlError::Refused("SELECT INTO makes a table".to_owned()))
        }
        ast::SetExpr::Select(_) | ast::SetExpr::Values(_) | ast::SetExpr::Table(_) => Ok(()),
        ast::SetExpr::Query(query) => check_query(query),
        ast::SetExpr::SetOperation { left, right, .. } => {
            check_body(left)?;
            check_body(right)
        }
        ast::SetExpr::Insert(_)
        | ast::SetExpr::Update(_)
        | ast::SetExpr::Delete(_)
        | ast::SetExpr::Merge(_) => Err(SqlError::Refused("it writes".to_owned())),
    }
}
