//! From the keys of a rule pack to purposes, matrix, legal bases and regimes, with the checks between them.
//!
//! Not here: the catalogue's (`read_types`), the keys (`written`), and what follows from the rules (`decide`, `evaluate`).

use std::collections::BTreeMap;

use creditbay_protocol::calendar::Day;
use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Purpose};
use serde_spanned::Spanned;

use crate::error::{ConfigError, Source};

use super::catalogue::Catalogue;
use super::fault::RulesFault;
use super::matrix::{Bases, Cell, Matrix, PairBasis};
use super::regimes::{PenaltyRegime, Regimes, SeverityTable};
use super::section::Section;
use super::written::{ByName, WrittenPack, WrittenRegime};

/// The languages of a label.
const LANGUAGES: [&str; 4] = ["zh-Hans", "zh-Hant", "pt", "en"];

/// A fault with its place.
pub(super) type Refused = ConfigError<RulesFault>;

/// The sections and who holds them.
pub(super) fn sections(pack: &WrittenPack) -> Vec<Section> {
    macro_rules! sections {
        ($($name:ident)*) => {
            vec![$(Section { name: stringify!($name), illustrative: pack.$name.illustrative, held_by: pack.$name.held_by }),*]
        };
    }
    sections!(purposes catalogue matrix basis freshness listings penalties severity contract labels)
}

/// The regions that use the pack, each once.
pub(super) fn regions(source: Source<'_>, pack: &WrittenPack) -> Result<Vec<Region>, Refused> {
    let mut regions = Vec::new();
    for (position, region) in pack.regions.get_ref().iter().enumerate() {
        if regions.contains(region.get_ref()) {
            let fault = RulesFault::RegionTwice(*region.get_ref());
            return Err(source.fault(region.span(), format!("regions[{position}]"), fault));
        }
        regions.push(*region.get_ref());
    }
    if regions.is_empty() { Err(source.fault(pack.regions.span(), "regions", RulesFault::NoRegions)) } else { Ok(regions) }
}

