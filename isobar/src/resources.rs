//! The versioned resource table: what each resource is called now, and every change of it in the journal.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use isobar_alerting::Resources;
use isobar_normalizer::{Labels, Provider, Resource, ResourceId, Timestamp};
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

/// Journal kind of a change to the table.
pub const KIND_RESOURCE: &str = "resource";

/// One resource as it is after a change. Payload of [`KIND_RESOURCE`], JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    id: String,
    zone: String,
    name: String,
    tags: BTreeMap<String, String>,
    service: String,
    last_seen: Timestamp,
    /// Sources and their parts that see it; after a restart it tells what has left meanwhile.
    #[serde(default)]
    seen_by: BTreeSet<Seer>,
    /// When it left the inventory of every source; absent while it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gone_at: Option<Timestamp>,
    /// It left because an inventory listed it no longer; absent where its part left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unlisted: bool,
}

/// A source and the part of it that sees a resource.
type Seer = (Arc<str>, Arc<str>);

/// A resource's descriptive labels, shared with whoever joins them.
pub type Described = Arc<[(String, String)]>;

/// A resource and who sees it.
#[derive(Clone, Debug)]
struct Entry {
    resource: Resource,
    labels: Described,
    seen_by: BTreeSet<Seer>,
    gone_at: Option<Timestamp>,
    /// It left because an inventory listed it no longer: that its id still comes along with metrics brings it not back.
    unlisted: bool,
}

/// A region of a provider, as one source sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The source's name.
    pub source: Arc<str>,
    /// Who runs what is there.
    pub provider: Provider,
    /// The region; empty where there is none.
    pub region: String,
}

/// The table, by resource id.
#[derive(Debug, Default)]
pub struct ResourceTable {
    entries: RwLock<HashMap<Box<str>, Entry>>,
    /// Changes that are not in the journal yet, the latest of each resource. Locked inside `entries`.
    unwritten: Mutex<BTreeMap<String, Record>>,
    /// Held while changes are written, so that a later one never comes before an earlier one.
    writing: Mutex<()>,
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
    /// Takes in what a part of a source sees now.
    pub fn see(&self, source: &Arc<str>, part: &Arc<str>, resources: Vec<Resource>) {
        if resources.is_empty() {
            return;
        }
        let mut entries = self.entries.write();
        for resource in resources {
            let seer = (source.clone(), part.clone());
            let entry = match entries.get_mut(resource.id.as_str()) {
                Some(entry) if entry.unlisted && is_bare(&resource) => continue,
                Some(entry) => {
                    let is_new_here = entry.seen_by.insert(seer);
                    let resource = merge(&entry.resource, resource);
                    let is_same = same_description(&entry.resource, &resource);
                    entry.resource = resource;
                    if is_same && !is_new_here && entry.gone_at.is_none() {
                        continue;
                    }
                    entry.labels = labels_of(&entry.resource);
                    (entry.gone_at, entry.unlisted) = (None, false);
                    entry
                }
                None => {
                    let key = resource.id.as_str().into();
                    let labels = labels_of(&resource);
                    let seen_by = BTreeSet::from([seer]);
                    entries.entry(key).or_insert(Entry {
                        resource,
                        labels,
                        seen_by,
                        gone_at: None,
                        unlisted: false,
                    })
                }
            };
            self.note(entry);
        }
    }

    /// Takes in all that a part of a source has now. What it listed before and does not any more has left the source, also
    /// where another part still has metrics of it. An empty list is not believed: it is more often an answer gone wrong
    /// than an empty region, and ends every alert there.
    pub fn list(&self, source: &Arc<str>, part: &Arc<str>, resources: Vec<Resource>, now: Timestamp) {
        if resources.is_empty() {
            return;
        }
        let listed: BTreeSet<Box<str>> =
            resources.iter().map(|resource| resource.id.as_str().into()).collect();
        self.see(source, part, resources);
        let seer = (source.clone(), part.clone());
        for (id, entry) in self.entries.write().iter_mut() {
            if listed.contains(id) || !entry.seen_by.contains(&seer) {
                continue;
            }
            entry.seen_by.retain(|(of, _)| of != source);
            if entry.seen_by.is_empty() {
                entry.gone_at.get_or_insert(now);
                entry.unlisted = true;
            }
            self.note(entry);
        }
    }

