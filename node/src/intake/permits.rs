//! 行政许可, in the 双公示 layouts of 2018 and of 2016 (domain 7.2, 7.3).

use creditbay_configs::rules::record::{Fact, Record};
use creditbay_protocol::calendar::Day;
use creditbay_protocol::predicate::AttestationType;

use super::columns::{Layout, Row};
use super::fault::{Rejection, RowFault};
use super::published::{About, hidden, read_subject, shown};
use super::reading::{Entry, Reading, Under};
use super::text::compact;
use crate::store::documents::DocumentId;
use crate::store::persons::{PersonFact, PersonRow};

/// The layout of 2018.
pub static LAYOUT: Layout = Layout {
    name: "permits-2018",
    columns: &[
        hidden("行政相对人类别", &["行政相对人类别", "XK_XDR_LB", "XK_XDR_TYPE"]),
        hidden("统一社会信用代码", &["行政相对人代码_1(统一社会信用代码)", "行政相对人代码1(统一社会信用代码)", "XK_XDR_SHXYM"]),
        hidden("证件号码", &["证件号码", "XK_XDR_ZJHM"]).optional(),
        hidden("行政许可决定书文号", &["行政许可决定书文号", "XK_WSH"]),
        hidden("许可编号", &["许可编号", "XK_XKBH"]).optional(),
        shown("许可类别", &["许可类别", "XK_XKLB"]),
        shown("许可决定日期", &["许可决定日期", "XK_JDRQ"]),
        shown("有效期自", &["有效期自", "XK_YXQZ"]),
        shown("有效期至", &["有效期至", "XK_YXQZI"]),
        hidden("许可机关统一社会信用代码", &["许可机关统一社会信用代码", "XK_XKJGDM"]),
        shown("当前状态", &["当前状态", "XK_ZT"]),
    ],
};

/// The layout of 2016, which names an authority, not its code, and in which a permit is valid from the day of its decision.
pub static LAYOUT_2016: Layout = Layout {
    name: "permits-2016",
    columns: &[
        hidden("行政相对人类别", &["行政相对人类别"]).optional(),
        hidden("统一社会信用代码", &["行政相对人代码_1(统一社会信用代码)", "行政相对人代码1(统一社会信用代码)", "XK_XDR_SHXYM"]),
        hidden(
            "居民身份证号",
            &["行政相对人代码_5(居民身份证号)", "行政相对人代码5(居民身份证号)", "居民身份证号", "XK_XDR_SFZ"],
        )
        .optional(),
        hidden("行政许可决定书文号", &["行政许可决定书文号", "XK_WSH"]),
        shown("审批类别", &["审批类别", "XK_SPLB"]),
        shown("许可决定日期", &["许可决定日期", "XK_JDRQ"]),
        shown("许可截止期", &["许可截止期", "XK_JZQ"]),
        hidden("许可机关", &["许可机关", "XK_XZJG"]),
        shown("当前状态", &["当前状态", "XK_ZT"]),
    ],
};
const DOCUMENT: usize = 3;

/// What a row says, whichever layout it has.
struct Written {
    document: String,
    authority: String,
    decided_on: Day,
    valid_until: Day,
    fact: Fact,
}

/// Reads a row in the layout of 2018.
pub fn read(row: &Row<'_>, under: &Under<'_>) -> Result<Reading, Rejection> {
    sort(read_subject(row, true)?, under, || {
        let document = row.document(DOCUMENT).or_else(|rejection| row.document(4).map_err(|_| rejection))?;
        let authority = row.authority(9)?;
        let decided_on = row.day(6)?;
        let (valid_from, valid_until) = (row.day(7)?, row.day(8)?);
        if valid_until < valid_from {
            return Err(row.reject(8, RowFault::BeforeItBegins));
        }
        let is_valid = match row.needed(10)?.as_str() {
            "1" | "有效" | "正常" => true,
            "2" | "无效" | "失效" | "注销" | "撤销" | "撤回" | "吊销" | "暂停" | "中止" => false,
            _ => return Err(row.reject(10, RowFault::NotOneOf("1 有效, 2 无效, 失效, 注销, 撤销, 撤回, 吊销, 暂停, 中止"))),
        };
        let fact = permit(category_code(&compact(row.cell(5))), valid_from, valid_until, is_valid);
        Ok(Written { document, authority, decided_on, valid_until, fact })
    })
}

/// Reads a row in the layout of 2016. What is in another state than a known one counts as not valid.
pub fn read_2016(row: &Row<'_>, under: &Under<'_>) -> Result<Reading, Rejection> {
    sort(read_subject(row, false)?, under, || {
        let (document, authority) = (row.document(DOCUMENT)?, row.authority(7)?);
        let (decided_on, valid_until) = (row.day(5)?, row.day(6)?);
        if valid_until < decided_on {
            return Err(row.reject(6, RowFault::BeforeItBegins));
        }
        let is_valid = match row.needed(8)?.as_str() {
            "0" | "正常" | "2" | "异议" => true,
            "1" | "撤销" | "3" | "其他" => false,
            _ => return Err(row.reject(8, RowFault::NotOneOf("0 正常, 1 撤销, 2 异议, 3 其他"))),
        };
        let fact = permit(category_code(&compact(row.cell(4))), decided_on, valid_until, is_valid);
        Ok(Written { document, authority, decided_on, valid_until, fact })
    })
}

/// An entity's permit becomes a record; of a person's only register and days are kept, and nothing where the row is not whole.
fn sort(about: About, under: &Under<'_>, read: impl FnOnce() -> Result<Written, Rejection>) -> Result<Reading, Rejection> {
    let register = AttestationType::Permit;
    match about {
        About::Entity(subject) => {
            let Written { document, authority, decided_on, fact, .. } = read()?;
            let key = DocumentId::of(&document, &authority, &subject).record_key(register, decided_on);
            Ok(Reading::Good(subject, Entry::Record(Record { register, key, fact })))
        }
        About::Person(number) => Ok(Reading::Person(number.zip(read().ok()).map(|(number, written)| {
            let pseudonyms = under.records.persons().pseudonyms();
            let person = pseudonyms.of(&number);
            let entry = pseudonyms.entry(person, register, &written.document, &written.authority);
            let (on, until) = (written.decided_on, Some(written.valid_until));
            PersonRow { person, entry, fact: PersonFact { register, on, until, severity: None } }
        }))),
    }
}

/// A permit whose state is told without a day: one that is not valid counts as never valid, as no question asks about the past.
pub fn permit(category: u8, valid_from: Day, valid_until: Day, is_valid: bool) -> Fact {
    Fact::Permit { category, valid_from, valid_until, withdrawn_on: (!is_valid).then_some(valid_from) }
}

/// 许可类别 as a number; 0 for what is no class of the mainland.
pub fn category_code(category: &str) -> u8 {
    match category {
        "普通" => 1,
        "特许" => 2,
        "认可" => 3,
        "核准" => 4,
        "登记" => 5,
        other if other.starts_with("其他") => 6,
        _ => 0,
    }
}
