//! The versioned resource table: what each resource is called now, and every change of it in the journal.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use isobar_normalizer::{Resource, ResourceId, Timestamp};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

/// Journal kind of a change to the table.
pub const KIND_RESOURCE: &str = "resource";

/// One resource as it is after a change. Payload of [`KIND_RESOURCE`], JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    id: String,
    zone: String,
    name: String,
    tags: std::collections::BTreeMap<String, String>,
    service: String,
    last_seen: Timestamp,
    /// When it left the inventory of every source; absent while it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gone_at: Option<Timestamp>,
}

/// A resource's descriptive labels, shared with whoever joins them.
pub type Described = Arc<[(String, String)]>;

/// A resource and who sees it.
#[derive(Clone, Debug)]
struct Entry {
    resource: Resource,
    labels: Described,
    seen_by: HashSet<(Arc<str>, Arc<str>)>,
    gone_at: Option<Timestamp>,
}

/// The table, by resource id.
#[derive(Debug, Default)]
pub struct ResourceTable {
    entries: RwLock<HashMap<Box<str>, Entry>>,
}

/// What is known of a resource id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is in the inventory, with these descriptive labels.
    Present(Described),
    /// It was in the inventory and left it then.
    Gone(Timestamp),
    /// No source ever named it.
    Never,
}

impl ResourceTable {
    /// Takes in what a part of a source sees now; returns the records to journal, one per resource that changed.
    pub fn see(&self, source: &Arc<str>, part: &Arc<str>, resources: Vec<Resource>) -> Vec<Record> {
        let mut changes = Vec::new();
        let mut entries = self.entries.write();
        for resource in resources {
            let seen_by = (source.clone(), part.clone());
            match entries.get_mut(resource.id.as_str()) {
                Some(entry) => {
                    entry.seen_by.insert(seen_by);
                    let resource = merge(&entry.resource, resource);
                    let changed = entry.gone_at.is_some() || !same_description(&entry.resource, &resource);
                    if changed {
                        entry.labels = labels_of(&resource);
                        changes.push(record(&resource, None));
                    }
                    entry.resource = resource;
                    entry.gone_at = None;
                }
                None => {
                    changes.push(record(&resource, None));
                    let key = resource.id.as_str().into();
                    let labels = labels_of(&resource);
                    entries.insert(
                        key,
                        Entry { resource, labels, seen_by: HashSet::from([seen_by]), gone_at: None },
                    );
                }
            }
        }
        changes
    }

    /// Takes out what only this part saw; returns the records to journal.
    pub fn forget_part(&self, source: &Arc<str>, part: &Arc<str>, now: Timestamp) -> Vec<Record> {
        let seen_by = (source.clone(), part.clone());
        let mut changes = Vec::new();
        for entry in self.entries.write().values_mut() {
            if entry.seen_by.remove(&seen_by) && entry.seen_by.is_empty() && entry.gone_at.is_none() {
                entry.gone_at = Some(now);
                changes.push(record(&entry.resource, entry.gone_at));
            }
        }
        changes
    }

    /// Puts back a journalled record; who sees it is learnt again from the sources.
    ///
    /// # Errors
    /// The payload is no record.
    pub fn restore(&self, payload: &[u8]) -> Result<(), serde_json::Error> {
        self.put(serde_json::from_slice(payload)?)
    }

    /// Puts back a [`ResourceTable::snapshot`].
    ///
    /// # Errors
    /// The bytes are no snapshot.
    pub fn restore_all(&self, snapshot: &[u8]) -> Result<(), serde_json::Error> {
        let records: Vec<Record> = serde_json::from_slice(snapshot)?;
        records.into_iter().try_for_each(|record| self.put(record))
    }

    /// Every resource, those that have left included, as JSON.
    pub fn snapshot(&self) -> Vec<u8> {
        let records: Vec<Record> =
            self.entries.read().values().map(|entry| record(&entry.resource, entry.gone_at)).collect();
        serde_json::to_vec(&records).expect("records hold only text and numbers")
    }

    fn put(&self, kept: Record) -> Result<(), serde_json::Error> {
        let id: ResourceId = kept.id.parse().map_err(serde::de::Error::custom)?;
        let Record { zone, name, tags, service, last_seen, gone_at, .. } = kept;
        let resource = Resource { id, zone, name, tags, service, last_seen };
        let key = resource.id.as_str().into();
        let labels = labels_of(&resource);
        self.entries.write().insert(key, Entry { resource, labels, seen_by: HashSet::new(), gone_at });
        Ok(())
    }

