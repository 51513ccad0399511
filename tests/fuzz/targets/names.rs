//! What a person may type or a peer may send as a name: identifier, names, days, keys, predicates (PROTOCOL 4, 5, 6 and 23).

use creditbay_configs::rules::phrase;
use creditbay_crypto::key_file::{from_pem, public_from_spki, spki_der, to_pem};
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::identifier::{Identifier, Scheme, recognise_person};
use creditbay_protocol::limits::MAX_WIRE_BYTES;
use creditbay_protocol::name::{Name, Origin};
use creditbay_protocol::predicate::Predicate;
use creditbay_protocol::wire;

/// Digits in a row that could be a part of somebody's number.
const TELLING_DIGITS: usize = 6;

/// The code of a scheme, then a text: what is read is canonical, is no person's, and no error repeats a number.
pub(super) fn identifier(bytes: &[u8]) -> bool {
    if let Ok(identifier) = wire::decode::<Identifier>(bytes, MAX_WIRE_BYTES) {
        assert_eq!(identifier.canonical_bytes(), *bytes);
        canonical(&identifier);
        return true;
    }
    let Some((scheme, text)) = bytes.split_first() else { return false };
    let Some(scheme) = Scheme::from_code(*scheme) else { return false };
    let Ok(text) = std::str::from_utf8(text) else { return false };
    match Identifier::parse(scheme, text) {
        Ok(identifier) => {
            canonical(&identifier);
            true
        }
        Err(error) => {
            let told = error.to_string();
            let numbers = text.split(|character: char| !character.is_ascii_digit());
            assert!(numbers.filter(|digits| digits.len() >= TELLING_DIGITS).all(|digits| !told.contains(digits)), "{told}");
            false
        }
    }
}

fn canonical(identifier: &Identifier) {
    let (scheme, value) = (identifier.scheme(), identifier.expose());
    assert!(!scheme.is_person());
    assert_eq!(Identifier::parse(scheme, value).as_ref(), Ok(identifier));
    assert_eq!(wire::decode::<Identifier>(&identifier.canonical_bytes(), MAX_WIRE_BYTES).as_ref(), Ok(identifier));
    assert!(scheme == Scheme::Uscc || recognise_person(value).is_none(), "a person's number as an entity's");
    assert!(!format!("{identifier:?}").contains(value));
    let _ = (identifier.subject_kind(), identifier.registering_area());
}

/// Names, origins and days are printed as they were; every instant has a day and a text.
pub(super) fn name(bytes: &[u8]) -> bool {
    if let Some((number, _)) = bytes.split_first_chunk::<8>() {
        let instant = Millis(u64::from_le_bytes(*number));
        assert!(instant.to_string().starts_with(|digit: char| digit.is_ascii_digit()) && instant.day() <= Day::LAST);
    }
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let names = [named::<8>(text), named::<24>(text), named::<32>(text)];
    let origin = text.parse::<Origin>().is_ok_and(|origin| {
        assert_eq!(origin.to_string(), text);
        assert_eq!(wire::decode::<Origin>(&wire::encode(&origin), MAX_WIRE_BYTES), Ok(origin));
        true
    });
    let day = text.parse::<Day>().is_ok_and(|day| {
        assert_eq!(day.to_string(), text);
        assert_eq!(wire::decode::<Day>(&wire::encode(&day), MAX_WIRE_BYTES), Ok(day));
        assert!(day.months_before(36) <= day && day <= day.months_after(36));
        true
    });
    origin || day || names.contains(&true)
}

fn named<const MAX: usize>(text: &str) -> bool {
    let Ok(name) = Name::<MAX>::new(text) else { return false };
    assert_eq!(name.as_str(), text);
    let wired = wire::encode(&name);
    assert_eq!(wired.len(), MAX);
    assert_eq!(wire::decode::<Name<MAX>>(&wired, MAX_WIRE_BYTES), Ok(name));
    true
}

/// A private key in PEM or a public one in DER comes back.
pub(super) fn key_file(bytes: &[u8]) -> bool {
    let public = public_from_spki(bytes);
    if let Ok(public) = &public {
        assert_eq!(spki_der(public), bytes);
    }
    let private = std::str::from_utf8(bytes).ok().and_then(|text| from_pem(text).ok());
    if let Some(private) = &private {
        let again = from_pem(&to_pem(private)).expect("a key that is written is read");
        assert_eq!(again.public(), private.public());
    }
    public.is_ok() || private.is_some()
}

/// A predicate as people write it, or in JSON, comes back from JSON and from the wire.
pub(super) fn predicate(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let Some(predicate) = phrase::parse(text).ok().or_else(|| serde_json::from_str(text).ok()) else { return false };
    let json = serde_json::to_string(&predicate).expect("a predicate has a form in JSON");
    assert_eq!(serde_json::from_str::<Predicate>(&json).expect("it is read back"), predicate);
    assert_eq!(wire::decode::<Predicate>(&wire::encode(&predicate), MAX_WIRE_BYTES), Ok(predicate));
    assert!(!predicate.to_string().is_empty());
    true
}
