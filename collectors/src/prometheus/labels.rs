//! How the labels of a scraped series and those of its target become one set.

use std::borrow::Cow;

use isobar_normalizer::{Labels, METRIC_NAME};

use super::exposition::LineError;
use super::limits::Limits;
use super::relabel::{self, Rule};

/// A label's name and value.
pub(crate) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The label every series of a source carries: the source's configured name.
pub(crate) const SOURCE: &str = "source";

/// What makes a series' identity out of the labels it was scraped with.
#[derive(Clone, Debug, Default)]
pub struct LabelRules {
    /// Labels of the target: `job`, `instance`, `source` and more. They win over scraped ones unless those are honoured.
    pub own: Vec<(String, String)>,
    /// Labels that a series gets where it has none of that name, whatever the rules did.
    pub fallback: Vec<(String, String)>,
    /// `honor_labels`: scraped labels win.
    pub honor_labels: bool,
    /// `metric_relabel_configs`.
    pub rules: Vec<Rule>,
}

impl LabelRules {
    /// The labels of a scraped series; `None` when the rules drop it.
    ///
    /// # Errors
    /// A label twice, no name in the end, or a limit that is exceeded.
    pub(crate) fn identify<'a>(
        &'a self,
        mut scraped: Vec<Pair<'a>>,
        limits: &Limits,
    ) -> Result<Option<Labels>, LineError> {
        join(&mut scraped, &self.own, self.honor_labels);
        if self.rules.is_empty() {
            join(&mut scraped, &self.fallback, true);
        }
        let mut labels =
            Labels::from_pairs(scraped).map_err(|error| LineError::Refused(error.to_string()))?;
        if !self.rules.is_empty() {
            let mut edited = labels.edit();
            if !relabel::apply(&self.rules, &mut edited) {
                return Ok(None);
            }
            for (name, value) in &self.fallback {
                if edited.get(name).is_none() {
                    edited.set(name, value);
                }
            }
            labels = edited.build();
        }
        if labels.name().is_none() {
            return Err(LineError::Refused(format!("{labels} has no metric name after relabeling")));
        }
        limits.check(&labels).map_err(LineError::Refused)?;
        Ok(Some(labels))
    }

    /// The labels of a series about the target itself.
    pub(crate) fn identify_report(&self, name: &'static str) -> Labels {
        let mut pairs = vec![(Cow::Borrowed(METRIC_NAME), Cow::Borrowed(name))];
        join(&mut pairs, &self.own, true);
        join(&mut pairs, &self.fallback, true);
        Labels::from_pairs(pairs).expect("joined names are unique: each is added only where it is missing")
    }
}

/// Adds `own` to the scraped labels. Where both have a name, the scraped one is kept when it is honoured and otherwise
/// becomes `exported_…`; an empty value is an absent label.
pub(crate) fn join<'a>(scraped: &mut Vec<Pair<'a>>, own: &'a [(String, String)], honor: bool) {
    for (name, value) in own {
        let both = scraped.iter().position(|(theirs, text)| *theirs == name.as_str() && !text.is_empty());
        match both {
            Some(_) if honor => continue,
            Some(index) => scraped[index].0 = Cow::Owned(exported(name, scraped, own)),
            None => {}
        }
        scraped.push((Cow::Borrowed(name), Cow::Borrowed(value)));
    }
}

fn exported(name: &str, scraped: &[Pair<'_>], own: &[(String, String)]) -> String {
    let taken = |candidate: &str| {
        scraped.iter().any(|(theirs, _)| theirs == candidate) || own.iter().any(|(ours, _)| ours == candidate)
    };
    let mut candidate = format!("exported_{name}");
    while taken(&candidate) {
        candidate.insert_str(0, "exported_");
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &[(&str, &str)]) -> Vec<(String, String)> {
        text.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[track_caller]
    fn check(honor_labels: bool, scraped: &[(&'static str, &'static str)], expected: &str) {
        let rules = LabelRules {
            own: pairs(&[("job", "node"), ("source", "lab")]),
            fallback: pairs(&[("site", "dc1"), ("source", "lab")]),
            honor_labels,
            rules: Vec::new(),
        };
        let named = scraped.iter().copied().chain([(METRIC_NAME, "m")]);
        let scraped = named.map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value))).collect();
        let labels = rules.identify(scraped, &Limits::default()).unwrap().unwrap();
        assert_eq!(labels.to_string(), expected);
    }

    #[test]
    fn conflicts_are_exported_unless_labels_are_honoured() {
        check(false, &[("a", "1")], r#"m{a="1", job="node", site="dc1", source="lab"}"#);
        check(false, &[("job", "x")], r#"m{exported_job="x", job="node", site="dc1", source="lab"}"#);
        check(true, &[("job", "x")], r#"m{job="x", site="dc1", source="lab"}"#);
        check(true, &[("job", "")], r#"m{job="node", site="dc1", source="lab"}"#);
        check(false, &[("source", "x")], r#"m{exported_source="x", job="node", site="dc1", source="lab"}"#);
        check(false, &[("site", "dc9")], r#"m{job="node", site="dc9", source="lab"}"#);
        check(
            false,
            &[("exported_job", "a"), ("job", "b")],
            r#"m{exported_exported_job="b", exported_job="a", job="node", site="dc1", source="lab"}"#,
        );
    }

    #[test]
    fn a_label_twice_is_refused() {
        let rules = LabelRules::default();
        let scraped: Vec<Pair<'_>> =
            [(METRIC_NAME, "m"), ("a", "1"), ("a", "2")].map(|(n, v)| (n.into(), v.into())).into();
        let error = rules.identify(scraped, &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), "label \"a\" is given twice");
    }
}
