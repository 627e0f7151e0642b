//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// One screen, one language and one alert centre over every cloud.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Collects, stores, evaluates and pages until it is told to stop.
    Serve(ServeArguments),
    /// Reads the configuration and says what is wrong with it; exit status 1 when something is.
    Check(CheckArguments),
    /// Evaluates a PromQL expression on a running server.
    Query(QueryArguments),
    /// Runs one SQL SELECT on a running server.
    Sql(SqlArguments),
    /// Lists alerts of a running server.
    Alerts(ListArguments),
    /// Lists deliveries of a running server: what was sent where, and the proof.
    Deliveries(ListArguments),
    /// Tells step by step why an alert paged, or did not.
    Why(WhyArguments),
    /// Lists source and notifier kinds, or shows one with its commented sample.
    Kinds(KindsArguments),
    /// Checks the journal.
    Audit(AuditArguments),
}

/// `isobar serve`
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "isobar.yaml")]
    pub config: PathBuf,
    /// Where samples, journal and lock are kept.
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// Listens here instead of `server.listen`.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<std::net::SocketAddr>,
}

/// `isobar check`
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "isobar.yaml")]
    pub config: PathBuf,
    /// Also tries every source and receiver.
    #[arg(long)]
    pub connect: bool,
}

/// Which server to ask, and as whom.
#[derive(Debug, Args)]
pub struct ServerArguments {
    /// The server's address.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9797")]
    pub url: url::Url,
    /// An API token; better kept in the environment than in the shell's history.
    #[arg(long, value_name = "TOKEN", env = "ISOBAR_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

/// `isobar query`
#[derive(Debug, Args)]
pub struct QueryArguments {
    /// The expression.
    pub expr: String,
    /// Evaluates at this time (RFC 3339 or Unix seconds) instead of now.
    #[arg(long, value_name = "T", conflicts_with_all = ["from", "to", "step"])]
    pub at: Option<String>,
    /// Start of a range.
    #[arg(long, value_name = "T", requires = "to")]
    pub from: Option<String>,
    /// End of a range.
    #[arg(long, value_name = "T", requires = "from")]
    pub to: Option<String>,
    /// Step of a range.
    #[arg(long, value_name = "DURATION", default_value = "60s", requires = "from")]
    pub step: String,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub output: Output,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `isobar sql`
#[derive(Debug, Args)]
pub struct SqlArguments {
    /// The statement.
    pub statement: String,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub output: SqlOutput,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `isobar alerts`, `isobar deliveries`
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Only what contains this text.
    #[arg(long, value_name = "TEXT")]
    pub q: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub output: Output,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `isobar why`
#[derive(Debug, Args)]
pub struct WhyArguments {
    /// The alert's id: its fingerprint as `isobar alerts` shows it.
    pub alert: String,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub output: Output,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `isobar kinds`
#[derive(Debug, Args)]
pub struct KindsArguments {
    /// Shows this one whole.
    pub name: Option<String>,
    /// Prints the whole configuration reference as Markdown.
    #[arg(long, conflicts_with = "name")]
    pub markdown: bool,
}

/// `isobar audit`
#[derive(Debug, Args)]
pub struct AuditArguments {
    /// What to check.
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// `isobar audit …`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Checks the hash chain of an export (`/api/isobar/v1/journal?format=ndjson`), offline.
    Verify {
        /// The export; `-` reads standard input.
        export: PathBuf,
        /// A head kept elsewhere, `SEQ:HASH`: lets it detect that the end was cut off.
        #[arg(long, value_name = "SEQ:HASH")]
        checkpoint: Option<String>,
    },
}

/// How lists are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Columns for people.
    Table,
    /// As the API answers.
    Json,
}

/// How SQL answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SqlOutput {
    /// Columns for people.
    Table,
    /// As the API answers.
    Json,
    /// Comma-separated values.
    Csv,
    /// An Arrow IPC stream.
    Arrow,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the command line is taken.
    fn check(line: &str, expected: bool) {
        assert_eq!(Cli::try_parse_from(line.split(' ')).is_ok(), expected, "{line}");
    }

    #[test]
    fn arguments_that_would_do_nothing_are_refused() {
        check("isobar query up", true);
        check("isobar query up --from 1 --to 2", true);
        check("isobar query up --from 1 --to 2 --step 5s", true);
        check("isobar query up --step 5s", false);
        check("isobar query up --from 1", false);
        check("isobar query up --at 1 --step 5s", false);
        check("isobar kinds webhook --markdown", false);
    }
}
