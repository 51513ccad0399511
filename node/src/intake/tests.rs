//! Whole files: the bundled samples, and one file for each thing that can be wrong.

mod answer_tests;
mod register_tests;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::record::{Fact, Record};
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::predicate::{LawOfOrigin, Severity};

use super::limits::MAX_STRICT_ROWS;
use super::sink::ROWS_PER_MERGE;
use super::*;
use crate::host::entropy::Entropy;
use crate::host::keys::{EpochKeys, RecordKeys};
use crate::store::in_memory::{Failure, InMemory};
use crate::store::records::{Records, RecordsError};
use crate::store::{Store, Tree};

const NOW: Millis = Millis(1_795_500_000_000); // 2026-11-24
const COMPANY: &str = "91440101MA9XTEAT0A";
const AUTHORITY: &str = "11440100YL910001XF";
const PERSON: &str = "440106199003071231";

struct Run {
    result: Result<Summary, IntakeError>,
    events: Vec<Event>,
}

impl Run {
    fn rejected(&self) -> Vec<(u64, &str, &str)> {
        let mut rejected = Vec::new();
        for event in &self.events {
            if let Event::Rejected { row, column, reason } = event {
                rejected.push((*row, *column, reason.as_str()));
            }
        }
        rejected
    }

    fn said(&self) -> String {
        self.events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect()
    }
}

fn samples() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "configs", "samples"].iter().collect()
}

static PACK: LazyLock<RulePack> = LazyLock::new(|| {
    let text = std::fs::read_to_string(samples().join("rules/gba-2026.1.toml")).unwrap();
    RulePack::parse("gba-2026.1.toml", &text).unwrap()
});

thread_local! {
    static BUCKETS: EpochKeys = EpochKeys::in_memory();
}

fn opened(store: &InMemory) -> Records {
    let keys = RecordKeys { index: [5; 32], buckets: BUCKETS.with(Clone::clone) };
    Records::open(Arc::new(store.clone()), keys, Arc::new(Entropy::system())).unwrap()
}

fn run(records: &Records, file: impl io::Read, strict: bool) -> Run {
    run_under(LawOfOrigin::Cn, records, file, strict)
}

fn run_under(law: LawOfOrigin, records: &Records, file: impl io::Read, strict: bool) -> Run {
    let mut events = Vec::new();
    let under = Under { pack: &PACK, law, records };
    let result = import(file, "file.csv", strict, &under, NOW, &mut |event| events.push(event));
    Run { result, events }
}

fn run_alone(file: impl AsRef<[u8]>) -> Run {
    run(&opened(&InMemory::new()), file.as_ref(), false)
}

fn subject(value: &str) -> Identifier {
    Identifier::parse(Scheme::Uscc, value).unwrap()
}

fn penalties(rows: &[&str]) -> String {
    let header = "行政相对人名称,行政相对人类别,行政相对人代码_1(统一社会信用代码),法定代表人,证件号码,行政处罚决定书文号,违法事实,处罚类别,罚款金额（万元）,处罚决定日期,公示截止期,处罚机关统一社会信用代码,失信严重程度";
    [header].iter().chain(rows).map(|row| format!("{row}\n")).collect()
}

fn penalty(document: &str) -> String {
    format!("样例有限公司,法人及非法人组织,{COMPANY},样例代表,,{document},样例事实,罚款,1.000000,2026-06-01,,{AUTHORITY},一般")
}

fn permits(row: &str) -> String {
    format!("XK_XDR_MC,XK_XDR_LB,XK_XDR_SHXYM,XK_WSH,XK_XKBH,XK_XKLB,XK_JDRQ,XK_YXQZ,XK_YXQZI,XK_XKJGDM,XK_ZT\n{row}\n")
}

fn register(name: &str, rows: &str) -> String {
    format!("#creditbay-register/1,register={name},authority={AUTHORITY},as_of=2026-11-01\n{rows}")
}

fn listing(rows: &str) -> String {
    register("SER_WAGE", &format!("scheme,identifier,name,document,listed_on,delisted_on,repaired_on,withdrawn_on\n{rows}"))
}

