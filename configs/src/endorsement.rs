//! How regions endorse a file: a signed note over its digest, by k of n governance keys of every region (PROTOCOL.md, "Endorsements").
//!
//! The note's text is two lines, the label of the kind of file and the SHA-256 of the file's bytes in hex. One note carries the lines
//! of all regions, so that signatures are gathered by appending.
//! Not here: what the file says, who must endorse it (an argument), signing (`creditbay_crypto::note::NoteSigner` over [`text`]).

use std::fmt;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::{KeyKind, KeyName, Note, NoteError, NoteVerifier};
use creditbay_protocol::name::Region;

/// Governance keys of one region at most: all lines of four regions fit into one note.
pub const MAX_SIGNERS: usize = 16;

/// Who speaks for a region: any `threshold` of its signers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Governance {
    threshold: usize,
    signers: Vec<NoteVerifier>,
}

/// Why keys and a number are no governance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GovernanceError {
    /// Nobody would have to sign.
    #[error("the threshold is 0, so nobody would have to sign; set it to 1 or more")]
    ThresholdZero,
    /// More signatures are asked for than there are keys.
    #[error("the threshold is {threshold}, but there are {signers} signers; lower it or add signers")]
    ThresholdOverSigners {
        /// Signatures asked for.
        threshold: usize,
        /// Keys.
        signers: usize,
    },
    /// More than [`MAX_SIGNERS`].
    #[error("{0} signers, at most {MAX_SIGNERS} are read; remove the ones that no longer sign")]
    TooManySigners(usize),
    /// One key in two places would count twice.
    #[error("the key of {0} stands twice, and would count twice; remove one")]
    SignerTwice(KeyName),
    /// A key that cosigns checkpoints cannot sign files.
    #[error("the key of {0} is of type 0x04, which cosigns checkpoints; a signer has a key of type 0x01")]
    WrongKind(KeyName),
}

impl Governance {
    /// `threshold` of `signers`: from 1 to their number, all of them distinct keys of type 0x01.
    pub fn new(threshold: usize, signers: Vec<NoteVerifier>) -> Result<Self, GovernanceError> {
        if threshold == 0 {
            return Err(GovernanceError::ThresholdZero);
        }
        if signers.len() > MAX_SIGNERS {
            return Err(GovernanceError::TooManySigners(signers.len()));
        }
        if threshold > signers.len() {
            return Err(GovernanceError::ThresholdOverSigners { threshold, signers: signers.len() });
        }
        for (position, signer) in signers.iter().enumerate() {
            if signer.kind() != KeyKind::Ed25519 {
                return Err(GovernanceError::WrongKind(signer.name().clone()));
            }
            if signers[..position].iter().any(|earlier| earlier.key() == signer.key()) {
                return Err(GovernanceError::SignerTwice(signer.name().clone()));
            }
        }
        Ok(Self { threshold, signers })
    }

    /// How many must sign.
    pub fn threshold(&self) -> usize {
        self.threshold
    }

    /// Who may sign.
    pub fn signers(&self) -> &[NoteVerifier] {
        &self.signers
    }
}

/// Why a note does not endorse a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndorsementError {
    /// The bytes are no signed note.
    #[error("the signatures cannot be read: {0}")]
    Unreadable(NoteError),
    /// The note's text is not a label and a digest.
    #[error("the note is no endorsement (a label line and a digest line); fetch the file's own signatures")]
    NotAnEndorsement,
    /// A note for another kind of file.
    #[error("the note endorses another kind of file, not `{expected}`; fetch the file's own signatures")]
    OtherLabel {
        /// The label that was looked for.
        expected: &'static str,
    },
    /// A note for another file, or the file was changed after it was signed.
    #[error("the note is over {signed}, the file is {file}; fetch the file and its signatures again, or have it signed anew")]
    OtherDigest {
        /// SHA-256 in the note.
        signed: Digest,
        /// SHA-256 of the file.
        file: Digest,
    },
    /// A line in a known key's name does not verify.
    #[error("a signature is not genuine: {0}")]
    Signature(NoteError),
    /// No region was to endorse, so nobody would have.
    #[error("no region is named that must endorse the file; name at least one")]
    NoRegions,
    /// A region has not signed often enough.
    #[error("region {region}: {have} of {need} signatures; missing are any {} of: {missing}", .need - .have)]
    Threshold {
        /// The region.
        region: Region,
        /// Signers of the region that signed.
        have: usize,
        /// Its threshold.
        need: usize,
        /// Who could still sign.
        missing: KeyNames,
    },
}

