//! Ed25519 keys as files and as DER (RFC 8410, RFC 5958, RFC 7468; PROTOCOL 23).
//!
//! A private key is PKCS#8 version 1, without the public half, so that every OpenSSL reads it. Deliberately not here: opening files,
//! their access rights, passwords (a key file is protected by its place).

use ed25519_dalek::pkcs8::{DecodePrivateKey, Error, KeypairBytes};
use zeroize::Zeroizing;

use crate::hash::base64_encode;
use crate::secret::Seed;
use crate::sign::{KeyError, PublicKey, SigningKey};

/// RFC 8410, 7: SEQUENCE, version 0, OID 1.3.101.112, OCTET STRING of an OCTET STRING of 32 bytes.
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// RFC 8410, 4: SEQUENCE, OID 1.3.101.112, BIT STRING of 32 bytes.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----\n";
const PEM_END: &str = "\n-----END PRIVATE KEY-----\n";

/// Why a text or DER is not an Ed25519 key. Nothing of the file is repeated: it may be secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// Not PEM, another PEM label (an encrypted key, a certificate), or DER that is not PKCS#8.
    #[error("not an unencrypted PKCS#8 private key in PEM; make one with `openssl genpkey -algorithm ed25519`")]
    NotPkcs8,
    /// PKCS#8 of another algorithm, or an Ed25519 key of another length.
    #[error("the key file holds no Ed25519 key; make one with `openssl genpkey -algorithm ed25519`")]
    NotEd25519,
    /// A version 2 file whose public half is not the private key's.
    #[error("the public key in the key file does not belong to its private key; take the file from a backup")]
    PublicKeyDiffers,
    /// Not the 44 bytes of an Ed25519 public key in DER.
    #[error("not the DER of an Ed25519 public key (44 bytes, RFC 8410); get it from its owner again")]
    NotSpki,
    /// The DER is right, the key in it is not.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The PEM text of a key: PKCS#8 version 1, as `openssl genpkey -algorithm ed25519` writes it.
pub fn to_pem(key: &SigningKey) -> Zeroizing<String> {
    let body = Zeroizing::new(base64_encode(&pkcs8_der(key)));
    // Room for all at once: a text that grows leaves copies of the secret behind.
    let mut pem = Zeroizing::new(String::with_capacity(PEM_BEGIN.len() + body.len() + PEM_END.len()));
    pem.push_str(PEM_BEGIN);
    // 48 bytes are 64 characters: exactly one line of PEM.
    pem.push_str(&body);
    pem.push_str(PEM_END);
    pem
}

/// Reads a PEM text, PKCS#8 version 1, or version 2 with a public half that agrees.
pub fn from_pem(text: &str) -> Result<SigningKey, KeyFileError> {
    let pair = KeypairBytes::from_pkcs8_pem(text).map_err(|error| match error {
        Error::Asn1(_) => KeyFileError::NotPkcs8,
        _ => KeyFileError::NotEd25519,
    })?;
    let key = SigningKey::from_seed(Seed::from_bytes(pair.secret_key));
    match pair.public_key {
        Some(public) if public.to_bytes() != *key.public().as_bytes() => Err(KeyFileError::PublicKeyDiffers),
        _ => Ok(key),
    }
}

/// The private key as PKCS#8 version 1 DER, 48 bytes.
pub fn pkcs8_der(key: &SigningKey) -> Zeroizing<Vec<u8>> {
    let mut der = Zeroizing::new(Vec::with_capacity(48));
    der.extend_from_slice(&PKCS8_PREFIX);
    der.extend_from_slice(key.seed().expose());
    der
}

/// The public key as SubjectPublicKeyInfo DER, 44 bytes: the raw public key of RFC 7250.
pub fn spki_der(key: &PublicKey) -> Vec<u8> {
    [SPKI_PREFIX.as_slice(), key.as_bytes()].concat()
}

