//! Trust policies: the cases of other implementations as tables, each fault with its line, and what a policy says of a note.
//!
//! Sources: C2SP tlog-policy; transparency-dev/formats `witness/witness_policy_test.go`; sigsum-go `pkg/policy/{config,policy}_test.go`.

use creditbay_crypto::hash::base64_encode;
use creditbay_crypto::note::{KeyKind, Note, NoteError, NoteSigner};

use super::sample::{NOW, signer};
use crate::limits::{MAX_POLICY_BYTES, MAX_POLICY_ENTRIES};
use crate::policy::Policy;
use crate::policy::fault::{Octets, PolicyError, PolicyFault, Rejection};

/// Published by sigsum and transparency-dev/formats.
const SIGSUM: &str = "sigsum.org+e4ade967+AZuUY6B08pW3QVHu8uvsrxWPcAv9nykap2Nb4oxCee+r";
const REMORA: &str = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";

fn witness(at: u8) -> NoteSigner {
    signer(&format!("w{at}.example/witness"), KeyKind::CosignatureV1, 50 + at)
}

fn log(at: u8) -> NoteSigner {
    signer(&format!("log{at}.example"), KeyKind::Ed25519, 10 + at)
}

/// A policy's text: `{L1}` is the verifier key of log 1, `{W1}` that of witness 1.
fn text(template: &str) -> Vec<u8> {
    let mut text = template.to_owned();
    for at in 0..8 {
        text = text.replace(&format!("{{L{at}}}"), &log(at).verifier().to_string());
        text = text.replace(&format!("{{W{at}}}"), &witness(at).verifier().to_string());
    }
    text.into_bytes()
}

fn read(template: &str) -> Result<Policy, PolicyError> {
    Policy::parse(&text(template))
}

fn refused(template: &str) -> (usize, PolicyFault) {
    let error = read(template).unwrap_err();
    (error.line, error.fault)
}

fn set(policy: &Policy, witnesses: &[usize]) -> bool {
    policy.is_quorum(|at| witnesses.contains(&at))
}

#[test]
fn a_policy_without_witnesses_and_one_without_logs_are_read() {
    let none = read("quorum none\n").unwrap();
    assert!(none.logs().is_empty() && none.witnesses().is_empty() && set(&none, &[]));
    let one = read("witness w {W1}\nquorum w\n").unwrap();
    assert!(!set(&one, &[]) && set(&one, &[0]));
}

#[test]
fn white_space_and_comments_are_passed_over() {
    let tidy = read("witness w1 {W1} https://sigsum.org/witness/\nwitness w2 {W2}\ngroup g1 all w1 w2\nquorum g1\n").unwrap();
    let wild = "\n\n# comment\n  \t # \u{4fe1}\u{7528}\u{6e7e}\u{533a} \u{a0}\nwitness   w1      {W1}     https://sigsum.org/witness/\t\n  witness\tw2            {W2}\n\n\t     #comment\n\ngroup      g1    all     w1  w2\n\n\t quorum      g1\n";
    assert_eq!(read(wild), Ok(tidy.clone()));
    assert_eq!(tidy.witnesses()[0].url.as_ref().unwrap().to_string(), "https://sigsum.org/witness/");
    assert_eq!(tidy.witnesses()[1].url, None);
}

/// sigsum-go TestValidConfig, in its order: one key for a log and a witness, and lines after the quorum.
#[test]
fn a_policy_of_two_levels_counts_each_witness_in_one_way() {
    let same = signer("same.example", KeyKind::CosignatureV1, 11).verifier().to_string();
    let template = "log {L1} http://sigsum.example.org\n  # comment\n  log {L2}\nwitness W1 {W1} http://w1\nwitness W2 SAME\nwitness W3 {W3} http://w3\nwitness W4 {W4} https://w4/\nwitness W5 {W5} https://w5\ngroup G1 any W1 W2\ngroup G2 2 W3 W4 W5\ngroup G3 all G1 G2\nquorum G3\n  log {L3}\nwitness W6 {W6}\n";
    let policy = read(&template.replace("SAME", &same)).unwrap();
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (3, 6));
    let cases: [(&[usize], bool); 9] = [
        (&[], false),
        (&[1], false),
        (&[2], false),
        (&[3], false),
        (&[3, 4, 5], false),
        (&[1, 2], false),
        (&[1, 3], false),
        (&[1, 3, 4], true),
        (&[2, 3, 5], true),
    ];
    for (witnesses, enough) in cases {
        let witnesses: Vec<_> = witnesses.iter().map(|at| at - 1).collect();
        assert_eq!(set(&policy, &witnesses), enough, "{witnesses:?}");
    }
}

