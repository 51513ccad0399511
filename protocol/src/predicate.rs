//! What may be asked: the closed sets of types, purposes, lanes and legal bases, and the seven shapes of a predicate (PROTOCOL 6).
//!
//! Not here: which of them a purpose admits between two regions; that is the rule pack's.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::coded;
use crate::domains::Domains;
use crate::limits::MAX_PREDICATES;

coded! {
    /// The catalogue of attestation types.
    AttestationType {
        /// 登记存续状态
        RegStatus = 1 "REG_STATUS",
        /// 经营异常名录
        AbnList = 2 "ABN_LIST",
        /// 市场监管严重违法失信名单
        SerSamr = 3 "SER_SAMR",
        /// 重大税收违法失信主体
        SerTax = 4 "SER_TAX",
        /// 拖欠农民工工资失信名单
        SerWage = 5 "SER_WAGE",
        /// 安全生产严重失信名单
        SerSafety = 6 "SER_SAFETY",
        /// 海关失信企业
        SerCustoms = 7 "SER_CUSTOMS",
        /// 社会保险严重失信名单
        SerSocins = 8 "SER_SOCINS",
        /// 任一严重失信主体名单
        SerAny = 9 "SER_ANY",
        /// 失信被执行人
        CourtDishonest = 10 "COURT_DISHONEST",
        /// 行政处罚
        Penalty = 11 "PENALTY",
        /// 行政许可
        Permit = 12 "PERMIT",
        /// 纳税缴费信用级别
        TaxGrade = 13 "TAX_GRADE",
        /// 海关认证等级
        AeoGrade = 14 "AEO_GRADE",
        /// 企业环境信用等级
        EnvGrade = 15 "ENV_GRADE",
        /// 劳动保障守法诚信等级
        LaborGrade = 16 "LABOR_GRADE",
        /// 公共信用综合评价
        PubGrade = 17 "PUB_GRADE",
        /// 行业信用分级
        QualGrade = 18 "QUAL_GRADE",
        /// 无违法违规信用报告
        NoViolReport = 19 "NO_VIOL_REPORT",
        /// 信用承诺
        Commit = 20 "COMMIT",
        /// 知识产权失信
        IprDishonest = 21 "IPR_DISHONEST",
        /// 科研诚信
        ResIntegrity = 22 "RES_INTEGRITY",
        /// 资本市场诚信档案
        SecFile = 23 "SEC_FILE",
        /// 政务失信
        GovDefault = 24 "GOV_DEFAULT",
        /// 破产、重整、清盘
        Insolvency = 25 "INSOLVENCY",
        /// 信用凭证验真
        ReportVerify = 26 "REPORT_VERIFY",
    }
}

coded! {
    /// What a question is for.
    Purpose {
        /// Cross-boundary finance, task (十).
        Fin = 1 "FIN",
        /// Procurement and bidding, task (五).
        Proc = 2 "PROC",
        /// Investment and market entry, task (九).
        Inv = 3 "INV",
        /// Customs facilitation, task (八).
        Cust = 4 "CUST",
        /// Listing and refinancing, task (十一).
        List = 5 "LIST",
        /// Recognition of professionals, task (七).
        Prof = 6 "PROF",
        /// Joint supervision, task (十四).
        Reg = 7 "REG",
        /// Research and intellectual-property cooperation, task (一).
        Rnd = 8 "RND",
    }
}

coded! {
    /// How an answer may be had; public, authorised and carried in the order of strictness, regulators apart.
    Lane {
        /// Lawfully public facts about entities.
        Public = 1 "P",
        /// With the entity's signed authorisation.
        Authorised = 2 "A",
        /// The subject carries the report, the node confirms its hash.
        Carried = 3 "C",
        /// Between regulators only.
        Regulators = 4 "R",
    }
}

coded! {
    /// The legal basis that a query names; a closed list.
    LegalBasis {
        /// Lawfully public information about entities, mainland.
        CnPub = 1 "CN-PUB",
        /// Authorisation by the entity, mainland.
        CnEntAuth = 2 "CN-ENT-AUTH",
        /// Statutory duty, domestic only.
        CnPiStat = 3 "CN-PI-STAT",
        /// Consent of the person, mainland.
        CnPiConsent = 4 "CN-PI-CONSENT",
        /// GBA standard contract, Mainland and Hong Kong.
        CnGbascHk = 5 "CN-GBASC-HK",
        /// GBA standard contract, Mainland and Macao.
        CnGbascMo = 6 "CN-GBASC-MO",
        /// Security assessment, PIPL article 36.
        CnSa = 7 "CN-SA",
        /// Public registers, Hong Kong.
        HkPubreg = 8 "HK-PUBREG",
        /// Consent of the person, Hong Kong.
        HkConsent = 9 "HK-CONSENT",
        /// Mandate of the entity, Hong Kong.
        HkEntAuth = 10 "HK-ENT-AUTH",
        /// Consent of the person, Macao.
        MoConsent = 11 "MO-CONSENT",
        /// Prior authorisation, Macao Law 8/2005 article 22.
        MoA22 = 12 "MO-A22",
        /// Public registers, Macao.
        MoPubreg = 13 "MO-PUBREG",
        /// Mandate of the entity, Macao.
        MoEntAuth = 14 "MO-ENT-AUTH",
        /// The subject's own request.
        OwnRequest = 15 "SELF",
    }
}

