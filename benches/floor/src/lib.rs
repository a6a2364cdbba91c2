//! The least that a check of a token can cost: the MAC keyed once, base64url decoded by SIMD on the stack, one UTF-8
//! check, one typed pass over the JSON by serde's derive, and the strings that the claims own. It says yes and no as
//! the library does to the tokens here, and leaves out what the library does beside: one ring of keys, one audience, no
//! session marker, no log, and no refusal of a `sub` that is no subject.

use std::mem::MaybeUninit;
use std::time::{SystemTime, UNIX_EPOCH};

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use constant_time_eq::constant_time_eq_32;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use stateless_session::stateless_session;

pub mod app;
pub mod exchange;
pub mod samples;
pub mod subjects;

/// Three strings: what a caller's name and role take.
#[stateless_session(access = "15m", refresh = "7d", issuer = "bench", audience = "bench")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    pub sub: String,
    pub name: String,
    pub role: String,
}

/// Claims that own nothing.
#[stateless_session(access = "15m", refresh = "7d", issuer = "bench", audience = "bench")]
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct CopyClaims {
    pub sub: u64,
    pub admin: bool,
}

/// What both sides hand on: the claims, and whose session it is until when.
pub struct Verified {
    pub claims: Claims,
    pub sid: [u8; 22],
    pub auth_time: u64,
    pub iat: u64,
    pub exp: u64,
}

/// A key with the first segment of its tokens.
pub struct Floor {
    header: String,
    mac: Hmac<Sha256>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    sid: &'a str,
    auth_time: u64,
    iat: u64,
    exp: u64,
    name: String,
    role: String,
}

impl Floor {
    /// The key of `secret` for tokens that begin like `token`.
    pub fn new(secret: &str, token: &str) -> Self {
        let (header, _) = token.split_once('.').expect("a token");
        Self {
            header: header.to_owned(),
            mac: Hmac::new_from_slice(secret.as_bytes()).expect("a key of any length"),
        }
    }

    /// The MAC of a token's first two segments: what is left when nothing else costs anything.
    pub fn authenticate(&self, signed: &[u8]) -> [u8; 32] {
        let mac = self.mac.clone().chain_update(signed);
        mac.finalize().into_bytes().into()
    }

    /// The same with the first segment hashed before, which a key can do once for all of its tokens.
    pub fn begun(&self) -> Self {
        let begun = self.mac.clone().chain_update(&self.header);
        Self {
            header: self.header.clone(),
            mac: begun.chain_update("."),
        }
    }

    pub fn verify(&self, token: &str) -> Option<Verified> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        if header != self.header {
            return None;
        }
        let mut mac = [0; 32];
        if URL_SAFE_NO_PAD.decoded_length(signature.as_bytes()).ok()? != mac.len() {
            return None;
        }
        URL_SAFE_NO_PAD
            .decode(signature.as_bytes(), mac[..].as_out())
            .ok()?;
        if !constant_time_eq_32(&mac, &self.authenticate(signed.as_bytes())) {
            return None;
        }
        let mut json = [const { MaybeUninit::uninit() }; 3072];
        let json = URL_SAFE_NO_PAD
            .decode(payload.as_bytes(), json[..].as_out())
            .ok()?;
        let json = str::from_utf8(json).ok()?;
        let payload: Payload<'_> = serde_json::from_str(json).ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        let counts = payload.iss == "bench" && payload.aud == "bench" && now < payload.exp;
        counts.then_some(Verified {
            claims: Claims {
                sub: payload.sub,
                name: payload.name,
                role: payload.role,
            },
            sid: payload.sid.as_bytes().try_into().ok()?,
            auth_time: payload.auth_time,
            iat: payload.iat,
            exp: payload.exp,
        })
    }

    /// A session marker, and with its `sid` both tokens, in the buffers that a response takes over.
    pub fn login(&self, claims: &Claims) -> Option<[String; 3]> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).ok()?;
        let marker = URL_SAFE_NO_PAD.encode_to_string(random);
        let digest: [u8; 32] = Sha256::digest(&marker).into();
        let mut sid = [0; 22];
        let sid = URL_SAFE_NO_PAD.encode(&digest[..16], sid[..].as_out());
        let sid = str::from_utf8(sid).ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        let mut access = Issued {
            iss: "bench",
            aud: "bench",
            sub: &claims.sub,
            sid,
            auth_time: now,
            iat: now,
            exp: now + 900,
            name: Some(&claims.name),
            role: Some(&claims.role),
        };
        let access_token = self.issue(&access)?;
        (access.name, access.role) = (None, None);
        Some([marker, access_token, self.issue(&access)?])
    }

    fn issue(&self, payload: &Issued<'_>) -> Option<String> {
        let mut json = Vec::with_capacity(512);
        serde_json::to_writer(&mut json, payload).ok()?;
        let mut token = String::with_capacity(512);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_append(&json, &mut token);
        let mac = self.authenticate(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_append(mac, &mut token);
        Some(token)
    }
}

#[derive(Serialize)]
struct Issued<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    sid: &'a str,
    auth_time: u64,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
}
