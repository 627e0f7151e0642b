//! `isobar audit verify`: checks an export of the journal, offline.

use std::fmt::Write;
use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use isobar_journal::{Checkpoint, Checkpoints, Fault, Head, Verified, read_checkpoints, verify_export};
use isobar_normalizer::Timestamp;

use crate::cli::VerifyArguments;
use crate::client::print;

/// Exit status when nothing is known of the export: clap's for arguments that cannot be used.
pub const NOT_CHECKED: u8 = 2;

/// The export, or what it is compared with, could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct NotChecked(anyhow::Error);

/// Verifies the export and says what was, and what could not be, checked.
///
/// # Errors
/// The export does not hold together; [`NotChecked`] when that could not be found out.
pub fn verify(arguments: &VerifyArguments) -> Result<()> {
    let outside = Outside::read(arguments).map_err(NotChecked)?;
    let export = &arguments.export;
    let reader: Box<dyn BufRead> =
        if export == Path::new("-") { Box::new(stdin().lock()) } else { open(export).map_err(NotChecked)? };
    let verified = verify_export(reader, &outside.heads).map_err(|error| {
        let is_unread = matches!(error.what, Fault::Read(_));
        let is_cut = matches!(error.what, Fault::Truncated(_));
        let later = outside.newest_at.filter(|_| is_cut && arguments.taken.is_none());
        let hint = later.map(|at| format!(", unless it was exported before {at} (then say --taken)"));
        let export = export.display();
        let error =
            anyhow!(error).context(format!("{export} does not hold together{}", hint.unwrap_or_default()));
        if is_unread { NotChecked(error).into() } else { error }
    })?;
    print((outside.told + &told(&verified)).as_bytes())
}

fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

/// What is known from elsewhere.
struct Outside {
    heads: Vec<Head>,
    /// When the newest checkpoint of the file was kept.
    newest_at: Option<Timestamp>,
    /// What is to be said of the file.
    told: String,
}

impl Outside {
    fn read(arguments: &VerifyArguments) -> Result<Self> {
        let mut outside = Self { heads: Vec::new(), newest_at: None, told: String::new() };
        if let Some(head) = &arguments.checkpoint {
            outside.heads.push(head.parse()?);
        }
        let taken = arguments.taken.as_deref().map(|text| {
            Timestamp::parse_rfc3339(text)
                .ok_or_else(|| anyhow!("--taken {text:?}: write 2026-01-02T03:04:05Z"))
        });
        let taken = taken.transpose()?;
        if let Some(path) = &arguments.checkpoints {
            let Checkpoints { written, torn } = read_checkpoints(open(path)?)
                .map_err(|wrong| anyhow!(wrong).context(format!("reading {}", path.display())))?;
            let count = written.len();
            let is_in_time = |known: &Checkpoint| taken.is_none_or(|taken| known.at <= taken);
            let used: Vec<Checkpoint> = written.into_iter().filter(is_in_time).collect();
            outside.newest_at = used.iter().map(|known| known.at).max();
            let _ = write!(outside.told, "{} of {count} checkpoints of {}", used.len(), path.display());
            if torn > 0 {
                let _ = write!(outside.told, ", beside {torn} that a crash cut off");
            }
            outside.told.push('\n');
            outside.heads.extend(used.into_iter().map(|known| known.head));
        }
        Ok(outside)
    }
}

/// What holds, and what cannot be told.
fn told(verified: &Verified) -> String {
    let (Some(first), Some(last)) = (verified.first, verified.last) else {
        return "the export is empty: nothing was checked, and without a checkpoint kept elsewhere nobody can tell whether \
                it was cut off\n"
            .to_owned();
    };
    let mut told =
        format!("{} events hold together, {} to {}\nhead {last}\n", verified.events, first.seq, last.seq);
    if let Some(follows) = verified.follows {
        let _ = writeln!(
            told,
            "it starts at event {}: events 1 to {} are not in it. Whether they were pruned, not asked for or taken out \
             cannot be told from it; a head kept elsewhere is {follows} if the front is the journal's own",
            first.seq, follows.seq
        );
    }
    let _ = match verified.checkpoint {
        Some(checkpoint) => writeln!(
            told,
            "checkpoint {} is in the chain ({} of them are): nothing between event {} and it was changed or cut off; \
             whether more came after event {} cannot be told",
            checkpoint.seq, verified.checkpoints, first.seq, last.seq
        ),
        None => writeln!(
            told,
            "events cut off the end (a truncation), or a chain made anew from some event on, cannot be noticed without a \
             checkpoint kept elsewhere: --checkpoint SEQ:HASH or --checkpoints FILE"
        ),
    };
    told
}
