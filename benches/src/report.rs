//! What a benchmark found, as text and as a page under docs/benchmarks/.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Result;

/// Figures and whether they were reached.
#[derive(Debug, Default)]
pub struct Report {
    title: String,
    notes: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    what: String,
    found: String,
    peer: String,
    wanted: String,
    reached: Option<bool>,
}

impl Report {
    /// An empty report.
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), ..Self::default() }
    }

    /// Says how it was measured: versions, sizes, circumstances.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// A figure without a promise.
    pub fn figure(&mut self, what: &str, found: impl Into<String>, peer: impl Into<String>) {
        let row = Row {
            what: what.to_owned(),
            found: found.into(),
            peer: peer.into(),
            wanted: String::new(),
            reached: None,
        };
        self.rows.push(row);
    }

    /// A figure that must be reached.
    pub fn promise(
        &mut self,
        what: &str,
        found: impl Into<String>,
        peer: impl Into<String>,
        wanted: &str,
        reached: bool,
    ) {
        let row = Row {
            what: what.to_owned(),
            found: found.into(),
            peer: peer.into(),
            wanted: wanted.to_owned(),
            reached: Some(reached),
        };
        self.rows.push(row);
    }

    /// The promises that were not kept.
    pub fn missed(&self) -> Vec<String> {
        let missed = self.rows.iter().filter(|row| row.reached == Some(false));
        missed.map(|row| format!("{} is {}, wanted {}", row.what, row.found, row.wanted)).collect()
    }

    /// Markdown.
    pub fn text(&self) -> String {
        let mut text = format!("# {}\n\n", self.title);
        for note in &self.notes {
            let _ = writeln!(text, "- {note}");
        }
        text.push_str("\n| figure | Isobar | peer | wanted | |\n| --- | --- | --- | --- | --- |\n");
        for row in &self.rows {
            let verdict = match row.reached {
                None => "",
                Some(true) => "reached",
                Some(false) => "missed",
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {verdict} |",
                row.what, row.found, row.peer, row.wanted
            );
        }
        text
    }

    /// Writes the page.
    pub fn keep(&self, name: &str) -> Result<()> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("{name}.md")), self.text())?;
        Ok(())
    }
}

/// The value at this share of the sorted values, `0.99` for the 99th percentile.
pub fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.clamp(1, values.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}
