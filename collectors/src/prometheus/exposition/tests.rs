use proptest::prelude::*;

use super::*;

const TEXT: &str = include_str!("testdata/features.prom");
const OPENMETRICS: &str = include_str!("testdata/features.openmetrics");

fn once(page: &[u8], format: Format) -> Result<Vec<PageSample>, ExpositionError> {
    read(page, format, &mut SeriesCache::default())
}

fn shown(samples: &[PageSample]) -> Vec<String> {
    let show = |sample: &PageSample| match sample.at_ms {
        None => format!("{} {}", sample.labels, sample.value),
        Some(at) => format!("{} {} @{at}", sample.labels, sample.value),
    };
    samples.iter().map(show).collect()
}

#[test]
fn everything_the_text_format_allows() {
    let expected = [
        r#"requests_total{code="200", path="/"} 1027 @1700000000000"#,
        r#"requests_total{code="400", path="/a\"b\\c\n"} 3"#,
        r#"requests_total{code="500", path="}{,=#"} 0"#,
        r#"temperature_celsius{room="küche"} -15"#,
        r#"temperature_celsius NaN"#,
        r#"temperature_celsius{room="x\\y"} inf @-1"#,
        r#"job:requests:rate5m 0.25"#,
        r#"dotted.name{plain="w", quoted label="v"} -inf"#,
        r#"only.a.name 7"#,
    ];
    assert_eq!(shown(&once(TEXT.as_bytes(), Format::Text).unwrap()), expected);
}

#[test]
fn everything_openmetrics_allows() {
    let expected = [
        r#"requests_total{path="/"} 17 @1700000000123"#,
        r#"requests_created{path="/"} 1699999999.5"#,
        r#"latency_seconds_bucket{le="0.1"} 8"#,
        r#"latency_seconds_bucket{le="+Inf"} 11"#,
        r#"latency_seconds_count 11"#,
        r#"latency_seconds_sum 3.5"#,
        r#"dotted.name{state="on"} 1 @1000"#,
    ];
    assert_eq!(shown(&once(OPENMETRICS.as_bytes(), Format::OpenMetrics).unwrap()), expected);
}

#[test]
fn metadata_is_handed_over() {
    #[derive(Default)]
    struct Said(Vec<String>);
    impl Sink for Said {
        fn sample(&mut self, _: SampleLine<'_>) -> Result<(), LineError> {
            Ok(())
        }
        fn metadata(&mut self, Metadata { name, kind, text, .. }: Metadata<'_>) {
            self.0.push(format!("{name} {kind:?} {text}"));
        }
    }
    let mut said = Said::default();
    parse(TEXT.as_bytes(), Format::Text, &mut said).unwrap();
    assert_eq!(said.0[1..], ["requests_total Type counter", "temperature_celsius Type gauge"]);
    let mut said = Said::default();
    parse(OPENMETRICS.as_bytes(), Format::OpenMetrics, &mut said).unwrap();
    assert_eq!(
        said.0[4..],
        ["latency_seconds Unit seconds", "latency_seconds Help ", "dotted.name Type stateset"]
    );
}

#[track_caller]
fn check(format: Format, page: &str, expected: &str) {
    let error = once(page.as_bytes(), format).expect_err(page);
    assert_eq!(error.to_string(), expected, "{page:?}");
}

