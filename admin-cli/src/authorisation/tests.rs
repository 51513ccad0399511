//! An authorisation from its writing to its end, on files and against a door that gives prepared answers.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use creditbay_configs::peers::Directory;
use creditbay_configs::rules::authorise::authorise;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::authorisation::{Authorisation, Language, SignedAuthorisation, SignedWithdrawal, Types, Uses};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::name::Name;
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::query::{Presented, Query, Subject};

use super::grant::GrantArgs;
use super::show::{ShowArgs, faults, read};
use super::withdraw::WithdrawArgs;
use super::{AuthorisationCommand, run};
use crate::attestation::tests::{SUBJECT, network};
use crate::exit::{self, Exit};
use crate::file;
use crate::print::Screen;
use crate::trust;

const NOTICE: &str = "Bank A of Hong Kong will learn your tax grade and your public credit grade.";

/// gz lets the bank of hk learn two grades, twice, for 30 days.
fn grant(net: &Path, folder: &Path) -> GrantArgs {
    let notice = folder.join("notice.txt");
    fs::write(&notice, NOTICE).unwrap();
    GrantArgs {
        subject: format!("uscc:{SUBJECT}"),
        issuer: Name::new("gz").unwrap(),
        asker: Name::new("hk").unwrap(),
        organisation: Name::new("bank.hk").unwrap(),
        purpose: Purpose::Fin,
        types: vec![AttestationType::TaxGrade, AttestationType::PubGrade],
        days: 30,
        uses: Uses::new(2).unwrap(),
        notice,
        notice_version: 3,
        language: Language::ZhHans,
        provide: true,
        sensitive: false,
        export: true,
        key: net.join("gz/channel.pem"),
        channel: Name::new("portal.gz").unwrap(),
        network: Some(net.join("network.toml")),
        out: Some(folder.join("kept.authorisation.json")),
    }
}

/// How a command ended, and what it said.
fn told(command: &AuthorisationCommand, json: bool) -> (anyhow::Result<Exit>, String) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut screen = Screen::over(Box::new(fs::File::create(&out).unwrap()), json);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let exit = runtime.block_on(run(command, &mut screen));
    (exit, fs::read_to_string(out).unwrap())
}

fn new(args: GrantArgs) -> (anyhow::Result<Exit>, String) {
    told(&AuthorisationCommand::New(Box::new(args)), false)
}

/// An authorisation in a file, signed by the channel of gz.
pub(crate) fn written(net: &Path, folder: &Path) -> PathBuf {
    let args = grant(net, folder);
    let out = args.out.clone().unwrap();
    assert_eq!(new(args).0.unwrap(), Exit::Done);
    out
}

/// An admin door that takes one order and gives one answer; gives what it was asked.
pub(crate) fn socket(path: &Path, status: &str, body: &str) -> JoinHandle<String> {
    let listener = UnixListener::bind(path).unwrap();
    answer_once(move || listener.accept().unwrap().0, status, body)
}

