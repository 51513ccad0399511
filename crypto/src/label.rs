//! Labels: what a hash, a salt, a sealed box or a tag is for (PROTOCOL 26.4).
//!
//! One closed list, so that no two uses of a key or of SHA-256 ever take the same input. Every label carries the protocol version.
//! Deliberately not here: what is hashed under a label.

/// The purpose of a hash, salt or sealed box. Only the constants below exist.
///
/// In hashed and authenticated input a label is followed by a NUL byte. No label contains a NUL, so no label with its NUL is a
/// prefix of another with its own, and the bytes that follow cannot be read as part of a longer label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(&'static str);

impl Label {
    /// Commitment to a message, in a leaf.
    pub const COMMIT_MESSAGE: Label = Label("creditbay/v1/commit/message");
    /// Commitment to the subject of a query, in a leaf.
    pub const COMMIT_SUBJECT: Label = Label("creditbay/v1/commit/subject");
    /// Commitment to the person or process that asked, in a leaf.
    pub const COMMIT_OPERATOR: Label = Label("creditbay/v1/commit/operator");
    /// Commitment to what was erased together, in the leaf of an erasure.
    pub const COMMIT_ERASURE: Label = Label("creditbay/v1/commit/erasure");
    /// A credit record, sealed at rest.
    pub const SEAL_RECORD: Label = Label("creditbay/v1/seal/record");
    /// What opens a commitment, sealed at rest.
    pub const SEAL_OPENING: Label = Label("creditbay/v1/seal/opening");
    /// The keyed index under which a node finds a subject's records.
    pub const INDEX_SUBJECT: Label = Label("creditbay/v1/index/subject");
    /// Digest of a network directory.
    pub const NETWORK: Label = Label("creditbay/v1/network");
    /// Digest of a rule pack.
    pub const RULES: Label = Label("creditbay/v1/rules");
    /// What an entity permitted, signed by the channel that took it down.
    pub const AUTHORISATION: Label = Label("creditbay/v1/authorisation/granted");
    /// The end of an authorisation, signed by the channel that took it down.
    pub const WITHDRAWAL: Label = Label("creditbay/v1/authorisation/withdrawn");
    /// The place of an owner's rows under the key of a bucket of records.
    pub const INDEX_PLACE: Label = Label("creditbay/v1/index/place");
    /// The keyed index under which a node finds a report by the digest of its file.
    pub const INDEX_REPORT: Label = Label("creditbay/v1/index/report");
    /// The keyed pseudonym of a natural person in records that are set aside.
    pub const INDEX_PERSON: Label = Label("creditbay/v1/index/person");
    /// The keyed name of a budget that counts by subject.
    pub const INDEX_BUDGET: Label = Label("creditbay/v1/index/budget");
    /// An auditor's signed request for entry bundles.
    pub const AUDITOR_REQUEST: Label = Label("creditbay/v1/auditor/request");
    /// The lot of a leaf when an auditor draws a sample of a log.
    pub const AUDIT_SAMPLE: Label = Label("creditbay/v1/audit/sample");
    /// Keyed tag of an identifier between one pair of nodes.
    pub const PAIR_TAG: Label = Label("creditbay/v1/pair/tag");

    /// Every label there is.
    pub const ALL: &[Label] = &[
        Label::COMMIT_MESSAGE,
        Label::COMMIT_SUBJECT,
        Label::COMMIT_OPERATOR,
        Label::COMMIT_ERASURE,
        Label::SEAL_RECORD,
        Label::SEAL_OPENING,
        Label::INDEX_SUBJECT,
        Label::NETWORK,
        Label::RULES,
        Label::AUTHORISATION,
        Label::WITHDRAWAL,
        Label::INDEX_PLACE,
        Label::INDEX_REPORT,
        Label::INDEX_PERSON,
        Label::INDEX_BUDGET,
        Label::AUDITOR_REQUEST,
        Label::AUDIT_SAMPLE,
        Label::PAIR_TAG,
    ];

    /// The label's text, ASCII, without the NUL.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The label's bytes, without the NUL.
    pub const fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::Label;

    #[test]
    fn every_label_carries_the_version_and_is_plain_ascii() {
        for label in Label::ALL {
            assert!(label.as_str().starts_with("creditbay/v1/"), "{label:?}");
            assert!(label.as_bytes().iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'/'));
        }
    }

    #[test]
    fn labels_are_unique_and_none_begins_another() {
        for (i, one) in Label::ALL.iter().enumerate() {
            for (j, other) in Label::ALL.iter().enumerate() {
                assert!(i == j || !other.as_bytes().starts_with(one.as_bytes()), "{one:?} begins {other:?}");
            }
        }
    }

    /// `ALL` is kept by hand: a constant that is missing in it escapes the two tests above and can never be opened.
    #[test]
    fn the_list_of_all_labels_is_complete() {
        let declared = include_str!("label.rs").matches(": Label = Label(\"").count();
        assert_eq!(Label::ALL.len(), declared);
    }
}
