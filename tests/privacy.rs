//! What identifies a subject is written nowhere in clear: not in a store, a log, a trace, a metric or an error (promises 3, 4 and 8).

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_protocol::identifier::{Identifier, Scheme, recognise_person};
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::wire;
use harness::http::Door;
use harness::network::{Network, files_below, files_with};
use harness::samples::{Expected, copy_records};
use serde_json::json;

/// Everything in the sample files that says who or which decision: identifiers of companies and of people, names, document numbers.
fn telling_cells(files: &[PathBuf]) -> (Vec<String>, Vec<String>) {
    let (mut companies, mut persons) = (Vec::new(), Vec::new());
    for file in files {
        let bytes = std::fs::read(file).unwrap();
        for cell in String::from_utf8_lossy(&bytes).split([',', '\n', '\r']) {
            let cell = cell.trim_matches(['"', ' ', '\u{feff}']);
            if recognise_person(cell).is_some() {
                persons.push(cell.to_owned());
            } else if cell.contains("样例") && cell.ends_with("公司")
                || cell.contains('〔')
                || cell.starts_with("91") && cell.len() == 18
                || Digest::from_hex(cell).is_ok()
            {
                companies.push(cell.to_owned());
            }
        }
    }
    (companies, persons)
}

/// What somebody would try who knows the numbers and no key: hashes of them, alone and with whoever asked.
fn plain_hashes(companies: &[String]) -> HashMap<[u8; 16], String> {
    let asker = wire::encode(&(Region::new("hk").unwrap(), OrganisationId::new("bank.hk").unwrap()));
    let mut hashes = HashMap::new();
    for code in companies.iter().filter(|cell| cell.starts_with("91") && cell.len() == 18) {
        let Ok(company) = Identifier::parse(Scheme::Uscc, code) else { continue };
        let bytes = company.canonical_bytes();
        let tried = [
            Digest::of(&bytes),
            Digest::of(code.as_bytes()),
            Digest::of(format!("uscc:{code}").as_bytes()),
            Digest::concat(&[&asker, &bytes]),
            Digest::hmac(&[], &[&bytes]),
            Digest::hmac(&[0; 32], &[&bytes]),
            Digest::hmac(Label::INDEX_SUBJECT.as_bytes(), &[&bytes]),
            Digest::hmac(Label::INDEX_BUDGET.as_bytes(), &[&asker, &bytes]),
            Digest::hmac(&Digest::hmac(&[0; 32], &[Label::INDEX_BUDGET.as_bytes()]).0, &[&asker, &bytes]),
        ];
        hashes.extend(tried.map(|hash| (*hash.0.first_chunk().unwrap(), code.clone())));
    }
    hashes
}

/// Whose hash, or the first half of it, stands anywhere in these bytes.
fn recognised<'a>(bytes: &[u8], hashes: &'a HashMap<[u8; 16], String>) -> Vec<&'a String> {
    let begins: HashSet<[u8; 2]> = hashes.keys().map(|hash| [hash[0], hash[1]]).collect();
    let windows = bytes.windows(16).filter(|window| begins.contains(&window[..2]));
    windows.filter_map(|window| hashes.get(window)).collect()
}

fn nothing_is_recognised(everything: &[u8], companies: &[String]) {
    let hashes = plain_hashes(companies);
    assert!(hashes.len() > 500, "{}", hashes.len());
    let planted = hashes.keys().next().unwrap();
    assert_eq!(
        recognised(&[b"before".as_slice(), planted, b"behind"].concat(), &hashes).len(),
        1,
        "the search finds what is there"
    );
    assert_eq!(recognised(everything, &hashes), Vec::<&String>::new(), "a plain hash can be tried out");
}

#[test]
fn nothing_that_identifies_is_written_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::start(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let expected = Expected::load().unwrap();
    let records = copy_records("gz", &folder.path().join("records")).unwrap();
    let ended = network.import("gz", &records).unwrap();
    assert_eq!(ended.code, 5, "{ended:?}");

    let mut said = String::new();
    let asked = expected.questions.iter().filter(|question| question.asker == "hk" && question.issuer == "gz");
    for question in asked.clone() {
        let answer = runtime.block_on(network.query("hk", &question.body())).unwrap();
        if answer.status != 200 {
            said.push_str(&answer.body.to_string());
        }
    }
    let person = &expected.scenarios["person"].value;
    for (scheme, value) in [("uscc", person.as_str()), ("ric", person), ("lei", person), ("hkid", "Z683365(5)"), (person, "1")] {
        let question = json!({"purpose": "FIN", "operator": "a.chan", "subject": {"scheme": scheme, "value": value},
            "predicates": [{"shape": "not_listed", "of": "SER_ANY", "window_months": 0}]});
        let refused = runtime.block_on(network.query("hk", &question)).unwrap();
        assert!(refused.status == 403 || refused.status == 400, "{scheme}: {}", refused.body);
        said.push_str(&refused.body.to_string());
    }
    for city in ["gz", "hk"] {
        let metrics = runtime.block_on(Door::at(network.services_url(city).unwrap()).unwrap().get("/metrics")).unwrap();
        said.push_str(&String::from_utf8_lossy(&metrics.body));
        runtime.block_on(network.export(city, &network.folder().join("export").join(city))).unwrap();
    }
    for city in ["gz", "hk"] {
        network.stop(city).unwrap();
    }

    let (companies, mut persons) = telling_cells(&records);
    assert!(companies.len() > 300 && persons.len() > 10, "{} {}", companies.len(), persons.len());
    persons.extend([person.clone(), "Z683365".to_owned()]);
    let written: Vec<_> =
        files_below(network.folder()).unwrap().into_iter().filter(|path| !path.ends_with("network.toml")).collect();
    assert!(written.len() > 20);
    let digests: Vec<_> = companies.iter().filter_map(|cell| Digest::from_hex(cell).ok()).collect();
    assert!(digests.len() >= 7, "of reports that the city gave out");
    for digest in digests {
        assert_eq!(files_with(&written, &digest.0).unwrap(), Vec::<PathBuf>::new(), "a report's digest, as bytes");
    }
    let everything: Vec<u8> = written.iter().flat_map(|path| std::fs::read(path).unwrap()).chain(said.bytes()).collect();
    let mut found = Vec::new();
    for secret in companies.iter().chain(&persons).collect::<std::collections::BTreeSet<_>>() {
        if everything.windows(secret.len()).any(|window| window == secret.as_bytes()) {
            found.push((secret, files_with(&written, secret.as_bytes()).unwrap()));
        }
    }
    assert!(found.is_empty(), "{found:?}");

    nothing_is_recognised(&everything, &companies);

    // The copies of rejected rows are the operator's, and even they name no person.
    let rejected: Vec<_> = files_below(&folder.path().join("records"))
        .unwrap()
        .into_iter()
        .filter(|path| path.to_string_lossy().ends_with(".rejected.csv"))
        .collect();
    assert!(!rejected.is_empty());
    for person in &persons {
        assert_eq!(files_with(&rejected, person.as_bytes()).unwrap(), Vec::<PathBuf>::new());
    }
}
