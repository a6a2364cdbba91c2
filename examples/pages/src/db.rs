//! Users and notes, forgotten at every start; a database keeps them.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash};
use serde::{Deserialize, Serialize};
use tokio::sync::{RwLock, watch};
use tokio::task::spawn_blocking;

use crate::Claims;

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct UserId(pub u32);

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Admin,
    User,
}

#[derive(Clone)]
pub struct User {
    pub claims: Claims,
    pub is_disabled: bool,
    password: PasswordHash,
}

#[derive(Clone)]
pub struct Note {
    pub id: u64,
    pub text: String,
    owner: UserId,
}

/// The notes of one user, and which version of all notes they are from.
pub struct Notes {
    pub list: Vec<Note>,
    pub version: u64,
}

#[derive(Clone)]
pub struct Db {
    users: Arc<RwLock<Vec<User>>>,
    notes: Arc<RwLock<Vec<Note>>>,
    /// How often a note came or went, which is the next one's number.
    version: watch::Sender<u64>,
    nobody: PasswordHash,
}

impl Db {
    pub fn with_demo_users() -> password_hash::Result<Self> {
        let user = |id, name: &str, role, password: &str| {
            Ok::<_, password_hash::Error>(User {
                claims: Claims {
                    sub: UserId(id),
                    name: name.to_owned(),
                    role,
                },
                is_disabled: false,
                password: hash(password)?,
            })
        };
        let alice = user(1, "alice", Role::Admin, "wonderland")?;
        let bob = user(2, "bob", Role::User, "builder")?;
        Ok(Self {
            users: Arc::new(RwLock::new(vec![alice, bob])),
            notes: Arc::default(),
            version: watch::Sender::new(0),
            nobody: hash("")?,
        })
    }

    /// Nobody for a user who is gone or disabled.
    pub async fn claims(&self, id: UserId) -> Option<Claims> {
        let users = self.users.read().await;
        let user = users.iter().find(|user| user.claims.sub == id)?;
        (!user.is_disabled).then(|| user.claims.clone())
    }

    pub async fn check_password(&self, name: &str, password: String) -> Option<Claims> {
        let users = self.users.read().await;
        let user = users.iter().find(|user| user.claims.name == name).cloned();
        drop(users);
        // A name that nobody has takes as long as a wrong password.
        let expected = user
            .as_ref()
            .map_or(&self.nobody, |user| &user.password)
            .clone();
        let matches = spawn_blocking(move || {
            let hasher = Argon2::default();
            hasher
                .verify_password(password.as_bytes(), &expected)
                .is_ok()
        });
        let user = user.filter(|user| !user.is_disabled)?;
        matches.await.unwrap_or(false).then_some(user.claims)
    }

    pub async fn users(&self) -> Vec<User> {
        self.users.read().await.clone()
    }

    pub async fn switch(&self, id: UserId) {
        let mut users = self.users.write().await;
        if let Some(user) = users.iter_mut().find(|user| user.claims.sub == id) {
            user.is_disabled = !user.is_disabled;
        }
    }

    pub async fn notes(&self, owner: UserId) -> Notes {
        let notes = self.notes.read().await;
        let theirs = notes.iter().filter(|note| note.owner == owner);
        Notes {
            list: theirs.cloned().collect(),
            version: *self.version.borrow(),
        }
    }

    pub async fn add(&self, owner: UserId, text: String) {
        let text = text.trim().to_owned();
        if text.is_empty() || text.len() > 500 {
            return;
        }
        let mut notes = self.notes.write().await;
        let id = self.next_version();
        notes.push(Note { id, text, owner });
    }

    pub async fn delete(&self, owner: UserId, id: u64) {
        let mut notes = self.notes.write().await;
        notes.retain(|note| (note.id, note.owner) != (id, owner));
        self.next_version();
    }

    fn next_version(&self) -> u64 {
        self.version.send_modify(|version| *version += 1);
        *self.version.borrow()
    }

    /// Tells of every change from now on, and of this moment.
    pub fn versions(&self) -> watch::Receiver<u64> {
        let mut versions = self.version.subscribe();
        versions.mark_changed();
        versions
    }
}

fn hash(password: &str) -> password_hash::Result<PasswordHash> {
    Argon2::default().hash_password(password.as_bytes())
}
