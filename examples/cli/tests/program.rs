//! The program against its server, over a restart of the program, and from another machine.

mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs};

use support::Server;

/// A machine: a home of its own, or a keystore of its own.
struct Machine {
    api: String,
    state: PathBuf,
}

impl Machine {
    fn new(server: &Server, name: &str) -> Self {
        let api = server.address.clone();
        let port = api.rsplit(':').next().unwrap();
        let state = env::temp_dir().join(format!("stateless-session-cli-{port}-{name}"));
        Self { api, state }
    }

    /// Where there is no keystore, as on a server or in a container.
    fn cli(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cli"));
        command.env("XDG_STATE_HOME", &self.state);
        command.env_remove("DBUS_SESSION_BUS_ADDRESS");
        command.env_remove("XDG_RUNTIME_DIR");
        self.run(command, arguments)
    }

    fn cli_with_keystore(&self, arguments: &[&str]) -> Output {
        self.run(Command::new(env!("CARGO_BIN_EXE_cli")), arguments)
    }

    fn run(&self, mut command: Command, arguments: &[&str]) -> Output {
        let mut child = command
            .args(arguments)
            .env("API", &self.api)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(b"wonderland\n");
        child.wait_with_output().unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.state);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[track_caller]
fn assert_says(output: &Output, says: &str) {
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stdout).contains(says), "{output:?}");
}

#[track_caller]
fn assert_fails(output: &Output, says: &str) {
    assert!(!output.status.success(), "{output:?}");
    assert!(text(&output.stderr).contains(says), "{output:?}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("stateless-session-cli")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn it_stays_signed_in_over_a_restart_until_it_is_signed_out_elsewhere() {
    let server = Server::start();
    let (laptop, phone) = (
        Machine::new(&server, "laptop"),
        Machine::new(&server, "phone"),
    );
    assert_fails(&laptop.cli(&["me"]), "not logged in");
    assert_says(
        &laptop.cli(&["login", "ada"]),
        "because there is no keystore",
    );
    assert_says(&phone.cli(&["login", "ada"]), "logged in");
    for _ in 0..3 {
        assert_says(&laptop.cli(&["me"]), "ada"); // each a process of its own
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let [file] = &files(&laptop.state)[..] else {
            panic!("one file")
        };
        assert_eq!(
            fs::metadata(file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    assert!(phone.cli(&["logout-everywhere"]).status.success());
    assert_fails(&laptop.cli(&["me"]), "the session is over");
    assert_fails(&laptop.cli(&["me"]), "not logged in");
    assert!(files(&laptop.state).is_empty());
    assert_says(&laptop.cli(&["login", "ada"]), "logged in");
    assert!(laptop.cli(&["logout"]).status.success());
    assert_fails(&laptop.cli(&["me"]), "not logged in");
}

#[test]
fn a_wrong_name_is_refused_and_an_outage_ends_nothing() {
    let server = Server::start();
    let laptop = Machine::new(&server, "laptop");
    assert_fails(&laptop.cli(&["login", "eve"]), "401");
    assert_says(&laptop.cli(&["login", "ada"]), "logged in");
    drop(server);
    let output = laptop.cli(&["me"]);
    assert!(!output.status.success());
    assert_eq!(files(&laptop.state).len(), 1, "the token is still there");
}

/// With the keystore that the test was started in: `.ci/cli-tests` has one.
#[test]
fn the_keystore_of_the_system_keeps_it_where_there_is_one() {
    if env::var_os("SECRET_SERVICE").is_none() {
        return;
    }
    let server = Server::start();
    let laptop = Machine::new(&server, "laptop");
    let login = laptop.cli_with_keystore(&["login", "ada"]);
    assert_says(&login, "in the operating system's keystore");
    assert!(!laptop.state.exists());
    assert_says(&laptop.cli_with_keystore(&["me"]), "ada");
    assert_fails(&laptop.cli(&["me"]), "not logged in");
    assert!(laptop.cli_with_keystore(&["logout"]).status.success());
    assert_fails(&laptop.cli_with_keystore(&["me"]), "not logged in");
}
