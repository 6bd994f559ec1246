//! Every limit of the server, with the argument for its value. Input is hostile; a limit that nobody can name is none.

use std::time::Duration;

/// How long a client may take for a whole request head. A head is one packet from anybody honest; five seconds forgive
/// two lost packets, and 10,000 clients that drip bytes are gone before the next scrape but one.
pub const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// How long a connection may rest between two requests: the usual scrape interval is at most 60 s, so that a scraper
/// keeps its connection.
pub const IDLE_WITHIN: Duration = Duration::from_secs(75);
/// The largest request head. A long `Accept`, a token and a user's cursor need less than 2 KiB.
pub const HEAD_BYTES: usize = 16 * 1024;
/// The most header fields; a browser behind two proxies sends about 30.
pub const HEAD_FIELDS: usize = 64;

/// How long a response may be blocked before [`WRITE_PROGRESS_BYTES`] have left: a reader that takes nothing keeps one
/// of the few scrape slots from others.
pub const WRITE_BLOCKED_FOR: Duration = Duration::from_secs(10);
/// What a blocked response has to get rid of to earn another [`WRITE_BLOCKED_FOR`]: about 26 KiB a second, so that the
/// largest page is gone in three minutes.
pub const WRITE_PROGRESS_BYTES: usize = 256 * 1024;

/// How long a body or an answer may make no progress before it gives way to others that need what it holds: two lost
/// packets are forgiven, a client that does not read or write is not.
pub const GIVE_WAY_AFTER: Duration = Duration::from_secs(2);
/// The rate, in bytes a second, below which a body or an answer is too slow to hold what others need: a telephone with a
/// bad connection has it.
pub const PACE_BYTES_PER_SECOND: u32 = 32 * 1024;
/// How many bytes of answers may wait for their readers: eight of the largest pages. Metrics pages are made while they are
/// sent and count as turns.
pub const ANSWERS_BYTES: usize = 32 * 1024 * 1024;
/// Of one peer: half, so that another one is answered.
pub const ANSWERS_BYTES_PER_PEER: usize = ANSWERS_BYTES / 2;
/// Answers up to this size are not counted: they fit into the kernel's buffers.
pub const ANSWER_FREE_BYTES: usize = 4 * 1024;

/// The time that a body gets before its rate is looked at: a sender that makes its records while it sends.
pub const BODY_GRACE: Duration = Duration::from_secs(10);
/// The slowest body, in bytes a second after the grace: the largest body takes at most nine minutes at it.
pub const BODY_BYTES_PER_SECOND: u32 = 32 * 1024;
/// The largest body on the wire: 80,000 records of activity without compression.
pub const WIRE_BYTES: usize = 16 * 1024 * 1024;
/// The largest body after decoding. Records of activity shrink to a tenth or less; what shrinks more is no record.
pub const DECODED_BYTES: usize = 64 * 1024 * 1024;
/// How many bytes all that is taken in may need at once unless the operator says otherwise. Bodies get half of it, which is
/// three of the largest with their wire form, or thousands of usual ones; what is read from them gets the rest. The answer
/// beyond it is "later", because a daemon that the kernel kills answers nobody.
pub const INGEST_MEMORY: u64 = 512 * 1024 * 1024;
/// Bodies from this size are worked at one after the other within an organisation: its large ones must not take both
/// decoders and both processors from another one's.
pub const LARGE_BODY_BYTES: usize = 64 * 1024;
/// Smaller bodies, as they are, also go side by side while no other organisation sends: 10,000 records, which are
/// read in some milliseconds, so that whoever comes then waits no longer than that.
pub const SIDE_BY_SIDE_BYTES: usize = 2 * 1024 * 1024;
/// Compressed bodies up to this size are decoded where they are read: they become 1 MiB at most, in a millisecond.
/// Larger ones go to a thread that no scrape waits for.
pub const DECODE_INLINE_BYTES: usize = 1024;
/// How many bodies are decoded at once: decoding is bound by the processor, and scrapes need it too.
pub const DECODERS: usize = 2;
/// How many requests of one organisation may be under way: one feed with a retry of itself, one person, one file job.
pub const REQUESTS_PER_ORG: usize = 4;
/// How long a refused client is to wait, in seconds: longer than a commit takes, shorter than a scrape interval.
pub const RETRY_AFTER_SECONDS: u32 = 5;