coded! {
    /// Severity of what a penalty punished (NDRC Order 36), mildest first.
    Severity {
        /// 轻微
        Minor = 1 "minor",
        /// 一般
        General = 2 "general",
        /// 严重
        Serious = 3 "serious",
    }
}

coded! {
    /// State of a company in its register.
    RegistrationStatus {
        /// 存续
        Active = 1 "active",
        /// 歇业
        Suspended = 2 "suspended",
        /// 吊销
        Revoked = 3 "revoked",
        /// 注销
        Cancelled = 4 "cancelled",
        /// 清算
        Liquidation = 5 "liquidation",
    }
}

coded! {
    /// Whose law a fact was recorded under (信用法源地).
    LawOfOrigin {
        /// Mainland.
        Cn = 1 "CN",
        /// Hong Kong.
        Hk = 2 "HK",
        /// Macao.
        Mo = 3 "MO",
    }
}

/// A set of registration states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode)]
pub struct Statuses(u8);

impl Statuses {
    /// The set of these states; `None` if there is none.
    pub fn of(states: &[RegistrationStatus]) -> Option<Self> {
        let bits = states.iter().fold(0u8, |bits, state| bits | 1 << state.code());
        (bits != 0).then_some(Self(bits))
    }

    /// Whether the set holds this state.
    pub fn contains(self, state: RegistrationStatus) -> bool {
        self.0 & (1 << state.code()) != 0
    }

    /// The states in the set, in the order of their codes.
    pub fn members(self) -> Vec<RegistrationStatus> {
        RegistrationStatus::ALL.iter().copied().filter(|state| self.contains(*state)).collect()
    }
}

impl<C> Decode<C> for Statuses {
    fn decode<D: bincode::de::Decoder<Context = C>>(decoder: &mut D) -> Result<Self, bincode::error::DecodeError> {
        let bits = u8::decode(decoder)?;
        Self::of(&Self(bits).members())
            .filter(|set| set.0 == bits)
            .ok_or(bincode::error::DecodeError::Other("Statuses: empty or unknown states"))
    }
}
bincode::impl_borrow_decode!(Statuses);

impl Serialize for Statuses {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(&Vec::<RegistrationStatus>::deserialize(deserializer)?)
            .ok_or_else(|| serde::de::Error::custom("statuses: name at least one"))
    }
}

/// One question with a closed answer. Windows are calendar months, the start day included; 0 means "visible today".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "snake_case", deny_unknown_fields)]
pub enum Predicate {
    /// A record of this type is valid today (a permit, say).
    ExistsValid {
        /// The type asked about.
        of: AttestationType,
    },
    /// The native grade is this or better, within one law of origin.
    GradeAtLeast {
        /// The type asked about.
        of: AttestationType,
        /// Rank in the pack's native scale, 0 the worst.
        grade: u8,
    },
    /// The common band is this or better.
    BandAtLeast {
        /// The type asked about.
        of: AttestationType,
        /// 4 common best … 0 serious.
        band: u8,
        /// The band map of the rule pack.
        map: u16,
    },
    /// No visible listing.
    NotListed {
        /// The list asked about; `SER_ANY` for every member that the pack names.
        of: AttestationType,
        /// How old a still visible listing may be, in months.
        window_months: u16,
    },
    /// At most `n` visible records.
    CountLe {
        /// The type asked about.
        of: AttestationType,
        /// Records of this severity and worse are counted.
        severity: Severity,
        /// Look-back in months.
        window_months: u16,
        /// 0, 1 or 3.
        n: u8,
    },
    /// The digest that came with the query is that of a report that the issuer gave out, and that speaks for this much.
    HashMatches {
        /// The type asked about.
        of: AttestationType,
        /// The domains that the report must speak for; none where its type has none.
        #[serde(default)]
        domains: Domains,
        /// How many months before its date the report must cover; 0 where its type has no window.
        #[serde(default)]
        window_months: u16,
    },
    /// The registration state is one of these.
    StatusIn {
        /// The type asked about.
        of: AttestationType,
        /// The states that make the answer TRUE.
        statuses: Statuses,
    },
}