fn content(store: &InMemory) -> Vec<crate::store::Pair> {
    store.range(Tree::Records, &[], &[0xff], usize::MAX).unwrap()
}

#[test]
fn every_sample_file_is_counted_as_expected_and_a_second_time_changes_nothing() {
    let expected: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(samples().join("expected.json")).unwrap()).unwrap();
    let mut files = 0;
    for (city, law) in [("gz", LawOfOrigin::Cn), ("sz", LawOfOrigin::Cn), ("hk", LawOfOrigin::Hk), ("mo", LawOfOrigin::Mo)] {
        let store = InMemory::new();
        let records = opened(&store);
        let counts = expected["counts"][city].as_object().unwrap();
        let mut before = Vec::new();
        for again in [false, true] {
            for (name, counts) in counts.iter().collect::<BTreeMap<_, _>>() {
                let bytes = std::fs::read(samples().join("records").join(city).join(name)).unwrap();
                let done = run_under(law, &records, &bytes[..], false);
                let summary = done.result.as_ref().unwrap();
                let [rows, good, duplicates, rejected, persons] =
                    ["rows", "good", "duplicates", "rejected", "persons"].map(|count| counts[count].as_u64().unwrap());
                assert_eq!((summary.rows, summary.rejected, summary.persons), (rows, rejected, persons), "{city}/{name}");
                assert_eq!(done.rejected().len() as u64, rejected);
                if again {
                    assert_eq!((summary.good, summary.added, summary.replaced), (0, 0, 0), "{city}/{name}");
                    assert!(summary.unchanged >= good && summary.duplicates == good + duplicates, "{city}/{name}");
                } else {
                    assert_eq!((summary.good, summary.duplicates), (good, duplicates), "{city}/{name}");
                }
                files += 1;
            }
            if !again {
                before = content(&store);
            }
        }
        // Synchronised "now" for files that do not say as of when, and NOW stands still.
        assert!(content(&store) == before, "{city}: a second import changed the store");
        let sources: Vec<_> = records.registers().iter().map(|coverage| coverage.register.as_str()).collect();
        let mut known: Vec<_> =
            expected["held"][city]["sources"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
        known.retain(|name| !["REPAIR", "OBJECTION"].contains(name));
        known.sort_by_key(|name| AttestationType::from_name(name).map(AttestationType::code));
        assert_eq!(sources, known);
    }
    assert!(files >= 60, "{files}");
}

#[test]
fn no_sample_leaves_an_identifier_a_name_or_a_document_in_events_or_store() {
    let (store, mut said) = (InMemory::new(), String::new());
    let records = opened(&store);
    let mut identifying = Vec::new();
    for name in ["penalties-1-history.csv", "penalties-3-codes.csv", "permits-1.csv", "register-reg-status.csv"] {
        let bytes = std::fs::read(samples().join("records/gz").join(name)).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let words = text
            .split([',', '\n', '\u{feff}', '"'])
            .filter(|word| word.len() >= 9 && word.is_ascii() && !word.contains(['-', '/', '.', '=', '_']));
        identifying.extend(
            words.chain(text.split(',').filter(|word| word.starts_with("样例") || word.contains("罚〔"))).map(str::to_owned),
        );
        said += &run(&records, &bytes[..], false).said();
    }
    assert!(identifying.len() > 500 && said.contains("rejected_csv"));
    let mut stored = Vec::new();
    content(&store).into_iter().for_each(|(key, value)| stored.extend([key, value].concat()));
    let stored = String::from_utf8_lossy(&stored);
    for word in identifying {
        assert!(!said.contains(&word), "{word} was said");
        assert!(!stored.contains(&word), "{word} was stored");
    }
}

