//! From the keys of a rule pack to scales and band maps, with the checks that every grade has a place and every band a grade.
//!
//! Not here: the catalogue (`read_types`).

use std::collections::BTreeMap;

use creditbay_protocol::predicate::{AttestationType, LawOfOrigin};

use crate::error::Source;

use super::catalogue::{Catalogue, Shape};
use super::fault::RulesFault;
use super::read::{Refused, type_of};
use super::scales::{BEST_BAND, BandMap, Scale, Scales};
use super::written::{WrittenMap, WrittenPack, WrittenScale};

/// The most grades of a scale.
const MAX_GRADES: usize = 64;

type ByLaw = BTreeMap<(AttestationType, LawOfOrigin), Scale>;

/// The scales and maps: every graded type has a scale under each of its laws, and a map if it is asked by band.
pub(super) fn scales(source: Source<'_>, pack: &WrittenPack, catalogue: &Catalogue) -> Result<Scales, Refused> {
    let mut scales = ByLaw::new();
    for (entry, written) in pack.scales.native.iter().enumerate() {
        let scale = scale(source, &format!("scales.native[{entry}]"), written, catalogue)?;
        let (of, law) = (scale.of, scale.law);
        if scales.insert((of, law), scale).is_some() {
            let fault = RulesFault::ScaleTwice { of, law };
            return Err(source.fault(written.of.span(), format!("scales.native[{entry}].of"), fault));
        }
    }
    let mut maps: BTreeMap<u16, BandMap> = BTreeMap::new();
    for (entry, written) in pack.bands.maps.iter().enumerate() {
        let map = band_map(source, &format!("bands.maps[{entry}]"), written, &scales)?;
        if maps.values().any(|before| before.id == map.id || before.of == map.of) {
            return Err(source.fault(written.id.span(), format!("bands.maps[{entry}].id"), RulesFault::MapTwice));
        }
        maps.insert(map.id, map);
    }
    for (of, rule) in catalogue.iter() {
        let graded = rule.shapes.contains(&Shape::GradeAtLeast) || rule.shapes.contains(&Shape::BandAtLeast);
        if let Some(law) = rule.origins.iter().copied().find(|law| graded && !scales.contains_key(&(of, *law))) {
            return Err(source.whole(RulesFault::ScaleMissing { of, law }));
        }
        if rule.shapes.contains(&Shape::BandAtLeast) && !maps.values().any(|map| map.of == of) {
            return Err(source.whole(RulesFault::MapMissing(of)));
        }
    }
    Ok(Scales::new(scales, maps))
}

fn scale(source: Source<'_>, key: &str, written: &WrittenScale, catalogue: &Catalogue) -> Result<Scale, Refused> {
    let of = type_of(source, key, &written.of)?;
    let fault = |fault| source.fault(written.of.span(), format!("{key}.of"), fault);
    let rule = catalogue.get(of).ok_or_else(|| fault(RulesFault::NotInCatalogue(of)))?;
    if !rule.shapes.contains(&Shape::GradeAtLeast) && !rule.shapes.contains(&Shape::BandAtLeast) {
        return Err(fault(RulesFault::NotGraded(of)));
    }
    if !rule.origins.contains(&written.law) {
        return Err(fault(RulesFault::ScaleLaw { of, law: written.law }));
    }
    let grades = written.grades.get_ref();
    let twice = (1..grades.len()).any(|at| grades[..at].contains(&grades[at]));
    if !(2..=MAX_GRADES).contains(&grades.len()) || twice {
        return Err(source.fault(written.grades.span(), format!("{key}.grades"), RulesFault::ScaleGrades));
    }
    let (law, illustrative) = (written.law, written.illustrative);
    Ok(Scale { of, law, grades: grades.clone(), illustrative, source: written.source.clone() })
}

fn band_map(source: Source<'_>, key: &str, written: &WrittenMap, scales: &ByLaw) -> Result<BandMap, Refused> {
    let of = type_of(source, key, &written.of)?;
    let laws: Vec<LawOfOrigin> = scales.keys().filter(|(known, _)| *known == of).map(|(_, law)| *law).collect();
    if laws.is_empty() {
        return Err(source.fault(written.of.span(), format!("{key}.of"), RulesFault::NotGraded(of)));
    }
    let rows = written.rows.get_ref();
    let unpaired = rows.keys().find(|law| !laws.contains(law)).or_else(|| laws.iter().find(|law| !rows.contains_key(law)));
    if let Some(law) = unpaired {
        let fault = RulesFault::MapLaws { of, law: *law };
        return Err(source.fault(written.rows.span(), format!("{key}.rows"), fault));
    }
    for (law, row) in rows {
        let (bands, grades) = (row.get_ref().len(), scales[&(of, *law)].grades.len());
        let fault = |fault| source.fault(row.span(), format!("{key}.rows.{law}"), fault);
        if bands != grades {
            return Err(fault(RulesFault::MapCoverage { bands, grades }));
        }
        if !row.get_ref().is_sorted() || row.get_ref().iter().any(|band| *band > BEST_BAND) {
            return Err(fault(RulesFault::MapBands));
        }
    }
    let settled = settled(source, key, written, of, scales)?;
    let illustrative = laws.iter().any(|law| settled.get(law).map_or(0, Vec::len) < rows[law].get_ref().len());
    let rows = rows.iter().map(|(law, row)| (*law, row.get_ref().clone())).collect();
    Ok(BandMap { id: *written.id.get_ref(), of, rows, settled, source: written.source.clone(), illustrative })
}

fn settled(
    source: Source<'_>,
    key: &str,
    written: &WrittenMap,
    of: AttestationType,
    scales: &ByLaw,
) -> Result<BTreeMap<LawOfOrigin, Vec<u8>>, Refused> {
    if written.settled.is_empty() == written.source.is_some() {
        return Err(source.fault(written.id.span(), format!("{key}.settled"), RulesFault::MapSettled));
    }
    let mut settled = BTreeMap::new();
    for (law, grades) in &written.settled {
        let scale = scales.get(&(of, *law));
        let mut ranks = Vec::new();
        for grade in grades {
            let rank = scale.and_then(|scale| scale.rank(grade.get_ref()));
            let unknown = || source.fault(grade.span(), format!("{key}.settled.{law}"), RulesFault::MapSettled);
            ranks.push(rank.ok_or_else(unknown)?);
        }
        settled.insert(*law, ranks);
    }
    Ok(settled)
}
