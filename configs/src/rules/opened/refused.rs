//! The exact reason of a refusal against what pack and directory say of the question.
//!
//! Not here: reasons that only the issuer's own state gives (budgets, orders), or only the query's authorisation.

use creditbay_protocol::refusal::Refusal;
use creditbay_protocol::terms::Terms;

use crate::rules::RulePack;
use crate::rules::decide::decide;
use crate::rules::standing::Standing;

use super::breach::OpenedBreach;

/// What is wrong with the reason, if anything. `is_issuers` says that the subject was opened and is the issuer's.
pub(super) fn check(
    pack: &RulePack,
    standing: Standing,
    terms: &Terms,
    is_issuers: bool,
    said: &Refusal,
) -> Option<OpenedBreach> {
    // Judged before everything else: that the pack was over, the leaves of the log show.
    if let Refusal::RulePack { named, .. } = said {
        return (*named != terms.pack).then_some(OpenedBreach::OtherPack { named: *named });
    }
    match decide(pack, standing, terms) {
        Err(ruled) if ruled != *said => Some(OpenedBreach::RefusedOtherwise { said: *said, ruled }),
        Err(_) => None,
        Ok(_) if is_static(said) || *said == Refusal::SubjectElsewhere && is_issuers => {
            Some(OpenedBreach::NotRefused { said: *said })
        }
        Ok(_) => None,
    }
}

/// Whether the static decision alone gives this reason.
fn is_static(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::TypeUnknown
            | Refusal::PurposeNotAdmitted
            | Refusal::ShapeNotAdmitted
            | Refusal::WindowTooLong
            | Refusal::SubjectKindNotAdmitted
            | Refusal::LaneWrong
            | Refusal::BasisWrong
            | Refusal::PairWithoutBasis
            | Refusal::NaturalPerson
            | Refusal::PurposeBetweenOthers
            | Refusal::NotRegulators
            | Refusal::GradeAcrossLaws
            | Refusal::GradeUnknown
            | Refusal::DigestMissing
            | Refusal::AuthorisationMissing
    )
}
