//! The table of the plan's tasks in `docs/RULES.md`, held against the bundled pack (tests only).

use std::collections::BTreeSet;

use creditbay_protocol::predicate::AttestationType;

use super::sample::pack;

const DOCUMENT: &str = include_str!("../../../docs/RULES.md");
const TASKS: [&str; 16] =
    ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二", "十三", "十四", "十五", "十六"];

/// A task: its number, its types, and how they answer or why none can.
struct Row<'a> {
    task: &'a str,
    types: Vec<&'a str>,
    how: &'a str,
}

fn rows(document: &str) -> Vec<Row<'_>> {
    let row = |line| {
        let cells: Vec<&str> = str::trim_matches(line, '|').split('|').map(str::trim).collect();
        let [task, _, types, how] = cells.as_slice() else { panic!("{line}: four columns") };
        let task = task.strip_prefix('(').and_then(|task| task.strip_suffix(')')).unwrap();
        Row { task, types: types.split(", ").filter(|name| *name != "—").collect(), how }
    };
    document.lines().filter(|line| line.starts_with("| (")).map(row).collect()
}

/// What is wrong with a table.
fn faults(document: &str) -> Vec<String> {
    let rows = rows(document);
    let mut faults = Vec::new();
    if rows.iter().map(|row| row.task).ne(TASKS) {
        faults.push("the tasks are not (一) to (十六), each once and in order".to_owned());
    }
    let pack = pack();
    let mut named = BTreeSet::new();
    for row in &rows {
        for name in &row.types {
            match AttestationType::from_name(name).filter(|of| pack.catalogue().get(*of).is_some()) {
                Some(of) => drop(named.insert(of)),
                None => faults.push(format!("({}): {name} is no type of the pack", row.task)),
            }
        }
        if row.types.is_empty() && row.how.is_empty() {
            faults.push(format!("({}): neither a type nor why there is none", row.task));
        }
    }
    let silent = pack.catalogue().iter().filter(|(of, _)| !named.contains(of));
    faults.extend(silent.map(|(of, _)| format!("{of} answers for no task")));
    faults
}

#[test]
fn every_task_has_its_row_and_every_type_its_task() {
    assert_eq!(faults(DOCUMENT), Vec::<String>::new());
}

#[test]
fn a_table_that_lost_a_row_a_type_or_a_reason_is_noticed() {
    let line = |start: &str| DOCUMENT.lines().find(|line| line.starts_with(start)).unwrap();
    let forged = |old: &str, new: &str| faults(&DOCUMENT.replace(old, new)).join("; ");
    assert!(forged(&format!("{}\n", line("| (十三)")), "").contains("(一) to (十六)"));
    assert!(forged("GOV_DEFAULT | about", "GOV_DEFAULTS | about").contains("GOV_DEFAULTS is no type of the pack"));
    assert!(forged("GOV_DEFAULT | about", "SER_TAX | about").contains("GOV_DEFAULT answers for no task"));
    let without_reason = "| (十三) | 基础设施 infrastructure | — | |";
    assert!(forged(line("| (十三)"), without_reason).contains("(十三): neither"));
}
