//! Passwords against bcrypt hashes, with their cost bounded: a hash is meant to be dear, and anybody may send passwords.
//!
//! One is computed at a time, on a thread that no scrape waits for, and few wait for their turn. What came out is
//! remembered under a keyed hash, so that a scraper pays once, and so does one that is misconfigured.

use super::access::FairKey;
use super::auth::BasicAuthUser;
use super::limits::{
    PASSWORDS_REMEMBERED, PASSWORDS_WAITING, PASSWORDS_WAITING_OF_LOOPBACK,
    PASSWORDS_WAITING_PER_PEER,
};
use super::peers::Peers;
use crate::secret::Secret;
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// What became of a name and a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PasswordVerdict {
    /// They are a user's.
    Right,
    /// They were refused before.
    Wrong,
    /// They are refused for the first time.
    WrongAnew,
    /// Too many wait already.
    TooMany,
}

/// Computes and remembers.
pub(super) struct Passwords {
    /// Of this process alone: what is remembered is of no use elsewhere.
    key: [u8; 32],
    remembered: Mutex<Remembered>,
    waiting: Arc<Peers>,
    turn: Arc<Semaphore>,
}

#[derive(Default)]
struct Remembered {
    right: HashMap<[u8; 32], bool>,
    oldest_wrong: VecDeque<[u8; 32]>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self {
            key: random(),
            remembered: Mutex::default(),
            waiting: Peers::bounded(
                PASSWORDS_WAITING,
                PASSWORDS_WAITING_PER_PEER,
                PASSWORDS_WAITING_OF_LOOPBACK,
            ),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// Whether `name` is one of `users` and `password` is theirs.
    pub(super) async fn check(
        &self,
        users: &[BasicAuthUser],
        name: &str,
        password: &str,
        from: &FairKey,
    ) -> PasswordVerdict {
        let user = users.iter().find(|user| user.name == name);
        let hashes = hashes(users, user);
        let known = user.is_some();
        let print = self.print(name, password, user.map_or("", |user| user.hash.expose()));
        if let Some(verdict) = self.remembered(&print) {
            return verdict;
        }
        let address = match from {
            FairKey::Peer(address) => *address,
            FairKey::Org(_) => return PasswordVerdict::TooMany,
        };
        let Some(_waiting) = self.waiting.admit(address) else {
            return PasswordVerdict::TooMany;
        };
        let Ok(turn) = Arc::clone(&self.turn).acquire_owned().await else {
            return PasswordVerdict::TooMany;
        };
        // Somebody who waited before us may have brought the same.
        if let Some(verdict) = self.remembered(&print) {
            return verdict;
        }
        let password = Zeroizing::new(password.to_owned());
        let computed = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let right = hashes.iter().map(|hash| {
                let right = bcrypt::verify(password.as_bytes(), hash.expose());
                right.unwrap_or(false)
            });
            // Every one is computed, whatever came out before.
            right.fold((true, false), |(is_own, right), one| (false, right || is_own && one)).1
        });
        let right = known && computed.await.unwrap_or(false);
        self.remember(print, right);
        if right { PasswordVerdict::Right } else { PasswordVerdict::WrongAnew }
    }

    /// What a name, a password and a hash are remembered under.
    fn print(&self, name: &str, password: &str, hash: &str) -> [u8; 32] {
        let mut print = Sha256::new_with_prefix(self.key);
        for part in [name, password, hash] {
            print.update((part.len() as u64).to_be_bytes());
            print.update(part.as_bytes());
        }
        print.finalize().into()
    }

    fn remembered(&self, print: &[u8; 32]) -> Option<PasswordVerdict> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let right = *remembered.right.get(print)?;
        Some(if right { PasswordVerdict::Right } else { PasswordVerdict::Wrong })
    }

    fn remember(&self, print: [u8; 32], right: bool) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let Remembered { right: all, oldest_wrong } = &mut *remembered;
        // Wrong ones push out wrong ones only, or a stranger could make scrapers pay again. Right ones are as many as there are users and
        // changes of their passwords; when those are too many, everybody pays once more.
        if !right {
            oldest_wrong.push_back(print);
            if oldest_wrong.len() > PASSWORDS_REMEMBERED
                && let Some(oldest) = oldest_wrong.pop_front()
            {
                all.remove(&oldest);
            }
        } else if all.len() >= 2 * PASSWORDS_REMEMBERED {
            all.clear();
            oldest_wrong.clear();
        }
        all.insert(print, right);
    }
}

/// What is computed for a name, the user's own hash first: one hash of each cost that there is, so that a name with a
/// cheap hash, one with a dear hash and one that nobody has all take the same time.
fn hashes(users: &[BasicAuthUser], user: Option<&BasicAuthUser>) -> Vec<Secret> {
    let mut hashes: Vec<&BasicAuthUser> = user.into_iter().collect();
    for other in users {
        if !hashes.iter().any(|one| one.cost == other.cost) {
            hashes.push(other);
        }
    }
    hashes.iter().map(|user| user.hash.clone()).collect()
}