/// Reads one request whose body is a JSON object from whoever connects, and answers it; gives the request.
pub(crate) fn answer_once<S: Read + Write>(
    accept: impl FnOnce() -> S + Send + 'static,
    status: &str,
    body: &str,
) -> JoinHandle<String> {
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    std::thread::spawn(move || {
        let mut stream = accept();
        let (mut asked, mut buffer) = (Vec::new(), [0; 4096]);
        while !asked.ends_with(b"}") {
            let read = stream.read(&mut buffer).unwrap();
            asked.extend_from_slice(&buffer[..read]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(asked).unwrap()
    })
}

#[test]
fn what_is_written_is_what_was_said_and_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let file = written(&net, folder.path());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let signed = read(&file).unwrap();
    let channel = file::read_key(&net.join("gz/channel.pem")).unwrap();
    assert!(signed.verify(&channel.public()).is_ok());
    let authorisation = &signed.authorisation;
    assert_eq!((authorisation.subject.0.expose(), authorisation.purpose), (SUBJECT, Purpose::Fin));
    assert_eq!(authorisation.types.members(), [AttestationType::TaxGrade, AttestationType::PubGrade]);
    assert_eq!(authorisation.expires.0 - authorisation.granted.0, 30 * 86_400_000);
    assert_eq!((authorisation.notice.digest, authorisation.notice.version), (Digest::of(NOTICE.as_bytes()), 3));
    let second = new(grant(&net, folder.path())).0.unwrap_err();
    assert!(second.to_string().contains("exists already"), "{second}");
    let mut again = grant(&net, folder.path());
    again.out = Some(folder.path().join("again.json"));
    new(again).0.unwrap();
    let again = read(&folder.path().join("again.json")).unwrap();
    assert_ne!(again.authorisation.nonce, authorisation.nonce, "each has a nonce of its own");
}

#[test]
fn what_cannot_be_authorised_writes_nothing_and_repeats_no_code() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let person = "ric:440106199001049997";
    type Change = fn(&mut GrantArgs);
    let cases: [(&str, Change, Exit, &str); 8] = [
        ("a person", |args| args.subject = "ric:440106199001049997".to_owned(), Exit::Usage, "--subject"),
        ("a broken code", |args| args.subject = "uscc:91440101MA9XTEAT0B".to_owned(), Exit::Usage, "--subject"),
        ("no scheme", |args| args.subject = "91440101MA9XTEAT0A".to_owned(), Exit::Usage, "SCHEME:CODE"),
        ("not provided", |args| args.provide = false, Exit::Usage, "--provide"),
        ("one region", |args| args.asker = args.issuer, Exit::Usage, "one region"),
        ("no export", |args| args.export = false, Exit::Failed, "not under one law"),
        ("an unknown channel", |args| args.channel = Name::new("portal.fs").unwrap(), Exit::Failed, "no channel portal.fs"),
        ("another region's", |args| args.channel = Name::new("portal.hk").unwrap(), Exit::Failed, "speaks for hk"),
    ];
    for (case, change, exit, words) in cases {
        let mut args = grant(&net, folder.path());
        change(&mut args);
        let error = new(args).0.unwrap_err();
        let text = format!("{error:#}");
        assert_eq!(exit::of_error(&error), exit, "{case}: {text}");
        assert!(text.contains(words) && !text.contains("9144010") && !text.contains(&person[4..]), "{case}: {text}");
    }
    assert!(!folder.path().join("kept.authorisation.json").exists());
    let mut other_key = grant(&net, folder.path());
    other_key.key = net.join("hk/channel.pem");
    let error = new(other_key).0.unwrap_err().to_string();
    assert!(error.contains("did not sign this"), "{error}");
}

#[test]
fn it_is_shown_in_words_and_verified_with_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let file = written(&net, folder.path());
    let show = |network| AuthorisationCommand::Show(ShowArgs { file: file.clone(), network });
    let (exit, text) = told(&show(None), false);
    assert_eq!(exit.unwrap(), Exit::Done);
    assert!(text.contains("TAX_GRADE, PUB_GRADE") && text.contains("bank.hk, through the node of hk, and nobody else"), "{text}");
    assert!(text.contains("NO  that it may concern what is sensitive") && text.contains("not verified here"), "{text}");
    let (exit, text) = told(&show(Some(net.join("network.toml"))), false);
    assert_eq!(exit.unwrap(), Exit::Done);
    assert!(text.contains("the channel signed it"), "{text}");
    let forged = fs::read_to_string(&file).unwrap().replace("bank.hk", "bank.hx");
    fs::write(&file, forged).unwrap();
    let (exit, text) = told(&show(Some(net.join("network.toml"))), false);
    assert_eq!(exit.unwrap(), Exit::Refuted);
    assert!(text.contains("1 fault with it:") && text.contains("it was changed, or signed with another key"), "{text}");
    let (exit, text) = told(&show(Some(net.join("network.toml"))), true);
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((exit.unwrap(), &told["verified"], told["faults"].as_array().unwrap().len()), (Exit::Refuted, &false.into(), 1));
}

