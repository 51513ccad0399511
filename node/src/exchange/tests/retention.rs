//! Retention under a clock that is moved: what goes when, what both the log and the status say, and what a failure says.

use creditbay_protocol::answer::{Answer, Reply};
use creditbay_protocol::erasure::{ErasedPart, ErasureGround, ErasureScope};
use creditbay_protocol::event::Event;
use creditbay_protocol::leaf::LeafBody;
use creditbay_protocol::opening::{Held, Revealed};
use creditbay_protocol::shown::Field;

use super::bay::{answered, bay, clean, kinds};
use super::erasure::{pass, rows, shown, stored};
use crate::log::fault::LogError;
use crate::log::rows::Row;
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
