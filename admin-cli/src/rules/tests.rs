//! `creditbay rules` over the bundled pack: what each command says, and how it ends.

use std::cell::RefCell;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::LazyLock;

use clap::{Parser, Subcommand};
use creditbay_configs::rules::RulePack;
use creditbay_crypto::key_file;
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::predicate::{AttestationType, Purpose};

use super::RulesCommand;
use super::diff::Effect::{self, Added, Changed, Loosened, Removed, Tightened};
use super::diff::changes;
use super::run;
use crate::exit::Exit;
use crate::network::{self, NetworkCommand};
use crate::print::Screen;

const BUNDLED: &str = include_str!("../../../configs/samples/rules/gba-2026.1.toml");

/// The bundled pack's rules. Its golden cases would refuse a pack with another rule; these hold whatever the rules are.
fn bundled() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let rules = BUNDLED.split("\n[golden]\n").next().unwrap();
        let mut text = format!("{rules}\n[golden]\nillustrative = true\nheld_by = \"leaves\"\ncases = [\n");
        let purposes: Vec<&str> = Purpose::ALL.iter().map(|purpose| purpose.as_str()).collect();
        for types in AttestationType::ALL.chunks(8) {
            let asked: Vec<String> = types.iter().map(|of| format!("\"exists_valid({of})\"")).collect();
            text += &format!(
                "    {{ name = \"another pack\", asker = \"hk\", issuer = \"gz\", purpose = \"{}\", ask = [{}], under = \"P CN-PUB\", \
                 pack = \"another\", expect = [\"refused: rule_pack\"] }},\n",
                purposes.join("|"),
                asked.join(", ")
            );
        }
        text + "]\n"
    });
    &TEXT
}

