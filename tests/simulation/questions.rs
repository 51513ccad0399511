//! What services ask in a schedule: the sample questions, put to whom they belong and at times to another; authorisations and portfolios
//! where a question has one; and queries of a node that does not mind its own rules.
//!
//! Not here: when (`schedule`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use creditbay_crypto::hash::Digest;
use creditbay_node::exchange::ask::Outcome;
use creditbay_node::exchange::compose::{About, Question};
use creditbay_node::exchange::fault::AskError;
use creditbay_node::log::entry::Entry;
use creditbay_protocol::authorisation::{
    Agreed, Authorisation, Language, NamedSubject, Notice, SignedAuthorisation, Types, Uses,
};
use creditbay_protocol::name::{Name, Region};
use creditbay_protocol::predicate::{Lane, LegalBasis, Predicates};
use creditbay_protocol::query::{Presented, Query, Subject};
use creditbay_protocol::requester::Asked;

use super::bay::{Bay, lock};
use super::ground::{Asking, Ground};
use super::model::rules::ROGUE;
use super::process::Process;

const DAY_MS: u64 = 86_400_000;

/// What entities permitted so far, by question and organisation.
#[derive(Default)]
pub(crate) struct Permitted(Mutex<BTreeMap<(String, String), SignedAuthorisation>>);

impl Permitted {
    /// Every authorisation that was used.
    pub(crate) fn all(&self) -> Vec<SignedAuthorisation> {
        lock(&self.0).values().cloned().collect()
    }

    fn of(&self, bay: &Bay, asking: &Asking, organisation: &str) -> Option<SignedAuthorisation> {
        let subject = asking.subject.filter(|_| asking.lane == 'A')?;
        let mut permitted = lock(&self.0);
        let known = (asking.id.clone(), organisation.to_owned());
        // What has run out is at times presented still, at times permitted anew.
        let now = bay.city(asking.issuer).machine.right();
        if permitted.get(&known).is_some_and(|signed| signed.authorisation.expires <= now) && bay.chance.happens(500) {
            permitted.remove(&known);
        }
        Some(permitted.entry(known).or_insert_with(|| permit(bay, asking, subject, organisation)).clone())
    }
}

fn permit(
    bay: &Bay,
    asking: &Asking,
    subject: creditbay_protocol::identifier::Identifier,
    organisation: &str,
) -> SignedAuthorisation {
    let now = bay.city(asking.issuer).machine.wall();
    let lasts = if bay.chance.happens(300) { bay.chance.between(500, 20_000) } else { 10 * DAY_MS };
    let nonce = Digest::of(&bay.chance.number().to_le_bytes()).0;
    let authorisation = Authorisation {
        nonce: std::array::from_fn(|at| nonce[at]),
        channel: name(&format!("portal.{}", asking.issuer)),
        subject: NamedSubject(subject),
        issuer: asking.issuer,
        asker: asking.asker,
        organisation: name(organisation),
        purpose: asking.purpose,
        types: Types::of(&[asking.predicate.of()]).expect("invariant: one type"),
        notice: Notice { version: 1, language: Language::ZhHans, digest: Digest::of(b"the notice") },
        agreed: Agreed { provide: true, sensitive: true, export: true },
        granted: now.minus(3_600_000),
        expires: now.plus(lasts),
        uses: Uses::new(bay.chance.between(1, 3) as u16).expect("invariant: within bounds"),
    };
    authorisation.sign(&bay.directories.channel_key(asking.issuer))
}

fn name<const MAX: usize>(text: &str) -> Name<MAX> {
    Name::new(text).expect("invariant: a short name")
}

/// Who asks for it.
fn organisation(bay: &Bay, asking: &Asking) -> String {
    match asking.lane {
        'R' => format!("regulator.{}", asking.asker),
        _ => format!("{}.{}", bay.chance.pick(&["bank", "window"]), asking.asker),
    }
}

/// Any question of the samples that this city may be asked to put; few of them, so that subjects come again.
pub(crate) fn drawn(bay: &Bay, asker: Region, few: u64) -> &'static Asking {
    let ground: &'static Ground = bay.ground;
    let of_city: Vec<_> = ground.askings.iter().filter(|asking| asking.asker == asker).collect();
    of_city[(bay.chance.below(few) * 7 % of_city.len() as u64) as usize]
}

