//! The house's habits, held against its sources (`docs/ARCHITECTURE.md`, invariants). Each check has a forged source that it catches.
//!
//! Not here: formatting and lints, which rustfmt and clippy see to.

mod imports;
mod rooms;
mod source;
mod threats;

use std::fs;

use self::source::Source;

/// Lines of a file, its tests included.
const MAX_FILE_LINES: usize = 600;
/// Lines of a file before its tests.
const MAX_CODE_LINES: usize = 400;
/// Lines of a function, from its name to its closing brace.
const MAX_FUNCTION_LINES: usize = 70;

fn assert_none(faults: Vec<String>) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn nothing_imports_upward() {
    let members = ["crypto", "protocol", "configs", "node", "admin-cli"];
    let manifests = members.map(|member| (member, fs::read_to_string(source::root().join(member).join("Cargo.toml")).unwrap()));
    assert_none(imports::upward(&source::workspace(), &manifests));
}

#[test]
fn no_files_import_in_a_circle() {
    assert_none(imports::circles(&source::workspace()));
}

#[test]
fn each_foreign_crate_has_one_room() {
    assert_none(rooms::strangers(&source::workspace()));
}

#[test]
fn what_has_one_caller_is_called_there_alone() {
    assert_none(rooms::reserved(&source::workspace()));
}

#[test]
fn every_file_opens_with_its_plaque() {
    assert_none(without_plaque(&source::workspace()));
    assert_eq!(
        without_plaque(&[Source::new("node/src/x.rs", "// not one\nuse y;")]),
        ["node/src/x.rs: opens without a //! plaque"]
    );
}

fn without_plaque(sources: &[Source]) -> Vec<String> {
    let bare = sources.iter().filter(|source| !source.text.starts_with("//! "));
    bare.map(|source| format!("{}: opens without a //! plaque", source.path)).collect()
}

#[test]
fn files_fit_a_mind() {
    assert_none(long_files(&source::workspace()));
    let forged = |lines: &str, count: usize| [Source::new("node/src/x.rs", &lines.repeat(count))];
    assert_eq!(long_files(&forged("fn f() {}\n", 400)), Vec::<String>::new());
    assert_eq!(long_files(&forged("fn f() {}\n", 401)), ["node/src/x.rs: 401 lines before its tests, at most 400"]);
    let tested = [Source::new("node/src/x.rs", &format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "fn f() {}\n".repeat(600)))];
    assert_eq!(long_files(&tested), ["node/src/x.rs: 603 lines, at most 600"]);
}

fn long_files(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        let total = source.text.lines().count();
        let code = source.text.split("#[cfg(test)]\nmod tests {").next().map_or(0, |code| code.lines().count());
        let of_tests = source.member() == "tests" || source.path.ends_with("tests.rs");
        if total > MAX_FILE_LINES {
            faults.push(format!("{}: {total} lines, at most {MAX_FILE_LINES}", source.path));
        } else if code > MAX_CODE_LINES && !of_tests {
            faults.push(format!("{}: {code} lines before its tests, at most {MAX_CODE_LINES}", source.path));
        }
    }
    faults
}

#[test]
fn functions_fit_a_screen() {
    assert_none(long_functions(&source::workspace()));
    let forged = |lines: usize| {
        let text = format!(
            "trait T {{ fn g(&self) -> [u8; 2]; }}\nfn f(a: &str)\nwhere\n{{\n{}}}\nfn h() {{}}\n",
            "    { x(\"}\"); }\n".repeat(lines)
        );
        long_functions(&[Source::new("node/src/x.rs", &text)])
    };
    assert_eq!(forged(66), Vec::<String>::new());
    assert_eq!(forged(67), ["node/src/x.rs:2: fn f has 71 lines, at most 70"]);
}