#[test]
fn errors_name_the_line_and_what_was_expected() {
    for (page, expected) in [
        ("a 1\nb{c=\"d\" 2\n", "line 2: expected a closing } on the same line, found \"{c=\\\"d\\\" 2\""),
        ("a 1\n\nb{c=\"d} 2\n", "line 3: expected a closing \" on the same line, found \"\\\"d} 2\""),
        ("a{b=\"c\\\nd\"} 1", "line 1: expected a closing \" on the same line, found \"\\\"c\\\\\""),
        ("a{b=c} 1\n", "line 1: expected a \" before the label value, found \"c}\""),
        ("a{b} 1\n", "line 1: expected = after the label name, found \"}\""),
        ("a{b=\"c\" d=\"e\"} 1\n", "line 1: expected , or } after the label value, found \"d=\\\"e\\\"}\""),
        ("a{1b=\"c\"} 1\n", "line 1: expected a label name, found \"1b=\\\"c\\\"}\""),
        ("a{,} 1\n", "line 1: expected a label name, found \",}\""),
        ("a{b:c=\"d\"} 1\n", "line 1: expected = after the label name, found \":c=\\\"d\\\"}\""),
        ("{\"a\",\"b\"} 1\n", "line 1: expected one metric name, found \"{\\\"a\\\",\\\"b\\\"}\""),
        ("a{\"b\"} 1\n", "line 1: expected one metric name, found \"a{\\\"b\\\"}\""),
        ("{a=\"b\"} 1\n", "line 1: expected one metric name, found \"{a=\\\"b\\\"}\""),
        ("{\"\"} 1\n", "line 1: expected = after the label name, found \"}\""),
        ("a{\"\"=\"b\"} 1\n", "line 1: expected a label name between the quotes, found \"=\\\"b\\\"}\""),
        ("a{b=\"1\",b=\"2\"} 1\n", "line 1: label \"b\" is given twice"),
        ("1a 1\n", "line 1: expected a metric name, found \"1a\""),
        ("é 1\n", "line 1: expected a metric name, found \"é 1\""),
        ("a\n", "line 1: expected a space and a value, found the end of the line"),
        ("a", "line 1: expected a space and a value, found the end of the page"),
        ("a \n", "line 1: expected a number as the value, found the end of the line"),
        ("a b\n", "line 1: expected a number as the value, found \"b\""),
        ("a 1x\n", "line 1: expected a number as the value, found \"1x\""),
        ("a 1_000\n", "line 1: expected a number as the value, found \"1_000\""),
        ("a 1\r\n", "line 1: expected a number as the value, found \"1\\r\""),
        ("a 1 2.5\n", "line 1: expected a timestamp in whole milliseconds, found \"2.5\""),
        (
            "a 1 99999999999999999999\n",
            "line 1: expected a timestamp in whole milliseconds, found \"99999999999999999999\"",
        ),
        ("a 1 2 3\n", "line 1: expected the end of the line, found \"3\""),
        (
            "a 1 # {b=\"c\"} 1\n",
            "line 1: expected a timestamp in whole milliseconds, found \"# {b=\\\"c\\\"} 1\"",
        ),
        (
            "# TYPE a gouge\n",
            "line 1: expected counter, gauge, histogram, summary or untyped, found \"gouge\"",
        ),
        ("# HELP 1a x\n", "line 1: expected a metric name, found \"1a x\""),
    ] {
        check(Format::Text, page, expected);
    }
    let error = once(b"a 1\nb{c=\"\xff\"} 2\n", Format::Text).unwrap_err();
    assert_eq!(error.line, 2);
    assert!(error.to_string().contains("expected UTF-8 text between the quotes"), "{error}");
}

#[test]
fn openmetrics_is_strict() {
    for (page, expected) in [
        ("a 1\n", "line 2: expected # EOF, found the end of the page"),
        ("", "line 1: expected # EOF, found the end of the page"),
        ("a 1\n# EOF\nb 2\n", "line 3: expected nothing after # EOF, found \"b 2\""),
        ("a 1\n\n# EOF\n", "line 2: expected a metric name, found the end of the line"),
        ("a  1\n# EOF\n", "line 1: expected a number as the value, found \" 1\""),
        ("a{ b=\"c\"} 1\n# EOF\n", "line 1: expected a label name, found \" b=\\\"c\\\"}\""),
        ("a 1 \n# EOF\n", "line 1: expected a timestamp in seconds, found the end of the line"),
        ("a 1 NaN\n# EOF\n", "line 1: expected a timestamp in seconds, found \"NaN\""),
        ("a 1 1e300\n# EOF\n", "line 1: expected a timestamp in seconds, found \"1e300\""),
        ("a 1 # {b=\"c\"}\n# EOF\n", "line 1: expected a space and a value, found the end of the line"),
        ("a 1 # b\n# EOF\n", "line 1: expected the labels of an exemplar, found \"b\""),
        ("# comment\n# EOF\n", "line 1: expected # HELP, # TYPE, # UNIT or # EOF, found \"# comment\""),
        (
            "# TYPE a untyped\n# EOF\n",
            "line 1: expected a type of OpenMetrics, such as counter or gauge, found \"untyped\"",
        ),
        (
            "# UNIT a_bytes seconds\n# EOF\n",
            "line 1: expected a unit that ends the metric's name, found \"seconds\"",
        ),
        ("a 1", "line 1: expected the end of the line, found the end of the page"),
    ] {
        check(Format::OpenMetrics, page, expected);
    }
    assert!(once(b"a 1\n# EOF", Format::OpenMetrics).is_ok());
}

