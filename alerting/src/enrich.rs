//! Enrichment: what tables, or the inventory, know of an alert's owner, runbook or service is said in its annotations. It
//! adds what is not said yet, and never touches an alert's identity.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use isobar_normalizer::{ConfigError, Labels, Matcher};
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::policy::RESOURCE_ID;

/// Rows of one table; larger ones belong into a database.
const ROWS_MAX: usize = 100_000;

/// Attributes of a resource beside its tags, which are `tag_<name>`.
const ATTRIBUTES: [&str; 7] = [
    "cloud_provider",
    "cloud_account_id",
    "cloud_region",
    "cloud_availability_zone",
    "resource_type",
    "resource_name",
    "service_name",
];

/// What is known of resources. Asked for every alert that names one: the answer comes from memory.
pub trait Resources: fmt::Debug + Send + Sync {
    /// The descriptive labels of a resource (`service_name`, `tag_*` …), also of one that has left the inventory; `None` of an
    /// id that nobody ever named.
    fn described(&self, resource_id: &str) -> Option<Labels>;
}

/// Every entry, in the order in which they are asked. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Enrichment {
    lookups: Arc<[Lookup]>,
    resources: Option<Arc<dyn Resources>>,
}

/// One entry, and which alerts it is asked about.
#[derive(Debug)]
struct Lookup {
    matchers: Vec<Matcher>,
    from: Source,
}

/// Where an entry's annotations come from.
#[derive(Debug)]
enum Source {
    Table {
        /// The labels, and columns, that find a row.
        by: Vec<String>,
        /// Annotations by the values of those labels.
        rows: HashMap<Vec<String>, Vec<(Arc<str>, String)>>,
    },
    /// Annotations, and the attributes of the alert's resource they are taken from.
    Resource(BTreeMap<String, String>),
}

/// An entry of `enrich:` as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLookup {
    #[serde(default, rename = "match")]
    matchers: Vec<Spanned<String>>,
    table: Option<Spanned<PathBuf>>,
    by: Option<Spanned<Vec<String>>>,
    /// Annotations, and the columns they are taken from.
    set: Option<Spanned<BTreeMap<String, String>>>,
    /// Annotations, and the attributes of the alert's resource they are taken from.
    resource: Option<Spanned<BTreeMap<String, String>>>,
}

impl Enrichment {
    /// Reads the tables of these entries; `read` finds a file's text.
    pub(crate) fn read(
        raw: &[RawLookup],
        read: &mut dyn FnMut(&Path) -> Result<String, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let lookups = raw.iter().map(|raw| Lookup::read(raw, read)).collect::<Result<_, _>>()?;
        Ok(Self { lookups, resources: None })
    }

    /// Takes what is known of resources from here.
    pub fn ask(&mut self, resources: Arc<dyn Resources>) {
        self.resources = Some(resources);
    }

    /// Whether nothing is ever added.
    pub(crate) fn is_empty(&self) -> bool {
        self.lookups.is_empty()
    }

    /// Adds what is known of an alert with these labels.
    pub(crate) fn add(&self, labels: &Labels, annotations: &mut BTreeMap<String, String>) {
        let mut say = |name: &str, value: &str| {
            if !annotations.contains_key(name) {
                annotations.insert(name.to_owned(), value.to_owned());
            }
        };
        for lookup in self.lookups.iter().filter(|lookup| lookup.is_about(labels)) {
            match &lookup.from {
                Source::Table { by, rows } => {
                    let key: Vec<String> =
                        by.iter().map(|name| labels.get(name).unwrap_or_default().to_owned()).collect();
                    rows.get(&key).into_iter().flatten().for_each(|(name, value)| say(name, value));
                }
                Source::Resource(set) => {
                    let Some(described) = self.described(labels) else { continue };
                    let known =
                        set.iter().filter_map(|(name, attribute)| Some((name, described.get(attribute)?)));
                    known.for_each(|(name, value)| say(name, value));
                }
            }
        }
    }

    /// What is known of the resource that an alert with these labels is about.
    fn described(&self, labels: &Labels) -> Option<Labels> {
        self.resources.as_ref()?.described(labels.get(RESOURCE_ID)?)
    }
}