/// sigsum-go TestNumericThreshold.
#[test]
fn either_of_two_groups_is_enough_where_any_is_said() {
    let policy = "witness A1 {W1}\nwitness A2 {W2}\nwitness A3 {W3}\nwitness B1 {W4}\nwitness B2 {W5}\nwitness B3 {W6}\ngroup A 1 A1 A2 A3\ngroup B 2 B1 B2 B3\ngroup G any A B\nquorum G\n";
    let policy = read(policy).unwrap();
    for subset in 0u8..64 {
        let has: Vec<_> = (0..6).filter(|at| subset & (1 << at) != 0).collect();
        let (a, b) = ((subset & 7).count_ones(), (subset >> 3).count_ones());
        assert_eq!(set(&policy, &has), a >= 1 || b >= 2, "{subset:06b}");
    }
}

/// sigsum-go TestOneOfNWitnessPolicy and TestTwoOfNWitnessPolicy: all 64 sets of six witnesses in three levels.
#[test]
fn thresholds_hold_on_every_level_and_for_every_set() {
    let of = |k: usize| {
        let text = "witness w0 {W0}\nwitness w1 {W1}\ngroup g0 K w0 w1\nwitness w2 {W2}\nwitness w3 {W3}\ngroup g1 K w2 w3\nwitness w4 {W4}\nwitness w5 {W5}\ngroup g2 K g1 w4 w5\ngroup q K g0 g2\nquorum q\n";
        read(&text.replace('K', &k.to_string())).unwrap()
    };
    let (one, two) = (of(1), of(2));
    for subset in 0u8..64 {
        let has: Vec<_> = (0..6).filter(|at| subset & (1 << at) != 0).collect();
        let bit = |at: u8| subset & (1 << at) != 0;
        assert_eq!(set(&one, &has), subset != 0, "{subset:06b}");
        let inner = u8::from(bit(2) && bit(3)) + u8::from(bit(4)) + u8::from(bit(5));
        assert_eq!(set(&two, &has), bit(0) && bit(1) && inner >= 2, "{subset:06b}");
    }
}

/// transparency-dev/formats TestParsePolicy_GroupN, without its witness that stands twice under one key.
#[test]
fn a_group_may_pass_over_witnesses() {
    let head = format!(
        "witness w1 {{W1}} https://sigsum.org/witness/\nwitness w2 {{W2}}\nwitness w4 {REMORA} https://example.com/remora\n"
    );
    let numeric = read(&format!("{head}group g1 2 w1 w2 w4\nquorum g1\n")).unwrap();
    assert!(!set(&numeric, &[2]) && set(&numeric, &[0, 2]));
    let all = read(&format!("{head}group g1 all w1 w2\nquorum g1\n")).unwrap();
    assert!(!set(&all, &[0, 2]) && set(&all, &[0, 1]));
    let any = read(&format!("{head}group g1 any w1\nquorum g1\n")).unwrap();
    assert!(!set(&any, &[1, 2]) && set(&any, &[0]));
}

#[test]
fn names_are_octets_and_keywords_are_names_like_others() {
    let kelvin = read("witness K {W1}\nwitness \u{212a} {W2}\nquorum \u{212a}\n").unwrap();
    assert!(!set(&kelvin, &[0]) && set(&kelvin, &[1]));
    let mut bytes = text("witness NAME {W1}\nquorum NAME\n");
    while let Some(at) = bytes.windows(4).position(|part| part == b"NAME") {
        bytes.splice(at..at + 4, [0xff, 0xfe]);
    }
    let policy = Policy::parse(&bytes).unwrap();
    assert_eq!(policy.witnesses()[0].name.to_string(), "\\xff\\xfe");
    assert_eq!(policy.witnesses()[0].name.as_bytes(), [0xff, 0xfe]);
    assert!(read("witness all {W1}\nwitness any {W2}\ngroup quorum all all any\nquorum quorum\n").is_ok(), "unlike formats");
}

#[test]
fn a_name_cannot_act_on_a_terminal() {
    let policy = read("witness w\u{9b}31m {W1}\nquorum none\n").unwrap();
    assert_eq!(policy.witnesses()[0].name.to_string(), "w\\u{9b}31m");
}

/// A name as a policy reads it.
fn name(text: &str) -> Octets {
    read(&format!("witness {text} {{W1}}\nquorum none\n")).unwrap().witnesses()[0].name.clone()
}

