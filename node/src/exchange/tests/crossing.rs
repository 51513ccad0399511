//! Both sides of an exchange erase it at once, each before the other knows.

use std::sync::atomic::Ordering;

use creditbay_protocol::erasure::ErasureGround;

use super::super::erase::Target;
use super::bay::{City, answered, bay, clean, kinds};
use super::erasure::rows;

fn opens(city: &City) -> bool {
    rows(city).iter().any(|row| row.opens() == Some(1))
}

#[tokio::test(start_paused = true)]
async fn two_erasures_that_cross_are_carried_out_before_either_side_says_so() {
    let bay = bay();
    answered(&bay, clean()).await;
    bay.time.fetch_add(300_000, Ordering::AcqRel);
    for city in [&bay.hk, &bay.gz] {
        let report = city.exchange.erase(Target::Leaf(1), ErasureGround::SubjectRequest, true, |_| {}).await.unwrap();
        assert!(report.waits && opens(city));
    }
    assert_eq!(bay.gz.exchange.send_notices().await.unwrap(), 1);
    assert!(!opens(&bay.hk), "its word is that nothing is left");
    assert!(!opens(&bay.gz));
    assert_eq!(bay.hk.exchange.send_notices().await.unwrap(), 1);
    assert_eq!(kinds(&bay.hk), ["query", "erased", "erasure-notified", "erased"]);
    assert_eq!(kinds(&bay.gz), ["answer", "erased", "erasure-notified", "erased"]);
    assert!(bay.hk.exchange.outstanding().unwrap().is_empty() && bay.gz.exchange.outstanding().unwrap().is_empty());
}
