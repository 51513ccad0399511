//! Who imports whom: between members only downward, between the files of a crate never in a circle (style: "down only").
//!
//! Not here: what the compiler sees already; this reads paths that begin with `crate`, `self` or `super`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::source::Source;

/// What each member may import of ours. `tests` stands above all of them.
const BELOW: [(&str, &[&str]); 5] = [
    ("crypto", &[]),
    ("protocol", &["crypto"]),
    ("configs", &["crypto", "protocol"]),
    ("node", &["crypto", "protocol", "configs"]),
    ("admin-cli", &["crypto", "protocol", "configs"]),
];
const MEMBERS: [&str; 6] = ["crypto", "protocol", "configs", "node", "admin-cli", "tests"];

/// Imports of a member by one below it, in code and in the manifests.
pub(super) fn upward(sources: &[Source], manifests: &[(&str, String)]) -> Vec<String> {
    let mut faults = Vec::new();
    for (member, below) in BELOW {
        for other in MEMBERS.iter().filter(|other| **other != member && !below.contains(other)) {
            let name = format!("creditbay_{}", other.replace('-', "_"));
            for source in sources.iter().filter(|source| source.member() == member) {
                let lines = source.words(&name).map(|at| source.line_at(at));
                faults
                    .extend(lines.map(|line| format!("{}:{line}: {member} imports {other}, which stands above it", source.path)));
            }
            let manifest = manifests.iter().filter(|(of, text)| *of == member && text.contains(&format!("creditbay-{other}.")));
            faults.extend(manifest.map(|_| format!("{member}/Cargo.toml: {member} depends on {other}, which stands above it")));
        }
    }
    faults
}

/// Circles between the files of one crate, each named once.
pub(super) fn circles(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for (member, _) in BELOW {
        let files: BTreeMap<Vec<String>, &Source> = sources
            .iter()
            .filter(|source| source.member() == member)
            .filter_map(|source| Some((module_of(&source.path)?, source)))
            .collect();
        let arrows = arrows(&files);
        let mut told = BTreeSet::new();
        for from in arrows.keys() {
            if let Some(circle) = way_back(from, &arrows) {
                let members: BTreeSet<_> = circle.iter().cloned().collect();
                if told.insert(members) {
                    faults.push(format!("a circle of files: {} → {}", circle.join(" → "), circle[0]));
                }
            }
        }
    }
    faults
}

/// The module that a file is; `None` for files outside `src`. A binary's root is no module that others can name.
fn module_of(path: &str) -> Option<Vec<String>> {
    let (_, inside) = path.split_once("/src/")?;
    let stem = inside.strip_suffix(".rs")?;
    let mut module: Vec<_> = stem.split('/').map(str::to_owned).collect();
    match module.last().map(String::as_str) {
        Some("mod") => drop(module.pop()),
        Some("lib") if module.len() == 1 => module.clear(),
        _ => {}
    }
    Some(module)
}

fn arrows(files: &BTreeMap<Vec<String>, &Source>) -> BTreeMap<String, BTreeSet<String>> {
    let mut arrows = BTreeMap::new();
    for (module, source) in files {
        let paths = paths(&source.code);
        // What tests reach for is no arrow of the house.
        let resolved = paths
            .iter()
            .filter(|(inside, _)| inside.first().is_none_or(|module| module != "tests"))
            .filter_map(|(inside, path)| resolve(&[module.as_slice(), inside].concat(), path, files));
        let targets = resolved.filter(|target| *target != source.path);
        arrows.insert(source.path.clone(), targets.map(str::to_owned).collect());
    }
    arrows
}

/// Every path in the code that begins with `crate`, `self` or `super`, with the branches of a `use` tree spelled out, and the modules
/// inside the file in which it stands.
fn paths(code: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let modules = inline_modules(code);
    let mut found = Vec::new();
    for start in ["crate::", "self::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if !before.is_some_and(|before| before.is_alphanumeric() || before == '_' || before == ':') {
                let inside: Vec<_> =
                    modules.iter().filter(|(span, _)| span.contains(&at)).map(|(_, name)| name.clone()).collect();
                let mut paths = Vec::new();
                branch(&code[at..], &[], &mut paths);
                found.extend(paths.into_iter().map(|path| (inside.clone(), path)));
            }
        }
    }
    found
}

