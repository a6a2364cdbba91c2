//! Computes the tables of docs/scale.md, one behind the other: `cargo run -p scale`.
//!
//! What was measured stands in the constants; the rest follows.

use std::fmt::Write;

/// Seconds.
const DAY: f64 = 86_400.0;
const ACCESS: f64 = 900.0;
const REFRESH: f64 = 7.0 * DAY;
const LEEWAY: f64 = 5.0;

/// Of a day's average, in the busiest minute.
const PEAK: f64 = 10.0;

/// Bytes: an entry of a node's set, an ending in the feed, a session on the engine, an ending in Redis's stream.
const ENTRY: f64 = 69.0;
const MESSAGE: f64 = 142.0;
const POSTGRES_ROW: f64 = 459.0;
const REDIS_ROW: f64 = 959.0;
const STREAMED: f64 = 52.0;

/// Seconds of the engine's processor: a write of a session, and a read of the feed.
const POSTGRES_WRITE: f64 = 60e-6;
const REDIS_WRITE: f64 = 40e-6;
const POSTGRES_READ: f64 = 23e-6;
const REDIS_READ: f64 = 23e-6;
/// Seconds until the last of 1,000 readers has an ending.
const LAST_OF_1000: f64 = 0.142;

/// Seconds. The next read begins this long after one that brought something; a silent engine is asked, and an ending or a
/// connection is tried again, this often; a reconnected node reads Redis's stream from this far back.
const PAUSE: f64 = 0.1;
const HEARTBEAT: f64 = 1.0;
const REREAD: f64 = 60.0;

/// Bits a second between the engine and all nodes.
const NETWORK: f64 = 10e9;

#[derive(Clone, Copy)]
struct Deployment {
    users: f64,
    nodes: f64,
    /// Of all sessions, in a day.
    ended: f64,
}

const FEW: Deployment = Deployment {
    users: 1e6,
    nodes: 1e3,
    ended: 0.01,
};
const ALL: Deployment = Deployment { ended: 1.01, ..FEW };

impl Deployment {
    fn times(self, factor: f64) -> Self {
        Self {
            users: self.users * factor,
            nodes: self.nodes * factor,
            ..self
        }
    }

    fn endings_a_day(self) -> f64 {
        self.users * self.ended
    }

    fn endings(self) -> f64 {
        self.endings_a_day() / DAY
    }

    /// In the set of every node: whatever ended within the life of a token.
    fn entries(self) -> f64 {
        self.endings() * (ACCESS + 2.0 * LEEWAY)
    }

    fn feed_bytes(self) -> f64 {
        self.endings() * MESSAGE * self.nodes
    }

    /// Reads of a node that bring something, in a second.
    fn batches(self, peak: f64) -> f64 {
        (self.endings() * peak).min(1.0 / PAUSE)
    }

    /// Of all nodes that bring something, in a second.
    fn reads(self, peak: f64) -> f64 {
        self.batches(peak) * self.nodes
    }

    fn refreshes(self) -> f64 {
        self.users / ACCESS
    }

    /// Those who are logged in, and what is over and could still be asked for.
    fn rows(self) -> f64 {
        self.users + self.endings_a_day() * REFRESH / DAY
    }

    /// Seconds until the last node has an ending, of readers who wait.
    fn last_reader(self) -> f64 {
        LAST_OF_1000 * self.nodes / 1e3
    }

    /// Seconds until the last node has an ending, of readers who are all at the batch before.
    fn busy(self) -> f64 {
        2.0 * self.last_reader() + PAUSE
    }

    /// Bytes that all nodes read after a reconnect.
    fn reread(self, peak: f64) -> f64 {
        self.endings() * peak * REREAD * MESSAGE * self.nodes
    }
}

fn main() {
    print!("{}", tables());
}

fn tables() -> String {
    [measured(), load(), lag(), factors()].join("\n")
}

