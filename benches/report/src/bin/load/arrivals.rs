//! Requests that come when they come, as from users who do not know of one another, and not when the server is ready for
//! them. Each is timed from when it was due, so that one behind a slow answer shows its waiting, too.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A server's GET `/`, behind so many open connections.
pub struct Guarded {
    request: String,
    connections: Vec<TcpStream>,
    random: u64,
}

/// What became of the requests of some seconds.
pub struct Outcome {
    due: usize,
    unanswered_at_end: usize,
    times: Vec<Duration>,
}

impl Guarded {
    pub fn connect(address: &str, header: &str, connections: usize) -> io::Result<Self> {
        let connect = |_| {
            let connection = TcpStream::connect(address)?;
            connection.set_nodelay(true)?;
            connection.set_nonblocking(true)?;
            Ok(connection)
        };
        Ok(Self {
            request: format!("GET / HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n"),
            connections: (0..connections).map(connect).collect::<io::Result<_>>()?,
            random: 0x9e37_79b9_7f4a_7c15,
        })
    }

    /// Sends requests at `rate` a second on average, and looks for answers without sleeping, since a sleep would be part
    /// of what is measured. A connection carries one request at a time; what finds none free waits.
    pub fn ask(&mut self, rate: f64, seconds: f64) -> io::Result<Outcome> {
        let mut free: VecDeque<usize> = (0..self.connections.len()).collect();
        let mut waiting: VecDeque<Instant> = VecDeque::new();
        let mut sent: Vec<(usize, Instant)> = Vec::new();
        let mut outcome = Outcome {
            due: 0,
            unanswered_at_end: 0,
            times: Vec::new(),
        };
        let mut now = Instant::now();
        let end = now + Duration::from_secs_f64(seconds);
        let mut next = now + self.gap(rate);
        let mut ended = false;
        while !ended || !sent.is_empty() {
            while next <= now.min(end) {
                waiting.push_back(next);
                outcome.due += 1;
                next += self.gap(rate);
            }
            while !free.is_empty() && !waiting.is_empty() {
                let both = free.pop_front().zip(waiting.pop_front());
                let (connection, due) = both.expect("neither is empty");
                self.connections[connection].write_all(self.request.as_bytes())?;
                sent.push((connection, due));
            }
            let mut index = 0;
            while let Some(&(connection, due)) = sent.get(index) {
                if answered(&mut self.connections[connection])? {
                    outcome.times.push(due.elapsed());
                    free.push_back(connection);
                    sent.swap_remove(index);
                } else {
                    index += 1;
                }
            }
            now = Instant::now();
            if now >= end && !ended {
                ended = true;
                outcome.unanswered_at_end = waiting.len() + sent.len();
                // What has no answer yet counts as well, unless there is no end of it.
                if !outcome.kept_up() {
                    waiting.clear();
                }
            } else if now >= end + Duration::from_secs(5) {
                return Err(io::Error::other("an answer took five seconds"));
            }
        }
        Ok(outcome)
    }

    /// Until the next request: exponential, by a xorshift generator with a fixed seed.
    fn gap(&mut self, rate: f64) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let uniform = (self.random >> 11) as f64 / (1_u64 << 53) as f64;
        Duration::from_secs_f64(-(1.0 - uniform).ln() / rate)
    }
}

/// Whether the answer is there. It has no body, and fits into one segment.
fn answered(connection: &mut TcpStream) -> io::Result<bool> {
    let mut answer = [0; 1024];
    match connection.read(&mut answer) {
        Ok(length) => {
            let answer = &answer[..length];
            if answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(b"\r\n\r\n") {
                return Ok(true);
            }
            let answer = String::from_utf8_lossy(answer);
            Err(io::Error::other(format!("answers {answer:?}")))
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

impl Outcome {
    /// Whether at the end less than a hundredth of what was due had no answer.
    pub fn kept_up(&self) -> bool {
        self.unanswered_at_end * 100 < self.due
    }

    /// The time within which this part of the requests was answered, in microseconds.
    pub fn percentile(&mut self, part: f64) -> f64 {
        self.times.sort_unstable();
        let rank = (self.times.len() as f64 * part).ceil() as usize;
        self.times[rank.saturating_sub(1)].as_secs_f64() * 1e6
    }
}
