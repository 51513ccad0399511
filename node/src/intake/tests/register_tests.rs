//! Registers beyond lists and permits, both layouts of 双公示, and what each takes for a fault.

use creditbay_configs::rules::record::{CommitmentState, Report};
use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::domains::Domains;

use super::*;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn graded(name: &str, rows: &str) -> String {
    register(name, &format!("scheme,identifier,name,document,grade,rated_on,valid_until,withdrawn_on\n{rows}"))
}

fn sectors(rows: &str) -> String {
    register("QUAL_GRADE", &format!("scheme,identifier,name,document,sector,grade,rated_on,valid_until,withdrawn_on\n{rows}"))
}

fn commitments(rows: &str) -> String {
    register("COMMIT", &format!("scheme,identifier,name,document,made_on,state,withdrawn_on\n{rows}"))
}

fn reports(name: &str, rows: &str) -> String {
    register(name, &format!("scheme,identifier,name,type,digest,domains,from,issued_on,valid_until,withdrawn_on\n{rows}"))
}

fn facts(records: &Records) -> Vec<Fact> {
    records.of(&subject(COMPANY)).unwrap().into_iter().map(|record| record.fact).collect()
}

fn grade(rank: u8, rated_on: &str) -> Fact {
    Fact::Grade { rank, rated_on: day(rated_on), valid_until: None, withdrawn_on: None, contested: false }
}

#[test]
fn a_grade_is_its_rank_in_the_packs_scale() {
    for (law, name, written, rank) in [
        (LawOfOrigin::Cn, "TAX_GRADE", "A", 4),
        (LawOfOrigin::Cn, "TAX_GRADE", "M级", 2),
        (LawOfOrigin::Cn, "AEO_GRADE", "高级认证企业", 4),
        (LawOfOrigin::Cn, "AEO_GRADE", "严重失信", 0),
        (LawOfOrigin::Cn, "ENV_GRADE", "蓝", 2),
        (LawOfOrigin::Cn, "LABOR_GRADE", "Ｂ", 1),
        (LawOfOrigin::Cn, "PUB_GRADE", "D", 0),
        (LawOfOrigin::Hk, "AEO_GRADE", "Tier 2", 1),
        (LawOfOrigin::Mo, "AEO_GRADE", "A", 1),
    ] {
        let records = opened(&InMemory::new());
        let file = graded(name, &format!("uscc,{COMPANY},x,1,{written},2026-05-01,,\n"));
        let done = run_under(law, &records, file.as_bytes(), true);
        assert_eq!(done.result.unwrap().register, name);
        assert_eq!(facts(&records), [grade(rank, "2026-05-01")], "{name} {written}");
    }
}

#[test]
fn of_ratings_the_newest_is_kept_whichever_comes_first_and_each_sector_has_its_own() {
    let years = ["2026,B,2026-05-01", "2025,A,2025-05-01"].map(|row| row.split(',').map(str::to_owned).collect::<Vec<_>>());
    for order in [[0, 1], [1, 0]] {
        let records = opened(&InMemory::new());
        let row = |year: &Vec<String>| format!("uscc,{COMPANY},x,{},{},{},,\n", year[0], year[1], year[2]);
        let file = graded("TAX_GRADE", &order.map(|year| row(&years[year])).concat());
        let summary = run(&records, file.as_bytes(), true).result.unwrap();
        assert_eq!((summary.rows, summary.rejected), (2, 0));
        assert_eq!(facts(&records), [grade(3, "2026-05-01")]);
        let unrated = graded("TAX_GRADE", &format!("uscc,{COMPANY},x,3,不评定,2026-06-01,,\n"));
        assert_eq!(run(&records, unrated.as_bytes(), true).result.unwrap().replaced, 1);
        assert_eq!(facts(&records), [Fact::Unrated { on: day("2026-06-01") }]);
    }
    let records = opened(&InMemory::new());
    let rows = format!("uscc,{COMPANY},x,1,food,A,2026-05-01,,\nuscc,{COMPANY},x,2,fire,C,2025-05-01,,\n");
    run(&records, sectors(&rows).as_bytes(), true).result.unwrap();
    assert_eq!(facts(&records), [grade(3, "2026-05-01"), grade(1, "2025-05-01")]);
}

