//! Any page is read or refused, and the cache changes nothing: three pages, split at each `%`, read one after the other
//! with one cache and each alone.
#![no_main]

use isobar_collectors::exposition::{ExpositionError, Format, PageSample, SeriesCache, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|pages: &[u8]| {
    for format in [Format::Text, Format::OpenMetrics] {
        let mut cache = SeriesCache::default();
        for page in pages.split(|byte| *byte == b'%').take(3) {
            let cached = read(page, format, &mut cache);
            assert_eq!(bits(cached), bits(read(page, format, &mut SeriesCache::default())));
        }
    }
});

/// NaN is not equal to itself; its bits are.
fn bits(samples: Result<Vec<PageSample>, ExpositionError>) -> Result<Vec<String>, ExpositionError> {
    let shown = |sample: &PageSample| format!("{} {:x} {:?}", sample.labels, sample.value.to_bits(), sample.at_ms);
    samples.map(|samples| samples.iter().map(shown).collect())
}