    /// Takes in that a part of a source has measured these: it sees them, whoever lists them.
    pub fn see_measured<'a>(
        &self,
        source: &Arc<str>,
        part: &Arc<str>,
        measured: impl Iterator<Item = &'a ResourceId>,
        now: Timestamp,
    ) {
        let ids: BTreeSet<&ResourceId> = measured.collect();
        let seer = (source.clone(), part.clone());
        let new: Vec<Resource> = {
            let entries = self.entries.read();
            let is_known = |id: &ResourceId| {
                entries.get(id.as_str()).is_some_and(|entry| entry.unlisted || entry.seen_by.contains(&seer))
            };
            let new = ids.into_iter().filter(|id| !is_known(id));
            new.map(|id| Resource {
                id: id.clone(),
                zone: String::new(),
                name: String::new(),
                tags: BTreeMap::new(),
                service: String::new(),
                last_seen: now,
            })
            .collect()
        };
        self.see(source, part, new);
    }

    /// Takes out what only this part saw.
    pub fn forget_part(&self, source: &str, part: &str, now: Timestamp) {
        self.keep(|(s, p)| **s != *source || **p != *part, now);
    }

    /// Takes out what only other parts of this source saw: `parts` are all it has.
    pub fn keep_parts(&self, source: &str, parts: &BTreeSet<Arc<str>>, now: Timestamp) {
        self.keep(|(s, p)| **s != *source || parts.contains(p), now);
    }

    /// Takes out what only other sources saw.
    pub fn keep_sources(&self, sources: &BTreeSet<String>, now: Timestamp) {
        self.keep(|(s, _)| sources.contains(&**s), now);
    }

    fn keep(&self, is_kept: impl Fn(&Seer) -> bool, now: Timestamp) {
        for entry in self.entries.write().values_mut() {
            let before = entry.seen_by.len();
            entry.seen_by.retain(&is_kept);
            if entry.seen_by.len() == before {
                continue;
            }
            if entry.seen_by.is_empty() {
                entry.gone_at.get_or_insert(now);
            }
            self.note(entry);
        }
    }

    /// Drops what left before this time: its past is not kept any longer either.
    pub fn drop_gone(&self, before: Timestamp) {
        self.entries.write().retain(|_, entry| entry.gone_at.is_none_or(|gone_at| gone_at >= before));
    }

    fn note(&self, entry: &Entry) {
        let record = record(entry);
        self.unwritten.lock().insert(record.id.clone(), record);
    }

    /// Hands every change that is not written down yet to `append`; what it refuses is handed over again with the next.
    ///
    /// # Errors
    /// What `append` says.
    pub fn write_down<E>(&self, append: impl FnOnce(&[Record]) -> Result<(), E>) -> Result<(), E> {
        let _one_at_a_time = self.writing.lock();
        let changes: Vec<Record> = std::mem::take(&mut *self.unwritten.lock()).into_values().collect();
        if changes.is_empty() {
            return Ok(());
        }
        append(&changes).inspect_err(|_| {
            let mut unwritten = self.unwritten.lock();
            for change in changes.iter().cloned() {
                // A change that came meanwhile says more.
                unwritten.entry(change.id.clone()).or_insert(change);
            }
        })
    }

    /// Puts back a journalled record.
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
        let records: Vec<Record> = self.entries.read().values().map(record).collect();
        serde_json::to_vec(&records).expect("records hold only text and numbers")
    }

    fn put(&self, kept: Record) -> Result<(), serde_json::Error> {
        let id: ResourceId = kept.id.parse().map_err(serde::de::Error::custom)?;
        let Record { zone, name, tags, service, last_seen, seen_by, gone_at, unlisted, .. } = kept;
        let resource = Resource { id, zone, name, tags, service, last_seen };
        let key = resource.id.as_str().into();
        let labels = labels_of(&resource);
        self.entries.write().insert(key, Entry { resource, labels, seen_by, gone_at, unlisted });
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

    /// The parts of the source that see the resource, those of an earlier process included until discovery has settled.
    pub fn parts_of(&self, id: &str, source: &str) -> Vec<Arc<str>> {
        let entries = self.entries.read();
        let seers = entries.get(id).into_iter().flat_map(|entry| &entry.seen_by);
        seers.filter(|(s, _)| **s == *source).map(|(_, part)| part.clone()).collect()
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

    /// The places in the inventory, as each source sees them, and its parts that do.
    pub fn places(&self) -> BTreeMap<Place, BTreeSet<Arc<str>>> {
        let mut places: BTreeMap<Place, BTreeSet<Arc<str>>> = BTreeMap::new();
        for entry in self.entries.read().values().filter(|entry| entry.gone_at.is_none()) {
            let (provider, _, region, ..) = entry.resource.id.parts();
            for (source, part) in &entry.seen_by {
                let place = Place { source: source.clone(), provider, region: region.to_owned() };
                places.entry(place).or_default().insert(part.clone());
            }
        }
        places
    }

    /// Descriptive labels of every resource, those that have left included: their past is still queried.
    pub fn labels(&self) -> HashMap<Box<str>, Described> {
        self.entries.read().iter().map(|(id, entry)| (id.clone(), entry.labels.clone())).collect()
    }
}

impl Resources for ResourceTable {
    fn described(&self, resource_id: &str) -> Option<Labels> {
        let described = self.entries.read().get(resource_id)?.labels.clone();
        Labels::from_pairs(described.iter().map(|(name, value)| (name, value))).ok()
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

fn record(entry: &Entry) -> Record {
    let Entry { resource, seen_by, gone_at, unlisted, .. } = entry;
    Record {
        id: resource.id.to_string(),
        zone: resource.zone.clone(),
        name: resource.name.clone(),
        tags: resource.tags.clone(),
        service: resource.service.clone(),
        last_seen: resource.last_seen,
        seen_by: seen_by.clone(),
        gone_at: *gone_at,
        unlisted: *unlisted,
    }
}

/// Whether nothing but its id is known of it.
fn is_bare(resource: &Resource) -> bool {
    let Resource { zone, name, tags, service, .. } = resource;
    zone.is_empty() && name.is_empty() && tags.is_empty() && service.is_empty()
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

    /// The changes that were not written down yet.
    fn written(table: &ResourceTable) -> Vec<Record> {
        let mut written = Vec::new();
        let taken: Result<(), ()> = table.write_down(|changes| {
            written.extend_from_slice(changes);
            Ok(())
        });
        assert_eq!(taken, Ok(()));
        written
    }

    fn restored(records: &[Record]) -> ResourceTable {
        let table = ResourceTable::default();
        for record in records {
            table.restore(&serde_json::to_vec(record).unwrap()).unwrap();
        }
        table
    }

    const DB_1: &str = "onprem:dc::host:db-1:9100";

    #[test]
    fn only_changes_are_journalled_and_they_restore_the_table() {
        let table = ResourceTable::default();
        let (source, part): (Arc<str>, Arc<str>) = ("dc".into(), "t".into());
        table.see(&source, &part, vec![host("db-1", 1)]);
        let mut records = written(&table);
        assert_eq!(records.len(), 1);
        table.see(&source, &part, vec![host("db-1", 2)]);
        assert_eq!(written(&table), []);
        table.see(&source, &part, vec![host("db-one", 3)]);
        assert_eq!(written(&table).len(), 1);
        table.forget_part("dc", "t", Timestamp::from_millis(3));
        assert_eq!(table.look_up(DB_1), Known::Gone(Timestamp::from_millis(3)));
        records.extend(written(&table));

        let restored = restored(&records);
        assert_eq!(restored.look_up(DB_1), Known::Gone(Timestamp::from_millis(3)));
        let saved = ResourceTable::default();
        saved.restore_all(&restored.snapshot()).unwrap();
        assert_eq!(saved.look_up(DB_1), Known::Gone(Timestamp::from_millis(3)));
        restored.see(&source, &part, vec![host("db-one", 4)]);
        assert_eq!(written(&restored).len(), 1, "coming back is a change");
        let Known::Present(labels) = restored.look_up(DB_1) else { panic!("it is back") };
        assert!(labels.contains(&("tag_tier".to_owned(), "batch".to_owned())));
        // An alert about what has left is still told with what was known of it.
        let owner = |table: &ResourceTable| Some(table.described(DB_1)?.get("tag_tier")?.to_owned());
        assert_eq!(
            (owner(&saved), saved.described("onprem:dc::host:other")),
            (Some("batch".to_owned()), None)
        );
        saved.drop_gone(Timestamp::from_millis(4));
        assert_eq!(saved.look_up(DB_1), Known::Never, "its past is over too");
    }

    #[test]
    fn a_source_that_knows_less_erases_nothing() {
        let table = ResourceTable::default();
        let part: Arc<str> = "t".into();
        table.see(&"a".into(), &part, vec![host("db-1", 1)]);
        table.see(&"b".into(), &part, vec![host("", 2)]);
        assert_eq!(table.all()[0].name, "db-1");
        assert_eq!((table.parts_of(DB_1, "a"), table.parts_of(DB_1, "c")), (vec![part], vec![]));
        table.forget_part("a", "t", Timestamp::from_millis(3));
        assert_eq!(table.parts_of(DB_1, "a"), []);
        assert!(matches!(table.look_up(DB_1), Known::Present(_)), "the other source still sees it");
    }

    #[test]
    fn what_left_while_nobody_looked_is_gone_after_a_restart() {
        let seen = || {
            let table = ResourceTable::default();
            table.see(&"dc".into(), &"t".into(), vec![host("db-1", 1)]);
            restored(&written(&table))
        };
        let (now, gone) = (Timestamp::from_millis(9), Known::Gone(Timestamp::from_millis(9)));
        let table = seen();
        table.keep_parts("dc", &BTreeSet::from(["t".into()]), now);
        table.keep_parts("other", &BTreeSet::new(), now);
        table.keep_sources(&BTreeSet::from(["dc".to_owned()]), now);
        assert_eq!(written(&table), []);
        table.keep_parts("dc", &BTreeSet::from(["u".into()]), now);
        assert_eq!((table.look_up(DB_1), written(&table).len()), (gone.clone(), 1));
        let table = seen();
        table.keep_sources(&BTreeSet::new(), now);
        assert_eq!(table.look_up(DB_1), gone);
    }

    #[test]
    fn a_change_the_journal_refuses_is_written_with_the_next() {
        let table = ResourceTable::default();
        let (source, part): (Arc<str>, Arc<str>) = ("dc".into(), "t".into());
        table.see(&source, &part, vec![host("db-1", 1)]);
        assert_eq!(table.write_down(|_| Err("full")), Err("full"));
        assert_eq!(written(&table).len(), 1);
        table.see(&source, &part, vec![host("db-one", 2)]);
        let overtaken = table.write_down(|_| {
            table.see(&source, &part, vec![host("db-two", 3)]);
            Err("full")
        });
        assert_eq!(overtaken, Err("full"));
        assert_eq!(written(&table)[0].name, "db-two");
    }

    fn instance(n: usize, name: &str) -> Resource {
        Resource {
            id: format!("aws:1:us-east-1:compute.instance:i-{n}").parse().unwrap(),
            tags: BTreeMap::new(),
            ..host(name, 1)
        }
    }

    #[test]
    fn what_an_inventory_lists_no_longer_has_left_although_it_still_has_metrics() {
        let table = ResourceTable::default();
        let source: Arc<str> = "aws".into();
        let (inventory, region): (Arc<str>, Arc<str>) =
            ("1/us-east-1/inventory".into(), "1/us-east-1".into());
        let at = Timestamp::from_millis;
        let both = || vec![instance(1, "a"), instance(2, "b")];
        let id = |n: usize| format!("aws:1:us-east-1:compute.instance:i-{n}");
        let measured = |table: &ResourceTable| {
            let ids: Vec<ResourceId> = [1, 2, 3].map(|n| id(n).parse().unwrap()).into();
            table.see_measured(&source, &region, ids.iter(), at(1));
        };
        table.list(&source, &inventory, both(), at(1));
        measured(&table);
        assert_eq!(table.parts_of(&id(2), "aws").len(), 2);
        // Never in this inventory, so that it says nothing of it.
        assert!(matches!(table.look_up(&id(3)), Known::Present(_)));

        table.list(&source, &inventory, vec![instance(1, "a")], at(2));
        assert_eq!(table.look_up(&id(2)), Known::Gone(at(2)));
        measured(&table);
        table.see(&source, &region, vec![instance(2, "")]);
        assert_eq!(table.look_up(&id(2)), Known::Gone(at(2)), "its last metrics come late");
        let restored = ResourceTable::default();
        restored.restore_all(&table.snapshot()).unwrap();
        measured(&restored);
        assert_eq!(restored.look_up(&id(2)), Known::Gone(at(2)));

        table.list(&source, &inventory, Vec::new(), at(3));
        assert!(matches!(table.look_up(&id(1)), Known::Present(_)), "an empty answer is not believed");
        table.list(&source, &inventory, both(), at(4));
        assert!(matches!(table.look_up(&id(2)), Known::Present(_)));

        // Another source sees the same machine: it has not left the estate.
        table.see(&"onprem".into(), &"t".into(), vec![instance(2, "b")]);
        table.list(&source, &inventory, vec![instance(1, "a")], at(5));
        assert!(matches!(table.look_up(&id(2)), Known::Present(_)));
    }
}
