//! Dates of the proleptic Gregorian calendar, in UTC, from seconds since the epoch.

/// Which part of a date a function answers with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum DatePart {
    Year,
    Month,
    DayOfMonth,
    DayOfYear,
    DayOfWeek,
    DaysInMonth,
    Hour,
    Minute,
}

const DAY_SECONDS: i64 = 86_400;

/// Beyond this many seconds (three million years) no calendar means anything; NaN is the answer.
const SECONDS_MAX: f64 = 1e14;

impl DatePart {
    /// The part of the date `seconds` after the epoch; fractions of a second are cut.
    pub fn of(self, seconds: f64) -> f64 {
        if seconds.is_nan() || seconds.abs() > SECONDS_MAX {
            return f64::NAN;
        }
        let seconds = seconds as i64;
        let day = seconds.div_euclid(DAY_SECONDS);
        let second_of_day = seconds.rem_euclid(DAY_SECONDS);
        let (year, month, day_of_month) = date(day);
        let part = match self {
            Self::Year => year,
            Self::Month => month,
            Self::DayOfMonth => day_of_month,
            Self::DayOfYear => (1..month).map(|earlier| days_in(year, earlier)).sum::<i64>() + day_of_month,
            // The epoch was a Thursday; Sunday is 0.
            Self::DayOfWeek => (day + 4).rem_euclid(7),
            Self::DaysInMonth => days_in(year, month),
            Self::Hour => second_of_day / 3_600,
            Self::Minute => second_of_day / 60 % 60,
        };
        part as f64
    }
}

/// Year, month and day of month of a day since the epoch. The year is counted from March, so that the leap day is the
/// last of its year, in eras of 400 years, each of 146,097 days.
fn date(day: i64) -> (i64, i64, i64) {
    const EPOCH_FROM_YEAR_0: i64 = 719_468;
    let shifted = day + EPOCH_FROM_YEAR_0;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March come in lengths 31 30 31 30 31, repeating: 153 days in five.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day_of_month)
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(seconds: f64, expected: [f64; 8]) {
        use DatePart::*;
        let parts = [Year, Month, DayOfMonth, DayOfYear, DayOfWeek, DaysInMonth, Hour, Minute];
        assert_eq!(parts.map(|part| part.of(seconds)), expected, "{seconds}");
    }

    #[test]
    fn dates_are_read_in_utc() {
        check(0.0, [1970., 1., 1., 1., 4., 31., 0., 0.]);
        check(-1.0, [1969., 12., 31., 365., 3., 31., 23., 59.]);
        check(1_456_790_399.0, [2016., 2., 29., 60., 1., 29., 23., 59.]);
        check(1_456_790_400.9, [2016., 3., 1., 61., 2., 31., 0., 0.]);
        check(951_782_400.0, [2000., 2., 29., 60., 2., 29., 0., 0.]);
        check(4_107_542_400.0, [2100., 3., 1., 60., 1., 31., 0., 0.]);
    }

    #[test]
    fn what_is_no_date_is_nan() {
        for seconds in [f64::NAN, f64::INFINITY, -1e300] {
            assert!(DatePart::Year.of(seconds).is_nan());
        }
    }
}
