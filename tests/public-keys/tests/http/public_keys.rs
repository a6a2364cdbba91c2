//! Access tokens that one service signs with a private key and others verify with its public half.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RsaKeyPair,
};
use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation};
use stateless_session::{
    KeyError, Keys, PrivateKey, PublicKeys, SessionClaims, SessionRoutes, Sessions, require_session,
};

use crate::app::{App, Claims, Role, UserId};
use crate::support::{
    ACCESS_SECRET, Answer, Browser, HeldClock, REFRESH_SECRET, Request, Server, forge, header,
    keys, payload,
};

/// A key pair as `openssl` prints it.
pub struct Pair {
    algorithm: Algorithm,
    private: String,
    public: String,
}

fn pem(tag: &str, der: &[u8]) -> String {
    let text = base64_simd::STANDARD.encode_to_string(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|start| &text[start..text.len().min(start + 64)])
        .collect();
    format!(
        "-----BEGIN {tag}-----\n{}\n-----END {tag}-----\n",
        lines.join("\n")
    )
}

impl Pair {
    fn new(algorithm: Algorithm, private: &[u8], public: &[u8]) -> Self {
        Self {
            algorithm,
            private: pem("PRIVATE KEY", private),
            public: pem("PUBLIC KEY", public),
        }
    }

    pub fn ed25519() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let public = pair.public_key().as_der().unwrap();
        let private = pair.to_pkcs8v1().unwrap();
        Self::new(Algorithm::EdDSA, private.as_ref(), public.as_ref())
    }

    fn p256() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let public = pair.public_key().as_der().unwrap();
        let private = pair.to_pkcs8v1().unwrap();
        Self::new(Algorithm::ES256, private.as_ref(), public.as_ref())
    }

    fn rsa() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = pair.public_key().as_der().unwrap();
        let private: Pkcs8V1Der = pair.as_der().unwrap();
        Self::new(Algorithm::RS256, private.as_ref(), public.as_ref())
    }

    /// One of each algorithm.
    pub fn all() -> &'static [Self; 3] {
        static PAIRS: OnceLock<[Pair; 3]> = OnceLock::new();
        PAIRS.get_or_init(|| [Self::ed25519(), Self::p256(), Self::rsa()])
    }

    pub fn keys(&self) -> Keys {
        let key = PrivateKey::from_pem(&self.private).unwrap();
        Keys::from_private_key(key, REFRESH_SECRET).unwrap()
    }

    pub fn public_keys(&self) -> PublicKeys {
        PublicKeys::from_pem(&self.public).unwrap()
    }

    /// Signs as `jsonwebtoken` does, whatever the header says.
    fn sign(&self, header: &str, payload: &str) -> String {
        let pem = self.private.as_bytes();
        let key = match self.algorithm {
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem),
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem),
            _ => EncodingKey::from_rsa_pem(pem),
        };
        let encode = |text: &str| base64_simd::URL_SAFE_NO_PAD.encode_to_string(text);
        let signed = format!("{}.{}", encode(header), encode(payload));
        let signature =
            jsonwebtoken::crypto::sign(signed.as_bytes(), &key.unwrap(), self.algorithm).unwrap();
        format!("{signed}.{signature}")
    }
}

/// A resource service: it has the claims struct and public keys, and no way to log anybody in.
#[derive(Clone)]
pub struct Resource(pub Sessions<Claims>);

impl FromRef<Resource> for Sessions<Claims> {
    fn from_ref(resource: &Resource) -> Self {
        resource.0.clone()
    }
}

#[require_session]
async fn me(claims: Claims) -> String {
    claims.sub.0.to_string()
}

#[require_session(role = Role::Admin)]
async fn admin(claims: Claims) -> String {
    claims.sub.0.to_string()
}

pub fn resource_of(resource: Resource) -> Router {
    Router::new()
        .route("/me", get(me))
        .route("/admin", get(admin))
        .with_state(resource)
}

fn resource(clock: &HeldClock, keys: PublicKeys) -> Router {
    resource_of(Resource(clock.hold(Sessions::verifying(keys))))
}

fn auth(app: App) -> Router {
    App::routes()
        .merge(Claims::routes())
        .merge(Claims::jwks_routes())
        .with_state(app)
}