fn all_refused(cases: &[(&str, usize, PolicyFault)]) {
    for (template, line, fault) in cases {
        assert_eq!(refused(template), (*line, fault.clone()), "{template:?}");
    }
}

#[test]
fn what_others_refuse_is_refused_by_its_line_and_cause() {
    use PolicyFault as F;
    let twice = |by: &NoteSigner, role| F::KeyTwice { name: by.verifier().name().clone(), role };
    all_refused(&[
        // sigsum-go TestInvalidConfig
        ("", 0, F::NoQuorum),
        ("# \u{c}\nquorum none\n", 1, F::Control(0x0c)),
        ("# \u{7f}\nquorum none\n", 1, F::Control(0x7f)),
        ("\nlog {L1}\n  log {L1}\n", 3, twice(&log(1), "log")),
        ("\nlog {L1} http://example.org #comment\n", 2, F::LogShape),
        ("\nwitness W1 {W1}\nwitness W2 {W1}\n", 3, twice(&witness(1), "witness")),
        ("\nwitness W1 {W1}\nwitness W1 {W2}\n", 3, F::NameTaken(name("W1"))),
        ("\nwitness W1 {W1}\nwitness W2 {W2}\ngroup G all W1 W3 W2\n", 4, F::Unknown(name("W3"))),
        ("\nwitness W1 {W1}\nwitness W2 {W2}\ngroup G all W1 W2\n", 4, F::NoQuorum),
        ("\nwitness W1 {W1}\nwitness W2 {W2}\ngroup G all W1 W2 W1\n", 4, F::MemberTwice(name("W1"))),
        (
            "witness W1 {W1}\nwitness W2 {W2}\nwitness W3 {W3}\ngroup G1 all W1 W2\ngroup G2 all W3 W2\n",
            5,
            F::MemberTwice(name("W2")),
        ),
        ("\nlog {L1}\nwitness W {W1}\ngroup G all W none\nquorum G\n", 4, F::NoneMember),
        // transparency-dev/formats TestParsePolicy_Errors
        ("witness w1 {W1} https://sigsum.org/witness/\n", 1, F::NoQuorum),
        ("quorum unknown\n", 1, F::Unknown(name("unknown"))),
        ("witness w1 {W1}\ngroup g1 -1 w1\nquorum g1\n", 2, F::Threshold { found: name("-1"), members: 1 }),
        ("group none 1 witness\n", 1, F::Unknown(name("witness"))),
    ]);
}

#[test]
fn what_the_specification_does_not_admit_is_refused_by_its_line_and_cause() {
    use PolicyFault as F;
    let kind = |role, by: &NoteSigner, found, wanted| F::KeyKind { name: by.verifier().name().clone(), role, found, wanted };
    all_refused(&[
        ("witness w1 {W1}\ngroup w1 all w1\n", 2, F::NameTaken(name("w1"))),
        ("witness w1 {W1}\ngroup g all g\n", 2, F::Unknown(name("g"))),
        ("group g all w1\nwitness w1 {W1}\n", 1, F::Unknown(name("w1"))),
        ("quorum w1\nwitness w1 {W1}\n", 1, F::Unknown(name("w1"))),
        ("witness w1 {W1}\ngroup g 0 w1\n", 2, F::Threshold { found: name("0"), members: 1 }),
        ("witness w1 {W1}\ngroup g 2 w1\n", 2, F::Threshold { found: name("2"), members: 1 }),
        ("witness w1 {W1}\ngroup g 01 w1\n", 2, F::Threshold { found: name("01"), members: 1 }),
        ("witness w1 {W1}\ngroup g +1 w1\n", 2, F::Threshold { found: name("+1"), members: 1 }),
        ("witness w1 {W1}\ngroup g ALL w1\n", 2, F::Threshold { found: name("ALL"), members: 1 }),
        (
            "witness w1 {W1}\ngroup g 99999999999999999999 w1\n",
            2,
            F::Threshold { found: name("99999999999999999999"), members: 1 },
        ),
        ("witness w1 {W1}\ngroup g all\n", 2, F::GroupShape),
        ("group g\n", 1, F::GroupShape),
        ("quorum\n", 1, F::QuorumShape),
        ("quorum none none\n", 1, F::QuorumShape),
        ("quorum none\nquorum none\n", 2, F::QuorumTwice),
        ("log\n", 1, F::LogShape),
        ("witness w1\n", 1, F::WitnessShape),
        ("witness w1 {W1} https://w1/ more\n", 1, F::WitnessShape),
        ("log {L1} #comment\n", 1, F::Url(name("#comment"))),
        ("log {L1} example.org\n", 1, F::Url(name("example.org"))),
        ("witness w1 {W1} ://w1\n", 1, F::Url(name("://w1"))),
        ("log {W1}\n", 1, kind("log", &witness(1), 4, 1)),
        ("witness w1 {L1}\n", 1, kind("witness", &log(1), 1, 4)),
        ("quorum none", 1, F::Unended),
        ("quorum none\n#", 2, F::Unended),
        ("quorum none\r\n", 1, F::Control(b'\r')),
        ("quorum none\0\n", 1, F::Control(0)),
        ("Quorum none\n", 1, F::Keyword(name("Quorum"))),
        ("mirror m1 {W1}\n", 1, F::Keyword(name("mirror"))),
        ("\u{a0}quorum none\n", 1, F::Keyword(name("\u{a0}quorum"))),
        ("log {L1}x\n", 1, F::Key(NoteError::VerifierKey)),
        ("log none\n", 1, F::Key(NoteError::VerifierKey)),
    ]);
    let none = refused("witness none {W1}\n");
    assert!(matches!(&none, (1, F::NameTaken(taken)) if taken.as_bytes() == b"none"), "{none:?}");
}

