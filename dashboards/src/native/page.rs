//! Pages of lists: `q` picks, `limit` cuts, `after` goes on where the page before ended.

use utoipa::IntoParams;

use super::NativeError;
use crate::params::Params;
use crate::wire::{
    CoverageView, DeliveryView, IncidentView, List, ProposalView, ReceiverView, ResourceView, SilenceView,
    SourceView, WhyStep,
};

/// Items on a page unless asked otherwise.
const LIMIT_DEFAULT: usize = 100;
/// Items on a page at most: some hundred kilobytes.
const LIMIT_MAX: usize = 1000;

/// The parameters of every list, as they are described.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "`PageQuery` is what they are read into")]
pub(super) struct PageParams {
    /// Words with blanks between them: what contains each of them, in capitals or not, is listed.
    q: Option<String>,
    /// Items on the page at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// What a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageQuery {
    /// Lower case; an item must contain each.
    words: Vec<String>,
    pub(super) limit: usize,
    pub(super) after: Option<String>,
}

impl PageQuery {
    /// Reads `q`, `limit` and `after`; `more` names the route's own parameters. Others are refused, because a
    /// misspelt parameter without effect would answer another question than was asked.
    pub(super) fn read(params: &Params, more: &[&str]) -> Result<Self, NativeError> {
        refuse_unknown(params, &[&["q", "limit", "after"], more].concat())?;
        let limit = match params.get("limit").map(str::parse) {
            None => LIMIT_DEFAULT,
            Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => limit,
            Some(_) => {
                return Err(NativeError::bad_request(format!("limit is a number from 1 to {LIMIT_MAX}")));
            }
        };
        let words = params.get("q").unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
        Ok(Self { words, limit, after: params.get("after").map(str::to_owned) })
    }

    /// The page of these items, sorted by their keys. New and vanished items do not disturb the pages of the others.
    pub(super) fn page<T: Listed>(&self, items: Vec<T>) -> List<T> {
        let matching = items.into_iter().filter(|item| self.finds(|| item.texts()));
        let mut keyed: Vec<(String, T)> = matching.map(|item| (item.key(), item)).collect();
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        let total = keyed.len() as u64;
        let start = match &self.after {
            Some(after) => keyed.partition_point(|(key, _)| key <= after),
            None => 0,
        };
        let mut rest = keyed.split_off(start);
        let is_last = rest.len() <= self.limit;
        rest.truncate(self.limit);
        let next = if is_last { None } else { rest.last().map(|(key, _)| key.clone()) };
        List { items: rest.into_iter().map(|(_, item)| item).collect(), total, next }
    }

    /// Whether `q` asks for anything.
    pub(super) fn is_search(&self) -> bool {
        !self.words.is_empty()
    }

    /// Whether these texts together contain every word of `q`.
    pub(super) fn finds<'a>(&self, texts: impl FnOnce() -> Vec<&'a str>) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let text = texts().join("\n").to_lowercase();
        self.words.iter().all(|word| text.contains(word))
    }
}

/// Refuses parameters that would have no effect.
pub(super) fn refuse_unknown(params: &Params, known: &[&str]) -> Result<(), NativeError> {
    if let Some(name) = params.repeated() {
        return Err(NativeError::bad_request(format!("parameter {name:?} is given more than once")));
    }
    match params.unknown(known) {
        Some(unknown) if known.is_empty() => {
            Err(NativeError::bad_request(format!("unknown parameter {unknown:?}: none is taken here")))
        }
        Some(unknown) => {
            let known = known.join(", ");
            Err(NativeError::bad_request(format!("unknown parameter {unknown:?}: one of {known}")))
        }
        None => Ok(()),
    }
}

/// An item of a list.
pub(super) trait Listed {
    /// Orders the list and is the cursor; unique.
    fn key(&self) -> String;
    /// What `q` looks into.
    fn texts(&self) -> Vec<&str>;
}

impl Listed for SourceView {
    fn key(&self) -> String {
        self.name.clone()
    }

    fn texts(&self) -> Vec<&str> {
        vec![&self.name, &self.kind, self.state.as_str(), self.reason.as_deref().unwrap_or_default()]
    }
}

impl Listed for CoverageView {
    fn key(&self) -> String {
        let Self { provider, namespace, metric, statistic, canonical, .. } = self;
        // No word of a provider holds the separator.
        [provider, namespace, metric, statistic, canonical.as_deref().unwrap_or_default()].join("|")
    }

