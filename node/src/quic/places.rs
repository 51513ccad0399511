//! Places for handshakes: some for each address of the directory, some for everybody else (PROTOCOL 24.1).
//!
//! A source address was validated by a Retry before it is asked for here, so nobody takes a peer's place who cannot read its mail. A
//! handshake that came to nothing keeps its place for a while: that bounds how many are made in a second. Not here: the handshake.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Handshakes at once from all addresses that the directory does not name.
pub const OTHERS: usize = 64;
/// Handshakes at once from one address that it names.
pub const OF_A_PEER: usize = 4;
/// How long a handshake that came to nothing keeps its place: 64 a second at most.
pub const REST: Duration = Duration::from_secs(1);

/// Where handshakes wait.
pub struct Places {
    of_peers: BTreeMap<SocketAddr, Arc<Semaphore>>,
    others: Arc<Semaphore>,
}

/// A place that is taken; it is free again when this is dropped.
pub struct Place(OwnedSemaphorePermit);

impl Places {
    /// All free. `peers` are the addresses from which nodes of the directory dial.
    pub fn free(peers: impl IntoIterator<Item = SocketAddr>) -> Self {
        let place = |address| (address, Arc::new(Semaphore::new(OF_A_PEER)));
        Self { of_peers: peers.into_iter().map(place).collect(), others: Arc::new(Semaphore::new(OTHERS)) }
    }

    /// A place for a handshake from this address, if one is free.
    pub fn take(&self, from: &SocketAddr) -> Option<Place> {
        let places = self.of_peers.get(from).unwrap_or(&self.others);
        places.clone().try_acquire_owned().ok().map(Place)
    }
}

impl Place {
    /// Keeps the place for a while, after a handshake that came to nothing.
    pub async fn rest(self) {
        tokio::time::sleep(REST).await;
        drop(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_fill_their_own_places_and_never_a_peers() {
        let places = Places::free([address(1), address(2)]);
        let strangers: Vec<_> = (0..OTHERS as u16).map(|port| places.take(&address(1000 + port)).unwrap()).collect();
        assert!(places.take(&address(9)).is_none(), "and no more of them");
        let of_peer: Vec<_> = (0..OF_A_PEER).map(|_| places.take(&address(1)).unwrap()).collect();
        assert!(places.take(&address(1)).is_none(), "a peer has its own bound");
        assert!(places.take(&address(2)).is_some(), "which is not another peer's");
        drop((strangers, of_peer));
        assert!(places.take(&address(9)).is_some() && places.take(&address(1)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_handshake_that_came_to_nothing_keeps_its_place_for_a_second() {
        let places = Places::free([address(1)]);
        for _ in 0..OF_A_PEER {
            tokio::spawn(places.take(&address(1)).unwrap().rest());
        }
        tokio::time::sleep(REST - Duration::from_millis(1)).await;
        assert!(places.take(&address(1)).is_none());
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert!(places.take(&address(1)).is_some());
    }
}
