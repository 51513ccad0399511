//! Two nodes in one process (`bay`): what can go wrong on the way (`faults`), and what the rules and the ledger hold (`rules`).

mod bay;

mod faults;
