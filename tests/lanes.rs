//! The lanes beside the public one, across real processes: what an entity permitted, what a subject brought, what regulators ask one another.
//!
//! Each thing that can be wrong with an authorisation is refused twice, under one name: by the asker's own node, and by the issuer if that
//! node does not care. Not here: budgets, and the rules that decide which lane a question has.

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use creditbay_configs::peers::Directory;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::key_file;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::attestation::Attestation;
use creditbay_protocol::authorisation::{
    Agreed, Authorisation, Language, NamedSubject, Notice, SignedAuthorisation, Types, Uses, Withdrawal,
};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::domains::Domains;
use creditbay_protocol::event::Event;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Name;
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::query::{Presented, Query, Subject};
use creditbay_protocol::refusal::{OutcomeClass, Refusal, RefusalClass};
use creditbay_protocol::terms::Terms;
use harness::archive::parse;
use harness::hostile::Rogue;
use harness::network::{Network, Said, Services};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Rated A.
const COMPANY: &str = "91440101MA9XTEAT0A";
/// Registered, and not rated.
const OTHER: &str = "91440104YL1000014F";
const DAY_MS: u64 = 86_400_000;
/// A report of a natural person, one that was withdrawn, one of the company, and a file that nobody gave out.
const REPORTS: [&str; 4] = ["a report of a person", "a report that was withdrawn", "a report of the company", "no report at all"];

/// Some cities; gz has ratings and reports.
struct Bay {
    network: Network,
    folder: TempDir,
}

fn now() -> Millis {
    Millis(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap())
}

fn report(number: usize) -> Digest {
    Digest::of(REPORTS[number].as_bytes())
}

fn band() -> Predicate {
    Predicate::BandAtLeast { of: AttestationType::TaxGrade, band: 4, map: 1 }
}

fn matches() -> Predicate {
    Predicate::HashMatches { of: AttestationType::ReportVerify, domains: Domains::NONE, window_months: 0 }
}

/// The record files of gz as of today.
fn records(folder: &TempDir) -> Vec<PathBuf> {
    let today = now().day();
    let rated = today.months_before(2);
    let reported = |number| report(number).to_string();
    let registers = [
        (
            "REG_STATUS",
            "scheme,identifier,name,status,since",
            vec![format!("uscc,{COMPANY},甲公司,active,{rated}"), format!("uscc,{OTHER},乙公司,active,{rated}")],
        ),
        (
            "TAX_GRADE",
            "scheme,identifier,name,document,grade,rated_on,valid_until,withdrawn_on",
            vec![format!("uscc,{COMPANY},甲公司,甲〔1〕号,A,{rated},,")],
        ),
        (
            "REPORT_VERIFY",
            "scheme,identifier,name,type,digest,domains,from,issued_on,valid_until,withdrawn_on",
            vec![
                format!(",,,,{},,{rated},{rated},2099-12-31,", reported(0)),
                format!(",,,,{},,{rated},{rated},2099-12-31,{today}", reported(1)),
                format!("uscc,{COMPANY},甲公司,,{},,{rated},{rated},2099-12-31,", reported(2)),
            ],
        ),
    ];
    let write = |(register, columns, rows): (&str, &str, Vec<String>)| {
        let path = folder.path().join(format!("{register}.csv"));
        let head = format!("#creditbay-register/1,register={register},authority=11440100YL9100319J,as_of={today}");
        fs::write(&path, format!("{head}\n{columns}\n{}\n", rows.join("\n"))).unwrap();
        path
    };
    registers.into_iter().map(write).collect()
}

impl Bay {
    fn start(cities: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let network = Network::start(&folder.path().join("n"), cities).unwrap();
        let ended = network.import("gz", &records(&folder)).unwrap();
        assert_eq!(ended.code, 0, "{ended:?}");
        Self { network, folder }
    }

    fn path(&self, below: &str) -> String {
        self.network.folder().join(below).display().to_string()
    }