/// How much of a refused body is read and thrown away, so that a client that sends before it reads sees the answer
/// instead of a reset connection: twice the largest body that would have been taken.
pub const DRAIN_BYTES: usize = 2 * WIRE_BYTES;
/// For how long.
pub const DRAIN_FOR: Duration = Duration::from_secs(5);

/// The most connections at once, if the process may have that many files open.
pub const CONNECTIONS: usize = 16 * 1024;
/// Files that stay free for the store, the log, standard streams and outbound requests.
pub const FILES_RESERVED: usize = 256;
/// The most connections of one remote address (of one /64 in IPv6): more than any proxy's pool, and too few for one
/// host to spend them all.
pub const CONNECTIONS_PER_PEER: usize = 512;
/// The same for loopback, where a local proxy or a tunnel stands for everybody.
pub const CONNECTIONS_OF_LOOPBACK: usize = 12 * 1024;
/// Connections that the kernel completes before we accept them; the system's own limit may be lower.
pub const BACKLOG: u32 = 4096;
/// How long to wait when the system refuses to hand over a connection (no files left): the next close frees one.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How many refusals a second one sender gets at once; more wait for [`FLOOD_DELAY`]. A browser that looks for a page and
/// its icons, or a job with an old token, sends a few.
pub const FLOOD_FREE: u32 = 64;
/// How long the others wait: 512 connections then cost what 512 requests a second do.
pub const FLOOD_DELAY: Duration = Duration::from_secs(1);
/// How many senders are counted; when more send refused requests within a second, all wait.
pub const FLOOD_SENDERS: usize = 1024;
/// How many passwords wait for their turn to be computed: at a tenth of a second each, the last waits less than a client
/// does. Passwords that were computed before do not wait.
pub const PASSWORDS_WAITING: usize = 24;
/// How many of them may come from one address, so that one host does not fill the queue for all others.
pub const PASSWORDS_WAITING_PER_PEER: usize = 2;
/// The same for this machine itself, so that it leaves others their turn. A proxy on it names those behind it.
pub const PASSWORDS_WAITING_OF_LOOPBACK: usize = 16;
/// How often the log names a refusal of the same reason, organisation and peer; those in between are counted.
pub const REFUSALS_LOGGED_EVERY: Duration = Duration::from_secs(60);
/// How many of them are counted one by one; a minute of refusals from everywhere is a screen of log.
pub const REFUSAL_KINDS: usize = 64;
/// How many wrong passwords are remembered, so that a scraper with a wrong one is refused for nothing.
pub const PASSWORDS_REMEMBERED: usize = 256;
/// How long a client may take for the whole handshake of an encrypted connection: two round trips, with lost packets
/// forgiven as for a head.
pub const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);

/// The most scrapes at once; the default of the Prometheus family's `--web.max-requests`.
pub const SCRAPES: usize = 40;
/// How long a scrape waits for its turn: pages of a burst are made within milliseconds, and whoever does not read gives way
/// after [`GIVE_WAY_AFTER`]; together well within Prometheus's default time-out of 10 s.
pub const SCRAPE_WAITS: Duration = Duration::from_secs(3);
/// How often a waiting scrape looks for its turn: less than anybody notices, and little work for those that wait.
pub const SCRAPE_LOOKS_EVERY: Duration = Duration::from_millis(5);
/// How long connections may finish what they are doing when the daemon ends: longer than a commit, shorter than the 30 s
/// after which orchestrators kill.
pub const SHUTDOWN_WITHIN: Duration = Duration::from_secs(10);

/// How many letters of a service account are shown to whoever has shown no password: enough to know it by.
pub const SHOWN_OF_ACCOUNT: usize = 3;
/// How many users a page of the API has without a limit in its query.
pub const USERS_PER_PAGE: usize = 100;
/// The most users in one page: about 4 MB of JSON.
pub const USERS_PER_PAGE_MOST: usize = 1000;
/// How many users a page for people has: what one scrolls through.
pub const USERS_PER_SHEET: usize = 50;
/// How many organisations the first page shows in full: who has more that need somebody starts with the first.
pub const CARDS: usize = 100;
/// How many changes a user's page lists, the newest ones.
pub const CHANGES: usize = 100;
/// How many lines of a paste are shown before it is stored: a page of the organisation and three users, and more.
pub const PREVIEW_LINES: usize = 200;
/// How many pasted forms are read at once: a form is read before it is known who sends it, so that forms may take half
/// of the memory of bodies at most.
pub const FORMS: usize = 8;
/// How many pages read the past at once: each holds a thread and a connection to the store, and takes milliseconds.
pub const READERS: usize = 4;
