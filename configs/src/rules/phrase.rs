//! Predicates as people write them, on a command line and in golden cases: `not_listed(SER_ANY, 36)`, `count_le(PENALTY, serious, 36, 0)`, `status_in(REG_STATUS, active|suspended)`.
//!
//! The names and their order are those of the protocol's shapes. Not here: whether a purpose admits them (rule pack).

use std::str::FromStr;

use creditbay_protocol::domains::{Domains, MAX_DOMAIN};
use creditbay_protocol::predicate::{AttestationType, Predicate, RegistrationStatus, Severity, Statuses};

/// The shapes with their arguments, as `--help` shows them.
pub const SHAPES: &str = "\
Predicates:
  not_listed(TYPE[, MONTHS])               no visible listing, or none that is younger than so many months
  status_in(REG_STATUS, active|suspended)  the registration is in one of these states
  count_le(PENALTY, serious, 36, 0)        at most 0 visible records, serious or worse, in 36 months
  exists_valid(PERMIT)                     a record is valid today
  grade_at_least(TYPE, RANK)               the native grade is this rank or better
  band_at_least(TYPE, BAND, MAP)           the common band is this or better
  hash_matches(TYPE)                       the digest that came with the query is a report's that was given out
  hash_matches(RES_INTEGRITY, 36)          and that report covers so many months
  hash_matches(NO_VIOL_REPORT, 1|2, 36)    and it speaks for these domains as well";

/// Why a text is no predicate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// Not a name with arguments in parentheses.
    #[error("a predicate is a shape and its arguments, as in not_listed(SER_ANY)")]
    Form,
    /// A shape that there is not.
    #[error(
        "no shape has this name; one of: not_listed, status_in, count_le, exists_valid, grade_at_least, band_at_least, hash_matches"
    )]
    Shape,
    /// Too few or too many arguments.
    #[error("{shape} has the arguments {shape}({arguments})")]
    Arguments {
        /// The shape.
        shape: &'static str,
        /// Its arguments.
        arguments: &'static str,
    },
    /// A type that the protocol does not have.
    #[error("the first argument is an attestation type, one of: {}", names(AttestationType::ALL, |of| of.as_str()))]
    Type,
    /// A state that there is not.
    #[error("registration states are, joined by `|`: {}", names(RegistrationStatus::ALL, |state| state.as_str()))]
    Status,
    /// A severity that there is not.
    #[error("a severity is one of: {}", names(Severity::ALL, |severity| severity.as_str()))]
    Severity,
    /// Not a number, or one that is too large.
    #[error("{what} is a number from 0 to {max}")]
    Number {
        /// What it is.
        what: &'static str,
        /// The largest.
        max: u16,
    },
}

fn names<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str) -> String {
    all.iter().map(|one| name(*one)).collect::<Vec<_>>().join(", ")
}

/// A predicate that was read from a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked(pub Predicate);

impl FromStr for Asked {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        parse(text).map(Self)
    }
}

/// Reads a predicate.
pub fn parse(text: &str) -> Result<Predicate, SyntaxError> {
    let (shape, arguments) = text.trim().strip_suffix(')').and_then(|text| text.split_once('(')).ok_or(SyntaxError::Form)?;
    let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
    let of = |name: &str| AttestationType::from_name(name).ok_or(SyntaxError::Type);
    let wrong = |shape, arguments| Err(SyntaxError::Arguments { shape, arguments });
    match (shape.trim(), arguments.as_slice()) {
        ("not_listed", [name]) => Ok(Predicate::NotListed { of: of(name)?, window_months: 0 }),
        ("not_listed", [name, months]) => {
            Ok(Predicate::NotListed { of: of(name)?, window_months: number(months, "a window in months", u16::MAX)? })
        }
        ("not_listed", _) => wrong("not_listed", "TYPE[, MONTHS]"),
        ("status_in", [name, states]) => Ok(Predicate::StatusIn { of: of(name)?, statuses: statuses(states)? }),
        ("status_in", _) => wrong("status_in", "TYPE, STATE[|STATE...]"),
        ("count_le", [name, severity, months, n]) => Ok(Predicate::CountLe {
            of: of(name)?,
            severity: Severity::from_name(severity).ok_or(SyntaxError::Severity)?,
            window_months: number(months, "a window in months", u16::MAX)?,
            n: small(n, "the count")?,
        }),
        ("count_le", _) => wrong("count_le", "TYPE, SEVERITY, MONTHS, N"),
        ("exists_valid", [name]) => Ok(Predicate::ExistsValid { of: of(name)? }),
        ("exists_valid", _) => wrong("exists_valid", "TYPE"),
        ("grade_at_least", [name, grade]) => Ok(Predicate::GradeAtLeast { of: of(name)?, grade: small(grade, "the rank")? }),
        ("grade_at_least", _) => wrong("grade_at_least", "TYPE, RANK"),
        ("band_at_least", [name, band, map]) => Ok(Predicate::BandAtLeast {
            of: of(name)?,
            band: small(band, "the band")?,
            map: number(map, "the band map", u16::MAX)?,
        }),
        ("band_at_least", _) => wrong("band_at_least", "TYPE, BAND, MAP"),
        ("hash_matches", [name]) => Ok(Predicate::HashMatches { of: of(name)?, domains: Domains::NONE, window_months: 0 }),
        ("hash_matches", [name, months]) => Ok(Predicate::HashMatches {
            of: of(name)?,
            domains: Domains::NONE,
            window_months: number(months, "a window in months", u16::MAX)?,
        }),
        ("hash_matches", [name, domains, months]) => Ok(Predicate::HashMatches {
            of: of(name)?,
            domains: self::domains(domains)?,
            window_months: number(months, "a window in months", u16::MAX)?,
        }),
        ("hash_matches", _) => wrong("hash_matches", "TYPE[[, DOMAIN[|DOMAIN...]], MONTHS]"),
        _ => Err(SyntaxError::Shape),
    }
}

