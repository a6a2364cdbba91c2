//! A program that stays logged in: one string in the operating system's keystore, and RFC 6749, section 6.
//!
//! `cli login NAME`, `cli me`, `cli logout`, `cli logout-everywhere`; `API` is the server's address.

mod keystore;

use std::error::Error;
use std::io::{self, BufRead as _, Write as _};
use std::{env, process::ExitCode};

use serde::Deserialize;
use ureq::Agent;
use ureq::http::StatusCode;

use keystore::Keystore;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// What a login and a refresh answer.
#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    /// At a refresh only where a new one is due.
    refresh_token: Option<String>,
}

struct Client {
    api: String,
    agent: Agent,
    keystore: Keystore,
}

impl Client {
    fn new() -> Self {
        let api = env::var("API").unwrap_or("http://127.0.0.1:3000".to_owned());
        let agent = Agent::config_builder().http_status_as_error(false).build();
        Self {
            keystore: Keystore::of(&api),
            agent: agent.into(),
            api,
        }
    }

    fn login(&self, name: &str, password: &str) -> Result<()> {
        let login = self.agent.post(format!("{}/login", self.api));
        let login = login.header("Session-Transport", "body");
        let mut answer = login.send_form([("name", name), ("password", password)])?;
        if answer.status() != StatusCode::OK {
            return Err(format!("the server said {}", answer.status()).into());
        }
        let tokens: Tokens = answer.body_mut().read_json()?;
        let token = tokens.refresh_token.ok_or("the server has no `native`")?;
        self.keystore.store(&token)
    }

    /// A new access token, for this run of the program. A refresh may be repeated, so a lost answer costs nothing.
    fn access_token(&self) -> Result<String> {
        let token = self.keystore.load()?.ok_or("not logged in")?;
        let refresh = self.agent.post(format!("{}/auth/refresh", self.api));
        let form = [("grant_type", "refresh_token"), ("refresh_token", &*token)];
        let mut answer = refresh.send_form(form)?;
        match answer.status() {
            StatusCode::OK => {}
            // `invalid_grant`: over, or unknown there. Everything else, such as 503, is an outage and ends nothing.
            StatusCode::BAD_REQUEST => {
                self.keystore.delete()?;
                return Err("the session is over; log in".into());
            }
            status => return Err(format!("the server said {status}; try again later").into()),
        }
        let tokens: Tokens = answer.body_mut().read_json()?;
        if let Some(successor) = tokens.refresh_token {
            self.keystore.store(&successor)?;
        }
        Ok(tokens.access_token)
    }

    fn me(&self) -> Result<String> {
        let bearer = format!("Bearer {}", self.access_token()?);
        let me = self.agent.get(format!("{}/me", self.api));
        Ok(me
            .header("Authorization", bearer)
            .call()?
            .body_mut()
            .read_to_string()?)
    }

    fn logout(&self) -> Result<()> {
        if let Some(token) = self.keystore.load()? {
            // Here first: the session ends on this machine whatever the network does.
            self.keystore.delete()?;
            let logout = self.agent.post(format!("{}/auth/logout", self.api));
            logout.send_form([("token", &*token)])?;
        }
        Ok(())
    }

    fn logout_everywhere(&self) -> Result<()> {
        let bearer = format!("Bearer {}", self.access_token()?);
        let end = self.agent.post(format!("{}/logout-everywhere", self.api));
        end.header("Authorization", bearer).send_empty()?;
        Ok(())
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    let client = Client::new();
    match arguments {
        ["login", name] => {
            eprint!("password: ");
            io::stderr().flush()?;
            let mut password = String::new();
            io::stdin().lock().read_line(&mut password)?;
            client.login(name, password.trim_end())?;
            println!("logged in; the refresh token is kept {}", client.keystore);
        }
        ["me"] => println!("{}", client.me()?),
        ["logout"] => client.logout()?,
        ["logout-everywhere"] => client.logout_everywhere()?,
        _ => return Err("cli login NAME | me | logout | logout-everywhere".into()),
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