async fn log_in(server: &Server) -> Browser {
    let mut browser = Browser::default();
    let login = Request::post("/login").json(r#"{"user": 3}"#);
    assert_eq!(browser.send(server, login).await.status, 200);
    browser
}

async fn published(server: &Server) -> Answer {
    server.send(&Request::get("/.well-known/jwks.json")).await
}

async fn status(server: &Server, token: &str) -> u16 {
    let answer = server.send(&Request::get("/me").bearer(token)).await;
    answer.status
}

/// What a verifier elsewhere does with a published set.
fn oracle_accepts(jwks: &str, token: &str, algorithm: Algorithm) -> bool {
    let set: JwkSet = serde_json::from_str(jwks).unwrap();
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[Claims::POLICY.audience]);
    validation.set_issuer(&[Claims::POLICY.issuer]);
    // The oracle's clock cannot be held.
    validation.validate_exp = false;
    let name = header(token)["kid"].as_str().unwrap().to_owned();
    set.find(&name).is_some_and(|jwk| {
        let key = DecodingKey::from_jwk(jwk).unwrap();
        jsonwebtoken::decode::<serde_json::Value>(token, &key, &validation).is_ok()
    })
}

#[tokio::test]
async fn a_token_of_every_algorithm_counts_wherever_its_public_key_is() {
    for pair in Pair::all() {
        let app = App::with_keys(pair.keys());
        let clock = app.clock.clone();
        let server = Server::start(auth(app)).await;
        let mut browser = log_in(&server).await;
        let token = browser.access_token.clone().unwrap();
        assert_eq!(status(&server, &token).await, 200);
        assert_eq!(browser.refresh(&server).await.status, 200);

        let jwks = published(&server).await.body;
        let name = header(&token)["kid"].as_str().unwrap().to_owned();
        let expected = format!(
            r#"{{"typ":"at+jwt","alg":"{:?}","kid":"{name}"}}"#,
            pair.algorithm
        );
        let pinned = base64_simd::URL_SAFE_NO_PAD.encode_to_string(expected);
        assert_eq!(token.split('.').next(), Some(pinned.as_str()));
        assert!(oracle_accepts(&jwks, &token, pair.algorithm));
        let refresh_token = &browser.refresh_cookie().value;
        assert_eq!(header(refresh_token)["alg"], "HS256");
        assert!(!jwks.contains(header(refresh_token)["kid"].as_str().unwrap()));

        for keys in [pair.public_keys(), PublicKeys::from_jwks(&jwks).unwrap()] {
            let resource = Server::start(resource(&clock, keys)).await;
            let answer = resource.send(&Request::get("/admin").bearer(&token)).await;
            assert_eq!((answer.status, &*answer.body), (200, "3"));
            let minted_there = pair.sign(&header(&token).to_string(), &payload(&token).to_string());
            assert_eq!(
                status(&resource, &minted_there).await,
                401,
                "its header has another spelling"
            );
            let expected = String::from_utf8(
                base64_simd::URL_SAFE_NO_PAD
                    .decode_to_vec(pinned.as_bytes())
                    .unwrap(),
            );
            let minted_there = pair.sign(&expected.unwrap(), &payload(&token).to_string());
            assert_eq!(status(&resource, &minted_there).await, 200);
        }
    }
}

#[tokio::test]
async fn no_key_verifies_the_token_of_another_whatever_its_header_says() {
    let clock = HeldClock::new();
    let mut tokens = Vec::new();
    for pair in Pair::all() {
        let app = App::with_keys(pair.keys());
        let server = Server::start(auth(app)).await;
        tokens.push(log_in(&server).await.access_token.unwrap());
    }
    for (verifier, own) in Pair::all().iter().zip(&tokens) {
        let resource = Server::start(resource(&clock, verifier.public_keys())).await;
        let pinned = own.split('.').next().unwrap();
        assert_eq!(status(&resource, own).await, 200);
        for (signer, token) in Pair::all().iter().zip(&tokens) {
            let is_own = std::ptr::eq(signer, verifier);
            assert_eq!(
                status(&resource, token).await,
                if is_own { 200 } else { 401 }
            );
            // The same token under the header that this verifier looks for.
            let (_, rest) = token.split_once('.').unwrap();
            let swapped = format!("{pinned}.{rest}");
            assert_eq!(
                status(&resource, &swapped).await,
                if is_own { 200 } else { 401 }
            );
        }
        // A public key is no secret, so nothing counts that is signed with its text or its bytes.
        let header = header(own).to_string();
        let hs256 = header.replace(&format!("{:?}", verifier.algorithm), "HS256");
        for secret in [
            verifier.public.as_str(),
            verifier.public.trim(),
            ACCESS_SECRET,
        ] {
            for header in [&header, &hs256] {
                let forged = forge(header, &payload(own).to_string(), secret);
                assert_eq!(status(&resource, &forged).await, 401);
            }
        }
    }
}

