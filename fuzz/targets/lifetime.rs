//! Text as a lifetime: a whole number of one unit, at most 400 days, which prints as it is read.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Some((seconds, printed)) = fuzz::lifetime(text) else {
        return;
    };
    assert!(seconds <= 400 * 24 * 60 * 60);
    assert_eq!(fuzz::lifetime(&printed), Some((seconds, printed.clone())));
    let (count, unit) = text.split_at(text.len() - 1);
    assert!(
        ["s", "m", "h", "d"].contains(&unit) && count.bytes().all(|byte| byte.is_ascii_digit())
    );
    assert!(
        text.trim_start_matches('0')
            .ends_with(printed.trim_start_matches('0'))
    );
});