fn measured() -> String {
    table(
        &["measured", "Postgres 15", "Redis 7.0"],
        &[
            vec![
                "an entry in a node's memory".into(),
                bytes(ENTRY),
                bytes(ENTRY),
            ],
            vec![
                "an ending in the feed".into(),
                bytes(MESSAGE),
                bytes(MESSAGE),
            ],
            vec![
                "a session on the engine, with indexes".into(),
                bytes(POSTGRES_ROW),
                bytes(REDIS_ROW),
            ],
            vec![
                "an ending in the stream, kept for a day".into(),
                "in the row".into(),
                bytes(STREAMED),
            ],
            vec![
                "a refresh, processor of the engine".into(),
                seconds(POSTGRES_WRITE),
                seconds(REDIS_WRITE),
            ],
            vec![
                "a read of the feed, processor of the engine".into(),
                seconds(POSTGRES_READ),
                seconds(REDIS_READ),
            ],
            vec![
                "until the last of 1,000 waiting nodes has an ending".into(),
                "not measured".into(),
                seconds(LAST_OF_1000),
            ],
        ],
    )
}

fn load() -> String {
    let row = |name: &str, cell: &dyn Fn(Deployment) -> String| {
        vec![name.to_owned(), cell(FEW), cell(ALL)]
    };
    table(
        &[
            "average, peak",
            "1 % of sessions ended a day",
            "and everybody logs out once a day",
        ],
        &[
            row("endings a day", &|of| count(of.endings_a_day())),
            row("endings a second", &|of| peak(of.endings(), count)),
            row("entries in every node's memory", &|of| {
                peak(of.entries(), count)
            }),
            row("memory for them, in every node", &|of| {
                peak(of.entries() * ENTRY, bytes)
            }),
            row("feed, to all nodes together", &|of| {
                peak(of.feed_bytes(), rate)
            }),
            row("reads of all nodes that bring something", &|of| {
                both(1.0, PEAK, |peak| format!("{}/s", count(of.reads(peak))))
            }),
            row("their share of a processor, Postgres", &|of| {
                both(1.0, PEAK, |peak| percent(of.reads(peak) * POSTGRES_READ))
            }),
            row("their share of Redis's one processor", &|of| {
                both(1.0, PEAK, |peak| percent(of.reads(peak) * REDIS_READ))
            }),
            row("notifications from Postgres to its connections", &|of| {
                peak(of.endings() * of.nodes, |n| format!("{}/s", count(n)))
            }),
            row(
                "reads of idle nodes, Redis; Postgres twice as many",
                &|of| format!("{}/s", count(of.nodes / HEARTBEAT)),
            ),
            row("refreshes, each one write", &|of| {
                format!("{}/s", count(of.refreshes()))
            }),
            row("their share of a processor, Postgres", &|of| {
                percent(of.refreshes() * POSTGRES_WRITE)
            }),
            row("their share of Redis's one processor", &|of| {
                percent(of.refreshes() * REDIS_WRITE)
            }),
            row("sessions written down", &|of| count(of.rows())),
            row("storage, Postgres", &|of| bytes(of.rows() * POSTGRES_ROW)),
            row("storage, Redis, memory", &|of| {
                bytes(of.rows() * REDIS_ROW + of.endings_a_day() * STREAMED)
            }),
        ],
    )
}

/// From the call that ends a session until the last node refuses it.
fn lag() -> String {
    let transfer = ALL.reread(PEAK) * 8.0 / NETWORK;
    let outage = |down: f64| seconds(down + HEARTBEAT + HEARTBEAT.max(transfer) + ALL.busy());
    let row = |what: &str, worst: String, of: &str| vec![what.to_owned(), worst, of.to_owned()];
    table(
        &["what happens", "worst lag", "of which"],
        &[
            row(
                "nothing: all nodes wait",
                seconds(ALL.last_reader()),
                "Redis wakes one after the other",
            ),
            row(
                "endings without a pause",
                seconds(ALL.busy()),
                "the batch before, the pause of 100 ms, the batch",
            ),
            row(
                "Postgres behind a pooler that swallows `LISTEN`",
                seconds(HEARTBEAT + ALL.busy()),
                "the read once a second",
            ),
            row(
                "a node starts",
                "none".to_owned(),
                "it has read everything before it serves",
            ),
            row(
                "the engine restarts within 5 s",
                outage(5.0),
                "5 s, the next try, catching up",
            ),
            row(
                "the engine fails over within 30 s",
                outage(30.0),
                "30 s, the next try, catching up",
            ),
            row(
                "a node is cut off, or the engine does not come back: `\"best-effort\"`",
                seconds(ACCESS + LEEWAY),
                "the access token's own end",
            ),
            row(
                "the same: `revocation = \"10s\"`",
                seconds(10.0),
                "from then on the node answers 503",
            ),
        ],
    )
}

