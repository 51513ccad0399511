//! What an entity permitted: an artefact that a channel signs, and its withdrawal (PROTOCOL 7.2; domain R2).
//!
//! Immutable: its identity is the digest of its bytes, which say nothing to whoever does not have them, since they hold a nonce of 128
//! bits. One recipient, one purpose, named types, a time, a number of uses. Not here: which channels are trusted (network directory),
//! whether it fits a query (`configs::rules::authorise`), and what was used of it (the nodes' ledgers).

use bincode::{Decode, Encode};
use creditbay_crypto::hash::{Digest, base64_decode, base64_encode};
use creditbay_crypto::label::Label;
use creditbay_crypto::sign::{PublicKey, Signature, SignatureRefused, SigningKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::calendar::Millis;
use crate::coded;
use crate::identifier::Identifier;
use crate::limits::MAX_USES;
use crate::name::{Name, OrganisationId, Region};
use crate::predicate::{AttestationType, Purpose};
use crate::wire;

/// A channel that takes authorisations down: an enterprise service portal, say.
pub type ChannelName = Name<24>;

coded! {
    /// The language of the notice that the entity was shown.
    Language {
        /// Simplified Chinese.
        ZhHans = 1 "zh-Hans",
        /// Traditional Chinese.
        ZhHant = 2 "zh-Hant",
        /// Portuguese.
        Pt = 3 "pt",
        /// English.
        En = 4 "en",
    }
}

/// The notice that the entity was shown: who receives, what for, how rights are exercised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Its version.
    pub version: u16,
    /// Its language.
    pub language: Language,
    /// SHA-256 of its text.
    pub digest: Digest,
}

/// What was agreed to, each apart from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreed {
    /// That the answer is given to the recipient.
    pub provide: bool,
    /// That it may concern what is sensitive.
    pub sensitive: bool,
    /// That it leaves the territory of the issuer.
    pub export: bool,
}

/// Types, each by its name: there is no wildcard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode)]
pub struct Types(u32);

impl Types {
    /// The set of these types; `None` if there is none.
    pub fn of(types: &[AttestationType]) -> Option<Self> {
        let bits = types.iter().fold(0, |bits, of| bits | 1 << of.code());
        (bits != 0).then_some(Self(bits))
    }

    /// Whether the set holds this type.
    pub fn contains(self, of: AttestationType) -> bool {
        self.0 & (1 << of.code()) != 0
    }

    /// The types in the set, in the order of their codes.
    pub fn members(self) -> Vec<AttestationType> {
        AttestationType::ALL.iter().copied().filter(|of| self.contains(*of)).collect()
    }
}

impl<C> Decode<C> for Types {
    fn decode<D: bincode::de::Decoder<Context = C>>(decoder: &mut D) -> Result<Self, bincode::error::DecodeError> {
        let bits = u32::decode(decoder)?;
        Self::of(&Self(bits).members())
            .filter(|set| set.0 == bits)
            .ok_or(bincode::error::DecodeError::Other("Types: empty or unknown types"))
    }
}
bincode::impl_borrow_decode!(Types);

impl Serialize for Types {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Types {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(&Vec::<AttestationType>::deserialize(deserializer)?)
            .ok_or_else(|| serde::de::Error::custom("types: name at least one"))
    }
}

/// How often an authorisation may be used, from 1 to [`MAX_USES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Serialize)]
#[serde(transparent)]
pub struct Uses(u16);

impl Uses {
    /// So many; `None` for 0 or more than [`MAX_USES`].
    pub fn new(number: u16) -> Option<Self> {
        (1..=MAX_USES).contains(&number).then_some(Self(number))
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl<C> Decode<C> for Uses {
    fn decode<D: bincode::de::Decoder<Context = C>>(decoder: &mut D) -> Result<Self, bincode::error::DecodeError> {
        Self::new(u16::decode(decoder)?).ok_or(bincode::error::DecodeError::Other("Uses: 1 to 63"))
    }
}
bincode::impl_borrow_decode!(Uses);

impl<'de> Deserialize<'de> for Uses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u16::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom(format!("uses: from 1 to {MAX_USES}")))
    }
}

