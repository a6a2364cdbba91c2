//! An audit log: who logged in, refreshed and logged out, and what was refused, as lines of JSON in a file.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use claims::Claims;
use serde_json::{Value, json};
use stateless_session::{EventKind, SessionEvent};

/// What `Sessions::on_event` takes: it hands lines on, and a thread writes them, so that no request waits for a disk.
pub fn audit(path: &Path) -> io::Result<impl Fn(&SessionEvent<'_, Claims>) + use<>> {
    let mut file = File::options().create(true).append(true).open(path)?;
    let (lines, written) = sync_channel::<Value>(1024);
    thread::spawn(move || {
        for line in written {
            if let Err(error) = writeln!(file, "{line}") {
                eprintln!("the audit log lost a line: {error}");
            }
        }
    });
    Ok(move |event: &SessionEvent<'_, Claims>| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let (what, detail) = match event.kind {
            EventKind::Login => ("login", None),
            EventKind::LoggedOut => ("logout", None),
            EventKind::Ended { why } => ("ended", Some(why.to_string())),
            EventKind::Refused { code, cause } => ("refused", Some(format!("{code}: {cause}"))),
            EventKind::Unavailable { cause } => ("unavailable", Some(cause.to_string())),
            _ => return, // a refresh every few minutes is no news
        };
        let line = json!({
            "at": now.unwrap_or_default().as_secs(),
            "what": what,
            "detail": detail,
            "user": event.subject().map(|id| id.0),
            "session": event.sid(),
        });
        if lines.try_send(line).is_err() {
            eprintln!("the audit log is behind, and lost a line");
        }
    })
}
