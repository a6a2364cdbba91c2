//! How pages look.

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};
use stateless_session::{Session, SessionRejection};

use crate::Claims;
use crate::db::{Notes, Role, User};

fn page(title: &str, claims: Option<&Claims>, main: &Markup) -> Html<String> {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="htmx-config" content=r#"{"includeIndicatorStyles": false, "allowEval": false}"#;
                title { (title) " · Notes" }
                link rel="stylesheet" href="/style.css";
                script defer src="/htmx-2.0.11.min.js" {}
                script defer src="/live.js" {}
            }
            body {
                a class="skip" href="#main" { "Skip to the content" }
                header {
                    nav aria-label="Pages" {
                        a href="/" { "Notes" }
                        a href="/about" { "About" }
                        @if claims.is_some_and(|claims| claims.role == Role::Admin) {
                            a href="/admin" { "Users" }
                        }
                    }
                    @match claims {
                        Some(claims) => {
                            p class="who" {
                                img src="/avatar.svg" alt="" width="28" height="28";
                                "Signed in as " strong { (claims.name) }
                            }
                            form method="post" action="/auth/logout" {
                                button class="quiet" { "Log out" }
                            }
                        }
                        None => p class="who" { "Not signed in" }
                    }
                }
                main id="main" {
                    h1 { (title) }
                    (main)
                }
            }
        }
    };
    Html(markup.into_string())
}

pub fn login(claims: Option<&Claims>, leads_on: bool, wrong: Option<&str>) -> Html<String> {
    let main = html! {
        @if wrong.is_some() {
            p class="alert" role="alert" { "Wrong name or password." }
        }
        @match claims {
            Some(claims) if leads_on => p { "You are " strong { (claims.name) } ". Please confirm it to go on." }
            Some(claims) => p { "You are signed in as " strong { (claims.name) } " already. " a href="/" { "To the notes" } }
            None if leads_on => p { "Please sign in to go on." }
            None => {}
        }
        // To this very URL, which says where to go on.
        form class="card" method="post" {
            label { "Name" input name="name" value=[wrong] required autocomplete="username" autofocus; }
            label { "Password" input name="password" type="password" required autocomplete="current-password"; }
            button { "Sign in" }
        }
        p class="hint" { "alice, wonderland is an administrator; bob, builder is not." }
    };
    page("Sign in", claims, &main)
}

pub fn home(session: &Session<Claims>, notes: &Notes) -> Html<String> {
    let main = html! {
        form class="card row" method="post" action="/notes" hx-post="/notes" hx-target="#notes" hx-swap="outerHTML" {
            input type="hidden" name="sid" value=(session.sid());
            label { "New note" input name="text" required maxlength="500" autocomplete="off"; }
            button { "Add" }
        }
        (items(notes))
        p { a href="/notes.txt" { "Download them as text" } }
    };
    page("Notes", Some(session), &main)
}

pub fn list(notes: &Notes) -> Html<String> {
    Html(items(notes).into_string())
}

fn items(notes: &Notes) -> Markup {
    html! {
        section id="notes" aria-live="polite" data-version=(notes.version) {
            @if notes.list.is_empty() {
                p class="hint" { "No notes yet." }
            } @else {
                ul {
                    @for note in &notes.list {
                        @let delete = format!("/notes/{}/delete", note.id);
                        li {
                            span { (note.text) }
                            form method="post" action=(delete) hx-post=(delete) hx-target="#notes" hx-swap="outerHTML" {
                                button class="quiet" aria-label={ "Delete " (note.text) } { "Delete" }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub fn admin(claims: &Claims, users: &[User]) -> Html<String> {
    let main = html! {
        p { "Whoever is disabled is out at the next refresh." }
        ul {
            @for user in users {
                li {
                    span {
                        (user.claims.name)
                        @if user.is_disabled { span class="hint" { " disabled" } }
                    }
                    @if user.claims.sub != claims.sub {
                        form method="post" action={ "/admin/" (user.claims.sub.0) } {
                            button class="quiet" {
                                @if user.is_disabled { "Enable " } @else { "Disable " } (user.claims.name)
                            }
                        }
                    }
                }
            }
        }
    };
    page("Users", Some(claims), &main)
}

pub fn about(claims: Option<&Claims>) -> Html<String> {
    let main = html! {
        p {
            @match claims {
                Some(claims) => { "Hello, " (claims.name) "! " }
                None => "Hello, stranger! "
            }
            "Everybody may read this page. The others ask for a session, and lead to the login page and back."
        }
    };
    page("About", claims, &main)
}

pub fn message(claims: Option<&Claims>, title: &str, text: &str) -> Html<String> {
    page(
        title,
        claims,
        &html! { p { (text) } p { a href="/" { "To the notes" } } },
    )
}

/// What a person is told of a refusal; `None` where the answer leads on.
pub fn refusal(rejection: &SessionRejection) -> Option<(&'static str, &'static str)> {
    match rejection {
        SessionRejection::Forbidden => Some(("Not allowed", "This page is for administrators.")),
        SessionRejection::CrossOrigin => Some((
            "Not from here",
            "The form came from a page of another site.",
        )),
        SessionRejection::TemporarilyUnavailable => Some((
            "One moment",
            "You are still signed in. Please reload in a few seconds.",
        )),
        SessionRejection::InternalError => Some(("Our mistake", "The server's log says which.")),
        _ => None,
    }
}

/// The first letter of a name.
pub fn avatar(name: &str) -> String {
    let letter = name
        .chars()
        .next()
        .unwrap_or('?')
        .to_uppercase()
        .to_string();
    let hue = name.bytes().map(u32::from).sum::<u32>() * 47 % 360;
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 28 28" {
            circle cx="14" cy="14" r="14" fill={ "hsl(" (hue) " 55% 40%)" } {}
            text x="14" y="19" text-anchor="middle" font-family="sans-serif" font-size="14" fill="#fff" { (letter) }
        }
    }
    .into_string()
}