fn domains(text: &str) -> Result<Domains, SyntaxError> {
    let numbers = text.split('|').map(|number| small(number.trim(), "a domain")).collect::<Result<Vec<_>, _>>()?;
    Domains::of(&numbers).ok_or(SyntaxError::Number { what: "a domain", max: u16::from(MAX_DOMAIN) })
}

fn statuses(text: &str) -> Result<Statuses, SyntaxError> {
    let states = text.split('|').map(|name| RegistrationStatus::from_name(name.trim())).collect::<Option<Vec<_>>>();
    states.and_then(|states| Statuses::of(&states)).ok_or(SyntaxError::Status)
}

fn number(text: &str, what: &'static str, max: u16) -> Result<u16, SyntaxError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: Option<u16> = digits.then(|| text.parse().ok()).flatten();
    number.filter(|number| *number <= max).ok_or(SyntaxError::Number { what, max })
}

fn small(text: &str, what: &'static str) -> Result<u8, SyntaxError> {
    let max = u16::from(u8::MAX);
    u8::try_from(number(text, what, max)?).map_err(|_| SyntaxError::Number { what, max })
}

#[cfg(test)]
mod tests {
    use creditbay_protocol::predicate::{AttestationType, Predicate, RegistrationStatus, Severity, Statuses};

    use super::{Domains, SHAPES, SyntaxError, parse};

    #[test]
    fn every_shape_is_read() {
        let of = AttestationType::SerAny;
        let states = [RegistrationStatus::Active, RegistrationStatus::Suspended];
        let cases = [
            ("not_listed(SER_ANY)", Predicate::NotListed { of, window_months: 0 }),
            (" not_listed ( SER_ANY , 36 ) ", Predicate::NotListed { of, window_months: 36 }),
            (
                "count_le(PENALTY, serious, 36, 0)",
                Predicate::CountLe { of: AttestationType::Penalty, severity: Severity::Serious, window_months: 36, n: 0 },
            ),
            (
                "status_in(REG_STATUS, active|suspended)",
                Predicate::StatusIn { of: AttestationType::RegStatus, statuses: Statuses::of(&states).unwrap() },
            ),
            ("exists_valid(PERMIT)", Predicate::ExistsValid { of: AttestationType::Permit }),
            ("grade_at_least(TAX_GRADE,3)", Predicate::GradeAtLeast { of: AttestationType::TaxGrade, grade: 3 }),
            ("band_at_least(PUB_GRADE, 4, 1)", Predicate::BandAtLeast { of: AttestationType::PubGrade, band: 4, map: 1 }),
            (
                "hash_matches(REPORT_VERIFY)",
                Predicate::HashMatches { of: AttestationType::ReportVerify, domains: Domains::NONE, window_months: 0 },
            ),
            (
                "hash_matches(RES_INTEGRITY, 60)",
                Predicate::HashMatches { of: AttestationType::ResIntegrity, domains: Domains::NONE, window_months: 60 },
            ),
            (
                "hash_matches(NO_VIOL_REPORT, 38|1, 36)",
                Predicate::HashMatches {
                    of: AttestationType::NoViolReport,
                    domains: Domains::of(&[1, 38]).unwrap(),
                    window_months: 36,
                },
            ),
        ];
        for (text, predicate) in cases {
            assert_eq!(parse(text), Ok(predicate), "{text}");
            let shape = text.trim().split([' ', '(']).next().unwrap();
            assert!(SHAPES.contains(&format!("\n  {shape}(")), "{shape} is not in the help");
        }
    }

    #[test]
    fn what_is_no_predicate_is_refused_by_cause() {
        let number = |what, max| SyntaxError::Number { what, max };
        let cases = [
            ("", SyntaxError::Form),
            ("not_listed", SyntaxError::Form),
            ("not_listed(SER_ANY", SyntaxError::Form),
            ("not_listed(SER_ANY) and more", SyntaxError::Form),
            ("listed(SER_ANY)", SyntaxError::Shape),
            ("not_listed()", SyntaxError::Type),
            ("not_listed(ser_any)", SyntaxError::Type),
            ("not_listed(SER_ANY, 36, 1)", SyntaxError::Arguments { shape: "not_listed", arguments: "TYPE[, MONTHS]" }),
            ("exists_valid(PERMIT, 1)", SyntaxError::Arguments { shape: "exists_valid", arguments: "TYPE" }),
            (
                "count_le(PENALTY, serious, 36)",
                SyntaxError::Arguments { shape: "count_le", arguments: "TYPE, SEVERITY, MONTHS, N" },
            ),
            ("count_le(PENALTY, grave, 36, 0)", SyntaxError::Severity),
            ("count_le(PENALTY, serious, -1, 0)", number("a window in months", u16::MAX)),
            ("count_le(PENALTY, serious, 65536, 0)", number("a window in months", u16::MAX)),
            ("count_le(PENALTY, serious, 36, 256)", number("the count", 255)),
            ("status_in(REG_STATUS, active|open)", SyntaxError::Status),
            ("status_in(REG_STATUS, )", SyntaxError::Status),
            ("hash_matches(RES_INTEGRITY, 1|2)", number("a window in months", u16::MAX)),
            ("hash_matches(NO_VIOL_REPORT, 64, 36)", number("a domain", 63)),
            ("hash_matches(NO_VIOL_REPORT, 0, 36)", number("a domain", 63)),
            ("hash_matches(NO_VIOL_REPORT, a, 36)", number("a domain", 255)),
            ("not_listed(SER_ANY, +3)", number("a window in months", u16::MAX)),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
