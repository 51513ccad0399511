//! What an operator may choose of a node's limits: each with its default, and the range in which it makes sense.
//!
//! Not here: limits that both sides of an exchange must agree on; those are `creditbay_protocol::limits`.

use serde::{Deserialize, Serialize};
use serde_spanned::Spanned;

use crate::error::{ConfigError, Source};

use super::fault::NodeFault;

/// Declares the limits once: the struct with its defaults, its written form, and the check of each range.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $default:literal, $least:literal ..= $most:expr;)+) => {
        /// The limits of a node. The unit stands last in each name.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Limits {
            $($(#[$doc])* pub $name: u32,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        #[derive(Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct WrittenLimits {
            $(#[serde(default)] $name: Option<Spanned<u32>>,)+
        }

        impl WrittenLimits {
            pub(super) fn read(&self, source: Source<'_>) -> Result<Limits, ConfigError<NodeFault>> {
                Ok(Limits {
                    $($name: in_range(source, concat!("limits.", stringify!($name)), &self.$name, $default, $least, $most)?,)+
                })
            }

            pub(super) fn write(limits: &Limits) -> Self {
                Self { $($name: Some(Spanned::new(0..0, limits.$name)),)+ }
            }
        }

        /// Name, default, least and most of each.
        #[cfg(test)]
        pub(super) const RANGES: &[(&str, u32, u32, u32)] = &[$((stringify!($name), $default, $least, $most),)+];
    };
}

limits! {
    /// How long a query that this node asks may be answered: its expiry, counted from its leaf. The protocol admits 120.
    query_lifetime_seconds = 30, 1..=120;
    /// How long a service waits for its answer before it is told to ask again later.
    request_timeout_seconds = 10, 1..=120;
    /// How long a starting node waits to hear from its peers before its first signature.
    peer_wait_seconds = 2, 0..=600;
    /// How long a node that shuts down waits for the exchanges in flight.
    shutdown_grace_seconds = 10, 0..=600;
    /// Exchanges in flight at once, asked and answered together; more are turned away.
    max_in_flight = 1024, 1..=65_536;
    /// Refusals a minute that one peer may cost this node's log in leaves; beyond it the peer gets faults.
    refusals_per_peer_per_minute = 600, 1..=60_000;
    /// Free space on the disk of `data_dir` below which no query is taken. At least what the largest batch, its flush and a recovery need.
    min_free_mib = 256, 64..=1_048_576;
    /// The store's cache.
    cache_mib = 32, 8..=65_536;
}

fn in_range(
    source: Source<'_>,
    key: &str,
    written: &Option<Spanned<u32>>,
    default: u32,
    least: u32,
    most: u32,
) -> Result<u32, ConfigError<NodeFault>> {
    match written {
        None => Ok(default),
        Some(value) if (least..=most).contains(value.get_ref()) => Ok(*value.get_ref()),
        Some(value) => Err(source.fault(value.span(), key, NodeFault::LimitRange { least, most })),
    }
}

#[cfg(test)]
mod tests {
    use super::{RANGES, WrittenLimits};
    use crate::error::{Source, parse};
    use crate::node::fault::NodeFault;

    #[test]
    fn each_limit_is_read_at_both_ends_of_its_range_and_refused_beyond() {
        for (name, default, least, most) in RANGES {
            assert!((least..=most).contains(&default), "{name}");
            for (value, good) in [(u64::from(*least), true), (u64::from(*most), true), (u64::from(*most) + 1, false)] {
                let text = format!("{name} = {value}");
                let read = parse::<WrittenLimits>("f", &text).unwrap().read(Source::new("f", &text));
                match read {
                    Ok(_) => assert!(good, "{text}"),
                    Err(error) => {
                        assert!(!good, "{error}");
                        assert_eq!((error.key(), error.line()), (Some(format!("limits.{name}").as_str()), Some(1)));
                        assert_eq!(error.fault(), &NodeFault::LimitRange { least: *least, most: *most });
                    }
                }
            }
            if *least > 0 {
                let text = format!("{name} = {}", least - 1);
                assert!(parse::<WrittenLimits>("f", &text).unwrap().read(Source::new("f", &text)).is_err(), "{text}");
            }
        }
    }
}
