//! Text on its way into HTML.

use std::fmt;

/// Shows a text so that HTML reads it as text, in an element and in a quoted attribute. Characters that would turn the
/// reading direction or hide are shown by their number.
pub(super) struct Escaped<'a>(&'a str);

pub(super) fn escape(text: &str) -> Escaped<'_> {
    Escaped(text)
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '`' => f.write_str("&#96;")?,
                '\n' | '\t' => f.write_str(" ")?,
                c if is_unseen(c) => write!(f, "[U+{:04X}]", c as u32)?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// Control characters, marks that turn the direction of text, and characters without width.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_place() {
        let text = "<b a='\"`&'>\u{202E}\u{0}\u{200B}é\n";
        let shown = "&lt;b a=&#39;&quot;&#96;&amp;&#39;&gt;[U+202E][U+0000][U+200B]é ";
        assert_eq!(escape(text).to_string(), shown);
    }
}
