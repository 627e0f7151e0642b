//! Up to which event time each source's data is complete.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::Timestamp;
use parking_lot::RwLock;

/// Watermarks of all sources, part by part. A push source has one part, the empty one.
#[derive(Debug, Default)]
pub struct Watermarks {
    sources: RwLock<HashMap<Arc<str>, Marks>>,
}

#[derive(Debug)]
struct Marks {
    since: Timestamp,
    delay: Duration,
    parts: HashMap<Arc<str>, Mark>,
}

/// The stretch over which a part was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where it begins: the part's first mark of this process, or the beginning of the past that was read with it.
    pub since: Timestamp,
    /// Up to where its data is complete.
    pub until: Timestamp,
    /// It brought a past along with its first data.
    pub has_past: bool,
}

/// How far one source has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Where the stretch begins in which we were looking all the time: the first mark of this process, or the beginning of
    /// the past that was read with it.
    pub since: Timestamp,
    /// The part furthest behind: data of the whole source is complete up to here.
    pub complete: Timestamp,
    /// The part furthest ahead: there is data up to here.
    pub newest: Timestamp,
    /// How long after a period its provider publishes it at the latest: so far behind it is punctual.
    pub delay: Duration,
}

impl Watermarks {
    /// Moves a part forward; it never moves back. `delay` is that of what it brought. The first mark of a
    /// source, and of a part, says since when its data is complete, where it has read the past too.
    pub fn advance(
        &self,
        source: &Arc<str>,
        part: &Arc<str>,
        to: Timestamp,
        delay: Duration,
        since: Option<Timestamp>,
    ) {
        let mut sources = self.sources.write();
        let has_past = since.is_some_and(|since| since < to);
        let since = since.unwrap_or(to).min(to);
        let new = || Marks { since, delay, parts: HashMap::new() };
        let marks = sources.entry(source.clone()).or_insert_with(new);
        marks.delay = marks.delay.max(delay);
        let mark = marks.parts.entry(part.clone()).or_insert(Mark { since, until: to, has_past });
        mark.until = mark.until.max(to);
    }

    /// Takes a part out: it holds its source back no longer. After the last one nobody looks at the source any more, and
    /// its next part begins another stretch.
    pub fn forget(&self, source: &str, part: &str) {
        let mut sources = self.sources.write();
        if let Some(marks) = sources.get_mut(source) {
            marks.parts.remove(part);
            if marks.parts.is_empty() {
                sources.remove(source);
            }
        }
    }

    /// Takes out all parts but these.
    pub fn keep_parts(&self, source: &str, parts: &BTreeSet<Arc<str>>) {
        let mut sources = self.sources.write();
        if let Some(marks) = sources.get_mut(source) {
            marks.parts.retain(|part, _| parts.contains(part));
            if marks.parts.is_empty() {
                sources.remove(source);
            }
        }
    }

    /// The marks of all its parts.
    pub fn marks(&self, source: &str) -> Vec<Timestamp> {
        let sources = self.sources.read();
        sources
            .get(source)
            .map_or_else(Vec::new, |marks| marks.parts.values().map(|mark| mark.until).collect())
    }

    /// How far this part has come; `None` before its first data.
    pub fn mark(&self, source: &str, part: &str) -> Option<Timestamp> {
        self.stretch(source, part).map(|mark| mark.until)
    }

    /// Over which stretch this part was read; `None` before its first data.
    pub fn stretch(&self, source: &str, part: &str) -> Option<Mark> {
        self.sources.read().get(source)?.parts.get(part).copied()
    }

    /// How many of its parts brought a past along.
    pub fn pasts(&self, source: &str) -> usize {
        let sources = self.sources.read();
        sources.get(source).map_or(0, |marks| marks.parts.values().filter(|mark| mark.has_past).count())
    }

    /// How far the source has come; `None` before its first data.
    pub fn progress(&self, source: &str) -> Option<Progress> {
        self.sources.read().get(source).and_then(progress_of)
    }
}

fn progress_of(marks: &Marks) -> Option<Progress> {
    let until = || marks.parts.values().map(|mark| mark.until);
    let (complete, newest) = (until().min()?, until().max()?);
    Some(Progress { since: marks.since, complete, newest, delay: marks.delay })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_source_is_complete_up_to_its_slowest_part() {
        let marks = Watermarks::default();
        let source: Arc<str> = "estate".into();
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let delay = Duration::from_secs(180);
        assert_eq!(marks.progress("estate"), None);
        marks.advance(&source, &a, at(10), delay, None);
        marks.advance(&source, &b, at(30), delay, None);
        marks.advance(&source, &b, at(20), delay, None);
        assert_eq!((marks.mark("estate", "b"), marks.mark("estate", "c")), (Some(at(30)), None));
        assert_eq!(marks.marks("estate").len(), 2);
        assert_eq!(
            marks.progress("estate"),
            Some(Progress { since: at(10), complete: at(10), newest: at(30), delay })
        );
        let stretch = marks.stretch("estate", "b");
        assert_eq!(
            stretch,
            Some(Mark { since: at(30), until: at(30), has_past: false }),
            "nobody looked at it before"
        );
        marks.forget("estate", "a");
        assert_eq!(
            marks.progress("estate"),
            Some(Progress { since: at(10), complete: at(30), newest: at(30), delay })
        );
        marks.forget("estate", "b");
        assert_eq!(marks.progress("estate"), None);
        marks.advance(&source, &b, at(90), delay, None);
        marks.advance(&source, &a, at(95), delay, None);
        marks.keep_parts("estate", &BTreeSet::from([a]));
        let anew = Progress { since: at(90), complete: at(95), newest: at(95), delay };
        assert_eq!(marks.progress("estate"), Some(anew), "nobody looked in between");
    }

    #[test]
    fn parts_that_bring_their_past_are_counted() {
        let marks = Watermarks::default();
        let source: Arc<str> = "aws".into();
        let brings = |part: &str, since: Option<i64>| {
            marks.advance(&source, &part.into(), at(90), Duration::ZERO, since.map(at));
            marks.pasts("aws")
        };
        assert_eq!(marks.pasts("aws"), 0);
        assert_eq!((brings("a", Some(10)), brings("b", None), brings("b", Some(10))), (1, 1, 1));
        assert_eq!(brings("c", Some(5)), 2);
        assert_eq!(marks.stretch("aws", "c").unwrap().since, at(5), "although its source's begins later");
    }
}