#[tokio::test]
async fn every_truncation_and_every_changed_bit_is_refused() {
    for pair in Pair::all() {
        let sessions = HeldClock::new().hold(Sessions::<Claims>::new(pair.keys()));
        let claims = Claims {
            sub: UserId(3),
            role: Role::Admin,
            generation: 0,
        };
        let login = sessions.login_checked_elsewhere(claims).unwrap();
        let token = login.access_token();
        assert!(sessions.verify(token).is_ok());
        for length in 0..token.len() {
            assert!(sessions.verify(&token[..length]).is_err(), "{length}");
        }
        for index in 0..token.len() {
            for bit in 0..7 {
                let mut bytes = token.as_bytes().to_vec();
                bytes[index] ^= 1 << bit;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(sessions.verify(&changed).is_err(), "{index} {bit}");
            }
        }
    }
}

#[tokio::test]
async fn the_published_set_holds_public_keys_and_nothing_else() {
    let [first, second, third] = Pair::all();
    let keys = first.keys().with_public_keys(second.public_keys()).unwrap();
    let keys = keys.with_previous(Some(ACCESS_SECRET), None).unwrap();
    let keys = keys.with_public_keys(third.public_keys()).unwrap();
    let server = Server::start(auth(App::with_keys(keys))).await;
    let answer = published(&server).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("application/jwk-set+json")
    );
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let set = answer.json();
    let entries = set["keys"].as_array().unwrap();
    let algorithms: Vec<&str> = entries
        .iter()
        .map(|key| key["alg"].as_str().unwrap())
        .collect();
    assert_eq!(algorithms, ["EdDSA", "ES256", "RS256"]);
    for entry in entries {
        assert_eq!(entry["use"], "sig");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(entry.get(private).is_none());
        }
        // The name is the one that everybody computes (RFC 7638).
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(entry.clone()).unwrap();
        let thumbprint = jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256);
        assert_eq!(entry["kid"], thumbprint.unwrap());
    }

    let server = Server::start(auth(App::new())).await;
    assert_eq!(published(&server).await.body, r#"{"keys":[]}"#);
    server.assert_logged("signed with a secret");
}

#[tokio::test]
async fn keys_of_another_kind_take_over_without_a_logout() {
    let [first, second, _] = Pair::all();
    let app = App::new();
    let clock = app.clock.clone();
    let server = Server::start(auth(app.clone())).await;
    let mut browser = log_in(&server).await;
    // From the secret to a private key, which is published before it signs.
    app.sessions
        .set_keys(keys().with_public_keys(first.public_keys()).unwrap());
    let jwks = published(&server).await.body;
    let resource = Server::start(resource(&clock, PublicKeys::from_jwks(&jwks).unwrap())).await;
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 200);
    let swapped = first.keys().with_previous(Some(ACCESS_SECRET), None);
    app.sessions.set_keys(swapped.unwrap());
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 200);
    let answer = browser.refresh(&server).await;
    assert!(
        answer.set_cookies().is_empty(),
        "the refresh token's key stayed"
    );
    assert_eq!(status(&resource, &answer.access_token()).await, 200);
    // From one private key to another.
    app.sessions
        .set_keys(second.keys().with_public_keys(first.public_keys()).unwrap());
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 200);
    app.sessions.set_keys(second.keys());
    let answer = browser.call(&server, Request::get("/me")).await;
    answer.assert_refused(
        401,
        "invalid_token",
        Some(r#"Bearer error="invalid_token""#),
    );
    assert_eq!(browser.refresh(&server).await.status, 200);
    assert_eq!(browser.call(&server, Request::get("/me")).await.status, 200);
}