/// Names of keys, shown with commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyNames(pub Vec<KeyName>);

impl fmt::Display for KeyNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(position, name)| write!(f, "{}{name}", if position == 0 { "" } else { ", " }))
    }
}

/// Evidence that every region that had to has endorsed a file. Only [`verify`] makes it.
///
/// ```compile_fail,E0451
/// use creditbay_configs::endorsement::Endorsed;
/// let forged = Endorsed { digest: creditbay_crypto::hash::Digest([0; 32]), signers: Vec::new() };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endorsed {
    digest: Digest,
    signers: Vec<(Region, NoteVerifier)>,
}

impl Endorsed {
    /// SHA-256 of the endorsed file.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Who signed, for which region, in the order of the regions and of their signers.
    pub fn signers(&self) -> &[(Region, NoteVerifier)] {
        &self.signers
    }
}

/// The text that a signer signs.
pub fn text(label: Label, digest: &Digest) -> String {
    format!("{}\n{digest}\n", label.as_str())
}

/// Verifies the note over a file: each of `regions` must reach its threshold of distinct signers. Lines of unknown keys are passed
/// over; one line of a known key that fails is enough to refuse all.
pub fn verify(
    label: Label,
    digest: &Digest,
    note: &[u8],
    regions: &[(Region, &Governance)],
) -> Result<Endorsed, EndorsementError> {
    if regions.is_empty() {
        return Err(EndorsementError::NoRegions);
    }
    let note = Note::parse(note).map_err(EndorsementError::Unreadable)?;
    check_text(label, digest, &note.text)?;
    let known: Vec<NoteVerifier> = regions.iter().flat_map(|(_, governance)| governance.signers.iter().cloned()).collect();
    let signed: Vec<&NoteVerifier> = match note.verify(&known) {
        Ok(lines) => lines.iter().map(|line| &known[line.verifier]).collect(),
        // Then the first region tells how many are missing, which says more.
        Err(NoteError::NoKnownKey) => Vec::new(),
        Err(error) => return Err(EndorsementError::Signature(error)),
    };
    let mut signers = Vec::new();
    for (region, governance) in regions {
        let (have, missing): (Vec<&NoteVerifier>, Vec<_>) = governance.signers.iter().partition(|signer| signed.contains(signer));
        if have.len() < governance.threshold {
            return Err(EndorsementError::Threshold {
                region: *region,
                have: have.len(),
                need: governance.threshold,
                missing: KeyNames(missing.into_iter().map(|signer| signer.name().clone()).collect()),
            });
        }
        signers.extend(have.into_iter().map(|signer| (*region, signer.clone())));
    }
    Ok(Endorsed { digest: *digest, signers })
}

fn check_text(label: Label, digest: &Digest, signed: &str) -> Result<(), EndorsementError> {
    if signed == text(label, digest) {
        return Ok(());
    }
    let lines = signed.strip_suffix('\n').and_then(|lines| lines.split_once('\n'));
    let (label_line, digest_line) = lines.ok_or(EndorsementError::NotAnEndorsement)?;
    let signed = Digest::from_hex(digest_line).map_err(|_| EndorsementError::NotAnEndorsement)?;
    if label_line == label.as_str() {
        Err(EndorsementError::OtherDigest { signed, file: *digest })
    } else {
        Err(EndorsementError::OtherLabel { expected: label.as_str() })
    }
}

#[cfg(test)]
mod tests {
    use creditbay_crypto::hash::Digest;
    use creditbay_crypto::label::Label;
    use creditbay_crypto::note::{KeyKind, Note, NoteError, NoteSigner, NoteVerifier};
    use creditbay_crypto::secret::Seed;
    use creditbay_crypto::sign::SigningKey;
    use creditbay_protocol::name::Region;

