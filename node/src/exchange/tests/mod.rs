//! Two nodes in one process (`bay`): what can go wrong on the way (`faults`), what stands in their logs (`evidence`), and what the rules
//! and the ledger hold (`rules`).

mod bay;

mod evidence;
mod faults;
mod rules;