#[tokio::test]
async fn a_service_that_only_verifies_starts_no_session_and_says_why() {
    let [pair, ..] = Pair::all();
    let clock = HeldClock::new();
    let app = App {
        sessions: clock.hold(Sessions::verifying(pair.public_keys())),
        ..App::new()
    };
    let server = Server::start(auth(app)).await;
    let login = Request::post("/login").json(r#"{"user": 1}"#);
    let answer = server.send(&login).await;
    answer.assert_refused(500, "internal_error", None);
    server.assert_logged("log in at the one that has the private key");
    let answer = server.send(&Request::post("/auth/refresh")).await;
    answer.assert_refused(500, "internal_error", None);
    server.assert_logged("the session routes belong to the service that has the private key");
}

#[tokio::test]
async fn a_service_that_only_verifies_takes_other_keys_while_it_serves() {
    let [first, second, _] = Pair::all();
    let app = App::with_keys(first.keys());
    let (clock, auth_sessions) = (app.clock.clone(), app.sessions.clone());
    let auth = Server::start(auth(app)).await;
    let sessions = clock.hold(Sessions::verifying(first.public_keys()));
    let resource = Server::start(resource_of(Resource(sessions.clone()))).await;
    let old = log_in(&auth).await.access_token.unwrap();
    auth_sessions.set_keys(second.keys());
    let new = log_in(&auth).await.access_token.unwrap();
    assert_eq!(
        [status(&resource, &old).await, status(&resource, &new).await],
        [200, 401]
    );
    sessions.set_keys(second.public_keys().into());
    assert_eq!(
        [status(&resource, &old).await, status(&resource, &new).await],
        [401, 200]
    );
}

#[test]
fn a_key_where_another_belongs_is_refused_with_the_reason() {
    for pair in Pair::all() {
        let wrong = PrivateKey::from_pem(&pair.public).unwrap_err();
        assert_eq!(wrong, KeyError::Public);
        let wrong = PublicKeys::from_pem(&pair.private).unwrap_err();
        assert_eq!(wrong, KeyError::Private);
        let twice = format!("{}{}", pair.private, pair.private);
        assert_eq!(PrivateKey::from_pem(&twice).unwrap_err(), KeyError::Several);
        let both = format!("{}{}", pair.public, pair.private);
        assert!(PrivateKey::from_pem(&both).is_ok());
    }
    for text in [
        "",
        "no key",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ] {
        assert_eq!(PrivateKey::from_pem(text).unwrap_err(), KeyError::Missing);
        assert_eq!(PublicKeys::from_pem(text).unwrap_err(), KeyError::Missing);
    }
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let private = pem("PRIVATE KEY", p384.to_pkcs8v1().unwrap().as_ref());
    let public = pem("PUBLIC KEY", p384.public_key().as_der().unwrap().as_ref());
    assert_eq!(
        PrivateKey::from_pem(&private).unwrap_err(),
        KeyError::Unsupported
    );
    assert_eq!(
        PublicKeys::from_pem(&public).unwrap_err(),
        KeyError::Unsupported
    );
    let keys = Pair::all()[0].keys();
    let equal = keys
        .with_public_keys(Pair::all()[0].public_keys())
        .unwrap_err();
    assert_eq!(
        equal.to_string(),
        "the set of public keys repeats a key that is there already"
    );
}

/// RSA keys of 1024 bits, which `aws-lc-rs` makes none of.
const SMALL_PRIVATE: &str = "\
-----BEGIN PRIVATE KEY-----
MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBALwg6gqUjunym6w5
vqNq5J0sYoP5m6Iy3xfxrQWwKKW5puAU+UkJzV2jP4cdNOwjbtrx1Uq/2zBhRZCm
UA6Chc7u154vRYUNUAfZZeMTsDp48CuNPT81ZTBvx+/0D54JHcEvpFBeand2MxE5
znfQT3vMCncfcz0F4Q32OEkH1JQhAgMBAAECgYAzUqtmvYaLjlMn1g0LGgNKWax6
oqLxyf0Q1C7GqXs9UvuSkEY9xb3P+NRA8RfaAASjGGx+2v5aIX9P6f9XJgaIqJp0
ogeVGrThJEhKZjvAZGomDTGpIwuODaD5jh5DwDbJxGfEzPGQo6NZFzXCCtFsjAEp
Em2tDpaw+oZOzoNfQQJBAOs/6uvMvzdSlQ2i4falERwaaNnetNmN5fhwaPpmobnE
uVjO9hifwsEZWcv6vOAdu0pmU8j2pPTUPa5Pu4DKnIkCQQDMuPkWeuPX4VuVWGhp
6tX4LsWWjOJ26+/MiVMDHOVAF0Qhqxw0xreNy+KbBLIfyEM2sCoaH6VWBpdcozB9
FcTZAkAxBOiWqdtOU87rQH2FP3AJQxeGDnnwuzioRAQb6TbZ1rwoXTe6ec/DHN0x
O9YPfSKBpkDfJ0XIHlGb+NFBTPbBAkEAqB/cR+7iQH8NVEfHb/xwfiIDGJFYxisa
wtGf/7VyO8Efrbq1Lk5nnaZr0bz4f4taT4Y6/Tsx78T39xb5kjAXeQJBAOSksTou
atRYHXEMZ2ui8o5W1DRD8sUCBKS+a3eEeNxLOnL9Owau2ZgIOTpCxYCG9co4Mj7T
MWupy42pE0aUuDg=
-----END PRIVATE KEY-----
";
const SMALL_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC8IOoKlI7p8pusOb6jauSdLGKD
+ZuiMt8X8a0FsCiluabgFPlJCc1doz+HHTTsI27a8dVKv9swYUWQplAOgoXO7tee
L0WFDVAH2WXjE7A6ePArjT0/NWUwb8fv9A+eCR3BL6RQXmp3djMROc530E97zAp3
H3M9BeEN9jhJB9SUIQIDAQAB
-----END PUBLIC KEY-----
";

#[test]
fn a_key_that_is_too_small_or_encrypted_is_refused_with_the_reason() {
    let too_small = [
        PrivateKey::from_pem(SMALL_PRIVATE).err(),
        PublicKeys::from_pem(SMALL_PUBLIC).err(),
    ];
    assert_eq!(too_small, [Some(KeyError::Size); 2]);
    for encrypted in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n\
         -----END RSA PRIVATE KEY-----\n",
    ] {
        let refusal = PrivateKey::from_pem(encrypted).unwrap_err();
        assert_eq!(refusal, KeyError::Encrypted, "{encrypted}");
    }
}

