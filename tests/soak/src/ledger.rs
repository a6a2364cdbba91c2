//! What happened, counted, and what a run must have seen to show anything.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use crate::support::lock;

/// A run in which one of these never happened shows nothing of it, and fails: by column, its rows.
pub type Expected = &'static [(&'static str, &'static [&'static str])];

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
    pub fn missing(&self, expected: Expected) -> Vec<String> {
        let counts = lock(&self.0);
        let expected = expected
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
