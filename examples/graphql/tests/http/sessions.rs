//! Login, refresh and their ends, through GraphQL.

use serde_json::{Value, json};
use todos::database::PrivatePostgres;
use todos::session::Role;

use crate::support::{CREATE, LOGIN, PASSWORD, REGISTER, Server, WHO, credentials, name, postgres};

const LOGOUT: &str = "mutation { logout }";
const LOG_OUT_EVERYWHERE: &str = "mutation { logOutEverywhere }";
const SET_DISABLED: &str = "mutation ($input: SetDisabledInput!) { setDisabled(input: $input) }";
const CHANGE_PASSWORD: &str = "mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken expiresIn } }";

#[tokio::test]
async fn the_access_token_comes_in_band_and_the_refresh_token_never_does() {
    let server = Server::start().await;
    let name = name();
    let mut browser = server.browser();
    let answer = browser.send(REGISTER, credentials(&name, PASSWORD)).await;
    browser.adopt(&answer.json()["data"]["register"]);
    let refresh_tokens: Vec<_> = browser
        .cookies
        .iter()
        .filter(|(name, _)| name.contains("refresh"))
        .collect();
    let [(_, refresh_token)] = refresh_tokens[..] else {
        panic!("{:?}", browser.cookies);
    };
    assert!(!answer.body.contains(refresh_token.as_str()));
    assert_eq!(
        browser.graphql(WHO, Value::Null).await["currentPerson"]["name"],
        json!(name)
    );

    // A reload: the page has lost its token, and the cookies have not.
    browser.token = None;
    assert_eq!(
        browser.graphql(WHO, Value::Null).await["currentPerson"],
        Value::Null
    );
    let refreshed = browser.refresh().await;
    assert_eq!(refreshed.status, 200);
    browser.token = Some(
        refreshed.json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned(),
    );
    assert_eq!(
        browser.graphql(WHO, Value::Null).await["currentPerson"]["name"],
        json!(name)
    );
}

#[tokio::test]
async fn todos_are_created_completed_and_deleted() {
    let server = Server::start().await;
    let mut browser = server.visitor(Role::AppUser).await;
    let id = browser.graphql(CREATE, json!({ "title": "write" })).await["createTodo"]["todo"]["id"]
        .clone();
    let complete = "mutation ($id: Int!) { updateTodoById(input: { id: $id, todoPatch: { done: true } }) { todo { title done } } }";
    let completed = browser.graphql(complete, json!({ "id": id })).await;
    assert_eq!(
        completed["updateTodoById"]["todo"],
        json!({ "title": "write", "done": true })
    );
    let mine = "{ myTodos { nodes { id done } } }";
    let expected = json!([{ "id": id, "done": true }]);
    assert_eq!(
        browser.graphql(mine, Value::Null).await["myTodos"]["nodes"],
        expected
    );
    let delete = "mutation ($id: Int!) { deleteTodoById(input: { id: $id }) { todo { id } } }";
    browser.graphql(delete, json!({ "id": id })).await;
    assert_eq!(
        browser.graphql(mine, Value::Null).await["myTodos"]["nodes"],
        json!([])
    );
    assert_eq!(
        browser.refused(delete, json!({ "id": id })).await,
        "not_found"
    );
    assert_eq!(
        browser.refused(CREATE, json!({ "title": "" })).await,
        "invalid_input"
    );
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let server = Server::start().await;
    let known = name();
    server
        .browser()
        .graphql(REGISTER, credentials(&known, PASSWORD))
        .await;
    let mut browser = server.browser();
    let wrong = browser
        .send(LOGIN, credentials(&known, "correct house"))
        .await;
    let unknown = browser.send(LOGIN, credentials(&name(), PASSWORD)).await;
    assert_eq!(
        wrong.json()["errors"][0]["extensions"]["code"],
        "wrong_credentials"
    );
    assert_eq!(wrong.body, unknown.body);
    assert!(browser.cookies.is_empty());
}

