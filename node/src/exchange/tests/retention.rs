//! Retention under a clock that is moved: what goes when, what both the log and the status say, and what a failure says.

use creditbay_configs::rules::record::{Fact, Record};
use creditbay_protocol::answer::{Answer, Reply};
use creditbay_protocol::calendar::Day;
use creditbay_protocol::erasure::{Erased, ErasedPart, ErasureGround, ErasureScope};
use creditbay_protocol::event::Event;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::LeafBody;
use creditbay_protocol::opening::{Held, Revealed};
use creditbay_protocol::predicate::{AttestationType, Severity};
use creditbay_protocol::shown::Field;

use super::bay::{COMPANY, answered, bay, clean, kinds, sample_pack};
use super::erasure::{pass, rows, shown, stored};
use crate::log::fault::LogError;
use crate::log::rows::Row;
use crate::store::documents::{Action, Amendment, DocumentId};
use crate::store::erasure as erasure_rows;

#[tokio::test(start_paused = true)]
async fn retention_takes_the_receipt_after_days_and_the_opening_after_months_and_says_so() {
    let bay = bay();
    answered(&bay, clean()).await;
    let usable_until = rows(&bay.hk)
        .into_iter()
        .find_map(|row| match row {
            Row::Receipt { answer: Answer { reply: Reply::Answered(said), .. }, .. } => Some(said.verdicts[0].valid_until),
            _ => None,
        })
        .unwrap();
    let hk = &bay.hk.exchange;
    let last = usable_until.plus_days(30);
    let days = u64::try_from(last.number() - hk.clock.now().day().number()).unwrap();
    hk.retain().await;
    assert_eq!((kinds(&bay.hk), hk.retained_today()), (vec!["query"], true), "nothing is overdue");
    pass(&bay, days);
    hk.retain().await;
    assert_eq!(kinds(&bay.hk), ["query"], "nor on the last day");
    pass(&bay, 1);
    assert!(!hk.retained_today());
    hk.retain().await;
    assert_eq!(kinds(&bay.hk), ["query", "erased"]);
    let list = erasure_rows::list(&bay.hk.store, 2).unwrap().unwrap();
    assert_eq!(list.entries.iter().map(|entry| (entry.index, entry.part)).collect::<Vec<_>>(), [(1, ErasedPart::Receipt)]);
    let line = shown(&bay.hk, 1, Field::Message).await;
    assert!(matches!(&line.check(&stored(&bay.hk, 1)).unwrap()[..], [Revealed::Query(_)]), "the record of the disclosure opens");
    let LeafBody::Event(Event::Erased(erased)) = stored(&bay.hk, 2).body else { panic!("no erasure") };
    assert_eq!((erased.ground, erased.scope), (ErasureGround::RetentionOver, ErasureScope::Retention(last.plus_days(1))));
    hk.retain().await;
    assert_eq!(kinds(&bay.hk).len(), 3, "what is erased is not erased again");
    pass(&bay, 5 * 366);
    hk.retain().await;
    bay.gz.exchange.retain().await;
    for city in [&bay.hk, &bay.gz] {
        assert!(matches!(shown(city, 1, Field::Subject).await.holds, Held::Erased { .. }));
    }
    assert!(hk.outstanding().unwrap().is_empty(), "the other side keeps by the same periods and needs no notice");
    assert_eq!(hk.erasures.retention().erased, 3, "the receipt, the query, and that it was shown");
}

#[tokio::test(start_paused = true)]
async fn a_record_goes_the_day_after_no_question_can_see_it_and_its_neighbour_stays() {
    let bay = bay();
    let gz = &bay.gz.exchange;
    drop(gz.orders.in_force(&gz.log, gz.clock.now()).await.unwrap());
    let subject = Identifier::parse(Scheme::Uscc, COMPANY).unwrap();
    let (today, severity) = (gz.clock.now().day(), Severity::General);
    let penalty = |document: &DocumentId, decided_on: Day, repaired_on| {
        let published_until = sample_pack().regimes().publication_end(decided_on, severity, None);
        let (withdrawn_on, contested, severity_derived) = (None, false, false);
        let fact =
            Fact::Penalty { decided_on, severity, severity_derived, published_until, repaired_on, withdrawn_on, contested };
        Record { register: AttestationType::Penalty, key: document.record_key(AttestationType::Penalty, decided_on), fact }
    };
    let documents = ["1", "2"].map(|number| DocumentId::of(number, "11440100YL910001XF", &subject));
    let (first, second) = (penalty(&documents[0], today, Some(today)), penalty(&documents[1], today.plus_days(1), None));
    gz.records.merge(vec![(subject, first), (subject, second.clone())]).unwrap();
    let upheld = |document| (subject, Amendment { document, action: Action::ObjectionRejected, on: today });
    gz.records.amend(documents.map(upheld).into()).unwrap();
    let last = sample_pack().regimes().publication_end(today, severity, None);
    pass(&bay, u64::try_from(last.number() - today.number()).unwrap());
    gz.retain().await;
    assert_eq!((kinds(&bay.gz), gz.records.of(&subject).unwrap().len()), (Vec::new(), 3), "not on the last day, though repaired");
    pass(&bay, 1);
    assert!(!gz.retained_today());
    gz.retain().await;
    let LeafBody::Event(Event::Erased(erased)) = stored(&bay.gz, 1).body else { panic!("no erasure") };
    assert_eq!(erased, Erased::of_records(ErasureGround::RetentionOver));
    let left = gz.records.of(&subject).unwrap();
    assert!(left.len() == 2 && left.contains(&second), "{left:?}");
    assert_eq!((gz.records.rows()[&AttestationType::Penalty], gz.erasures.retention().erased), (1, 2), "and what was amended");
    gz.retain().await;
    assert_eq!(kinds(&bay.gz), ["erased"], "nothing more is over today");
    pass(&bay, 1);
    gz.retain().await;
    assert_eq!((kinds(&bay.gz).len(), gz.records.of(&subject).unwrap().len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn retention_that_fails_says_for_how_long() {
    let bay = bay();
    answered(&bay, clean()).await;
    let hk = &bay.hk.exchange;
    hk.retain().await;
    assert!(hk.metrics.text().contains("creditbay_retention_overdue_days 0"));
    hk.log.stop(LogError::Closed);
    pass(&bay, 400);
    hk.retain().await;
    assert!(hk.metrics.text().contains("creditbay_retention_overdue_days 400"), "{}", hk.metrics.text());
    assert!(hk.erasures.retention().failed.is_some() && !hk.retained_today());
}
