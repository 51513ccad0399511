//! The witness, both ways: cosigning what others' logs offer, and offering this log's heads to others (PROTOCOL 31).
//!
//! `door` is `add-checkpoint` with what was cosigned last, durable before the answer; `push` offers, `heads` keeps what came back and says
//! which head is published, `connect` opens connections. The store and its flush are the witness's own: the log's writer waits for
//! nothing here, and nothing here waits for it. Not here: HTTP (`serve::auditors`), the judgement (`creditbay_protocol::witness`).

pub mod connect;
pub mod door;
pub mod heads;
pub mod push;