#[tokio::test]
async fn a_name_is_registered_once_and_a_password_is_no_word() {
    let server = Server::start().await;
    let name = name();
    let mut browser = server.browser();
    assert_eq!(
        browser
            .refused(REGISTER, credentials(&name, "seven77"))
            .await,
        "invalid_input"
    );
    browser
        .graphql(REGISTER, credentials(&name, PASSWORD))
        .await;
    assert_eq!(
        browser
            .refused(REGISTER, credentials(&name, PASSWORD))
            .await,
        "name_taken"
    );
}

#[tokio::test]
async fn the_last_login_or_logout_of_a_document_counts() {
    let server = Server::start().await;
    let (first, last) = (name(), name());
    for name in [&first, &last] {
        server
            .browser()
            .graphql(REGISTER, credentials(name, PASSWORD))
            .await;
    }
    let login = |alias, name| {
        format!(
            r#"{alias}: login(input: {{ name: "{name}", password: "{PASSWORD}" }}) {{ accessToken expiresIn }}"#
        )
    };
    let mut browser = server.browser();
    let both = format!(
        "mutation {{ {} {} }}",
        login("first", &first),
        login("last", &last)
    );
    let answer = browser.send(&both, Value::Null).await;
    assert_eq!(answer.set_cookies.len(), 2, "one session: {answer:?}");
    let refreshed = browser.refresh().await;
    browser.token = Some(
        refreshed.json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned(),
    );
    assert_eq!(
        browser.graphql(WHO, Value::Null).await["currentPerson"]["name"],
        json!(last)
    );

    let mut browser = server.browser();
    let then_out = format!("mutation {{ {} logout }}", login("first", &first));
    browser.graphql(&then_out, Value::Null).await;
    assert_eq!(
        browser.refresh().await.refusal(),
        (401, "session_unknown".into())
    );
}

#[tokio::test]
async fn a_document_holds_a_few_logins_and_not_a_thousand() {
    let server = Server::start().await;
    let login = r#"login(input: { name: "nobody", password: "nothing" }) { expiresIn }"#;
    let many = [1, 2, 3].map(|n| format!("login{n}: {login}")).join(" ");
    let answer = server
        .browser()
        .send(&format!("mutation {{ {many} }}"), Value::Null)
        .await;
    assert_eq!(
        answer.json()["errors"][0]["extensions"]["code"],
        "too_complex"
    );
}

#[tokio::test]
async fn nobody_logs_in_by_get() {
    let server = Server::start().await;
    let name = name();
    server
        .browser()
        .graphql(REGISTER, credentials(&name, PASSWORD))
        .await;
    let mutation = format!(
        r#"mutation {{ login(input: {{ name: "{name}", password: "{PASSWORD}" }}) {{ accessToken }} }}"#
    );
    let encoded = mutation
        .replace(' ', "%20")
        .replace('"', "%22")
        .replace('{', "%7B")
        .replace('}', "%7D");
    for method in ["GET", "HEAD"] {
        let mut browser = server.browser();
        let answer = browser
            .request(method, &format!("/graphql?query={encoded}"), &[], "")
            .await;
        assert_eq!((answer.status, browser.cookies.len()), (405, 0), "{method}");
    }
}