/// What an entity permitted. `Debug` leaves the subject out.
#[derive(Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorisation {
    /// 128 random bits, so that the digest can be told to anybody.
    #[serde(with = "nonce")]
    pub nonce: [u8; 16],
    /// The channel that took it down and signs.
    pub channel: ChannelName,
    /// The entity that permits.
    pub subject: NamedSubject,
    /// Whose node may answer.
    pub issuer: Region,
    /// Whose node may ask.
    pub asker: Region,
    /// Who receives.
    pub organisation: OrganisationId,
    /// What for.
    pub purpose: Purpose,
    /// What may be asked.
    pub types: Types,
    /// What the entity was told.
    pub notice: Notice,
    /// What it agreed to.
    pub agreed: Agreed,
    /// From when on.
    pub granted: Millis,
    /// Until when.
    pub expires: Millis,
    /// How often.
    pub uses: Uses,
}

/// The entity, in text as scheme and code.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct NamedSubject(pub Identifier);

impl Serialize for NamedSubject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}:{}", self.0.scheme(), self.0.expose()))
    }
}

impl<'de> Deserialize<'de> for NamedSubject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The text is not repeated in an error: it may name a person.
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let (scheme, code) = text.split_once(':').ok_or_else(|| serde::de::Error::custom("subject: SCHEME:CODE"))?;
        let scheme = scheme.parse().map_err(serde::de::Error::custom)?;
        Identifier::parse(scheme, code).map(Self).map_err(serde::de::Error::custom)
    }
}

impl std::fmt::Debug for Authorisation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { channel, asker, organisation, purpose, types, uses, .. } = self;
        write!(f, "Authorisation({channel} to {organisation} of {asker} for {purpose}: {types:?}, {uses:?} …)")
    }
}

impl Authorisation {
    /// Its identity.
    pub fn digest(&self) -> Digest {
        Digest::of(&wire::encode(self))
    }

    /// Signs it with the channel's key.
    pub fn sign(self, key: &SigningKey) -> SignedAuthorisation {
        let signature = key.sign(&signed_bytes(Label::AUTHORISATION, &self));
        SignedAuthorisation { authorisation: self, signature: SignatureText(signature) }
    }
}

/// An authorisation with the channel's signature, not verified yet.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedAuthorisation {
    /// What was permitted.
    pub authorisation: Authorisation,
    /// The channel's signature over it.
    pub signature: SignatureText,
}

impl SignedAuthorisation {
    /// Whether the channel with this key signed it.
    pub fn verify(&self, channel: &PublicKey) -> Result<(), SignatureRefused> {
        channel.verify(&signed_bytes(Label::AUTHORISATION, &self.authorisation), &self.signature.0)
    }
}

/// The end of an authorisation, before its time or uses are over.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// The authorisation.
    pub authorisation: Digest,
    /// The channel that took it down.
    pub channel: ChannelName,
    /// When the entity withdrew it.
    pub at: Millis,
}

impl Withdrawal {
    /// Signs it with the channel's key.
    pub fn sign(self, key: &SigningKey) -> SignedWithdrawal {
        let signature = key.sign(&signed_bytes(Label::WITHDRAWAL, &self));
        SignedWithdrawal { withdrawal: self, signature: SignatureText(signature) }
    }
}

/// A withdrawal with the channel's signature, not verified yet.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedWithdrawal {
    /// What is withdrawn.
    pub withdrawal: Withdrawal,
    /// The channel's signature over it.
    pub signature: SignatureText,
}

impl SignedWithdrawal {
    /// Whether the channel with this key signed it.
    pub fn verify(&self, channel: &PublicKey) -> Result<(), SignatureRefused> {
        channel.verify(&signed_bytes(Label::WITHDRAWAL, &self.withdrawal), &self.signature.0)
    }
}

/// A signature, base64 in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct SignatureText(pub Signature);

impl Serialize for SignatureText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64_encode(&self.0.0))
    }
}

impl<'de> Deserialize<'de> for SignatureText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let bytes = base64_decode(&text).ok().and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        bytes.map(|bytes| Self(Signature(bytes))).ok_or_else(|| serde::de::Error::custom("signature: base64 of 64 bytes"))
    }
}

/// The label, a NUL, the canonical bytes: no signature of one kind is one of another.
fn signed_bytes<T: Encode>(label: Label, of: &T) -> Vec<u8> {
    [label.as_bytes(), &[0], &wire::encode(of)].concat()
}

mod nonce {
    //! A nonce in text: base64 of 16 bytes.

    use super::{Deserialize, Deserializer, Serializer, base64_decode, base64_encode};

    pub(super) fn serialize<S: Serializer>(nonce: &[u8; 16], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64_encode(nonce))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 16], D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let bytes = base64_decode(&text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| serde::de::Error::custom("nonce: base64 of 16 bytes"))
    }
}
