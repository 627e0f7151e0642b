//! Label sets, packed into one allocation, and the two hashes that identify them.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// Ends every name and every value in the packed form; no UTF-8 text contains this byte.
const END: u8 = 0xFF;

/// Stable 64-bit identity of a series: XXH3 of the packed label set. Equal labels have equal ids in every process
/// and version; the store compares labels when ids meet, so that a collision is detected and not merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u64);

/// A label set: names sorted, unique and not empty, values not empty.
///
/// Packed as `name 0xFF value 0xFF …`, so that cloning is one reference count, equality one `memcmp`, and the
/// Alertmanager fingerprint one pass over the bytes.
#[derive(Clone)]
pub struct Labels {
    packed: Arc<[u8]>,
    id: SeriesId,
}

/// Why a list of pairs is not a label set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// A name was the empty string.
    #[error("empty label name")]
    EmptyName,
    /// One name came twice.
    #[error("label {0:?} is given twice")]
    Duplicate(String),
}

impl Labels {
    /// Packs the pairs. Pairs with an empty value are left out, as Prometheus does: an empty label is an absent one.
    ///
    /// # Errors
    /// An empty name, or one name twice.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, LabelError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut pairs: Vec<(N, V)> =
            pairs.into_iter().filter(|(_, value)| !value.as_ref().is_empty()).collect();
        pairs.sort_by(|a, b| a.0.as_ref().cmp(b.0.as_ref()));
        if pairs.first().is_some_and(|(name, _)| name.as_ref().is_empty()) {
            return Err(LabelError::EmptyName);
        }
        if let Some(twice) = pairs.windows(2).find(|two| two[0].0.as_ref() == two[1].0.as_ref()) {
            return Err(LabelError::Duplicate(twice[0].0.as_ref().to_owned()));
        }
        Ok(Self::pack(pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))))
    }

    /// The empty set.
    pub fn empty() -> Self {
        Self::pack(std::iter::empty())
    }

    /// Unpacks what [`Labels::packed`] gave, after checking it: what comes back from disk is not trusted.
    pub fn from_packed(bytes: &[u8]) -> Option<Self> {
        let text_ends = bytes.iter().filter(|byte| **byte == END).count();
        if text_ends % 2 != 0 || bytes.last().is_some_and(|byte| *byte != END) {
            return None;
        }
        let fields: Vec<&str> = bytes
            .split(|byte| *byte == END)
            .take(text_ends)
            .map(std::str::from_utf8)
            .collect::<Result<_, _>>()
            .ok()?;
        if fields.iter().any(|field| field.is_empty()) {
            return None;
        }
        if fields.chunks_exact(2).zip(fields.chunks_exact(2).skip(1)).any(|(a, b)| a[0] >= b[0]) {
            return None;
        }
        Some(Self { id: SeriesId(xxh3_64(bytes)), packed: bytes.into() })
    }

    /// Pairs must be sorted, unique and without empty texts.
    fn pack<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut packed = Vec::with_capacity(128);
        for (name, value) in pairs {
            packed.extend_from_slice(name.as_bytes());
            packed.push(END);
            packed.extend_from_slice(value.as_bytes());
            packed.push(END);
        }
        Self { id: SeriesId(xxh3_64(&packed)), packed: packed.into() }
    }

    /// The packed bytes, `name 0xFF value 0xFF …` in name order.
    pub fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// The identity of the series these labels name.
    pub fn id(&self) -> SeriesId {
        self.id
    }

    /// The value of the label, or `None` when it is absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.packed.split(|byte| *byte == END);
        loop {
            let (key, value) = (fields.next()?, fields.next()?);
            match key.cmp(name.as_bytes()) {
                Ordering::Less => {}
                Ordering::Equal => return Some(text(value)),
                // Names are in order: it is not there.
                Ordering::Greater => return None,
            }
        }
    }

    /// The metric's name, where there is one.
    pub fn name(&self) -> Option<&str> {
        self.get(METRIC_NAME)
    }

    /// All pairs in name order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut fields = self.packed.split(|byte| *byte == END).map(text);
        std::iter::from_fn(move || match (fields.next(), fields.next()) {
            (Some(name), Some(value)) => Some((name, value)),
            _ => None,
        })
    }

    /// How many labels there are.
    pub fn len(&self) -> usize {
        self.packed.iter().filter(|byte| **byte == END).count() / 2
    }

    /// Whether there is no label at all.
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// A builder that starts from these labels.
    pub fn edit(&self) -> LabelsBuilder {
        LabelsBuilder {
            pairs: self.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    /// Alertmanager's fingerprint: FNV-1a 64 over each name and value, each ended by 0xFF.
    ///
    /// Source: prometheus/common `model.LabelsToSignature`; twelve of twelve real fingerprints agree.
    pub fn fingerprint(&self) -> u64 {
        const OFFSET: u64 = 14_695_981_039_346_656_037;
        const PRIME: u64 = 1_099_511_628_211;
        self.packed.iter().fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
    }
}

/// A name or a value of packed labels.
fn text(field: &[u8]) -> &str {
    std::str::from_utf8(field).expect("labels are packed from, or checked to be, UTF-8 text")
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.packed == other.packed
    }
}

