//! How a run is set, and what comes of it.

use std::process::ExitCode;
use std::time::SystemTime;

use crate::ledger::{Expected, Ledger};

pub const CLIENTS: u64 = 32;

pub fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number")),
    )
}

/// What decides the choices: `SOAK_SEED`, or another one each time.
pub fn seed() -> u64 {
    variable("SOAK_SEED").unwrap_or_else(|| {
        SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |elapsed| u64::from(elapsed.subsec_nanos()))
    })
}

pub fn verdict(ledger: &Ledger, expected: Expected, failed: bool, seed: u64) -> ExitCode {
    print!("{ledger}");
    let missing = ledger.missing(expected);
    if failed {
        println!("failed; repeat it with SOAK_SEED={seed}");
    } else if !missing.is_empty() {
        println!("failed: this never happened: {}", missing.join(", "));
    } else {
        let [answers, changes, ends] = ["answer", "change", "end"].map(|of| ledger.sum(of));
        println!(
            "passed: {answers} answers among {changes} changes, {ends} ends with their reasons"
        );
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}
