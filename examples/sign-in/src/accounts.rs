//! Accounts, in memory: what a database would hold, and each change as the one `UPDATE` that it would be.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Argon2, Params};
use serde::{Deserialize, Serialize};
use tokio::sync::{RwLock, Semaphore};
use tokio::{task, time::timeout};
use webauthn_rs::prelude::{AuthenticationResult, CredentialID, Passkey, Uuid};

use crate::Claims;
use crate::openid::Identity;
use crate::problem::Problem;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Id(u32);

#[derive(Clone)]
pub struct Account {
    pub id: Id,
    pub email: String,
    pub confirmed: bool,
    pub password_hash: String,
    /// How often somebody logged in by a link.
    pub links: u32,
    generation: u32,
    /// Issuer and subject: an address at a provider is nobody's name.
    identities: Vec<(String, String)>,
    /// Random, because an authenticator shows it to whoever holds it.
    pub handle: Uuid,
    /// Each with when the last challenge that it answered was made.
    passkeys: Vec<(Passkey, Duration)>,
}

impl Account {
    fn new(others: &[Self], email: &str, password_hash: String) -> Self {
        Self {
            id: Id(others.len().try_into().unwrap_or(u32::MAX)),
            email: email.to_owned(),
            confirmed: false,
            password_hash,
            links: 0,
            generation: 0,
            identities: Vec::new(),
            handle: Uuid::new_v4(),
            passkeys: Vec::new(),
        }
    }

    pub fn passkeys(&self) -> impl Iterator<Item = &CredentialID> {
        self.passkeys.iter().map(|(passkey, _)| passkey.cred_id())
    }

    fn has(&self, identity: &Identity) -> bool {
        self.identities.contains(&identity.key())
    }

    pub fn claims(&self) -> Claims {
        Claims {
            sub: self.id,
            email: self.email.clone(),
            confirmed: self.confirmed,
            generation: self.generation,
        }
    }
}

#[derive(Clone)]
pub struct Accounts(Arc<RwLock<Vec<Account>>>);

impl Accounts {
    pub async fn with_demo() -> Self {
        let hash = hash("wonderland".to_owned()).await.unwrap_or_default();
        let ada = Account::new(&[], "ada@example.com", hash);
        Self(Arc::new(RwLock::new(vec![ada])))
    }

    pub async fn find(&self, id: Id) -> Option<Account> {
        self.0
            .read()
            .await
            .iter()
            .find(|account| account.id == id)
            .cloned()
    }

    pub async fn of_email(&self, email: &str) -> Option<Account> {
        self.0
            .read()
            .await
            .iter()
            .find(|account| account.email == email)
            .cloned()
    }

    /// An unknown name takes as long as a wrong password.
    pub async fn of_password(&self, email: &str, password: String) -> Result<Account, Problem> {
        let account = self.of_email(email).await;
        let hash = account
            .as_ref()
            .map_or(NOBODY.clone(), |account| account.password_hash.clone());
        let is_right = verify(password, hash).await?;
        account
            .filter(|_| is_right)
            .ok_or(Problem::WRONG_CREDENTIALS)
    }

    /// The account of an identity, a new one where nobody has it yet. An account with the same address is not its own: whoever can
    /// register that address at the provider would take it over. Its owner logs in and links.
    pub async fn of_identity(&self, identity: &Identity) -> Claims {
        let mut accounts = self.0.write().await;
        if let Some(owner) = accounts.iter().find(|account| account.has(identity)) {
            return owner.claims();
        }
        let mut account = Account::new(&accounts, &identity.to_string(), String::new());
        account.identities.push(identity.key());
        let claims = account.claims();
        accounts.push(account);
        claims
    }

    /// `INSERT INTO identities .. ON CONFLICT DO NOTHING`, and whose it then is.
    pub async fn link(&self, id: Id, identity: &Identity) -> Result<Claims, Problem> {
        let mut accounts = self.0.write().await;
        let owner = accounts.iter().find(|account| account.has(identity));
        if owner.is_some_and(|owner| owner.id != id) {
            return Err(Problem::TAKEN);
        }
        let account = accounts.iter_mut().find(|account| account.id == id);
        let account = account.ok_or(Problem::CHANGED)?;
        if !account.has(identity) {
            account.identities.push(identity.key());
        }
        Ok(account.claims())
    }

    /// `UPDATE .. SET password_hash = $new, generation = generation + 1 WHERE id = $id AND password_hash = $old`
    pub async fn replace_password(&self, id: Id, old: &str, new: String) -> Result<(), Problem> {
        self.change(id, |account| {
            let unchanged = account.password_hash == old;
            if unchanged {
                account.password_hash = new;
                account.generation += 1; // whoever knew the old one is signed out
            }
            unchanged
        })
        .await
    }

