//! The steps of the story that show and erase what opens leaves, of the log that runs and of one that has ended. Not here: the others
//! (`steps`).

use creditbay_protocol::erasure::ErasureGround;
use creditbay_protocol::event::Event;
use creditbay_protocol::leaf::LeafBody;
use creditbay_protocol::opening::Held;
use creditbay_protocol::predicate::Purpose;
use creditbay_protocol::shown::Field;

use super::super::super::erase::Target;
use super::asking::ask;
use super::sea::Sea;
use super::telling::{DAY_MS, HOUR_MS, Said, failed, first, last, leaves, pass, status};
use crate::log::find;
use crate::store::before::Before;
use crate::store::erasure as rows;

pub(super) async fn opened(sea: &Sea) -> Said {
    let answer = first(sea, 0, |leaf| matches!(leaf, LeafBody::Answer { .. }))?;
    let lines = sea.gz()?.open(vec![answer], &[Field::Subject], "a test".to_owned()).await.map_err(failed)?;
    match &lines[0].holds {
        Held::Fields(fields) if fields.len() == 1 => Ok("opened".to_owned()),
        other => Err(format!("not opened: {other:?}")),
    }
}

/// The newest answer may still be used: the bytes wait for the peer.
pub(super) async fn early_erasure(sea: &Sea) -> Said {
    if sea.early.lock().unwrap().is_none() {
        ask(sea, status(Purpose::Fin)).await?;
        let query = last(sea, 1, |leaf| matches!(leaf, LeafBody::Query { .. }))?;
        *sea.early.lock().unwrap() = Some(query);
    }
    let query = sea.early.lock().unwrap().unwrap_or(0);
    pass(sea, HOUR_MS);
    erase(sea, query, true).await
}

pub(super) async fn erasure(sea: &Sea) -> Said {
    pass(sea, 10 * DAY_MS);
    let query = first(sea, 1, |leaf| matches!(leaf, LeafBody::Query { .. }))?;
    erase(sea, query, false).await
}

/// Erases what opens a query, here and, by a notice, there.
pub(super) async fn erase(sea: &Sea, query: u64, early: bool) -> Said {
    let hk = sea.hk()?;
    let erased = async || {
        let lines = hk.open(vec![query], &[Field::Subject], "a test".to_owned()).await.map_err(failed)?;
        Ok::<_, String>(matches!(lines[0].holds, Held::Erased { .. }))
    };
    if !erased().await? {
        hk.erase(Target::Leaf(query), ErasureGround::SubjectRequest, early, |_| {}).await.map_err(failed)?;
    }
    hk.send_notices().await.map_err(failed)?;
    if !hk.outstanding().map_err(failed)?.is_empty() {
        return Err("a notice is outstanding".to_owned());
    }
    if erased().await? { Ok("erased".to_owned()) } else { Err("not erased".to_owned()) }
}

pub(super) async fn retention(sea: &Sea) -> Said {
    for days in [60, 5 * 366] {
        pass(sea, days * DAY_MS);
        sea.around.words.lock().unwrap().retained = true;
        for node in [sea.hk()?, sea.gz()?] {
            node.retain().await;
            if !node.retained_today() {
                return Err(format!("{} lags", node.me));
            }
        }
    }
    Ok("retained".to_owned())
}

/// The issuer erases an answer that may still be used; whether or not a start tells the peer before the log ends.
pub(super) async fn left_over(sea: &Sea) -> Said {
    if sea.left_over.lock().unwrap().is_none() {
        ask(sea, status(Purpose::Fin)).await?;
        let answer = last(sea, 0, |leaf| matches!(leaf, LeafBody::Answer { .. }))?;
        *sea.left_over.lock().unwrap() = Some(answer);
    }
    let (gz, answer) = (sea.gz()?, sea.left_over.lock().unwrap().unwrap_or(0));
    pass(sea, HOUR_MS);
    let erased = |leaf: &LeafBody| matches!(leaf, LeafBody::Event(Event::Erased(erased)) if erased.early && erased.ground == ErasureGround::Order);
    if !leaves(sea, 0)?.iter().any(erased) {
        gz.erase(Target::Leaf(answer), ErasureGround::Order, true, |_| {}).await.map_err(failed)?;
    }
    Ok("erased by force".to_owned())
}

pub(super) async fn taken_up(sea: &Sea) -> Said {
    let (gz, answer) = (sea.gz()?, sea.left_over.lock().unwrap().unwrap_or(0));
    gz.finish_all_erasures().await.map_err(failed)?;
    gz.send_notices().await.map_err(failed)?;
    if !gz.outstanding().map_err(failed)?.is_empty() {
        return Err("a notice is outstanding".to_owned());
    }
    let before = Before::last(&**gz.log.store());
    if find::row(&before, &gz.seals, answer).map_err(failed)?.is_some() || !rows::pending(&before).map_err(failed)?.is_empty() {
        return Err("what the log that ended left undone is not done".to_owned());
    }
    Ok("taken up".to_owned())
}
