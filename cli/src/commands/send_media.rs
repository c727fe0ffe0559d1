//! Pictures and voice messages: made anew before they are sent, so that they say nothing but what is seen and heard.

use std::path::Path;

use privmsg_client::{FileToSend, HeldFile, PictureNote, VoiceNote};
use privmsg_media::{DecodeError, Decoder, Refusal, Voice, limits};

use super::send::checked;
use crate::failure::Failure;
use crate::lang::Lang;

/// A voice message.
pub(super) async fn voice(lang: Lang, path: &Path) -> Result<FileToSend, Failure> {
    let made = Decoder::of_this_program().turn().await.make_voice(read(lang, path).await?).await;
    let Voice { bytes, duration_ms, waveform } = made.map_err(|error| {
        let why = match &error {
            DecodeError::Refused(Refusal::Format) => lang.no_voice(),
            DecodeError::Refused(Refusal::Large) => lang.voice_too_long(limits::VOICE_SECONDS / 60),
            error => other(lang, error),
        };
        Failure::file(path, why)
    })?;
    Ok(FileToSend::Held(HeldFile::voice(bytes, VoiceNote { duration_ms, waveform })))
}

/// A picture.
pub(super) async fn picture(lang: Lang, path: &Path) -> Result<FileToSend, Failure> {
    let made = Decoder::of_this_program().turn().await.make(read(lang, path).await?, limits::SENT_SIDE).await;
    let made = made.map_err(|error| {
        let why = match &error {
            DecodeError::Refused(Refusal::Format) => lang.no_picture(),
            DecodeError::Refused(Refusal::Large) => lang.picture_too_large(),
            DecodeError::Refused(Refusal::Moves) => lang.picture_moves(),
            error => other(lang, error),
        };
        Failure::file(path, why)
    })?;
    let note = PictureNote { width: made.width, height: made.height, blurhash: made.blurhash };
    Ok(FileToSend::Held(HeldFile::picture(path, made.extension, made.bytes, note)))
}

fn other(lang: Lang, error: &DecodeError) -> String {
    match error {
        DecodeError::NotStarted(error) => lang.decoder_not_started(&lang.io(error)),
        DecodeError::Refused(_) | DecodeError::Failed => lang.media_broken(),
    }
}

async fn read(lang: Lang, path: &Path) -> Result<Vec<u8>, Failure> {
    let path = checked(lang, path)?;
    let failed = |error: std::io::Error| Failure::file(&path, lang.io(&error));
    if tokio::fs::metadata(&path).await.map_err(failed)?.len() > limits::FILE {
        return Err(Failure::file(&path, lang.media_too_large()));
    }
    tokio::fs::read(&path).await.map_err(failed)
}