/// What a command wrote.
#[derive(Clone, Default)]
struct Written(Rc<RefCell<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The words after `creditbay`.
#[derive(Parser)]
struct Line<C: Subcommand> {
    #[command(subcommand)]
    command: C,
}

/// Runs `creditbay rules` with these words; what it said and how it ended.
fn rules(json: bool, words: &[&str]) -> (anyhow::Result<Exit>, String) {
    let command = Line::<RulesCommand>::try_parse_from(["rules"].iter().chain(words)).unwrap().command;
    let written = Written::default();
    let exit = run(&command, &mut Screen::over(Box::new(written.clone()), json));
    let said = String::from_utf8(written.0.borrow().clone()).unwrap();
    (exit, said)
}

#[track_caller]
fn ends(json: bool, words: &[&str], expected: Exit) -> String {
    let (exit, said) = rules(json, words);
    assert_eq!(exit.unwrap(), expected, "{said}");
    said
}

/// A folder with the bundled pack, whole and with a change.
struct Packs {
    folder: tempfile::TempDir,
}

impl Packs {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pack.toml"), bundled()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// The pack with each `old`, which stands there once, replaced.
    fn altered(&self, name: &str, changes: &[(&str, &str)]) -> String {
        let mut text = bundled().to_owned();
        for (old, new) in changes {
            assert_eq!(text.matches(old).count(), 1, "{old}");
            text = text.replace(old, new);
        }
        fs::write(self.path(name), text).unwrap();
        self.text(name)
    }
}

fn explain(packs: &Packs, words: &[&str], expected: Exit) -> String {
    let pack = packs.text("pack.toml");
    let mut line = vec!["explain", "--pack", &pack, "--asker", "hk", "--issuer", "gz"];
    line.extend(words);
    ends(false, &line, expected)
}

#[test]
fn a_pack_is_shown_with_all_its_parts() {
    let packs = Packs::new();
    let said = ends(false, &["show", &packs.text("pack.toml")], Exit::Done);
    for part in [
        "gba-2026.1, edition 1",
        "Tax credit grade",
        "About natural persons, who carry the report",
        "D 0, C 1, M 2, B 3, A 4",
        "高级认证: GACC Announcement 2023 No. 49",
        "HK-ENT-AUTH",
        "types per subject and day",
        "2 (+3) working days",
        "ILL: a proposal, not law",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    let json: serde_json::Value = serde_json::from_str(&ends(true, &["show", &packs.text("pack.toml")], Exit::Done)).unwrap();
    assert_eq!(json["types"].as_array().unwrap().len(), 26);
    assert_eq!(json["persons"].as_array().unwrap().len(), 5);
    assert_eq!((&json["budgets"]["peer_per_day"], &json["effective_from"]), (&100_000.into(), &"2026-11-01".into()));
}

#[test]
fn may_hong_kong_ask_guangzhou_for_the_tax_grade_for_finance() {
    let packs = Packs::new();
    let native = explain(&packs, &["--purpose", "FIN", "--ask", "grade_at_least(TAX_GRADE, 3)"], Exit::Declined);
    assert!(native.contains("scales.native: TAX_GRADE under CN must have rank 3; B of D < C < M < B < A"), "{native}");
    assert!(native.contains("=>  refused: native grades are compared under one law only"), "{native}");
    let band = explain(&packs, &["--purpose", "FIN", "--ask", "band_at_least(TAX_GRADE, 3, 1)"], Exit::Done);
    assert!(band.contains("matrix.cells.TAX_GRADE.FIN: lane A [ILL; held by software, checkable from leaves]"), "{band}");
    assert!(band.contains("=>  admitted in lane A on CN-ENT-AUTH, with the entity's authorisation"), "{band}");
    assert!(band.contains("ILL: an illustrative proposal, not law"), "{band}");
    let kinds = ["household       refused: this kind of subject", "natural-person  refused: the subject is a natural person"];
    assert!(kinds.iter().all(|kind| band.contains(kind)), "{band}");
}

#[test]
fn a_lane_with_and_without_its_authorisation_is_told_apart() {
    let packs = Packs::new();
    let asked = ["--purpose", "FIN", "--ask", "band_at_least(TAX_GRADE, 3, 1)", "--authorisation"];
    let with = |comes, exit| explain(&packs, &[&asked[..], &[comes]].concat(), exit);
    assert!(with("with", Exit::Done).contains("=>  admitted in lane A"));
    assert!(with("without", Exit::Declined).contains("(authorisation_missing)"));
    let public = ["--purpose", "FIN", "--ask", "not_listed(SER_ANY)", "--authorisation", "with"];
    assert!(explain(&packs, &public, Exit::Declined).contains("(authorisation_missing)"));
}

#[test]
fn regulators_and_digests_are_explained() {
    let packs = Packs::new();
    let pack = packs.text("pack.toml");
    let supervision = [
        "explain",
        "--pack",
        &pack,
        "--asker",
        "sz",
        "--issuer",
        "gz",
        "--purpose",
        "REG",
        "--ask",
        "grade_at_least(TAX_GRADE, 3)",
    ];
    let said = ends(false, &supervision, Exit::Declined);
    assert!(said.contains("by the network directory anybody is not one here") && said.contains("(not_regulators)"), "{said}");
    let said = ends(false, &[&supervision[..], &["--regulators"]].concat(), Exit::Done);
    assert!(said.contains("=>  admitted in lane R on CN-PI-STAT"), "{said}");
    let carried = ["--purpose", "PROF", "--kind", "natural-person", "--ask", "hash_matches(RES_INTEGRITY)"];
    assert!(explain(&packs, &carried, Exit::Done).contains("=>  admitted in lane C on SELF"));
    let said = explain(&packs, &[&carried[..], &["--without-digest"]].concat(), Exit::Declined);
    assert!(said.contains("(digest_missing)"), "{said}");
}

#[test]
fn a_day_before_the_pack_takes_effect_is_said() {
    let packs = Packs::new();
    let pack = packs.text("pack.toml");
    let asked = ["--purpose", "FIN", "--ask", "not_listed(SER_ANY)", "--on"];
    let on = |day| explain(&packs, &[&asked[..], &[day]].concat(), Exit::Done);
    assert!(on("2026-10-31").contains("takes effect on 2026-11-01: on 2026-10-31 no query may name it"));
    assert!(!on("2026-11-01").contains("takes effect"));
    let said = ends(false, &["check", &pack, "--on", "2026-10-31"], Exit::Done);
    assert!(said.contains("takes effect on 2026-11-01"), "{said}");
    let json: serde_json::Value = serde_json::from_str(&ends(true, &["check", &pack, "--on", "2026-11-01"], Exit::Done)).unwrap();
    assert_eq!((&json["ok"], &json["in_effect"]), (&true.into(), &true.into()));
}

#[test]
fn nine_predicates_are_a_wrong_command_line() {
    let packs = Packs::new();
    let pack = packs.text("pack.toml");
    let mut line = vec!["explain", "--pack", &pack, "--asker", "hk", "--issuer", "gz", "--purpose", "FIN"];
    (0..9).for_each(|_| line.extend(["--ask", "not_listed(SER_ANY)"]));
    let error = rules(false, &line).0.unwrap_err();
    assert_eq!(crate::exit::of_error(&error), Exit::Usage);
}

#[test]
fn a_pack_that_does_not_hold_together_is_refused_with_file_line_and_key() {
    let packs = Packs::new();
    let broken = packs.altered("broken.toml", &[("audit_months = 60", "audit_months = 6")]);
    let said = ends(false, &["check", &broken], Exit::Refuted);
    assert!(said.contains("broken.toml:") && said.contains("key `retention.audit_months`"), "{said}");
    let json: serde_json::Value = serde_json::from_str(&ends(true, &["check", &broken], Exit::Refuted)).unwrap();
    assert_eq!((&json["ok"], json["faults"].as_array().unwrap().len()), (&false.into(), 1));
}

/// A key file, and the words that sign with it.
fn key(packs: &Packs, name: &str, seed: u8) -> String {
    let path = packs.path(name);
    let key = SigningKey::from_seed(Seed::from_bytes([seed; 32]));
    fs::write(&path, key_file::to_pem(&key).as_bytes()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

#[test]
fn each_key_signs_once_and_a_note_over_another_pack_is_left_alone() {
    let packs = Packs::new();
    let (pack, note) = (packs.text("pack.toml"), packs.text("pack.note"));
    let (gz, hk) = (key(&packs, "gz.pem", 1), key(&packs, "hk.pem", 2));
    let sign = |pack: &str, key: &str, name: &str| rules(true, &["sign", pack, "--key", key, "--name", name, "--note", &note]);
    let told = |said: String| {
        let json: serde_json::Value = serde_json::from_str(&said).unwrap();
        (json["lines"].as_u64().unwrap(), json["already"].as_bool().unwrap())
    };
    assert_eq!(told(sign(&pack, &gz, "gz.creditbay/governance").1), (1, false));
    assert_eq!(told(sign(&pack, &hk, "hk.creditbay/governance").1), (2, false));
    assert_eq!(told(sign(&pack, &gz, "gz.creditbay/governance").1), (2, true));
    let whole = fs::read_to_string(&note).unwrap();
    assert!(whole.starts_with("creditbay/v1/rules\n") && whole.lines().count() == 5, "{whole}");
    let other = packs.altered("other.toml", &[("overlap_days = 30", "overlap_days = 31")]);
    let error = sign(&other, &gz, "gz.creditbay/governance").0.unwrap_err();
    assert!(error.to_string().contains("is over another file"), "{error}");
    let broken = packs.altered("broken.toml", &[("permitted = false", "permitted = true")]);
    assert!(sign(&broken, &gz, "gz.creditbay/governance").0.is_err());
    assert_eq!(fs::read_to_string(&note).unwrap(), whole);
}

/// A network of two cities as `creditbay network new` makes it.
fn network(folder: &Path) {
    let line = ["network", "new", &folder.display().to_string(), "--cities", "gz,hk"];
    let command = Line::<NetworkCommand>::try_parse_from(line).unwrap().command;
    network::run(&command, &mut Screen::over(Box::new(Vec::new()), false)).unwrap();
}

#[test]
fn who_is_still_missing_is_told_until_all_have_signed() {
    let packs = Packs::new();
    let folder = packs.path("n");
    network(&folder);
    let of = |name: &str| folder.join(name).display().to_string();
    let (pack, note, directory) = (packs.text("pack.toml"), packs.text("pack.note"), of("network.toml"));
    let sign = |region: &str| {
        let (key, name) = (of(&format!("governance/{region}.pem")), format!("{region}.creditbay/governance"));
        let line = ["sign", &pack, "--key", &key, "--name", &name, "--note", &note, "--network", &directory];
        ends(false, &line, Exit::Done)
    };
    let check = ["check", &pack, "--note", &note, "--network", &directory];
    let said = sign("gz");
    assert!(said.contains("region hk: 0 of 1 signatures"), "{said}");
    assert!(ends(false, &check, Exit::Refuted).contains("region hk: 0 of 1 signatures"));
    let said = sign("hk");
    assert!(said.contains("nobody: every region of the network has signed"), "{said}");
    let said = ends(false, &check, Exit::Done);
    assert!(said.contains("gz.creditbay/governance, hk.creditbay/governance"), "{said}");
    assert!(said.contains("sz, mo: in the pack, not in this network"), "{said}");
    let stranger = key(&packs, "stranger.pem", 9);
    let name = "gz.creditbay/governance";
    let line = ["sign", &pack, "--key", &stranger, "--name", name, "--note", &note, "--network", &directory];
    assert!(rules(false, &line).0.unwrap_err().to_string().contains("lists no governance key"));
}

#[test]
fn a_region_under_another_law_than_the_directorys_is_a_fault() {
    let packs = Packs::new();
    network(&packs.path("n"));
    let path = packs.path("n").join("network.toml");
    let directory = path.display().to_string();
    assert!(ends(false, &["check", &packs.text("pack.toml"), "--network", &directory], Exit::Done).contains("holds"));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"HK\"", "\"MO\"")).unwrap();
    let said = ends(false, &["check", &packs.text("pack.toml"), "--network", &directory], Exit::Refuted);
    assert!(said.contains("region hk is under HK in the pack and under MO in the network directory"), "{said}");
}

fn compared(packs: &Packs, change: &[(&str, &str)]) -> Vec<(Effect, String, String)> {
    let after = packs.altered("after.toml", change);
    let parse = |text: &str| RulePack::parse("pack.toml", text).unwrap();
    let found = changes(&parse(bundled()), &parse(&fs::read_to_string(after).unwrap()));
    found.into_iter().map(|change| (change.effect, change.key, change.words)).collect()
}

/// What is replaced in the bundled pack, by what; the effect, the key and the words of the change.
const CHANGES: [(&str, &str, Effect, &str, &str); 24] = [
    ("overlap_days = 30", "overlap_days = 60", Changed, "overlap_days", "days of overlap: 30 -> 60"),
    (
        "only_between = { REG = [\"gz\", \"sz\"] }",
        "only_between = {}",
        Changed,
        "purposes.only_between.REG",
        "gz, sz -> all regions",
    ),
    (
        "SER_SOCINS      = { FIN = \"-\"",
        "SER_SOCINS      = { FIN = \"P\"",
        Loosened,
        "matrix.cells.SER_SOCINS.FIN",
        "Serious social-insurance list for Cross-boundary finance: refused -> open (P)",
    ),
    (
        "PENALTY         = { FIN = \"A\"",
        "PENALTY         = { FIN = \"-\"",
        Tightened,
        "matrix.cells.PENALTY.FIN",
        "with the entity's authorisation (A) -> refused",
    ),
    (
        "REPORT_VERIFY   = { FIN = \"C\"",
        "REPORT_VERIFY   = { FIN = \"-\"",
        Tightened,
        "matrix.persons.REPORT_VERIFY.FIN",
        "of natural persons for Cross-boundary finance",
    ),
    (
        "severities = [\"general\", \"serious\"]",
        "severities = [\"serious\"]",
        Tightened,
        "catalogue.types.PENALTY.severities",
        "general: no longer",
    ),
    ("domains = 38", "domains = 39", Loosened, "catalogue.types.NO_VIOL_REPORT.domains", "domain 39: new"),
    (
        "AEO_GRADE       = { validity_days = 30",
        "AEO_GRADE       = { validity_days = 60",
        Loosened,
        "catalogue.types.AEO_GRADE.validity_days",
        "30 -> 60",
    ),
    (
        "ENV_GRADE       = { validity_days = 90, stale_after_days = 45",
        "ENV_GRADE       = { validity_days = 90, stale_after_days = 30",
        Tightened,
        "catalogue.types.ENV_GRADE.stale_after_days",
        "45 -> 30",
    ),
    ("rows = { CN = [0, 2, 4] }", "rows = { CN = [0, 1, 4] }", Changed, "bands.maps (4)", "0, 2, 4 -> 0, 1, 4"),
    (
        "[\"红\", \"黄\", \"蓝\", \"绿\"]",
        "[\"红\", \"橙\", \"蓝\", \"绿\"]",
        Changed,
        "scales.native (ENV_GRADE, CN)",
        "红 < 橙 < 蓝 < 绿",
    ),
    (
        "\nregulators = \"CN-PI-STAT\"",
        "",
        Tightened,
        "basis.pairs",
        "gz answers sz, between regulators only (R): CN-PI-STAT -> none",
    ),
    (
        "[\"ABN_LIST\", \"GOV_DEFAULT\", \"INSOLVENCY\"]",
        "[\"ABN_LIST\", \"GOV_DEFAULT\"]",
        Changed,
        "listings",
        "INSOLVENCY is visible: until it is taken off -> as every list",
    ),
    (
        "general_months = 12",
        "general_months = 24",
        Changed,
        "penalties.regimes",
        "general penalties are published for months: 12 -> 24",
    ),
    (
        "decided_from = \"2026-04-01\"",
        "decided_from = \"2026-05-01\"",
        Added,
        "penalties.regimes",
        "for decisions from 2026-05-01 on",
    ),
    ("serious_fine_fen = 100_000_000", "serious_fine_fen = 10", Changed, "severity.serious_fine_fen", "100000000 fen -> 10 fen"),
    ("answer_days = 30", "answer_days = 60", Changed, "retention.answer_days", "30 -> 60"),
    ("subject_per_day = 20\n", "subject_per_day = 10\n", Tightened, "budgets.subject_per_day", "subject per day: 20 -> 10"),
    ("persons = 100_000\n", "persons = 50_000\n", Removed, "volumes.thresholds", "100000, warned of"),
    (
        "days = 2\nextension = 3",
        "days = 5\nextension = 3",
        Changed,
        "timers.rules",
        "sz, objection decision: 2 (+3) working days -> 5 (+3) working days",
    ),
    ("\"2026-12-31\",\n", "\n", Changed, "calendars.regional", "mo, closed besides: none; no longer: 2026-12-31"),
    (
        "    \"INDETERMINATE is never",
        "    \"An answer is never sold.\",\n    \"INDETERMINATE is never",
        Added,
        "contract.rules",
        "An answer is never sold.",
    ),
    (
        "en = \"Tax credit grade\"",
        "en = \"Tax grade\"",
        Changed,
        "catalogue.types.TAX_GRADE.label.en",
        "Tax credit grade -> Tax grade",
    ),
    ("[basis]\nillustrative = true", "[basis]\nillustrative = false", Changed, "basis.held_by", "section basis: ILL; held by"),
];

#[test]
fn each_change_is_told_by_its_effect_in_words() {
    let packs = Packs::new();
    for (old, new, effect, key, words) in CHANGES {
        let found = compared(&packs, &[(old, new)]);
        let told = |(found, at, said): &(Effect, String, String)| *found == effect && at == key && said.contains(words);
        assert!(found.iter().any(told), "{old} -> {new}: {found:?}");
    }
}

#[test]
fn types_that_come_and_go_are_told_by_name() {
    let packs = Packs::new();
    let without = bundled().lines().filter(|line| !line.starts_with("COMMIT ")).collect::<Vec<_>>().join("\n");
    let parse = |text: &str| RulePack::parse("pack.toml", text).unwrap();
    let gone = changes(&parse(bundled()), &parse(&without));
    let of = |found: &[super::diff::Change], effect| {
        found
            .iter()
            .filter(|change| change.effect == effect && change.section == "catalogue")
            .map(|change| change.words.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&gone, Effect::Removed), ["Credit commitment may no longer be asked"]);
    let come = changes(&parse(&without), &parse(bundled()));
    assert_eq!(of(&come, Effect::Added), ["Credit commitment may be asked: open (P)"]);
    assert!(packs.path("pack.toml").exists());
}

#[test]
fn two_packs_are_shown_side_by_side() {
    let packs = Packs::new();
    let pack = packs.text("pack.toml");
    assert!(ends(false, &["diff", &pack, &pack], Exit::Done).contains("The files are the same."));
    let commented = packs.altered("commented.toml", &[("format = ", "# a remark\nformat = ")]);
    assert!(ends(false, &["diff", &pack, &commented], Exit::Done).contains("No rule differs, only the files do."));
    let stricter = packs.altered("stricter.toml", &[("PENALTY         = { FIN = \"A\"", "PENALTY         = { FIN = \"-\"")]);
    let said = ends(false, &["diff", &pack, &stricter], Exit::Done);
    assert!(said.contains("\nmatrix\n") && said.contains("1 changes: 0 added, 0 removed, 1 tightened"), "{said}");
    let json: serde_json::Value = serde_json::from_str(&ends(true, &["diff", &pack, &stricter], Exit::Done)).unwrap();
    assert_eq!((&json["changes"][0]["effect"], &json["accepted"]), (&"tightened".into(), &true.into()));
    // A draft whose golden cases do not follow its rules yet.
    fs::write(packs.path("whole.toml"), BUNDLED).unwrap();
    fs::write(packs.path("draft.toml"), BUNDLED.replace("PENALTY         = { FIN = \"A\"", "PENALTY         = { FIN = \"-\""))
        .unwrap();
    let (whole, draft) = (packs.text("whole.toml"), packs.text("draft.toml"));
    let said = ends(false, &["diff", &whole, &draft], Exit::Done);
    assert!(said.contains("No node accepts the pack as it shall be:") && said.contains("1 tightened"), "{said}");
}
