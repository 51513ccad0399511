//! Who is asked about: identifiers of entities, and the refusal of every identifier of a natural person (PROTOCOL 4).
//!
//! An [`Identifier`] can only be made by [`Identifier::parse`], from text or from the wire, so each one that exists was checked.
//! The files below hold one issuer's rules each and know nothing of schemes. Not here: which node answers for an area.

pub mod hk;
pub mod lei;
pub mod person;
pub mod uscc;

mod canonical;
mod mo;

#[cfg(test)]
mod forgery_tests;
#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};

use self::canonical::{Fault, MAX_RAW_CHARACTERS, Spelling};

/// Bytes of the longest value, an LEI.
const VALUE_BYTES: usize = 20;
/// Bytes of an identifier on the wire and under a hash: the scheme's code and the value, zero-padded.
pub const IDENTIFIER_BYTES: usize = 1 + VALUE_BYTES;

crate::coded! {
    /// Who numbers, and how. An identifier comes with its scheme; nothing is guessed.
    Scheme {
        /// Unified social credit code, GB 32100-2015.
        Uscc = 1 "uscc",
        /// Hong Kong business registration number (unique business identifier), or what stands for it.
        HkBrn = 2 "hk-brn",
        /// Macao number of an entity; one that begins with 1, 5 or 7 is refused, since it could be a BIR.
        MoEntity = 3 "mo-entity",
        /// Legal entity identifier, ISO 17442.
        Lei = 4 "lei",
        /// Mainland resident identity card, GB 11643. A person's.
        Ric = 128 "ric",
        /// Mainland residence permit for residents of Hong Kong, Macao and Taiwan. A person's.
        ResidencePermit = 129 "cn-residence-permit",
        /// Mainland travel permit for residents of Hong Kong and Macao. A person's.
        TravelPermit = 130 "cn-travel-permit",
        /// Hong Kong identity card. A person's.
        Hkid = 131 "hkid",
        /// Macao resident identity card. A person's.
        Bir = 132 "mo-bir",
    }
}

crate::coded! {
    /// What kind of subject stands behind an identifier.
    SubjectKind {
        /// A legal person or another organisation.
        Entity = 1 "entity",
        /// A household business (个体工商户): an entity in the register, a natural person to privacy law.
        Household = 2 "household",
        /// An organ of state (机关).
        PublicBody = 3 "public-body",
        /// A natural person. Only declined questions carry it; no [`Identifier`] has it.
        NaturalPerson = 4 "natural-person",
    }
}

/// Where an identifier was issued, as far as it says so itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Area {
    /// The mainland: the six digits of the region that registered the entity (GB/T 2260).
    Mainland(u32),
    /// Hong Kong.
    HongKong,
    /// Macao.
    Macao,
    /// The identifier does not say: an LEI.
    Unknown,
}

/// Why a text is no identifier of an entity. Never holds the text or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// A name that no scheme has.
    #[error("unknown identifier scheme; write one of: uscc, hk-brn, mo-entity, lei")]
    UnknownScheme,
    /// A scheme of natural persons, or a value that reads as a natural person's number.
    #[error("this is a natural person's number ({scheme}), which is never sent or kept; ask about an entity by its own number")]
    NaturalPerson {
        /// Whose number it is or seems to be.
        scheme: Scheme,
    },
    /// An input that is too long to be looked at.
    #[error("{scheme}: the input has more than {max} characters; give the number alone")]
    Input {
        /// The scheme that was named.
        scheme: Scheme,
        /// Characters that are allowed, separators included.
        max: usize,
    },
    /// Too many characters, or too few.
    #[error("{scheme}: has {expected} characters without separators, this has {found}; copy it again from the certificate")]
    Length {
        /// The scheme that was named.
        scheme: Scheme,
        /// Characters of every value of the scheme.
        expected: usize,
        /// Characters that were found, separators not counted.
        found: usize,
    },
    /// A character that cannot stand where it stands.
    #[error("{scheme}: character {position} cannot stand there; compare it with the certificate (I and 1, O and 0)")]
    Alphabet {
        /// The scheme that was named.
        scheme: Scheme,
        /// Which character, counted from 1, separators not counted.
        position: usize,
    },
    /// The check character does not follow from the others.
    #[error("{scheme}: the check character does not fit the others; one is mistyped, compare it with the certificate")]
    CheckCharacter {
        /// The scheme that was named.
        scheme: Scheme,
    },
    /// The code as a whole holds, the organisation code in it does not.
    #[error(
        "{scheme}: the organisation code in characters 9 to 17 does not hold although the whole does; no authority issued it, ask the subject for the certificate"
    )]
    OrganisationCode {
        /// The scheme that was named.
        scheme: Scheme,
    },
}

impl Scheme {
    /// Whether the scheme numbers natural persons, of whom nothing may cross.
    pub const fn is_person(self) -> bool {
        match self {
            Self::Uscc | Self::HkBrn | Self::MoEntity | Self::Lei => false,
            Self::Ric | Self::ResidencePermit | Self::TravelPermit | Self::Hkid | Self::Bir => true,
        }
    }
}

impl FromStr for Scheme {
    type Err = IdentifierError;
    fn from_str(name: &str) -> Result<Self, IdentifierError> {
        Self::from_name(name).ok_or(IdentifierError::UnknownScheme)
    }
}

/// The checked, canonical identifier of an entity.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identifier {
    scheme: Scheme,
    value: [u8; VALUE_BYTES],
}

