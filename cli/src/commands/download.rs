//! `privmsg download`.

use std::path::Path;

use privmsg_protocol::MessageId;
use serde::Serialize;

use crate::failure::Failure;
use crate::foreign;

use super::progress::Progress;
use super::{Session, with_session};

#[derive(Serialize)]
struct DownloadedObject {
    message_id: String,
    files: Vec<String>,
}

pub(super) async fn run(session: &Session<'_>, message_id: MessageId, out: &Path) -> Result<(), Failure> {
    let output = session.output;
    let lang = session.lang();
    check_target(out, &lang.no_such_directory())?;
    let client = session.open_signed_in().await?;
    let progress = Progress::new(output, lang.downloading());
    let shown = progress.clone();
    let saved = with_session(&client, || {
        let shown = shown.clone();
        client.download(message_id, out, move |done, total| shown.show(done, total))
    })
    .await;
    progress.clear();
    let files: Vec<_> = saved?.iter().map(|path| path.display().to_string()).collect();
    if output.is_json() {
        return output.object(&DownloadedObject { message_id: message_id.to_string(), files });
    }
    files.iter().try_for_each(|file| output.text(&lang.saved(&foreign::line(file))))
}

/// A mistyped folder should show before a long download, not after it.
fn check_target(out: &Path, complaint: &str) -> Result<(), Failure> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() { Ok(()) } else { Err(Failure::file(folder, complaint)) }
}