#[test]
fn keys_are_compared_without_their_names() {
    let renamed = signer("another.example", KeyKind::Ed25519, 11);
    let fault = refused(&format!("log {{L1}}\nlog {}\n", renamed.verifier())).1;
    assert_eq!(fault, PolicyFault::KeyTwice { name: renamed.verifier().name().clone(), role: "log" });
    let renamed = signer("another.example", KeyKind::CosignatureV1, 51);
    let fault = refused(&format!("witness w1 {{W1}}\nwitness w2 {}\n", renamed.verifier())).1;
    assert_eq!(fault, PolicyFault::KeyTwice { name: renamed.verifier().name().clone(), role: "witness" });
    assert!(read(&format!("log {SIGSUM}\nquorum none\n")).is_ok());
}

#[test]
fn a_key_with_other_octets_is_refused() {
    let mut bytes = b"log ".to_vec();
    bytes.extend([0xff, b'\n']);
    assert_eq!(Policy::parse(&bytes), Err(PolicyError { line: 1, fault: PolicyFault::KeyNotText }));
    let six = format!("ml.example+00000000+{}", base64_encode(&[6; 33]));
    assert_eq!(refused(&format!("log {six}\n")), (1, PolicyFault::Key(NoteError::UnknownKind(6))));
}

#[test]
fn as_many_entries_as_the_bound_are_read_and_one_more_is_not() {
    let entries = |count: usize| {
        let mut text = String::new();
        for at in 0..count {
            let byte = u8::try_from(at).unwrap();
            text += &format!("log {}\n", signer(&format!("l{at}"), KeyKind::Ed25519, byte).verifier());
            text += &format!("witness w{at} {}\n", signer(&format!("w{at}"), KeyKind::CosignatureV1, 100 + byte).verifier());
            let below = if at == 0 { String::new() } else { format!(" g{}", at - 1) };
            text += &format!("group g{at} all w{at}{below}\n");
        }
        text + &format!("quorum g{}\n", count - 1)
    };
    let full = Policy::parse(entries(MAX_POLICY_ENTRIES).as_bytes()).unwrap();
    let all: Vec<_> = (0..MAX_POLICY_ENTRIES).collect();
    assert!(set(&full, &all) && !set(&full, &all[1..]), "groups stand in each other as deep as there are groups");
    let error = Policy::parse(entries(MAX_POLICY_ENTRIES + 1).as_bytes()).unwrap_err();
    assert_eq!(error, PolicyError { line: 3 * MAX_POLICY_ENTRIES + 1, fault: PolicyFault::TooMany });
    let long = [b"quorum none\n".as_slice(), &vec![b'\n'; MAX_POLICY_BYTES]].concat();
    assert_eq!(Policy::parse(&long), Err(PolicyError { line: 0, fault: PolicyFault::TooLong(long.len()) }));
    assert!(Policy::parse(&long[..MAX_POLICY_BYTES]).is_ok());
}

#[test]
fn a_policy_that_was_cut_anywhere_is_refused_or_ends_at_a_line() {
    let whole = text("log {L1} https://log/\nwitness w1 {W1}\nwitness w10 {W2}\ngroup g all w1 w10\nquorum g\n");
    for cut in 0..whole.len() {
        assert!(Policy::parse(&whole[..cut]).is_err(), "cut at {cut}");
    }
    assert!(Policy::parse(&whole).is_ok());
}

