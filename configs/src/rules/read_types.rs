//! From the keys of a rule pack to its catalogue, with the checks that keep a type answerable and away from natural persons.
//!
//! Not here: matrix, legal bases and regimes (`read`).

use std::collections::BTreeMap;
use std::ops::Range;

use creditbay_protocol::domains::Domains;
use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::predicate::{AttestationType, Lane};
use serde_spanned::Spanned;

use crate::error::Source;

use super::catalogue::{Catalogue, PersonRule, Shape, TypeRule, is_carried, is_serious_list};
use super::fault::RulesFault;
use super::read::{Refused, not_zero, title, type_of};
use super::written::{ByName, WrittenLabel, WrittenPack, WrittenTerm, WrittenType};

/// The line of a type in one of the sections.
struct Line<'a, T> {
    source: Source<'a>,
    of: AttestationType,
    key: String,
    name: Range<usize>,
    written: &'a T,
}

impl<T> Line<'_, T> {
    /// A fault of the line as a whole.
    fn fault(&self, fault: RulesFault) -> Refused {
        self.source.fault(self.name.clone(), self.key.as_str(), fault)
    }

    /// A fault of the value at `span` under `key`.
    fn fault_at(&self, span: Range<usize>, key: &str, fault: RulesFault) -> Refused {
        self.source.fault(span, format!("{}.{key}", self.key), fault)
    }
}

/// The catalogue, with the lines of freshness and labels put to each type.
pub(super) fn catalogue(source: Source<'_>, pack: &WrittenPack) -> Result<Catalogue, Refused> {
    let lines = lines(source, "catalogue.types", &pack.catalogue.types)?;
    let terms = same_types(source, "freshness.types", &pack.freshness.types, &lines)?;
    let labels = same_types(source, "labels.types", &pack.labels.types, &lines)?;
    let mut types = BTreeMap::new();
    // The three have the same types, in the same order.
    for ((line, term), label) in lines.values().zip(terms.values()).zip(labels.values()) {
        types.insert(line.of, type_rule(line, &lines, term, label)?);
    }
    let persons = persons(source, pack, &types)?;
    Ok(Catalogue::new(types, persons))
}

/// The rows about natural persons: types whose reports a person can carry, with the terms of the type.
fn persons(
    source: Source<'_>,
    pack: &WrittenPack,
    types: &BTreeMap<AttestationType, TypeRule>,
) -> Result<BTreeMap<AttestationType, PersonRule>, Refused> {
    let mut persons = BTreeMap::new();
    for line in lines(source, "catalogue.persons", &pack.catalogue.persons)?.values() {
        let rule = types.get(&line.of).ok_or_else(|| line.fault(RulesFault::NotInCatalogue(line.of)))?;
        if !is_carried(line.of) {
            return Err(line.fault(RulesFault::PersonType(line.of)));
        }
        let look_back = |months| not_zero(source, &format!("{}.look_back_months", line.key), months);
        let origins = not_empty(line, "origins", &line.written.origins)?;
        if rule.shapes.contains(&Shape::HashMatches) && origins != rule.origins {
            return Err(line.fault(RulesFault::PersonOrigins(line.of)));
        }
        let person = PersonRule {
            origins,
            look_back_months: line.written.look_back_months.as_ref().map(look_back).transpose()?,
            sensitive: line.written.sensitive,
            validity_days: rule.validity_days,
            stale_after_days: rule.stale_after_days,
        };
        persons.insert(line.of, person);
    }
    Ok(persons)
}

type Lines<'a, T> = BTreeMap<AttestationType, Line<'a, T>>;

fn lines<'a, T>(source: Source<'a>, section: &str, written: &'a ByName<T>) -> Result<Lines<'a, T>, Refused> {
    let line = |(name, written): (&Spanned<String>, &'a T)| {
        let of = type_of(source, section, name)?;
        Ok((of, Line { source, of, key: format!("{section}.{of}"), name: name.span(), written }))
    };
    written.iter().map(line).collect()
}

/// The lines of another section, which must be about the same types.
fn same_types<'a, T, U>(
    source: Source<'a>,
    section: &str,
    written: &'a Spanned<ByName<T>>,
    catalogue: &Lines<'_, U>,
) -> Result<Lines<'a, T>, Refused> {
    let lines = lines(source, section, written.get_ref())?;
    if let Some((of, line)) = lines.iter().find(|(of, _)| !catalogue.contains_key(of)) {
        return Err(line.fault(RulesFault::NotInCatalogue(*of)));
    }
    match catalogue.keys().find(|of| !lines.contains_key(of)) {
        Some(of) => Err(source.fault(written.span(), section, RulesFault::TypeMissing(*of))),
        None => Ok(lines),
    }
}

