//! Why a key was not loaded.

use std::fmt;

/// Why a private or a public key was refused, without anything of it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// There is neither PEM text (RFC 7468) nor a JWK (RFC 7517) of a key.
    Missing,
    /// There are several private keys, and one signs.
    Several,
    /// It is damaged, or its parts do not belong together.
    Malformed,
    /// A private key, where a public one belongs.
    Private,
    /// A public key, where the private one belongs.
    Public,
    /// A private key under a passphrase.
    Encrypted,
    /// A shared secret (`oct`), which is never published.
    Secret,
    /// Another type of key than Ed25519, P-256 and RSA.
    Unsupported,
    /// An RSA key of fewer than 2048 or more than 4096 bits.
    Size,
    /// A JWK whose `use` is not `sig`, or whose `key_ops` neither sign nor verify.
    OtherUse,
    /// A JWK whose `alg` is not the one of its type: `EdDSA`, `ES256` or `RS256`.
    OtherAlgorithm,
    /// A JWK whose `kid` is not its thumbprint (RFC 7638).
    OtherName,
    /// The same key twice.
    Repeated,
    /// More than 32 keys in one set.
    TooMany,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "holds no key as PEM text or JWK",
            Self::Several => "holds several private keys; only one signs",
            Self::Malformed => "is damaged, or its parts do not belong together",
            Self::Private => {
                "is a private key; publish its public half, as `openssl pkey -pubout` prints it"
            }
            Self::Public => "is a public key; signing takes the private one",
            Self::Encrypted => "is encrypted; `openssl pkey` prints it without its passphrase",
            Self::Secret => "is a shared secret, which is never published",
            Self::Unsupported => "is of another type than Ed25519, P-256 or RSA",
            Self::Size => "is an RSA key of fewer than 2048 or more than 4096 bits",
            Self::OtherUse => "is for another use than signatures",
            Self::OtherAlgorithm => "has an `alg` that is not the one of its type",
            Self::OtherName => "has a `kid` that is not its thumbprint (RFC 7638)",
            Self::Repeated => "repeats a key that is there already",
            Self::TooMany => "holds more than 32 keys",
        })
    }
}

/// As it stands in the output of a `main` that returns it.
impl fmt::Debug for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for KeyError {}