#[test]
fn a_penalty_keeps_what_a_predicate_needs() {
    let records = opened(&InMemory::new());
    let rows = [
        penalty("1"),
        penalty("2")
            .replace("一般", "")
            .replace("罚款,1.000000", "警告；吊销许可证件,")
            .replace("2026-06-01,", "2026/06/01 08:00:00,2099-12-31"),
        penalty("3").replace("2026-06-01,", "2026-06-01,2026-07-01"),
        penalty("4").replace("一般", "").replace("1.000000", "100.000000"),
    ];
    let done = run(&records, penalties(&rows.each_ref().map(String::as_str)).as_bytes(), true);
    assert_eq!(done.result.unwrap().added, 4, "{:?}", done.events);
    let facts: Vec<_> = records.of(&subject(COMPANY)).unwrap().into_iter().map(|record| record.fact).collect();
    let of = |severity, severity_derived, until: &str| Fact::Penalty {
        decided_on: "2026-06-01".parse().unwrap(),
        severity,
        severity_derived,
        published_until: until.parse().unwrap(),
        repaired_on: None,
        withdrawn_on: None,
        contested: false,
    };
    assert_eq!(facts[0], of(Severity::General, false, "2027-06-01"));
    assert_eq!(facts[1], of(Severity::Serious, true, "2029-06-01"));
    assert_eq!(facts[2], of(Severity::General, false, "2026-07-01"));
    assert_eq!(facts[3], of(Severity::Serious, true, "2029-06-01"));
}

#[test]
fn the_same_decision_in_other_spellings_is_one() {
    let row = penalty("穗样罚〔2026〕1号");
    let copy = row.replace('〔', "[").replace('〕', "］").replace("1号", "１号 ").replace(COMPANY, &COMPANY.to_lowercase());
    let summary = run_alone(penalties(&[&row, &copy])).result.unwrap();
    assert_eq!((summary.rows, summary.added, summary.duplicates), (2, 1, 1));
    assert_eq!(run_alone(penalties(&[&row, &row.replace("1号", "2号")])).result.unwrap().added, 2);
}

#[test]
fn persons_are_set_aside_by_number_alone() {
    let rows = [
        format!("某甲,自然人,,,{PERSON},1,样例事实,罚款,1,2026-06-01,,{AUTHORITY},"),
        penalty("2").replace(COMPANY, PERSON),
        penalty("3").replace(COMPANY, "A123456(3)"),
        format!("某乙,,,,{PERSON},4,样例事实,罚款,1,2026-06-01,,{AUTHORITY},"),
    ];
    let done = run_alone(penalties(&rows.each_ref().map(String::as_str)));
    let expected: Vec<_> = (2..6).map(|row| Event::Person { row }).collect();
    assert_eq!(done.events[..4], expected);
    assert_eq!((done.result.unwrap().persons, done.events.len()), (4, 5));
    let done = run_alone(listing(&format!("ric,{PERSON},某甲,1,2026-06-18,,,\nhk-brn,A123456(3),某乙,2,2026-06-18,,,\n")));
    assert_eq!(done.events[..2], [Event::Person { row: 3 }, Event::Person { row: 4 }]);
}

