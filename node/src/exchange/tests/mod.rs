//! Two nodes in one process (`bay`): what can go wrong on the way (`faults`), what stands in their logs (`evidence`), what is shown and erased of it (`erasure`), erased records (`records`), what the rules
//! and the ledger hold (`rules`), and what a log that ends leaves (`retirement`).

mod bay;

mod closing;

mod crossing;
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
