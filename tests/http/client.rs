//! The browser module, as the server that it talks to hands it out.

use crate::app::App;
use crate::support::{Request, Server};

#[tokio::test]
async fn each_module_knows_the_markers_name_and_is_asked_for_anew_at_every_load() {
    let server = Server::start(App::new().router()).await;
    for path in ["/auth/client.js", "/auth/sibling.js"] {
        let module = server.send(&Request::get(path)).await;
        assert_eq!(module.status, 200);
        assert_eq!(
            module.header("content-type"),
            Some("text/javascript; charset=utf-8")
        );
        assert_eq!(module.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(module.header("cache-control"), Some("no-cache"));
        assert!(module.body.contains("\"__Host-stateless-session\""));
        assert!(!module.body.contains("__SESSION_COOKIE__"));
        let etag = module.header("etag").unwrap();
        for known in [
            etag.to_owned(),
            format!("\"other\", W/{etag}"),
            "*".to_owned(),
        ] {
            let answer = server
                .send(&Request::get(path).header("If-None-Match", known))
                .await;
            assert_eq!(answer.status, 304);
            assert_eq!(answer.header("etag"), Some(etag));
            assert!(answer.body.is_empty());
        }
        let other = Request::get(path).header("If-None-Match", "\"other\"");
        assert_eq!(server.send(&other).await.status, 200);
    }
}

#[tokio::test]
async fn its_types_are_beside_it() {
    let server = Server::start(App::new().router()).await;
    let types = server.send(&Request::get("/auth/client.d.ts")).await;
    assert_eq!(types.status, 200);
    assert_eq!(
        types.header("content-type"),
        Some("application/typescript; charset=utf-8")
    );
    assert!(types.body.contains("createSession"));
}
