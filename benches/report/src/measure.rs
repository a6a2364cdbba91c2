//! Times in turn: a small batch of each subject, round after round, so that whatever else the machine does strikes all
//! of them alike. A figure is the median over the rounds, and so is a ratio, of figures of the same round. Benchmark
//! programs that finish one subject before the next begins give ratios that follow the machine's mood.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

/// What is measured under one name.
pub struct Subject<'a> {
    name: String,
    run: Box<dyn FnMut() + 'a>,
}

/// What came out: nanoseconds a call, in every round.
pub struct Figure {
    pub name: String,
    pub allocations: i64,
    times: Vec<f64>,
}

impl Figure {
    pub fn nanoseconds(&self) -> f64 {
        median(self.times.iter().copied())
    }

    pub fn over(&self, other: &Self) -> Ratio {
        Ratio::of(self.pairs(other).map(|(ours, theirs)| ours / theirs))
    }

    pub fn beyond(&self, bare: &Self) -> f64 {
        median(self.pairs(bare).map(|(ours, bare)| ours - bare))
    }

    /// What this adds to the bare one, over what the other adds.
    pub fn added_over(&self, other: &Self, bare: &Self) -> Ratio {
        let added = self.pairs(other).zip(&bare.times);
        Ratio::of(added.map(|((ours, theirs), bare)| (ours - bare) / (theirs - bare)))
    }

    fn pairs<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (f64, f64)> {
        self.times.iter().copied().zip(other.times.iter().copied())
    }
}

/// The median of the rounds' ratios, and where eight of ten rounds lie.
pub struct Ratio {
    median: f64,
    low: f64,
    high: f64,
}

impl Ratio {
    fn of(ratios: impl Iterator<Item = f64>) -> Self {
        let mut ratios: Vec<f64> = ratios.collect();
        ratios.sort_by(f64::total_cmp);
        let tenth = ratios.len() / 10;
        Self {
            median: ratios[ratios.len() / 2],
            low: ratios[tenth],
            high: ratios[ratios.len() - 1 - tenth],
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, low, high } = self;
        write!(f, "{median:.2} ({low:.2} to {high:.2})")
    }
}

/// Subjects of one table, the first of which the others are compared with.
#[derive(Default)]
pub struct Group<'a>(Vec<Subject<'a>>);

const ROUNDS: usize = 1_501;
const BATCH: Duration = Duration::from_micros(300);

impl<'a> Group<'a> {
    pub fn add<T>(&mut self, name: impl Into<String>, mut run: impl FnMut() -> T + 'a) {
        self.0.push(Subject {
            name: name.into(),
            run: Box::new(move || {
                black_box(run());
            }),
        });
    }

    pub fn measure(mut self) -> Vec<Figure> {
        let batches: Vec<u32> = self.0.iter_mut().map(Subject::batch).collect();
        let mut rounds = vec![Vec::with_capacity(ROUNDS); self.0.len()];
        for round in 0..ROUNDS {
            // Another one begins each time, so that none always runs behind the same neighbour.
            for turn in 0..self.0.len() {
                let index = (round + turn) % self.0.len();
                rounds[index].push(self.0[index].time(batches[index]));
            }
        }
        let figures = self.0.iter_mut().zip(rounds);
        figures
            .map(|(subject, times)| {
                let counted = allocation_counter::measure(|| (subject.run)());
                Figure {
                    name: subject.name.clone(),
                    allocations: counted.count_total.try_into().expect("a small number"),
                    times,
                }
            })
            .collect()
    }
}

/// So much is read between two calls, that nothing of the first is left in the caches near the processor.
const OTHER_DATA: usize = 16 * 1024 * 1024;

impl Group<'_> {
    /// One call at a time, each behind other data.
    pub fn measure_cold(mut self) -> Vec<Figure> {
        let other_data = vec![1_u8; OTHER_DATA];
        let mut rounds = vec![Vec::with_capacity(ROUNDS); self.0.len()];
        for round in 0..ROUNDS {
            for turn in 0..self.0.len() {
                let index = (round + turn) % self.0.len();
                black_box(
                    other_data
                        .iter()
                        .step_by(64)
                        .map(|byte| u64::from(*byte))
                        .sum::<u64>(),
                );
                // As a thread's time takes a call of the system, which would warm some of it.
                let start = Instant::now();
                (self.0[index].run)();
                rounds[index].push(start.elapsed().as_nanos() as f64);
            }
        }
        let figures = self.0.into_iter().zip(rounds);
        figures
            .map(|(subject, times)| Figure {
                name: subject.name,
                allocations: 0,
                times,
            })
            .collect()
    }
}

/// How many times as much two threads do as one: from what a call costs a thread while the other runs, so that other
/// programs' turns do not count.
pub fn two_threads<T>(run: &(impl Fn() -> T + Sync)) -> f64 {
    let time = |others: usize| {
        let time = || {
            Subject {
                name: String::new(),
                run: Box::new(|| {
                    black_box(run());
                }),
            }
            .time(20_000)
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = (0..others).map(|_| scope.spawn(time)).collect();
            let own = time();
            for other in others {
                other.join().expect("no panic");
            }
            own
        })
    };
    median((0..51).map(|_| 2.0 * time(0) / time(1)))
}

impl Subject<'_> {
    /// So many calls that a batch takes long enough to be timed.
    fn batch(&mut self) -> u32 {
        let mut calls = 1;
        loop {
            let took = Duration::from_nanos((self.time(calls) * f64::from(calls)) as u64);
            if took >= BATCH {
                return calls;
            }
            calls *= 2;
        }
    }

    /// Nanoseconds of this thread a call, so that other programs' turns do not count.
    fn time(&mut self, calls: u32) -> f64 {
        let start = ThreadTime::now();
        for _ in 0..calls {
            (self.run)();
        }
        start.elapsed().as_nanos() as f64 / f64::from(calls)
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
