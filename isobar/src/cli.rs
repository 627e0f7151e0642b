//! The command line.

mod people;

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use isobar_runbooks::Position;
use isobar_simulators::{SCENARIOS, Scenario};

pub use people::{
    ActCommand, AlertsArguments, IncidentCommand, IncidentsArguments, RoutesArguments, RoutesCommand,
    SilenceArguments, SilenceCommand, Targets,
};

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
    /// Shows everything on simulated clouds, with nothing to install or configure, and without a network.
    Demo(DemoArguments),
    /// Collects, stores, evaluates and pages until it is told to stop.
    Serve(ServeArguments),
    /// Reads the configuration and says what is wrong with it; exit status 1 when something is.
    Check(CheckArguments),
    /// Stands in for clouds: starts the simulators alone, and prints how to reach them.
    Simulate(SimulateArguments),
    /// Evaluates a PromQL expression on a running server.
    Query(QueryArguments),
    /// Runs one SQL SELECT on a running server.
    Sql(SqlArguments),
    /// Lists alerts of a running server, or does something about them.
    Alerts(AlertsArguments),
    /// Lists incidents, alerts that belong together, shows one, or does something about it.
    Incidents(IncidentsArguments),
    /// Lists deliveries of a running server: what was sent where, and the proof.
    Deliveries(ListArguments),
    /// Lists, makes, changes and ends silences.
    Silence(SilenceArguments),
    /// Tells where alerts go.
    Routes(RoutesArguments),
    /// Tells step by step why an alert paged, or did not.
    Why(WhyArguments),
    /// Lists what alerts propose to do, or approves (or denies) one proposal.
    Approve(ApproveArguments),
    /// Shows the lever over everything that acts, or moves it.
    Lever(LeverArguments),
    /// Tells which provider's metrics have a meaning here: of a running server what came, without one what is mapped.
    Coverage(CoverageArguments),
    /// Tells what a stretch of the past would have paged under another configuration; sends nothing.
    Replay(ReplayArguments),
    /// Lists source and notifier kinds, or shows one with its commented sample.
    Kinds(KindsArguments),
    /// Checks the journal.
    Audit(AuditArguments),
}

/// `isobar demo`
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Where the page is served.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9797")]
    pub listen: std::net::SocketAddr,
    /// What happens on the simulated clouds.
    #[arg(long, value_name = "NAME", default_value = "first-light", value_parser = scenarios())]
    pub scenario: Scenario,
    /// Keeps configuration and data in this new or empty folder instead of a temporary one.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// `isobar simulate`
#[derive(Debug, Args)]
pub struct SimulateArguments {
    /// What happens.
    #[arg(long, value_name = "NAME", value_parser = scenarios())]
    pub scenario: Scenario,
    /// Where the first simulator listens; the others take the ports after it. Port 0 takes any.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9800")]
    pub listen: std::net::SocketAddr,
    /// Chooses the estate: machines, names and numbers follow from it.
    #[arg(long, value_name = "N", default_value_t = SEED)]
    pub seed: u64,
}

/// The estate that demo and simulate have unless told otherwise.
pub const SEED: u64 = 1;

/// Reads a scenario's name, and lists them all where it is none.
fn scenarios() -> impl TypedValueParser<Value = Scenario> {
    let names = SCENARIOS.map(|(name, _, about)| PossibleValue::new(name).help(about));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Scenario>())
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

/// The server that is asked unless another is named.
const SERVER_URL: &str = "http://127.0.0.1:9797";