    /// `UPDATE .. SET links = links + 1 WHERE id = $id AND links = $old`
    pub async fn count_link(&self, id: Id, old: u32) -> Result<(), Problem> {
        self.change(id, |account| {
            let unchanged = account.links == old;
            account.links += u32::from(unchanged);
            unchanged
        })
        .await
    }

    /// `UPDATE .. SET confirmed = true WHERE id = $id AND email = $email AND NOT confirmed`
    pub async fn confirm(&self, id: Id, email: &str) -> Result<(), Problem> {
        self.change(id, |account| {
            let unchanged = account.email == email && !account.confirmed;
            account.confirmed |= unchanged;
            unchanged
        })
        .await
    }

    /// `INSERT INTO passkeys ..`, where a passkey's name is unique.
    pub async fn add_passkey(&self, id: Id, new: Passkey) -> Result<(), Problem> {
        let mut accounts = self.0.write().await;
        let known = |account: &Account| account.passkeys().any(|name| name == new.cred_id());
        if accounts.iter().any(known) {
            return Err(Problem::TAKEN);
        }
        let account = accounts.iter_mut().find(|account| account.id == id);
        let account = account.ok_or(Problem::CHANGED)?;
        account.passkeys.push((new, Duration::ZERO));
        Ok(())
    }

    /// `SELECT .. WHERE handle = $handle AND name = $name AND answered < $asked`
    pub async fn passkey(
        &self,
        handle: Uuid,
        name: &[u8],
        asked: Duration,
    ) -> Result<Passkey, Problem> {
        let accounts = self.0.read().await;
        let account = accounts.iter().find(|account| account.handle == handle);
        let mut passkeys = account.into_iter().flat_map(|account| &account.passkeys);
        passkeys
            .find(|(passkey, answered)| passkey.cred_id().as_slice() == name && *answered < asked)
            .map(|(passkey, _)| passkey.clone())
            .ok_or(Problem::UNKNOWN_PASSKEY)
    }

    /// `UPDATE passkeys SET answered = $asked, counter = .. WHERE handle = $handle AND name = $name AND answered < $asked`: an
    /// answer counts once, and none that is older than one that counted.
    pub async fn answered(
        &self,
        handle: Uuid,
        result: &AuthenticationResult,
        asked: Duration,
    ) -> Result<Claims, Problem> {
        let mut accounts = self.0.write().await;
        let account = accounts.iter_mut().find(|account| account.handle == handle);
        let account = account.ok_or(Problem::CHANGED)?;
        let mut passkeys = account.passkeys.iter_mut();
        let (passkey, answered) = passkeys
            .find(|(passkey, answered)| passkey.cred_id() == result.cred_id() && *answered < asked)
            .ok_or(Problem::CHANGED)?;
        passkey.update_credential(result);
        *answered = asked;
        Ok(account.claims())
    }

    async fn change(
        &self,
        id: Id,
        change: impl FnOnce(&mut Account) -> bool,
    ) -> Result<(), Problem> {
        let mut accounts = self.0.write().await;
        let account = accounts.iter_mut().find(|account| account.id == id);
        if account.is_some_and(change) {
            Ok(())
        } else {
            Err(Problem::CHANGED)
        }
    }
}

/// So many passwords are hashed at once, because of the memory; the quickstart has the reasons.
static AT_ONCE: Semaphore = Semaphore::const_new(4);
static ARGON2: LazyLock<Argon2<'static>> =
    LazyLock::new(|| Argon2::from(Params::new(46 * 1024, 1, 1, None).unwrap_or_default()));
/// Of a password that nobody has.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let hash: Result<PasswordHash, _> = ARGON2.hash_password(b"nobody has it");
    hash.map(|hash| hash.to_string()).unwrap_or_default()
});

async fn bounded<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let Ok(Ok(_permit)) = timeout(Duration::from_secs(3), AT_ONCE.acquire()).await else {
        return Err(Problem::BUSY);
    };
    task::spawn_blocking(work).await.map_err(|_| Problem::BUSY)
}

pub async fn hash(password: String) -> Result<String, Problem> {
    let hash = move || {
        ARGON2
            .hash_password(password.as_bytes())
            .map(|hash: PasswordHash| hash.to_string())
    };
    bounded(hash).await?.map_err(|_| Problem::BUSY)
}

async fn verify(password: String, hash: String) -> Result<bool, Problem> {
    let verify = move || {
        let hash = PasswordHash::new(&hash);
        hash.is_ok_and(|hash| ARGON2.verify_password(password.as_bytes(), &hash).is_ok())
    };
    bounded(verify).await
}
