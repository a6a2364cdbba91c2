//! Prints what tokens of public keys cost, as Markdown: the first time, again, and more of them in turn than are remembered.
//! CPU time of one thread; medians of rounds that take turns.

use std::hint::black_box;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use cpu_time::ThreadTime;
use floor::{Claims, samples};
use stateless_session::{Keys, PrivateKey, Sessions};

const ROUNDS: usize = 21;

fn pem(der: &[u8]) -> String {
    let text = base64_simd::STANDARD.encode_to_string(der);
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

fn pairs() -> [(&'static str, String); 3] {
    let ed25519 = Ed25519KeyPair::generate().expect("a key");
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let rsa: Pkcs8V1Der<'_> = rsa.as_der().expect("DER");
    [
        ("EdDSA", pem(ed25519.to_pkcs8v1().expect("DER").as_ref())),
        ("ES256", pem(p256.to_pkcs8v1().expect("DER").as_ref())),
        ("RS256, 2048 bits", pem(rsa.as_ref())),
    ]
}

fn keys(pem: &str) -> Keys {
    let key = PrivateKey::from_pem(pem).expect("a key");
    Keys::from_private_key(key, samples::REFRESH_SECRET).expect("a good secret")
}

fn tokens(sessions: &Sessions<Claims>, count: usize) -> Vec<String> {
    let token = |index: usize| {
        let mut claims = samples::claims();
        claims.sub = format!("{index:012}");
        samples::token(sessions, claims)
    };
    (0..count).map(token).collect()
}

/// Nanoseconds for each of the tokens, one after the other.
fn pass(sessions: &Sessions<Claims>, tokens: &[String]) -> f64 {
    let begun = ThreadTime::now();
    for token in tokens {
        assert!(sessions.verify(black_box(token)).is_ok());
    }
    begun.elapsed().as_secs_f64() * 1e9 / tokens.len() as f64
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    println!(
        "| a token of 12 digits, a name and a role | the first time, ns | again, ns | of it |\n|---|--:|--:|--:|"
    );
    for (name, pem) in &pairs() {
        let sessions = Sessions::<Claims>::new(keys(pem));
        let tokens = tokens(&sessions, 400);
        let (mut first, mut again, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            // Keys of their own have seen nothing yet.
            sessions.set_keys(keys(pem));
            first.push(pass(&sessions, &tokens));
            again.push(pass(&sessions, &tokens));
            ratios.push(again[again.len() - 1] / first[first.len() - 1]);
        }
        println!(
            "| {name} | {:.0} | {:.0} | {:.3} |",
            median(first),
            median(again),
            median(ratios)
        );
    }
    println!("\n| tokens in turn, EdDSA | ns | of the first time |\n|--:|--:|--:|");
    let [(_, pem), ..] = &pairs();
    let sessions = Sessions::<Claims>::new(keys(pem));
    let all = tokens(&sessions, 64_000);
    sessions.set_keys(keys(pem));
    let first = pass(&sessions, &all[..4_000]);
    for count in [
        1_000, 4_000, 8_000, 10_000, 12_000, 16_000, 24_000, 32_000, 64_000,
    ] {
        sessions.set_keys(keys(pem));
        for _ in 0..2 {
            pass(&sessions, &all[..count]);
        }
        let figure = median((0..3).map(|_| pass(&sessions, &all[..count])).collect());
        println!("| {count} | {figure:.0} | {:.2} |", figure / first);
    }
}