/// 32 bytes that nobody can guess.
fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    // It fails only where the system call does not exist.
    SystemRandom::new().fill(&mut bytes).ok();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    const LOCAL: &FairKey = &FairKey::Peer(IpAddr::V4(Ipv4Addr::LOCALHOST));

    fn user(name: &str, password: &str, cost: u32) -> BasicAuthUser {
        BasicAuthUser {
            name: name.to_owned(),
            hash: Secret::from_file_text(&bcrypt::hash(password, cost).unwrap()).unwrap(),
            cost,
        }
    }

    fn users(passwords: &[(&str, &str)]) -> Vec<BasicAuthUser> {
        passwords.iter().map(|(name, password)| user(name, password, 4)).collect()
    }

    #[test]
    fn every_name_costs_the_same() {
        let users = [user("ann", "first", 4), user("bob", "second", 6), user("cyd", "third", 4)];
        let costs = |name: &str| {
            let of = hashes(&users, users.iter().find(|user| user.name == name));
            let mut costs: Vec<String> =
                of.iter().map(|hash| hash.expose().chars().take(7).collect::<String>()).collect();
            costs.sort();
            costs
        };
        for name in ["ann", "bob", "cyd", "eve"] {
            assert_eq!(costs(name), ["$2b$04$", "$2b$06$"], "{name}");
        }
    }

    #[tokio::test]
    async fn a_password_of_another_user_whose_hash_is_computed_too_is_wrong() {
        let passwords = Passwords::new();
        let users = [user("ann", "first", 4), user("bob", "second", 5)];
        for (name, password, verdict) in [
            ("ann", "second", PasswordVerdict::WrongAnew),
            ("bob", "first", PasswordVerdict::WrongAnew),
            ("eve", "first", PasswordVerdict::WrongAnew),
            ("ann", "first", PasswordVerdict::Right),
            ("bob", "second", PasswordVerdict::Right),
        ] {
            assert_eq!(passwords.check(&users, name, password, LOCAL).await, verdict);
        }
    }

    #[tokio::test]
    async fn only_the_password_of_the_very_user_is_right_and_each_pair_is_computed_once() {
        let passwords = Passwords::new();
        let users = users(&[("ann", "first"), ("bob", "second")]);
        for (name, password, first, again) in [
            ("ann", "first", PasswordVerdict::Right, PasswordVerdict::Right),
            ("bob", "second", PasswordVerdict::Right, PasswordVerdict::Right),
            ("ann", "second", PasswordVerdict::WrongAnew, PasswordVerdict::Wrong),
            ("ann", "", PasswordVerdict::WrongAnew, PasswordVerdict::Wrong),
            // Nobody of that name, with the password of the first user.
            ("eve", "first", PasswordVerdict::WrongAnew, PasswordVerdict::Wrong),
        ] {
            assert_eq!(passwords.check(&users, name, password, LOCAL).await, first);
            assert_eq!(passwords.check(&users, name, password, LOCAL).await, again);
        }
        let changed = self::users(&[("ann", "third")]);
        assert_eq!(
            passwords.check(&changed, "ann", "first", LOCAL).await,
            PasswordVerdict::WrongAnew
        );
        assert_eq!(passwords.check(&changed, "ann", "third", LOCAL).await, PasswordVerdict::Right);
    }

    #[tokio::test]
    async fn a_flood_of_wrong_passwords_is_bounded_and_holds_up_nobody_who_is_known() {
        let passwords = Arc::new(Passwords::new());
        let users = Arc::new(users(&[("ann", "first")]));
        assert_eq!(passwords.check(&users, "ann", "first", LOCAL).await, PasswordVerdict::Right);
        let flood: Vec<_> = (0..10 * PASSWORDS_WAITING)
            .map(|n| {
                let (passwords, users) = (Arc::clone(&passwords), Arc::clone(&users));
                tokio::spawn(
                    async move { passwords.check(&users, "ann", &n.to_string(), LOCAL).await },
                )
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(passwords.check(&users, "ann", "first", LOCAL).await, PasswordVerdict::Right);
        let mut refused = 0;
        for check in flood {
            let verdict = check.await.unwrap();
            refused += usize::from(verdict == PasswordVerdict::TooMany);
            assert!(matches!(verdict, PasswordVerdict::TooMany | PasswordVerdict::WrongAnew));
        }
        assert!(refused >= 8 * PASSWORDS_WAITING, "{refused}");
        for n in 0..2 * PASSWORDS_REMEMBERED {
            passwords.remember(passwords.print("ann", &n.to_string(), ""), false);
        }
        let known = passwords.remembered.lock().unwrap().right.len();
        assert!(known <= PASSWORDS_REMEMBERED + 1, "{known}");
    }

    #[tokio::test]
    async fn one_host_that_floods_leaves_turns_for_another() {
        let passwords = Arc::new(Passwords::new());
        let users = Arc::new(users(&[("ann", "first")]));
        let flooding = FairKey::Peer([192, 0, 2, 1].into());
        let flood: Vec<_> = (0..10 * PASSWORDS_WAITING)
            .map(|n| {
                let (passwords, users) = (Arc::clone(&passwords), Arc::clone(&users));
                let flooding = flooding.clone();
                tokio::spawn(async move {
                    let password = n.to_string();
                    passwords.check(&users, "ann", &password, &flooding).await
                })
            })
            .collect();
        tokio::task::yield_now().await;
        let scraper = FairKey::Peer([192, 0, 2, 2].into());
        assert_eq!(passwords.check(&users, "ann", "first", &scraper).await, PasswordVerdict::Right);
        let mut computed = 0;
        for check in flood {
            computed += usize::from(check.await.unwrap() == PasswordVerdict::WrongAnew);
        }
        // Who comes when one was done has its place.
        assert!((PASSWORDS_WAITING_PER_PEER..PASSWORDS_WAITING).contains(&computed), "{computed}");
    }
}
