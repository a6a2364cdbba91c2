//! What `benches/load` asks of the servers that it started: `load SERVERS USERS ROUNDS SECONDS PICTURES`. SERVERS is a
//! folder with a file for each of `ours`, `memory` and `redis`: its address, the header that a request needs, and the
//! process in which its users would be kept. Prints Markdown, and writes two pictures.

mod arrivals;
mod chart;
mod latency;
mod memory;
mod rounds;

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [servers, users, rounds, seconds, pictures] = &arguments[..] else {
        return Err("load SERVERS USERS ROUNDS SECONDS PICTURES".into());
    };
    let server = |name: &str| Server::read(&Path::new(servers).join(name));
    let (ours, memory, redis) = (server("ours")?, server("memory")?, server("redis")?);
    let (users, rounds, seconds) = (users.parse()?, rounds.parse()?, seconds.parse()?);
    let memory = memory::picture([&ours, &memory, &redis], users)?;
    let latency = latency::picture(&ours, &redis, rounds, seconds)?;
    std::fs::write(Path::new(pictures).join("memory.svg"), memory)?;
    std::fs::write(Path::new(pictures).join("latency.svg"), latency)?;
    Ok(())
}

struct Server {
    address: String,
    header: String,
    pid: String,
}

impl Server {
    fn read(file: &Path) -> Result<Self, Box<dyn Error>> {
        let lines = std::fs::read_to_string(file)?;
        let [address, header, pid] = lines.lines().collect::<Vec<_>>()[..] else {
            return Err(format!("{} has other lines", file.display()).into());
        };
        Ok(Self {
            address: address.to_owned(),
            header: header.to_owned(),
            pid: pid.to_owned(),
        })
    }
}

/// The first two lines of a table: what its rows are, and the figures' names.
fn print_head(rows: &str, figures: &[String]) {
    println!("\n| {rows} | {} |", figures.join(" | "));
    println!("|---{}|", "|--:".repeat(figures.len()));
}

/// With commas between the thousands.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