#[test]
fn an_rsa_key_has_a_proper_exponent_and_no_leading_zeros() {
    let set: serde_json::Value =
        serde_json::from_str(&Pair::all()[2].public_keys().to_jwks()).unwrap();
    let (encode, decode) = (
        |bytes: &[u8]| base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes),
        |text: &str| base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).unwrap(),
    );
    let modulus = decode(set["keys"][0]["n"].as_str().unwrap());
    for (n, e, reason) in [
        (modulus.clone(), vec![1, 0, 1], None),
        (
            [vec![0], modulus.clone()].concat(),
            vec![1, 0, 1],
            Some(KeyError::Malformed),
        ),
        // 1024 bits behind as many zeros and one bit more.
        (
            [vec![0; 129], modulus[..128].to_vec()].concat(),
            vec![1, 0, 1],
            Some(KeyError::Malformed),
        ),
        (modulus.clone(), vec![0, 1, 0, 1], Some(KeyError::Malformed)),
        (modulus.clone(), vec![], Some(KeyError::Malformed)),
        (modulus.clone(), vec![1], Some(KeyError::Malformed)),
        (modulus.clone(), vec![2], Some(KeyError::Malformed)),
        (
            modulus.iter().map(|byte| byte & 0xfe).collect(),
            vec![1, 0, 1],
            Some(KeyError::Malformed),
        ),
        (vec![], vec![1, 0, 1], Some(KeyError::Size)),
    ] {
        let jwk = serde_json::json!({ "kty": "RSA", "n": encode(&n), "e": encode(&e) });
        let refusal = PublicKeys::from_jwks(&jwk.to_string()).err();
        assert_eq!(refusal, reason, "{} {e:?}", n.len());
    }
}

