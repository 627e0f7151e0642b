//! The beginning of an answer, to be shown and kept.

/// So much of an answer is kept, in bytes: enough for an error message, not enough for a page of HTML.
const EXCERPT_MAX: usize = 512;

/// The beginning of an answer on one line, control characters replaced.
pub fn excerpt(body: &[u8]) -> String {
    let end = body.len().min(EXCERPT_MAX);
    let text = String::from_utf8_lossy(&body[..end]);
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_bounded_length() {
        assert_eq!(excerpt(b" ok\r\nnext\x1b[31m "), "ok  next [31m");
        assert_eq!(excerpt(&vec![b'x'; 5000]).len(), EXCERPT_MAX);
        assert_eq!(excerpt(&"é".repeat(300).into_bytes()[..]).chars().count(), 256);
    }
}