#[test]
fn a_file_that_cannot_be_read_tells_its_place_and_no_code() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let file = written(&net, folder.path());
    let text = fs::read_to_string(&file).unwrap();
    for (from, to) in [("uscc:", "ric:"), ("\"uses\": 2", "\"uses\": 0"), ("\"purpose\"", "\"pupose\""), ("zh-Hans", "zh")] {
        assert!(text.contains(from), "{from}: {text}");
        fs::write(&file, text.replace(from, to)).unwrap();
        let error = format!("{:#}", read(&file).err().unwrap());
        assert!(error.contains("cannot be read at line ") && !error.contains(SUBJECT), "{error}");
    }
    for length in 0..text.trim_end().len() {
        fs::write(&file, &text[..length]).unwrap();
        assert!(read(&file).is_err(), "{length}");
    }
}

/// The query that an authorisation is for.
fn query(signed: &SignedAuthorisation) -> Query {
    let authorisation = &signed.authorisation;
    Query {
        asker: authorisation.asker,
        issuer: authorisation.issuer,
        organisation: authorisation.organisation,
        operator: Name::new("a.chan").unwrap(),
        purpose: authorisation.purpose,
        subject: Subject::Entity(authorisation.subject.0),
        predicates: Predicates::new(vec![Predicate::ExistsValid { of: authorisation.types.members()[0] }]).unwrap(),
        lane: Lane::Authorised,
        legal_basis: LegalBasis::CnEntAuth,
        pack: Digest([0; 32]),
        expires: Millis(1),
        digest: None,
        authorisation: Some(Presented { signed: signed.clone(), number: Uses::new(1).unwrap() }),
        portfolio: None,
    }
}

#[test]
fn what_is_shown_as_a_fault_is_what_nodes_refuse() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let directory: Directory = trust::read(&net.join("network.toml")).unwrap();
    let genuine = read(&written(&net, folder.path())).unwrap();
    let (granted, expires) = (genuine.authorisation.granted, genuine.authorisation.expires);
    type Change = fn(&mut Authorisation);
    let changes: [(&str, Change, usize); 9] = [
        ("nothing", |_| {}, 0),
        ("types", |changed| changed.types = Types::of(&[AttestationType::Commit]).unwrap(), 0),
        ("uses", |changed| changed.uses = Uses::new(1).unwrap(), 0),
        ("provide", |changed| changed.agreed.provide = false, 1),
        ("export", |changed| changed.agreed.export = false, 1),
        ("channel", |changed| changed.channel = Name::new("portal.fs").unwrap(), 1),
        ("another region's channel", |changed| changed.channel = Name::new("portal.hk").unwrap(), 1),
        ("over at once", |changed| changed.expires = changed.granted, 1),
        ("two", |changed| (changed.agreed.provide, changed.agreed.export) = (false, false), 2),
    ];
    let key = file::read_key(&net.join("gz/channel.pem")).unwrap();
    for (what, change, expected) in changes {
        let mut changed = genuine.authorisation.clone();
        change(&mut changed);
        let forged = SignedAuthorisation { authorisation: changed.clone(), signature: genuine.signature };
        let signed = changed.sign(&key);
        assert_eq!(faults(&directory, &signed, granted).len(), expected, "{what}");
        assert_eq!(authorise(&directory, &query(&signed), granted).is_err(), expected > 0, "{what}");
        let forged_faults = faults(&directory, &forged, granted);
        assert_eq!(authorise(&directory, &query(&forged), granted).is_err(), !forged_faults.is_empty(), "forged {what}");
    }
    for (at, good) in [(Millis(granted.0 - 1), false), (granted, true), (Millis(expires.0 - 1), true), (expires, false)] {
        assert_eq!(faults(&directory, &genuine, at).is_empty(), good, "{at}");
        assert_eq!(authorise(&directory, &query(&genuine), at).is_ok(), good, "{at}");
    }
}