fn type_rule(
    line: &Line<'_, WrittenType>,
    catalogue: &Lines<'_, WrittenType>,
    term: &Line<'_, WrittenTerm>,
    label: &Line<'_, WrittenLabel>,
) -> Result<TypeRule, Refused> {
    let written = line.written;
    let registers = registers(line, catalogue)?;
    let look_back = |months| not_zero(line.source, &format!("{}.look_back_months", line.key), months);
    Ok(TypeRule {
        lane: written.lane,
        subjects: subjects(line)?,
        shapes: shapes(line)?,
        origins: not_empty(line, "origins", &written.origins)?,
        look_back_months: written.look_back_months.as_ref().map(look_back).transpose()?,
        severities: written.severities.clone().unwrap_or_default(),
        counts: written.counts.clone().unwrap_or_default(),
        validity_days: not_zero(term.source, &format!("{}.validity_days", term.key), &term.written.validity_days)?,
        stale_after_days: stale_after_days(term, registers == [line.of])?,
        registers,
        domains: domains(line)?,
        label: title(label.source, label.name.clone(), &label.key, label.written)?,
    })
}

fn not_empty<T: Clone, U>(line: &Line<'_, U>, key: &str, list: &Spanned<Vec<T>>) -> Result<Vec<T>, Refused> {
    if list.get_ref().is_empty() {
        return Err(line.fault_at(list.span(), key, RulesFault::ListEmpty));
    }
    Ok(list.get_ref().clone())
}

fn subjects(line: &Line<'_, WrittenType>) -> Result<Vec<SubjectKind>, Refused> {
    let subjects = not_empty(line, "subjects", &line.written.subjects)?;
    if subjects.contains(&SubjectKind::NaturalPerson) {
        return Err(line.fault_at(line.written.subjects.span(), "subjects", RulesFault::NaturalPerson));
    }
    if subjects.contains(&SubjectKind::Household) && line.written.lane != Lane::Public {
        return Err(line.fault_at(line.written.subjects.span(), "subjects", RulesFault::HouseholdNotPublic));
    }
    Ok(subjects)
}

/// A form that the facts cannot answer would find nothing, and nothing found reads as TRUE.
fn shapes(line: &Line<'_, WrittenType>) -> Result<Vec<Shape>, Refused> {
    let shapes = not_empty(line, "shapes", &line.written.shapes)?;
    let answerable = Shape::answerable(line.of);
    if let Some(shape) = shapes.iter().find(|shape| !answerable.contains(shape.get_ref())) {
        let fault = RulesFault::ShapeNotAnswerable { of: line.of, shape: *shape.get_ref() };
        return Err(line.fault_at(shape.span(), "shapes", fault));
    }
    if line.written.lane == Lane::Carried && shapes.iter().any(|shape| *shape.get_ref() != Shape::HashMatches) {
        return Err(line.fault_at(line.written.shapes.span(), "shapes", RulesFault::CarriedShape));
    }
    let shapes: Vec<Shape> = shapes.iter().map(|shape| *shape.get_ref()).collect();
    let counted = [line.written.severities.as_ref().map(Vec::len), line.written.counts.as_ref().map(Vec::len)];
    let complete = if shapes.contains(&Shape::CountLe) {
        counted.iter().all(|count| count.is_some_and(|count| count > 0))
    } else {
        counted == [None, None]
    };
    if complete { Ok(shapes) } else { Err(line.fault(RulesFault::CountsIncomplete)) }
}

/// The domains that a report of the type may speak for: the numbers from 1 to the written one.
fn domains(line: &Line<'_, WrittenType>) -> Result<Domains, Refused> {
    let Some(written) = &line.written.domains else { return Ok(Domains::NONE) };
    let reported = line.written.shapes.get_ref().iter().any(|shape| *shape.get_ref() == Shape::HashMatches);
    let numbers: Vec<u8> = (1..=*written.get_ref()).collect();
    let domains = Domains::of(&numbers).filter(|domains| reported && !domains.is_empty());
    domains.ok_or_else(|| line.fault_at(written.span(), "domains", RulesFault::Domains))
}

/// Its own register, or those of its members.
fn registers(line: &Line<'_, WrittenType>, catalogue: &Lines<'_, WrittenType>) -> Result<Vec<AttestationType>, Refused> {
    let members = match (line.of, &line.written.members) {
        (AttestationType::SerAny, Some(members)) => members,
        (AttestationType::SerAny, None) | (_, Some(_)) => return Err(line.fault(RulesFault::Members)),
        (of, None) => return Ok(vec![of]),
    };
    let mut registers = Vec::new();
    for name in members {
        let known = AttestationType::from_name(name.get_ref()).filter(|of| is_serious_list(*of) && catalogue.contains_key(of));
        let Some(member) = known else {
            return Err(line.fault_at(name.span(), "members", RulesFault::MemberUnknown));
        };
        if registers.contains(&member) {
            return Err(line.fault_at(name.span(), "members", RulesFault::Members));
        }
        registers.push(member);
    }
    if registers.is_empty() { Err(line.fault(RulesFault::Members)) } else { Ok(registers) }
}

fn stale_after_days(line: &Line<'_, WrittenTerm>, own_register: bool) -> Result<Option<u16>, Refused> {
    match (&line.written.stale_after_days, own_register) {
        (Some(days), true) => not_zero(line.source, &format!("{}.stale_after_days", line.key), days).map(Some),
        (None, false) => Ok(None),
        _ => Err(line.fault(RulesFault::Staleness)),
    }
}