    use super::{EndorsementError, Governance, GovernanceError, MAX_SIGNERS, text, verify};

    fn signer(seed: u8) -> NoteSigner {
        let key = SigningKey::from_seed(Seed::from_bytes([seed; 32]));
        NoteSigner::new(format!("signer/{seed}").parse().unwrap(), KeyKind::Ed25519, key)
    }

    fn governance(threshold: usize, seeds: &[u8]) -> Governance {
        Governance::new(threshold, seeds.iter().map(|seed| signer(*seed).verifier().clone()).collect()).unwrap()
    }

    fn note(label: Label, digest: &Digest, seeds: &[u8]) -> Vec<u8> {
        let text = text(label, digest);
        let lines = seeds.iter().map(|seed| signer(*seed).sign(&text).unwrap()).collect();
        Note { text, lines }.to_string().into_bytes()
    }

    /// gz: 2 of 1, 2, 3; hk: 1 of 4, 5.
    fn checked(note: &[u8]) -> Result<super::Endorsed, EndorsementError> {
        let (gz, hk) = (governance(2, &[1, 2, 3]), governance(1, &[4, 5]));
        let regions = [(Region::new("gz").unwrap(), &gz), (Region::new("hk").unwrap(), &hk)];
        verify(Label::NETWORK, &Digest::of(b"file"), note, &regions)
    }

    fn missing(error: EndorsementError) -> (String, usize, usize, String) {
        let EndorsementError::Threshold { region, have, need, missing } = error else { panic!("{error}") };
        (region.to_string(), have, need, missing.to_string())
    }

    #[test]
    fn two_lines_are_signed() {
        let digest = Digest::of(b"abc");
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(text(Label::RULES, &digest), format!("creditbay/v1/rules\n{hex}\n"));
    }

    #[test]
    fn every_region_at_its_threshold_endorses() {
        let digest = Digest::of(b"file");
        let endorsed = checked(&note(Label::NETWORK, &digest, &[5, 3, 9, 1])).unwrap();
        assert_eq!(endorsed.digest(), &digest);
        let names: Vec<_> = endorsed.signers().iter().map(|(region, signer)| format!("{region} {}", signer.name())).collect();
        assert_eq!(names, ["gz signer/1", "gz signer/3", "hk signer/5"]);
    }

    #[test]
    fn a_missed_threshold_is_told_with_its_numbers() {
        let digest = Digest::of(b"file");
        let error = checked(&note(Label::NETWORK, &digest, &[1, 4])).unwrap_err();
        assert!(error.to_string().contains("region gz: 1 of 2 signatures; missing are any 1 of: signer/2, signer/3"), "{error}");
        let one_twice = checked(&note(Label::NETWORK, &digest, &[1, 1, 4])).unwrap_err();
        assert_eq!(missing(one_twice), ("gz".into(), 1, 2, "signer/2, signer/3".into()));
    }

    #[test]
    fn a_region_that_did_not_sign_is_named() {
        let error = checked(&note(Label::NETWORK, &Digest::of(b"file"), &[1, 2])).unwrap_err();
        assert_eq!(missing(error), ("hk".into(), 0, 1, "signer/4, signer/5".into()));
    }

    #[test]
    fn a_signer_of_another_region_does_not_count() {
        let error = checked(&note(Label::NETWORK, &Digest::of(b"file"), &[1, 4, 5])).unwrap_err();
        assert_eq!(missing(error), ("gz".into(), 1, 2, "signer/2, signer/3".into()));
    }

    #[test]
    fn strangers_alone_endorse_nothing() {
        let error = checked(&note(Label::NETWORK, &Digest::of(b"file"), &[8, 9])).unwrap_err();
        assert_eq!(missing(error), ("gz".into(), 0, 2, "signer/1, signer/2, signer/3".into()));
    }

    #[test]
    fn a_note_over_another_file_names_both_digests() {
        let (signed, file) = (Digest::of(b"filf"), Digest::of(b"file"));
        let error = checked(&note(Label::NETWORK, &signed, &[1, 2, 4])).unwrap_err();
        assert_eq!(error, EndorsementError::OtherDigest { signed, file });
        assert!(error.to_string().contains(&signed.to_string()) && error.to_string().contains(&file.to_string()));
    }

