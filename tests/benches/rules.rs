//! What the rules cost: a decision, and a predicate over a subject's records, each with its ratio to a SHA-256 of 1 KiB in the same run.
//!
//! `cargo bench -p creditbay-tests --bench rules`. Goals: a decision 5 us, a predicate over 20 records 20 us. Trust the ratios of one run,
//! not the times of two. Not here: a limit that fails.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, Result};
use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::decide::{Question, decide, explain, require};
use creditbay_configs::rules::evaluate::{Facts, evaluate};
use creditbay_configs::rules::phrase::parse;
use creditbay_configs::rules::record::{Fact, Record};
use creditbay_configs::rules::standing::Standing;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::answer::Coverage;
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::predicate::{
    AttestationType, Lane, LawOfOrigin, LegalBasis, Predicate, Predicates, Purpose, RegistrationStatus, Severity,
};
use creditbay_protocol::terms::Terms;

const PACK: &str = include_str!("../../configs/samples/rules/gba-2026.1.toml");
/// 2026-11-23T04:00:00Z.
const NOON: Millis = Millis(1_795_406_400_000);
/// Calls of one round, and rounds of which the median counts.
const CALLS: u32 = 2_000;
const ROUNDS: usize = 31;

fn main() -> Result<()> {
    let pack = RulePack::parse("gba-2026.1.toml", PACK)?;
    let kilobyte = [7u8; 1024];
    let measures: Vec<(&str, f64)> = vec![
        (
            "SHA-256 of 1 KiB",
            median(|| {
                black_box(Digest::of(black_box(&kilobyte)));
            }),
        ),
        ("a decision, 1 predicate", decision(&pack, &["not_listed(SER_ANY, 36)"])?),
        ("a decision, 8 predicates", decision(&pack, &EIGHT)?),
        ("an explanation, 1 predicate", explanation(&pack, "not_listed(SER_ANY, 36)")?),
        ("not_listed(SER_ANY, 36), 20 records", predicate(&pack, "not_listed(SER_ANY, 36)")?),
        ("count_le(PENALTY, serious, 36, 0), 20 records", predicate(&pack, "count_le(PENALTY, serious, 36, 0)")?),
        ("exists_valid(PERMIT), 20 records", predicate(&pack, "exists_valid(PERMIT)")?),
        ("status_in(REG_STATUS, active), 20 records", predicate(&pack, "status_in(REG_STATUS, active)")?),
    ];
    let hash = measures[0].1;
    for (name, micros) in &measures {
        println!("  {name:<46} {micros:>8.3} us   {:>6.2} x SHA-256 of 1 KiB", micros / hash);
    }
    Ok(())
}

const EIGHT: [&str; 8] = [
    "status_in(REG_STATUS, active)",
    "not_listed(ABN_LIST)",
    "not_listed(SER_TAX, 36)",
    "not_listed(SER_ANY, 36)",
    "not_listed(COURT_DISHONEST, 60)",
    "exists_valid(PERMIT)",
    "band_at_least(AEO_GRADE, 3, 2)",
    "not_listed(INSOLVENCY, 60)",
];

/// Microseconds of one call: the median of the rounds.
fn median(mut call: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            (0..CALLS).for_each(|_| call());
            began.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn read(texts: &[&str]) -> Result<Vec<Predicate>> {
    texts.iter().map(|text| Ok(parse(text)?)).collect()
}

fn terms(pack: &RulePack, predicates: Vec<Predicate>) -> Result<Terms> {
    Ok(Terms {
        asker: Region::new("hk")?,
        issuer: Region::new("gz")?,
        organisation: OrganisationId::new("bank-a")?,
        purpose: Purpose::Fin,
        subject_kind: SubjectKind::Entity,
        lane: Lane::Public,
        legal_basis: LegalBasis::CnPub,
        pack: pack.digest(),
        predicates: Predicates::new(predicates).context("one to eight predicates")?,
        with_digest: false,
        authorisation: None,
        portfolio: None,
    })
}

fn decision(pack: &RulePack, texts: &[&str]) -> Result<f64> {
    let (standing, terms) = (Standing { regulators: false }, terms(pack, read(texts)?)?);
    decide(pack, standing, &terms).map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
    Ok(median(|| {
        let _ = black_box(decide(pack, standing, black_box(&terms)));
    }))
}

fn explanation(pack: &RulePack, text: &str) -> Result<f64> {
    let (predicates, terms) = (read(&[text])?, terms(pack, read(&[text])?)?);
    let question = Question {
        asker: terms.asker,
        organisation: terms.organisation,
        standing: Standing { regulators: false },
        issuer: terms.issuer,
        purpose: terms.purpose,
        subject_kind: terms.subject_kind,
        with_digest: false,
        predicates: &predicates,
    };
    require(pack, &question).map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
    Ok(median(|| drop(black_box(explain(pack, black_box(&question))))))
}

fn predicate(pack: &RulePack, text: &str) -> Result<f64> {
    let (asked, records) = (read(&[text])?, records(pack)?);
    let registers: Vec<Coverage> = (AttestationType::ALL.iter())
        .filter(|of| **of != AttestationType::SerAny)
        .map(|register| Coverage { register: *register, synchronised: NOON })
        .collect();
    let judge = || {
        evaluate(
            pack,
            black_box(&asked),
            LawOfOrigin::Cn,
            black_box(&Facts { records: &records, report: None }),
            &registers,
            NOON,
        )
    };
    println!("  {text} is {:?}", judge().verdicts[0].truth);
    Ok(median(|| drop(black_box(judge()))))
}

/// A registration, six listings, seven penalties and six permits, of which some are over.
fn records(pack: &RulePack) -> Result<Vec<Record>> {
    let day = |text: &str| text.parse::<Day>();
    let mut facts =
        vec![(AttestationType::RegStatus, Fact::Registration { status: RegistrationStatus::Active, since: day("2015-01-05")? })];
    for (register, listed_on) in [
        (AttestationType::AbnList, "2021-07-02"),
        (AttestationType::SerTax, "2020-06-18"),
        (AttestationType::SerTax, "2022-06-18"),
        (AttestationType::SerWage, "2023-11-01"),
        (AttestationType::SerSafety, "2019-03-05"),
        (AttestationType::SerCustoms, "2022-09-30"),
    ] {
        let listed_on = day(listed_on)?;
        facts.push((
            register,
            Fact::Listing { listed_on, delisted_on: None, repaired_on: None, withdrawn_on: None, contested: false },
        ));
    }
    for (year, severity) in (2020..2027).zip([Severity::General, Severity::Minor].into_iter().cycle()) {
        let decided_on = day(&format!("{year}-05-10"))?;
        let fact = Fact::Penalty {
            decided_on,
            severity,
            severity_derived: false,
            published_until: pack.regimes().publication_end(decided_on, severity, None),
            repaired_on: None,
            withdrawn_on: None,
            contested: false,
        };
        facts.push((AttestationType::Penalty, fact));
    }
    for year in 2018..2024 {
        let (valid_from, valid_until) = (day(&format!("{year}-02-01"))?, day(&format!("{}-01-31", year + 3))?);
        facts.push((AttestationType::Permit, Fact::Permit { category: 1, valid_from, valid_until, withdrawn_on: None }));
    }
    let record = |(number, (register, fact)): (usize, (AttestationType, Fact))| Record {
        register,
        key: Digest::of(&number.to_le_bytes()),
        fact,
    };
    let records: Vec<Record> = facts.into_iter().enumerate().map(record).collect();
    anyhow::ensure!(records.len() == 20, "{} records", records.len());
    Ok(records)
}