impl Eq for Labels {}

impl std::hash::Hash for Labels {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Pair by pair: by the first name or value that differs.
impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        let differs = self.packed.iter().zip(&*other.packed).find(|(ours, theirs)| ours != theirs);
        match differs {
            // A text that ends is before every longer one that begins with it.
            Some((ours, theirs)) => ours.wrapping_add(1).cmp(&theirs.wrapping_add(1)),
            None => self.packed.len().cmp(&other.packed.len()),
        }
    }
}

/// `name{a="b", c="d"}`, values escaped as Prometheus prints them.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name().unwrap_or_default();
        f.write_str(name)?;
        if !name.is_empty() && self.len() == 1 {
            return Ok(());
        }
        f.write_str("{")?;
        for (i, (label, value)) in self.iter().filter(|(label, _)| *label != METRIC_NAME).enumerate() {
            write!(f, "{}{label}={value:?}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Edits a label set pair by pair.
#[derive(Clone, Debug, Default)]
pub struct LabelsBuilder {
    pairs: std::collections::BTreeMap<String, String>,
}

impl LabelsBuilder {
    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        let (name, value) = (name.into(), value.into());
        if value.is_empty() {
            self.pairs.remove(&name);
        } else {
            self.pairs.insert(name, value);
        }
        self
    }

    /// Removes a label; absent is fine.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.pairs.remove(name);
        self
    }

    /// The value set so far.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.get(name).map(String::as_str)
    }

    /// Keeps the labels for which `keep(name, value)` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) -> &mut Self {
        self.pairs.retain(|name, value| keep(name, value));
        self
    }

    /// The finished set.
    pub fn build(&self) -> Labels {
        Labels::pack(
            self.pairs
                .iter()
                .filter(|(name, _)| !name.is_empty())
                .map(|(name, value)| (name.as_str(), value.as_str())),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::from_pairs(pairs.iter().copied()).unwrap()
    }

    #[test]
    fn order_of_pairs_does_not_matter() {
        assert_eq!(labels(&[("b", "2"), ("a", "1")]), labels(&[("a", "1"), ("b", "2")]));
    }

    #[test]
    fn empty_values_are_absent_labels() {
        assert_eq!(labels(&[("a", "1"), ("b", "")]), labels(&[("a", "1")]));
    }

    #[test]
    fn a_name_twice_is_refused() {
        assert_eq!(Labels::from_pairs([("a", "1"), ("a", "2")]), Err(LabelError::Duplicate("a".to_owned())));
        assert_eq!(Labels::from_pairs([("", "1")]), Err(LabelError::EmptyName));
    }

    #[test]
    fn the_empty_fingerprint_is_fnv_offset() {
        assert_eq!(format!("{:016x}", Labels::empty().fingerprint()), "cbf29ce484222325");
    }

    #[test]
    fn shown_as_prometheus_shows_it() {
        assert_eq!(labels(&[("__name__", "up"), ("job", "a\"b")]).to_string(), r#"up{job="a\"b"}"#);
        assert_eq!(labels(&[("__name__", "up")]).to_string(), "up");
        assert_eq!(Labels::empty().to_string(), "{}");
    }

    proptest! {
        #[test]
        fn packing_is_undone_by_unpacking(pairs in proptest::collection::btree_map("[a-z_]{1,8}", "\\PC{1,12}", 0..8)) {
            let packed = Labels::from_pairs(&pairs).unwrap();
            prop_assert_eq!(Labels::from_packed(packed.packed()), Some(packed.clone()));
            prop_assert_eq!(packed.len(), pairs.len());
            for name in pairs.keys().flat_map(|name| [name.clone(), format!("{name}_"), name[1..].to_owned()]) {
                prop_assert_eq!(packed.get(&name), pairs.get(&name).map(String::as_str), "{}", name);
            }
            prop_assert!(packed.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).eq(pairs));
        }

        #[test]
        fn the_order_is_that_of_the_pairs(
            a in proptest::collection::btree_map("[ab\u{7f}é]{1,2}", "[ab\u{7f}é]{1,2}", 0..3),
            b in proptest::collection::btree_map("[ab\u{7f}é]{1,2}", "[ab\u{7f}é]{1,2}", 0..3),
        ) {
            let (left, right) = (Labels::from_pairs(&a).unwrap(), Labels::from_pairs(&b).unwrap());
            prop_assert_eq!(left.cmp(&right), left.iter().cmp(right.iter()));
        }

        #[test]
        fn bytes_from_anywhere_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(read) = Labels::from_packed(&bytes) {
                prop_assert_eq!(read.packed(), &bytes[..]);
            }
        }
    }
}
