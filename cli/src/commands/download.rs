//! `privmsg download`.

use std::path::Path;

use privmsg_client::{Client, ClientError, DownloadState, Event, MessageView, Reason, SavedFile, Seat};
use privmsg_protocol::MessageId;
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use crate::failure::Failure;
use crate::foreign;
use crate::which::Which;

use super::Session;
use super::progress::Progress;
use super::waiting::LONGEST;

/// Instead of a path: standard output.
const STDOUT: &str = "-";

#[derive(Serialize)]
struct DownloadedObject {
    message_id: String,
    files: Vec<String>,
}

pub(super) async fn run(session: &Session<'_>, which: &Which, out: &Path) -> Result<(), Failure> {
    let lang = session.lang();
    check_target(out, &lang.no_such_directory())?;
    let client = session.open_signed_in().await?;
    let message = message_with_files(&client, &which.find(&client, lang).await?).await?;
    let to_stdout = out.as_os_str() == STDOUT;
    if to_stdout && message.attachments.len() > 1 {
        return Err(Failure::Usage(lang.several_files()));
    }
    fetch(session, &client, message.id).await?;
    if to_stdout {
        let copied = async { Ok(client.copy_file(message.id, std::io::stdout()).await?) };
        return session.signals.unless_interrupted(copied).await;
    }
    let progress = Progress::new(session.output, lang.decrypting());
    let shown = progress.clone();
    let saved = async { Ok(client.save_files(message.id, out, move |done, total| shown.show(done, total)).await?) };
    let saved = session.signals.unless_interrupted(saved).await;
    progress.clear();
    report(session, which.message, saved?)
}

/// Fetches the files of a message.
pub(super) async fn fetch(session: &Session<'_>, client: &Client, message: i64) -> Result<(), Failure> {
    client.want_files(message).await?;
    if let Err(failure) = fetched(session, client, message).await {
        // Who has given up waiting does not want it fetched behind his back.
        client.stop_downloads(message).await?;
        if matches!(failure, Failure::Interrupted(_) | Failure::Client(ClientError::Network(_))) {
            session.output.remark(&session.lang().download_goes_on());
        }
        return Err(failure);
    }
    Ok(())
}

/// Says what was saved, then what was not.
fn report(session: &Session<'_>, message_id: MessageId, saved: Vec<SavedFile>) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let (mut files, mut failed) = (Vec::new(), None);
    let several = saved.len() > 1;
    for file in saved {
        match file.result {
            Ok(path) => files.push(path.display().to_string()),
            Err(error) => {
                let failure = Failure::from(error);
                if several {
                    output.note(&lang.not_saved(&foreign::line(&file.name), &failure.describe(lang).message));
                }
                failed = failed.or(Some(failure));
            }
        }
    }
    if output.is_json() {
        output.object(&DownloadedObject { message_id: message_id.to_string(), files })?;
    } else {
        files.iter().try_for_each(|file| output.text(&lang.saved(&foreign::line(file))))?;
    }
    failed.map_or(Ok(()), Err)
}

/// Ids are chosen by senders: somebody who gives one out again must not decide which message is meant.
async fn message_with_files(client: &Client, which: &privmsg_client::Which) -> Result<MessageView, Failure> {
    let mut found = client.find(which.message).await?;
    found.retain(|view| which.may_be(&view.sender_id, view.chat.id));
    let is_deleted = found.iter().any(|view| view.deleted);
    found.retain(|view| !view.attachments.is_empty());
    match found.len() {
        0 if is_deleted => Err(Failure::MessageDeleted),
        0 => Err(ClientError::NoSuchAttachment.into()),
        1 => Ok(found.remove(0)),
        _ => Err(ClientError::AmbiguousMessage.into()),
    }
}

/// Runs the engine, or waits beside the process that runs it, until everything is here or cannot be had.
async fn fetched(session: &Session<'_>, client: &Client, message: i64) -> Result<(), Failure> {
    if client.downloads(message).await?.iter().all(|state| *state == DownloadState::Here) {
        return Ok(());
    }
    let mut events = client.events();
    let mut changes = client.changes();
    let mut seat = Seat::take(client)?;
    let alone = seat.is_ours();
    if !alone && session.output.is_watched() {
        session.output.note(&session.lang().other_process());
    }
    let progress = Progress::new(session.output, session.lang().downloading());
    let mut all = std::pin::pin!(client.wait_files(message));
    let mut deadline = Instant::now() + LONGEST;
    let mut connected = false;
    let result = loop {
        tokio::select! {
            biased;
            exit = session.signals.wait() => break Err(Failure::Interrupted(exit)),
            waited = &mut all => break waited.map_err(Failure::from),
            error = seat.watch() => break Err(error.into()),
            event = events.recv() => match event {
                Ok(Event::DownloadProgress { id, done, total, .. }) if id == message => {
                    progress.show(done, total);
                    deadline = Instant::now() + LONGEST;
                }
                Ok(Event::Connected) => connected = true,
                // What has begun goes on when the line is back.
                Ok(Event::Disconnected { reason }) if !connected => break Err(Failure::Disconnected(reason)),
                _ => {}
            },
            _ = changes.wait_for(|change| *change == privmsg_client::Change::Holds) => {
                match client.holds_of_files(message).await {
                    Ok(holds) if holds.iter().any(|hold| hold.reason == Reason::Disk) => {
                        break Err(ClientError::Disk(std::io::ErrorKind::Other.into()).into());
                    }
                    Ok(_) => {}
                    Err(error) => break Err(error.into()),
                }
            }
            () = sleep_until(deadline), if alone => {
                break Err(ClientError::Network("the download does not go on".into()).into());
            }
        }
    };
    progress.clear();
    seat.leave().await;
    result
}

/// A mistyped folder should show before a long download, not after it.
fn check_target(out: &Path, complaint: &str) -> Result<(), Failure> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() { Ok(()) } else { Err(Failure::file(folder, complaint)) }
}
