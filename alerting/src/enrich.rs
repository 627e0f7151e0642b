//! Enrichment: what tables know of an alert's owner, runbook or service is said in its annotations. It adds what is not
//! said yet, and never touches an alert's identity.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use isobar_normalizer::{ConfigError, Labels, Matcher};
use serde::Deserialize;
use serde_saphyr::Spanned;

/// Rows of one table; larger ones belong into a database.
const ROWS_MAX: usize = 100_000;

/// Every table, in the order in which they are asked. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Enrichment(Arc<[Lookup]>);

/// One table, and which alerts it is asked about.
#[derive(Debug)]
struct Lookup {
    matchers: Vec<Matcher>,
    /// The labels, and columns, that find a row.
    by: Vec<String>,
    /// Annotations by the values of those labels.
    rows: HashMap<Vec<String>, Vec<(Arc<str>, String)>>,
}

/// An entry of `enrich:` as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLookup {
    #[serde(default, rename = "match")]
    matchers: Vec<Spanned<String>>,
    table: Spanned<PathBuf>,
    by: Spanned<Vec<String>>,
    /// Annotations, and the columns they are taken from.
    set: Spanned<BTreeMap<String, String>>,
}

impl Enrichment {
    /// Reads the tables of these entries; `read` finds a file's text.
    pub(crate) fn read(
        raw: &[RawLookup],
        read: &mut dyn FnMut(&Path) -> Result<String, ConfigError>,
    ) -> Result<Self, ConfigError> {
        raw.iter().map(|raw| Lookup::read(raw, read)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether nothing is ever added.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what the tables know of an alert with these labels.
    pub(crate) fn add(&self, labels: &Labels, annotations: &mut BTreeMap<String, String>) {
        for lookup in self.0.iter().filter(|lookup| lookup.is_about(labels)) {
            let key: Vec<String> =
                lookup.by.iter().map(|name| labels.get(name).unwrap_or_default().to_owned()).collect();
            for (name, value) in lookup.rows.get(&key).into_iter().flatten() {
                annotations.entry(name.to_string()).or_insert_with(|| value.clone());
            }
        }
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
        let (by, set) = (&raw.by.value, &raw.set.value);
        if by.is_empty() {
            return Err(ConfigError::at(raw.by.referenced, "by names no label: write by: [service]"));
        }
        if set.is_empty() {
            return Err(ConfigError::at(
                raw.set.referenced,
                "set names no annotation: write set: {owner: owner}",
            ));
        }
        let path = &raw.table.value;
        let wrong =
            |what: String| ConfigError::at(raw.table.referenced, format!("{}: {what}", path.display()));
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
            let key: Vec<String> =
                by.iter().map(|column| row.get(column).cloned().unwrap_or_default()).collect();
            let said =
                names.iter().filter_map(|(name, column)| Some((Arc::clone(name), row.get(*column)?.clone())));
            let said = said.filter(|(_, value)| !value.is_empty()).collect();
            if rows.insert(key, said).is_some() {
                return Err(wrong(format!("row {number} has the same {} as one before", by.join(", "))));
            }
        }
        Ok(Self { matchers, by: by.clone(), rows })
    }
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
        refused("{match: ['a=~('], table: owners.csv, by: [service], set: {owner: owner}}", CSV, "1:12");
    }
}
