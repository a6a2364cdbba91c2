//! The guide's recipes, and HTTP clients that others wrote, without a jar.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use support::Server;

/// The block of one language in the guide's page.
fn recipe(language: &str) -> String {
    let page = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/guide/native-clients.md"
    );
    let page = fs::read_to_string(page).unwrap();
    let (_, block) = page.split_once(&format!("```{language}\n")).unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// A folder of this test.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone())
        .unwrap()
        .trim()
        .to_owned()
}

/// In the place of the module of that name, so that the test needs no keystore.
const KEYRING: &str = "
kept = {}
def set_password(service, name, value): kept[service, name] = value
def get_password(service, name): return kept.get((service, name))
def delete_password(service, name): kept.pop((service, name), None)
";

const PYTHON: &str = r#"
def me(token):
    request = urllib.request.Request(API + "/me", headers={"Authorization": "Bearer " + token})
    return urllib.request.urlopen(request).read().decode()

assert me(login("ada", "wonderland")) == "ada"
first = keyring.get_password("example", API)
assert me(access_token()) == "ada" and me(access_token()) == "ada"
logout()
assert keyring.get_password("example", API) is None

login("ada", "wonderland")
everywhere = urllib.request.Request(API + "/logout-everywhere", b"", {"Authorization": "Bearer " + access_token()})
urllib.request.urlopen(everywhere)
try:
    access_token()
    raise SystemExit("still signed in")
except urllib.error.HTTPError as error:
    assert error.code == 400 and json.loads(error.read())["error"] == "invalid_grant"
assert keyring.get_password("example", API) is None
print("as written")
"#;

#[test]
fn the_guides_python_works_as_written() {
    let server = Server::start();
    let folder = folder("python");
    fs::write(folder.join("keyring.py"), KEYRING).unwrap();
    let program = folder.join("recipe.py");
    fs::write(&program, recipe("python") + PYTHON).unwrap();
    let python = Command::new("python3")
        .arg(program)
        .env("API", &server.address)
        .output();
    assert_eq!(succeeds(&python.unwrap()), "as written");
}

#[test]
fn curl_without_a_jar_logs_in_refreshes_and_logs_out() {
    let server = Server::start();
    let curl = |arguments: &[&str], path: &str| {
        let url = format!("{}{path}", server.address);
        let curl = Command::new("curl")
            .args(["-sS", "-i"])
            .args(arguments)
            .arg(url)
            .output();
        succeeds(&curl.unwrap())
    };
    let login = curl(
        &[
            "-H",
            "Session-Transport: body",
            "-d",
            "name=ada&password=wonderland",
        ],
        "/login",
    );
    assert!(
        !login.to_ascii_lowercase().contains("set-cookie"),
        "{login}"
    );
    let token = login
        .split(r#""refresh_token":""#)
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let form = [
        "--data-urlencode",
        &format!("refresh_token={token}"),
        "-d",
        "grant_type=refresh_token",
    ];
    assert!(curl(&form, "/auth/refresh").contains(r#""access_token":"#));
    assert!(curl(&["-d", &format!("token={token}")], "/auth/logout").starts_with("HTTP/1.1 200"));
    let multipart = curl(
        &[
            "-F",
            "grant_type=refresh_token",
            "-F",
            &format!("refresh_token={token}"),
        ],
        "/auth/refresh",
    );
    assert!(
        multipart.contains(r#""error":"invalid_request""#),
        "{multipart}"
    );
}

const JAVA: &str = r#"
import java.net.URI;
import java.net.http.*;

class Client {
    static final HttpClient HTTP = HttpClient.newHttpClient();
    static final String API = System.getenv("API");

    static HttpResponse<String> post(String path, String form, String... headers) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(API + path)).POST(HttpRequest.BodyPublishers.ofString(form))
            .header("Content-Type", "application/x-www-form-urlencoded");
        if (headers.length > 0) request.headers(headers);
        return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    public static void main(String[] arguments) throws Exception {
        var login = post("/login", "name=ada&password=wonderland", "Session-Transport", "body");
        if (login.headers().firstValue("set-cookie").isPresent()) throw new Exception("a cookie");
        var token = login.body().split("\"refresh_token\":\"")[1].split("\"")[0];
        var refreshed = post("/auth/refresh", "grant_type=refresh_token&refresh_token=" + token);
        if (refreshed.statusCode() != 200) throw new Exception(refreshed.body());
        if (post("/auth/logout", "token=" + token).statusCode() != 200) throw new Exception("logout");
        System.out.println("from Java");
    }
}
"#;

#[test]
fn javas_client_without_a_jar_logs_in_refreshes_and_logs_out() {
    let server = Server::start();
    let program = folder("java").join("Client.java");
    fs::write(&program, JAVA).unwrap();
    let java = Command::new("java")
        .arg(program)
        .env("API", &server.address)
        .output();
    assert_eq!(succeeds(&java.unwrap()), "from Java");
}
