//! Columns for people.

use std::fmt::Write;

/// A cell wider than this is cut, so that one long label does not push the rest off the screen.
const CELL_MAX: usize = 80;

/// Lays rows out under a header; cells that a row has beyond it are left out, what it lacks stays empty. Control characters are shown, not obeyed.
pub fn render(header: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| clean(cell)).collect()).collect();
    let width_of = |column: usize, title: &str| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([title.chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> =
        header.iter().enumerate().map(|(column, title)| width_of(column, title)).collect();
    let mut text = String::new();
    let titles = header.iter().map(|title| title.to_uppercase()).collect();
    for row in std::iter::once(&titles).chain(&rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The text with control characters shown, not obeyed.
pub fn visible(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

fn clean(cell: &str) -> String {
    let shown = visible(cell);
    if shown.chars().count() <= CELL_MAX {
        return shown;
    }
    shown.chars().take(CELL_MAX - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_control_characters_are_shown() {
        let rows =
            [vec!["HighCpu".to_owned(), "1".to_owned()], vec!["a\u{1b}[2J".to_owned(), "23".to_owned()]];
        assert_eq!(render(&["name", "n"], &[vec!["a".to_owned()]]), "NAME  N\na\n");
        assert_eq!(render(&["name", "n"], &rows), "NAME        N\nHighCpu     1\na\\u{1b}[2J  23\n");
    }
}