#[test]
fn every_reason_to_reject_a_row_has_its_words() {
    let good = penalty("1");
    for (row, column, words) in [
        (good.replace(COMPANY, "91440101MA9XTEAT0B"), "统一社会信用代码", "check character"),
        (good.replace(COMPANY, ""), "统一社会信用代码", "empty"),
        (good.replace("法人及非法人组织", ""), "行政相对人类别", "empty"),
        (good.replace("法人及非法人组织", "某某"), "行政相对人类别", "not one of"),
        (good.replace("样例代表,,1", "样例代表,, "), "行政处罚决定书文号", "empty"),
        (good.replace(AUTHORITY, ""), "处罚机关统一社会信用代码", "empty"),
        (good.replace("2026-06-01", "2026/02/30"), "处罚决定日期", "not a date"),
        (good.replace("2026-06-01,", "2026-06-01,待定"), "公示截止期", "not a date"),
        (good.replace("1.000000", "壹"), "罚款金额（万元）", "not an amount"),
        (good.replace(",罚款", ","), "处罚类别", "empty"),
        (good.replace("一般", "很坏"), "失信严重程度", "not one of"),
        (good.replace("样例事实", "样例,事实"), "", "14 cells where the header has 13"),
    ] {
        let done = run_alone(penalties(&[&row, &penalty("2")]));
        let [(2, found, reason)] = done.rejected()[..] else { panic!("{row}: {:?}", done.events) };
        assert!(found == column && reason.contains(words), "{row}: {found}: {reason}");
        assert_eq!(done.result.unwrap().added, 1);
    }
    let permit = format!("样例,法人及非法人组织,{COMPANY},1,2,普通,2023-02-01,2023-02-01,2099-12-31,{AUTHORITY},1");
    assert_eq!(run_alone(permits(&permit)).result.unwrap().added, 1);
    for (row, column, words) in [
        (permit.replace("2099-12-31", "2023-01-31"), "有效期至", "before the day"),
        (permit.replace(",1,2,", ",,,"), "行政许可决定书文号", "empty"),
        (format!("{permit}9"), "当前状态", "not one of"),
    ] {
        let done = run_alone(permits(&row));
        assert!(
            matches!(done.rejected()[..], [(2, found, reason)] if found == column && reason.contains(words)),
            "{:?}",
            done.events
        );
    }
    let status = |row: &str| register("REG_STATUS", &format!("scheme,identifier,name,status,since\n{row}\n"));
    let repair = |row: &str| register("REPAIR", &format!("scheme,identifier,document,authority,action,on\n{row}\n"));
    for (file, column, words) in [
        (listing(&format!("crn,{COMPANY},x,1,2026-06-18,,,\n")), "scheme", "unknown identifier scheme"),
        (listing("hk-brn,,x,1,2026-06-18,,,\n"), "identifier", "empty"),
        (listing("hk-brn,99000001,x,1,2026-06-18,,2026-06-17,\n"), "repaired_on", "before the day"),
        (status("hk-brn,99000001,x,dormant,2020-01-21"), "status", "not one of"),
        (repair(&format!("hk-brn,99000001,1,{AUTHORITY},forgotten,2020-01-21")), "action", "not one of"),
    ] {
        let done = run_alone(file);
        assert!(
            matches!(done.rejected()[..], [(3, found, reason)] if found == column && reason.contains(words)),
            "{:?}",
            done.events
        );
    }
}

#[test]
fn a_file_that_breaks_off_is_refused_wherever_it_was_cut() {
    let whole = listing("hk-brn,99000001,x,1,2026-06-18,,,2026-07-01\n");
    assert_eq!(run_alone(&whole).result.unwrap().added, 1);
    let header = whole.find("hk-brn").unwrap();
    for cut in header + 1..whole.len() {
        let store = InMemory::new();
        let done = run(&opened(&store), &whole.as_bytes()[..cut], false);
        assert!(matches!(done.result, Err(IntakeError::Cut { line: 3 })), "{cut}: {:?}", done.events);
        assert!(content(&store).is_empty());
    }
}

#[test]
fn a_rejected_row_is_repeated_without_what_could_identify() {
    let done = run_alone(penalties(&[&penalty("穗样罚〔2026〕1号").replace("2026-06-01", "2026.6.1")]));
    let csv: Vec<_> = done
        .events
        .iter()
        .filter_map(|event| if let Event::RejectedCsv(line) = event { Some(line.as_str()) } else { None })
        .collect();
    assert_eq!(csv, [",,,,,,,罚款,1.000000,2026.6.1,,,一般"]);
    assert!(matches!(&done.events[0], Event::RejectedHeader(header) if header.starts_with("行政相对人名称,")));
    let shifted = run_alone(penalties(&[&format!("{},", penalty("1"))]));
    assert!(shifted.events.contains(&Event::RejectedCsv(",,,,,,,,,,,,,".into())));
}