fn long_functions(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        for at in source.words("fn") {
            let name: String =
                source.code[at + 2..].trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let Some(end) = body_end(&source.code[at..]).filter(|_| !name.is_empty()) else { continue };
            let lines = source.code[at..at + end].matches('\n').count() + 1;
            if lines > MAX_FUNCTION_LINES {
                faults.push(format!(
                    "{}:{}: fn {name} has {lines} lines, at most {MAX_FUNCTION_LINES}",
                    source.path,
                    source.line_at(at)
                ));
            }
        }
    }
    faults
}

/// Where the body that follows ends; `None` for a signature without one.
fn body_end(code: &str) -> Option<usize> {
    let (mut round, mut curly) = (0i32, 0i32);
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' => round += 1,
            b')' | b']' => round -= 1,
            b';' if round == 0 && curly == 0 => return None,
            b'{' => curly += 1,
            b'}' if curly == 1 => return Some(at + 1),
            b'}' => curly -= 1,
            _ => {}
        }
    }
    None
}

#[test]
fn every_threat_names_a_test_that_exists() {
    let sources = source::workspace();
    let documents = ["docs/THREAT-MODEL.md", "docs/RELIABILITY.md", "SECURITY.md"];
    for document in documents {
        let Ok(text) = fs::read_to_string(source::root().join(document)) else { continue };
        assert_none(threats::unknown(document, &text, &sources));
        assert_none(threats::unattacked(document, &text, &sources));
    }
    let there = [Source::new("tests/x.rs", "#[test]\nfn a_lie_is_named_as_one() {}\n")];
    let table = "| threat | attacked by |\n|---|---|\n| a lie | `x::a_lie_is_named_as_one` |\n| two | `two_lies_are_named_as_one` |\n| three | soon |\n";
    assert_eq!(threats::unknown("T.md", table, &there), ["T.md:4: there is no test two_lies_are_named_as_one"]);
    let bare = ["T.md:4: names no test that attacks it", "T.md:5: names no test that attacks it"];
    assert_eq!(threats::unattacked("T.md", table, &there), bare);
}

#[test]
fn nothing_is_left_for_later() {
    assert_none(left_for_later(&source::workspace()));
    for mark in MARKS {
        let forged = [Source::new("node/src/x.rs", &format!("fn f() {{\n    // {mark}: think\n}}"))];
        assert_eq!(left_for_later(&forged).len(), 1, "{mark}");
    }
}

const MARKS: [&str; 5] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("todo", "!("), concat!("unimplemented", "!(")];

fn left_for_later(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        for mark in MARKS {
            // A doc test that must not compile may hold what it likes.
            let marks = source.text.match_indices(mark).filter(|(at, _)| !line(&source.text, *at).starts_with("///"));
            faults.extend(marks.map(|(at, _)| format!("{}:{}: {mark}", source.path, source.line_at(at))));
        }
    }
    faults
}

fn line(text: &str, at: usize) -> &str {
    let begin = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[begin..].lines().next().unwrap_or_default()
}

#[test]
fn names_are_nouns_of_the_field() {
    assert_none(empty_names(&source::workspace()));
    assert_eq!(empty_names(&[Source::new("node/src/util/mod.rs", "")]), ["node/src/util/mod.rs: `util` names nothing"]);
    assert_eq!(empty_names(&[Source::new("node/src/types.rs", "")]), ["node/src/types.rs: `types` names nothing"]);
}

fn empty_names(sources: &[Source]) -> Vec<String> {
    let empty = ["util", "utils", "common", "helper", "helpers", "manager", "types", "misc", "prelude"];
    let mut faults = Vec::new();
    for source in sources {
        let parts = source.path.trim_end_matches(".rs").split('/');
        faults.extend(parts.filter(|part| empty.contains(part)).map(|part| format!("{}: `{part}` names nothing", source.path)));
    }
    faults
}