    fn channel(&self, city: &str) -> SigningKey {
        key_file::from_pem(&fs::read_to_string(self.path(&format!("{city}/channel.pem"))).unwrap()).unwrap()
    }

    fn pack(&self) -> Digest {
        Digest::of(&fs::read(self.path("rules/gba-2026.1.toml")).unwrap())
    }

    /// The service of a city's regulator.
    fn regulator(&self, city: &str) -> Services {
        self.network.regulator(city).unwrap()
    }

    async fn leaves(&self, city: &str) -> Vec<Leaf> {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        parse(&self.network.export(city, folder.path()).await.unwrap()).unwrap()
    }

    /// Queries with their terms, in their order.
    async fn queries(&self, city: &str) -> Vec<Terms> {
        let terms = |leaf: Leaf| if let LeafBody::Query { terms, .. } = leaf.body { Some(terms) } else { None };
        self.leaves(city).await.into_iter().filter_map(terms).collect()
    }

    /// Answers and refusals with their terms, in their order.
    async fn answers(&self, city: &str) -> Vec<(Terms, OutcomeClass)> {
        let of = |leaf: Leaf| if let LeafBody::Answer { terms, outcome, .. } = leaf.body { Some((terms, outcome)) } else { None };
        self.leaves(city).await.into_iter().filter_map(of).collect()
    }

    async fn declined(&self, city: &str) -> Vec<RefusalClass> {
        let of = |leaf: Leaf| if let LeafBody::Declined { class, .. } = leaf.body { Some(class) } else { None };
        self.leaves(city).await.into_iter().filter_map(of).collect()
    }

    fn signed(&self, change: impl FnOnce(&mut Authorisation)) -> SignedAuthorisation {
        let mut authorisation = authorisation();
        change(&mut authorisation);
        authorisation.sign(&self.channel("gz"))
    }

    /// The attestation in an answer, which verifies.
    fn attested(&self, said: &Said) -> Attestation {
        assert_eq!(said.status, 200, "{}", said.body);
        let attestation: Attestation = serde_json::from_value(said.body["attestation"].clone()).unwrap();
        let directory = Directory::parse("network.toml", &fs::read_to_string(self.path("network.toml")).unwrap()).unwrap();
        assert_eq!(attestation.verify(&directory.known_logs()).err(), None);
        attestation
    }
}

/// The company lets the bank of hk learn its tax grade, twice. It began an hour ago.
fn authorisation() -> Authorisation {
    let granted = now().minus(3_600_000);
    Authorisation {
        nonce: Digest::of(&now().0.to_le_bytes()).0[..16].try_into().unwrap(),
        channel: Name::new("portal.gz").unwrap(),
        subject: NamedSubject(Identifier::parse(Scheme::Uscc, COMPANY).unwrap()),
        issuer: Name::new("gz").unwrap(),
        asker: Name::new("hk").unwrap(),
        organisation: Name::new("bank.hk").unwrap(),
        purpose: Purpose::Fin,
        types: Types::of(&[AttestationType::TaxGrade]).unwrap(),
        notice: Notice { version: 1, language: Language::ZhHans, digest: Digest([3; 32]) },
        agreed: Agreed { provide: true, sensitive: true, export: true },
        granted,
        expires: granted.plus(DAY_MS),
        uses: Uses::new(2).unwrap(),
    }
}

fn question(predicate: Predicate, more: &[(&str, Value)]) -> Value {
    let mut question = json!({"purpose": "FIN", "operator": "a.chan", "issuer": "gz",
        "subject": {"scheme": "uscc", "value": COMPANY}, "predicates": [predicate]});
    for (key, value) in more {
        question[key] = value.clone();
    }
    question
}

fn authorised(signed: &SignedAuthorisation) -> Value {
    question(band(), &[("authorisation", json!(signed))])
}

