//! How long guarded requests take at half of what the servers keep up with.

use std::error::Error;

use crate::arrivals::Guarded;
use crate::chart::{self, Axis, Line, Panel};
use crate::rounds::Rounds;
use crate::{Server, grouped, print_head};

const PERCENTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];
const CONNECTIONS: [usize; 4] = [1, 10, 100, 1000];
/// Of them, those of which all percentiles are drawn.
const MANY: usize = 2;

const OURS: &str = "stateless-session";
const REDIS: &str = "tower-sessions in Redis";

pub fn picture(
    ours: &Server,
    redis: &Server,
    rounds: usize,
    seconds: f64,
) -> Result<String, Box<dyn Error>> {
    let mut of_ours = Vec::new();
    let mut of_redis = Vec::new();
    let mut halves = Vec::new();
    let rows = "requests a second that it keeps up with, over so many connections";
    print_head(rows, &[OURS, REDIS].map(str::to_owned));
    for connections in CONNECTIONS {
        let most_of_ours = saturation(ours, connections, seconds / 6.0)?;
        let most_of_redis = saturation(redis, connections, seconds / 6.0)?;
        let cells = [connections as f64, most_of_ours, most_of_redis].map(grouped);
        println!("| {} |", cells.join(" | "));
        let rate = most_of_ours.min(most_of_redis) / 2.0;
        of_ours.push(Times::new(ours, OURS, rate, connections));
        of_redis.push(Times::new(redis, REDIS, rate, connections));
        halves.push(most_of_ours / 2.0);
    }
    let mut fast = Times::new(ours, OURS, halves[MANY], CONNECTIONS[MANY]);
    for _ in 0..rounds {
        for times in of_ours.iter_mut().chain(&mut of_redis).chain([&mut fast]) {
            times.measure(seconds)?;
        }
    }
    let figures = ["connections", "a second"].into_iter();
    let figures = figures.chain(PERCENTILES.map(|(name, _)| name));
    let figures: Vec<String> = figures.map(str::to_owned).collect();
    print_head("a guarded request, µs", &figures);
    for (index, (ours, redis)) in of_ours.iter().zip(&of_redis).enumerate() {
        ours.print();
        redis.print();
        if index == MANY {
            fast.print();
        }
    }

    let percentiles = vec![
        of_ours[MANY].line("ours"),
        fast.line("ours-more"),
        of_redis[MANY].line("other"),
    ];
    let sweep = |style, times: &[Times<'_>], percentile: usize| {
        let label = format!("{}, {}", times[0].name, PERCENTILES[percentile].0);
        let points = times
            .iter()
            .map(|times| (times.connections as f64, times.rounds.middle(percentile)));
        Line::new(style, label, points.collect())
    };
    let sweeps = vec![
        sweep("ours", &of_ours, 0),
        sweep("ours-more", &of_ours, 2),
        sweep("other", &of_redis, 0),
        sweep("other-more", &of_redis, 2),
    ];
    Ok(chart::svg(&[
        Panel {
            title: "A guarded request over 100 connections, from when it is due until its answer",
            x: Axis::names(&PERCENTILES.map(|(name, _)| name)),
            y: Axis::times(&percentiles),
            lines: percentiles,
        },
        Panel {
            title: "The same over 1 to 1,000, at half of what the slower of both keeps up with",
            x: Axis::powers("connections", 1.0, 1000.0, grouped),
            y: Axis::times(&sweeps),
            lines: sweeps,
        },
    ]))
}

/// The highest rate that the server was seen to keep up with in two searches, since the machine may have been away in one.
/// Each doubles the rate until the server falls behind twice, and halves what is left of doubt five times.
fn saturation(server: &Server, connections: usize, seconds: f64) -> Result<f64, Box<dyn Error>> {
    let mut server = Guarded::connect(&server.address, &server.header, connections)?;
    let mut keeps_up = |rate: f64| -> std::io::Result<bool> {
        Ok(server.ask(rate, seconds)?.kept_up() || server.ask(rate, seconds)?.kept_up())
    };
    let mut highest: f64 = 0.0;
    for _ in 0..2 {
        let (mut kept, mut lost) = (0.0, 4_000.0);
        while keeps_up(lost)? {
            (kept, lost) = (lost, lost * 2.0);
        }
        for _ in 0..5 {
            let rate = f64::midpoint(kept, lost);
            if keeps_up(rate)? {
                kept = rate;
            } else {
                lost = rate;
            }
        }
        highest = highest.max(kept);
    }
    Ok(highest)
}

/// A row: percentiles, in microseconds.
struct Times<'a> {
    server: &'a Server,
    name: &'static str,
    rate: f64,
    connections: usize,
    rounds: Rounds<4>,
}

impl<'a> Times<'a> {
    fn new(server: &'a Server, name: &'static str, rate: f64, connections: usize) -> Self {
        Self {
            server,
            name,
            rate,
            connections,
            rounds: Rounds::none(),
        }
    }

    fn measure(&mut self, seconds: f64) -> std::io::Result<()> {
        let Server {
            address, header, ..
        } = self.server;
        let mut server = Guarded::connect(address, header, self.connections)?;
        let mut outcome = server.ask(self.rate, seconds)?;
        self.rounds.push(if outcome.kept_up() {
            PERCENTILES.map(|(_, part)| outcome.percentile(part))
        } else {
            [f64::INFINITY; 4]
        });
        Ok(())
    }

    fn print(&self) {
        let (rate, connections) = (grouped(self.rate), grouped(self.connections as f64));
        let cells = [0, 1, 2, 3].map(|figure| self.rounds.cell(figure));
        let cells = cells.join(" | ");
        println!("| {} | {connections} | {rate} | {cells} |", self.name);
    }

    /// Of all percentiles.
    fn line(&self, style: &'static str) -> Line {
        let points = (0_u8..).zip([0, 1, 2, 3].map(|figure| self.rounds.middle(figure)));
        let points = points.map(|(place, time)| (f64::from(place), time));
        let label = format!("{}, {}/s", self.name, grouped(self.rate));
        Line::new(style, label, points.collect())
    }
}
