//! Users who log in one after the other, and what a process takes meanwhile.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::chart::{self, Axis, Line, Panel};
use crate::{Server, grouped, print_head};

/// Of the process that keeps the sessions, or would.
pub fn picture(servers: [&Server; 3], users: usize) -> Result<String, Box<dyn Error>> {
    let lines = [
        ("ours", "stateless-session"),
        ("other", "tower-sessions in memory"),
        ("other-more", "Redis behind tower-sessions"),
    ];
    let lines = lines
        .into_iter()
        .zip(servers)
        .map(|((style, label), server)| {
            let points = log_in(server, users)?;
            Ok::<_, Box<dyn Error>>(Line::new(style, label.to_owned(), points))
        });
    let lines: Vec<Line> = lines.collect::<Result<_, _>>()?;
    let shown = [0, 1, 5, 10];
    let heads = shown.map(|tenths| grouped(lines[0].points[tenths].0));
    print_head(
        "memory of the process, MB, at so many users logged in",
        &heads,
    );
    for Line { label, points, .. } in &lines {
        let cells = shown.map(|tenths| format!("{:.1}", points[tenths].1));
        println!("| {label} | {} |", cells.join(" | "));
    }
    Ok(chart::svg(&[Panel {
        title: "Memory of the process that keeps the sessions, or has none to keep",
        x: Axis::even("users logged in", &lines, |(users, _)| users, ""),
        y: Axis::even("", &lines, |(_, memory)| memory, " MB"),
        lines,
    }]))
}

/// Users and megabytes, at every tenth of the users.
fn log_in(server: &Server, users: usize) -> Result<Vec<(f64, f64)>, Box<dyn Error>> {
    let mut browser = Browser(BufReader::new(TcpStream::connect(&server.address)?));
    let mut points = vec![(0.0, megabytes(&server.pid)?)];
    let mut headers = Vec::new();
    for tenth in 1..=10 {
        for user in (tenth - 1) * users / 10..tenth * users / 10 {
            let header = browser.log_in(user)?;
            if user == 0 || user + 1 == users {
                headers.push(header);
            }
        }
        points.push(((tenth * users / 10) as f64, megabytes(&server.pid)?));
    }
    // Nobody was dropped on the way.
    for header in headers {
        browser.exchange("GET /", &header, "")?;
    }
    Ok(points)
}

/// What the process has in memory, its resident set.
fn megabytes(pid: &str) -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kibibytes.ok_or("no VmRSS")?.parse::<f64>()? * 1024.0 / 1e6)
}

struct Browser(BufReader<TcpStream>);

impl Browser {
    /// The header that the user's requests carry from now on.
    fn log_in(&mut self, user: usize) -> Result<String, Box<dyn Error>> {
        let sub = 248_289_000_000 + user;
        let claims =
            format!(r#"{{"sub":"{sub}","name":"Jane Doe","role":"administrator of the shop"}}"#);
        let json = "Content-Type: application/json";
        let (head, body) = self.exchange("POST /login", json, &claims)?;
        let between = |text: &str, before: &str, after: char| {
            let (_, rest) = text.split_once(before)?;
            Some(rest.split_once(after)?.0.to_owned())
        };
        if let Some(token) = between(&body, r#""access_token":""#, '"') {
            return Ok(format!("Authorization: Bearer {token}"));
        }
        let cookie = between(&head, "set-cookie: ", ';').ok_or("a login without a session")?;
        Ok(format!("Cookie: {cookie}"))
    }

    /// The head of the answer, and its body.
    fn exchange(
        &mut self,
        what: &str,
        header: &str,
        body: &str,
    ) -> Result<(String, String), Box<dyn Error>> {
        let length = body.len();
        let request = format!(
            "{what} HTTP/1.1\r\nHost: localhost\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head)? == 0 {
                return Err("the connection ended".into());
            }
        }
        if !head.starts_with("HTTP/1.1 200 ") {
            return Err(format!("{what} is answered by {head}").into());
        }
        let (_, length) = head.split_once("content-length: ").ok_or("no length")?;
        let (length, _) = length.split_once('\r').ok_or("half a line")?;
        let mut body = vec![0; length.parse()?];
        self.0.read_exact(&mut body)?;
        Ok((head, String::from_utf8(body)?))
    }
}
