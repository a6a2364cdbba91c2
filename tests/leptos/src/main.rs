//! Pages of Leptos behind a session, and a server function, as docs/guide/pages.md has it.

use axum::extract::FromRef;
use axum::middleware::from_extractor_with_state;
use axum::{Router, routing::get};
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes, extract_with_state, generate_route_list};
use leptos_router::components::{Route, Router as Pages, Routes};
use leptos_router::path;
use serde::{Deserialize, Serialize};
use stateless_session::{
    IssueError, Keys, Login, Renew, Renewal, SessionRoutes, Sessions, TokenResponse,
    stateless_session,
};

#[stateless_session(access = "15m", refresh = "7d", pages = "/login")]
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: String,
}

#[derive(Clone)]
struct App {
    sessions: Sessions<Claims>,
    options: LeptosOptions,
}

impl FromRef<App> for Sessions<Claims> {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

impl FromRef<App> for LeptosOptions {
    fn from_ref(app: &App) -> Self {
        app.options.clone()
    }
}

impl Renew<Claims> for App {
    type Error = std::convert::Infallible;

    async fn renew(&self, session: &Renewal<Claims>) -> Result<Option<Claims>, Self::Error> {
        let sub = session.subject().clone();
        Ok(Some(Claims { sub }))
    }
}

#[server(endpoint = "who")]
async fn who() -> Result<String, ServerFnError> {
    let app = expect_context::<App>();
    let claims: Claims = extract_with_state(&app).await?;
    Ok(claims.sub)
}

fn router(app: App) -> Router {
    let context = {
        let app = app.clone();
        move || provide_context(app.clone())
    };
    let guarded = Router::new()
        .leptos_routes_with_context(&app, generate_route_list(Site), context, Site) // and server functions
        .route_layer(from_extractor_with_state::<Claims, _>(app.clone()));
    let router = guarded.route("/login", get("the login page").post(login));
    Claims::pages(router).with_state(app)
}

#[component]
fn Notes() -> impl IntoView {
    let who = OnceResource::new_blocking(who());
    view! {
        <Suspense>
            <h1>{move || Suspend::new(async move { who.await.unwrap_or_default() })}</h1>
        </Suspense>
    }
}

#[component]
fn Site() -> impl IntoView {
    view! {
        <Pages>
            <Routes fallback=|| "There is nothing here.">
                <Route path=path!("/notes") view=Notes/>
            </Routes>
        </Pages>
    }
}

async fn login(login: Login<Claims>) -> Result<TokenResponse, IssueError> {
    let sub = "ada".to_owned();
    login.start(Claims { sub })
}

fn app(sessions: Sessions<Claims>) -> App {
    let options = LeptosOptions::builder().output_name("notes").build();
    App { sessions, options }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    let sessions = Sessions::new(Keys::generate()?);
    Ok(axum::serve(listener, router(app(sessions))).await?)
}

#[cfg(test)]
mod tests {
    use axum::http::header::{ACCEPT, LOCATION};
    use stateless_session::testing::{Browser, HeldClock, Request, get, post};

    use super::*;

    fn page() -> Request {
        get("/notes").header(ACCEPT, "text/html")
    }

    /// What Leptos' client sends for a server function.
    fn call() -> Request {
        post("/api/who").header(ACCEPT, "application/json")
    }

    fn location(answer: &stateless_session::testing::Answer) -> &str {
        answer.headers[LOCATION].to_str().unwrap()
    }

    #[tokio::test]
    async fn pages_and_server_functions_are_led_through_a_refresh() {
        let clock = HeldClock::new();
        let sessions = Sessions::new(Keys::generate().unwrap()).with_clock(clock.clone());
        let mut browser = Browser::new(router(app(sessions.clone())));

        let answer = browser.send(page()).await;
        assert_eq!(answer.status, 303);
        assert_eq!(location(&answer), "/login?to=/notes");
        assert_eq!(browser.send(call()).await.status, 401);

        let sub = "ada".to_owned();
        browser.sign_in(&sessions, Claims { sub });
        browser.reload(); // no token in the page: it is the cookie that counts
        let answer = browser.send(page()).await;
        assert!(answer.text().contains("<h1>ada"), "{}", answer.text());
        assert_eq!(browser.send(call()).await.text(), r#""ada""#);

        for (asked, path, again) in [
            (page(), "/notes", get as fn(&str) -> _),
            (call(), "/api/who", post),
        ] {
            clock.advance("16m");
            let answer = browser.send(asked.clone()).await;
            assert_eq!(answer.status, 307);
            assert_eq!(location(&answer), format!("/auth/refresh?to={path}"));
            let answer = browser.send(again(location(&answer))).await;
            assert_eq!((answer.status.as_u16(), location(&answer)), (307, path));
            let answer = browser.send(asked).await;
            assert!(answer.text().contains("ada"), "{}", answer.text());
        }
    }

    /// What the guide shows of Leptos is what compiles here.
    #[test]
    fn the_guide_shows_these_lines() {
        let guide = include_str!("../../../docs/guide/pages.md");
        let (_, block) = guide.split_once("```rust,ignore\n").expect("a block");
        let (block, _) = block.split_once("```").expect("its end");
        assert!(block.lines().count() > 5);
        assert!(include_str!("main.rs").contains(block), "{block}");
    }
}
