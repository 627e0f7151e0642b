//! Tokens that name the next page, and refuse to be used for another question.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use sha2::{Digest, Sha256};

/// What a token says: where the next page begins, and a few numbers of the operation's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) numbers: Vec<i64>,
}

impl Token {
    /// Writes a token for a question.
    pub(crate) fn write(&self, question: &str) -> String {
        let numbers: Vec<String> = self.numbers.iter().map(i64::to_string).collect();
        let numbers = numbers.join(",");
        let mark = mark(question, &numbers);
        BASE64.encode(format!("{mark}:{numbers}"))
    }

    /// Reads a token; none when it is not one of this question's, or has not `count` numbers.
    pub(crate) fn read(text: &str, question: &str, count: usize) -> Option<Self> {
        let plain = String::from_utf8(BASE64.decode(text).ok()?).ok()?;
        let (claimed, numbers) = plain.split_once(':')?;
        (claimed == mark(question, numbers)).then_some(())?;
        let numbers: Vec<i64> = numbers.split(',').map(|n| n.parse().ok()).collect::<Option<_>>()?;
        (numbers.len() == count).then_some(Self { numbers })
    }
}

fn mark(question: &str, numbers: &str) -> String {
    let digest = Sha256::new().chain_update(question).chain_update("\n").chain_update(numbers).finalize();
    hex::encode(&digest[..8])
}

/// Cuts one page out of a list: the items, and where the next page begins.
pub(crate) fn cut<T>(items: &[T], from: usize, size: usize) -> (&[T], Option<usize>) {
    let begin = from.min(items.len());
    let end = (begin + size).min(items.len());
    (&items[begin..end], (end < items.len()).then_some(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_serves_its_own_question_only() {
        let token = Token { numbers: vec![500, -3] };
        let text = token.write("ListMetrics AWS/EC2");
        assert_eq!(Token::read(&text, "ListMetrics AWS/EC2", 2), Some(token));
        assert_eq!(Token::read(&text, "ListMetrics AWS/RDS", 2), None);
        assert_eq!(Token::read(&text, "ListMetrics AWS/EC2", 1), None);
        assert_eq!(Token::read("nonsense", "ListMetrics AWS/EC2", 2), None);
    }
}
