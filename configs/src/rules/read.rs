//! From the keys of a rule pack to its head, purposes and regimes, with the checks between them.
//!
//! Not here: catalogue (`read_types`), matrix and bases (`read_matrix`), scales (`read_scales`), budgets and periods (`read_limits`),
//! timers and calendars (`read_days`), and what follows from the rules (`decide`, `evaluate`).

use std::collections::BTreeMap;
use std::ops::Range;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{AttestationType, LawOfOrigin, Purpose};
use serde_spanned::Spanned;

use crate::error::{ConfigError, Source};
use crate::peers::entry::Title;

use super::catalogue::Catalogue;
use super::fault::RulesFault;
use super::purposes::PurposeRule;
use super::regimes::{ListingPeriods, PenaltyRegime, Regimes, Sector, SeverityTable};
use super::section::Section;
use super::written::{WrittenLabel, WrittenPack, WrittenRegime};

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
    let mut sections = sections!(purposes catalogue matrix scales bands basis freshness listings penalties severity retention onward budgets volumes
        timers calendars contract labels);
    let witnessed = pack.witnessed.as_ref();
    sections.extend(witnessed.map(|section| Section {
        name: "witnessed",
        illustrative: section.illustrative,
        held_by: section.held_by,
    }));
    let golden = pack.golden.as_ref();
    sections.extend(golden.map(|golden| Section { name: "golden", illustrative: golden.illustrative, held_by: golden.held_by }));
    sections
}

