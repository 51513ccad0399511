//! Orders that reach this node from outside an exchange: withdrawals, suspensions, portfolios (PROTOCOL 18.5).
//!
//! Each is a leaf before it is in force. Not here: who may give them (the doors), and what they forbid (`policy::orders`).

use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::sign::SignatureRefused;
use creditbay_protocol::authorisation::SignedWithdrawal;
use creditbay_protocol::event::{Event, RetirementGround, Suspended};
use creditbay_protocol::evidence::SignedHead;
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::portfolio::Portfolio;
use creditbay_protocol::predicate::Purpose;

use super::Exchange;
use crate::log::entry::Entry;
use crate::log::fault::LogError;
use crate::policy::budget::TurnedAway;
use crate::store::witness::MAX_REASON_BYTES;

const DAY_MS: u64 = 86_400_000;

/// Why an order was not taken.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// No region lists the channel.
    #[error("the network directory lists no channel of that name; the channel that took the authorisation down must withdraw it")]
    ChannelUnknown,
    /// The channel did not sign it.
    #[error("the channel did not sign this withdrawal: {0}")]
    Forged(#[from] SignatureRefused),
    /// The region is this node's own, or none of the directory's.
    #[error("the network directory has no other region of that name; `creditbay status` lists the peers")]
    NoPeer,
    /// The portfolio is too large, or would stay open for too long.
    #[error("a portfolio has from 1 to {subjects} subjects and stays open for 1 to {days} days, by the rule pack in force")]
    PortfolioTooLarge {
        /// Subjects at most.
        subjects: u32,
        /// Days at most.
        days: u32,
    },
    /// Trust in the peer's log is not suspended.
    #[error("trust in the log of {0} is not suspended; `creditbay trust show` lists what was")]
    NotSuspended(Region),
    /// No reason, or a long one.
    #[error("state a reason of 1 to {MAX_REASON_BYTES} bytes; it stays with the case, and its SHA-256 in the leaf")]
    Reason,
    /// This node's log takes nothing.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Exchange {
    /// Takes a withdrawal that its channel signed; from its leaf on the authorisation is good for nothing here. Returns the leaf's index.
    pub async fn withdraw(&self, signed: &SignedWithdrawal) -> Result<u64, OrderError> {
        let withdrawal = &signed.withdrawal;
        let channels = self.directory.regions().iter().flat_map(|region| &region.channels);
        let channel =
            channels.into_iter().find(|channel| channel.name == withdrawal.channel).ok_or(OrderError::ChannelUnknown)?;
        signed.verify(&channel.key)?;
        self.metrics.count("creditbay_withdrawals_total", &[]);
        let event = Event::AuthorisationWithdrawn { authorisation: withdrawal.authorisation, channel: withdrawal.channel };
        Ok(self.orders.give(&self.log, event).await?.committed.place().index)
    }

    /// Suspends a peer or a type, or lifts that. Returns the leaf's index.
    pub async fn suspend(&self, of: Suspended, in_force: bool) -> Result<u64, OrderError> {
        if let Suspended::Peer(region) = of
            && (region == self.me || self.directory.entry(region).is_none())
        {
            return Err(OrderError::NoPeer);
        }
        Ok(self.orders.give(&self.log, Event::Suspension { of, in_force }).await?.committed.place().index)
    }

    /// Ends this node's log; the leaf that says so is its last. Returns the final note.
    pub async fn retire(&self, ground: RetirementGround) -> Result<Arc<SignedHead>, OrderError> {
        let appended = self.orders.give(&self.log, Event::LogRetired { ground }).await?;
        Ok(appended.head)
    }

    /// Trusts a peer's log again that had given cause for an alarm. Returns the leaf's index.
    pub async fn trust_again(&self, peer: Region, reason: &str) -> Result<u64, OrderError> {
        let entry = self.directory.entry(peer).filter(|_| peer != self.me).ok_or(OrderError::NoPeer)?;
        let (origin, trust) = (entry.log_origin, self.log.seen().trust());
        if reason.trim().is_empty() || reason.len() > MAX_REASON_BYTES {
            return Err(OrderError::Reason);
        }
        if trust.suspended(&origin).is_none() {
            return Err(OrderError::NotSuspended(peer));
        }
        let cases = trust.cases(&origin).map_err(LogError::Rows)?;
        let open = cases.iter().find(|case| case.decided.is_none());
        let (size, evidence) = open.map_or((self.log.seen().size(&origin), Digest::of(&[])), |case| (case.size, case.evidence));
        let event = Event::TrustDecided { log: origin, size, evidence, reason: Digest::of(reason.as_bytes()) };
        // The leaf first: trust does not come back without it.
        let committed = self.log.append(Entry::Event(event)).await?.committed;
        let leaf = committed.place().index;
        trust.restore(&origin, reason, leaf, committed.time()).map_err(LogError::Rows)?;
        Ok(leaf)
    }

    /// Appends a leaf for each peer of whose queries some were turned away in minutes that are over; what no leaf can be written for is
    /// due again.
    pub async fn report_turned_away(&self) {
        for turned_away in self.refusals.due(self.clock.now()) {
            let TurnedAway { peer, since, count } = turned_away;
            if let Err(error) = self.log.append(Entry::Event(Event::TurnedAway { peer, since, count })).await {
                tracing::warn!(%peer, count, "refusals without a leaf of their own are not reported yet: {error}");
                self.refusals.give_back(turned_away);
            }
        }
    }

    /// Declares a portfolio; queries under it name its digest.
    pub async fn declare(
        &self,
        organisation: OrganisationId,
        purpose: Purpose,
        size: u32,
        days: u32,
    ) -> Result<Portfolio, OrderError> {
        let budgets = *self.orders.in_force(&self.log, self.clock.now()).await?.pack().budgets();
        let (subjects, longest) = (budgets.portfolio_subjects, budgets.portfolio_days);
        if !(1..=subjects).contains(&size) || !(1..=longest).contains(&days) {
            return Err(OrderError::PortfolioTooLarge { subjects, days: longest });
        }
        let until = self.clock.now().plus(u64::from(days) * DAY_MS);
        let portfolio = Portfolio { nonce: self.entropy.bits128(), organisation, purpose, size, until };
        let event = Event::PortfolioDeclared { portfolio: portfolio.digest(), organisation, purpose, size, until };
        self.orders.give(&self.log, event).await?;
        Ok(portfolio)
    }
}
