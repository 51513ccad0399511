//! 行政处罚, in the 双公示 layouts of 2018 and of 2016 (domain 7.1, 7.3).
//!
//! Not here: how long a penalty is published and how severe one is that does not say it; the rule pack decides that.

use creditbay_configs::rules::record::{Fact, Record};
use creditbay_protocol::calendar::Day;
use creditbay_protocol::predicate::{AttestationType, Severity};

use super::columns::{Layout, Row, read_fen};
use super::fault::{Rejection, RowFault};
use super::published::{About, hidden, read_subject, shown};
use super::reading::{Entry, Reading, Under};
use super::text::compact;
use crate::store::documents::DocumentId;
use crate::store::persons::{PersonFact, PersonRow};

/// The layout of 2018.
pub static LAYOUT: Layout = Layout {
    name: "penalties-2018",
    columns: &[
        hidden("行政相对人类别", &["行政相对人类别", "CF_XDR_LB"]),
        hidden("统一社会信用代码", &["行政相对人代码_1(统一社会信用代码)", "行政相对人代码1(统一社会信用代码)", "CF_XDR_SHXYM"]),
        hidden("证件号码", &["证件号码", "CF_XDR_ZJHM"]).optional(),
        hidden("行政处罚决定书文号", &["行政处罚决定书文号", "CF_WSH"]),
        shown("处罚类别", &["处罚类别", "CF_CFLB"]),
        shown("罚款金额（万元）", &["罚款金额(万元)", "CF_NR_FK"]),
        shown("处罚决定日期", &["处罚决定日期", "CF_JDRQ"]),
        shown("公示截止期", &["公示截止期", "公示截止日期", "CF_GSJZQ"]).optional(),
        hidden("处罚机关统一社会信用代码", &["处罚机关统一社会信用代码", "CF_CFJGDM"]),
        shown("失信严重程度", &["失信严重程度"]).optional(),
    ],
};

/// The layout of 2016, which names an authority, not its code, and a state, not an end of publication.
pub static LAYOUT_2016: Layout = Layout {
    name: "penalties-2016",
    columns: &[
        hidden("行政相对人类别", &["行政相对人类别"]).optional(),
        hidden("统一社会信用代码", &["行政相对人代码_1(统一社会信用代码)", "行政相对人代码1(统一社会信用代码)", "CF_XDR_SHXYM"]),
        hidden(
            "居民身份证号",
            &["行政相对人代码_5(居民身份证号)", "行政相对人代码5(居民身份证号)", "居民身份证号", "CF_XDR_SFZ"],
        )
        .optional(),
        hidden("行政处罚决定书文号", &["行政处罚决定书文号", "CF_WSH"]),
        shown("处罚类别1", &["处罚类别1", "处罚类别_1", "CF_CFLB1"]),
        shown("处罚类别2", &["处罚类别2", "处罚类别_2", "CF_CFLB2"]).optional(),
        shown("处罚决定日期", &["处罚决定日期", "CF_JDRQ"]),
        hidden("处罚机关", &["处罚机关", "CF_XZJG"]),
        shown("当前状态", &["当前状态", "CF_ZT"]),
    ],
};
const DOCUMENT: usize = 3;
const KINDS: usize = 4;

/// What a row says, whichever layout it has.
struct Written {
    document: String,
    authority: String,
    decided_on: Day,
    severity: Severity,
    severity_derived: bool,
    published_until: Day,
    withdrawn_on: Option<Day>,
    contested: bool,
}

