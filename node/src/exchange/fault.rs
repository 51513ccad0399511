//! Why a question got no answer: one cause each, with what to do.
//!
//! Not here: refusals of the rules, which are answers with a leaf.

use creditbay_protocol::refusal::Fault;

use super::network::LinkError;
use crate::log::fault::LogError;

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The identifier belongs to no region of the directory, and the question named none of it.
    #[error("no node answers for this identifier; name the issuer, or add the code to the network directory")]
    NoIssuer,
    /// The subject belongs to this node's own register.
    #[error("the subject is in this node's own register; nothing has to cross a border")]
    OwnSubject,
    /// This node's log takes nothing.
    #[error(transparent)]
    Log(#[from] LogError),
    /// No reply in the query's lifetime.
    #[error("no answer: {0}; the query stays in the log and is closed with an `abandoned` leaf")]
    NoAnswer(LinkError),
    /// The reply did not verify.
    #[error("the reply was refused: {0}")]
    ReplyRefused(Fault),
}
