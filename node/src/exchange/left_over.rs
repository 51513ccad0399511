//! What a log that has ended left undone of erasures is taken up by the one after it (PROTOCOL 32.4).
//!
//! An erasure that waited for a peer, or that a crash cut short, is logged anew as far as something of it is still kept; a notice that no
//! peer has acknowledged is given anew. Only then is it removed from the log that ended. Retention is not taken up: it looks at every log
//! by itself. Not here: carrying through (`log::erase`), orders to erase records (`erase_records`).

use std::collections::BTreeSet;
use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::erasure::{Erased, ErasedPart, ErasureGround, ErasureScope};
use creditbay_protocol::event::Event;
use creditbay_protocol::leaf::LeafBody;
use creditbay_protocol::name::Origin;

use super::Exchange;
use super::erase::START;
use super::kept::{LeafAt, Wanted};
use crate::log::fault::LogError;
use crate::store::before::Before;
use crate::store::erasure::{self as rows, ToTell};
use crate::store::{Batch, Store, Tree};

impl Exchange {
    /// Logs anew what the logs that have ended left undone. Done again after a crash it may give a notice twice; the peer then has nothing
    /// more to erase, and says so.
    pub(super) async fn take_up(self: &Arc<Self>) -> Result<(), LogError> {
        for (back, head) in self.log.ended()? {
            let store = self.log.store().clone();
            let before = Before { store: &*store, back };
            let pending: Vec<u64> = rows::pending(&before)?.into_iter().map(|(erasure, _)| erasure).collect();
            let mut batch = Batch::default();
            for erasure in &pending {
                self.erase_again(&before, &head.origin, *erasure).await?;
                rows::remove_pending(&mut batch, *erasure);
            }
            self.tell_again(&before, &head.origin, &pending.into_iter().collect(), &mut batch).await?;
            if !batch.removals().is_empty() {
                before.commit(Tree::Log, batch)?;
            }
        }
        Ok(())
    }

    /// Logs one erasure anew, if something of it is still kept.
    async fn erase_again(self: &Arc<Self>, before: &Before<'_>, log: &Origin, erasure: u64) -> Result<(), LogError> {
        let Erased { ground, scope, early, .. } = self.erased(log, erasure)?;
        if ground == ErasureGround::RetentionOver {
            return Ok(());
        }
        let entries = rows::list(before, erasure)?.map(|list| list.entries).unwrap_or_default();
        let whole = entries.iter().filter(|entry| entry.part == ErasedPart::Exchange);
        let leaves: BTreeSet<LeafAt> = whole.map(|entry| LeafAt { log: entry.log, index: entry.index }).collect();
        let _choosing = self.erasures.choosing.lock().await;
        let (found, _) = self.find(Arc::new(Wanted::Leaves(leaves)), self.taken()?, START, |_| {}).await?;
        if !found.kept.is_empty() {
            self.append_erasure(&found, ground, scope, early, answers(&scope)).await?;
        }
        Ok(())
    }

    /// Gives the notices anew that nobody has acknowledged, of erasures that are not themselves taken up.
    async fn tell_again(
        self: &Arc<Self>,
        before: &Before<'_>,
        log: &Origin,
        taken_up: &BTreeSet<u64>,
        batch: &mut Batch,
    ) -> Result<(), LogError> {
        let mut from = 0;
        loop {
            let page = rows::outgoing(before, from)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            from = last + 1;
            for (leaf, outgoing) in page {
                rows::remove_outgoing(batch, leaf);
                if taken_up.contains(&outgoing.erasure) {
                    continue;
                }
                let Erased { scope, .. } = self.erased(log, outgoing.erasure)?;
                let notice = outgoing.notice;
                let told = notice.leaves.iter().map(|leaf| ToTell { peer: notice.receiver, log: notice.log, leaf: *leaf });
                self.append_notices(told.collect(), notice.ground, scope).await?;
            }
        }
    }

    fn erased(&self, log: &Origin, erasure: u64) -> Result<Erased, LogError> {
        match self.leaf_of(log, erasure)?.body {
            LeafBody::Event(Event::Erased(erased)) => Ok(erased),
            _ => Err(LogError::NoProof { index: erasure, size: self.size_of(log)?.unwrap_or(0) }),
        }
    }
}

/// The peer's notice that an erasure answers, if it is of that kind.
fn answers(scope: &ErasureScope) -> Option<Digest> {
    match scope {
        ErasureScope::Notice { notice, .. } => Some(*notice),
        _ => None,
    }
}