    fn texts(&self) -> Vec<&str> {
        let Self { provider, namespace, metric, statistic, canonical, .. } = self;
        vec![provider, namespace, metric, statistic, canonical.as_deref().unwrap_or_default()]
    }
}

impl Listed for ResourceView {
    fn key(&self) -> String {
        self.id.clone()
    }

    fn texts(&self) -> Vec<&str> {
        let tags = self.tags.iter().flat_map(|(tag, value)| [tag.as_str(), value]);
        [self.id.as_str(), &self.zone, &self.name, &self.service].into_iter().chain(tags).collect()
    }
}

impl Listed for IncidentView {
    fn key(&self) -> String {
        self.place()
    }

    fn texts(&self) -> Vec<&str> {
        let cell = self.cell.iter().flat_map(|cell| {
            let parts = [Some(&cell.provider), Some(&cell.region), cell.zone.as_ref(), cell.service.as_ref()];
            parts.into_iter().flatten().map(String::as_str)
        });
        let (state, owner) = (self.state.as_str(), self.acknowledged_by.as_deref().unwrap_or_default());
        [self.id.as_str(), &self.title, state, self.severity.as_str(), &self.reason, owner]
            .into_iter()
            .chain(cell)
            .collect()
    }
}

impl Listed for SilenceView {
    fn key(&self) -> String {
        self.place()
    }

    fn texts(&self) -> Vec<&str> {
        let matchers = self.matchers.iter().flat_map(|one| [one.name.as_str(), &one.value]);
        [self.id.as_str(), &self.state, &self.created_by, &self.comment].into_iter().chain(matchers).collect()
    }
}

impl Listed for (usize, ReceiverView) {
    fn key(&self) -> String {
        format!("{:08}", self.0)
    }

    fn texts(&self) -> Vec<&str> {
        let channels = self.1.channels.iter().map(|one| one.channel.as_str());
        [self.1.name.as_str()].into_iter().chain(channels).collect()
    }
}

impl Listed for DeliveryView {
    fn key(&self) -> String {
        format!("{}-{}", self.queued_at.0, self.id)
    }

    fn texts(&self) -> Vec<&str> {
        let error = self.last_error.as_deref().unwrap_or_default();
        vec![
            &self.id,
            &self.receiver,
            &self.channel,
            self.transition.as_str(),
            self.state.as_str(),
            &self.idempotency_key,
            error,
        ]
    }
}

/// Newest first.
impl Listed for ProposalView {
    fn key(&self) -> String {
        let age = i64::MAX.saturating_sub(self.created_at.0.millis());
        format!("{age:019}-{}", self.id)
    }

    fn texts(&self) -> Vec<&str> {
        let reason = self.reason.as_deref().unwrap_or_default();
        let words = [&self.id, &self.runbook, self.state.as_str(), reason, &self.alert.id];
        let details = self.evidence.iter().map(|one| one.detail.as_str());
        let labels = self.alert.labels.values().map(String::as_str);
        words.into_iter().chain(details).chain(labels).collect()
    }
}

/// A step and its place, which keeps the order the steps were taken in.
impl Listed for (usize, WhyStep) {
    fn key(&self) -> String {
        format!("{:06}", self.0)
    }

    fn texts(&self) -> Vec<&str> {
        vec![&self.1.stage, &self.1.verdict, &self.1.rule, &self.1.detail]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Listed for &'static str {
        fn key(&self) -> String {
            (*self).to_owned()
        }

        fn texts(&self) -> Vec<&str> {
            vec![self]
        }
    }

    fn query(words: &str, limit: usize, after: Option<&str>) -> PageQuery {
        let words = words.split_whitespace().map(str::to_owned).collect();
        PageQuery { words, limit, after: after.map(str::to_owned) }
    }

    fn check(query: &PageQuery, items: &[&str], total: u64, next: Option<&str>) {
        let page = query.page(vec!["Delta", "alpha", "charlie", "bravo"]);
        let expected = List { items: items.to_vec(), total, next: next.map(str::to_owned) };
        assert_eq!(page, expected, "{query:?}");
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repetition() {
        check(&query("", 3, None), &["Delta", "alpha", "bravo"], 4, Some("bravo"));
        check(&query("", 3, Some("bravo")), &["charlie"], 4, None);
        check(&query("", 4, None), &["Delta", "alpha", "bravo", "charlie"], 4, None);
        check(&query("", 1, Some("b-gone-since")), &["bravo"], 4, Some("bravo"));
        check(&query("", 1, Some("zulu")), &[], 4, None);
        check(&query("l a", 9, None), &["Delta", "alpha", "charlie"], 3, None);
    }
}
