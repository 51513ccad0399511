//! The columns of `creditbay-register/1`, register by register (configs/samples/README.md).
//!
//! The first two columns of each are those that say whom a row is about. Not here: what the cells mean (the rooms beside this one).

use creditbay_protocol::predicate::AttestationType;

use super::super::columns::{Column, Layout};

/// The layout's name.
const NAME: &str = "creditbay-register/1";

/// Whose identifier it is.
pub(super) const SCHEME: usize = 0;
/// The identifier.
pub(super) const IDENTIFIER: usize = 1;
/// The document's number, in every layout but those of registrations and reports.
pub(super) const DOCUMENT: usize = 2;

const fn shown(name: &'static str, alias: &'static [&'static str]) -> Column {
    Column { name, aliases: alias, needed: true, shown: true }
}
const fn hidden(name: &'static str, alias: &'static [&'static str]) -> Column {
    Column { name, aliases: alias, needed: true, shown: false }
}
const SCHEME_COLUMN: Column = shown("scheme", &["SCHEME"]);
const IDENTIFIER_COLUMN: Column = hidden("identifier", &["IDENTIFIER"]);
const DOCUMENT_COLUMN: Column = hidden("document", &["DOCUMENT"]);
const WITHDRAWN_COLUMN: Column = shown("withdrawn_on", &["WITHDRAWN_ON"]);

static STATUS: Layout =
    Layout { name: NAME, columns: &[SCHEME_COLUMN, IDENTIFIER_COLUMN, shown("status", &["STATUS"]), shown("since", &["SINCE"])] };
static LIST: Layout = Layout {
    name: NAME,
    columns: &[
        SCHEME_COLUMN,
        IDENTIFIER_COLUMN,
        DOCUMENT_COLUMN,
        shown("listed_on", &["LISTED_ON"]),
        shown("delisted_on", &["DELISTED_ON"]),
        shown("repaired_on", &["REPAIRED_ON"]),
        WITHDRAWN_COLUMN,
    ],
};
static PERMIT: Layout = Layout {
    name: NAME,
    columns: &[
        SCHEME_COLUMN,
        IDENTIFIER_COLUMN,
        DOCUMENT_COLUMN,
        hidden("category", &["CATEGORY"]),
        shown("valid_from", &["VALID_FROM"]),
        shown("valid_until", &["VALID_UNTIL"]),
        shown("state", &["STATE"]),
    ],
};
static GRADE: Layout = Layout {
    name: NAME,
    columns: &[
        SCHEME_COLUMN,
        IDENTIFIER_COLUMN,
        DOCUMENT_COLUMN,
        shown("grade", &["GRADE"]),
        shown("rated_on", &["RATED_ON"]),
        shown("valid_until", &["VALID_UNTIL"]),
        WITHDRAWN_COLUMN,
        Column { name: "sector", aliases: &["SECTOR"], needed: false, shown: true },
    ],
};
static SECTOR_GRADE: Layout = Layout {
    name: NAME,
    columns: &[
        SCHEME_COLUMN,
        IDENTIFIER_COLUMN,
        DOCUMENT_COLUMN,
        shown("grade", &["GRADE"]),
        shown("rated_on", &["RATED_ON"]),
        shown("valid_until", &["VALID_UNTIL"]),
        WITHDRAWN_COLUMN,
        shown("sector", &["SECTOR"]),
    ],
};
static COMMITMENT: Layout = Layout {
    name: NAME,
    columns: &[
        SCHEME_COLUMN,
        IDENTIFIER_COLUMN,
        DOCUMENT_COLUMN,
        shown("made_on", &["MADE_ON"]),
        shown("state", &["STATE"]),
        WITHDRAWN_COLUMN,
    ],
};
static REPORT: Layout = Layout {
    name: NAME,
    columns: &[
        SCHEME_COLUMN,
        IDENTIFIER_COLUMN,
        hidden("digest", &["DIGEST"]),
        shown("type", &["TYPE"]),
        shown("domains", &["DOMAINS"]),
        shown("from", &["FROM"]),
        shown("issued_on", &["ISSUED_ON"]),
        shown("valid_until", &["VALID_UNTIL"]),
        WITHDRAWN_COLUMN,
    ],
};
static AMENDMENT: Layout = Layout {
    name: NAME,
    columns: &[
        SCHEME_COLUMN,
        IDENTIFIER_COLUMN,
        DOCUMENT_COLUMN,
        hidden("authority", &["AUTHORITY"]),
        shown("action", &["ACTION"]),
        shown("on", &["ON"]),
    ],
};

/// What a register file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// The records or reports of this register.
    Register(AttestationType),
    /// Repairs and withdrawals of what other files recorded.
    Repairs,
    /// Objections to it.
    Objections,
}

impl Holds {
    /// What a register of this name holds. `None` for the name of no register, and for one that comes in a layout of its own.
    pub(super) fn named(register: &str) -> Option<Self> {
        match (register, AttestationType::from_name(register)) {
            ("REPAIR", _) => Some(Self::Repairs),
            ("OBJECTION", _) => Some(Self::Objections),
            (_, None | Some(AttestationType::SerAny | AttestationType::Penalty)) => None,
            (_, Some(known)) => Some(Self::Register(known)),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Register(register) => register.as_str(),
            Self::Repairs => "REPAIR",
            Self::Objections => "OBJECTION",
        }
    }

    /// The layout of its rows.
    pub(super) fn layout(self) -> &'static Layout {
        use AttestationType as Type;
        match self {
            Self::Repairs | Self::Objections => &AMENDMENT,
            Self::Register(Type::RegStatus) => &STATUS,
            Self::Register(Type::Permit) => &PERMIT,
            Self::Register(Type::QualGrade) => &SECTOR_GRADE,
            Self::Register(register) if is_rating(register) => &GRADE,
            Self::Register(Type::Commit) => &COMMITMENT,
            Self::Register(register) if is_reports(register) => &REPORT,
            Self::Register(_) => &LIST,
        }
    }

    /// Whether its rows may be about natural persons. One in a register of companies is a fault in the file.
    pub(super) fn may_name_persons(self) -> bool {
        self.layout().columns[3].name == "listed_on" || matches!(self, Self::Repairs | Self::Objections)
    }
}

/// Whether the register holds ratings.
pub(super) fn is_rating(register: AttestationType) -> bool {
    use AttestationType as Type;
    matches!(register, Type::TaxGrade | Type::AeoGrade | Type::EnvGrade | Type::LaborGrade | Type::PubGrade | Type::QualGrade)
}

/// Whether the register holds reports that were given to their subjects.
pub(super) fn is_reports(register: AttestationType) -> bool {
    use AttestationType as Type;
    matches!(register, Type::NoViolReport | Type::ResIntegrity | Type::ReportVerify)
}