/// Puts a question as a service does, at times to another city than the one that knows.
pub(crate) fn ask(
    bay: &Arc<Bay>,
    process: &Arc<Process>,
    permitted: &Permitted,
    asking: &'static Asking,
    portfolio: Option<Digest>,
) {
    let elsewhere = bay.chance.happens(30).then(|| *bay.chance.pick(&bay.regions()));
    put(bay, process, permitted, asking, elsewhere.unwrap_or(asking.issuer), portfolio);
}

/// Puts a question to the city that knows.
pub(crate) fn ask_there(bay: &Arc<Bay>, process: &Arc<Process>, permitted: &Permitted, asking: &'static Asking) {
    put(bay, process, permitted, asking, asking.issuer, None);
}

/// What the service gets goes to the model.
fn put(
    bay: &Arc<Bay>,
    process: &Arc<Process>,
    permitted: &Permitted,
    asking: &'static Asking,
    issuer: Region,
    portfolio: Option<Digest>,
) {
    let organisation = organisation(bay, asking);
    let authorisation = if bay.chance.happens(950) { permitted.of(bay, asking, &organisation) } else { None };
    let question = Question {
        organisation: name(&organisation),
        operator: name("clerk"),
        purpose: asking.purpose,
        subject: match asking.subject {
            Some(subject) => About::Entity(subject),
            None if asking.lane == 'C' => About::Bearer,
            None => About::NaturalPerson,
        },
        issuer: Some(issuer),
        predicates: Predicates::new(vec![asking.predicate]).expect("invariant: one predicate"),
        authorisation,
        digest: asking.digest,
        portfolio,
    };
    let asker = asking.asker;
    bay.story.tell("question", format_args!("{asker} for {organisation}: {}", asking.id));
    let (bay, asking_process) = (bay.clone(), process.clone());
    process.spawn(async move {
        asking_process.serving.wait().await;
        match asking_process.exchange.ask(question).await {
            Ok(Outcome::Answered(answer)) => {
                let attestation = answer.attestation();
                let said = attestation.content.refusal.map_or("an answer", |refusal| refusal.name());
                bay.story.tell("served", format_args!("{asker} from {issuer}: {said}"));
                bay.model.served(asker, issuer, &attestation);
            }
            Ok(Outcome::Declined { refusal, .. }) => {
                bay.story.tell("declined", format_args!("{asker}: {}", refusal.name()));
            }
            Err(AskError::OwnSubject) => bay.story.tell("own subject", asker),
            Err(error) => bay.story.tell("not answered", format_args!("{asker} from {issuer}: {error}")),
        }
    });
}

/// Logs and sends a query that the node's own rules and ledger never saw.
pub(crate) fn ask_as_rogue(bay: &Arc<Bay>, process: &Arc<Process>, permitted: &Permitted, asking: &'static Asking) {
    let Some(subject) = asking.subject else { return };
    let organisation = format!("bank.{}", asking.asker);
    let authorisation = permitted.of(bay, asking, &organisation).map(|signed| Presented {
        number: Uses::new(bay.chance.between(1, 3) as u16).expect("invariant: within bounds"),
        signed,
    });
    let (bay, asking_process) = (bay.clone(), process.clone());
    bay.story.tell("rogue question", format_args!("{}: {}", asking.asker, asking.id));
    process.spawn(async move {
        asking_process.serving.wait().await;
        let exchange = &asking_process.exchange;
        let pack = exchange.orders.read().await.pack().digest();
        let query = Query {
            asker: asking.asker,
            issuer: asking.issuer,
            organisation: name(&organisation),
            operator: name(ROGUE),
            purpose: asking.purpose,
            subject: Subject::Entity(subject),
            predicates: Predicates::new(vec![asking.predicate]).expect("invariant: one predicate"),
            lane: match authorisation {
                Some(_) => Lane::Authorised,
                None if bay.chance.happens(700) => Lane::Public,
                None => Lane::Regulators,
            },
            legal_basis: *bay.chance.pick(&[LegalBasis::CnPub, LegalBasis::CnEntAuth]),
            pack,
            expires: exchange.clock.now().plus(bay.chance.between(1_000, 125_000)),
            digest: asking.digest,
            authorisation,
            portfolio: None,
        };
        let asked = Arc::new(Asked::new(query, exchange.entropy.seed()));
        let Ok(appended) = exchange.log.append(Entry::Query(asked.clone())).await else { return };
        let outcome = exchange.carry_through(asked, appended).await;
        let said = outcome.map_or_else(|error| error.to_string(), |_| "a reply".to_owned());
        bay.story.tell("rogue answered", format_args!("{}: {said}", asking.asker));
    });
}
