//! How much of one target is taken. What exceeds a limit fails the scrape, as in Prometheus.

use isobar_normalizer::{ConfigError, Labels};
use serde_saphyr::Spanned;

/// Limits of one scrape. None of them is infinite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Samples kept after `metric_relabel_configs`.
    pub samples: usize,
    /// Labels of a series, the name and the target's included.
    pub labels: usize,
    /// Bytes of a label's name.
    pub label_name: usize,
    /// Bytes of a label's value; the metric's name is one.
    pub label_value: usize,
    /// Bytes of a page, both as it comes and decompressed.
    pub body: usize,
}

/// Generous for what runs well today: a large kube-state-metrics has some 300,000 series in 60 MB, cAdvisor's series have
/// some 20 labels. Beyond lies what a bug or an attacker makes.
impl Default for Limits {
    fn default() -> Self {
        Self { samples: 500_000, labels: 64, label_name: 128, label_value: 2048, body: 64 << 20 }
    }
}

impl Limits {
    /// Checks a finished label set; the complaint names the series and the limit's setting.
    pub(crate) fn check(&self, labels: &Labels) -> Result<(), String> {
        let count = labels.len();
        if count > self.labels {
            return Err(format!("{} has {count} labels, label_limit is {}", shown(labels), self.labels));
        }
        for (name, value) in labels.iter() {
            if name.len() > self.label_name {
                return Err(format!(
                    "{} has a label name of {} bytes, label_name_length_limit is {}",
                    shown(labels),
                    name.len(),
                    self.label_name
                ));
            }
            if value.len() > self.label_value {
                return Err(format!(
                    "{} has a label value of {} bytes, label_value_length_limit is {}",
                    shown(labels),
                    value.len(),
                    self.label_value
                ));
            }
        }
        Ok(())
    }
}

/// Limits as written. Missing and 0 mean the default: what Prometheus leaves open has a bound here.
#[derive(Debug)]
pub(crate) struct RawLimits {
    pub(crate) samples: Option<usize>,
    pub(crate) labels: Option<usize>,
    pub(crate) label_name: Option<usize>,
    pub(crate) label_value: Option<usize>,
    pub(crate) body: Option<Spanned<String>>,
}

impl RawLimits {
    pub(crate) fn check(self) -> Result<Limits, ConfigError> {
        let default = Limits::default();
        let or = |given: Option<usize>, default| given.filter(|limit| *limit > 0).unwrap_or(default);
        let body = match self.body {
            None => None,
            Some(Spanned { value, referenced, .. }) => Some(bytes(&value).ok_or_else(|| {
                ConfigError::at(
                    referenced,
                    format!("{value:?} is not a size: write a number and KB, MB or GB"),
                )
            })?),
        };
        Ok(Limits {
            samples: or(self.samples, default.samples),
            labels: or(self.labels, default.labels),
            label_name: or(self.label_name, default.label_name),
            label_value: or(self.label_value, default.label_value),
            body: or(body, default.body),
        })
    }
}

/// Reads `64MB` or `64MiB`; a kilobyte is 1024 bytes either way, as in Prometheus.
fn bytes(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "" if number == "0" => 0,
        "B" => 0,
        "KB" | "KiB" => 10,
        "MB" | "MiB" => 20,
        "GB" | "GiB" => 30,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(1 << shift)
}

/// A series whose labels may be huge, cut to what a message can hold.
pub(crate) fn shown(labels: &Labels) -> String {
    const SHOWN_MAX: usize = 120;
    let text = labels.to_string();
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_prometheus_reads_them() {
        for (text, expected) in [
            ("0", Some(0)),
            ("12B", Some(12)),
            ("1KB", Some(1024)),
            ("64MiB", Some(64 << 20)),
            ("2GB", Some(2 << 30)),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
        for text in ["", "12", "MB", "1.5MB", "-1B", "99999999999GB"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn huge_labels_are_named_but_not_repeated() {
        let limits = Limits { labels: 3, label_name: 10, label_value: 20, ..Limits::default() };
        let check =
            |pairs: &[(&str, &str)]| limits.check(&Labels::from_pairs(pairs.iter().copied()).unwrap());
        assert_eq!(check(&[("a", "1"), ("b", "2"), ("c", "3")]), Ok(()));
        let error = check(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]).unwrap_err();
        assert!(error.ends_with("has 4 labels, label_limit is 3"), "{error}");
        let error = check(&[("__name__", "m"), ("long_label_name", "1")]).unwrap_err();
        assert!(error.contains("a label name of 15 bytes, label_name_length_limit is 10"), "{error}");
        let error = check(&[("__name__", "m"), ("a", &"é".repeat(5000))]).unwrap_err();
        assert!(error.contains("10000 bytes") && error.chars().count() < 250, "{error}");
    }
}
