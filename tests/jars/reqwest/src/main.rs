//! reqwest and its cookie store. As every client here it takes its steps as arguments, as in `POST /login ada` or `GET /me`, and
//! prints what came of them as one line of JSON.

use std::env;
use std::error::Error;
use std::fs;
use std::sync::Arc;

use reqwest::cookie::{CookieStore, Jar};
use reqwest::{Certificate, Client, Url};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let origin: Url = env::var("ORIGIN")?.parse()?;
    let authority = Certificate::from_pem(&fs::read(env::var("CA")?)?)?;
    let jar = Arc::new(Jar::default());
    let client = Client::builder()
        .tls_certs_only([authority])
        .cookie_provider(Arc::clone(&jar))
        .build()?;

    let (mut token, mut seen) = (String::new(), Vec::new());
    for step in env::args().skip(1) {
        let mut words = step.split(' ');
        let mut word = || words.next().unwrap_or_default();
        let (method, path, sub) = (word(), word(), word());
        let url = origin.join(path)?;
        let mut request = client.request(method.parse()?, url);
        if method == "GET" {
            request = request.bearer_auth(&token);
        }
        if !sub.is_empty() {
            request = request.json(&json!({ "sub": sub }));
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let body: Value = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        if let Some(issued) = body["access_token"].as_str() {
            issued.clone_into(&mut token);
        }
        let names = names(&jar, &origin.join("/auth/refresh")?)?;
        seen.push(json!({ "status": status, "body": body, "jar": names }));
    }
    println!("{}", json!({ "version": version(), "steps": seen }));
    Ok(())
}

/// The jar tells only what it would send.
fn names(jar: &Jar, url: &Url) -> Result<Vec<String>, Box<dyn Error>> {
    let Some(cookies) = jar.cookies(url) else {
        return Ok(Vec::new());
    };
    let pairs = cookies.to_str()?.split("; ");
    let names = pairs.map(|pair| pair.split('=').next().unwrap_or_default());
    Ok(names.map(str::to_owned).collect())
}

fn version() -> Option<&'static str> {
    let (_, locked) = include_str!("../../Cargo.lock").split_once("name = \"reqwest\"\n")?;
    locked.split('"').nth(1)
}
