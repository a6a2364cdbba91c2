//! What happened, counted, and what a run must have seen to show anything.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use crate::support::lock;

/// A run in which one of these never happened shows nothing of it, and fails.
const EXPECTED: [(&str, &[&str]); 4] = [
    (
        "change",
        &[
            "clock: forward",
            "clock: back, within leeway",
            "keys: the next one verifies",
            "keys: swapped",
            "keys: the previous one retired",
            "keys: all replaced at once",
            "user: disabled",
            "user: enabled",
            "user: generation raised",
            "renew: works",
            "renew: fails",
            "renew: is slow",
            "renew: panics",
            "renew: gives another user",
        ],
    ),
    (
        "action",
        &[
            "login",
            "call",
            "call without a token",
            "refresh",
            "refresh in four tabs",
            "logout",
            "put away",
            "come back",
        ],
    ),
    (
        "answer",
        &[
            "login 200",
            "login 403",
            "call 200",
            "call 401 invalid_token",
            "call 401 missing_token",
            "refresh 200",
            "refresh 401 session_ended",
            "refresh 401 session_unknown",
            "refresh 500 internal_error",
            "refresh 503 temporarily_unavailable",
            "logout 204",
        ],
    ),
    (
        "end",
        &[
            "session: user disabled",
            "session: generation moved",
            "session: idle lifetime",
            "session: absolute end",
            "session: key retired",
            "session: logout",
            "access token: lifetime",
            "access token: key retired",
        ],
    ),
];

#[derive(Default)]
pub struct Ledger(Mutex<BTreeMap<(&'static str, String), u64>>);

impl Ledger {
    pub fn count(&self, column: &'static str, what: impl Into<String>) {
        *lock(&self.0).entry((column, what.into())).or_default() += 1;
    }

    pub fn sum(&self, column: &str) -> u64 {
        let counts = lock(&self.0);
        let of_column = counts.iter().filter(|((of, _), _)| *of == column);
        of_column.map(|(_, count)| count).sum()
    }

    /// What should have happened and did not.
    pub fn missing(&self) -> Vec<String> {
        let counts = lock(&self.0);
        let expected = EXPECTED
            .iter()
            .flat_map(|(column, rows)| rows.iter().map(|row| (*column, (*row).to_owned())));
        expected
            .filter(|key| !counts.contains_key(key))
            .map(|(column, row)| format!("{column} {row}"))
            .collect()
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((column, what), count) in &*lock(&self.0) {
            writeln!(f, "{column:<7} {what:<37} {count:>8}")?;
        }
        Ok(())
    }
}