#[test]
fn formats_are_told_by_their_media_type() {
    let check = |text, expected| assert_eq!(Format::of_content_type(text), expected, "{text}");
    check("application/openmetrics-text; version=1.0.0; charset=utf-8", Some(Format::OpenMetrics));
    check("text/plain; version=0.0.4", Some(Format::Text));
    check("", Some(Format::Text));
    check("application/vnd.google.protobuf; encoding=delimited", None);
}

/// What the cache must never do: take one text for another because one begins like the other.
#[test]
fn a_likely_text_is_taken_only_where_it_ends() {
    let mut cache = SeriesCache::default();
    let pages =
        ["a 1\nb{c=\"d\"} 2\n", "a{c=\"d\"} 1\nb 2\n", "ab 1\na {x=\"y\"} 2\n", "a\t1\na  {x=\"y\"} 2\n"];
    for page in pages.iter().chain(pages.iter().rev()) {
        let cached = read(page.as_bytes(), Format::Text, &mut cache).unwrap();
        assert_eq!(cached, once(page.as_bytes(), Format::Text).unwrap(), "{page}");
    }
}

#[test]
fn long_lines_and_values() {
    let value = "x".repeat(1 << 20);
    let page = format!("a{{b=\"{value}\"}} 1{}\n", "0".repeat(100));
    let samples = once(page.as_bytes(), Format::Text).unwrap();
    assert_eq!(samples[0].labels.get("b").map(str::len), Some(1 << 20));
    assert_eq!(samples[0].value, 1e100);
}