/// `TRUE`, `FALSE`, or `INDETERMINATE(reason)`.
fn truth(said: &Said) -> String {
    let truth = &said.body["attestation"]["content"]["answers"][0]["verdict"]["truth"];
    match (truth["value"].as_str(), truth["reason"].as_str()) {
        (Some(value), Some(reason)) => format!("{value}({reason})"),
        (Some(value), None) => value.to_owned(),
        _ => said.body.to_string(),
    }
}

/// What is wrong with an authorisation, and the refusal of it. The first is what is presented, the second what it is presented for.
fn wrong(bay: &Bay) -> Vec<(&'static str, Option<SignedAuthorisation>, Refusal)> {
    let signed = |change: fn(&mut Authorisation)| Some(bay.signed(change));
    let mut forged = bay.signed(|_| {});
    forged.authorisation.uses = Uses::new(63).unwrap();
    let of_hk = Authorisation { channel: Name::new("portal.hk").unwrap(), ..authorisation() }.sign(&bay.channel("hk"));
    let by_hk = authorisation().sign(&bay.channel("hk"));
    let other = |authorisation: &mut Authorisation| {
        authorisation.subject = NamedSubject(Identifier::parse(Scheme::Uscc, OTHER).unwrap());
    };
    let over = |authorisation: &mut Authorisation| authorisation.expires = authorisation.granted.plus(1_000);
    let not_begun = |authorisation: &mut Authorisation| authorisation.granted = authorisation.expires.minus(1_000);
    vec![
        ("none", None, Refusal::AuthorisationMissing),
        ("a channel of another region", Some(of_hk), Refusal::ChannelUnknown),
        ("no channel", signed(|changed| changed.channel = Name::new("portal.fs").unwrap()), Refusal::ChannelUnknown),
        ("changed after it was signed", Some(forged), Refusal::AuthorisationForged),
        ("another channel's signature", Some(by_hk), Refusal::AuthorisationForged),
        ("another subject", signed(other), Refusal::OtherSubject),
        ("another recipient", signed(|changed| changed.organisation = Name::new("bank.mo").unwrap()), Refusal::OtherReceiver),
        ("another asker", signed(|changed| changed.asker = Name::new("mo").unwrap()), Refusal::OtherReceiver),
        ("another purpose", signed(|changed| changed.purpose = Purpose::List), Refusal::OtherPurpose),
        ("another type", signed(|changed| changed.types = Types::of(&[AttestationType::PubGrade]).unwrap()), Refusal::OtherType),
        ("not to be provided", signed(|changed| changed.agreed.provide = false), Refusal::NotAgreed),
        ("not to be exported", signed(|changed| changed.agreed.export = false), Refusal::NotAgreed),
        ("over", signed(over), Refusal::AuthorisationExpired),
        ("not begun", signed(not_begun), Refusal::AuthorisationExpired),
    ]
}

