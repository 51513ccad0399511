//! 行政许可, the 双公示 layout of 2018 (domain 7.2).

use creditbay_configs::rules::record::{Fact, Record};
use creditbay_protocol::calendar::Day;
use creditbay_protocol::predicate::AttestationType;

use super::columns::{Column, Layout, Row};
use super::fault::{Rejection, RowFault};
use super::penalties::read_subject;
use super::reading::{Entry, Reading};
use super::text::compact;
use crate::store::records::DocumentId;

/// The layout. The first three columns are those of every 双公示 layout.
pub static LAYOUT: Layout = Layout {
    name: "permits-2018",
    columns: &[
        Column {
            name: "行政相对人类别", aliases: &["行政相对人类别", "XK_XDR_LB", "XK_XDR_TYPE"], needed: true, shown: false
        },
        Column {
            name: "统一社会信用代码",
            aliases: &["行政相对人代码_1(统一社会信用代码)", "行政相对人代码1(统一社会信用代码)", "XK_XDR_SHXYM"],
            needed: true,
            shown: false,
        },
        Column { name: "证件号码", aliases: &["证件号码", "XK_XDR_ZJHM"], needed: false, shown: false },
        Column {
            name: "行政许可决定书文号", aliases: &["行政许可决定书文号", "XK_WSH"], needed: true, shown: false
        },
        Column { name: "许可编号", aliases: &["许可编号", "XK_XKBH"], needed: false, shown: false },
        Column { name: "许可类别", aliases: &["许可类别", "XK_XKLB"], needed: true, shown: true },
        Column { name: "许可决定日期", aliases: &["许可决定日期", "XK_JDRQ"], needed: true, shown: true },
        Column { name: "有效期自", aliases: &["有效期自", "XK_YXQZ"], needed: true, shown: true },
        Column { name: "有效期至", aliases: &["有效期至", "XK_YXQZI"], needed: true, shown: true },
        Column {
            name: "许可机关统一社会信用代码",
            aliases: &["许可机关统一社会信用代码", "XK_XKJGDM"],
            needed: true,
            shown: false,
        },
        Column { name: "当前状态", aliases: &["当前状态", "XK_ZT"], needed: true, shown: true },
    ],
};
const DOCUMENT: usize = 3;
const NUMBER: usize = 4;
const CATEGORY: usize = 5;
const DECIDED: usize = 6;
const FROM: usize = 7;
const UNTIL: usize = 8;
const AUTHORITY: usize = 9;
const STATE: usize = 10;

/// Reads a row.
pub fn read(row: &Row<'_>) -> Result<Reading, Rejection> {
    let Some(subject) = read_subject(row)? else { return Ok(Reading::Person) };
    let written = row.document(DOCUMENT).or_else(|rejection| row.document(NUMBER).map_err(|_| rejection))?;
    let document = DocumentId::of(&written, &row.authority(AUTHORITY)?, &subject);
    let decided_on = row.day(DECIDED)?;
    let (valid_from, valid_until) = (row.day(FROM)?, row.day(UNTIL)?);
    if valid_until < valid_from {
        return Err(row.reject(UNTIL, RowFault::BeforeItBegins));
    }
    let is_valid = match row.needed(STATE)?.as_str() {
        "1" | "有效" | "正常" => true,
        "2" | "无效" | "失效" | "注销" | "撤销" | "撤回" | "吊销" | "暂停" | "中止" => false,
        _ => return Err(row.reject(STATE, RowFault::NotOneOf("1 有效, 2 无效, 失效, 注销, 撤销, 撤回, 吊销, 暂停, 中止"))),
    };
    let register = AttestationType::Permit;
    let fact = permit(category_code(&compact(row.cell(CATEGORY))), valid_from, valid_until, is_valid);
    Ok(Reading::Good(subject, Entry::Record(Record { register, key: document.record_key(register, decided_on), fact })))
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
