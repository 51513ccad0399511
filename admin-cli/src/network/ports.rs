//! Ports on loopback for the doors of a development network.
//!
//! Not here: which door has which (`plan`).

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use anyhow::Context;

use crate::exit::UsageError;

/// Ports between one city's first and the next city's.
const STEP: u16 = 10;

/// The doors of one city.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// The services' door, TCP.
    pub services: SocketAddr,
    /// The auditors' door, TCP.
    pub auditors: SocketAddr,
    /// The peers' door, UDP.
    pub peers: SocketAddr,
}

/// Free ports, as the system gives them. Somebody else may take one before a node does; then the network is made anew.
pub fn free(cities: usize) -> anyhow::Result<Vec<Ports>> {
    let any = (Ipv4Addr::LOCALHOST, 0);
    // All stay open until the last was given out, so that none is given out twice.
    let mut held = Vec::new();
    for _ in 0..cities {
        let tcp = || TcpListener::bind(any).context("no free TCP port on loopback");
        held.push((tcp()?, tcp()?, UdpSocket::bind(any).context("no free UDP port on loopback")?));
    }
    let ports = |(services, auditors, peers): &(TcpListener, TcpListener, UdpSocket)| {
        Ok(Ports { services: services.local_addr()?, auditors: auditors.local_addr()?, peers: peers.local_addr()? })
    };
    held.iter().map(ports).collect()
}

/// Ports from `base` on: of the city number i, base + 10 i + 1 for peers, + 2 for services, + 3 for auditors.
pub fn from_base(cities: usize, base: u16) -> anyhow::Result<Vec<Ports>> {
    let beyond = || UsageError(format!("--base-port {base}: {cities} cities need ports beyond 65535; choose a lower one"));
    let ports = |city: usize| {
        let first = u16::try_from(city)
            .ok()
            .and_then(|city| city.checked_mul(STEP)?.checked_add(base))
            .filter(|first| *first <= u16::MAX - 3);
        let at = |door: u16| first.map(|first| SocketAddr::from((Ipv4Addr::LOCALHOST, first + door))).ok_or_else(beyond);
        Ok(Ports { peers: at(1)?, services: at(2)?, auditors: at(3)? })
    };
    (0..cities).map(ports).collect()
}

#[cfg(test)]
mod tests {
    use super::{free, from_base};

    #[test]
    fn free_ports_are_all_different() {
        let ports = free(4).unwrap();
        let mut tcp: Vec<_> = ports.iter().flat_map(|city| [city.services, city.auditors]).collect();
        tcp.sort();
        tcp.dedup();
        assert_eq!(tcp.len(), 8);
        assert!(tcp.iter().all(|address| address.ip().is_loopback() && address.port() != 0));
    }

    #[test]
    fn ports_from_a_base_stand_in_tens() {
        let ports = from_base(4, 4500).unwrap();
        assert_eq!((ports[0].peers.port(), ports[0].services.port(), ports[3].auditors.port()), (4501, 4502, 4533));
        assert!(from_base(4, 65_502).is_ok());
        assert!(from_base(4, 65_503).is_err());
    }
}
