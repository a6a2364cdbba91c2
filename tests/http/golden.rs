//! Tokens and cookies of every release, as files of `tests/golden/`, which all later releases of wire format 1 accept.

use serde::{Deserialize, Serialize};

use crate::support::{Request, payload};
use crate::tokens::{logged_in, present};

#[derive(Debug, Serialize, Deserialize)]
struct Golden {
    marker: String,
    access_token: String,
    refresh_token: String,
    set_cookies: Vec<String>,
}

#[tokio::test]
async fn golden_tokens_of_every_release_count() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let current = folder.join(concat!(env!("CARGO_PKG_VERSION"), ".json"));
    let (server, browser) = logged_in().await;
    if !current.exists() && std::env::var_os("BLESS").is_some() {
        let golden = Golden {
            marker: browser.marker().value.clone(),
            access_token: browser.access_token.clone().unwrap(),
            refresh_token: browser.refresh_cookie().value.clone(),
            set_cookies: browser
                .cookies
                .iter()
                .map(|cookie| cookie.line.clone())
                .collect(),
        };
        std::fs::write(
            &current,
            serde_json::to_string_pretty(&golden).unwrap() + "\n",
        )
        .unwrap();
    }
    assert!(
        current.exists(),
        "`BLESS=1` makes the golden tokens of this release"
    );
    for file in std::fs::read_dir(folder).unwrap() {
        let golden: Golden =
            serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        let answer = present(&server, &golden.access_token).await;
        assert_eq!(
            answer.body,
            r#"{"sub":"ada","name":"Ada Lovelace","generation":3}"#
        );
        let cookies: Vec<&str> = golden
            .set_cookies
            .iter()
            .map(|line| line.split(';').next().unwrap())
            .collect();
        assert!(cookies[1].ends_with(&golden.marker));
        let answer = server
            .send(&Request::post("/auth/refresh").header("Cookie", cookies.join("; ")))
            .await;
        assert_eq!(answer.status, 200);
        // What is issued today differs in what is random and what is counted, and in nothing else.
        for (golden, today) in [
            (&golden.access_token, &browser.access_token.clone().unwrap()),
            (&golden.refresh_token, &browser.refresh_cookie().value),
        ] {
            assert_eq!(golden.split('.').next(), today.split('.').next());
            let (golden, today) = (payload(golden), payload(today));
            let without_sid = |mut claims: serde_json::Value| {
                claims["sid"] = "".into();
                claims.to_string()
            };
            assert_eq!(without_sid(golden), without_sid(today));
        }
        let today: Vec<String> = browser
            .cookies
            .iter()
            .map(|cookie| cookie.line.clone())
            .collect();
        let shape = |line: &str| {
            let (name, rest) = line.split_once('=').unwrap();
            let name = name.rsplit_once("-refresh-").map_or(name, |(base, _)| base);
            format!("{name} {}", rest.split_once("; ").unwrap().1)
        };
        let shapes = |lines: &[String]| lines.iter().map(|line| shape(line)).collect::<Vec<_>>();
        assert_eq!(shapes(&golden.set_cookies), shapes(&today));
    }
}