    #[test]
    fn a_note_over_another_kind_of_file_is_refused() {
        let error = checked(&note(Label::RULES, &Digest::of(b"file"), &[1, 2, 4])).unwrap_err();
        assert_eq!(error, EndorsementError::OtherLabel { expected: "creditbay/v1/network" });
    }

    #[test]
    fn another_text_is_no_endorsement() {
        let right = text(Label::NETWORK, &Digest::of(b"file"));
        for text in
            ["creditbay/v1/network\n".to_owned(), format!("{right}more\n"), right.to_uppercase(), right.replacen('\n', "\n\n", 1)]
        {
            let lines = [1, 2, 4].map(|seed| signer(seed).sign(&text).unwrap()).to_vec();
            let note = Note { text, lines }.to_string();
            assert_eq!(checked(note.as_bytes()).unwrap_err(), EndorsementError::NotAnEndorsement, "{note}");
        }
    }

    #[test]
    fn one_forged_line_of_a_known_key_refuses_the_note() {
        let digest = Digest::of(b"file");
        let genuine = String::from_utf8(note(Label::NETWORK, &digest, &[1, 2, 3, 4])).unwrap();
        let mut forged = Note::parse(genuine.as_bytes()).unwrap();
        forged.lines[2].bytes[0] ^= 1;
        let error = checked(forged.to_string().as_bytes()).unwrap_err();
        assert_eq!(error, EndorsementError::Signature(NoteError::Refused("signer/3".parse().unwrap())));
        let mut renamed = Note::parse(genuine.as_bytes()).unwrap();
        renamed.lines[3] = signer(9).sign(&renamed.text).unwrap();
        (renamed.lines[3].name, renamed.lines[3].key_id) = (signer(4).verifier().name().clone(), signer(4).verifier().key_id());
        let error = checked(renamed.to_string().as_bytes()).unwrap_err();
        assert_eq!(error, EndorsementError::Signature(NoteError::Refused("signer/4".parse().unwrap())));
    }

    #[test]
    fn a_note_cut_short_never_endorses() {
        let whole = note(Label::NETWORK, &Digest::of(b"file"), &[1, 2, 4]);
        assert!(checked(&whole).is_ok());
        for length in 0..whole.len() {
            assert!(checked(&whole[..length]).is_err(), "{length}");
        }
        assert!(matches!(checked(b""), Err(EndorsementError::Unreadable(_))));
    }

    #[test]
    fn without_regions_nothing_is_endorsed() {
        let digest = Digest::of(b"file");
        let error = verify(Label::NETWORK, &digest, &note(Label::NETWORK, &digest, &[1]), &[]).unwrap_err();
        assert_eq!(error, EndorsementError::NoRegions);
    }

    #[test]
    fn governance_that_could_be_passed_by_nobody_or_by_one_key_twice_is_refused() {
        let one = || signer(1).verifier().clone();
        let renamed = NoteVerifier::new("other/name".parse().unwrap(), KeyKind::Ed25519, *one().key());
        let witness = NoteVerifier::new("witness".parse().unwrap(), KeyKind::CosignatureV1, *one().key());
        assert_eq!(Governance::new(0, vec![one()]), Err(GovernanceError::ThresholdZero));
        assert_eq!(Governance::new(2, vec![one()]), Err(GovernanceError::ThresholdOverSigners { threshold: 2, signers: 1 }));
        assert_eq!(Governance::new(1, Vec::new()), Err(GovernanceError::ThresholdOverSigners { threshold: 1, signers: 0 }));
        assert_eq!(Governance::new(2, vec![one(), renamed.clone()]), Err(GovernanceError::SignerTwice(renamed.name().clone())));
        assert_eq!(Governance::new(1, vec![witness.clone()]), Err(GovernanceError::WrongKind(witness.name().clone())));
        assert_eq!(Governance::new(1, vec![one(); MAX_SIGNERS + 1]), Err(GovernanceError::TooManySigners(MAX_SIGNERS + 1)));
    }
}