/// The languages whose labels nobody checked.
pub(super) fn unreviewed(source: Source<'_>, pack: &WrittenPack) -> Result<Vec<&'static str>, Refused> {
    let read = |text: &Spanned<String>| {
        let known = LANGUAGES.into_iter().find(|language| language == text.get_ref());
        known.ok_or_else(|| source.fault(text.span(), "unreviewed_languages", RulesFault::LanguageUnknown))
    };
    pack.unreviewed_languages.iter().map(read).collect()
}

/// The purposes and what they mean.
pub(super) fn purposes(source: Source<'_>, pack: &WrittenPack) -> Result<BTreeMap<Purpose, String>, Refused> {
    let read = |(name, meaning): (&Spanned<String>, &String)| Ok((purpose(source, "purposes.meaning", name)?, meaning.clone()));
    pack.purposes.meaning.iter().map(read).collect()
}

/// The matrix: a row for each type, a cell for each purpose, none looser than its type.
pub(super) fn matrix(
    source: Source<'_>,
    pack: &WrittenPack,
    catalogue: &Catalogue,
    purposes: &BTreeMap<Purpose, String>,
) -> Result<Matrix, Refused> {
    let rows = &pack.matrix.cells;
    let mut cells = BTreeMap::new();
    for (name, row) in rows.get_ref() {
        let of = type_of(source, "matrix.cells", name)?;
        let key = format!("matrix.cells.{of}");
        let Some(rule) = catalogue.get(of) else {
            return Err(source.fault(name.span(), key, RulesFault::NotInCatalogue(of)));
        };
        let row = self::row(source, &key, row, rule.lane)?;
        if let Some(missing) = purposes.keys().find(|purpose| !row.contains_key(purpose)) {
            return Err(source.fault(name.span(), key, RulesFault::CellMissing(*missing)));
        }
        if let Some(stranger) = row.keys().find(|purpose| !purposes.contains_key(purpose)) {
            return Err(source.fault(name.span(), format!("{key}.{stranger}"), RulesFault::PurposeUnknown));
        }
        cells.extend(row.into_iter().map(|(purpose, cell)| ((of, purpose), cell)));
    }
    let filled = |of: &AttestationType| rows.get_ref().keys().any(|name| name.get_ref() == of.as_str());
    match catalogue.iter().find(|(of, _)| !filled(of)) {
        Some((of, _)) => Err(source.fault(rows.span(), "matrix.cells", RulesFault::TypeMissing(of))),
        None => Ok(Matrix::new(cells)),
    }
}

fn row(source: Source<'_>, key: &str, row: &ByName<Spanned<String>>, lane: Lane) -> Result<BTreeMap<Purpose, Cell>, Refused> {
    let read = |(name, text): (&Spanned<String>, &Spanned<String>)| {
        let purpose = purpose(source, key, name)?;
        let fault = |fault| source.fault(text.span(), format!("{key}.{purpose}"), fault);
        let cell = match text.get_ref().as_str() {
            "-" => None,
            text => Some(Lane::from_name(text).ok_or_else(|| fault(RulesFault::CellUnknown))?),
        };
        match cell {
            Some(cell) if cell < lane => Err(fault(RulesFault::CellLooser { cell, lane })),
            _ => Ok((purpose, cell)),
        }
    };
    row.iter().map(read).collect()
}

/// The legal bases, pair by pair. A region that stands on both sides of an entry is no pair with itself.
pub(super) fn bases(source: Source<'_>, pack: &WrittenPack, regions: &[Region]) -> Result<Bases, Refused> {
    let mut pairs = BTreeMap::new();
    for (entry, written) in pack.basis.pairs.iter().enumerate() {
        for (side, name) in [(&written.issuers, "issuers"), (&written.askers, "askers")] {
            if let Some(stranger) = side.iter().find(|region| !regions.contains(region.get_ref())) {
                let fault = RulesFault::PairRegionUnknown(*stranger.get_ref());
                return Err(source.fault(stranger.span(), format!("basis.pairs[{entry}].{name}"), fault));
            }
        }
        let unknown = || source.fault(written.public.span(), format!("basis.pairs[{entry}].public"), RulesFault::BasisUnknown);
        let public = LegalBasis::from_name(written.public.get_ref()).ok_or_else(unknown)?;
        for (issuer, asker) in written.issuers.iter().flat_map(|issuer| written.askers.iter().map(move |asker| (issuer, asker))) {
            let pair = (*issuer.get_ref(), *asker.get_ref());
            if pair.0 != pair.1 && pairs.insert(pair, PairBasis { entry, public }).is_some() {
                let fault = RulesFault::PairTwice { issuer: pair.0, asker: pair.1 };
                return Err(source.fault(asker.span(), format!("basis.pairs[{entry}].askers"), fault));
            }
        }
    }
    Ok(Bases::new(pairs))
}

/// The rules of publication.
pub(super) fn regimes(source: Source<'_>, pack: &WrittenPack, catalogue: &Catalogue) -> Result<Regimes, Refused> {
    let listing_months = not_zero(source, "listings.maximum_months", &pack.listings.maximum_months)?;
    let open_ended = |name| {
        let of = type_of(source, "listings.until_delisted", name)?;
        let missing = || source.fault(name.span(), "listings.until_delisted", RulesFault::NotInCatalogue(of));
        catalogue.get(of).map(|_| of).ok_or_else(missing)
    };
    let until_delisted = pack.listings.until_delisted.iter().map(open_ended).collect::<Result<Vec<_>, _>>()?;
    Ok(Regimes::new(penalty_regimes(source, pack)?, severity_table(source, pack)?, listing_months, until_delisted))
}

fn penalty_regimes(source: Source<'_>, pack: &WrittenPack) -> Result<Vec<PenaltyRegime>, Refused> {
    let written = &pack.penalties.regimes;
    let beginning = Day::new(1900, 1, 1).expect("invariant: the calendar begins on this day");
    let Some(first) = written.get_ref().first() else {
        return Err(source.fault(written.span(), "penalties.regimes", RulesFault::RegimesBegin));
    };
    if *first.decided_from.get_ref() != beginning {
        return Err(source.fault(first.decided_from.span(), "penalties.regimes[0].decided_from", RulesFault::RegimesBegin));
    }
    let mut regimes: Vec<PenaltyRegime> = Vec::new();
    for (position, written) in written.get_ref().iter().enumerate() {
        let regime = penalty_regime(source, position, written)?;
        if regimes.last().is_some_and(|before| before.decided_from >= regime.decided_from) {
            let key = format!("penalties.regimes[{position}].decided_from");
            return Err(source.fault(written.decided_from.span(), key, RulesFault::RegimesOutOfOrder));
        }
        regimes.push(regime);
    }
    Ok(regimes)
}

fn penalty_regime(source: Source<'_>, position: usize, written: &WrittenRegime) -> Result<PenaltyRegime, Refused> {
    let months = |key: &str, months| not_zero(source, &format!("penalties.regimes[{position}].{key}"), months);
    Ok(PenaltyRegime {
        title: written.title.clone(),
        decided_from: *written.decided_from.get_ref(),
        illustrative: written.illustrative,
        minor_months: months("minor_months", &written.minor_months)?,
        general_months: months("general_months", &written.general_months)?,
        serious_months: months("serious_months", &written.serious_months)?,
    })
}

fn severity_table(source: Source<'_>, pack: &WrittenPack) -> Result<SeverityTable, Refused> {
    let written = &pack.severity;
    if let Some(kind) = written.minor_kinds.iter().find(|kind| written.serious_kinds.contains(kind.get_ref())) {
        return Err(source.fault(kind.span(), "severity.minor_kinds", RulesFault::KindTwice));
    }
    Ok(SeverityTable {
        serious_kinds: written.serious_kinds.clone(),
        serious_fine_fen: not_zero(source, "severity.serious_fine_fen", &written.serious_fine_fen)?,
        minor_kinds: written.minor_kinds.iter().map(|kind| kind.get_ref().clone()).collect(),
    })
}

/// The number, unless it is 0.
pub(super) fn not_zero<T: Copy + Default + PartialEq>(source: Source<'_>, key: &str, number: &Spanned<T>) -> Result<T, Refused> {
    if *number.get_ref() == T::default() {
        Err(source.fault(number.span(), key, RulesFault::Zero))
    } else {
        Ok(*number.get_ref())
    }
}

/// The type of this name, which stands below `key`.
pub(super) fn type_of(source: Source<'_>, key: &str, name: &Spanned<String>) -> Result<AttestationType, Refused> {
    let unknown = || source.fault(name.span(), format!("{key}.{}", name.get_ref()), RulesFault::TypeUnknown);
    AttestationType::from_name(name.get_ref()).ok_or_else(unknown)
}

fn purpose(source: Source<'_>, key: &str, name: &Spanned<String>) -> Result<Purpose, Refused> {
    let unknown = || source.fault(name.span(), format!("{key}.{}", name.get_ref()), RulesFault::PurposeUnknown);
    Purpose::from_name(name.get_ref()).ok_or_else(unknown)
}
