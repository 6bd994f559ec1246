//! Passwords against bcrypt hashes, with their cost bounded: a hash is meant to be dear, and anybody may send passwords.
//!
//! One is computed at a time, on a thread that no scrape waits for, and few wait for their turn. What came out is
//! remembered under a keyed hash, so that a scraper pays once, and so does one that is misconfigured.

use super::auth::User;
use super::limits::{
    PASSWORDS_REMEMBERED, PASSWORDS_WAITING, PASSWORDS_WAITING_PER_PEER, WRONG_PASSWORDS_TOLD_EVERY,
};
use super::peers::Peers;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// What became of a name and a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
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
    told: Mutex<Option<Instant>>,
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
            // A local proxy stands for everybody, so that this machine may fill the queue.
            waiting: Peers::bounded(
                PASSWORDS_WAITING,
                PASSWORDS_WAITING_PER_PEER,
                PASSWORDS_WAITING,
            ),
            told: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// Whether `name` is one of `users` and `password` is theirs.
    pub(super) async fn check(
        &self,
        users: &[User],
        name: &str,
        password: &str,
        peer: IpAddr,
    ) -> Verdict {
        let user = users.iter().find(|user| user.name == name);
        // An unknown name costs what a known one does, or the time would tell which names exist.
        let Some(hash) = user.or(users.first()).map(|user| user.hash.clone()) else {
            return Verdict::WrongAnew;
        };
        let known = user.is_some();
        let print = self.print(name, password, hash.expose());
        match self.remembered(&print) {
            Some(true) => return Verdict::Right,
            Some(false) => return Verdict::Wrong,
            None => {}
        }
        let Some(_waiting) = self.waiting.admit(peer) else {
            return Verdict::TooMany;
        };
        let Ok(turn) = Arc::clone(&self.turn).acquire_owned().await else {
            return Verdict::TooMany;
        };
        // Somebody who waited before us may have brought the same.
        if let Some(right) = self.remembered(&print) {
            return if right {
                Verdict::Right
            } else {
                Verdict::Wrong
            };
        }
        let password = Zeroizing::new(password.to_owned());
        let computed = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            bcrypt::verify(password.as_bytes(), hash.expose())
        });
        let right = known && matches!(computed.await, Ok(Ok(true)));
        self.remember(print, right);
        if right {
            Verdict::Right
        } else {
            Verdict::WrongAnew
        }
    }

    /// Whether a wrong password is one to be told of at `now`: a flood of them is not to fill the log.
    pub(super) fn to_be_told(&self, now: Instant) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let due = told.is_none_or(|told| now.duration_since(told) >= WRONG_PASSWORDS_TOLD_EVERY);
        if due {
            *told = Some(now);
        }
        due
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

    fn remembered(&self, print: &[u8; 32]) -> Option<bool> {
        let remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        remembered.right.get(print).copied()
    }

    fn remember(&self, print: [u8; 32], right: bool) {
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Remembered {
            right: all,
            oldest_wrong,
        } = &mut *remembered;
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

/// 32 bytes that nobody can guess.
fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..)
        && !rest.is_empty()
    {
        // It fails only where the system call does not exist, and is cut short only by signals.
        match rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()) {
            Ok(more) => filled += more,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => break,
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn users(passwords: &[(&str, &str)]) -> Vec<User> {
        passwords
            .iter()
            .map(|(name, password)| User {
                name: (*name).to_owned(),
                hash: Secret::from_file_text(&bcrypt::hash(password, 4).unwrap()).unwrap(),
            })
            .collect()
    }

    #[tokio::test]
    async fn only_the_password_of_the_very_user_is_right_and_each_pair_is_computed_once() {
        let passwords = Passwords::new();
        let users = users(&[("ann", "first"), ("bob", "second")]);
        for (name, password, first, again) in [
            ("ann", "first", Verdict::Right, Verdict::Right),
            ("bob", "second", Verdict::Right, Verdict::Right),
            ("ann", "second", Verdict::WrongAnew, Verdict::Wrong),
            ("ann", "", Verdict::WrongAnew, Verdict::Wrong),
            // Nobody of that name, with the password of the first user.
            ("eve", "first", Verdict::WrongAnew, Verdict::Wrong),
        ] {
            assert_eq!(passwords.check(&users, name, password, LOCAL).await, first);
            assert_eq!(passwords.check(&users, name, password, LOCAL).await, again);
        }
        let changed = self::users(&[("ann", "third")]);
        assert_eq!(
            passwords.check(&changed, "ann", "first", LOCAL).await,
            Verdict::WrongAnew
        );
        assert_eq!(
            passwords.check(&changed, "ann", "third", LOCAL).await,
            Verdict::Right
        );
    }

    #[tokio::test]
    async fn a_flood_of_wrong_passwords_is_bounded_and_holds_up_nobody_who_is_known() {
        let passwords = Arc::new(Passwords::new());
        let users = Arc::new(users(&[("ann", "first")]));
        assert_eq!(
            passwords.check(&users, "ann", "first", LOCAL).await,
            Verdict::Right
        );
        let flood: Vec<_> = (0..10 * PASSWORDS_WAITING)
            .map(|n| {
                let (passwords, users) = (Arc::clone(&passwords), Arc::clone(&users));
                tokio::spawn(
                    async move { passwords.check(&users, "ann", &n.to_string(), LOCAL).await },
                )
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(
            passwords.check(&users, "ann", "first", LOCAL).await,
            Verdict::Right
        );
        let mut refused = 0;
        for asked in flood {
            let verdict = asked.await.unwrap();
            refused += usize::from(verdict == Verdict::TooMany);
            assert!(matches!(verdict, Verdict::TooMany | Verdict::WrongAnew));
        }
        assert!(refused >= 8 * PASSWORDS_WAITING, "{refused}");
        for n in 0..2 * PASSWORDS_REMEMBERED {
            passwords.remember(passwords.print("ann", &n.to_string(), ""), false);
        }
        let kept = passwords.remembered.lock().unwrap().right.len();
        assert!(kept <= PASSWORDS_REMEMBERED + 1, "{kept}");
    }

    #[tokio::test]
    async fn one_host_that_floods_leaves_room_for_another() {
        let passwords = Arc::new(Passwords::new());
        let users = Arc::new(users(&[("ann", "first")]));
        let flooding = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let flood: Vec<_> = (0..10 * PASSWORDS_WAITING)
            .map(|n| {
                let (passwords, users) = (Arc::clone(&passwords), Arc::clone(&users));
                tokio::spawn(async move {
                    let password = n.to_string();
                    passwords.check(&users, "ann", &password, flooding).await
                })
            })
            .collect();
        tokio::task::yield_now().await;
        let scraper = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
        assert_eq!(
            passwords.check(&users, "ann", "first", scraper).await,
            Verdict::Right
        );
        let mut computed = 0;
        for asked in flood {
            computed += usize::from(asked.await.unwrap() == Verdict::WrongAnew);
        }
        // Who comes when one was done has its place.
        assert!(
            (PASSWORDS_WAITING_PER_PEER..PASSWORDS_WAITING).contains(&computed),
            "{computed}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_passwords_are_told_now_and_then() {
        let passwords = Passwords::new();
        let begun = Instant::now();
        let told: Vec<bool> = [0, 1, 9, 10, 11, 30]
            .map(|seconds| passwords.to_be_told(begun + Duration::from_secs(seconds)))
            .to_vec();
        assert_eq!(told, [true, false, false, true, false, true]);
    }
}
