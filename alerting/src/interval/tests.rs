use chrono::{DateTime, Datelike, TimeZone as _, Timelike, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<TimeInterval, String> {
    let periods: Vec<Period> = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    Ok(TimeInterval { name: "t".into(), periods })
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap_or_else(|| panic!("{text}"))
}

/// The instants of the first list are inside, those of the second are not.
#[track_caller]
fn check(periods: &str, inside: &[&str], outside: &[&str]) {
    let interval = read(periods).unwrap_or_else(|error| panic!("{periods}: {error}"));
    for (instants, expected) in [(inside, true), (outside, false)] {
        for instant in instants {
            assert_eq!(interval.contains(at(instant)), expected, "{periods} at {instant}");
        }
    }
}

/// What changes in the interval from the one instant on, up to the last expected change.
#[track_caller]
fn check_changes(periods: &str, from: &str, expected: &[&str]) {
    let interval = read(periods).unwrap();
    let mut after = at(from);
    for change in expected {
        let found = interval.next_change(after).unwrap_or_else(|| panic!("{periods}: nothing after {after}"));
        assert_eq!(found, at(change), "{periods} after {after}");
        after = found;
    }
}

#[track_caller]
fn check_refused(periods: &str, hint: &str) {
    let error = read(periods).expect_err(periods);
    assert!(error.contains(hint), "{periods}: {error}");
}

#[test]
fn ends_are_not_inside() {
    check(
        "- times: [{start_time: '08:00', end_time: '17:30'}, {start_time: '22:00', end_time: '24:00'}]",
        &["2026-03-02T08:00:00Z", "2026-03-02T17:29:59.999Z", "2026-03-02T22:00:00Z", "2026-03-02T23:59:59Z"],
        &["2026-03-02T07:59:59.999Z", "2026-03-02T17:30:00Z", "2026-03-03T00:00:00Z"],
    );
}

#[test]
fn every_field_that_is_given_must_hold() {
    let period = "- {weekdays: ['monday:friday', Sunday], days_of_month: ['1:7'], months: [march, '5:june'], years: [2020, '2026:2027']}";
    check(
        period,
        &["2026-03-02T00:00:00Z", "2026-03-01T23:00:00Z", "2020-05-01T12:00:00Z", "2027-06-07T12:00:00Z"],
        &["2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z", "2026-04-02T12:00:00Z", "2021-03-02T12:00:00Z"],
    );
}

#[test]
fn any_period_is_enough_and_no_field_is_always() {
    check(
        "[{years: [2020]}, {months: [1]}]",
        &["2020-07-01T00:00:00Z", "2026-01-31T00:00:00Z"],
        &["2026-02-01T00:00:00Z"],
    );
    check("[{}]", &["2026-02-01T00:00:00Z"], &[]);
    check("[{weekdays: , times: }]", &["2026-02-01T00:00:00Z"], &[]);
    check("[]", &[], &["2026-02-01T00:00:00Z"]);
    check("[{weekdays: []}]", &[], &["2026-02-01T00:00:00Z"]);
}

#[test]
fn days_count_from_the_end_and_are_cut_there() {
    let last_three = "- days_of_month: ['-3:-1']";
    check(
        last_three,
        &["2026-02-26T00:00:00Z", "2026-02-28T23:59:59Z", "2028-02-29T00:00:00Z"],
        &["2026-02-25T23:59:59Z", "2026-03-01T00:00:00Z", "2028-02-26T12:00:00Z"],
    );
    check("- days_of_month: ['1:31']", &["2026-02-28T00:00:00Z", "2026-04-30T12:00:00Z"], &[]);
    check(
        "- days_of_month: ['31']",
        &["2026-01-31T00:00:00Z"],
        &["2026-02-28T00:00:00Z", "2026-04-30T00:00:00Z"],
    );
    check(
        "- days_of_month: ['-31:-28']",
        &["2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"],
        &["2026-02-02T00:00:00Z", "2026-03-05T00:00:00Z"],
    );
    check(
        "- days_of_month: ['20:-1', 1]",
        &["2026-02-20T00:00:00Z", "2026-02-28T00:00:00Z", "2026-02-01T00:00:00Z"],
        &["2026-02-19T00:00:00Z"],
    );
}

#[test]
fn the_wall_clock_of_the_place_counts() {
    let office =
        "- {times: [{start_time: '09:00', end_time: '10:00'}], weekdays: [monday], location: Asia/Shanghai}";
    check(
        office,
        &["2026-03-02T01:00:00Z"],
        &["2026-03-02T09:00:00Z", "2026-03-02T00:59:59Z", "2026-03-02T02:00:00Z"],
    );
    check(
        "- {days_of_month: [1], location: America/New_York}",
        &["2026-03-02T04:59:59Z"],
        &["2026-03-01T04:59:59Z", "2026-03-02T05:00:00Z"],
    );
    check("- {location: US/Pacific}", &["2026-03-02T00:00:00Z"], &[]);
    check("- {location: ''}", &["2026-03-02T00:00:00Z"], &[]);
}

/// Berlin's clocks go from 02:00 to 03:00 on 2026-03-29 and from 03:00 back to 02:00 on 2026-10-25, both at 01:00 UTC.
#[test]
fn a_skipped_hour_is_never_and_a_repeated_one_is_twice() {
    let hour = "- {times: [{start_time: '02:00', end_time: '03:00'}], location: Europe/Berlin}";
    check(
        hour,
        &["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"],
        &["2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z"],
    );
    check_changes(hour, "2026-03-28T03:00:00Z", &["2026-03-30T00:00:00Z", "2026-03-30T01:00:00Z"]);
    let half = "- {times: [{start_time: '02:30', end_time: '04:00'}], location: Europe/Berlin}";
    check_changes(half, "2026-03-28T12:00:00Z", &["2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"]);
    check(
        half,
        &["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"],
        &["2026-10-25T01:00:00Z", "2026-10-25T01:29:59Z"],
    );
    check_changes(
        half,
        "2026-10-24T12:00:00Z",
        &["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T03:00:00Z"],
    );
}

/// Lord Howe Island shifts by half an hour: 2026-10-04 02:00 (+10:30) to 02:30 (+11:00), 2026-04-05 02:00 (+11:00) to 01:30.
#[test]
fn half_an_hour_is_a_shift_too() {
    let night = "- {times: [{start_time: '01:45', end_time: '02:15'}], location: Australia/Lord_Howe}";
    check_changes(
        night,
        "2026-10-03T12:00:00Z",
        &["2026-10-03T15:15:00Z", "2026-10-03T15:30:00Z", "2026-10-04T14:45:00Z"],
    );
    check_changes(
        night,
        "2026-04-04T12:00:00Z",
        &["2026-04-04T14:45:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:15:00Z", "2026-04-04T15:45:00Z"],
    );
}

/// Samoa had no 30 December 2011; the clocks of Newfoundland went back over midnight until 2011.
#[test]
fn days_may_be_missing_or_come_twice() {
    check_changes(
        "- {days_of_month: ['29', '31'], months: [12], location: Pacific/Apia}",
        "2011-12-20T00:00:00Z",
        &["2011-12-29T10:00:00Z", "2011-12-31T10:00:00Z"],
    );
    check_changes(
        "- {days_of_month: ['7'], months: [11], years: [2010], location: America/St_Johns}",
        "2010-11-01T00:00:00Z",
        &["2010-11-07T02:30:00Z", "2010-11-07T02:31:00Z", "2010-11-07T03:30:00Z", "2010-11-08T03:30:00Z"],
    );
}

#[test]
fn changes_are_found_years_ahead_or_not_at_all() {
    check_changes(
        "- {days_of_month: [29], months: [2]}",
        "2026-01-01T00:00:00Z",
        &["2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"],
    );
    check_changes(
        "- years: ['2028']",
        "2026-01-01T00:00:00.001Z",
        &["2028-01-01T00:00:00Z", "2029-01-01T00:00:00Z"],
    );
    for never in [
        "- years: [2020]",
        "- {}",
        "[]",
        "- {days_of_month: [31], months: [4]}",
        "[{times: [{start_time: '00:00', end_time: '12:00'}]}, {times: [{start_time: '12:00', end_time: '24:00'}]}]",
    ] {
        assert_eq!(read(never).unwrap().next_change(at("2026-01-01T00:00:00Z")), None, "{never}");
    }
    let always = read("- {}").unwrap();
    for edge in [i64::MIN, i64::MAX] {
        assert_eq!(always.next_change(Timestamp::from_millis(edge)), None);
    }
}

#[test]
fn what_is_wrong_is_said() {
    check_refused("- times: [{start_time: '8:00', end_time: '17:00'}]", "HH:MM");
    check_refused("- times: [{start_time: '08:00', end_time: '24:01'}]", "HH:MM");
    check_refused("- times: [{start_time: '08:00', end_time: '1é:0'}]", "HH:MM");
    check_refused("- times: [{start_time: '08:00'}]", "both start_time and end_time");
    check_refused("- times: [{start_time: '22:00', end_time: '06:00'}]", "over midnight as two");
    check_refused("- weekdays: [mon]", "a day of the week");
    check_refused("- weekdays: ['1']", "a day of the week");
    check_refused("- weekdays: ['saturday:monday']", "two ranges");
    check_refused("- weekdays: ['a:b:c']", "a day of the week");
    check_refused("- days_of_month: [0]", "a day of the month");
    check_refused("- days_of_month: ['1:32']", "a day of the month");
    check_refused("- days_of_month: ['-1:1']", "ends before it begins");
    check_refused("- days_of_month: ['20:10']", "ends before it begins");
    check_refused("- months: [13]", "a month");
    check_refused("- months: ['june:may']", "ends before it begins");
    check_refused("- years: ['2027:2026']", "ends before it begins");
    check_refused("- years: [soon]", "a year");
    check_refused("- location: Mars/Olympus", "IANA");
    check_refused("- location: Local", "machine's own zone");
    check_refused("- time_zone: UTC", "time_zone");
}

#[test]
fn what_was_read_is_written_as_alertmanager_writes_it() {
    let text = "- {times: [{start_time: '08:05', end_time: '24:00'}], weekdays: ['Monday:FRIDAY', sunday], days_of_month: ['-3:-1', 5], months: [1, '2:may'], years: ['2026'], location: Europe/Berlin}";
    let interval = read(text).unwrap();
    let written = serde_json::to_string(&interval.periods).unwrap();
    let expected = r#"[{"times":[{"start_time":"08:05","end_time":"24:00"}],"weekdays":["monday:friday","sunday"],"days_of_month":["-3:-1","5"],"months":["january","february:may"],"years":["2026"],"location":"Europe/Berlin"}]"#;
    assert_eq!(written, expected);
    assert_eq!(serde_json::from_str::<Vec<Period>>(&written).unwrap(), interval.periods);
}

/// A period in plain numbers, and what it is by looking at the wall.
#[derive(Clone, Debug)]
struct Plain {
    times: Option<Vec<(u32, u32)>>,
    weekdays: Option<(u32, u32)>,
    days: Option<(i32, i32)>,
    months: Option<(u32, u32)>,
    zone: Tz,
}

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

impl Plain {
    fn written(&self) -> String {
        let mut fields = vec![format!("location: {}", self.zone.name())];
        if let Some(times) = &self.times {
            let clock = |minute: u32| format!("'{:02}:{:02}'", minute / 60, minute % 60);
            let times: Vec<String> = times
                .iter()
                .map(|(start, end)| format!("{{start_time: {}, end_time: {}}}", clock(*start), clock(*end)))
                .collect();
            fields.push(format!("times: [{}]", times.join(", ")));
        }
        if let Some((first, last)) = self.weekdays {
            fields.push(format!("weekdays: ['{}:{}']", WEEKDAYS[first as usize], WEEKDAYS[last as usize]));
        }
        if let Some((first, last)) = self.days {
            fields.push(format!("days_of_month: ['{first}:{last}']"));
        }
        if let Some((first, last)) = self.months {
            fields.push(format!("months: ['{first}:{last}']"));
        }
        format!("- {{{}}}", fields.join(", "))
    }

    fn contains(&self, at: Timestamp) -> bool {
        let wall = DateTime::<Utc>::from_timestamp_millis(at.millis()).unwrap().with_timezone(&self.zone);
        let minute = wall.hour() * 60 + wall.minute();
        let tomorrow_month = |days: i64| (wall.date_naive() + chrono::TimeDelta::days(days)).month();
        // How many days are behind this one in its month, without asking how long it is.
        let left = (1..).take_while(|days| tomorrow_month(*days) == wall.month()).count() as i32;
        let is_day = |first: i32, last: i32| {
            let day = wall.day() as i32;
            let reached = if first > 0 { day >= first } else { -1 - left >= first };
            reached && if last > 0 { day <= last } else { -1 - left <= last }
        };
        self.times
            .as_ref()
            .is_none_or(|times| times.iter().any(|(start, end)| *start <= minute && minute < *end))
            && self
                .weekdays
                .is_none_or(|(first, last)| (first..=last).contains(&wall.weekday().num_days_from_sunday()))
            && self.days.is_none_or(|(first, last)| is_day(first, last))
            && self.months.is_none_or(|(first, last)| (first..=last).contains(&wall.month()))
    }
}

fn ordered(range: std::ops::RangeInclusive<u32>) -> impl Strategy<Value = (u32, u32)> {
    (range.clone(), range).prop_map(|(a, b)| (a.min(b), a.max(b)))
}

fn any_period() -> impl Strategy<Value = Plain> {
    let time =
        ordered(0..=96).prop_filter("of some length", |(a, b)| a < b).prop_map(|(a, b)| (a * 15, b * 15));
    let days = prop_oneof![
        ordered(1..=31).prop_map(|(a, b)| (a as i32, b as i32)),
        ordered(1..=31).prop_map(|(a, b)| (-(b as i32), -(a as i32))),
    ];
    let zones = vec![
        Tz::UTC,
        Tz::Europe__Berlin,
        Tz::Australia__Lord_Howe,
        Tz::America__St_Johns,
        Tz::Asia__Kathmandu,
        Tz::America__Santiago,
    ];
    (
        prop::option::of(prop::collection::vec(time, 1..3)),
        prop::option::of(ordered(0..=6)),
        prop::option::of(days),
        prop::option::of(ordered(1..=12)),
        prop::sample::select(zones),
    )
        .prop_map(|(times, weekdays, days, months, zone)| Plain { times, weekdays, days, months, zone })
}

/// Days around which clocks are shifted somewhere, or a month or year ends.
fn any_day() -> impl Strategy<Value = Timestamp> {
    let days = [
        (2026, 3, 28),
        (2026, 4, 4),
        (2026, 9, 5),
        (2026, 10, 3),
        (2026, 10, 24),
        (2026, 10, 31),
        (2010, 11, 6),
        (2026, 12, 30),
        (2028, 2, 28),
    ];
    (prop::sample::select(days.to_vec()), 0..2880_i64).prop_map(|((year, month, day), minutes)| {
        let day = Utc.with_ymd_and_hms(year, month, day, 0, 0, 0).unwrap();
        Timestamp::from_millis(day.timestamp_millis() + minutes * 60_000)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agrees_with_the_wall_minute_by_minute(plain in prop::collection::vec(any_period(), 1..3), from in any_day()) {
        let text: Vec<String> = plain.iter().map(Plain::written).collect();
        let interval = read(&text.join("\n")).unwrap();
        let wall = |at: Timestamp| plain.iter().any(|period| period.contains(at));
        let minute = |minute: u64| from.plus(Duration::from_secs(minute * 60));
        let first_change = (1..2 * 1440).map(minute).find(|at| wall(*at) != wall(from));
        for at in (0..1440).map(minute) {
            prop_assert_eq!(interval.contains(at), wall(at), "{} at {}", text.join("\n"), at);
        }
        let found = interval.next_change(from);
        match first_change {
            Some(change) => prop_assert_eq!(found, Some(change), "{} after {}", text.join("\n"), from),
            None => prop_assert!(found.is_none_or(|found| found >= minute(2 * 1440)), "{} after {}", text.join("\n"), from),
        }
    }
}