/// The digest of the edition before, which every edition but the first names.
pub(super) fn supersedes(source: Source<'_>, pack: &WrittenPack) -> Result<Option<Digest>, Refused> {
    match (&pack.supersedes, *pack.serial.get_ref()) {
        (Some(before), 1) => Err(source.fault(before.span(), "supersedes", RulesFault::Supersedes)),
        (None, serial) if serial > 1 => Err(source.fault(pack.serial.span(), "serial", RulesFault::Supersedes)),
        (before, _) => Ok(before.as_ref().map(|before| *before.get_ref())),
    }
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

/// The law of each region.
pub(super) fn laws(source: Source<'_>, pack: &WrittenPack, regions: &[Region]) -> Result<BTreeMap<Region, LawOfOrigin>, Refused> {
    let written = pack.laws.get_ref();
    if let Some(stranger) = written.keys().find(|region| !regions.contains(region.get_ref())) {
        return Err(source.fault(stranger.span(), "laws", RulesFault::Laws(*stranger.get_ref())));
    }
    let laws: BTreeMap<_, _> = written.iter().map(|(region, law)| (*region.get_ref(), *law)).collect();
    match regions.iter().find(|region| !laws.contains_key(region)) {
        Some(missing) => Err(source.fault(pack.laws.span(), "laws", RulesFault::Laws(*missing))),
        None => Ok(laws),
    }
}

/// The languages whose labels nobody checked.
pub(super) fn unreviewed(source: Source<'_>, pack: &WrittenPack) -> Result<Vec<&'static str>, Refused> {
    let read = |text: &Spanned<String>| {
        let known = LANGUAGES.into_iter().find(|language| language == text.get_ref());
        known.ok_or_else(|| source.fault(text.span(), "unreviewed_languages", RulesFault::LanguageUnknown))
    };
    pack.unreviewed_languages.iter().map(read).collect()
}

/// The purposes: what they mean, between whom, and their labels.
pub(super) fn purposes(
    source: Source<'_>,
    pack: &WrittenPack,
    regions: &[Region],
) -> Result<BTreeMap<Purpose, PurposeRule>, Refused> {
    let mut labels = purpose_labels(source, pack)?;
    let mut only = only_between(source, pack, regions)?;
    let mut purposes = BTreeMap::new();
    for (name, meaning) in &pack.purposes.meaning {
        let of = purpose(source, "purposes.meaning", name)?;
        let missing = || source.fault(pack.labels.purposes.span(), "labels.purposes", RulesFault::PurposeLabels(of));
        let label = labels.remove(&of).ok_or_else(missing)?;
        purposes.insert(of, PurposeRule { meaning: meaning.clone(), label, only_between: only.remove(&of) });
    }
    if let Some(stranger) = labels.keys().next() {
        return Err(source.fault(pack.labels.purposes.span(), "labels.purposes", RulesFault::PurposeLabels(*stranger)));
    }
    let unknown = |name: &&Spanned<String>| only.keys().any(|stranger| stranger.as_str() == name.get_ref());
    match pack.purposes.only_between.keys().find(unknown) {
        Some(name) => Err(source.fault(name.span(), "purposes.only_between", RulesFault::PurposeUnknown)),
        None => Ok(purposes),
    }
}

fn purpose_labels(source: Source<'_>, pack: &WrittenPack) -> Result<BTreeMap<Purpose, Title>, Refused> {
    let labels = &pack.labels.purposes;
    let read = |(name, label): (&Spanned<String>, &WrittenLabel)| {
        let of = purpose(source, "labels.purposes", name)?;
        Ok((of, title(source, name.span(), &format!("labels.purposes.{of}"), label)?))
    };
    labels.get_ref().iter().map(read).collect()
}

fn only_between(source: Source<'_>, pack: &WrittenPack, regions: &[Region]) -> Result<BTreeMap<Purpose, Vec<Region>>, Refused> {
    let key = "purposes.only_between";
    let mut only = BTreeMap::new();
    for (name, between) in &pack.purposes.only_between {
        let of = purpose(source, key, name)?;
        if between.get_ref().is_empty() {
            return Err(source.fault(between.span(), format!("{key}.{of}"), RulesFault::ListEmpty));
        }
        if let Some(stranger) = between.get_ref().iter().find(|region| !regions.contains(region.get_ref())) {
            let fault = RulesFault::PairRegionUnknown(*stranger.get_ref());
            return Err(source.fault(stranger.span(), format!("{key}.{of}"), fault));
        }
        only.insert(of, between.get_ref().iter().map(|region| *region.get_ref()).collect());
    }
    Ok(only)
}

/// A label with a text in each language; `at` is where its name stands.
pub(super) fn title(source: Source<'_>, at: Range<usize>, key: &str, label: &WrittenLabel) -> Result<Title, Refused> {
    let text = |text: &Option<String>, language| {
        let text = text.clone().filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| source.fault(at.clone(), key, RulesFault::LabelMissing { language }))
    };
    let WrittenLabel { zh_hans, zh_hant, pt, en } = label;
    Ok(Title { zh_hans: text(zh_hans, "zh-Hans")?, zh_hant: text(zh_hant, "zh-Hant")?, pt: text(pt, "pt")?, en: text(en, "en")? })
}

/// The rules of publication.
pub(super) fn regimes(source: Source<'_>, pack: &WrittenPack, catalogue: &Catalogue) -> Result<Regimes, Refused> {
    let listings = listing_periods(source, pack, catalogue)?;
    Ok(Regimes::new(penalty_regimes(source, pack)?, severity_table(source, pack)?, sectors(source, pack)?, listings))
}

fn listing_periods(source: Source<'_>, pack: &WrittenPack, catalogue: &Catalogue) -> Result<ListingPeriods, Refused> {
    let known = |key: &str, name: &Spanned<String>| {
        let of = type_of(source, key, name)?;
        let missing = || source.fault(name.span(), key, RulesFault::NotInCatalogue(of));
        catalogue.get(of).map(|_| of).ok_or_else(missing)
    };
    let longer = |(name, months): (&Spanned<String>, &Spanned<u32>)| {
        let of = known("listings.longer", name)?;
        Ok((of, not_zero(source, &format!("listings.longer.{of}"), months)?))
    };
    Ok(ListingPeriods {
        maximum_months: not_zero(source, "listings.maximum_months", &pack.listings.maximum_months)?,
        longer: pack.listings.longer.iter().map(longer).collect::<Result<_, Refused>>()?,
        until_delisted: (pack.listings.until_delisted.iter())
            .map(|name| known("listings.until_delisted", name))
            .collect::<Result<_, Refused>>()?,
    })
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
    let key = |key: &str| format!("penalties.regimes[{position}].{key}");
    let months = |name: &str, months| not_zero(source, &key(name), months);
    for (name, shortest, longest) in [
        ("general_minimum_months", &written.general_minimum_months, &written.general_months),
        ("serious_minimum_months", &written.serious_minimum_months, &written.serious_months),
    ] {
        if shortest.get_ref() > longest.get_ref() {
            return Err(source.fault(shortest.span(), key(name), RulesFault::MinimumTooLong));
        }
    }
    Ok(PenaltyRegime {
        title: written.title.clone(),
        decided_from: *written.decided_from.get_ref(),
        illustrative: written.illustrative,
        minor_months: months("minor_months", &written.minor_months)?,
        general_months: months("general_months", &written.general_months)?,
        serious_months: months("serious_months", &written.serious_months)?,
        general_minimum_months: *written.general_minimum_months.get_ref(),
        serious_minimum_months: *written.serious_minimum_months.get_ref(),
    })
}

fn sectors(source: Source<'_>, pack: &WrittenPack) -> Result<Vec<Sector>, Refused> {
    let mut sectors: Vec<Sector> = Vec::new();
    for (position, written) in pack.penalties.sectors.iter().enumerate() {
        let key = format!("penalties.sectors[{position}]");
        let name = written.name.get_ref().clone();
        if sectors.iter().any(|before| before.name == name) {
            return Err(source.fault(written.name.span(), format!("{key}.name"), RulesFault::SectorTwice));
        }
        let minimum_months = not_zero(source, &format!("{key}.minimum_months"), &written.minimum_months)?;
        sectors.push(Sector { name, minimum_months, illustrative: written.illustrative, source: written.source.clone() });
    }
    Ok(sectors)
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

/// The purpose of this name, which stands below `key`.
pub(super) fn purpose(source: Source<'_>, key: &str, name: &Spanned<String>) -> Result<Purpose, Refused> {
    let unknown = || source.fault(name.span(), format!("{key}.{}", name.get_ref()), RulesFault::PurposeUnknown);
    Purpose::from_name(name.get_ref()).ok_or_else(unknown)
}