fn note(origin: &str, by: &[&NoteSigner], witnesses: &[&NoteSigner]) -> Note {
    let text = format!("{origin}\n13\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n");
    let mut lines: Vec<_> = by.iter().map(|log| log.sign(&text).unwrap()).collect();
    lines.extend(witnesses.iter().map(|witness| witness.cosign(&text, NOW.0 / 1000).unwrap()));
    Note { text, lines }
}

fn judging() -> Policy {
    read("log {L1}\nlog {L2}\nwitness w1 {W1}\nwitness w2 {W2}\nwitness w3 {W3}\nwitness w4 {W4}\ngroup g 3 w1 w2 w3 w4\nquorum g\n").unwrap()
}

/// sigsum-go TestWitnessPolicy. Where one cosignature of many is false, sigsum passes over it; C2SP signed-note refuses the note.
#[test]
fn a_quorum_of_known_witnesses_is_asked_for() {
    let (policy, log) = (judging(), log(1));
    let cases: [(&[u8], Option<u8>, bool); 8] = [
        (&[], None, false),
        (&[1], None, false),
        (&[1, 2, 5], None, false),
        (&[1, 2, 3], None, true),
        (&[2, 3, 4], None, true),
        (&[1, 2, 3, 4, 5], None, true),
        (&[1, 2, 3, 4, 5], Some(3), false),
        (&[1, 3, 4, 5], Some(3), false),
    ];
    for (witnesses, forged, accepted) in cases {
        let signers: Vec<_> = witnesses.iter().map(|at| witness(*at)).collect();
        let mut note = note("log1.example", &[&log], &signers.iter().collect::<Vec<_>>());
        if let Some(at) = forged {
            let line = note.lines.iter_mut().find(|line| line.name == *witness(at).verifier().name()).unwrap();
            line.bytes[20] ^= 1;
        }
        let judgement = policy.judge(&note);
        assert_eq!(judgement.rejections.is_empty(), accepted, "{witnesses:?}: {:?}", judgement.rejections);
        let known = witnesses.iter().filter(|at| **at <= 4 && Some(**at) != forged).count();
        assert_eq!(judgement.cosigned.len(), known);
        assert!(judgement.cosigned.iter().all(|one| one.time_seconds == NOW.0 / 1000));
        let refused = Rejection::Refused(witness(3).verifier().name().clone());
        assert_eq!(judgement.rejections.contains(&refused), forged.is_some());
        let few = Rejection::NoQuorum { found: known, listed: 4 };
        assert_eq!(judgement.rejections.contains(&few), known < 3);
    }
}

#[test]
fn only_the_key_of_the_log_that_the_note_names_makes_it_that_logs() {
    let policy = judging();
    let witnesses = [witness(1), witness(2), witness(3)];
    let witnesses: Vec<_> = witnesses.iter().collect();
    let (one, two, stranger) = (log(1), log(2), log(3));
    let judged = |origin: &str, by: &[&NoteSigner]| policy.judge(&note(origin, by, &witnesses));
    assert_eq!(judged("log1.example", &[&one]).log, Some(0));
    assert_eq!(judged("log2.example", &[&one, &two]).log, Some(1));
    let not_signed = judged("log1.example", &[&two]);
    assert_eq!((not_signed.log, not_signed.rejections), (None, vec![Rejection::NotSigned("log1.example".to_owned())]));
    let unknown = judged("log3.example", &[&stranger, &one]);
    assert_eq!((unknown.log, unknown.rejections), (None, vec![Rejection::UnknownLog("log3.example".to_owned())]));
    let impostor = signer("log1.example", KeyKind::Ed25519, 77);
    assert_eq!(judged("log1.example", &[&impostor]).rejections, [Rejection::NotSigned("log1.example".to_owned())]);
}

#[test]
fn every_reason_is_told_at_once() {
    let mut forged = note("log1.example", &[&log(1)], &[&witness(1), &witness(2)]);
    forged.lines[0].bytes[3] ^= 1;
    forged.lines[2].bytes[70] ^= 1;
    let judgement = judging().judge(&forged);
    let refused = |signer: &NoteSigner| Rejection::Refused(signer.verifier().name().clone());
    let expected = [
        refused(&log(1)),
        Rejection::NotSigned("log1.example".to_owned()),
        refused(&witness(2)),
        Rejection::NoQuorum { found: 1, listed: 4 },
    ];
    assert_eq!(judgement.rejections, expected);
}