impl Predicate {
    /// The type that the predicate asks about.
    pub fn of(&self) -> AttestationType {
        match self {
            Self::ExistsValid { of }
            | Self::GradeAtLeast { of, .. }
            | Self::BandAtLeast { of, .. }
            | Self::NotListed { of, .. }
            | Self::CountLe { of, .. }
            | Self::HashMatches { of, .. }
            | Self::StatusIn { of, .. } => *of,
        }
    }

    /// The look-back in months, for shapes that have one.
    pub fn window_months(&self) -> Option<u16> {
        match self {
            Self::NotListed { window_months, .. }
            | Self::CountLe { window_months, .. }
            | Self::HashMatches { window_months, .. } => Some(*window_months),
            _ => None,
        }
    }
}

impl std::fmt::Display for Predicate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ExistsValid { of } => write!(f, "exists_valid({of})"),
            Self::GradeAtLeast { of, grade } => write!(f, "grade_at_least({of}, rank {grade})"),
            Self::BandAtLeast { of, band, map } => write!(f, "band_at_least({of}, {band}, map {map})"),
            Self::NotListed { of, window_months: 0 } => write!(f, "not_listed({of})"),
            Self::NotListed { of, window_months } => write!(f, "not_listed({of}, {window_months} months)"),
            Self::CountLe { of, severity, window_months, n } => {
                write!(f, "count({of}, {severity} or worse, {window_months} months) <= {n}")
            }
            Self::HashMatches { of, domains, window_months: 0 } if domains.is_empty() => write!(f, "hash_matches({of})"),
            Self::HashMatches { of, domains, window_months } => {
                write!(f, "hash_matches({of}, domains {domains}, {window_months} months)")
            }
            Self::StatusIn { of, statuses } => {
                let names: Vec<_> = statuses.members().iter().map(|state| state.as_str()).collect();
                write!(f, "status_in({of}, {{{}}})", names.join(", "))
            }
        }
    }
}

/// One to eight predicates, in the asker's order.
#[derive(Debug, Clone, PartialEq, Eq, Encode)]
pub struct Predicates(Vec<Predicate>);

impl Predicates {
    /// These predicates, if there are one to eight.
    pub fn new(predicates: Vec<Predicate>) -> Option<Self> {
        (1..=MAX_PREDICATES).contains(&predicates.len()).then_some(Self(predicates))
    }

    /// The predicates in their order.
    pub fn as_slice(&self) -> &[Predicate] {
        &self.0
    }
}

impl<C> Decode<C> for Predicates {
    fn decode<D: bincode::de::Decoder<Context = C>>(decoder: &mut D) -> Result<Self, bincode::error::DecodeError> {
        let count = u64::decode(decoder)?;
        if !(1..=MAX_PREDICATES as u64).contains(&count) {
            return Err(bincode::error::DecodeError::Other("Predicates: one to eight"));
        }
        let predicates = (0..count).map(|_| Predicate::decode(decoder)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(predicates))
    }
}
bincode::impl_borrow_decode!(Predicates);

impl Serialize for Predicates {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Predicates {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom("predicates: one to eight in a query"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    #[test]
    fn the_catalogue_is_26_types_and_8_purposes() {
        assert_eq!(AttestationType::ALL.len(), 26);
        assert_eq!(Purpose::ALL.len(), 8);
        assert_eq!(AttestationType::from_name("SER_ANY"), Some(AttestationType::SerAny));
        for (position, of) in AttestationType::ALL.iter().enumerate() {
            assert_eq!(usize::from(of.code()), position + 1);
        }
    }

    #[test]
    fn none_and_nine_predicates_are_refused() {
        let one = Predicate::ExistsValid { of: AttestationType::Permit };
        assert!(Predicates::new(vec![]).is_none());
        assert!(Predicates::new(vec![one; 9]).is_none());
        for count in [0usize, 9] {
            assert!(wire::decode::<Predicates>(&wire::encode(&vec![one; count]), 4096).is_err());
        }
        let eight = Predicates::new(vec![one; 8]).unwrap();
        assert_eq!(wire::decode::<Predicates>(&wire::encode(&eight), 4096).unwrap(), eight);
    }

    #[test]
    fn an_empty_or_unknown_set_of_states_is_refused() {
        assert!(Statuses::of(&[]).is_none());
        assert!(wire::decode::<Statuses>(&[0], 1).is_err());
        assert!(wire::decode::<Statuses>(&[1], 1).is_err(), "bit 0 names no state");
        let set = Statuses::of(&[RegistrationStatus::Active, RegistrationStatus::Liquidation]).unwrap();
        assert_eq!(wire::decode::<Statuses>(&wire::encode(&set), 1).unwrap(), set);
        assert!(set.contains(RegistrationStatus::Active) && !set.contains(RegistrationStatus::Revoked));
    }

    #[test]
    fn lanes_are_ordered_by_strictness() {
        assert!(Lane::Public < Lane::Authorised && Lane::Authorised < Lane::Carried);
    }
}
