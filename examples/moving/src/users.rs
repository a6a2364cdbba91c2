//! Who may log in, for both: a database has them.

#[derive(Clone, Debug)]
pub struct User {
    pub id: u32,
    pub name: &'static str,
    pub is_admin: bool,
    /// Of the password; plain here, where an application has argon2.
    pub hash: &'static str,
}

pub const USERS: [User; 2] = [
    User {
        id: 1,
        name: "alice",
        is_admin: true,
        hash: "wonderland",
    },
    User {
        id: 2,
        name: "bob",
        is_admin: false,
        hash: "builder",
    },
];

pub fn by_id(id: u32) -> Option<User> {
    USERS.into_iter().find(|user| user.id == id)
}

pub fn by_name(name: &str) -> Option<User> {
    USERS.into_iter().find(|user| user.name == name)
}

pub fn by_password(name: &str, password: &str) -> Option<User> {
    let mut users = USERS.into_iter();
    users.find(|user| user.name == name && user.hash == password)
}