#[test]
fn a_commitment_keeps_its_state_and_a_later_file_changes_it() {
    let records = opened(&InMemory::new());
    for (written, state) in
        [("pending", CommitmentState::Pending), ("fulfilled", CommitmentState::Fulfilled), ("broken", CommitmentState::Broken)]
    {
        let file = commitments(&format!("uscc,{COMPANY},x,1,2026-03-02,{written},\n"));
        run(&records, file.as_bytes(), true).result.unwrap();
        assert_eq!(facts(&records), [Fact::Commitment { made_on: day("2026-03-02"), state, withdrawn_on: None }]);
    }
}

#[test]
fn a_report_is_kept_under_its_digest_with_what_it_speaks_for() {
    let records = opened(&InMemory::new());
    let [one, two, three] = [1, 2, 3].map(|byte| Digest([byte; 32]));
    let files = [
        reports("NO_VIOL_REPORT", &format!("uscc,{COMPANY},x,,{one},1|38,2023-09-01,2026-09-01,2026-12-01,\n")),
        reports("REPORT_VERIFY", &format!(",,,COURT_DISHONEST,{two},,2021-09-01,2026-09-01,2026-12-01,2026-10-09\n")),
        reports("RES_INTEGRITY", &format!(",,,,{},,2021-09-01,2026-09-01,2026-12-01,\n", three.to_string().to_uppercase())),
    ];
    for file in &files {
        assert_eq!(run(&records, file.as_bytes(), true).result.unwrap().added, 1);
        assert_eq!(run(&records, file.as_bytes(), true).result.unwrap().unchanged, 1);
    }
    let company = subject(COMPANY);
    let of_company = Report {
        of: AttestationType::NoViolReport,
        about: Some(records.tag(&company)),
        domains: Domains::of(&[1, 38]).unwrap(),
        from: day("2023-09-01"),
        issued_on: day("2026-09-01"),
        valid_until: day("2026-12-01"),
        withdrawn_on: None,
    };
    assert_eq!(records.report(&one, Some(&company)).unwrap(), Some(of_company));
    let of_person = records.report(&two, None).unwrap().unwrap();
    assert_eq!((of_person.of, of_person.about), (AttestationType::CourtDishonest, None));
    assert_eq!(of_person.withdrawn_on, Some(day("2026-10-09")));
    assert_eq!(records.report(&three, None).unwrap().unwrap().of, AttestationType::ResIntegrity);
    let synchronised: Vec<_> = records.registers().iter().map(|entry| entry.register.as_str()).collect();
    assert_eq!(synchronised, ["NO_VIOL_REPORT", "RES_INTEGRITY", "REPORT_VERIFY"], "and no list");
}

#[test]
fn an_objection_marks_its_record_until_it_is_decided() {
    let records = opened(&InMemory::new());
    run(&records, listing(&format!("uscc,{COMPANY},x,7,2026-06-18,,,\n")).as_bytes(), true).result.unwrap();
    let object = |action: &str, on: &str| {
        let row = format!("uscc,{COMPANY},7,{AUTHORITY},{action},{on}\n");
        let file = register("OBJECTION", &format!("scheme,identifier,document,authority,action,on\n{row}"));
        let summary = run(&records, file.as_bytes(), true).result.unwrap();
        assert_eq!((summary.register, summary.unmatched, summary.synchronised), ("OBJECTION", 0, None));
        let [Fact::Listing { contested, withdrawn_on, .. }] = facts(&records)[..] else { panic!() };
        (contested, withdrawn_on)
    };
    assert_eq!(object("raised", "2026-07-01"), (true, None));
    assert_eq!(object("rejected", "2026-07-03"), (false, None));
    assert_eq!(object("raised", "2026-07-01"), (false, None), "an older file again");
    assert_eq!(object("raised", "2026-08-01"), (true, None));
    assert_eq!(object("upheld", "2026-08-04"), (false, Some(day("2026-08-04"))));
}

