//! Two nodes in one process (`bay`): what can go wrong on the way (`faults`), what stands in their logs (`evidence`), what is shown and erased of it (`erasure`), erased records (`records`), what the rules
//! and the ledger hold (`rules`), what a log that ends leaves (`retirement`), and what is erased of one that has ended (`ended`).

mod altered;
mod bay;

mod closing;

mod crossing;
mod ended;
mod erasure;
mod evidence;
mod faults;
mod left;
mod records;
mod retention;
mod retirement;
mod rules;
mod seam;
mod withheld;