/// Series that any exporter could send: names, labels, values that need every escape.
fn series() -> impl Strategy<Value = (String, Vec<(String, String)>, f64, Option<i64>)> {
    let label = ("[a-zA-Z_][a-zA-Z0-9_]{0,8}", "\\PC{0,12}|[\\\\\"\n{}, =#]{1,6}");
    let labels = proptest::collection::btree_map(label.0, label.1, 0..5)
        .prop_map(|labels| labels.into_iter().collect());
    ("[a-zA-Z_:][a-zA-Z0-9_:]{0,12}", labels, any::<f64>(), proptest::option::of(any::<i64>()))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(lines in proptest::collection::vec(series(), 0..20)) {
        let mut page = String::new();
        for (name, labels, value, at) in &lines {
            let labels: Vec<String> = labels.iter().map(|(n, v)| format!("{n}=\"{}\"", escaped(v))).collect();
            let at = at.map_or(String::new(), |at| format!(" {at}"));
            page.push_str(&format!("{name}{{{}}} {value:e}{at}\n", labels.join(",")));
        }
        let mut cache = SeriesCache::default();
        for round in 0..3 {
            let read = read(page.as_bytes(), Format::Text, &mut cache).unwrap();
            prop_assert_eq!(read.len(), lines.len(), "round {}", round);
            for (sample, (name, labels, value, at)) in read.iter().zip(&lines) {
                let pairs = labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
                let expected = Labels::from_pairs(pairs.chain([("__name__", name.as_str())])).unwrap();
                prop_assert_eq!(&sample.labels, &expected);
                prop_assert!(sample.value == *value || (sample.value.is_nan() && value.is_nan()));
                prop_assert_eq!(sample.at_ms, *at);
            }
        }
    }

    /// With whatever is in the cache, a page reads as it does without one.
    #[test]
    fn the_cache_changes_nothing(pages in proptest::collection::vec("([ab]{1,2}(\\{[ab]=\"[ab}\\\\]{0,2}\"\\})?[ \t]{0,2}[{12]{0,2}\n){0,6}", 1..5)) {
        for format in [Format::Text, Format::OpenMetrics] {
            let mut cache = SeriesCache::default();
            for page in &pages {
                let page = format!("{page}# EOF\n");
                let cached = read(page.as_bytes(), format, &mut cache);
                prop_assert_eq!(cached, once(page.as_bytes(), format), "{}", page);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(page in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = once(&page, Format::Text);
        let _ = once(&page, Format::OpenMetrics);
    }

    /// Valid pages with a few bytes changed, cut or doubled: closer to the grammar than noise is.
    #[test]
    fn any_damage_is_read_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        for (page, format) in [(TEXT, Format::Text), (OPENMETRICS, Format::OpenMetrics)] {
            let mut page = page.as_bytes().to_vec();
            let at = at.index(page.len());
            page[at] = byte;
            if cut {
                page.truncate(at);
            }
            if let Err(error) = once(&page, format) {
                prop_assert!(error.line <= page.iter().filter(|byte| **byte == b'\n').count() + 1);
            }
        }
    }
}

/// prometheus-parse on what it reads rightly: no colon in names, no `}`, `,` or `=` in values, no escapes.
mod differential {
    use prometheus_parse::{Scrape, Value};

    use super::*;

    fn theirs(page: &str) -> Vec<(String, f64)> {
        let scrape = Scrape::parse(page.lines().map(|line| Ok(line.to_owned()))).unwrap();
        let flatten = |sample: &prometheus_parse::Sample| {
            let own = sample.labels.iter().map(|(name, value)| (name.clone(), value.clone()));
            let named = |metric: &str, extra: Option<(&str, String)>| {
                let extra = extra.map(|(name, value)| (name.to_owned(), value));
                let pairs = own.clone().chain(extra).chain([("__name__".to_owned(), metric.to_owned())]);
                Labels::from_pairs(pairs).unwrap().to_string()
            };
            match &sample.value {
                Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => {
                    vec![(named(&sample.metric, None), *value)]
                }
                Value::Histogram(buckets) => buckets
                    .iter()
                    .map(|bucket| {
                        let le = ("le", bucket.less_than.to_string());
                        (named(&format!("{}_bucket", sample.metric), Some(le)), bucket.count)
                    })
                    .collect(),
                Value::Summary(quantiles) => quantiles
                    .iter()
                    .map(|quantile| {
                        let name = ("quantile", quantile.quantile.to_string());
                        (named(&sample.metric, Some(name)), quantile.count)
                    })
                    .collect(),
            }
        };
        let mut samples: Vec<(String, f64)> = scrape.samples.iter().flat_map(flatten).collect();
        samples.sort_by(|a, b| a.0.cmp(&b.0));
        samples
    }

    fn ours(page: &str) -> Vec<(String, f64)> {
        let samples = once(page.as_bytes(), Format::Text).unwrap();
        let mut samples: Vec<(String, f64)> =
            samples.iter().map(|sample| (sample.labels.to_string(), sample.value)).collect();
        samples.sort_by(|a, b| a.0.cmp(&b.0));
        samples
    }

    /// A page of its valid subset with every type; the histogram's bounds are written as it prints them, and
    /// no other label is named as theirs.
    fn page() -> impl Strategy<Value = String> {
        let labels = proptest::collection::btree_map("[a-k][a-z]{0,5}", "[a-zA-Z0-9/:.-]{1,10}", 0..4);
        let gauge = (labels, -1e9f64..1e9);
        proptest::collection::btree_map("[a-z]{4,9}", gauge, 1..12).prop_map(|families| {
            let mut page = String::new();
            for (index, (name, (labels, value))) in families.iter().enumerate() {
                let labels: Vec<String> = labels.iter().map(|(n, v)| format!("{n}=\"{v}\"")).collect();
                let braced =
                    |more: Option<String>| match labels.iter().cloned().chain(more).collect::<Vec<_>>() {
                        none if none.is_empty() => String::new(),
                        some => format!("{{{}}}", some.join(",")),
                    };
                match index % 4 {
                    0 => page.push_str(&format!("# TYPE {name} gauge\n{name}{} {value}\n", braced(None))),
                    1 => page.push_str(&format!(
                        "# TYPE {name} counter\n{name}{} {}\n",
                        braced(None),
                        value.abs()
                    )),
                    2 => {
                        page.push_str(&format!("# TYPE {name} histogram\n"));
                        for (bound, count) in [("0.5", 1), ("2", 3), ("inf", 4)] {
                            let le = braced(Some(format!("le=\"{bound}\"")));
                            page.push_str(&format!("{name}_bucket{le} {count}\n"));
                        }
                    }
                    _ => page.push_str(&format!("{name} {value} 1700000000000\n")),
                }
            }
            page
        })
    }

    proptest! {
        #[test]
        fn equal_samples_on_its_valid_subset(page in page()) {
            prop_assert_eq!(ours(&page), theirs(&page));
        }
    }

    /// Why it is not used: what it loses or gets wrong. A fixed one would fail this test, and reopen the decision.
    #[test]
    fn what_it_loses() {
        for page in ["job:up:sum 1\n", "m{} 2\n", "m{path=\"}\"} 1\n", "{\"dotted.name\"} 1\n"] {
            assert_eq!((theirs(page).len(), ours(page).len()), (0, 1), "{page}");
        }
        assert_eq!(theirs("a{x=\"p,q=r\"} 1\n")[0].0, r#"a{q="r", x="p"}"#);
        assert_eq!(ours("a{x=\"p,q=r\"} 1\n")[0].0, r#"a{x="p,q=r"}"#);
    }
}