/// A query of hk's in lane A, as a node would send it that asks no rules.
fn query(bay: &Bay, signed: Option<SignedAuthorisation>, number: u16) -> Query {
    Query {
        asker: Name::new("hk").unwrap(),
        issuer: Name::new("gz").unwrap(),
        organisation: Name::new("bank.hk").unwrap(),
        operator: Name::new("a.chan").unwrap(),
        purpose: Purpose::Fin,
        subject: Subject::Entity(Identifier::parse(Scheme::Uscc, COMPANY).unwrap()),
        predicates: Predicates::new(vec![band()]).unwrap(),
        lane: Lane::Authorised,
        legal_basis: LegalBasis::CnEntAuth,
        pack: bay.pack(),
        expires: now().plus(30_000),
        digest: None,
        authorisation: signed.map(|signed| Presented { signed, number: Uses::new(number).unwrap() }),
        portfolio: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_entity_permits_is_answered_as_often_as_it_permits() {
    let bay = Bay::start(&["gz", "hk"]);
    let notice = bay.folder.path().join("notice.txt");
    fs::write(&notice, "甲公司同意甲银行查询其纳税缴费信用级别").unwrap();
    let file = bay.folder.path().join("kept.authorisation.json").display().to_string();
    let (notice, key, network) = (notice.display().to_string(), bay.path("gz/channel.pem"), bay.path("network.toml"));
    let subject = format!("uscc:{COMPANY}");
    #[rustfmt::skip]
    let new = ["authorisation", "new", "--subject", &subject, "--issuer", "gz", "--asker", "hk", "--organisation", "bank.hk", "--purpose",
        "FIN", "--types", "TAX_GRADE", "--days", "1", "--uses", "2", "--notice", &notice, "--language", "zh-Hans", "--provide", "--export",
        "--key", &key, "--channel", "portal.gz", "--network", &network, "--out", &file];
    let ended = bay.network.creditbay(new).unwrap();
    assert_eq!(ended.code, 0, "{ended:?}");
    let shown = bay.network.creditbay(["authorisation", "show", &file, "--network", &network]).unwrap();
    assert_eq!(shown.code, 0, "{shown:?}");

    let signed: SignedAuthorisation = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    for number in 1..=2 {
        let said = bay.network.query("hk", &authorised(&signed)).await.unwrap();
        let used = bay.attested(&said).content.authorisation.unwrap();
        assert_eq!(truth(&said), "TRUE");
        assert_eq!((used.authorisation, used.number.get(), used.of.get()), (signed.authorisation.digest(), number, 2));
    }
    let (node, ask) = (bay.path("hk"), "band_at_least(TAX_GRADE, 4, 1)");
    #[rustfmt::skip]
    let third = ["query", "--node", &node, "--issuer", "gz", "--purpose", "FIN", "--subject", &subject, "--authorisation", &file, "--ask", ask];
    let ended = bay.network.creditbay(third).unwrap();
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stdout.contains("authorisation_spent"), "{ended:?}");

    let (asked, answered) = (bay.queries("hk").await, bay.answers("gz").await);
    assert_eq!((asked.len(), answered.len()), (2, 2), "the third use left nothing at the issuer");
    assert_eq!(bay.declined("hk").await, [RefusalClass::Capacity]);
    for (position, (terms, (answer_terms, outcome))) in asked.iter().zip(&answered).enumerate() {
        let used = terms.authorisation.unwrap();
        assert_eq!((used.authorisation, usize::from(used.number.get())), (signed.authorisation.digest(), position + 1));
        assert_eq!((terms, *outcome, terms.lane), (answer_terms, OutcomeClass::Answered, Lane::Authorised));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_authorisation_is_declined_at_home() {
    let bay = Bay::start(&["gz", "hk"]);
    let cases = wrong(&bay);
    for (number, (what, signed, refusal)) in cases.iter().enumerate() {
        let body = signed.as_ref().map_or_else(|| question(band(), &[]), authorised);
        let said = bay.network.query("hk", &body).await.unwrap();
        assert_eq!((said.status, said.body["reason"].as_str()), (403, Some(refusal.name())), "{what}: {}", said.body);
        assert!(!said.body.to_string().contains(COMPANY) && !said.body.to_string().contains(OTHER), "{what}: {}", said.body);
        assert_eq!(bay.declined("hk").await.len(), number + 1, "{what} is a leaf of the asker's");
        assert_eq!(bay.declined("hk").await.last(), Some(&refusal.class()), "{what}");
    }
    let public =
        Predicate::StatusIn { of: AttestationType::RegStatus, statuses: serde_json::from_value(json!(["active"])).unwrap() };
    let with = question(public, &[("authorisation", json!(bay.signed(|_| {})))]);
    let said = bay.network.query("hk", &with).await.unwrap();
    assert_eq!(said.body["reason"], "authorisation_missing", "a public question has none: {}", said.body);
    assert!(bay.queries("hk").await.is_empty() && bay.answers("gz").await.is_empty(), "nothing was sent");
    assert_eq!(
        truth(&bay.network.query("hk", &authorised(&bay.signed(|_| {}))).await.unwrap()),
        "TRUE",
        "and the genuine one is answered"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_care_is_refused_by_the_issuer_and_no_use_is_spent_twice() {
    let mut bay = Bay::start(&["gz", "hk"]);
    bay.network.stop("hk").unwrap();
    let rogue = Rogue::take_over(&bay.network.config("hk")).await.unwrap();
    let refusal = async |query: Query| rogue.ask(query).await.unwrap().attestation().content.refusal;
    let cases = wrong(&bay);
    for (number, (what, signed, expected)) in cases.iter().enumerate() {
        assert_eq!(refusal(query(&bay, signed.clone(), 1)).await, Some(*expected), "{what}");
        let answers = bay.answers("gz").await;
        assert_eq!(answers.len(), number + 1, "{what} is a leaf of the issuer's");
        assert_eq!(answers[number].1, OutcomeClass::Refused(expected.class()), "{what}");
    }
    let signed = bay.signed(|_| {});
    assert_eq!(refusal(query(&bay, Some(signed.clone()), 3)).await, Some(Refusal::AuthorisationSpent), "the third of two uses");
    assert_eq!(refusal(query(&bay, Some(signed.clone()), 1)).await, None);
    assert_eq!(refusal(query(&bay, Some(signed.clone()), 1)).await, Some(Refusal::AuthorisationSpent), "the first use once more");
    bay.network.stop("gz").unwrap();
    bay.network.launch("gz").unwrap();
    assert_eq!(refusal(query(&bay, Some(signed.clone()), 1)).await, Some(Refusal::AuthorisationSpent), "and after a restart");
    assert_eq!(refusal(query(&bay, Some(signed), 2)).await, None, "the second is good still");
    rogue.withdraw().await;
    bay.network.launch("hk").unwrap();
    let (asked, answered) = (bay.queries("hk").await, bay.answers("gz").await);
    assert_eq!(asked, answered.into_iter().map(|(terms, _)| terms).collect::<Vec<_>>(), "both logs say the same of all of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_holds_from_its_leaf_on() {
    let mut bay = Bay::start(&["gz", "hk"]);
    let signed = bay.signed(|changed| changed.uses = Uses::new(9).unwrap());
    let digest = signed.authorisation.digest();
    let file = bay.folder.path().join("kept.authorisation.json");
    fs::write(&file, serde_json::to_string(&signed).unwrap()).unwrap();
    let file = file.display().to_string();
    let (key, gz, hk) = (bay.path("gz/channel.pem"), bay.path("gz"), bay.path("hk"));

    // Nobody but the channel can withdraw it: a withdrawal that another channel signed, for itself or in its name.
    for channel in ["portal.gz", "portal.hk"] {
        let withdrawal = Withdrawal { authorisation: digest, channel: Name::new(channel).unwrap(), at: now() };
        let handed_in = bay.folder.path().join(format!("{channel}.withdrawal.json"));
        fs::write(&handed_in, serde_json::to_string(&withdrawal.sign(&bay.channel("hk"))).unwrap()).unwrap();
        let handed_in = handed_in.display().to_string();
        let ended = bay.network.creditbay(["authorisation", "withdraw", &handed_in, "--node", &hk, "--node", &gz]).unwrap();
        assert_eq!(ended.code, i32::from(channel == "portal.gz"), "{channel}: {ended:?}");
        assert_eq!(truth(&bay.network.query("hk", &authorised(&signed)).await.unwrap()), "TRUE", "after that of {channel}");
    }

    let third = bay.signed(|changed| changed.nonce = [1; 16]);
    let ended = bay.network.creditbay(["authorisation", "withdraw", &file, "--key", &key, "--node", &hk, "--node", &gz]).unwrap();
    assert_eq!(ended.code, 0, "{ended:?}");
    let said = bay.network.query("hk", &authorised(&signed)).await.unwrap();
    assert_eq!((said.status, said.body["reason"].as_str()), (403, Some("authorisation_withdrawn")), "{}", said.body);
    assert_eq!(
        truth(&bay.network.query("hk", &authorised(&third)).await.unwrap()),
        "TRUE",
        "another authorisation is as good as before"
    );
    for city in ["gz", "hk"] {
        let channel = Name::new("portal.gz").unwrap();
        let expected = LeafBody::Event(Event::AuthorisationWithdrawn { authorisation: digest, channel });
        assert_eq!(bay.leaves(city).await.iter().filter(|leaf| leaf.body == expected).count(), 1, "{city}");
    }

    bay.network.stop("hk").unwrap();
    bay.network.stop("gz").unwrap();
    bay.network.launch("gz").unwrap();
    let rogue = Rogue::take_over(&bay.network.config("hk")).await.unwrap();
    let refused = rogue.ask(query(&bay, Some(signed), 9)).await.unwrap().attestation().content.refusal;
    assert_eq!(refused, Some(Refusal::AuthorisationWithdrawn), "the issuer remembers, whatever the asker does");
    rogue.withdraw().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carried_report_is_true_false_or_withdrawn_and_names_nobody() {
    let bay = Bay::start(&["gz", "hk"]);
    let bearer = ("subject", json!({"scheme": "bearer"}));
    let carried = |number| question(matches(), &[bearer.clone(), ("digest", json!(report(number)))]);
    // The company's own report is no person's.
    for (number, expected) in [(0, "TRUE"), (1, "INDETERMINATE(withdrawn)"), (2, "FALSE"), (3, "FALSE")] {
        let said = bay.network.query("hk", &carried(number)).await.unwrap();
        let content = bay.attested(&said).content;
        assert_eq!(truth(&said), expected, "{}", REPORTS[number]);
        assert_eq!((content.scheme.as_str(), content.subject.as_str(), content.digest), ("bearer", "", Some(report(number))));
    }
    let file = bay.folder.path().join("report.txt");
    fs::write(&file, REPORTS[0]).unwrap();
    let (node, file) = (bay.path("hk"), file.display().to_string());
    #[rustfmt::skip]
    let ended = bay.network.creditbay(["--json", "query", "--node", &node, "--issuer", "gz", "--purpose", "FIN", "--bearer", "--report", &file,
        "--ask", "hash_matches(REPORT_VERIFY)"]).unwrap();
    assert_eq!(ended.code, 0, "{ended:?}");

    let declined = [
        ("no digest", question(matches(), std::slice::from_ref(&bearer)), "digest_missing"),
        ("another shape", question(band(), &[bearer.clone(), ("digest", json!(report(0)))]), "natural_person"),
        (
            "a person's number",
            question(matches(), &[("subject", json!({"scheme": "ric", "value": "440106199001049997"}))]),
            "natural_person",
        ),
    ];
    for (what, question, reason) in declined {
        let said = bay.network.query("hk", &question).await.unwrap();
        assert_eq!((said.status, said.body["reason"].as_str()), (403, Some(reason)), "{what}: {}", said.body);
    }
    for city in ["gz", "hk"] {
        let folder = tempfile::tempdir_in(bay.folder.path()).unwrap();
        for leaf in bay.network.export(city, folder.path()).await.unwrap() {
            let found = (0..REPORTS.len()).find(|number| leaf.windows(32).any(|window| window == report(*number).0));
            assert_eq!(found, None, "a leaf of {city} shows a report's digest");
        }
    }
    let terms = bay.answers("gz").await;
    assert_eq!(terms.len(), 5);
    assert!(terms.iter().all(|(terms, _)| terms.with_digest && terms.lane == Lane::Carried && terms.authorisation.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entitys_report_needs_its_authorisation_and_is_no_other_entitys() {
    let bay = Bay::start(&["gz", "hk"]);
    let types = Types::of(&[AttestationType::ReportVerify]).unwrap();
    let permitted = |subject: &str| {
        let subject = NamedSubject(Identifier::parse(Scheme::Uscc, subject).unwrap());
        json!(bay.signed(|changed| (changed.types, changed.subject) = (types, subject)))
    };
    let about = |code: &str, number| {
        let subject = json!({"scheme": "uscc", "value": code});
        question(matches(), &[("subject", subject), ("authorisation", permitted(code)), ("digest", json!(report(number)))])
    };
    for (code, number, expected) in [(COMPANY, 2, "TRUE"), (OTHER, 2, "FALSE"), (COMPANY, 0, "FALSE"), (COMPANY, 3, "FALSE")] {
        let said = bay.network.query("hk", &about(code, number)).await.unwrap();
        assert_eq!(truth(&said), expected, "{code} {}: {}", REPORTS[number], said.body);
    }
    let mut without = about(COMPANY, 2);
    without.as_object_mut().unwrap().remove("authorisation");
    let said = bay.network.query("hk", &without).await.unwrap();
    assert_eq!(said.body["reason"], "authorisation_missing", "{}", said.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn regulators_alone_ask_in_their_lane() {
    let mut bay = Bay::start(&["gz", "sz", "hk"]);
    let supervision = question(band(), &[("purpose", json!("REG"))]);
    let said = bay.regulator("sz").ask(&supervision).await.unwrap();
    assert_eq!(bay.attested(&said).content.organisation, "regulator.sz");
    assert_eq!(truth(&said), "TRUE");
    let answered = bay.answers("gz").await;
    assert_eq!((answered[0].0.lane, answered[0].0.legal_basis), (Lane::Regulators, LegalBasis::CnPiStat));
    for (who, services, reason) in [
        ("a bank", bay.network.services("sz").unwrap(), "not_regulators"),
        ("a regulator under another law", bay.regulator("hk"), "purpose_between_others"),
    ] {
        let said = services.ask(&supervision).await.unwrap();
        assert_eq!((said.status, said.body["reason"].as_str()), (403, Some(reason)), "{who}: {}", said.body);
    }

    bay.network.stop("sz").unwrap();
    let rogue = Rogue::take_over(&bay.network.config("sz")).await.unwrap();
    let of_a_bank = Query {
        asker: Name::new("sz").unwrap(),
        organisation: Name::new("bank.sz").unwrap(),
        purpose: Purpose::Reg,
        lane: Lane::Regulators,
        legal_basis: LegalBasis::CnPiStat,
        ..query(&bay, None, 1)
    };
    let pretended = Query { organisation: Name::new("regulator.gz").unwrap(), ..of_a_bank.clone() };
    for (what, query) in [("a bank", of_a_bank), ("another region's regulator", pretended)] {
        let refused = rogue.ask(query).await.unwrap().attestation().content.refusal;
        assert_eq!(refused, Some(Refusal::NotRegulators), "{what}");
    }
    rogue.withdraw().await;
    assert_eq!(bay.answers("gz").await.len(), 3, "each refusal is a leaf of the issuer's");
}

/// Why the issuer refused.
fn refusal(said: &Said) -> &Value {
    &said.body["attestation"]["content"]["refusal"]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_holds_at_once_and_over_a_restart() {
    let mut bay = Bay::start(&["gz", "hk"]);
    let signed = bay.signed(|changed| changed.uses = Uses::new(9).unwrap());
    let (gz, hk) = (bay.path("gz"), bay.path("hk"));
    let order = |bay: &Bay, order: &str, what: [&str; 2], node: &str| {
        bay.network.creditbay(["rules", order, what[0], what[1], "--node", node]).unwrap()
    };
    for (what, reason) in [(["--type", "TAX_GRADE"], "type_suspended"), (["--peer", "hk"], "peer_suspended")] {
        let ended = order(&bay, "suspend", what, &gz);
        assert_eq!(ended.code, 0, "{ended:?}");
        let said = bay.network.query("hk", &authorised(&signed)).await.unwrap();
        assert_eq!(refusal(&said)["reason"], reason, "{}", said.body);
        bay.network.stop("gz").unwrap();
        bay.network.launch("gz").unwrap();
        bay.network.await_peers("hk").unwrap();
        let said = bay.network.query("hk", &authorised(&signed)).await.unwrap();
        assert_eq!(refusal(&said)["reason"], reason, "after a restart: {}", said.body);
        assert_eq!(order(&bay, "resume", what, &gz).code, 0);
        assert_eq!(truth(&bay.network.query("hk", &authorised(&signed)).await.unwrap()), "TRUE", "{reason} was lifted");
    }
    assert_eq!(order(&bay, "suspend", ["--type", "TAX_GRADE"], &hk).code, 0);
    let said = bay.network.query("hk", &authorised(&signed)).await.unwrap();
    assert_eq!(
        (said.status, said.body["reason"].as_str()),
        (403, Some("type_suspended")),
        "at the asker's own node: {}",
        said.body
    );
    for nobody in ["fs", "gz"] {
        let ended = order(&bay, "suspend", ["--peer", nobody], &gz);
        assert_eq!(ended.code, 1, "{nobody} is no peer of gz: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portfolio_is_a_leaf_before_it_is_asked_under_and_has_an_end() {
    let bay = Bay::start(&["gz", "hk"]);
    let node = bay.path("hk");
    let declare = |size: &str| {
        let line = ["--json", "portfolio", "declare", "--node", &node, "--purpose", "FIN", "--size", size, "--days", "2"];
        bay.network.creditbay(line).unwrap()
    };
    for size in ["0", "4000000"] {
        let ended = declare(size);
        assert_eq!(ended.code, 1, "{size}: {ended:?}");
    }
    let ended = declare("1");
    assert_eq!(ended.code, 0, "{ended:?}");
    let open: Value = serde_json::from_str(&ended.stdout).unwrap();
    let active =
        Predicate::StatusIn { of: AttestationType::RegStatus, statuses: serde_json::from_value(json!(["active"])).unwrap() };
    let under = |portfolio: &Value, code: &str, purpose: &str| {
        let subject = json!({"scheme": "uscc", "value": code});
        question(active, &[("portfolio", portfolio.clone()), ("subject", subject), ("purpose", json!(purpose))])
    };
    for _ in 0..2 {
        let said = bay.network.query("hk", &under(&open["portfolio"], COMPANY, "FIN")).await.unwrap();
        assert_eq!(truth(&said), "TRUE");
    }
    let said = bay.network.query("hk", &under(&open["portfolio"], OTHER, "FIN")).await.unwrap();
    assert_eq!(
        refusal(&said),
        &json!({"reason": "budget_spent", "budget": "portfolio"}),
        "a second subject of one: {}",
        said.body
    );
    for (what, question) in [
        ("another purpose", under(&open["portfolio"], COMPANY, "LIST")),
        ("a portfolio that nobody declared", under(&json!(Digest([7; 32])), COMPANY, "FIN")),
    ] {
        let said = bay.network.query("hk", &question).await.unwrap();
        assert_eq!((said.status, said.body["reason"].as_str()), (403, Some("portfolio_unknown")), "{what}: {}", said.body);
    }
    let leaves = bay.leaves("hk").await;
    let declared = |leaf: &Leaf| matches!(&leaf.body, LeafBody::Event(Event::PortfolioDeclared { size: 1, .. }));
    let named = |leaf: &Leaf| matches!(&leaf.body, LeafBody::Query { terms, .. } if terms.portfolio.is_some());
    let (declared, named) = (leaves.iter().position(declared).unwrap(), leaves.iter().position(named).unwrap());
    assert!(declared < named);
    let sizes: Vec<_> = bay.answers("gz").await.iter().map(|(terms, _)| terms.portfolio.unwrap().size).collect();
    assert_eq!(sizes, [1, 1, 1]);
}