#[test]
fn nothing_is_imported_by_another_name_than_its_files() {
    assert_none(hubs(&source::workspace()));
    assert_eq!(hubs(&[Source::new("node/src/lib.rs", "pub use log::Log;")]), ["node/src/lib.rs:1: a re-export"]);
    assert_eq!(hubs(&[Source::new("node/src/lib.rs", "use log::*;")]), ["node/src/lib.rs:1: a glob import"]);
    assert_eq!(hubs(&[Source::new("node/src/lib.rs", "mod tests { use super::*; }")]), Vec::<String>::new());
}

fn hubs(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        let tests_from = source.code.find("mod tests {").unwrap_or(source.code.len());
        for at in source.words("use") {
            let statement = source.code[at..].split(';').next().unwrap_or_default();
            let before = source.code[..at].trim_end();
            if before.ends_with("pub")
                || before.ends_with(')') && before.rsplit('(').nth(1).is_some_and(|head| head.ends_with("pub"))
            {
                faults.push(format!("{}:{}: a re-export", source.path, source.line_at(at)));
            }
            if statement.contains('*') && at < tests_from && !source.path.ends_with("tests.rs") {
                faults.push(format!("{}:{}: a glob import", source.path, source.line_at(at)));
            }
        }
    }
    faults
}

#[test]
fn cited_sections_exist() {
    let protocol = fs::read_to_string(source::root().join("docs/PROTOCOL.md")).unwrap();
    assert_none(dangling(&source::workspace(), &protocol));
}

#[test]
fn a_citation_of_nothing_is_caught() {
    let protocol = "# Protocol\n## 3. Wire\n## 18. Answering\n### 18.3 Asking twice\n## 19. Labels and keys\n";
    let faults = |text: &str| dangling(&[Source::new("node/src/x.rs", text)], protocol);
    for good in
        ["(PROTOCOL 18.3).", "PROTOCOL 3 and 18", "(PROTOCOL.md, \"Labels\")", "(PROTOCOL 3; UAX #15)", "PROTOCOL_VERSION"]
    {
        assert_eq!(faults(good), Vec::<String>::new(), "{good}");
    }
    for (bad, what) in
        [("PROTOCOL 18.4", "18.4"), ("PROTOCOL 3 and 7", "7"), ("PROTOCOL 3, 20", "20"), ("PROTOCOL.md, \"Seals\"", "\"Seals\"")]
    {
        assert_eq!(faults(bad), [format!("node/src/x.rs:1: PROTOCOL.md has no section {what}")], "{bad}");
    }
}

fn dangling(sources: &[Source], protocol: &str) -> Vec<String> {
    let titles: Vec<_> =
        protocol.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim()).collect();
    let numbered = |wanted: &str| {
        titles.iter().any(|title| title.split(' ').next().is_some_and(|number| number.trim_end_matches('.') == wanted))
    };
    let named = |wanted: &str| titles.iter().any(|title| title.to_lowercase().contains(&wanted.to_lowercase()));
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !source.path.starts_with("tests/tidy")) {
        for (at, _) in source.text.match_indices("PROTOCOL") {
            let cited = &source.text[at + "PROTOCOL".len()..];
            let missing: Vec<String> = match cited.strip_prefix(".md, \"").and_then(|rest| rest.split_once('"')) {
                Some((name, _)) if !named(name) => vec![format!("\"{name}\"")],
                Some(_) => Vec::new(),
                None => numbers(cited).into_iter().filter(|number| !numbered(number)).collect(),
            };
            faults.extend(
                missing
                    .iter()
                    .map(|section| format!("{}:{}: PROTOCOL.md has no section {section}", source.path, source.line_at(at))),
            );
        }
    }
    faults
}

/// The section numbers at the beginning of a text: ` 3`, ` 18.3`, ` 3 and 7`, ` 3, 20`.
fn numbers(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(after) = [" and ", ", ", " "].iter().find_map(|joint| rest.strip_prefix(joint)) {
        let end = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
        let number = after[..end].trim_end_matches('.');
        if number.is_empty() {
            break;
        }
        found.push(number.to_owned());
        rest = &after[number.len()..];
    }
    found
}
