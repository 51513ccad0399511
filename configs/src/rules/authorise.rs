//! stub
use crate::peers::Directory;
use creditbay_protocol::{calendar::Millis, query::Query, refusal::Refusal};
/// a
pub fn authorise(_: &Directory, _: &Query, _: Millis) -> Result<(), Refusal> {
    Ok(())
}
impl Directory {
    /// s
    pub fn standing(
        &self,
        _: creditbay_protocol::name::Region,
        _: creditbay_protocol::name::OrganisationId,
        _: creditbay_protocol::name::Region,
    ) -> super::standing::Standing {
        super::standing::Standing { regulators: false }
    }
}
