//! Prints how many allocations one call of a subject makes: `allocations SUBJECT`.

use floor::subjects::subject_of;

fn main() {
    let subject = std::env::args().nth(1).expect("allocations SUBJECT");
    let mut run = subject_of(&subject);
    run();
    println!("{}", allocation_counter::measure(run).count_total);
}