#[test]
fn the_layout_of_2016_is_read_by_code_and_by_name() {
    let row = |document: &str, state: &str| {
        format!(
            "{document},样例处罚,吊销许可证件,,样例事由,样例,样例有限公司,{COMPANY},,,,,样例代表,结果,2024-06-01,样例局,{state},440100,2024/07/01,\n"
        )
    };
    let codes = "CF_WSH,CF_CFMC,CF_CFLB1,CF_CFLB2,CF_SY,CF_YJ,CF_XDR_MC,CF_XDR_SHXYM,CF_XDR_ZDM,CF_XDR_GSDJ,CF_XDR_SWDJ,CF_XDR_SFZ,CF_FR,CF_JG,CF_JDRQ,CF_XZJG,CF_ZT,DFBM,SJC,BZ";
    let names = "行政处罚决定书文号,处罚名称,处罚类别1,处罚类别2,处罚事由,处罚依据,行政相对人名称,行政相对人代码_1（统一社会信用代码）,行政相对人代码_2(组织机构代码),行政相对人代码_3(工商登记码),行政相对人代码_4(税务登记号),行政相对人代码_5(居民身份证号),法定代表人姓名,处罚结果,处罚决定日期,处罚机关,当前状态,地方编码,数据更新时间戳,备注";
    for header in [codes, names] {
        let records = opened(&InMemory::new());
        let person = row("5", "0").replace(&format!("{COMPANY},,,,,"), &format!(",,,,{PERSON},"));
        let rows = [row("1", "0"), row("2", "1"), row("3", "2"), row("4", "3"), person, row("6", "4")].concat();
        let done = run(&records, format!("{header}\n{rows}").as_bytes(), false);
        let summary = done.result.as_ref().unwrap();
        assert_eq!(
            (summary.layout, summary.added, summary.persons, summary.rejected),
            ("penalties-2016", 4, 1, 1),
            "{:?}",
            done.events
        );
        let withdrawn = Some(day("2024-06-01"));
        for (fact, expected) in facts(&records).iter().zip([(None, false), (withdrawn, false), (None, true), (None, false)]) {
            let Fact::Penalty { severity, severity_derived, withdrawn_on, contested, published_until, .. } = fact else {
                panic!()
            };
            assert_eq!((*severity, *severity_derived, *published_until), (Severity::Serious, true, day("2027-06-01")));
            assert_eq!((*withdrawn_on, *contested), expected);
        }
        assert_eq!(records.persons().rows(), 1);
    }
    let permit = |state: &str, until: &str| {
        format!(
            "XK_WSH,XK_XMMC,XK_SPLB,XK_XDR,XK_XDR_SHXYM,XK_XDR_SFZ,XK_JDRQ,XK_JZQ,XK_XZJG,XK_ZT\n1,样例,普通,x,{COMPANY},,2024-06-01,{until},样例局,{state}\n"
        )
    };
    for (state, withdrawn_on) in [("0", None), ("1", Some(day("2024-06-01"))), ("2", None), ("3", Some(day("2024-06-01")))] {
        let records = opened(&InMemory::new());
        run(&records, permit(state, "2099-12-31").as_bytes(), true).result.unwrap();
        let (valid_from, valid_until) = (day("2024-06-01"), day("2099-12-31"));
        assert_eq!(facts(&records), [Fact::Permit { category: 1, valid_from, valid_until, withdrawn_on }], "{state}");
    }
    let early = run_alone(permit("0", "2024-05-31"));
    assert!(matches!(early.rejected()[..], [(2, "许可截止期", reason)] if reason.contains("before the day")));
}

