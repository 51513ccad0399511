//! The bundled samples from file to answer: every question of `expected.json`, of every lane, without the way between two nodes.

use creditbay_configs::rules::evaluate::{Facts, evaluate};
use creditbay_crypto::hash::Digest;
use creditbay_protocol::predicate::Predicate;

use super::*;

struct City {
    law: LawOfOrigin,
    records: Records,
}

fn city(name: &str, law: LawOfOrigin) -> City {
    let records = opened(&InMemory::new());
    let mut files: Vec<_> =
        std::fs::read_dir(samples().join("records").join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let done = run_under(law, &records, std::fs::File::open(&file).unwrap(), false);
        assert!(done.result.is_ok(), "{}: {:?}", file.display(), done.result);
    }
    City { law, records }
}

fn outcome(city: &City, question: &serde_json::Value) -> String {
    let predicate: Predicate = serde_json::from_value(question["predicate"].clone()).unwrap();
    let subject = &question["subject"];
    let subject = match (subject["scheme"].as_str(), subject["value"].as_str()) {
        (Some(scheme), Some(value)) => match Identifier::parse(scheme.parse().unwrap(), value) {
            Ok(subject) => Some(subject),
            Err(_) => return "DECLINED".to_owned(),
        },
        _ => None,
    };
    let records = subject.as_ref().map_or(Vec::new(), |subject| city.records.of(subject).unwrap());
    let digest = question["digest"].as_str().map(|hex| Digest::from_hex(hex).unwrap());
    let report = digest.and_then(|file| city.records.report(&file, subject.as_ref()).unwrap());
    let facts = Facts { records: &records, report: report.as_ref() };
    evaluate(&PACK, &[predicate], city.law, &facts, &city.records.registers(), NOW).verdicts[0].truth.to_string()
}

#[test]
fn every_question_of_the_samples_has_the_answer_that_an_independent_script_derives() {
    let expected: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(samples().join("expected.json")).unwrap()).unwrap();
    let laws = [("gz", LawOfOrigin::Cn), ("sz", LawOfOrigin::Cn), ("hk", LawOfOrigin::Hk), ("mo", LawOfOrigin::Mo)];
    let cities: BTreeMap<_, _> = laws.into_iter().map(|(name, law)| (name, city(name, law))).collect();
    let (mut wrong, mut asked) = (Vec::new(), BTreeMap::<&str, usize>::new());
    for question in ["questions", "further"].iter().flat_map(|key| expected[key].as_array().unwrap()) {
        let found = outcome(&cities[question["issuer"].as_str().unwrap()], question);
        *asked.entry(question["lane"].as_str().unwrap_or("P")).or_default() += 1;
        if question["expect"] != found.as_str() {
            wrong.push(format!("{}: {found}, not {}", question["id"], question["expect"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked["P"] >= 90 && asked["A"] >= 15 && asked["C"] >= 10 && asked["R"] >= 3, "{asked:?}");
}

#[test]
fn rows_about_persons_are_kept_apart_and_none_can_be_asked_about() {
    let gz = city("gz", LawOfOrigin::Cn);
    assert!(gz.records.persons().rows() >= 15, "{}", gz.records.persons().rows());
    for register in ["COURT_DISHONEST", "PENALTY", "PERMIT"].map(|name| AttestationType::from_name(name).unwrap()) {
        assert!(gz.records.rows()[&register] > 0);
    }
}
