use isobar_normalizer::is_stale;

use super::*;

const STEP: Duration = Duration::from_secs(15);

fn at(round: u32) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).plus(STEP * round)
}

fn target(limits: Limits) -> TargetSeries {
    let own = [("job", "node"), ("instance", "a:1")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    TargetSeries::new(LabelRules { own: own.into(), ..LabelRules::default() }, true, limits)
}

/// Name, labels of its own, and value of every sample that is not about the scrape; `!` for a staleness marker.
fn shown(samples: &[Sample]) -> Vec<String> {
    let page = samples.iter().filter(|sample| !REPORTS.contains(&sample.labels.name().unwrap()));
    page.map(|sample| {
        let labels = sample.labels.edit().remove("job").remove("instance").build();
        if is_stale(sample.value) { format!("{labels} !") } else { format!("{labels} {}", sample.value) }
    })
    .collect()
}

fn reports(samples: &[Sample]) -> Vec<f64> {
    let value =
        |name: &&str| samples.iter().find(|sample| sample.labels.name() == Some(name)).map(|s| s.value);
    REPORTS.iter().filter_map(value).collect()
}

fn take(target: &mut TargetSeries, page: &str, round: u32) -> Scraped {
    target.take(page.as_bytes(), Format::Text, at(round), Duration::from_millis(250))
}

#[test]
fn series_that_vanish_end() {
    let mut target = target(Limits::default());
    let first = take(&mut target, "a 1\nb{x=\"1\"} 2\n", 0);
    assert_eq!(shown(&first.samples), ["a 1", "b{x=\"1\"} 2"]);
    assert_eq!(reports(&first.samples), [1.0, 0.25, 2.0, 2.0, 2.0]);
    assert!(first.samples.iter().all(|sample| sample.at == at(0)));
    assert_eq!(first.samples[0].labels.to_string(), r#"a{instance="a:1", job="node"}"#);

    let second = take(&mut target, "a 1\nc 3\n", 1);
    assert_eq!(shown(&second.samples), ["a 1", "c 3", "b{x=\"1\"} !"]);
    assert_eq!(reports(&second.samples), [1.0, 0.25, 2.0, 2.0, 1.0]);

    let third = take(&mut target, "a 1\nb{x=\"1\"} 4\nc 3\n", 2);
    assert_eq!(shown(&third.samples), ["a 1", "b{x=\"1\"} 4", "c 3"]);
    assert_eq!(reports(&third.samples)[4], 1.0);
}

#[test]
fn a_failed_scrape_ends_everything_once() {
    let mut target = target(Limits::default());
    take(&mut target, "a 1\nb 2\n", 0);
    let failed = target.fail(at(1), Duration::from_secs(10));
    assert_eq!(shown(&failed), ["a !", "b !"]);
    assert_eq!(reports(&failed), [0.0, 10.0, 0.0, 0.0, 0.0]);
    assert!(shown(&target.fail(at(2), Duration::ZERO)).is_empty());
    let back = take(&mut target, "a 1\n", 3);
    assert_eq!((shown(&back.samples), reports(&back.samples)[4]), (vec!["a 1".to_owned()], 1.0));
}

#[test]
fn nothing_of_a_page_with_a_fault_is_kept() {
    let mut target = target(Limits::default());
    take(&mut target, "a 1\n", 0);
    let faulty = take(&mut target, "a 5\nnew 1\nbad line here\nb 2\n", 1);
    assert_eq!(
        faulty.failure.as_deref(),
        Some("line 3: expected a number as the value, found \"line here\"")
    );
    assert_eq!(shown(&faulty.samples), ["a !"]);
    assert_eq!(reports(&faulty.samples)[..2], [0.0, 0.25]);
    let after = take(&mut target, "a 6\nnew 1\n", 2);
    assert_eq!(shown(&after.samples), ["a 6", "new 1"]);
}

#[test]
fn forgetting_ends_the_series_about_the_scrape_too() {
    let mut target = target(Limits::default());
    assert!(target.forget(at(0)).is_empty(), "never scraped");
    take(&mut target, "a 1\n", 0);
    let last = target.forget(at(1));
    assert_eq!(last.len(), 1 + REPORTS.len());
    assert!(last.iter().all(|sample| is_stale(sample.value) && sample.at == at(1)));
}

#[test]
fn the_first_of_duplicates_wins() {
    let mut target = target(Limits::default());
    for round in 0..2 {
        let page = "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\na{x=\"1\",y=\"2\"} 3\nup 7\n";
        let scraped = take(&mut target, page, round);
        assert_eq!(shown(&scraped.samples), ["a{x=\"1\", y=\"2\"} 1"]);
        assert_eq!((scraped.duplicates, reports(&scraped.samples)[0]), (3, 1.0));
    }
}

#[test]
fn timestamps_of_the_page_are_taken_but_not_from_the_future() {
    let mut target = target(Limits::default());
    let (now, ahead) = (at(0).millis(), at(0).plus(AHEAD_MAX).millis());
    let page = format!("a 1 {}\na 2 {now}\nb 1 {ahead}\nc 1 {}\nd NaN\ne +Inf\n", now - 1000, ahead + 1);
    let scraped = take(&mut target, &page, 0);
    assert_eq!(shown(&scraped.samples), ["a 1", "a 2", "b 1", "d NaN", "e inf"]);
    assert_eq!((scraped.samples[0].at.millis(), scraped.ahead, scraped.duplicates), (now - 1000, 1, 0));
    // Series with times of their own are not ended for them.
    assert_eq!(shown(&target.fail(at(1), Duration::ZERO)), ["d !", "e !"]);

    let mut target = TargetSeries::new(LabelRules::default(), false, Limits::default());
    assert_eq!(take(&mut target, "a 1 1\n", 0).samples[0].at, at(0));
}

#[test]
fn limits_fail_the_scrape() {
    let limits = Limits { samples: 2, labels: 4, label_value: 8, ..Limits::default() };
    let failure = |page: &str| take(&mut target(limits.clone()), page, 0).failure.unwrap_or_default();
    assert_eq!(failure("a 1\nb 2\n"), "");
    assert_eq!(failure("a 1\nb 2\nc 3\n"), "line 3: more samples than sample_limit, which is 2");
    assert!(failure("a{b=\"1\",c=\"2\"} 1\n").ends_with("has 5 labels, label_limit is 4"));
    assert!(failure("a 1\nb{c=\"123456789\"} 1\n").starts_with("line 2: b{"));
}

#[test]
fn dropped_series_cost_nothing_but_are_counted() {
    let rule = "[{source_labels: [__name__], regex: 'go_.*', action: drop}, {regex: x, action: labeldrop}]";
    let rules = super::super::relabel::check(serde_saphyr::from_str(rule).unwrap()).unwrap();
    let mut target =
        TargetSeries::new(LabelRules { rules, ..LabelRules::default() }, true, Limits::default());
    for round in 0..3 {
        let scraped = take(&mut target, "go_a 1\ngo_b 2\nc{x=\"1\"} 3\nc{x=\"2\"} 4\n", round);
        assert_eq!(shown(&scraped.samples), ["c 3"]);
        assert_eq!(reports(&scraped.samples)[2..4], [4.0, 1.0]);
    }
}

/// However texts come and go, what is stored is what the page says; and what is kept stays in proportion to the page.
#[test]
fn churn_is_forgotten() {
    let mut target = target(Limits::default());
    for round in 0..50 {
        let page: String = (0..100).map(|i| format!("m{{i=\"{}\"}} {round}\n", round * 50 + i)).collect();
        let scraped = take(&mut target, &page, round);
        let markers = scraped.samples.iter().filter(|sample| is_stale(sample.value)).count();
        assert_eq!(
            (scraped.samples.len(), markers),
            if round == 0 { (105, 0) } else { (155, 50) },
            "{round}"
        );
        assert!(target.cache.len() <= 2 * 100 + GARBAGE_MIN + 50, "{}", target.cache.len());
        assert!(target.series.len() <= target.cache.len() + REPORTS.len());
        assert_eq!(target.series.len(), target.by_labels.len());
    }
}

/// The page of a target whose labels explode is refused at its limit, scrape after scrape.
#[test]
fn refused_pages_are_forgotten_too() {
    let mut target = target(Limits { samples: 99, ..Limits::default() });
    for round in 0..50 {
        let page: String = (0..100).map(|i| format!("m{{i=\"{}\"}} 1\n", round * 100 + i)).collect();
        assert!(take(&mut target, &page, round).failure.is_some());
        assert!(target.cache.len() <= 2 * 100 + GARBAGE_MIN, "{round}: {}", target.cache.len());
        assert!(target.series.len() <= target.cache.len() + REPORTS.len());
        assert_eq!(target.series.len(), target.by_labels.len());
    }
    assert_eq!(shown(&take(&mut target, "a 1\n", 50).samples), ["a 1"]);
}

#[test]
fn a_sample_refused_for_its_time_is_taken_again_later() {
    let mut target = target(Limits::default());
    let many: String = (0..200).map(|i| format!("m{i} 1\n")).collect();
    take(&mut target, &many, 0);
    let late = at(1).plus(AHEAD_MAX + STEP).millis();
    // The small page makes the cache clean itself while this series is refused.
    assert_eq!(take(&mut target, &format!("future 1 {late}\n"), 1).ahead, 1);
    assert_eq!(shown(&take(&mut target, &format!("future 1 {late}\n"), 10).samples), ["future 1"]);
}
