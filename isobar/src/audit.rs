//! `isobar audit verify`: checks an export of the journal, offline.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;

use anyhow::{Context, Result};
use isobar_journal::{Head, verify_export};

/// Verifies the export and says what was, and what could not be, checked.
#[expect(clippy::print_stdout, reason = "a command that prints")]
pub fn verify(export: &Path, checkpoint: Option<&str>) -> Result<()> {
    let checkpoint: Option<Head> = checkpoint.map(str::parse).transpose()?;
    let reader: Box<dyn BufRead> = if export == Path::new("-") {
        Box::new(stdin().lock())
    } else {
        let file = File::open(export).with_context(|| format!("opening {}", export.display()))?;
        Box::new(BufReader::new(file))
    };
    let verified = verify_export(reader, checkpoint)
        .with_context(|| format!("{} does not hold together", export.display()))?;
    let (Some(first), Some(last)) = (verified.first, verified.last) else {
        println!("the export is empty: nothing was checked");
        return Ok(());
    };
    println!("{} events hold together, {} to {}", verified.events, first.seq, last.seq);
    println!("head {last}");
    if let Some(follows) = verified.follows {
        println!(
            "it starts at event {}: events 1 to {} are not in it. Whether they were pruned, not asked for or taken out \
             cannot be told from it; a head kept elsewhere is {follows} if the front is the journal's own",
            first.seq, follows.seq
        );
    }
    match checkpoint.filter(|_| verified.truncation_detectable) {
        Some(checkpoint) => println!(
            "checkpoint {} is in the chain: nothing between event {} and it was changed or cut off; whether more came \
             after event {} cannot be told",
            checkpoint.seq, first.seq, last.seq
        ),
        None => println!(
            "events cut off the end (a truncation) cannot be noticed without a checkpoint kept elsewhere: --checkpoint SEQ:HASH"
        ),
    }
    Ok(())
}
