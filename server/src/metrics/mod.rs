//! Figures about the running server, in the form that Prometheus reads.
//!
//! What happens is counted where it happens, in an atomic; what is there at a time is looked up when somebody asks
//! ([`serve`]). A label never names a user, a device, a message or an address: their number is unbounded, and who talks
//! with whom is nobody's business.

mod kept;
mod process;
mod requests;
mod serve;

use privmsg_protocol::ErrorCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub(crate) use requests::observe;
pub(crate) use serve::router;

use crate::storage::Transaction;

/// From what a disk's cache takes to what somebody at the other end notices.
const COMMIT_SECONDS: [f64; 11] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

/// From a lookup to an upload over a bad network.
const REQUEST_SECONDS: [f64; 12] = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0, 600.0];

/// Up to what the writer takes in one transaction.
const BATCH_MESSAGES: [f64; 12] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCode {
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByFolder {
    folder: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRoute {
    method: &'static str,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAnswer {
    method: &'static str,
    route: String,
    status: u16,
}

/// See the module.
pub(crate) struct Metrics {
    registry: Registry,
    accepted: Counter,
    delivered: Counter,
    acknowledged: Counter,
    refusals: Family<ByCode, Counter>,
    logins: Family<ByResult, Counter>,
    requests: Family<ByAnswer, Counter>,
    request_seconds: Family<ByRoute, Histogram>,
    uploaded: Counter,
    downloaded: Counter,
    batch_messages: Histogram,
    commit_seconds: Histogram,
    failed_transactions: Counter,
    writer_queue: Gauge,
    /// Open connections, signed in or not.
    pub(crate) connections: Gauge,
    now: Now,
}

/// What is looked up when somebody asks.
struct Now {
    users_online: Gauge,
    devices_online: Gauge,
    outbox_queue: Gauge,
    users: Gauge,
    mailbox_messages: Gauge,
    files: Gauge,
    stored_bytes: Gauge,
    disk_free: Family<ByFolder, Gauge>,
    certificate_expires: Gauge,
    backup_finished: Gauge,
    process: process::Process,
}

/// Adds a metric to the registry and keeps a handle to it.
fn add<M>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M
where
    M: prometheus_client::registry::Metric + Clone,
{
    registry.register(name, help, metric.clone());
    metric
}

fn seconds<M>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M
where
    M: prometheus_client::registry::Metric + Clone,
{
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let process = process::Process::register(&mut registry);
        let r = registry.sub_registry_with_prefix("privmsg");
        r.register("build", "The server's version", Info::new(Build { version: env!("CARGO_PKG_VERSION") }));
        let request_histogram: fn() -> Histogram = || Histogram::new(REQUEST_SECONDS);
        let batch = Histogram::new(BATCH_MESSAGES);
        let commit = Histogram::new(COMMIT_SECONDS);
        let durations = Family::new_with_constructor(request_histogram);
        Self {
            accepted: add(r, "messages_accepted", "Messages that became durable", Counter::default()),
            delivered: add(r, "messages_delivered", "Messages written to a device", Counter::default()),
            acknowledged: add(r, "messages_acknowledged", "Messages that a device has stored", Counter::default()),
            refusals: add(r, "frames_refused", "Frames that were answered with an error", Family::default()),
            logins: add(r, "logins", "Logins by what became of them", Family::default()),
            requests: add(r, "http_requests", "REST requests", Family::default()),
            request_seconds: seconds(r, "http_request_duration", "From the head to the head of the answer", durations),
            uploaded: add(r, "upload_bytes", "Bytes of files received", Counter::default()),
            downloaded: add(r, "download_bytes", "Bytes of files sent", Counter::default()),
            batch_messages: add(r, "writer_batch_messages", "Messages that one transaction made durable", batch),
            commit_seconds: seconds(r, "writer_transaction_duration", "Time until a transaction was durable", commit),
            failed_transactions: add(r, "writer_failures", "Transactions that were undone", Counter::default()),
            writer_queue: add(r, "writer_queue", "Operations that wait for the writer", Gauge::default()),
            connections: add(r, "connections", "Open connections", Gauge::default()),
            now: Now::register(r, process),
            registry,
        }
    }

    /// The writer has ended a transaction.
    pub(crate) fn transaction(&self, transaction: Transaction) {
        if transaction.failed {
            self.failed_transactions.inc();
        }
        if transaction.accepted > 0 {
            self.accepted.inc_by(transaction.accepted);
            #[expect(clippy::cast_precision_loss, reason = "at most some thousands")]
            self.batch_messages.observe(transaction.accepted as f64);
        }
        self.commit_seconds.observe(transaction.took.as_secs_f64());
        self.writer_queue.set(i64::try_from(transaction.waiting).unwrap_or(i64::MAX));
    }

    /// Messages that have become durable since the server started.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.get()
    }

    /// A message has been written to a device.
    pub(crate) fn delivered(&self) {
        self.delivered.inc();
    }

    /// A device has stored messages.
    pub(crate) fn acknowledged(&self, messages: usize) {
        self.acknowledged.inc_by(messages as u64);
    }

    /// A frame was answered with an error.
    pub(crate) fn refused(&self, code: &ErrorCode) {
        self.refusals.get_or_create(&ByCode { code: code.as_str().to_owned() }).inc();
    }

    /// Somebody has tried to sign in.
    pub(crate) fn login(&self, result: &'static str) {
        self.logins.get_or_create(&ByResult { result }).inc();
    }
}

impl Now {
    fn register(r: &mut Registry, process: process::Process) -> Self {
        let gauge = Gauge::default;
        Self {
            users_online: add(r, "users_online", "Users with an open connection", gauge()),
            devices_online: add(r, "devices_online", "Devices with an open connection", gauge()),
            outbox_queue: add(r, "outbox_queue", "Messages that wait to be written to connections", gauge()),
            users: add(r, "users", "Accounts that are not revoked", gauge()),
            mailbox_messages: add(r, "mailbox_messages", "Messages that wait in mailboxes, once each", gauge()),
            files: add(r, "files", "Stored files", gauge()),
            stored_bytes: add(r, "stored_bytes", "Size of files and database", gauge()),
            disk_free: add(r, "disk_free_bytes", "Room on the disk, by what lies there", Family::default()),
            certificate_expires: seconds(r, "certificate_expiry_timestamp", "When the certificate ends", gauge()),
            backup_finished: seconds(r, "backup_timestamp", "When the newest nightly backup was made", gauge()),
            process,
        }
    }
}
