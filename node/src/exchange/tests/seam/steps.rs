//! The story: everything that makes a node write, step by step. Each step may be begun again after a failure, and says what came of it in
//! words that do not depend on how often it was.
//!
//! Not here: the restart after a failure (`sea`).

use std::sync::atomic::Ordering;

use creditbay_configs::rules::record::{Fact, Record, Report};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::domains::Domains;
use creditbay_protocol::event::{Event, RetirementGround, Suspended};
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::LeafBody;
use creditbay_protocol::name::Name;
use creditbay_protocol::predicate::{AttestationType, Predicate, Purpose, RegistrationStatus, Severity};
use creditbay_protocol::witness::{Submission, WitnessFault};

use super::super::super::compose::{About, Question};
use super::super::bay::{COMPANY, NOON, question, region, sample_key};
use super::asking::{ask, authorised, permitted, rogue};
use super::erasing::{early_erasure, erasure, left_over, opened, retention, taken_up};
use super::ground::REPORT;
use super::sea::Sea;
use super::telling::{HOUR_MS, Said, failed, leaves, pass, status};
use crate::log::fault::LogError;
use crate::store::persons::{PersonFact, PersonRow};
use crate::witness::door::DoorFault;

/// The steps, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Import,
    Answer,
    ThreeAtOnce,
    Authorised,
    Bearer,
    Portfolio,
    Declined,
    Refused,
    Suspended,
    Withdrawn,
    Abandoned,
    Cosigned,
    Alarm,
    TurnedAway,
    Opened,
    NewPack,
    Withheld,
    EarlyErasure,
    Erasure,
    Retention,
    LeftOver,
    Retired,
    NextLog,
    TakenUp,
}