#[test]
fn a_key_is_published_once_and_no_set_is_larger_than_a_verifier_takes() {
    let pair = &Pair::all()[0];
    let twice = format!("{}{}", pair.public, pair.public);
    assert_eq!(
        PublicKeys::from_pem(&twice).unwrap_err(),
        KeyError::Repeated
    );
    let mut keys = pair.keys();
    for _ in 1..32 {
        keys = keys
            .with_public_keys(Pair::ed25519().public_keys())
            .unwrap();
    }
    let published = keys.public_keys().unwrap().to_jwks();
    assert!(PublicKeys::from_jwks(&published).is_ok());
    let refusal = keys.with_public_keys(Pair::ed25519().public_keys());
    assert_eq!(
        refusal.unwrap_err().to_string(),
        "the set of public keys holds more than 32 keys"
    );
}

#[test]
fn a_set_keeps_what_can_be_used_and_refuses_the_rest() {
    let entry = |pair: &Pair| {
        let set: serde_json::Value = serde_json::from_str(&pair.public_keys().to_jwks()).unwrap();
        set["keys"][0].clone()
    };
    let [ed25519, p256, rsa] = Pair::all();
    let refusal = |entry: &serde_json::Value| {
        let set = serde_json::json!({ "keys": [entry] }).to_string();
        PublicKeys::from_jwks(&set).err()
    };
    let with = |pair: &Pair, name: &str, value: serde_json::Value| {
        let mut entry = entry(pair);
        entry[name] = value;
        entry
    };
    for pair in Pair::all() {
        assert_eq!(refusal(&entry(pair)), None);
        let mut bare = entry(pair);
        for name in ["alg", "use", "kid"] {
            bare.as_object_mut().unwrap().remove(name);
        }
        assert_eq!(refusal(&bare), None, "an `alg` follows from the type");
        for (name, value, reason) in [
            ("use", "enc", KeyError::OtherUse),
            ("alg", "HS256", KeyError::OtherAlgorithm),
            ("kid", "2024-01", KeyError::OtherName),
            ("d", "AAAA", KeyError::Private),
            ("kty", "oct", KeyError::Secret),
            ("kty", "AKP", KeyError::Unsupported),
        ] {
            assert_eq!(
                refusal(&with(pair, name, value.into())),
                Some(reason),
                "{name}"
            );
        }
        for (operations, reason) in [
            (serde_json::json!(["verify"]), None),
            (serde_json::json!(["sign", "verify"]), None),
            (
                serde_json::json!(["encrypt", "decrypt"]),
                Some(KeyError::OtherUse),
            ),
            (serde_json::json!([]), Some(KeyError::OtherUse)),
            (serde_json::json!("verify"), Some(KeyError::OtherUse)),
        ] {
            assert_eq!(refusal(&with(pair, "key_ops", operations)), reason);
        }
        assert_eq!(
            refusal(&with(pair, "alg", 7.into())),
            Some(KeyError::OtherAlgorithm)
        );
    }
    for (pair, name, value) in [
        (ed25519, "x", "AAAA"),
        (ed25519, "x", "="),
        (p256, "y", "AAAA"),
        (p256, "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ] {
        let mut entry = with(pair, name, value.into());
        entry.as_object_mut().unwrap().remove("kid");
        assert_eq!(refusal(&entry), Some(KeyError::Malformed), "{value}");
    }
    let mut short = with(rsa, "n", format!("{}w", "u".repeat(170)).into());
    short.as_object_mut().unwrap().remove("kid");
    assert_eq!(refusal(&short), Some(KeyError::Size));

    let set =
        serde_json::json!({ "keys": [{ "kty": "oct" }, entry(rsa), entry(rsa), entry(p256)] });
    let kept = PublicKeys::from_jwks(&set.to_string()).unwrap();
    assert_eq!(format!("{kept:?}").matches('"').count(), 4);
    let many = serde_json::json!({ "keys": vec![entry(rsa); 33] });
    for (text, reason) in [
        (many.to_string().as_str(), KeyError::TooMany),
        (r#"{"keys":[]}"#, KeyError::Missing),
        (r#"{"keys":{}}"#, KeyError::Malformed),
        ("[]", KeyError::Malformed),
        ("<html>", KeyError::Malformed),
    ] {
        assert_eq!(PublicKeys::from_jwks(text).unwrap_err(), reason, "{text}");
    }
}
