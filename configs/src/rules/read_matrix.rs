//! From the keys of a rule pack to matrix and legal bases, with the checks against catalogue, purposes and laws.
//!
//! Not here: the catalogue (`read_types`), and what follows for a question (`decide`).

use std::collections::BTreeMap;

use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{AttestationType, Lane, LawOfOrigin, LegalBasis, Purpose};
use serde_spanned::Spanned;

use crate::error::Source;

use super::catalogue::Catalogue;
use super::fault::RulesFault;
use super::matrix::{Bases, Cell, Cells, Matrix, PairBasis, fits};
use super::purposes::PurposeRule;
use super::read::{Refused, purpose, type_of};
use super::written::{ByName, WrittenPack, WrittenPair};

type Purposes = BTreeMap<Purpose, PurposeRule>;
type Rows = Spanned<ByName<ByName<Spanned<String>>>>;

/// The matrix: a row for each type, a cell for each purpose, none looser than its type; about persons in lane C or not at all.
pub(super) fn matrix(
    source: Source<'_>,
    pack: &WrittenPack,
    catalogue: &Catalogue,
    purposes: &Purposes,
) -> Result<Matrix, Refused> {
    let entities: BTreeMap<_, _> = catalogue.iter().map(|(of, rule)| (of, Row::Entities(rule.lane))).collect();
    let persons: BTreeMap<_, _> = catalogue.persons().map(|(of, _)| (of, Row::Persons)).collect();
    Ok(Matrix::new(
        cells(source, "matrix.cells", &pack.matrix.cells, &entities, purposes)?,
        cells(source, "matrix.persons", &pack.matrix.persons, &persons, purposes)?,
    ))
}

/// What a row may say.
#[derive(Clone, Copy)]
enum Row {
    /// Nothing looser than this lane.
    Entities(Lane),
    /// Lane C or nothing.
    Persons,
}

fn cells(
    source: Source<'_>,
    section: &str,
    rows: &Rows,
    known: &BTreeMap<AttestationType, Row>,
    purposes: &Purposes,
) -> Result<Cells, Refused> {
    let mut cells = Cells::new();
    let mut filled = Vec::new();
    for (name, written) in rows.get_ref() {
        let of = type_of(source, section, name)?;
        let key = format!("{section}.{of}");
        let Some(kind) = known.get(&of) else {
            return Err(source.fault(name.span(), key, RulesFault::NotInCatalogue(of)));
        };
        let row = row(source, &key, written, *kind)?;
        if let Some(missing) = purposes.keys().find(|purpose| !row.contains_key(purpose)) {
            return Err(source.fault(name.span(), key, RulesFault::CellMissing(*missing)));
        }
        if let Some(stranger) = row.keys().find(|purpose| !purposes.contains_key(purpose)) {
            return Err(source.fault(name.span(), format!("{key}.{stranger}"), RulesFault::PurposeUnknown));
        }
        cells.extend(row.into_iter().map(|(purpose, cell)| ((of, purpose), cell)));
        filled.push(of);
    }
    match known.keys().find(|of| !filled.contains(of)) {
        Some(of) => Err(source.fault(rows.span(), section, RulesFault::TypeMissing(*of))),
        None => Ok(cells),
    }
}

fn row(source: Source<'_>, key: &str, row: &ByName<Spanned<String>>, kind: Row) -> Result<BTreeMap<Purpose, Cell>, Refused> {
    let read = |(name, text): (&Spanned<String>, &Spanned<String>)| {
        let purpose = purpose(source, key, name)?;
        let fault = |fault| source.fault(text.span(), format!("{key}.{purpose}"), fault);
        let cell = match text.get_ref().as_str() {
            "-" => None,
            text => Some(Lane::from_name(text).ok_or_else(|| fault(RulesFault::CellUnknown))?),
        };
        match (cell, kind) {
            (Some(cell), Row::Entities(lane)) if cell < lane => Err(fault(RulesFault::CellLooser { cell, lane })),
            (Some(cell), Row::Persons) if cell != Lane::Carried => Err(fault(RulesFault::PersonCell)),
            _ => Ok((purpose, cell)),
        }
    };
    row.iter().map(read).collect()
}

/// The legal bases, pair by pair and lane by lane. A region that stands on both sides of an entry is no pair with itself.
pub(super) fn bases(source: Source<'_>, pack: &WrittenPack, laws: &BTreeMap<Region, LawOfOrigin>) -> Result<Bases, Refused> {
    let mut pairs = BTreeMap::new();
    for (entry, written) in pack.basis.pairs.iter().enumerate() {
        for (side, name) in [(&written.issuers, "issuers"), (&written.askers, "askers")] {
            if let Some(stranger) = side.iter().find(|region| !laws.contains_key(region.get_ref())) {
                let fault = RulesFault::PairRegionUnknown(*stranger.get_ref());
                return Err(source.fault(stranger.span(), format!("basis.pairs[{entry}].{name}"), fault));
            }
        }
        for (issuer, asker) in written.issuers.iter().flat_map(|issuer| written.askers.iter().map(move |asker| (issuer, asker))) {
            let pair = (*issuer.get_ref(), *asker.get_ref());
            if pair.0 == pair.1 {
                continue;
            }
            let basis = pair_basis(source, entry, written, pair, laws)?;
            if [basis.public, basis.authorised, basis.carried, basis.regulators] == [None; 4] {
                return Err(source.fault(issuer.span(), format!("basis.pairs[{entry}]"), RulesFault::PairEmpty));
            }
            if pairs.insert(pair, basis).is_some() {
                let fault = RulesFault::PairTwice { issuer: pair.0, asker: pair.1 };
                return Err(source.fault(asker.span(), format!("basis.pairs[{entry}].askers"), fault));
            }
        }
    }
    Ok(Bases::new(pairs))
}

fn pair_basis(
    source: Source<'_>,
    entry: usize,
    written: &WrittenPair,
    (issuer, asker): (Region, Region),
    laws: &BTreeMap<Region, LawOfOrigin>,
) -> Result<PairBasis, Refused> {
    let read = |key: &str, lane, text: &Option<Spanned<String>>| {
        let Some(text) = text else { return Ok(None) };
        let fault = |fault| source.fault(text.span(), format!("basis.pairs[{entry}].{key}"), fault);
        let basis = LegalBasis::from_name(text.get_ref()).ok_or_else(|| fault(RulesFault::BasisUnknown))?;
        if !fits(basis, lane, laws[&issuer], laws[&asker]) {
            return Err(fault(RulesFault::BasisUnfit { basis, lane, issuer, asker }));
        }
        Ok(Some(basis))
    };
    Ok(PairBasis {
        entry,
        public: read("public", Lane::Public, &written.public)?,
        authorised: read("authorised", Lane::Authorised, &written.authorised)?,
        carried: read("carried", Lane::Carried, &written.carried)?,
        regulators: read("regulators", Lane::Regulators, &written.regulators)?,
    })
}