/// Reads SubjectPublicKeyInfo DER. Ed25519 has one such form of 44 bytes, so nothing else is parsed.
pub fn public_from_spki(der: &[u8]) -> Result<PublicKey, KeyFileError> {
    let key = der.strip_prefix(&SPKI_PREFIX).ok_or(KeyFileError::NotSpki)?;
    let key = <&[u8; 32]>::try_from(key).map_err(|_| KeyFileError::NotSpki)?;
    Ok(PublicKey::from_bytes(key)?)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use ed25519_dalek::pkcs8::{EncodePrivateKey, KeypairBytes, PublicKeyBytes};

    use super::{KeyFileError, from_pem, pkcs8_der, public_from_spki, spki_der, to_pem};
    use crate::hash::base64_encode;
    use crate::secret::Seed;
    use crate::sign::{KeyError, SigningKey};

    /// RFC 8410, 10.3: the example private key, and the public key of 10.1.
    const RFC_8410: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    const RFC_8410_PUBLIC: &str = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";

    fn key() -> SigningKey {
        SigningKey::from_seed(Seed::from_bytes([7; 32]))
    }

    fn pem(label: &str, der: &[u8]) -> String {
        let body = base64_encode(der).into_bytes();
        let lines: Vec<_> = body.chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    fn refusal(text: &str) -> Option<KeyFileError> {
        from_pem(text).err()
    }

    #[test]
    fn the_example_of_rfc_8410_is_read_and_written() {
        let key = from_pem(RFC_8410).unwrap();
        assert_eq!(to_pem(&key).as_str(), RFC_8410);
        assert_eq!(base64_encode(&spki_der(&key.public())), RFC_8410_PUBLIC);
        assert_eq!(public_from_spki(&spki_der(&key.public())), Ok(key.public()));
    }

    #[test]
    fn our_der_is_what_the_library_writes() {
        let pair = KeypairBytes { secret_key: [7; 32], public_key: None };
        assert_eq!(pkcs8_der(&key()).as_slice(), pair.to_pkcs8_der().unwrap().as_bytes());
        assert_eq!(pkcs8_der(&key()).len(), 48);
    }

    #[test]
    fn a_text_that_is_not_pkcs8_is_refused() {
        let good = to_pem(&key());
        let encrypted = pem("ENCRYPTED PRIVATE KEY", &pkcs8_der(&key()));
        let cut = pem("PRIVATE KEY", &pkcs8_der(&key())[..47]);
        let longer = pem("PRIVATE KEY", &[&pkcs8_der(&key())[..], &[0]].concat());
        for text in ["", "PRIVATE KEY", &encrypted, &cut, &longer, &good[1..]] {
            assert_eq!(refusal(text), Some(KeyFileError::NotPkcs8), "{text}");
        }
    }

    #[test]
    fn a_key_of_another_algorithm_is_refused() {
        let mut der = pkcs8_der(&key());
        der[11] = 0x6e; // 1.3.101.110: X25519
        assert_eq!(refusal(&pem("PRIVATE KEY", &der)), Some(KeyFileError::NotEd25519));
        let mut der = pkcs8_der(&key());
        der[14] = 5; // the inner string is no OCTET STRING
        assert_eq!(refusal(&pem("PRIVATE KEY", &der)), Some(KeyFileError::NotEd25519));
    }

    #[test]
    fn a_version_2_file_must_agree_with_itself() {
        let other = SigningKey::from_seed(Seed::from_bytes([8; 32])).public();
        let version_2 = |public: &[u8; 32]| {
            let pair = KeypairBytes { secret_key: [7; 32], public_key: Some(PublicKeyBytes(*public)) };
            pem("PRIVATE KEY", pair.to_pkcs8_der().unwrap().as_bytes())
        };
        assert_eq!(from_pem(&version_2(key().public().as_bytes())).unwrap().public(), key().public());
        assert_eq!(refusal(&version_2(other.as_bytes())), Some(KeyFileError::PublicKeyDiffers));
    }

    #[test]
    fn other_bytes_are_no_public_key() {
        let der = spki_der(&key().public());
        for length in 0..der.len() {
            assert_eq!(public_from_spki(&der[..length]), Err(KeyFileError::NotSpki));
        }
        assert_eq!(public_from_spki(&[der.as_slice(), &[0]].concat()), Err(KeyFileError::NotSpki));
        for byte in 0..12 {
            let mut forged = der.clone();
            forged[byte] ^= 1;
            assert_eq!(public_from_spki(&forged), Err(KeyFileError::NotSpki));
        }
    }

    #[test]
    fn a_bad_key_in_good_der_is_refused() {
        let mut der = spki_der(&key().public());
        der[12..].fill(0);
        assert_eq!(public_from_spki(&der), Err(KeyFileError::Key(KeyError::SmallOrder)));
    }

    #[test]
    fn a_text_cut_anywhere_never_panics_and_is_refused() {
        let good = to_pem(&key());
        // Without its last newline the text is still whole.
        for length in 0..good.len() - 1 {
            assert!(from_pem(&good[..length]).is_err(), "{length}");
        }
    }

    /// Runs openssl with this input; nothing (and a notice) where there is no openssl.
    fn openssl(arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
        let started = Command::new("openssl").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut child) = started else {
            eprintln!("notice: skipped, no openssl to ask");
            return None;
        };
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "openssl {arguments:?} failed");
        Some(output.stdout)
    }

    #[test]
    fn openssl_reads_our_key_and_finds_the_same_public_key() {
        let Some(public) = openssl(&["pkey", "-pubout", "-outform", "DER"], to_pem(&key()).as_bytes()) else {
            return;
        };
        assert_eq!(public, spki_der(&key().public()));
    }

    #[test]
    fn a_key_made_by_openssl_is_read() {
        let Some(made) = openssl(&["genpkey", "-algorithm", "ed25519"], b"") else {
            return;
        };
        let key = from_pem(std::str::from_utf8(&made).unwrap()).unwrap();
        let public = openssl(&["pkey", "-pubout", "-outform", "DER"], &made).unwrap();
        assert_eq!(public_from_spki(&public), Ok(key.public()));
    }
}