    /// What is known of the id.
    pub fn look_up(&self, id: &str) -> Known {
        match self.entries.read().get(id) {
            None => Known::Never,
            Some(Entry { gone_at: Some(at), .. }) => Known::Gone(*at),
            Some(entry) => Known::Present(entry.labels.clone()),
        }
    }

    /// Every resource in the inventory, by id.
    pub fn all(&self) -> Vec<Resource> {
        let mut all: Vec<Resource> = self
            .entries
            .read()
            .values()
            .filter(|entry| entry.gone_at.is_none())
            .map(|entry| entry.resource.clone())
            .collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Descriptive labels of every resource, those that have left included: their past is still queried.
    pub fn labels(&self) -> HashMap<Box<str>, Described> {
        self.entries.read().iter().map(|(id, entry)| (id.clone(), entry.labels.clone())).collect()
    }
}

/// A source that does not know an attribute does not erase what another one told.
fn merge(known: &Resource, seen: Resource) -> Resource {
    let keep = |new: String, old: &str| if new.is_empty() { old.to_owned() } else { new };
    Resource {
        zone: keep(seen.zone, &known.zone),
        name: keep(seen.name, &known.name),
        service: keep(seen.service, &known.service),
        tags: if seen.tags.is_empty() { known.tags.clone() } else { seen.tags },
        last_seen: seen.last_seen.max(known.last_seen),
        id: seen.id,
    }
}

fn same_description(a: &Resource, b: &Resource) -> bool {
    (&a.zone, &a.name, &a.tags, &a.service) == (&b.zone, &b.name, &b.tags, &b.service)
}

fn labels_of(resource: &Resource) -> Described {
    resource.labels().map(|(name, value)| (name, value.to_owned())).collect()
}

fn record(resource: &Resource, gone_at: Option<Timestamp>) -> Record {
    Record {
        id: resource.id.to_string(),
        zone: resource.zone.clone(),
        name: resource.name.clone(),
        tags: resource.tags.clone(),
        service: resource.service.clone(),
        last_seen: resource.last_seen,
        gone_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, at: i64) -> Resource {
        Resource {
            id: "onprem:dc::host:db-1:9100".parse().unwrap(),
            zone: String::new(),
            name: name.to_owned(),
            tags: [("tier".to_owned(), "batch".to_owned())].into(),
            service: String::new(),
            last_seen: Timestamp::from_millis(at),
        }
    }

    #[test]
    fn only_changes_are_journalled_and_they_restore_the_table() {
        let table = ResourceTable::default();
        let (source, part): (Arc<str>, Arc<str>) = ("dc".into(), "t".into());
        let first = table.see(&source, &part, vec![host("db-1", 1)]);
        assert_eq!(first.len(), 1);
        assert_eq!(table.see(&source, &part, vec![host("db-1", 2)]), vec![]);
        assert_eq!(table.see(&source, &part, vec![host("db-one", 3)]).len(), 1);
        let gone = table.forget_part(&source, &part, Timestamp::from_millis(3));
        assert_eq!(table.look_up("onprem:dc::host:db-1:9100"), Known::Gone(Timestamp::from_millis(3)));

        let restored = ResourceTable::default();
        for record in first.iter().chain(&gone) {
            restored.restore(&serde_json::to_vec(record).unwrap()).unwrap();
        }
        assert_eq!(restored.look_up("onprem:dc::host:db-1:9100"), Known::Gone(Timestamp::from_millis(3)));
        let saved = ResourceTable::default();
        saved.restore_all(&restored.snapshot()).unwrap();
        assert_eq!(saved.look_up("onprem:dc::host:db-1:9100"), Known::Gone(Timestamp::from_millis(3)));
        assert_eq!(restored.see(&source, &part, vec![host("db-one", 4)]).len(), 1, "coming back is a change");
        let Known::Present(labels) = restored.look_up("onprem:dc::host:db-1:9100") else {
            panic!("it is back")
        };
        assert!(labels.contains(&("tag_tier".to_owned(), "batch".to_owned())));
    }

    #[test]
    fn a_source_that_knows_less_erases_nothing() {
        let table = ResourceTable::default();
        let part: Arc<str> = "t".into();
        table.see(&"a".into(), &part, vec![host("db-1", 1)]);
        assert_eq!(table.see(&"b".into(), &part, vec![host("", 2)]), vec![]);
        assert_eq!(table.all()[0].name, "db-1");
    }
}