impl Lookup {
    fn is_about(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default()))
    }

    fn read(
        raw: &RawLookup,
        read: &mut dyn FnMut(&Path) -> Result<String, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let mut matchers = Vec::new();
        for text in &raw.matchers {
            let read = crate::config::parse_matchers(&text.value);
            matchers.extend(read.map_err(|error| ConfigError::at(text.referenced, error.to_string()))?);
        }
        let from = match (&raw.resource, &raw.table, &raw.by, &raw.set) {
            (Some(set), None, None, None) => of_resource(set)?,
            (None, Some(table), Some(by), Some(set)) => of_table(table, by, set, read)?,
            _ => {
                let places = [
                    raw.resource.as_ref().map(|resource| resource.referenced),
                    raw.table.as_ref().map(|table| table.referenced),
                ];
                let right = "an entry of enrich is {table: FILE, by: [LABEL], set: {ANNOTATION: COLUMN}} or {resource: {ANNOTATION: ATTRIBUTE}}";
                return Err(match places.into_iter().flatten().next() {
                    Some(place) => ConfigError::at(place, right),
                    None => ConfigError::whole(right),
                });
            }
        };
        Ok(Self { matchers, from })
    }
}

/// Each attribute must be one that a resource can have.
fn of_resource(set: &Spanned<BTreeMap<String, String>>) -> Result<Source, ConfigError> {
    let wrong = |what: String| Err(ConfigError::at(set.referenced, what));
    if set.value.is_empty() {
        return wrong("resource names no annotation: write resource: {owner: tag_owner}".to_owned());
    }
    let is_tag = |name: &str| {
        let tag = name.strip_prefix("tag_").unwrap_or_default();
        !tag.is_empty() && tag.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_')
    };
    match set.value.values().find(|name| !ATTRIBUTES.contains(&name.as_str()) && !is_tag(name)) {
        Some(unknown) => {
            let known = ATTRIBUTES.join(", ");
            wrong(format!(
                "no resource has {unknown:?}: write {known}, or tag_ and a tag's name in small letters, with _ for other signs"
            ))
        }
        None => Ok(Source::Resource(set.value.clone())),
    }
}

fn of_table(
    table: &Spanned<PathBuf>,
    by: &Spanned<Vec<String>>,
    set: &Spanned<BTreeMap<String, String>>,
    read: &mut dyn FnMut(&Path) -> Result<String, ConfigError>,
) -> Result<Source, ConfigError> {
    if by.value.is_empty() {
        return Err(ConfigError::at(by.referenced, "by names no label: write by: [service]"));
    }
    if set.value.is_empty() {
        return Err(ConfigError::at(set.referenced, "set names no annotation: write set: {owner: owner}"));
    }
    let (by, set, path) = (&by.value, &set.value, &table.value);
    let wrong = |what: String| ConfigError::at(table.referenced, format!("{}: {what}", path.display()));
    let text = read(path).map_err(|error| wrong(error.to_string()))?;
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let table = if is_csv { of_csv(&text) } else { of_yaml(&text) }.map_err(wrong)?;
    if table.len() > ROWS_MAX {
        return Err(wrong(format!("{} rows, at most {ROWS_MAX}", table.len())));
    }
    for column in by.iter().chain(set.values()) {
        if !table.iter().any(|row| row.contains_key(column)) {
            return Err(wrong(format!("no row has a column {column:?}")));
        }
    }
    let names: Vec<(Arc<str>, &String)> =
        set.iter().map(|(name, column)| (name.as_str().into(), column)).collect();
    let mut rows = HashMap::with_capacity(table.len());
    for (number, row) in (1..).zip(table) {
        let key: Vec<String> = by.iter().map(|column| row.get(column).cloned().unwrap_or_default()).collect();
        let said =
            names.iter().filter_map(|(name, column)| Some((Arc::clone(name), row.get(*column)?.clone())));
        let said = said.filter(|(_, value)| !value.is_empty()).collect();
        if rows.insert(key, said).is_some() {
            return Err(wrong(format!("row {number} has the same {} as one before", by.join(", "))));
        }
    }
    Ok(Source::Table { by: by.clone(), rows })
}

type Row = BTreeMap<String, String>;

/// The first line names the columns.
fn of_csv(text: &str) -> Result<Vec<Row>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.map_err(|error| error.to_string())).collect()
}