fn withdraw(file: PathBuf, key: Option<PathBuf>, admin: Vec<PathBuf>, out: Option<PathBuf>) -> WithdrawArgs {
    WithdrawArgs { file, key, node: Vec::new(), admin, out }
}

#[test]
fn a_withdrawal_is_signed_handed_to_every_node_and_kept_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let file = written(&net, folder.path());
    let key = net.join("gz/channel.pem");
    let (first, second, kept) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("kept.withdrawal.json"));
    let serving =
        [socket(&first, "403 Forbidden", r#"{"title":"no","detail":"why"}"#), socket(&second, "200 OK", r#"{"leaf":17}"#)];
    let args = withdraw(file.clone(), Some(key.clone()), vec![first, second.clone()], Some(kept.clone()));
    let (exit, text) = told(&AuthorisationCommand::Withdraw(args), false);
    assert_eq!(exit.unwrap(), Exit::Failed, "one node did not take it");
    assert!(text.contains("NOT TAKEN") && text.contains("no: why") && text.contains("from leaf 17 on"), "{text}");
    let digest = read(&file).unwrap().authorisation.digest();
    let public = file::read_key(&key).unwrap().public();
    for asked in serving.map(|serving| serving.join().unwrap()) {
        let (head, body) = asked.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /v1/authorisations/withdrawals HTTP/1.1\r\n"), "{head}");
        assert!(!asked.contains(SUBJECT), "a withdrawal names the digest alone");
        let signed: SignedWithdrawal = serde_json::from_str(body).unwrap();
        assert!(signed.verify(&public).is_ok());
        assert_eq!((signed.withdrawal.authorisation, signed.withdrawal.channel.to_string()), (digest, "portal.gz".to_owned()));
    }
    // Another city's operator hands in the file, and has no key.
    fs::remove_file(&second).unwrap();
    let serving = socket(&second, "200 OK", r#"{"leaf":3}"#);
    let (exit, text) = told(&AuthorisationCommand::Withdraw(withdraw(kept.clone(), None, vec![second], None)), true);
    assert_eq!(exit.unwrap(), Exit::Done, "{text}");
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&told["nodes"][0]["leaf"], &told["withdrawal"]["authorisation"]), (&3.into(), &serde_json::json!(digest)));
    let handed: SignedWithdrawal = serde_json::from_str(serving.join().unwrap().split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(handed, serde_json::from_str(&fs::read_to_string(kept).unwrap()).unwrap());
}

#[test]
fn only_the_key_that_signed_can_withdraw_and_somebody_must_be_told() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let file = written(&net, folder.path());
    let nobody = folder.path().join("none.sock");
    let refused = |args| {
        let error = told(&AuthorisationCommand::Withdraw(args), false).0.unwrap_err();
        (exit::of_error(&error), format!("{error:#}"))
    };
    let (exit, text) = refused(withdraw(file.clone(), Some(net.join("hk/channel.pem")), vec![nobody.clone()], None));
    assert!(exit == Exit::Failed && text.contains("did not sign the authorisation"), "{text}");
    let (exit, text) = refused(withdraw(file.clone(), None, vec![nobody.clone()], None));
    assert!(exit == Exit::Usage && text.contains("--key") && !text.contains(SUBJECT), "{text}");
    let (exit, text) = refused(withdraw(file.clone(), Some(net.join("gz/channel.pem")), Vec::new(), None));
    assert!(exit == Exit::Usage && text.contains("--node DIR"), "{text}");
    let (exit, text) =
        told(&AuthorisationCommand::Withdraw(withdraw(file, Some(net.join("gz/channel.pem")), vec![nobody], None)), false);
    assert!(exit.unwrap() == Exit::Failed && text.contains("NOT TAKEN"), "{text}");
}
