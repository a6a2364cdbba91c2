//! A check of an access token, with and without a registry.

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use stateless_session::Sessions;

use crate::sessions::{Sample, beside, token, without};

const ROUNDS: usize = 200;
const CHECKS: u32 = 2_000;

pub fn calls(entries: &str, calls: u32) {
    let run: Box<dyn Fn()> = match entries {
        "without" => checked(without()),
        "subject" => {
            let (sessions, runtime) = beside(0, true);
            std::mem::forget(runtime);
            checked(sessions)
        }
        entries => {
            let (sessions, runtime) = beside(entries.parse().expect("a number of entries"), false);
            std::mem::forget(runtime);
            checked(sessions)
        }
    };
    for _ in 0..calls {
        run();
    }
}

/// So many tokens by turns: how far a look into the set goes differs from one to the other.
const TOKENS: usize = 64;

fn checked<C: Sample>(sessions: Sessions<C>) -> Box<dyn Fn()>
where
    C: 'static,
{
    let tokens: Vec<_> = (0..TOKENS).map(|_| token(&sessions)).collect();
    let turn = Cell::new(0);
    Box::new(move || {
        turn.set((turn.get() + 1) % TOKENS);
        assert!(sessions.verify(black_box(&tokens[turn.get()])).is_ok());
    })
}

/// Medians of each round's ratio to the round of the one without, interleaved.
pub fn ratios() {
    let base = checked(without());
    let mut rows: Vec<(String, Box<dyn Fn()>)> =
        vec![("none, again".to_owned(), checked(without()))];
    for entries in [0, 1, 1_000, 1_000_000] {
        let (sessions, runtime) = beside(entries, false);
        std::mem::forget(runtime);
        rows.push((format!("a registry, {entries} entries"), checked(sessions)));
    }
    let (sessions, runtime) = beside(0, true);
    std::mem::forget(runtime);
    rows.push((
        "a registry, all sessions of one subject ended".to_owned(),
        checked(sessions),
    ));
    println!("| a check beside | of one without |\n|---|--:|");
    for (name, check) in &rows {
        let mut ratios: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let (before, with, after) = (time(&base), time(check), time(&base));
                with.as_secs_f64() / ((before + after).as_secs_f64() / 2.0)
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        println!("| {name} | {:.3} |", ratios[ROUNDS / 2]);
    }
}

fn time(check: &dyn Fn()) -> Duration {
    let began = Instant::now();
    for _ in 0..CHECKS {
        check();
    }
    began.elapsed()
}