#[test]
fn an_envelope_of_2016_says_what_the_same_rows_say_as_csv() {
    let codes = "CF_WSH,CF_CFLB1,CF_XDR_SHXYM,CF_XDR_SFZ,CF_JDRQ,CF_XZJG,CF_ZT";
    let rows = [
        format!("样罚〔2024〕1号,吊销许可证件,{COMPANY},,2024-06-01,样例局,0"),
        format!("样罚〔2024〕2号,警告,{COMPANY},,2024-06-02,样例局,1"),
        format!("样罚〔2024〕3号,警告,,{PERSON},2024-06-03,样例局,0"),
        format!("样罚〔2024〕4号,警告,{COMPANY},,待定,样例局,0"),
    ];
    let fields: String = rows
        .iter()
        .map(|row| {
            let element = |(name, cell): (&str, &str)| format!("<{name}>{cell}</{name}>");
            format!("<fields>{}</fields>\n", codes.split(',').zip(row.split(',')).map(element).collect::<String>())
        })
        .collect();
    let envelope = format!(
        "<?xml version=\"1.0\" encoding=\"gbk\"?>\n<ExchangeMessage><Header><sender>33</sender></Header><Body>\n{fields}</Body></ExchangeMessage>"
    );
    let import_as = |name: &str, bytes: &[u8]| {
        let (store, mut events) = (InMemory::new(), Vec::new());
        let records = opened(&store);
        let under = Under { pack: &PACK, law: LawOfOrigin::Cn, records: &records };
        let summary = import(bytes, name, false, &under, NOW, &mut |event| events.push(event)).unwrap();
        let rejected =
            Run { result: Ok(summary.clone()), events }.rejected().iter().map(|(_, column, _)| column.to_string()).collect();
        (summary, facts(&records), records.persons().rows(), rejected)
    };
    let (gb18030, _, _) = encoding_rs::GB18030.encode(&envelope);
    let as_csv: (_, _, _, Vec<String>) = import_as("file.csv", format!("{codes}\n{}\n", rows.join("\n")).as_bytes());
    assert_eq!((as_csv.0.added, as_csv.0.persons, as_csv.0.rejected, as_csv.1.len()), (2, 1, 1, 2));
    assert_eq!(import_as("file.xml", envelope.as_bytes()), as_csv);
    assert_eq!(import_as("FILE.XML", &gb18030), as_csv);
}

#[test]
fn a_row_about_a_person_leaves_register_days_and_severity_under_a_pseudonym() {
    let store = InMemory::new();
    let records = opened(&store);
    let row = format!("某甲,自然人,,,{PERSON},穗样罚〔2026〕1号,样例事实,警告,,2026-06-01,,{AUTHORITY},");
    let copy = row.replace(PERSON, &PERSON.to_lowercase()).replace('〔', "[").replace('〕', "]");
    let other = row.replace("1号", "2号");
    let summary = run(&records, penalties(&[&row, &copy, &other]).as_bytes(), true).result.unwrap();
    assert_eq!((summary.persons, summary.good, summary.duplicates, records.persons().rows()), (3, 0, 0, 2));
    run(&records, listing(&format!("ric,{PERSON},某甲,9,2026-06-18,,,\n")).as_bytes(), true).result.unwrap();
    assert_eq!((records.persons().rows(), records.subjects()), (3, 0));
    for broken in [row.replace("2026-06-01", "待定"), row.replace(PERSON, ""), row.replace(AUTHORITY, "")] {
        assert_eq!(run(&records, penalties(&[&broken]).as_bytes(), true).result.unwrap().persons, 1);
    }
    assert_eq!(records.persons().rows(), 3, "of a row that is not whole nothing is kept");
    let held = [Tree::Records, Tree::Persons].map(|tree| store.range(tree, &[], &[0xff], usize::MAX).unwrap()).concat();
    let bytes: Vec<u8> = held.into_iter().flat_map(|(key, value)| [key, value].concat()).collect();
    for clear in [PERSON, "某甲", "穗样罚〔2026〕1号"] {
        assert!(!bytes.windows(clear.len()).any(|window| window == clear.as_bytes()), "{clear}");
    }
}

