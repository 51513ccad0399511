//! How many files the process may have open. A connection is one, so whoever connects could use up what the store and the keys need.
//!
//! Not here: who is let in (`serve::bounded`).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit as far as a process may raise it by itself, and says what it is then.
pub fn allowed() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let allowed = if raised.is_ok() { limit.maximum } else { limit.current };
    allowed.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn the_limit_is_raised_once_and_stays() {
        let first = allowed();
        assert!(first >= 3, "standard input, output and error are open");
        assert_eq!(allowed(), first);
    }
}
