//! Connections that are encrypted, which count where the operating system trusts the certificate and it names the host.

use std::env;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::engine::{Engine, Postgres, Redis, on_both};

on_both! { a_certificate_counts_where_it_is_trusted_and_names_the_host }

async fn a_certificate_counts_where_it_is_trusted_and_names_the_host<E: Engine>() {
    let folder = Folder::new(E::NAME);
    let certificates = &folder.0;
    certify(certificates).await;
    let engine = E::certified(certificates).await;
    let named = engine.encrypted_url("localhost");
    let trusted = certificates.join("authority.pem");
    assert_eq!(connect(&named, Some(&trusted)).await, "connected");
    let refused = connect(&named, None).await;
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    let refused = connect(&engine.encrypted_url("127.0.0.1"), Some(&trusted)).await;
    assert!(refused.contains("not valid for name"), "{refused}");
}

/// In a process of its own, because whom the operating system trusts stands in a variable.
async fn connect(url: &str, authority: Option<&Path>) -> String {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "tls::connects", "--ignored", "--nocapture"])
        .env("REGISTRY_URL", url)
        .envs(authority.map(|authority| ("SSL_CERT_FILE", authority)))
        .output()
        .await
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let said = printed.lines().find_map(|line| line.strip_prefix("said: "));
    said.unwrap_or(&printed).to_owned()
}

#[tokio::test]
#[ignore = "the program that the others start"]
async fn connects() {
    let url = env::var("REGISTRY_URL").unwrap();
    let connected = if url.starts_with("rediss") {
        Redis::try_connect(&url).await.map(drop)
    } else {
        Postgres::try_connect(&url).await.map(drop)
    };
    match connected {
        Ok(()) => println!("\nsaid: connected"),
        Err(error) => println!("\nsaid: {error:?}"),
    }
}

/// A certificate for `localhost` alone, and the authority that signed it.
async fn certify(folder: &Path) {
    let script = "
        key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'
        openssl req -x509 $key -subj /CN=authority -keyout authority.key -out authority.pem
        openssl req -x509 $key -subj /CN=localhost -keyout key.pem -out certificate.pem -CA authority.pem -CAkey authority.key \\
          -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE";
    let output = Command::new("sh")
        .args(["-ec", script])
        .current_dir(folder)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("registry-tls-{name}-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