#[test]
fn a_person_in_a_register_of_companies_is_rejected_and_nothing_of_the_row_kept() {
    let digest = Digest([1; 32]);
    for file in [
        register("REG_STATUS", &format!("scheme,identifier,name,status,since\nric,{PERSON},某甲,active,2020-01-21\n")),
        graded("TAX_GRADE", &format!("uscc,{PERSON},某甲,1,A,2026-05-01,,\n")),
        commitments("hkid,A123456(3),某甲,1,2026-03-02,pending,\n"),
        reports("REPORT_VERIFY", &format!("ric,{PERSON},某甲,,{digest},,2021-09-01,2026-09-01,2026-12-01,\n")),
    ] {
        let store = InMemory::new();
        let done = run(&opened(&store), file.as_bytes(), false);
        assert!(
            matches!(done.rejected()[..], [(3, "identifier", reason)] if reason.contains("a natural person's row in a register of companies")),
            "{:?}",
            done.events
        );
        assert!(content(&store).is_empty() && store.range(Tree::Persons, &[], &[0xff], 9).unwrap().is_empty());
        assert!(!done.said().contains(PERSON) && !done.said().contains("A123456"));
    }
}

#[test]
fn every_further_reason_to_reject_a_row_has_its_words() {
    let digest = Digest([1; 32]).to_string();
    let report = |name: &str, cells: &str| reports(name, &format!(",,,{cells}\n"));
    let good = format!(",{digest},,2021-09-01,2026-09-01,2026-12-01,");
    assert_eq!(run_alone(report("REPORT_VERIFY", &good)).result.unwrap().added, 1);
    for (file, column, words) in [
        (graded("TAX_GRADE", &format!("uscc,{COMPANY},x,1,E,2026-05-01,,\n")), "grade", "no grade of this register's scale"),
        (graded("TAX_GRADE", &format!("uscc,{COMPANY},x,1,,2026-05-01,,\n")), "grade", "empty"),
        (graded("ENV_GRADE", &format!("uscc,{COMPANY},x,1,黑,2026-05-01,,\n")), "grade", "no grade of this register's scale"),
        (graded("TAX_GRADE", &format!("uscc,{COMPANY},x,1,A,2026-05-01,2026-04-30,\n")), "valid_until", "before the day"),
        (sectors(&format!("uscc,{COMPANY},x,1,toys,A,2026-05-01,,\n")), "sector", "not one of"),
        (commitments(&format!("uscc,{COMPANY},x,1,2026-03-02,forgotten,\n")), "state", "not one of"),
        (report("REPORT_VERIFY", &good.replace(&digest, &digest[1..])), "digest", "not a SHA-256"),
        (report("REPORT_VERIFY", &good.replace(&digest, &digest.replace('1', "g"))), "digest", "not a SHA-256"),
        (report("REPORT_VERIFY", &format!("PENALTY{good}")), "type", "no type that reports of this register answer"),
        (report("RES_INTEGRITY", &format!("COURT_DISHONEST{good}")), "type", "no type that reports of this register answer"),
        (report("REPORT_VERIFY", &good.replace(",,2021", ",1,2021")), "domains", "not the domains"),
        (report("NO_VIOL_REPORT", &good), "domains", "not the domains"),
        (report("NO_VIOL_REPORT", &good.replace(",,2021", ",1|39,2021")), "domains", "not the domains"),
        (report("REPORT_VERIFY", &good.replace("2021-09-01", "2026-09-02")), "issued_on", "before the day"),
        (report("REPORT_VERIFY", &good.replace("2026-12-01", "")), "valid_until", "empty"),
    ] {
        let store = InMemory::new();
        let done = run(&opened(&store), file.as_bytes(), false);
        assert!(
            matches!(done.rejected()[..], [(3, found, reason)] if found == column && reason.contains(words)),
            "{file}: {:?}",
            done.events
        );
        assert!(content(&store).is_empty() && !done.said().contains(&digest));
    }
}

#[test]
fn ratings_without_a_scale_under_this_law_are_no_file_for_this_node() {
    let store = InMemory::new();
    let file = graded("TAX_GRADE", &format!("uscc,{COMPANY},x,1,A,2026-05-01,,\n"));
    let done = run_under(LawOfOrigin::Hk, &opened(&store), file.as_bytes(), false);
    let no_scale = IntakeError::NoScale { register: AttestationType::TaxGrade, law: LawOfOrigin::Hk };
    assert_eq!(done.result.unwrap_err().to_string(), no_scale.to_string());
    assert!(content(&store).is_empty());
}
