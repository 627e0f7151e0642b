//! The table `proposals`: what alerts asked to be done, and what became of it.

use std::sync::Arc;

use arrow::array::{ArrayRef, UInt64Array};
use isobar_runbooks::RunbookHandle;

use super::{Kind, text, times};

pub(super) const PROPOSALS: [(&str, Kind); 15] = [
    ("id", Kind::Text),
    ("runbook", Kind::Text),
    ("state", Kind::Text),
    ("reason", Kind::Text),
    ("alert", Kind::Text),
    ("resource", Kind::Text),
    ("target", Kind::Text),
    ("hash", Kind::Text),
    ("created_at", Kind::Time),
    ("expires_at", Kind::Time),
    ("decided_by", Kind::Text),
    ("decided_at", Kind::Time),
    ("comment", Kind::Text),
    ("attempts", Kind::Count),
    ("answered_at", Kind::Time),
];

pub(super) fn proposal_columns(runbooks: &RunbookHandle) -> Result<Vec<ArrayRef>, String> {
    let all = runbooks.proposals();
    let attempts =
        all.iter().map(|one| Some(one.sending.as_ref().map_or(0, |sending| u64::from(sending.attempts))));
    Ok(vec![
        text(&all, |one| Some(one.id.clone())),
        text(&all, |one| Some(one.shown.runbook.clone())),
        text(&all, |one| Some(one.state.as_str())),
        text(&all, |one| Some(one.reason.clone()).filter(|reason| !reason.is_empty())),
        text(&all, |one| Some(one.shown.alert.id.clone())),
        text(&all, |one| one.shown.alert.resource.clone()),
        text(&all, |one| Some(one.shown.target.url.clone())),
        text(&all, |one| Some(one.hash.clone())),
        times(&all, |one| Some(one.created_at)),
        times(&all, |one| Some(one.expires_at)),
        text(&all, |one| one.decided.as_ref().map(|decided| decided.by.clone())),
        times(&all, |one| one.decided.as_ref().map(|decided| decided.at)),
        text(&all, |one| one.decided.as_ref().map(|decided| decided.comment.clone())),
        Arc::new(attempts.collect::<UInt64Array>()),
        times(&all, |one| Some(one.sending.as_ref()?.receipt.as_ref()?.at)),
    ])
}
