//! Text as the way back of a redirect: what counts as a path of this origin is one for a parser of URLs, too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stateless_session::LocalPath;
use url::Url;

fuzz_target!(|text: &str| {
    let Some(path) = LocalPath::new(text) else {
        return;
    };
    assert_eq!(&*path, text);
    for here in ["https://app.example.com/a/b?c=d", "http://localhost:3000/"] {
        let here = Url::parse(here).unwrap();
        let there = here.join(&path).unwrap();
        assert_eq!(there.origin(), here.origin(), "{text:?} leads to {there}");
        assert!(there.username().is_empty() && there.password().is_none());
    }
});