/// Reads a row in the layout of 2018.
pub fn read(row: &Row<'_>, under: &Under<'_>) -> Result<Reading, Rejection> {
    sort(read_subject(row, true)?, under, || {
        let (document, authority) = (row.document(DOCUMENT)?, row.authority(8)?);
        let decided_on = row.day(6)?;
        let given = row.optional_day(7)?;
        let kinds = row.needed(KINDS)?;
        let fine = match compact(row.cell(5)) {
            text if text.is_empty() => None,
            text => Some(read_fen(&text).ok_or_else(|| row.reject(5, RowFault::Amount))?),
        };
        let stated = read_severity(row)?;
        let severity = stated.unwrap_or_else(|| under.pack.regimes().derive_severity(&split_kinds(&kinds), fine));
        Ok(Written {
            document,
            authority,
            decided_on,
            severity,
            severity_derived: stated.is_none(),
            published_until: under.pack.regimes().publication_end(decided_on, severity, given),
            withdrawn_on: None,
            contested: false,
        })
    })
}

/// Reads a row in the layout of 2016. It has neither fine nor severity, so that both follow from the kinds alone.
pub fn read_2016(row: &Row<'_>, under: &Under<'_>) -> Result<Reading, Rejection> {
    sort(read_subject(row, false)?, under, || {
        let (document, authority) = (row.document(DOCUMENT)?, row.authority(7)?);
        let decided_on = row.day(6)?;
        let kinds = [row.needed(KINDS)?, compact(row.cell(5))].join(";");
        let severity = under.pack.regimes().derive_severity(&split_kinds(&kinds), None);
        let (withdrawn_on, contested) = match row.needed(8)?.as_str() {
            "0" | "正常" | "3" | "其他" => (None, false),
            "1" | "撤销" => (Some(decided_on), false),
            "2" | "异议" => (None, true),
            _ => return Err(row.reject(8, RowFault::NotOneOf("0 正常, 1 撤销, 2 异议, 3 其他"))),
        };
        let published_until = under.pack.regimes().publication_end(decided_on, severity, None);
        let severity_derived = true;
        Ok(Written { document, authority, decided_on, severity, severity_derived, published_until, withdrawn_on, contested })
    })
}

/// An entity's penalty becomes a record; of a person's only register, days and severity are kept, and nothing where the row is not whole.
fn sort(about: About, under: &Under<'_>, read: impl FnOnce() -> Result<Written, Rejection>) -> Result<Reading, Rejection> {
    let register = AttestationType::Penalty;
    let subject = match about {
        About::Entity(subject) => subject,
        About::Person(number) => {
            return Ok(Reading::Person(number.zip(read().ok()).map(|(number, written)| written.of_person(under, &number))));
        }
    };
    let Written { document, authority, decided_on, severity, severity_derived, published_until, withdrawn_on, contested } =
        read()?;
    let key = DocumentId::of(&document, &authority, &subject).record_key(register, decided_on);
    let repaired_on = None;
    let fact = Fact::Penalty { decided_on, severity, severity_derived, published_until, repaired_on, withdrawn_on, contested };
    Ok(Reading::Good(subject, Entry::Record(Record { register, key, fact })))
}

impl Written {
    fn of_person(&self, under: &Under<'_>, number: &str) -> PersonRow {
        let register = AttestationType::Penalty;
        let pseudonyms = under.records.persons().pseudonyms();
        let person = pseudonyms.of(number);
        let entry = pseudonyms.entry(person, register, &self.document, &self.authority);
        let (on, until, severity) = (self.decided_on, Some(self.published_until), Some(self.severity));
        PersonRow { person, entry, fact: PersonFact { register, on, until, severity } }
    }
}

fn split_kinds(kinds: &str) -> Vec<&str> {
    kinds.split([';', '、', ',']).filter(|kind| !kind.is_empty()).collect()
}

fn read_severity(row: &Row<'_>) -> Result<Option<Severity>, Rejection> {
    match compact(row.cell(9)).as_str() {
        "" => Ok(None),
        "轻微" => Ok(Some(Severity::Minor)),
        "一般" => Ok(Some(Severity::General)),
        "严重" => Ok(Some(Severity::Serious)),
        _ => Err(row.reject(9, RowFault::NotOneOf("轻微, 一般, 严重"))),
    }
}
