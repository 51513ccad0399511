//! One exchange that the peer began, as its door sees it: a stream with its frame, to be answered or refused (PROTOCOL 24).
//!
//! Not here: what the frame says.

use std::time::Duration;

use creditbay_protocol::limits::MAX_FRAME_BYTES;
use creditbay_protocol::refusal::Fault;
use quinn::{RecvStream, SendStream, VarInt};

/// How long a frame may take.
const FRAME_WAIT: Duration = Duration::from_secs(5);

/// One exchange that the peer began: a stream with its frame, to be answered or refused.
pub struct Inbound {
    send: SendStream,
    recv: RecvStream,
}

impl Inbound {
    pub(super) fn of(send: SendStream, recv: RecvStream) -> Self {
        Self { send, recv }
    }

    /// The peer's frame, whole.
    pub async fn frame(&mut self) -> Result<Vec<u8>, Fault> {
        let frame = tokio::time::timeout(FRAME_WAIT, self.recv.read_to_end(MAX_FRAME_BYTES)).await;
        frame.map_err(|_| Fault::Malformed)?.map_err(|error| match error {
            quinn::ReadToEndError::TooLong => Fault::Oversized,
            quinn::ReadToEndError::Read(_) => Fault::Malformed,
        })
    }

    /// Sends the reply's frame. A peer that is gone asks again.
    pub async fn reply(mut self, frame: &[u8]) {
        if self.send.write_all(frame).await.is_ok() {
            let _ = self.send.finish();
        }
    }

    /// Closes the stream with a fault.
    pub fn refuse(mut self, fault: Fault) {
        let code = VarInt::from_u32(u32::from(fault.code()));
        let _ = self.send.reset(code);
        let _ = self.recv.stop(code);
    }
}