#[test]
fn every_fault_of_a_whole_file_has_its_words() {
    let wide = "x,".repeat(limits::MAX_COLUMNS) + "x\n";
    let twice = penalties(&[]).replace("法定代表人", "CF_WSH");
    let cell = penalties(&[&penalty("1").replace("样例事实", &"x".repeat(limits::MAX_CELL_BYTES + 1))]);
    let huge = penalties(&[&penalty("1").replace("样例事实", &format!("\"{}\"", "x".repeat(10 << 20)))]);
    let gb18030 = |text: &str| encoding_rs::GB18030.encode(text).0.into_owned();
    let mixed = [penalties(&[]).as_bytes(), &gb18030(&penalty("1"))].concat();
    type Check = fn(&IntakeError) -> bool;
    let cases: [(Vec<u8>, Check); 15] = [
        (Vec::new(), |error| matches!(error, IntakeError::NoHeader)),
        (b"\xef\xbb\xbf\r\n".to_vec(), |error| matches!(error, IntakeError::NoHeader)),
        (register("SER_WAGE", "").into_bytes(), |error| matches!(error, IntakeError::NoHeader)),
        (wide.into_bytes(), |error| matches!(error, IntakeError::TooManyColumns(129))),
        (twice.into_bytes(), |error| matches!(error, IntakeError::ColumnTwice("行政处罚决定书文号"))),
        (
            penalties(&[]).replace("处罚类别", "类别").into_bytes(),
            |error| matches!(error, IntakeError::Layout { nearest: "penalties-2018", missing } if missing == &["处罚类别"]),
        ),
        (
            permits("").replace("XK_ZT", "ZT").into_bytes(),
            |error| matches!(error, IntakeError::Layout { nearest: "permits-2018", missing } if missing == &["当前状态"]),
        ),
        (
            listing("").replace("document", "doc").into_bytes(),
            |error| matches!(error, IntakeError::Layout { nearest: "creditbay-register/1", missing } if missing == &["document"]),
        ),
        (register("SER_ANY", "").into_bytes(), |error| matches!(error, IntakeError::Marker(_))),
        (register("PERMIT", "").replace("register/1", "register/2").into_bytes(), |error| {
            matches!(error, IntakeError::Marker(_))
        }),
        (register("PERMIT", "").replace("as_of=2026", "as_of=26").into_bytes(), |error| matches!(error, IntakeError::Marker(_))),
        (penalties(&["a\0b"]).into_bytes(), |error| matches!(error, IntakeError::Text(text::TextFault::Nul { line: 2 }))),
        (mixed, |error| matches!(error, IntakeError::Text(text::TextFault::Encoding { encoding: "UTF-8", .. }))),
        (cell.into_bytes(), |error| matches!(error, IntakeError::Cell { line: 2, number: 7 })),
        (huge.into_bytes(), |error| matches!(error, IntakeError::Text(text::TextFault::Row { .. }))),
    ];
    for (number, (file, check)) in cases.into_iter().enumerate() {
        let store = InMemory::new();
        let done = run(&opened(&store), &file[..], false);
        let error = done.result.unwrap_err();
        assert!(check(&error), "{number}: {error}");
        assert_eq!(done.events, [Event::Failed { reason: error.to_string(), imported: 0 }]);
        assert!(content(&store).is_empty() && !error.to_string().contains(COMPANY));
    }
}

#[test]
fn what_is_no_csv_by_its_name_or_stops_coming_is_refused() {
    let records = opened(&InMemory::new());
    let named = import(
        io::empty(),
        "名单.XLSX",
        false,
        &Under { pack: &PACK, law: LawOfOrigin::Cn, records: &records },
        NOW,
        &mut |_| {},
    );
    assert!(matches!(named, Err(IntakeError::FileKind { ending: "xlsx" })));
    struct Breaks;
    impl io::Read for Breaks {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    assert!(matches!(run(&records, Breaks, false).result, Err(IntakeError::Read(_))));
    let store = InMemory::new();
    store.fail(0, Failure::NotPersisted);
    let failing = run(&opened(&store), penalties(&[&penalty("1")]).as_bytes(), false);
    assert!(matches!(failing.result, Err(IntakeError::Records(RecordsError::Store(_)))));
}

/// A listing file of any length that is never in memory as a whole.
fn long_listing(rows: usize) -> impl io::Read {
    let line = |number: usize| format!("hk-brn,{:08},x,{number},2026-06-18,,,\n", number / 40);
    let mut lines = std::iter::once(listing("")).chain((0..rows).map(line));
    let mut rest = io::Cursor::new(Vec::new());
    struct Lines<F>(F);
    impl<F: FnMut(&mut [u8]) -> usize> io::Read for Lines<F> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            Ok(self.0(buffer))
        }
    }
    Lines(move |buffer: &mut [u8]| {
        loop {
            match io::Read::read(&mut rest, buffer).unwrap() {
                0 => match lines.next() {
                    Some(line) => rest = io::Cursor::new(line.into_bytes()),
                    None => return 0,
                },
                len => return len,
            }
        }
    })
}