impl Identifier {
    /// Reads an identifier as people write it: full-width characters, lower case, brackets, dashes, slashes and spaces are evened out.
    ///
    /// # Errors
    /// [`IdentifierError`]; a natural person's number is refused by that name even where its scheme was given as an entity's.
    pub fn parse(scheme: Scheme, raw: &str) -> Result<Self, IdentifierError> {
        let check = match scheme {
            Scheme::Uscc => uscc::check,
            Scheme::HkBrn => hk::check_business_number,
            Scheme::MoEntity => mo::check_entity_number,
            Scheme::Lei => lei::check,
            Scheme::Ric | Scheme::ResidencePermit | Scheme::TravelPermit | Scheme::Hkid | Scheme::Bir => {
                return Err(IdentifierError::NaturalPerson { scheme });
            }
        };
        let spelling = Spelling::read(raw).map_err(|fault| IdentifierError::new(scheme, fault))?;
        let text = match scheme {
            Scheme::MoEntity => mo::without_register_mark(&spelling.canonical),
            _ => &spelling.canonical,
        };
        let checked = check(text);
        let surely_entity = scheme == Scheme::Uscc && checked.is_ok() && uscc::names_an_entity(text);
        if let Some(scheme) = person_scheme(&spelling).filter(|_| !surely_entity) {
            return Err(IdentifierError::NaturalPerson { scheme });
        }
        checked.map_err(|fault| IdentifierError::new(scheme, fault))?;
        if scheme == Scheme::MoEntity && mo::may_be_bir(text) {
            return Err(IdentifierError::NaturalPerson { scheme: Scheme::Bir });
        }
        let mut value = [0; VALUE_BYTES];
        value[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { scheme, value })
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The value itself, for two readers only: the evaluation of rules, and the JSON of the service that asked.
    /// It must reach no log, trace, metric, error or leaf.
    pub fn expose(&self) -> &str {
        let len = self.value.iter().position(|byte| *byte == 0).unwrap_or(VALUE_BYTES);
        std::str::from_utf8(&self.value[..len]).expect("invariant: parse admits ASCII alone")
    }

    /// The bytes of the wire, which are also those that are hashed.
    pub fn canonical_bytes(&self) -> [u8; IDENTIFIER_BYTES] {
        let mut bytes = [0; IDENTIFIER_BYTES];
        bytes[0] = self.scheme.code();
        bytes[1..].copy_from_slice(&self.value);
        bytes
    }

    /// What kind of subject it is, by the first two characters of a USCC; what they do not tell apart is an entity.
    pub fn subject_kind(&self) -> SubjectKind {
        match (self.scheme, &self.value[..2]) {
            (Scheme::Uscc, b"11") => SubjectKind::PublicBody,
            (Scheme::Uscc, b"92") => SubjectKind::Household,
            _ => SubjectKind::Entity,
        }
    }

    /// Where it was issued.
    pub fn registering_area(&self) -> Area {
        match self.scheme {
            Scheme::Uscc => Area::Mainland(uscc::region(self.expose())),
            Scheme::HkBrn => Area::HongKong,
            Scheme::MoEntity => Area::Macao,
            _ => Area::Unknown,
        }
    }
}

/// Whose number this is if it reads as a natural person's, so that it can be refused and is never kept.
///
/// The whole input is one number; nothing is searched inside a longer text. A number that could be a person's by chance is named too.
pub fn recognise_person(raw: &str) -> Option<Scheme> {
    person_scheme(&Spelling::read(raw).ok()?)
}

fn person_scheme(spelling: &Spelling) -> Option<Scheme> {
    let canonical = &spelling.canonical;
    if person::is_residence_permit(canonical) {
        Some(Scheme::ResidencePermit)
    } else if person::is_ric(canonical) {
        Some(Scheme::Ric)
    } else if hk::is_hkid(spelling) {
        Some(Scheme::Hkid)
    } else if mo::is_printed_bir(spelling) {
        Some(Scheme::Bir)
    } else if person::is_travel_permit(canonical) {
        Some(Scheme::TravelPermit)
    } else {
        None
    }
}

impl IdentifierError {
    fn new(scheme: Scheme, fault: Fault) -> Self {
        match fault {
            Fault::Input => Self::Input { scheme, max: MAX_RAW_CHARACTERS },
            Fault::Length { expected, found } => Self::Length { scheme, expected, found },
            Fault::Alphabet { position } => Self::Alphabet { scheme, position },
            Fault::CheckCharacter => Self::CheckCharacter { scheme },
            Fault::OrganisationCode => Self::OrganisationCode { scheme },
        }
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier({} …)", self.scheme)
    }
}

impl Encode for Identifier {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.canonical_bytes().encode(encoder)
    }
}

impl<C> Decode<C> for Identifier {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let scheme = Scheme::decode(decoder)?;
        let value = <[u8; VALUE_BYTES]>::decode(decoder)?;
        let len = value.iter().position(|byte| *byte == 0).unwrap_or(VALUE_BYTES);
        let identifier = std::str::from_utf8(&value[..len])
            .ok()
            .and_then(|text| Self::parse(scheme, text).ok())
            .ok_or(DecodeError::Other("Identifier: not an entity's identifier"))?;
        if identifier.value == value { Ok(identifier) } else { Err(DecodeError::Other("Identifier: not in canonical form")) }
    }
}
bincode::impl_borrow_decode!(Identifier);
