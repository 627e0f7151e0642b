//! What was made of each series text of a target's last page, found again without reading the text.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

/// Series texts in the order they were first seen, each with a value. A page in the same order as the one before is answered
/// by comparing bytes alone; any other order costs one hash.
#[derive(Debug)]
pub struct SeriesCache<T> {
    entries: Vec<Entry<T>>,
    by_hash: HashMap<u64, usize>,
    next: usize,
}

#[derive(Debug)]
struct Entry<T> {
    text: Box<[u8]>,
    value: T,
}

impl<T> Default for SeriesCache<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), by_hash: HashMap::new(), next: 0 }
    }
}

impl<T> SeriesCache<T> {
    /// How many texts are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Expects the first text next: a new page begins.
    pub fn rewind(&mut self) {
        self.next = 0;
    }

    /// The text that follows the one looked up last.
    pub fn likely(&self) -> &[u8] {
        self.entries.get(self.next).map_or(b"", |entry| &entry.text)
    }

    /// The value of a text. Equal hashes are not trusted: the bytes are compared.
    pub fn get(&mut self, text: &[u8]) -> Option<&mut T> {
        let expected = self.entries.get(self.next).is_some_and(|entry| *entry.text == *text);
        let found = if expected { Some(self.next) } else { self.by_hash.get(&xxh3_64(text)).copied() };
        let index = found.filter(|index| *self.entries[*index].text == *text)?;
        self.next = index + 1;
        Some(&mut self.entries[index].value)
    }

    /// Keeps a text that [`SeriesCache::get`] did not find. Of two texts with one hash only the first is kept; the other is
    /// read anew each time.
    pub fn insert(&mut self, text: &[u8], value: T) {
        if let std::collections::hash_map::Entry::Vacant(slot) = self.by_hash.entry(xxh3_64(text)) {
            slot.insert(self.entries.len());
            self.entries.push(Entry { text: text.into(), value });
        }
    }

    /// Keeps only what `keep` says; it may change the values.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        self.entries.retain_mut(|entry| keep(&mut entry.value));
        self.by_hash = self.entries.iter().enumerate().map(|(i, entry)| (xxh3_64(&entry.text), i)).collect();
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_in_any_order() {
        let mut cache = SeriesCache::default();
        for (text, value) in [(&b"a"[..], 1), (b"b", 2), (b"c", 3)] {
            assert_eq!(cache.get(text), None);
            cache.insert(text, value);
        }
        cache.rewind();
        assert_eq!(cache.likely(), b"a");
        assert_eq!(cache.get(b"b"), Some(&mut 2));
        assert_eq!(cache.likely(), b"c");
        assert_eq!(cache.get(b"a"), Some(&mut 1));
        assert_eq!(cache.get(b"x"), None);
        assert_eq!(cache.likely(), b"b");
        cache.retain(|value| *value != 2);
        assert_eq!(cache.get(b"b"), None);
        assert_eq!(cache.len(), 2);
        assert_eq!(cache.get(b"c"), Some(&mut 3));
    }

    #[test]
    fn equal_hashes_are_told_apart_by_their_bytes() {
        let mut cache = SeriesCache::default();
        cache.insert(b"a", 1);
        // As if "b" had the hash of "a".
        cache.by_hash.insert(xxh3_64(b"b"), 0);
        cache.rewind();
        assert_eq!(cache.get(b"b"), None);
        cache.insert(b"b", 2);
        assert_eq!(cache.get(b"b"), None);
        assert_eq!(cache.get(b"a"), Some(&mut 1));
    }
}