/// Which server to ask, and as whom.
#[derive(Debug, Args)]
pub struct ServerArguments {
    /// The server's address.
    #[arg(long, value_name = "URL", default_value = SERVER_URL)]
    pub url: url::Url,
    /// An API token; better kept in the environment than in the shell's history.
    #[arg(long, value_name = "TOKEN", env = "ISOBAR_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

impl From<&CoverageArguments> for ServerArguments {
    fn from(coverage: &CoverageArguments) -> Self {
        let default = || SERVER_URL.parse().expect("the default is a URL");
        Self { url: coverage.url.clone().unwrap_or_else(default), token: coverage.token.clone() }
    }
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

/// `isobar alerts`, `isobar deliveries`, `isobar silence list`
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

/// `isobar replay`
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// Begin of the stretch (RFC 3339 or Unix seconds).
    #[arg(long, value_name = "T")]
    pub from: String,
    /// End of the stretch.
    #[arg(long, value_name = "T")]
    pub to: String,
    /// Routes and receivers of this file, an isobar.yaml or one of Alertmanager's, instead of those that run.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Also evaluates the policies of that file over what is stored, in the place of what policies said then.
    #[arg(long, requires = "config")]
    pub policies: bool,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub output: Output,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `isobar approve`
#[derive(Debug, Args)]
pub struct ApproveArguments {
    /// The proposal; without it, those that wait for a decision are listed.
    pub id: Option<String>,
    /// Denies it instead.
    #[arg(long, requires = "id")]
    pub deny: bool,
    /// What is to be said to the decision; kept in the journal.
    #[arg(long, value_name = "TEXT", requires = "id")]
    pub comment: Option<String>,
    /// Decides about what is shown without asking.
    #[arg(long, requires = "id")]
    pub yes: bool,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `isobar lever`
#[derive(Debug, Args)]
pub struct LeverArguments {
    /// Where to: off stops everything that acts, propose lets people approve.
    #[arg(value_name = "off|propose", requires = "reason")]
    pub position: Option<Position>,
    /// Why; kept in the journal.
    #[arg(long, value_name = "TEXT", requires = "position")]
    pub reason: Option<String>,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `isobar coverage`
#[derive(Debug, Args)]
pub struct CoverageArguments {
    /// Tells what the mapping files of this program cover, and asks no server.
    #[arg(long, conflicts_with_all = ["url", "token"])]
    pub mappings: bool,
    /// The server to ask. Without it the one at this machine's port 9797 is asked, and where there is none the mapping
    /// files are listed.
    #[arg(long, value_name = "URL")]
    pub url: Option<url::Url>,
    /// An API token; better kept in the environment than in the shell's history.
    #[arg(long, value_name = "TOKEN", env = "ISOBAR_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub output: Output,
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
    ///
    /// Exit status 0: it holds, as far as what is printed says. 1: it does not. 2: it could not be checked.
    Verify(VerifyArguments),
}

/// `isobar audit verify`
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// The export; `-` reads standard input.
    pub export: PathBuf,
    /// A head kept elsewhere, `SEQ:HASH`: lets it detect that the end was cut off.
    #[arg(long, value_name = "SEQ:HASH")]
    pub checkpoint: Option<String>,
    /// A file of checkpoints, as `journal.checkpoints` keeps it elsewhere.
    #[arg(long, value_name = "FILE")]
    pub checkpoints: Option<PathBuf>,
    /// When the export was taken (RFC 3339): checkpoints of the file that were kept later are left out.
    #[arg(long, value_name = "T", requires = "checkpoints")]
    pub taken: Option<String>,
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
        check("isobar alerts", true);
        check("isobar alerts --q team=db", true);
        check("isobar alerts ack 00000000000000a1", true);
        check("isobar alerts ack --q team=db --note seen", true);
        check("isobar alerts ack", false);
        check("isobar alerts ack 00000000000000a1 --q team=db", false);
        check("isobar alerts --q team=db ack 00000000000000a1", false);
        check("isobar alerts assign --to mei 00000000000000a1", true);
        check("isobar alerts snooze 00000000000000a1", false);
        check("isobar alerts snooze --for 2h 00000000000000a1", true);
        check("isobar incidents", true);
        check("isobar incidents --state all --q checkout", true);
        check("isobar incidents --state closed", false);
        check("isobar incidents show i-1", true);
        check("isobar incidents --state all show i-1", false);
        check("isobar incidents ack i-1 i-2", true);
        check("isobar incidents unack", false);
        check("isobar incidents split i-1", false);
        check("isobar incidents split i-1 00000000000000a1", true);
        check("isobar incidents merge i-1", false);
        check("isobar incidents merge i-1 i-2", true);
        check("isobar silence add team=db -c moving --for 2h", true);
        check("isobar silence add team=db -c moving", false);
        check("isobar silence add team=db --for 2h", false);
        check("isobar silence add team=db -c moving --for 2h --until 2026-01-01T00:00:00Z", false);
        check("isobar silence update x", false);
        check("isobar silence update x --for 1h", true);
        check("isobar silence expire", false);
        check("isobar silence list", true);
        check("isobar routes test team=db severity=critical", true);
        check("isobar routes test team", false);
        check("isobar approve", true);
        check("isobar approve p1 --deny --yes", true);
        check("isobar approve --deny", false);
        check("isobar approve --yes", false);
        check("isobar audit verify a --taken 2026-01-01T00:00:00Z", false);
        check("isobar replay --from 1", false);
        check("isobar replay --from 1 --to 2", true);
        check("isobar replay --from 1 --to 2 --policies", false);
        check("isobar lever", true);
        check("isobar lever off --reason drill", true);
        check("isobar lever off", false);
        check("isobar lever --reason drill", false);
        check("isobar lever auto --reason drill", false);
    }
}
