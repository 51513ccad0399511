//! Two nodes in one process (`bay`): what can go wrong on the way (`faults`), what stands in their logs (`evidence`), what is shown and erased of it (`erasure`), and what the rules
//! and the ledger hold (`rules`).

mod bay;

mod erasure;
mod evidence;
mod faults;
mod retention;
mod rules;
mod seam;