#[tokio::test]
async fn a_foreign_page_neither_logs_in_nor_out() {
    let server = Server::start().await;
    let name = name();
    server
        .browser()
        .graphql(REGISTER, credentials(&name, PASSWORD))
        .await;
    let login = json!({ "query": LOGIN, "variables": credentials(&name, PASSWORD) }).to_string();
    let logout = json!({ "query": LOGOUT }).to_string();
    let json_type = ("Content-Type", "application/json");
    for body in [login.as_str(), &logout] {
        for foreign in [
            ("Origin", "https://evil.example"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
        ] {
            let mut browser = server.visitor(Role::AppUser).await;
            let answer = browser
                .request("POST", "/graphql", &[json_type, foreign], body)
                .await;
            assert_eq!(
                answer.refusal(),
                (403, "cross_origin".into()),
                "{foreign:?}"
            );
        }
        // What a form can send is no JSON.
        let mut browser = server.visitor(Role::AppUser).await;
        let answer = browser
            .request("POST", "/graphql", &[("Content-Type", "text/plain")], body)
            .await;
        assert_eq!((answer.status, answer.set_cookies.len()), (415, 0));
    }
}

#[tokio::test]
async fn only_access_tokens_that_count_are_taken() {
    let server = Server::start().await;
    let mut browser = server.visitor(Role::AppUser).await;
    let access = browser.token.clone().unwrap();
    let (_, refresh) = browser
        .cookies
        .iter()
        .find(|(name, _)| name.contains("refresh"))
        .unwrap();
    let at = access.len() - 20;
    let other = if access.as_bytes()[at] == b'A' {
        'B'
    } else {
        'A'
    };
    let tampered = format!("{}{other}{}", &access[..at], &access[at + 1..]);
    for token in [refresh.clone(), tampered, "x".into()] {
        browser.token = Some(token);
        assert_eq!(
            browser.send(WHO, Value::Null).await.refusal(),
            (401, "invalid_token".into())
        );
    }
    browser.token = Some(access);
    assert_eq!(browser.send(WHO, Value::Null).await.status, 200);
    server.advance(60 + 5 + 1); // the access lifetime, the leeway, and a second
    assert_eq!(
        browser.send(WHO, Value::Null).await.refusal(),
        (401, "invalid_token".into())
    );
}

#[tokio::test]
async fn anonymous_requests_see_nothing_and_are_told_why() {
    let server = Server::start().await;
    let mut browser = server.browser();
    let open = "{ allTodos { nodes { id } } currentPerson { name } }";
    assert_eq!(
        browser.graphql(open, Value::Null).await,
        json!({ "allTodos": { "nodes": [] }, "currentPerson": null })
    );
    for closed in [
        "{ myTodos { nodes { id } } }",
        "{ allPeople { nodes { id } } }",
        LOG_OUT_EVERYWHERE,
    ] {
        assert_eq!(
            browser.refused(closed, Value::Null).await,
            "missing_token",
            "{closed}"
        );
    }
    assert_eq!(
        browser.refused(CREATE, json!({ "title": "x" })).await,
        "missing_token"
    );
}

#[tokio::test]
async fn logout_ends_the_session_of_this_browser() {
    let server = Server::start().await;
    let mut browser = server.visitor(Role::AppUser).await;
    browser.graphql(LOGOUT, Value::Null).await;
    assert_eq!(
        browser.refresh().await.refusal(),
        (401, "session_unknown".into())
    );
}

#[tokio::test]
async fn logout_everywhere_ends_all_sessions_of_the_user() {
    let server = Server::start().await;
    let mut here = server.visitor(Role::AppUser).await;
    let mut bystander = server.visitor(Role::AppUser).await;
    let me = here.graphql(WHO, Value::Null).await["currentPerson"]["name"].clone();
    let mut there = server.browser();
    there.login(me.as_str().unwrap(), PASSWORD).await;
    here.graphql(LOG_OUT_EVERYWHERE, Value::Null).await;
    // The marker went with the answer here, and is still there elsewhere.
    for (browser, code) in [
        (&mut here, "session_unknown"),
        (&mut there, "session_ended"),
    ] {
        assert_eq!(browser.refresh().await.refusal(), (401, code.into()));
    }
    assert_eq!(bystander.refresh().await.status, 200);
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_but_the_one_that_it_starts() {
    let server = Server::start().await;
    let mut here = server.visitor(Role::AppUser).await;
    let mut there = here.clone();
    let me = here.graphql(WHO, Value::Null).await["currentPerson"]["name"].clone();
    let change = |old, new| json!({ "input": { "oldPassword": old, "newPassword": new } });
    assert_eq!(
        here.refused(CHANGE_PASSWORD, change("not the one", "battery staple"))
            .await,
        "wrong_credentials"
    );
    let changed = here
        .graphql(CHANGE_PASSWORD, change(PASSWORD, "battery staple"))
        .await;
    here.adopt(&changed["changePassword"]);
    assert_eq!(
        here.graphql(WHO, Value::Null).await["currentPerson"]["name"],
        me
    );
    assert_eq!(here.refresh().await.status, 200);
    assert_eq!(
        there.refresh().await.refusal(),
        (401, "session_ended".into())
    );
    let mut browser = server.browser();
    let me = me.as_str().unwrap();
    assert_eq!(
        browser.refused(LOGIN, credentials(me, PASSWORD)).await,
        "wrong_credentials"
    );
    browser.login(me, "battery staple").await;
}

#[tokio::test]
async fn an_administrator_disables_an_account_soon_after_login_only() {
    let server = Server::start().await;
    let mut user = server.visitor(Role::AppUser).await;
    let mut admin = server.visitor(Role::AppAdmin).await;
    let who = user
        .graphql("{ currentPerson { id name } }", Value::Null)
        .await["currentPerson"]
        .clone();
    let disable =
        |disabled: bool| json!({ "input": { "personId": who["id"], "disabled": disabled } });
    assert_eq!(user.refused(SET_DISABLED, disable(true)).await, "forbidden");
    assert_eq!(
        server.browser().refused(SET_DISABLED, disable(true)).await,
        "missing_token"
    );

    // A refresh makes claims new, and no login.
    server.advance(6 * 60);
    let refreshed = admin.refresh().await.json();
    admin.token = Some(refreshed["access_token"].as_str().unwrap().to_owned());
    let answer = admin.send(SET_DISABLED, disable(true)).await;
    assert_eq!(answer.status, 401);
    let challenge = answer.challenge.as_deref().unwrap();
    assert!(
        challenge.contains("insufficient_user_authentication")
            && challenge.contains(r#"max_age="300""#),
        "{challenge}"
    );
    let code = answer.json()["errors"][0]["extensions"]["code"].clone();
    assert_eq!(code, "login_required");
    admin
        .graphql("{ allPeople { nodes { id } } }", Value::Null)
        .await;
    let mut user_again = user.clone();
    assert_eq!(user_again.refresh().await.status, 200);

    let admin_name = admin.graphql(WHO, Value::Null).await["currentPerson"]["name"].clone();
    admin.login(admin_name.as_str().unwrap(), PASSWORD).await;
    admin.graphql(SET_DISABLED, disable(true)).await;
    assert_eq!(
        user.refresh().await.refusal(),
        (401, "session_ended".into())
    );
    let name = who["name"].as_str().unwrap();
    assert_eq!(
        server
            .browser()
            .refused(LOGIN, credentials(name, PASSWORD))
            .await,
        "wrong_credentials"
    );

    // Enabled again, the user logs in, and old sessions stay ended.
    admin.graphql(SET_DISABLED, disable(false)).await;
    assert_eq!(
        user.refresh().await.refusal(),
        (401, "session_ended".into())
    );
    server.browser().login(name, PASSWORD).await;
}

#[tokio::test]
async fn an_outage_of_the_database_ends_no_session() {
    postgres().await; // not two at once on a small machine
    let mut postgres = PrivatePostgres::start().await.unwrap();
    let server = Server::on(postgres.url()).await;
    let mut browser = server.visitor(Role::AppUser).await;
    postgres.order("stop").await.unwrap();
    assert_eq!(
        browser.refresh().await.refusal(),
        (503, "temporarily_unavailable".into())
    );
    assert_eq!(
        browser
            .refused(LOGIN, credentials("anybody", PASSWORD))
            .await,
        "temporarily_unavailable"
    );
    assert_eq!(
        browser.refused(WHO, Value::Null).await,
        "temporarily_unavailable"
    );
    postgres.order("start").await.unwrap();
    assert_eq!(browser.refresh().await.status, 200);
    browser
        .graphql(CREATE, json!({ "title": "still here" }))
        .await;
    postgres.end().await.unwrap();
}

#[tokio::test]
async fn what_wants_newer_claims_is_a_401_and_none_of_it_was_done() {
    let server = Server::start().await;
    let mut admin = server.visitor(Role::AppAdmin).await;
    server.advance(40); // the claims are older than 30 seconds, and still count
    let document = "mutation { createTodo(input: { todo: { title: \"twice?\" } }) { todo { id } } \
                    setDisabled(input: { personId: 0, disabled: true }) }";
    let answer = admin.send(document, Value::Null).await;
    assert_eq!(answer.status, 401);
    let challenge = answer.challenge.as_deref().unwrap();
    assert!(
        challenge.contains(r#"error="invalid_token""#),
        "{challenge}"
    );
    let json = answer.json();
    assert_eq!(json["errors"][0]["extensions"]["code"], "stale_token");
    assert!(json["data"].is_null(), "{json}");
    let mine = "{ myTodos { nodes { id } } }";
    let todos = admin.graphql(mine, Value::Null).await;
    assert_eq!(todos["myTodos"]["nodes"], json!([]));

    // Refreshed and repeated, as the browser module does.
    let refreshed = admin.refresh().await.json();
    admin.token = Some(refreshed["access_token"].as_str().unwrap().to_owned());
    assert_eq!(admin.refused(document, Value::Null).await, "not_found");
    let todos = admin.graphql(mine, Value::Null).await;
    assert_eq!(todos["myTodos"]["nodes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_document_that_logs_in_is_never_asked_for_twice() {
    let server = Server::start().await;
    let mut admin = server.visitor(Role::AppAdmin).await;
    let me = admin.graphql(WHO, Value::Null).await["currentPerson"]["name"].clone();
    server.advance(40);
    let document = format!(
        r#"mutation {{ login(input: {{ name: {me}, password: "{PASSWORD}" }}) {{ expiresIn }}
           setDisabled(input: {{ personId: 0, disabled: true }}) }}"#
    );
    let answer = admin.send(&document, Value::Null).await;
    assert_eq!((answer.status, answer.challenge), (200, None));
}

#[tokio::test]
async fn a_login_says_who_it_is_for() {
    let server = Server::start().await;
    let name = name();
    let registered = server
        .browser()
        .graphql(
            "mutation ($input: CredentialsInput!) { register(input: $input) { person { id name } } }",
            credentials(&name, PASSWORD),
        )
        .await;
    let person = &registered["register"]["person"];
    assert_eq!(person["name"], json!(name));
    let mut browser = server.browser();
    let login = browser.graphql(LOGIN, credentials(&name, PASSWORD)).await;
    assert_eq!(&login["login"]["person"], person);
    browser.adopt(&login["login"]);
    let current = browser.graphql("{ currentPerson { id name } }", Value::Null);
    assert_eq!(&current.await["currentPerson"], person);
}

#[tokio::test]
async fn a_name_is_one_account_however_it_is_written() {
    let server = Server::start().await;
    let name = name();
    server
        .browser()
        .graphql(REGISTER, credentials(&name, PASSWORD))
        .await;
    let written = [
        format!(" {name} "),
        name.to_uppercase(),
        name.replace(' ', "\u{a0}  "),
    ];
    for written in written {
        let mut browser = server.browser();
        let taken = browser.refused(REGISTER, credentials(&written, PASSWORD));
        assert_eq!(taken.await, "name_taken", "{written:?}");
        let login = browser.graphql(LOGIN, credentials(&written, PASSWORD));
        assert_eq!(login.await["login"]["person"]["name"], json!(name));
    }
    let blank = ["", "   ", "a\0b", "a\u{200b}b", "a\u{202e}b"];
    let long = "x".repeat(51);
    for written in blank.into_iter().chain([long.as_str()]) {
        for mutation in [REGISTER, LOGIN] {
            let mut browser = server.browser();
            let refused = browser.refused(mutation, credentials(written, PASSWORD));
            assert_eq!(refused.await, "invalid_input", "{written:?}");
        }
    }
    let mut visitor = server.visitor(Role::AppUser).await;
    let title = visitor.refused(CREATE, json!({ "title": "a\0b" }));
    assert_eq!(title.await, "invalid_input");
}
