//! The excerpts of README.md and docs/guide/ that stand there as `rust,ignore`, because what surrounds them would hide them. They stand
//! here among what they leave out, or in tests/leptos.
#![expect(
    dead_code,
    missing_debug_implementations,
    unreachable_pub,
    clippy::let_and_return,
    clippy::unused_async,
    reason = "compiled, and not called"
)]

use axum::Router;
use axum::extract::{FromRef, Path};
use axum::http::StatusCode;
use axum::middleware::from_extractor_with_state;
use serde::{Deserialize, Serialize};
use stateless_session::{
    Keys, PostgresRegistry, Renew, Renewal, Session, SessionRejection, SessionRoutes, Sessions,
    require_session, stateless_session,
};

type UserId = u64;
type TodoId = u64;

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Role {
    Admin,
    Owner,
    User,
}

#[derive(Clone)]
struct App;

mod pages {
    use super::*;

    #[stateless_session(access = "15m", refresh = "7d", pages = "/login")]
    #[derive(Clone, Serialize, Deserialize)]
    struct Claims {
        sub: UserId,
    }

    impl FromRef<App> for Sessions<Claims> {
        fn from_ref(_: &App) -> Self {
            unimplemented!("nobody asks")
        }
    }

    impl Renew<Claims> for App {
        type Error = std::convert::Infallible;

        async fn renew(&self, _: &Renewal<Claims>) -> Result<Option<Claims>, Self::Error> {
            Ok(None)
        }
    }

    fn around(router: Router<App>) -> Router<App> {
        let app = Claims::pages(router);
        app
    }
}

mod guards {
    use super::*;

    #[stateless_session(access = "15m", refresh = "7d")]
    #[derive(Clone, Serialize, Deserialize)]
    pub struct Claims {
        sub: UserId,
        role: Role,
    }

    impl FromRef<App> for Sessions<Claims> {
        fn from_ref(_: &App) -> Self {
            unimplemented!("nobody asks")
        }
    }

    /// An administrator, looked up at most 30 seconds ago.
    #[require_session(role = Role::Admin | Role::Owner, fresh = "30s")]
    pub struct Admin(Claims);

    async fn purge(admin: Admin, Path(id): Path<TodoId>) -> StatusCode {
        erase(&admin, id);
        StatusCode::NO_CONTENT
    }

    fn erase(by: &Admin, id: TodoId) {
        let _ = (by.sub, id);
    }

    fn resolve(session: Session<Claims>) -> Result<Admin, SessionRejection> {
        let admin = Admin::check(session)?;
        Ok(admin)
    }

    fn all(router: Router<App>, app: App) -> Router<App> {
        router.route_layer(from_extractor_with_state::<Admin, App>(app))
    }
}

mod registry {
    use super::*;

    #[stateless_session(
        access = "15m",
        refresh = "7d",
        revocation = "best-effort",
        rotation = "30s"
    )]
    #[derive(Clone, Serialize, Deserialize)]
    struct Claims {
        sub: UserId,
    }

    async fn ended(
        url: String,
        claims: Claims,
        sid: String,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let registry = PostgresRegistry::connect(&url).await?;
        let sessions = Sessions::<Claims>::with_registry(Keys::from_env()?, registry).await?;

        sessions.list(&claims.sub).await?;
        sessions.end(&claims.sub, &sid).await?;
        sessions.end_all(&claims.sub).await?;
        Ok(())
    }
}

/// Without spaces, which a formatter sets as it likes.
fn dense(code: &str) -> String {
    code.split_whitespace().collect()
}

#[test]
fn excerpts_are_compiled() {
    let compiled = [
        include_str!("excerpts.rs"),
        include_str!("../../leptos/src/main.rs"),
    ];
    let compiled = dense(&compiled.concat()).replace(",}", "}");
    let mut excerpts = 0;
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let guide = root.join("docs/guide").read_dir().expect("the guide");
    let pages = guide.map(|page| page.expect("a page").path());
    for page in pages.chain([root.join("README.md")]) {
        let text = std::fs::read_to_string(&page).expect("a page");
        for excerpt in text.split("```rust,ignore\n").skip(1) {
            let (excerpt, _) = excerpt.split_once("```").expect("its end");
            excerpts += 1;
            for line in excerpt.lines() {
                let code = line.split(" // ").next().unwrap_or_default();
                let code = code.split(".. }").next().unwrap_or_default();
                if code.trim() != ".." {
                    assert!(
                        compiled.contains(&dense(code)),
                        "{}: {line}",
                        page.display()
                    );
                }
            }
        }
    }
    assert_ne!(excerpts, 0, "no excerpts");
}
