//! 行政处罚, the 双公示 layout of 2018 (domain 7.1), and what both 双公示 layouts share: whom a row is about.
//!
//! Not here: how long a penalty is published and how severe one is that does not say it; the rule pack decides that.

use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::record::{Fact, Record};
use creditbay_protocol::identifier::{Identifier, IdentifierError, Scheme};
use creditbay_protocol::predicate::{AttestationType, Severity};

use super::columns::{Column, Layout, Row, read_fen};
use super::fault::{Rejection, RowFault};
use super::reading::{Entry, Reading};
use super::text::compact;
use crate::store::records::DocumentId;

/// The layout. The first three columns are those of every 双公示 layout.
pub static LAYOUT: Layout = Layout {
    name: "penalties-2018",
    columns: &[
        Column { name: "行政相对人类别", aliases: &["行政相对人类别", "CF_XDR_LB"], needed: true, shown: false },
        Column {
            name: "统一社会信用代码",
            aliases: &["行政相对人代码_1(统一社会信用代码)", "行政相对人代码1(统一社会信用代码)", "CF_XDR_SHXYM"],
            needed: true,
            shown: false,
        },
        Column { name: "证件号码", aliases: &["证件号码", "CF_XDR_ZJHM"], needed: false, shown: false },
        Column {
            name: "行政处罚决定书文号", aliases: &["行政处罚决定书文号", "CF_WSH"], needed: true, shown: false
        },
        Column { name: "处罚类别", aliases: &["处罚类别", "CF_CFLB"], needed: true, shown: true },
        Column { name: "罚款金额（万元）", aliases: &["罚款金额(万元)", "CF_NR_FK"], needed: true, shown: true },
        Column { name: "处罚决定日期", aliases: &["处罚决定日期", "CF_JDRQ"], needed: true, shown: true },
        Column {
            name: "公示截止期", aliases: &["公示截止期", "公示截止日期", "CF_GSJZQ"], needed: false, shown: true
        },
        Column {
            name: "处罚机关统一社会信用代码",
            aliases: &["处罚机关统一社会信用代码", "CF_CFJGDM"],
            needed: true,
            shown: false,
        },
        Column { name: "失信严重程度", aliases: &["失信严重程度"], needed: false, shown: true },
    ],
};
const KIND: usize = 0;
const CODE: usize = 1;
const PERSON_DOCUMENT: usize = 2;
const DOCUMENT: usize = 3;
const KINDS: usize = 4;
const FINE: usize = 5;
const DECIDED: usize = 6;
const PUBLISHED_UNTIL: usize = 7;
const AUTHORITY: usize = 8;
const SEVERITY: usize = 9;

/// Reads a row.
pub fn read(row: &Row<'_>, pack: &RulePack) -> Result<Reading, Rejection> {
    let Some(subject) = read_subject(row)? else { return Ok(Reading::Person) };
    let document = DocumentId::of(&row.document(DOCUMENT)?, &row.authority(AUTHORITY)?, &subject);
    let decided_on = row.day(DECIDED)?;
    let given = row.optional_day(PUBLISHED_UNTIL)?;
    let kinds = row.needed(KINDS)?;
    let kinds: Vec<&str> = kinds.split([';', '、', ',']).filter(|kind| !kind.is_empty()).collect();
    let fine = match compact(row.cell(FINE)) {
        text if text.is_empty() => None,
        text => Some(read_fen(&text).ok_or_else(|| row.reject(FINE, RowFault::Amount))?),
    };
    let stated = read_severity(row)?;
    let severity = stated.unwrap_or_else(|| pack.regimes().derive_severity(&kinds, fine));
    let fact = Fact::Penalty {
        decided_on,
        severity,
        severity_derived: stated.is_none(),
        published_until: pack.regimes().publication_end(decided_on, severity, given),
        repaired_on: None,
        withdrawn_on: None,
        contested: false,
    };
    let register = AttestationType::Penalty;
    let record = Record { register, key: document.record_key(register, decided_on), fact };
    Ok(Reading::Good(subject, Entry::Record(record)))
}

fn read_severity(row: &Row<'_>) -> Result<Option<Severity>, Rejection> {
    match compact(row.cell(SEVERITY)).as_str() {
        "" => Ok(None),
        "轻微" => Ok(Some(Severity::Minor)),
        "一般" => Ok(Some(Severity::General)),
        "严重" => Ok(Some(Severity::Serious)),
        _ => Err(row.reject(SEVERITY, RowFault::NotOneOf("轻微, 一般, 严重"))),
    }
}

/// Whom a row of a 双公示 layout is about; `None` for a natural person, of whom nothing is read on.
pub fn read_subject(row: &Row<'_>) -> Result<Option<Identifier>, Rejection> {
    let kind = compact(row.cell(KIND));
    let code = row.text(CODE);
    if kind == "自然人" || (code.is_empty() && !row.text(PERSON_DOCUMENT).is_empty()) {
        return Ok(None);
    }
    if code.is_empty() {
        return Err(row.reject(CODE, RowFault::Empty));
    }
    let subject = match Identifier::parse(Scheme::Uscc, &code) {
        Err(IdentifierError::NaturalPerson { .. }) => return Ok(None),
        parsed => parsed.map_err(|error| row.reject(CODE, error))?,
    };
    match kind.as_str() {
        "" => Err(row.reject(KIND, RowFault::Empty)),
        "法人及非法人组织" | "法人" | "非法人组织" | "个体工商户" => Ok(Some(subject)),
        _ => Err(row.reject(KIND, RowFault::NotOneOf("法人及非法人组织, 个体工商户, 自然人"))),
    }
}
