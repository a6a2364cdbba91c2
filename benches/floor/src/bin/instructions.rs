//! Calls one subject so many times, for callgrind to count: `instructions SUBJECT CALLS`.

use floor::subjects::subject_of;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [subject, calls] = &arguments[..] else {
        panic!("instructions SUBJECT CALLS");
    };
    let calls: u32 = calls.parse().expect("a number of calls");
    let mut run = subject_of(subject);
    for _ in 0..calls {
        run();
    }
}