#[test]
fn rows_become_durable_in_batches_and_progress_is_told() {
    let store = InMemory::new();
    let rows = 2 * ROWS_PER_MERGE + 600;
    let done = run(&opened(&store), long_listing(rows), false);
    assert_eq!(done.result.unwrap().added, rows as u64);
    let progress: Vec<_> = done.events.iter().filter(|event| matches!(event, Event::Progress { .. })).collect();
    assert_eq!(progress[..2], [&Event::Progress { rows: 1000 }, &Event::Progress { rows: 2000 }]);
    assert_eq!((progress.len(), store.commits()), (rows / 1000, 4)); // three batches and the register
    let reopened = opened(&store.reopen());
    assert_eq!(reopened.subjects(), rows.div_ceil(40) as u64);
    let second = InMemory::new();
    second.fail(2, Failure::NotPersisted);
    let failed = run(&opened(&second), long_listing(rows), false);
    let imported = 2 * ROWS_PER_MERGE as u64;
    assert!(matches!(failed.events.last(), Some(Event::Failed { imported: said, .. }) if *said == imported));
    assert!(opened(&second.reopen()).registers().is_empty());
}

#[test]
fn a_strict_import_takes_all_or_nothing() {
    let store = InMemory::new();
    let records = opened(&store);
    let (good, bad) = (penalty("1"), penalty("2").replace("2026-06-01", "待定"));
    let person = penalty("3").replace(COMPANY, PERSON);
    let done = run(&records, penalties(&[&good, &bad, &person]).as_bytes(), true);
    assert!(matches!(done.result, Err(IntakeError::Strict(1))));
    assert!(content(&store).is_empty() && done.rejected().len() == 1);
    let summary = run(&records, penalties(&[&good, &good, &person]).as_bytes(), true).result.unwrap();
    assert_eq!((summary.added, summary.duplicates, summary.persons), (1, 1, 1));
    let long = run(&records, long_listing(MAX_STRICT_ROWS + 1), true);
    assert!(matches!(long.result, Err(IntakeError::TooManyForStrict)));
    assert_eq!(records.subjects(), 1);
}

#[test]
fn a_register_is_synchronised_as_of_the_end_of_its_day_and_never_in_the_future() {
    let records = opened(&InMemory::new());
    let end = Millis(1_793_548_799_999); // 2026-11-01T15:59:59.999Z
    assert_eq!(run(&records, listing("").as_bytes(), false).result.unwrap().synchronised, Some(end));
    let future = listing("").replace("2026-11-01", "2027-11-01");
    assert_eq!(run(&records, future.as_bytes(), false).result.unwrap().synchronised, Some(NOW));
    let all_bad = penalties(&[&penalty("1").replace("2026-06-01", "待定")]);
    assert_eq!(run(&records, all_bad.as_bytes(), false).result.unwrap().synchronised, None);
    let repairs = register("REPAIR", "scheme,identifier,document,authority,action,on\n");
    assert_eq!(run(&records, repairs.as_bytes(), false).result.unwrap().synchronised, None);
    assert_eq!(records.registers().len(), 1);
    assert_eq!(end.to_string(), "2026-11-01T15:59:59.999Z");
}

