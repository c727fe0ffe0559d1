//! How many rows of a mailbox a message costs each device, with all that clients say by themselves because of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use privmsg_client::{ChatId, Draft, HistoryItem, Recipient, Setting};
use serde_json::Value;

use crate::hostile::{Frame, HostileServer};
use crate::wait::{PATIENCE, until};
use crate::{Admin, Person};

/// What follows from a message by itself has come within this time.
const SETTLING: Duration = Duration::from_secs(8);

/// A way to the server on which what comes out of mailboxes is counted.
#[derive(Debug)]
pub struct Rows {
    way: HostileServer,
    counted: Arc<AtomicU64>,
}

impl Rows {
    /// To this server.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn before(server: SocketAddr) -> Result<Self> {
        let (way, counted) = (HostileServer::at(server).await?, Arc::new(AtomicU64::new(0)));
        let count = Arc::clone(&counted);
        way.rewrites_frames(move |frame| {
            // A device renews its leaf key when it is time, whatever is said meanwhile.
            let is_upkeep = |message: &Value| message.get("message_type").is_some_and(|kind| kind == "key_exchange");
            if matches!(frame, Frame::FromServer(_)) && frame.payload("message").is_some_and(|one| !is_upkeep(one)) {
                count.fetch_add(1, Ordering::SeqCst);
            }
            vec![frame]
        });
        Ok(Self { way, counted })
    }

    /// What a user enters.
    #[must_use]
    pub fn url(&self) -> String {
        self.way.url()
    }

    /// So far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counted.load(Ordering::SeqCst)
    }
}

/// Alice and Bob, with so many devices each. Her devices come first; it is the first one of each that they write from.
struct Pair {
    devices: Vec<Person>,
    rows: Vec<Rows>,
    each: usize,
}

impl Pair {
    async fn talks(server: SocketAddr, admin: &Admin, each: usize) -> Result<Self> {
        let mut rows = Vec::new();
        for _ in 0..2 * each {
            rows.push(Rows::before(server).await?);
        }
        let alice = Person::signs_in(&rows[0].url(), &admin.creates("alice").await?).await?;
        let bob = Person::signs_in(&rows[each].url(), &admin.creates("bob").await?).await?;
        alice.says(&bob, "hi").await?;
        bob.hears(&alice, "hi").await?;
        bob.says(&alice, "hi yourself").await?;
        alice.hears(&bob, "hi yourself").await?;
        let mut devices = Vec::new();
        for (first, ways) in [alice, bob].into_iter().zip(rows.chunks(each)) {
            let place = devices.len();
            devices.push(first);
            for way in &ways[1..] {
                let another = devices[place].takes_another_device(&way.url()).await?;
                devices.push(another);
            }
        }
        Ok(Self { devices, rows, each })
    }

    fn counts(&self) -> Vec<u64> {
        self.rows.iter().map(Rows::count).collect()
    }

    /// Alice writes `texts` messages to a chat, each after everybody has the one before and all that comes of it. Bob reads each at once
    /// on his first device if he `reads`. Returns the rows of the device with the most of them, for each message.
    async fn costs(&self, to: &[ChatId], recipient: &Recipient, texts: usize, reads: bool) -> Result<f64> {
        tokio::time::sleep(SETTLING).await;
        let before = self.counts();
        for number in 0..texts {
            let text = format!("number {number}");
            let sent = self.devices[0].client().send(recipient, Draft::text(&text)).await?;
            self.devices[0].delivered(&sent).await?;
            for (device, chat) in self.devices.iter().zip(to.iter().copied()) {
                until("that everybody has it", PATIENCE, || async {
                    let page = device.client().page(chat, privmsg_client::Page::Newest, 5).await?;
                    let has = |item: &HistoryItem| item.message().is_some_and(|message| message.text == text);
                    Ok(page.iter().any(has).then_some(()))
                })
                .await?;
            }
            if reads {
                self.devices[self.each].client().mark_read(to[self.each], None).await?;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        tokio::time::sleep(SETTLING).await;
        let rows = self.counts().into_iter().zip(before).map(|(after, before)| after - before);
        Ok(rows.max().unwrap_or_default() as f64 / texts as f64)
    }
}

/// Between two people with so many devices each: that it was delivered is told, and that it was read, if both want that.
///
/// # Errors
/// If something takes too long.
pub async fn of_a_direct_message(
    server: SocketAddr,
    admin: &Admin,
    each: usize,
    texts: usize,
    reads: bool,
) -> Result<f64> {
    let pair = Pair::talks(server, admin, each).await?;
    let mut to = Vec::new();
    for (number, device) in pair.devices.iter().enumerate() {
        device.client().set(Setting::ReadReceipts, reads).await?;
        let other = &pair.devices[if number < each { each } else { 0 }];
        to.push(device.chat(other).await?);
    }
    let bob = Recipient::User(pair.devices[each].account().user_id.clone());
    pair.costs(&to, &bob, texts, reads).await
}

/// The same in a group, which has no receipts.
///
/// # Errors
/// If something takes too long.
pub async fn of_a_group_message(server: SocketAddr, admin: &Admin, each: usize, texts: usize) -> Result<f64> {
    let pair = Pair::talks(server, admin, each).await?;
    let (alice, bob) = (&pair.devices[0], &pair.devices[each]);
    let made = alice.client().create_group("Both", std::slice::from_ref(&bob.account().user_id)).await?;
    alice.client().wait_group_made(made).await?;
    let group = Recipient::Group(alice.client().group(made).await?.conversation);
    let mut to = Vec::new();
    for device in &pair.devices {
        to.push(until("the group", PATIENCE, || async { Ok(device.client().chat_with(&group).await?) }).await?);
    }
    pair.costs(&to, &group, texts, true).await
}
