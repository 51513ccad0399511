//! The fields of leaves that are no messages.

use super::{Field, fields, optional};
use crate::erasure::ErasureScope;
use crate::event::{Event, Suspended};

pub(super) fn event_fields(event: &Event) -> Vec<Field> {
    let mut all = fields([("event", 4)]);
    match event {
        Event::PackActivated { overlap, .. } => {
            all.extend(fields([("rule pack", 32), ("serial", 4)]));
            all.extend(optional("overlap", overlap.is_some(), fields([("overlap: rule pack", 32), ("overlap: until", 8)])));
        }
        Event::Suspension { of: Suspended::Peer(_), .. } => {
            all.extend(fields([("what", 4), ("peer", 8), ("in force", 1)]));
        }
        Event::Suspension { of: Suspended::Type(_), .. } => {
            all.extend(fields([("what", 4), ("type", 1), ("in force", 1)]));
        }
        Event::AuthorisationWithdrawn { .. } => all.extend(fields([("authorisation", 32), ("channel", 24)])),
        Event::PortfolioDeclared { .. } => {
            all.extend(fields([("portfolio", 32), ("organisation", 24), ("purpose", 1), ("size", 4), ("until", 8)]));
        }
        Event::TurnedAway { .. } => all.extend(fields([("peer", 8), ("since", 8), ("count", 4)])),
        Event::Withheld { .. } => all.extend(fields([("answer", 8)])),
        Event::TrustDecided { .. } => {
            all.extend(fields([("log: owner", 32), ("log: number", 4), ("size", 8), ("evidence", 32), ("reason", 32)]));
        }
        Event::LogRetired { .. } => all.extend(fields([("ground", 4)])),
        Event::LogBegun { .. } => all.extend(fields([("predecessor", 36), ("size", 8), ("root", 32)])),
        Event::Erased(erased) => {
            all.extend(fields([("ground", 1), ("scope", 4)]));
            match erased.scope {
                ErasureScope::Leaf | ErasureScope::Subject | ErasureScope::Records => {}
                ErasureScope::Before(_) | ErasureScope::Retention(_) => all.extend(fields([("day", 4)])),
                ErasureScope::Notice { .. } => all.extend(fields([("peer", 8), ("peer's notice", 32)])),
            }
            all.extend(fields([("early", 1), ("count", 4), ("list", 32)]));
        }
        Event::OpeningsShown(_) | Event::EarlierOpeningsShown { .. } => {
            let of = matches!(event, Event::EarlierOpeningsShown { .. });
            all.extend(fields([("earlier log", 36)]).into_iter().filter(|_| of));
            all.extend(fields([("first", 8), ("last", 8), ("count", 4), ("indices", 32)]));
            all.extend(fields([("message", 1), ("subject", 1), ("operator", 1), ("commitment: ground", 32)]));
        }
        Event::ErasureNotified(_) => {
            all.extend(fields([("receiver", 8), ("ground", 1), ("count", 1), ("commitment: message", 32)]));
        }
        Event::LogBegunAfterLoss { .. } => {
            all.extend(fields([("lost log", 36), ("goes on from", 8), ("root", 32), ("seen", 8), ("note", 32)]));
            all.extend(fields([("serial", 4), ("directory", 32)]));
        }
    }
    all
}