/// `mod name { … }` with where its body stands, the outer before the inner.
fn inline_modules(code: &str) -> Vec<(Range<usize>, String)> {
    let mut modules = Vec::new();
    for (at, word) in code.match_indices("mod ") {
        let Some((name, _)) =
            code[at + word.len()..].split_once(" {").filter(|(name, _)| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
        else {
            continue;
        };
        let open = at + word.len() + name.len() + 1;
        let mut depth = 0i32;
        let close = code[open..].find(|brace| {
            depth += i32::from(brace == '{') - i32::from(brace == '}');
            depth == 0
        });
        modules.push((open..close.map_or(code.len(), |close| open + close), name.to_owned()));
    }
    modules
}

/// Reads one path, or the branches in its braces; returns what is left of the text after it.
fn branch<'a>(mut text: &'a str, stem: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = stem.to_vec();
    loop {
        text = text.trim_start();
        if let Some(mut inner) = text.strip_prefix('{') {
            loop {
                inner = branch(inner, &path, found).trim_start();
                match inner.strip_prefix(',') {
                    Some(rest) => inner = rest,
                    None => return inner.strip_prefix('}').unwrap_or(inner),
                }
            }
        }
        let end = text.find(|part: char| !part.is_alphanumeric() && part != '_').unwrap_or(text.len());
        path.push(text[..end].to_owned());
        text = &text[end..];
        match text.strip_prefix("::") {
            Some(rest) if !rest.starts_with('<') => text = rest,
            _ => break,
        }
    }
    found.push(path);
    text.split_once([',', '}', ';']).map_or("", |(skipped, _)| &text[skipped.len()..])
}

/// The file in which the path ends: the longest module that it names.
fn resolve<'a>(from: &[String], path: &[String], files: &BTreeMap<Vec<String>, &'a Source>) -> Option<&'a str> {
    let mut module: Vec<String> = if path[0] == "crate" { Vec::new() } else { from.to_vec() };
    let mut rest = &path[1..];
    if path[0] == "super" {
        module.pop();
        while rest.first().is_some_and(|part| part == "super") {
            module.pop();
            rest = &rest[1..];
        }
    }
    for part in rest {
        module.push(part.clone());
        if !files.contains_key(&module) {
            module.pop();
            break;
        }
    }
    files.get(&module).map(|source| source.path.as_str())
}

/// The shortest way from a file back to itself.
fn way_back(start: &str, arrows: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut ways = vec![vec![start.to_owned()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in arrows.get(way.last()?).into_iter().flatten() {
                if next == start {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push([way.as_slice(), std::slice::from_ref(next)].concat());
                }
            }
        }
        ways = longer;
    }
    None
}

#[test]
fn an_upward_import_is_caught() {
    let forged = [
        Source::new("protocol/src/leaf.rs", "use creditbay_configs::rules::Pack;"),
        Source::new("node/src/main.rs", "use creditbay_configs::x;"),
    ];
    assert_eq!(upward(&forged, &[]), ["protocol/src/leaf.rs:1: protocol imports configs, which stands above it"]);
    let manifest = [("admin-cli", "[dev-dependencies]\ncreditbay-node.workspace = true\n".to_owned())];
    assert_eq!(upward(&[], &manifest), ["admin-cli/Cargo.toml: admin-cli depends on node, which stands above it"]);
}

#[test]
fn a_circle_of_files_is_caught() {
    let forged = |c: &str| {
        [
            Source::new("node/src/lib.rs", "pub mod a;"),
            Source::new("node/src/a/mod.rs", "mod b; use self::b::B;"),
            Source::new("node/src/a/b.rs", "use crate::{c::{C, D}, x}; struct B;"),
            Source::new("node/src/c.rs", c),
        ]
    };
    for forward in ["struct C;", "mod tests { use super::C; mod more { use super::super::C; } }", "use crate::x::a::A;"] {
        assert_eq!(circles(&forged(forward)), Vec::<String>::new(), "{forward}");
    }
    for back in ["use super::a::A;", "fn f() -> crate::a::A {}", "use crate::{\n    d::D,\n    a::{b, A},\n};"] {
        let faults = circles(&forged(back));
        assert!(faults.iter().any(|fault| fault.contains("node/src/c.rs")), "{back}: {faults:?}");
    }
}

#[test]
fn a_child_that_leans_on_its_parent_must_not_be_leaned_on() {
    let forged = [
        Source::new("node/src/log/mod.rs", "use self::append::Item;"),
        Source::new("node/src/log/append.rs", "use super::{Entry, LogError};"),
    ];
    assert_eq!(circles(&forged), ["a circle of files: node/src/log/append.rs → node/src/log/mod.rs → node/src/log/append.rs"]);
}
