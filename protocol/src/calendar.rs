//! Time as the protocol knows it: UTC milliseconds for leaves, civil dates in UTC+8 for the law (PROTOCOL 5).
//!
//! The one room of `jiff`. Not here: asking a clock what time it is.

use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};
use jiff::Span;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const DAY_MS: u64 = 86_400_000;
const UTC_PLUS_8_MS: u64 = 8 * 3_600_000;

/// Milliseconds since 1970-01-01T00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
pub struct Millis(pub u64);

impl Millis {
    /// This time and `ms` more; the end of time where that would overflow.
    pub fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This time less `ms`; 0 where that would be before 1970.
    pub fn minus(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// How far two times lie apart, in milliseconds.
    pub fn distance(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }

    /// The civil date in UTC+8 at this time.
    pub fn day(self) -> Day {
        Day(i32::try_from((self.0.saturating_add(UTC_PLUS_8_MS)) / DAY_MS).unwrap_or(Day::LAST.0).min(Day::LAST.0))
    }
}

/// `2026-11-23T09:30:15.123Z`.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = Day(i32::try_from(self.0 / DAY_MS).unwrap_or(Day::LAST.0).min(Day::LAST.0));
        let rest = self.0 % DAY_MS;
        let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60);
        write!(f, "{day}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rest % 1_000)
    }
}

/// A civil date in UTC+8, as days since 1970-01-01. Between 1900-01-01 and 9999-12-31.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode)]
pub struct Day(i32);

/// Why a text is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a date between 1900-01-01 and 9999-12-31, written YYYY-MM-DD")]
pub struct DayError;

impl Day {
    /// The last day there is; stands for "open-ended".
    pub const LAST: Day = Day(2_932_896);
    const FIRST: Day = Day(-25_567);

    /// A day from year, month (1-12) and day of the month.
    pub fn new(year: i16, month: i8, day: i8) -> Result<Self, DayError> {
        Self::of(Date::new(year, month, day).map_err(|_| DayError)?)
    }

    /// The same day `months` calendar months earlier; the last of the month where that month is shorter.
    pub fn months_before(self, months: u32) -> Self {
        self.date()
            .checked_sub(Span::new().months(i64::from(months.min(12_000))))
            .ok()
            .and_then(|date| Self::of(date).ok())
            .unwrap_or(Self::FIRST)
    }

    /// The same day `months` calendar months later; the last of the month where that month is shorter.
    pub fn months_after(self, months: u32) -> Self {
        self.date()
            .checked_add(Span::new().months(i64::from(months.min(12_000))))
            .ok()
            .and_then(|date| Self::of(date).ok())
            .unwrap_or(Self::LAST)
    }

    /// `days` later.
    pub fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add_unsigned(days).min(Self::LAST.0))
    }

    /// Days since 1970-01-01; negative before.
    pub fn number(self) -> i32 {
        self.0
    }

    /// The year, as counted in the law.
    pub fn year(self) -> i16 {
        self.date().year()
    }

    fn of(date: Date) -> Result<Self, DayError> {
        let days = date.since(Date::constant(1970, 1, 1)).map_err(|_| DayError)?.get_days();
        if (Self::FIRST.0..=Self::LAST.0).contains(&days) { Ok(Self(days)) } else { Err(DayError) }
    }

    fn date(self) -> Date {
        Date::constant(1970, 1, 1).checked_add(Span::new().days(self.0)).expect("invariant: a Day lies within the calendar")
    }
}

impl<C> Decode<C> for Day {
    fn decode<D: bincode::de::Decoder<Context = C>>(decoder: &mut D) -> Result<Self, bincode::error::DecodeError> {
        let days = i32::decode(decoder)?;
        if (Self::FIRST.0..=Self::LAST.0).contains(&days) {
            Ok(Self(days))
        } else {
            Err(bincode::error::DecodeError::Other("Day: outside the calendar"))
        }
    }
}
bincode::impl_borrow_decode!(Day);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Day {
    type Err = DayError;
    fn from_str(text: &str) -> Result<Self, DayError> {
        let mut parts = text.splitn(3, '-');
        let mut part = |len: usize| {
            let digits = parts.next().filter(|part| part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit()))?;
            digits.parse::<i16>().ok()
        };
        let (Some(year), Some(month), Some(day)) = (part(4), part(2), part(2)) else { return Err(DayError) };
        Self::new(year, i8::try_from(month).map_err(|_| DayError)?, i8::try_from(day).map_err(|_| DayError)?)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_in_utc_plus_8() {
        let last_of_october: Day = "2026-10-31".parse().unwrap();
        let midnight_utc = u64::try_from(last_of_october.number()).unwrap() * DAY_MS;
        assert_eq!(Millis(midnight_utc + 16 * 3_600_000 - 1).day().to_string(), "2026-10-31");
        assert_eq!(Millis(midnight_utc + 16 * 3_600_000).day().to_string(), "2026-11-01");
        assert_eq!(Millis(midnight_utc).to_string(), "2026-10-31T00:00:00.000Z");
    }

    #[test]
    fn months_are_calendar_months() {
        let day: Day = "2026-03-31".parse().unwrap();
        assert_eq!(day.months_before(1).to_string(), "2026-02-28");
        assert_eq!(day.months_before(36).to_string(), "2023-03-31");
        assert_eq!(day.months_after(12).to_string(), "2027-03-31");
        assert_eq!(Day::LAST.months_after(1), Day::LAST);
        assert_eq!(Day::LAST.to_string(), "9999-12-31");
        assert_eq!(Day::FIRST.to_string(), "1900-01-01");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for bad in ["", "2026-2-01", "2026-02-30", "20260201", "2026-02-01T00", "1899-12-31", "-026-01-01"] {
            assert_eq!(bad.parse::<Day>(), Err(DayError), "{bad}");
        }
        assert!(crate::wire::decode::<Day>(&i32::MAX.to_le_bytes(), 4).is_err());
    }

    #[test]
    fn the_end_of_time_does_not_panic() {
        assert_eq!(Millis(u64::MAX).day(), Day::LAST);
        let _ = Millis(u64::MAX).to_string();
    }
}
