//! Time zones by their IANA names, and what clocks and calendars on the wall show there.

use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeDelta, TimeZone as _, Timelike, Utc};
use chrono_tz::Tz;
use isobar_normalizer::Timestamp;
use serde::{Deserialize, Serialize};

/// A time zone of the IANA database, which is built in. The empty name is UTC's, as in Go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct TimeZone(Tz);

/// What the wall shows at one instant.
pub(super) struct Local {
    pub(super) year: i32,
    /// From 1.
    pub(super) month: i32,
    /// From 1.
    pub(super) day: i32,
    pub(super) days_in_month: i32,
    /// From Sunday, which is 0.
    pub(super) weekday: i32,
    pub(super) second_of_day: u32,
}

impl Default for TimeZone {
    fn default() -> Self {
        Self(Tz::UTC)
    }
}

impl TimeZone {
    /// `None` beyond the calendar.
    pub(super) fn local(self, at: Timestamp) -> Option<Local> {
        let utc = utc(at)?;
        let shown = utc.checked_add_signed(TimeDelta::seconds(self.offset(utc).into()))?;
        Some(Local {
            year: shown.year(),
            month: shown.month().cast_signed(),
            day: shown.day().cast_signed(),
            days_in_month: shown.num_days_in_month().into(),
            weekday: shown.weekday().num_days_from_sunday().cast_signed(),
            second_of_day: shown.num_seconds_from_midnight(),
        })
    }

    /// The first instant in `(after, until]` at which the clock is shifted. The two are at most a day apart, in which no
    /// zone shifts twice.
    pub(super) fn shift_within(self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let offset_at = |second: i64| utc(Timestamp::from_millis(second * 1000)).map(|utc| self.offset(utc));
        let (mut before, mut behind) = (after.millis().div_euclid(1000), until.millis().div_euclid(1000));
        let old = offset_at(before)?;
        if offset_at(behind)? == old {
            return None;
        }
        while behind - before > 1 {
            let middle = before + (behind - before) / 2;
            if offset_at(middle)? == old {
                before = middle;
            } else {
                behind = middle;
            }
        }
        Some(Timestamp::from_millis(behind * 1000))
    }

    /// Seconds east of UTC.
    fn offset(self, utc: NaiveDateTime) -> i32 {
        self.0.offset_from_utc_datetime(&utc).fix().local_minus_utc()
    }
}

fn utc(at: Timestamp) -> Option<NaiveDateTime> {
    DateTime::<Utc>::from_timestamp_millis(at.millis()).map(|at| at.naive_utc())
}

impl TryFrom<String> for TimeZone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "" => Ok(Self::default()),
            "Local" => {
                Err("the machine's own zone is not asked for: name it, such as Europe/Berlin".to_owned())
            }
            name => name.parse().map(Self).map_err(|_| {
                format!(
                    "unknown time zone {name:?}: write a name of the IANA database, such as Europe/Berlin"
                )
            }),
        }
    }
}

impl From<TimeZone> for String {
    fn from(zone: TimeZone) -> Self {
        zone.0.name().to_owned()
    }
}
