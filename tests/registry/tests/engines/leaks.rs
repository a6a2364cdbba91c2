//! What the engines' clients write into a log, at its most talkative.

use std::fmt::Write;
use std::sync::{Mutex, Once};

use log::{LevelFilter, Log, Metadata, Record};

use crate::apps::{App, Page, rotating};
use crate::engine::{Engine, on_both};
use crate::support::{HeldClock, MINUTE, lock};

on_both! { no_client_logs_whom_it_is_about }

struct Kept(Mutex<String>);

static KEPT: Kept = Kept(Mutex::new(String::new()));
static ONCE: Once = Once::new();

impl Log for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let (level, target, line) = (record.level(), record.target(), record.args());
        let _ = writeln!(lock(&self.0), "{level} {target} {line}");
    }

    fn flush(&self) {}
}

async fn no_client_logs_whom_it_is_about<E: Engine>() {
    ONCE.call_once(|| {
        log::set_logger(&KEPT).unwrap();
        log::set_max_level(LevelFilter::Trace);
    });
    let mut engine = E::start().await;
    let clock = HeldClock::at_present();
    let app = App::<rotating::Claims>::beside(engine.connect().await, &clock).await;
    let server = app.serve().await;
    let user = 7_391_846_205_517_239_064;
    let mut page = Page::called(&server, user, "a browser of Ada's own").await;
    clock.advance(15 * MINUTE);
    assert_eq!(page.refresh(&server).await.status, 200);
    assert_eq!(app.sessions.list(&user).await.unwrap().len(), 1);
    assert!(app.sessions.end(&user, &page.sid()).await.unwrap());
    engine.order("kill").await;
    assert!(app.sessions.end_all(&user).await.is_err());
    let refresh_token = page.browser.refresh_cookie().value.clone();
    let kept = lock(&KEPT.0).clone();
    for secret in [
        &user.to_string(),
        &page.sid(),
        &page.token,
        &refresh_token,
        "Ada's own",
    ] {
        let found = kept.lines().find(|line| line.contains(secret));
        assert!(found.is_none(), "{secret}: {found:?}");
    }
    if E::NAME == "postgres" {
        assert!(kept.contains("tokio_postgres"), "this logger hears nothing");
    }
}
