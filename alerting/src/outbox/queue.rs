//! What is under way by one integration.

use std::collections::BTreeMap;
use std::sync::Arc;

use isobar_normalizer::Severity;

/// Deliveries in the order they were written down, and how many there are of each severity: whoever finds one of the worst
/// need not look further.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    ids: BTreeMap<u64, (Arc<str>, Severity)>,
    severities: BTreeMap<Severity, usize>,
}

impl Queue {
    /// Takes in a delivery, which may be here already.
    pub(super) fn insert(&mut self, order: u64, id: Arc<str>, severity: Severity) {
        self.remove(order);
        self.ids.insert(order, (id, severity));
        *self.severities.entry(severity).or_default() += 1;
    }

    /// Lets go of one, if it is here.
    pub(super) fn remove(&mut self, order: u64) {
        let Some((_, severity)) = self.ids.remove(&order) else { return };
        if let Some(count) = self.severities.get_mut(&severity) {
            *count -= 1;
            if *count == 0 {
                self.severities.remove(&severity);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The worst severity here.
    pub(super) fn worst(&self) -> Option<Severity> {
        self.severities.last_key_value().map(|(severity, _)| *severity)
    }

    /// Order, id and severity, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Arc<str>, Severity)> {
        self.ids.iter().map(|(order, (id, severity))| (*order, id, *severity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_that_of_what_is_here() {
        let mut queue = Queue::default();
        assert_eq!(queue.worst(), None);
        queue.insert(1, "a".into(), Severity::Critical);
        queue.insert(2, "b".into(), Severity::Warning);
        queue.insert(3, "c".into(), Severity::Critical);
        queue.insert(1, "a".into(), Severity::Critical);
        queue.remove(1);
        assert_eq!(queue.worst(), Some(Severity::Critical));
        queue.remove(3);
        queue.remove(3);
        assert_eq!(queue.worst(), Some(Severity::Warning));
        assert_eq!(queue.iter().map(|(order, id, _)| (order, &**id)).collect::<Vec<_>>(), [(2, "b")]);
        queue.remove(2);
        assert!(queue.is_empty() && queue.worst().is_none());
    }
}