/// A list of mappings.
fn of_yaml(text: &str) -> Result<Vec<Row>, String> {
    serde_saphyr::from_str(text).map_err(|error| ConfigError::from(error).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::labels;

    const CSV: &str =
        "service, region, owner, runbook\npay, eu, team-pay,\"https://wiki/pay, eu\"\nweb, eu, team-web,\n";
    const YAML: &str = "- {service: pay, region: eu, owner: team-pay, runbook: 'https://wiki/pay, eu'}\n- {service: web, region: eu, owner: team-web}\n";

    fn read(entry: &str, table: &str) -> Result<Enrichment, ConfigError> {
        let raw: Vec<RawLookup> = serde_saphyr::from_str(&format!("- {entry}")).map_err(ConfigError::from)?;
        Enrichment::read(&raw, &mut |path| match path.to_str() {
            Some("owners.csv" | "owners.yaml") => Ok(table.to_owned()),
            _ => Err(ConfigError::whole("no such file")),
        })
    }

    #[test]
    fn a_row_is_found_by_its_labels_and_adds_what_is_not_said() {
        for (file, table) in [("owners.csv", CSV), ("owners.yaml", YAML)] {
            let entry = format!(
                "{{match: ['severity!=info'], table: {file}, by: [service, region], set: {{owner: owner, runbook_url: runbook}}}}"
            );
            let enrichment = read(&entry, table).unwrap();
            let check = |identity: &str, expected: &[(&str, &str)]| {
                let mut annotations = BTreeMap::from([("owner".to_owned(), "ada".to_owned())]);
                if identity.contains("pay") {
                    annotations.clear();
                }
                enrichment.add(&labels(identity), &mut annotations);
                let found: Vec<(&str, &str)> =
                    annotations.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
                assert_eq!(found, expected, "{file} {identity}");
            };
            check("service=pay region=eu", &[("owner", "team-pay"), ("runbook_url", "https://wiki/pay, eu")]);
            check("service=web region=eu", &[("owner", "ada")]);
            check("service=pay region=us", &[]);
            check("service=pay region=eu severity=info", &[]);
        }
    }

    /// An inventory of one machine.
    #[derive(Debug)]
    struct Inventory;

    impl Resources for Inventory {
        fn described(&self, resource_id: &str) -> Option<Labels> {
            let known = resource_id == "aws:1:eu:vm:i-1";
            known.then(|| labels("resource_name=web-1 tag_owner=team-web tag_on_call=ada"))
        }
    }

    #[test]
    fn what_the_inventory_knows_of_the_resource_is_said_where_nothing_is() {
        let entries = "{match: ['severity!=info'], resource: {owner: tag_owner, host: resource_name, runbook_url: tag_runbook}}";
        let mut enrichment = read(entries, "").unwrap();
        let said = |enrichment: &Enrichment, identity: &str| {
            let mut annotations = BTreeMap::from([("host".to_owned(), "its own".to_owned())]);
            enrichment.add(&labels(identity), &mut annotations);
            annotations
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let known = "alertname=A resource_id=aws:1:eu:vm:i-1";
        assert_eq!(said(&enrichment, known), "host=its own", "nothing is known yet");
        enrichment.ask(Arc::new(Inventory));
        assert_eq!(said(&enrichment, known), "host=its own owner=team-web");
        assert_eq!(said(&enrichment, "alertname=A resource_id=aws:1:eu:vm:i-2"), "host=its own");
        assert_eq!(said(&enrichment, "alertname=A"), "host=its own");
        assert_eq!(said(&enrichment, &format!("{known} severity=info")), "host=its own");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let refused = |entry: &str, table: &str, what: &str| {
            let error = read(entry, table).unwrap_err().to_string();
            assert!(error.contains(what), "{error} should say {what}");
        };
        refused(
            "{table: owners.csv, by: [service], set: {owner: owner}}",
            "service,owner\na,1\na,2\n",
            "1:11: owners.csv: row 2 has the same service",
        );
        refused("{table: owners.csv, by: [service], set: {owner: who}}", CSV, "no row has a column \"who\"");
        refused("{table: owners.csv, by: [], set: {owner: owner}}", CSV, "by names no label");
        refused(
            "{table: other.csv, by: [service], set: {owner: owner}}",
            CSV,
            "other.csv: 0:0: no such file",
        );
        refused("{table: owners.csv, by: [a], set: {b: b}}", "a,b\n1,2,3\n", "owners.csv: CSV error");
        refused("{resource: {}}", CSV, "1:14: resource names no annotation");
        refused("{resource: {owner: owner}}", CSV, "no resource has \"owner\": write cloud_provider");
        refused("{resource: {owner: tag_Owner}}", CSV, "no resource has \"tag_Owner\"");
        refused("{resource: {a: tag_a}, table: owners.csv}", CSV, "1:14: an entry of enrich is");
        refused("{table: owners.csv, by: [service]}", CSV, "1:11: an entry of enrich is");
        refused("{match: ['a=~('], table: owners.csv, by: [service], set: {owner: owner}}", CSV, "1:12");
    }
}