fn factors() -> String {
    let row = |name: &str, cell: &dyn Fn(Deployment) -> String| {
        let mut row = vec![name.to_owned()];
        row.extend([1.0, 10.0, 100.0].map(|factor| cell(ALL.times(factor))));
        row
    };
    table(
        &["at the peak", "once", "ten times", "a hundred times"],
        &[
            row("users online", &|of| count(of.users)),
            row("nodes", &|of| count(of.nodes)),
            row("endings a second", &|of| count(of.endings() * PEAK)),
            row("memory in every node", &|of| {
                bytes(of.entries() * PEAK * ENTRY)
            }),
            row("feed into every node", &|of| {
                rate(of.feed_bytes() * PEAK / of.nodes)
            }),
            row("feed out of the engine", &|of| rate(of.feed_bytes() * PEAK)),
            row("Redis: processor for the feed", &|of| {
                cores(of.reads(PEAK) * REDIS_READ)
            }),
            row("Postgres: processor for the feed", &|of| {
                cores(of.reads(PEAK) * POSTGRES_READ)
            }),
            row("Redis: processor for refreshes", &|of| {
                cores(of.refreshes() * REDIS_WRITE)
            }),
            row("Postgres: processor for refreshes", &|of| {
                cores(of.refreshes() * POSTGRES_WRITE)
            }),
            row("Postgres: connections", &|of| count(of.nodes)),
            row("storage, Redis", &|of| bytes(of.rows() * REDIS_ROW)),
            row("storage, Postgres", &|of| bytes(of.rows() * POSTGRES_ROW)),
            row("read after a failover, all nodes", &|of| {
                bytes(of.reread(PEAK))
            }),
            row("the same, through 10 Gbit/s", &|of| {
                seconds(of.reread(PEAK) * 8.0 / NETWORK)
            }),
            row("worst lag of one Redis, all nodes busy", &|of| {
                seconds(of.busy())
            }),
        ],
    )
}

fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    let mut line = |cells: &[String]| {
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    line(&head.iter().map(ToString::to_string).collect::<Vec<_>>());
    line(&vec!["---".to_owned(); head.len()]);
    for row in rows {
        line(row);
    }
    text
}

fn both(average: f64, peak: f64, show: impl Fn(f64) -> String) -> String {
    let (average, peak) = (show(average), show(peak));
    if average == peak {
        average
    } else {
        format!("{average}, {peak}")
    }
}

fn peak(average: f64, show: impl Fn(f64) -> String) -> String {
    both(average, average * PEAK, show)
}

/// Two digits, because the measurements have no more.
fn digits(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let unit = 10f64.powf(value.log10().floor() - 1.0);
    let rounded = (value / unit).round() * unit;
    if rounded < 10.0 {
        let text = format!("{rounded:.2}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    format!("{rounded:.0}")
}

fn count(value: f64) -> String {
    if value >= 1e6 {
        return format!("{} million", digits(value / 1e6));
    }
    let digits = digits(value);
    match digits.len().checked_sub(3) {
        Some(thousands @ 1..) if !digits.contains('.') => {
            format!("{},{}", &digits[..thousands], &digits[thousands..])
        }
        _ => digits,
    }
}

fn with_unit(value: f64, units: [(f64, &str); 4]) -> String {
    // What rounds up to the next unit is written in it.
    let fits = units.iter().find(|(unit, _)| value >= 0.995 * unit);
    let (unit, name) = fits.unwrap_or(&units[3]);
    format!("{} {name}", digits(value / unit))
}

fn bytes(value: f64) -> String {
    if value < 1e3 {
        return format!("{value:.0} B"); // measured, not computed
    }
    with_unit(value, [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")])
}

fn rate(value: f64) -> String {
    format!("{}/s", bytes(value))
}

fn seconds(value: f64) -> String {
    with_unit(
        value,
        [(60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")],
    )
}

fn percent(share: f64) -> String {
    format!("{} %", digits(share * 100.0))
}

fn cores(share: f64) -> String {
    if share > 1.0 {
        return format!("**{}**", digits(share));
    }
    digits(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_what_is_computed() {
        let page = include_str!("../../../docs/scale.md");
        for table in tables().split("\n\n") {
            assert!(page.contains(table.trim_end()), "not on the page:\n{table}");
        }
        let shown = page.lines().filter(|line| line.starts_with('|')).count();
        let computed = tables().lines().filter(|line| !line.is_empty()).count();
        assert_eq!(shown, computed, "the page has a table of its own");
    }
}