#[test]
fn the_lines_are_those_of_the_admin_door() {
    let done =
        run_alone(listing("hk-brn,99000001,x,1,2026-06-18,,,\nhk-brn,99000001,x,1,soon,,,\nhkid,A123456(3),x,1,2026-06-18,,,\n"));
    let lines: Vec<_> = done.said().lines().map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            r#"{"rejected_header":"scheme,identifier,name,document,listed_on,delisted_on,repaired_on,withdrawn_on"}"#,
            r#"{"rejected":{"row":4,"column":"listed_on","reason":"not a date; write yyyy-MM-dd or yyyy/MM/dd"}}"#,
            r#"{"rejected_csv":"hk-brn,,,,soon,,,"}"#,
            r#"{"person":{"row":5}}"#,
            r#"{"done":{"layout":"creditbay-register/1","register":"SER_WAGE","rows":3,"good":1,"added":1,"replaced":0,"unchanged":0,"duplicates":0,"rejected":1,"persons":1,"unmatched":0,"synchronised":"2026-11-01T15:59:59.999Z"}}"#,
        ]
    );
}

#[test]
fn a_repair_of_what_is_not_here_is_kept_and_told_by_its_row_alone() {
    let records = opened(&InMemory::new());
    run(&records, penalties(&[&penalty("1")]).as_bytes(), false).result.unwrap();
    let repair = |document: &str| format!("uscc,{COMPANY},{document},{AUTHORITY},repaired,2026-08-20\n");
    let file = format!("scheme,identifier,document,authority,action,on\n{}{}{}", repair("1"), repair("9"), repair("2"));
    let done = run(&records, register("REPAIR", &file).as_bytes(), false);
    let told =
        |run: &Run| -> Vec<_> { run.events.iter().filter(|event| matches!(event, Event::Unmatched { .. })).cloned().collect() };
    assert_eq!(told(&done), [Event::Unmatched { row: 4 }, Event::Unmatched { row: 5 }]);
    assert!(done.said().contains("{\"unmatched\":{\"row\":4}}\n") && !done.said().contains(COMPANY));
    let summary = done.result.unwrap();
    assert_eq!((summary.rows, summary.added, summary.unmatched), (3, 3, 2));

    // The penalty comes, and with the next import of the repairs one row less is told.
    run(&records, penalties(&[&penalty("2")]).as_bytes(), false).result.unwrap();
    let again = run(&records, register("REPAIR", &file).as_bytes(), false);
    assert_eq!(told(&again), [Event::Unmatched { row: 4 }]);
    assert_eq!(again.result.unwrap().unchanged, 3);
    let repaired = |record: &Record| matches!(record.fact, Fact::Penalty { repaired_on: Some(_), .. });
    let of_company = records.of(&subject(COMPANY)).unwrap();
    assert!(of_company.len() == 2 && of_company.iter().all(repaired));
}

#[test]
fn nothing_of_a_file_is_imported_that_goes_wrong_at_its_end() {
    let good: String = (0..600).map(|number| penalty(&number.to_string()) + "\n").collect();
    let whole = penalties(&[]) + &good;
    let far = |end: &[u8]| [whole.as_bytes(), end].concat();
    let long = penalty("x").replace("样例事实", &format!("\"{}\"", "x".repeat(10 << 20)));
    let bad_encoding = encoding_rs::GB18030.encode("处罚决定,样例\n").0.into_owned();
    for (file, words) in [
        (far(b"a\0b\n"), "zero byte"),
        (far(&bad_encoding), "not UTF-8"),
        (far(long.as_bytes()), "longer than"),
        (far(penalty("x").as_bytes()), "ends within the row"),
        (far(b"\"never closed\n"), "ends within the row"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = InMemory::new();
        let records = opened(&store);
        let under = Under { pack: &PACK, law: LawOfOrigin::Cn, records: &records };
        let mut events = Vec::new();
        let mut import = |file: &[u8]| {
            let mut report = |event| events.push(event);
            let taken = Spool::take(file, folder.path(), &Entropy::seeded(3));
            import_whole(taken, "file.csv", false, &under, NOW, &mut report)
        };
        let error = import(&file).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
        assert_eq!(import(whole.as_bytes()).unwrap().added, 600);
        assert_eq!(events[0], Event::Failed { reason: error, imported: 0 });
    }
}
