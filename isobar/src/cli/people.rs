//! The commands by which people handle alerts.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use isobar_normalizer::{Timestamp, parse_duration};

use super::{ListArguments, Output, ServerArguments};

/// `isobar alerts`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct AlertsArguments {
    /// What to do about alerts; without it they are listed.
    #[command(subcommand)]
    pub act: Option<ActCommand>,
    /// The list.
    #[command(flatten)]
    pub list: ListArguments,
}

/// `isobar alerts …`
#[derive(Debug, Subcommand)]
pub enum ActCommand {
    /// Takes alerts: they are not repeated until they become worse.
    Ack(Targets),
    /// Takes that back.
    Unack(Targets),
    /// Gives alerts to somebody; to nobody where the name is empty.
    Assign {
        /// Who is to look after them.
        #[arg(long, value_name = "NAME")]
        to: String,
        /// The alerts.
        #[command(flatten)]
        targets: Targets,
    },
    /// Says something about alerts: the note.
    Comment(Targets),
    /// Puts alerts off: nobody is told of them until then.
    Snooze {
        /// For how long, as 2h.
        #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
        span: Duration,
        /// The alerts.
        #[command(flatten)]
        targets: Targets,
    },
    /// Takes that back.
    Unsnooze(Targets),
}

/// The alerts an act is about.
#[derive(Debug, Args)]
pub struct Targets {
    /// Their ids, as `isobar alerts` shows them.
    #[arg(value_name = "ID", required_unless_present = "q", conflicts_with = "q")]
    pub ids: Vec<String>,
    /// Instead of ids: all open alerts that this filter lets through, as `@severity=critical team=db`.
    #[arg(long, value_name = "FILTER")]
    pub q: Option<String>,
    /// What is to be said; kept as a comment.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub note: String,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `isobar incidents`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct IncidentsArguments {
    /// What to do; without it they are listed.
    #[command(subcommand)]
    pub command: Option<IncidentCommand>,
    /// Which of them.
    #[arg(long, value_enum, default_value = "open")]
    pub state: IncidentState,
    /// The list.
    #[command(flatten)]
    pub list: ListArguments,
}

/// Which incidents are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum IncidentState {
    /// Those that are not over.
    Open,
    /// Those that are over, of the last week.
    Resolved,
    /// Both.
    All,
}

impl IncidentState {
    /// The word the API takes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::All => "all",
        }
    }
}

/// `isobar incidents …`
#[derive(Debug, Subcommand)]
pub enum IncidentCommand {
    /// Shows one: its alerts, and what happened.
    Show {
        /// Its id, as `isobar incidents` shows it.
        id: String,
        /// How to print.
        #[arg(long, value_enum, default_value = "table")]
        output: Output,
        /// Which server.
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Takes incidents, and their open alerts that nobody has.
    Ack(IncidentTargets),
    /// Takes that back.
    Unack(IncidentTargets),
    /// Makes some of an incident's alerts one of their own, and prints its id.
    Split {
        /// The incident.
        id: String,
        /// The alerts, as `isobar alerts` shows them.
        #[arg(value_name = "ALERT", required = true)]
        alerts: Vec<String>,
        /// Which server.
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Makes two incidents one, and prints its id: that of the first.
    Merge {
        /// The one that stays.
        into: String,
        /// The one whose alerts it takes.
        from: String,
        /// Which server.
        #[command(flatten)]
        server: ServerArguments,
    },
}

/// The incidents an act is about.
#[derive(Debug, Args)]
pub struct IncidentTargets {
    /// Their ids.
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `isobar silence`
#[derive(Debug, Args)]
pub struct SilenceArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: SilenceCommand,
}

/// `isobar silence …`
#[derive(Debug, Subcommand)]
pub enum SilenceCommand {
    /// Lists silences.
    List(ListArguments),
    /// Silences alerts that all matchers match, and prints the silence's id.
    Add {
        /// `name=value`, `name!=value`, `name=~expression` or `name!~expression`.
        #[arg(value_name = "MATCHER", required = true)]
        matchers: Vec<String>,
        /// Why.
        #[arg(long, short, value_name = "TEXT")]
        comment: String,
        /// When it ends.
        #[command(flatten)]
        end: End,
        /// When it begins (RFC 3339); at once without it.
        #[arg(long, value_name = "T", value_parser = time)]
        start: Option<Timestamp>,
        /// Ends it as soon as no alert is open any more that it silences.
        #[arg(long)]
        until_resolved: bool,
        /// Which server.
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Changes the end or the comment of a silence, and prints its id, which may be another one.
    Update {
        /// The silence.
        id: String,
        /// Why.
        #[arg(long, short, value_name = "TEXT")]
        comment: Option<String>,
        /// For how long from now.
        #[arg(long = "for", value_name = "DURATION", value_parser = duration, conflicts_with = "until", required_unless_present_any = ["until", "comment"])]
        span: Option<Duration>,
        /// When it ends (RFC 3339).
        #[arg(long, value_name = "T", value_parser = time)]
        until: Option<Timestamp>,
        /// Which server.
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Ends silences.
    Expire {
        /// The silences.
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
        /// Which server.
        #[command(flatten)]
        server: ServerArguments,
    },
}

/// When something ends.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct End {
    /// For how long from now, as 2h.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub span: Option<Duration>,
    /// When it ends (RFC 3339).
    #[arg(long, value_name = "T", value_parser = time)]
    pub until: Option<Timestamp>,
}

impl End {
    /// The time itself.
    pub fn at(&self, now: Timestamp) -> Timestamp {
        self.until.or(self.span.map(|span| now.plus(span))).unwrap_or(now)
    }
}

/// `isobar routes`
#[derive(Debug, Args)]
pub struct RoutesArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: RoutesCommand,
}

/// `isobar routes …`
#[derive(Debug, Subcommand)]
pub enum RoutesCommand {
    /// Tells who would get an alert with these labels, and which routes it passes on the way.
    Test {
        /// `name=value`
        #[arg(value_name = "LABEL", required = true, value_parser = label)]
        labels: Vec<(String, String)>,
        /// How to print.
        #[arg(long, value_enum, default_value = "table")]
        output: Output,
        /// Which server.
        #[command(flatten)]
        server: ServerArguments,
    },
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text).map_err(|error| format!("{error}; for example 2h"))?;
    if duration.is_zero() { Err("longer than nothing, for example 2h".to_owned()) } else { Ok(duration) }
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| "write RFC 3339, as 2026-01-02T03:04:05Z".to_owned())
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a label is written name=value")?;
    Ok((name.to_owned(), value.trim_matches('"').to_owned()))
}