impl Step {
    /// All of them.
    pub(super) const ALL: [(Self, &'static str); 24] = [
        (Self::Import, "records, a report and a person's row come in"),
        (Self::Answer, "a question is answered"),
        (Self::ThreeAtOnce, "three questions at once"),
        (Self::Authorised, "a use of an authorisation"),
        (Self::Bearer, "a person carries a report"),
        (Self::Portfolio, "a portfolio is declared and used"),
        (Self::Declined, "a question is declined at home"),
        (Self::Refused, "a query is refused"),
        (Self::Suspended, "a suspension and its end"),
        (Self::Withdrawn, "an authorisation is withdrawn"),
        (Self::Abandoned, "a spoiled reply, an abandoned query"),
        (Self::Cosigned, "each cosigns the other's head"),
        (Self::Alarm, "a fork, its evidence, and trust again"),
        (Self::TurnedAway, "refusals beyond the budget are reported"),
        (Self::Opened, "an opening is shown"),
        (Self::NewPack, "the next rule pack takes over"),
        (Self::Withheld, "an answer without its witness is withheld"),
        (Self::EarlyErasure, "an erasure by force that waits for the peer"),
        (Self::Erasure, "an erasure on both sides"),
        (Self::Retention, "retention of receipts, and of all"),
        (Self::LeftOver, "an erasure by force, of which the peer does not hear yet"),
        (Self::Retired, "the issuer's log is retired"),
        (Self::NextLog, "the next log begins and takes orders"),
        (Self::TakenUp, "the peer hears of what the last log left undone"),
    ];

    /// Does it.
    pub(super) async fn act(self, sea: &Sea) -> Said {
        match self {
            Self::Import => import(sea),
            Self::Answer => Box::pin(ask(sea, status(Purpose::Fin))).await,
            Self::ThreeAtOnce => {
                let asking = || Box::pin(ask(sea, status(Purpose::Fin)));
                let (one, two, three) = tokio::join!(asking(), asking(), asking());
                Ok(format!("{}, {}, {}", one?, two?, three?))
            }
            Self::Authorised => Box::pin(ask(sea, authorised())).await,
            Self::Bearer => Box::pin(ask(sea, carried())).await,
            Self::Portfolio => Box::pin(portfolio(sea)).await,
            Self::Declined => Box::pin(ask(sea, status(Purpose::Prof))).await,
            Self::Refused => Box::pin(rogue(sea)).await,
            Self::Suspended => Box::pin(suspended(sea)).await,
            Self::Withdrawn => Box::pin(withdrawn(sea)).await,
            Self::Abandoned => Box::pin(abandoned(sea)).await,
            Self::Cosigned => Ok(format!("{}, {}", cosigned(sea, 0, 1).await?, cosigned(sea, 1, 0).await?)),
            Self::Alarm => Box::pin(alarm(sea)).await,
            Self::TurnedAway => Box::pin(turned_away(sea)).await,
            Self::Opened => Box::pin(opened(sea)).await,
            Self::NewPack => Box::pin(new_pack(sea)).await,
            Self::Withheld => Box::pin(ask(sea, status(Purpose::Inv))).await,
            Self::EarlyErasure => Box::pin(early_erasure(sea)).await,
            Self::Erasure => Box::pin(erasure(sea)).await,
            Self::Retention => Box::pin(retention(sea)).await,
            Self::Retired => Box::pin(retired(sea)).await,
            Self::LeftOver => Box::pin(left_over(sea)).await,
            Self::NextLog => Box::pin(next_log(sea)).await,
            Self::TakenUp => Box::pin(taken_up(sea)).await,
        }
    }
}

fn company() -> Identifier {
    Identifier::parse(Scheme::Uscc, COMPANY).unwrap()
}

fn carried() -> Question {
    let of = AttestationType::ResIntegrity;
    let matches = Predicate::HashMatches { of, domains: Domains::NONE, window_months: 0 };
    Question { subject: About::Bearer, issuer: Some(region("gz")), digest: Some(REPORT), ..question(Purpose::Rnd, matches) }
}

fn import(sea: &Sea) -> Said {
    let records = sea.gz()?.records.clone();
    let registered = Fact::Registration { status: RegistrationStatus::Active, since: "2020-01-01".parse().unwrap() };
    let record = Record { register: AttestationType::RegStatus, key: Digest::of(b"registration"), fact: registered };
    records.merge(vec![(company(), record)]).map_err(failed)?;
    let day = |text: &str| text.parse().unwrap();
    let report = Report {
        of: AttestationType::ResIntegrity,
        about: None,
        domains: Domains::NONE,
        from: day("2021-05-01"),
        issued_on: day("2026-05-01"),
        valid_until: day("2027-04-30"),
        withdrawn_on: None,
    };
    records.keep_reports(vec![(REPORT, report)]).map_err(failed)?;
    for register in [AttestationType::RegStatus, AttestationType::ResIntegrity] {
        records.synchronise(register, Millis(NOON - 1_000)).map_err(failed)?;
    }
    let persons = records.persons();
    let person = persons.pseudonyms().of("440106199003071231");
    let entry = persons.pseudonyms().entry(person, AttestationType::Penalty, "1", "11440100YL910001XF");
    let (register, severity) = (AttestationType::Penalty, Some(Severity::Minor));
    let fact = PersonFact { register, on: day("2026-06-01"), until: None, severity };
    persons.keep(&[PersonRow { person, entry, fact }]).map_err(failed)?;
    sea.around.words.lock().unwrap().imported = true;
    Ok("imported".to_owned())
}

async fn portfolio(sea: &Sea) -> Said {
    let bank = Name::new("bank.hk").unwrap();
    let declared = sea.hk()?.declare(bank, Purpose::Fin, 2, 5).await.map_err(failed)?;
    ask(sea, Question { portfolio: Some(declared.digest()), ..status(Purpose::Fin) }).await
}

async fn suspended(sea: &Sea) -> Said {
    let peer = Suspended::Peer(region("hk"));
    sea.gz()?.suspend(peer, true).await.map_err(failed)?;
    let while_suspended = ask(sea, status(Purpose::Fin)).await?;
    sea.gz()?.suspend(peer, false).await.map_err(failed)?;
    Ok(format!("{while_suspended}, then {}", ask(sea, status(Purpose::Fin)).await?))
}

async fn withdrawn(sea: &Sea) -> Said {
    let authorisation = permitted().authorisation;
    let (digest, channel) = (authorisation.digest(), authorisation.channel);
    let withdrawal = creditbay_protocol::authorisation::Withdrawal { authorisation: digest, channel, at: Millis(NOON) };
    sea.gz()?.withdraw(&withdrawal.sign(&sample_key("gz", "channel"))).await.map_err(failed)?;
    ask(sea, authorised()).await
}

async fn abandoned(sea: &Sea) -> Said {
    sea.spoil.store(true, Ordering::Release);
    let said = ask(sea, status(Purpose::Fin)).await;
    sea.spoil.store(false, Ordering::Release);
    match said {
        Err(_) if leaves(sea, 1)?.iter().any(|leaf| matches!(leaf, LeafBody::Abandoned { .. })) => Ok("abandoned".to_owned()),
        other => Err(format!("the reply was not spoiled: {other:?}")),
    }
}

async fn cosigned(sea: &Sea, log: usize, witness: usize) -> Said {
    let (log, witness) = (sea.node(log)?, sea.node(witness)?);
    let (head, origin) = (log.exchange.log.head(), *log.exchange.log.origin());
    sea.show(&log.exchange, &witness.exchange)?;
    let mut old = 0;
    for _ in 0..3 {
        let proof = log.exchange.log.consistency(old, &head).map_err(failed)?;
        let body = Submission::new(old, proof, head.signed().note_bytes()).body();
        match witness.door.add_checkpoint(&body).await {
            Ok(_) => {
                let size = head.signed().checkpoint().size;
                sea.around.words.lock().unwrap().cosigned.insert((witness.exchange.me, origin, size));
                return Ok("cosigned".to_owned());
            }
            Err(DoorFault::Refused(WitnessFault::Conflict { latest })) => old = latest,
            Err(error) => return Err(failed(error)),
        }
    }
    Err("not cosigned".to_owned())
}

/// A log that nobody keeps shows two trees of one size.
async fn alarm(sea: &Sea) -> Said {
    let (gz, origin) = (sea.gz()?, "sz.creditbay/log/1".parse().unwrap());
    let signer = NoteSigner::new("sz.creditbay/log/1".parse().unwrap(), KeyKind::Ed25519, sample_key("sz", "log"));
    let (seen, trust) = (gz.log.seen(), gz.log.seen().trust());
    let decided = || trust.cases(&origin).map(|cases| cases.iter().any(|case| case.decided.is_some())).map_err(failed);
    if decided()? && trust.suspended(&origin).is_none() {
        return Ok("trusted again".to_owned());
    }
    for root in [1, 2] {
        let note = Checkpoint { origin, size: 1, root: Digest([root; 32]) }.sign(&signer).map_err(failed)?;
        drop(seen.hear(&origin, seen.size(&origin), &note.note_bytes(), &[]));
    }
    if trust.suspended(&origin).is_none() || trust.cases(&origin).map_err(failed)?.is_empty() {
        return Err("the evidence is not kept".to_owned());
    }
    gz.trust_again(region("sz"), "a test").await.map_err(failed)?;
    if decided()? { Ok("trusted again".to_owned()) } else { Err("nothing was decided".to_owned()) }
}

async fn turned_away(sea: &Sea) -> Said {
    for _ in 0..9 {
        match rogue(sea).await {
            Ok(_) => {}
            Err(reason) if reason.contains("leaf_budget_spent") => break,
            Err(reason) => return Err(reason),
        }
    }
    pass(sea, 61_000);
    sea.gz()?.report_turned_away().await;
    let reported = leaves(sea, 0)?.iter().any(|leaf| matches!(leaf, LeafBody::Event(Event::TurnedAway { .. })));
    if reported { Ok("reported".to_owned()) } else { Err("not reported".to_owned()) }
}

async fn new_pack(sea: &Sea) -> Said {
    let midnight = NOON + 12 * HOUR_MS;
    let now = sea.around.time.load(Ordering::Acquire);
    pass(sea, midnight.saturating_sub(now));
    let said = ask(sea, status(Purpose::Fin)).await?;
    let packs = [sea.gz()?, sea.hk()?].map(|node| node.log.store().clone());
    let serials = packs.iter().map(|store| crate::store::ledger::activations(&**store).map(|all| all.len()));
    let serials = serials.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    if serials == [2, 2] { Ok(said) } else { Err(format!("activations: {serials:?}")) }
}

async fn retired(sea: &Sea) -> Said {
    if sea.machines[0].number() == 2 {
        return Ok("retired".to_owned());
    }
    match sea.gz()?.retire(RetirementGround::KeyChange).await {
        Ok(_) => {}
        Err(super::super::super::order::OrderError::Log(LogError::Retired { .. })) => {}
        Err(error) => return Err(failed(error)),
    }
    sea.note_heads();
    sea.machines[0].next_log();
    // The operator starts it.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    sea.gz().map(|_| "retired".to_owned())
}

async fn next_log(sea: &Sea) -> Said {
    let gz = sea.gz()?;
    for in_force in [true, false] {
        gz.suspend(Suspended::Type(AttestationType::SerAny), in_force).await.map_err(failed)?;
    }
    let begun = leaves(sea, 0)?;
    let began = matches!(begun.first(), Some(LeafBody::Event(Event::LogBegun { .. })));
    if began { Ok("begun".to_owned()) } else { Err("not begun".to_owned()) }
}
