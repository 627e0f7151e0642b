//! The researched tables of names, units and aggregations, for tests that check this crate's data against them.

use std::collections::HashMap;

/// The rows of a table by column; `None`, said on standard error, on a machine that does not have it.
pub(crate) fn rows(table: &str) -> Option<Vec<HashMap<String, String>>> {
    let path = format!("{}/../../shared/semantics/{table}", env!("CARGO_MANIFEST_DIR"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {path} is not here");
        return None;
    };
    let mut lines = text.lines().map(fields);
    let header = lines.next().expect("the table has a header");
    Some(lines.map(|row| header.iter().cloned().zip(row).collect()).collect())
}

/// The fields of one line of CSV; quotes are doubled inside quotes, and no field spans lines.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let field = fields.last_mut().expect("there is always a field being read");
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => field.push(other),
        }
    }
    fields
}
