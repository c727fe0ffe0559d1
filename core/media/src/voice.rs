//! Voice messages: Opus in Ogg (RFC 7845).
//!
//! What somebody else has recorded is read in the process that can do nothing else; what is recorded here is written as it is heard.

use std::io::Cursor;

use opus_pure::{
    Application, MAX_PACKET_BYTES, MAX_PACKET_SAMPLES, OggOpusReader, OggOpusWriter, OggPacket, OpusDecoder,
    OpusEncoder, OpusHead, OpusTags, Trim,
};

use crate::limits;
use crate::sound::{HEARD, RECORDED};
use crate::waveform::Waveform;
use crate::wire::Refusal;

/// Bits a second: speech is as good as it is by then.
const BITS: i32 = 28_000;

/// Samples of a packet: 20 ms.
const PACKET: usize = RECORDED as usize / 50;

/// Of the stream in a file: there is no other one beside it.
const SERIAL: u32 = 1;

/// A voice message, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// The file.
    pub bytes: Vec<u8>,
    /// How long it is, ms.
    pub duration_ms: u32,
    /// How loud it is from beginning to end.
    pub waveform: Vec<u8>,
}

/// Reads a voice message packet by packet.
struct Reading<'a> {
    reader: OggOpusReader<Cursor<&'a [u8]>>,
    decoder: OpusDecoder,
    trim: Trim,
    packet: OggPacket,
    decoded: Vec<i16>,
}

impl<'a> Reading<'a> {
    fn new(file: &'a [u8]) -> Result<Self, Refusal> {
        let reader = OggOpusReader::new(Cursor::new(file)).map_err(|_| Refusal::Format)?;
        let head = reader.head();
        // More than two channels are no voice.
        if head.mapping_family != 0 {
            return Err(Refusal::Format);
        }
        let rate = HEARD.cast_signed();
        let mut decoder = OpusDecoder::new(rate, 1).map_err(|_| Refusal::Format)?;
        decoder.gain_q8 = i32::from(head.output_gain_q8);
        let trim = Trim::new(head, rate, 1).map_err(|_| Refusal::Format)?;
        Ok(Self { reader, decoder, trim, packet: OggPacket::default(), decoded: vec![0; MAX_PACKET_SAMPLES] })
    }

    /// What the next packet says. `None` at the end.
    fn next(&mut self) -> Result<Option<&[i16]>, Refusal> {
        if !self.reader.read_packet_into(&mut self.packet).map_err(|_| Refusal::Broken)? {
            return Ok(None);
        }
        let room = self.decoded.len();
        let samples =
            self.decoder.decode_s16(&self.packet.data, room, &mut self.decoded).map_err(|_| Refusal::Broken)?;
        let said = self.decoded.get(..samples).ok_or(Refusal::Broken)?;
        let said = self.trim.keep(&self.packet, said);
        if self.trim.samples_emitted() > u64::from(limits::VOICE_SECONDS) * u64::from(HEARD) {
            return Err(Refusal::Large);
        }
        Ok(Some(said))
    }
}

/// What a voice message says: [`HEARD`] samples a second.
pub(crate) fn listen(file: &[u8]) -> Result<Vec<i16>, Refusal> {
    let mut reading = Reading::new(file)?;
    let mut samples = Vec::new();
    while let Some(said) = reading.next()? {
        samples.extend_from_slice(said);
    }
    if samples.is_empty() { Err(Refusal::Broken) } else { Ok(samples) }
}

/// The same sound in a file of its own: its titles, names and pictures stay behind.
pub(crate) fn make(file: &[u8]) -> Result<Voice, Refusal> {
    let mut reading = Reading::new(file)?;
    let head = OpusHead { input_sample_rate: RECORDED, ..reading.reader.head().clone() };
    let pre_skip = i64::from(head.pre_skip);
    let mut writer =
        OggOpusWriter::with_serial(Vec::new(), head, OpusTags::new(), SERIAL).map_err(|_| Refusal::Broken)?;
    let mut waveform = Waveform::new(HEARD);
    let mut last: Option<Vec<u8>> = None;
    while let Some(said) = reading.next()? {
        waveform.hears(said);
        let packet = reading.packet.data.clone();
        if let Some(before) = last.replace(packet) {
            writer.write_packet(&before).map_err(|_| Refusal::Broken)?;
        }
    }
    let samples = reading.trim.samples_emitted();
    let last = last.filter(|_| samples > 0).ok_or(Refusal::Broken)?;
    // The last packet may be cut off where the sound ends.
    let ticks = i64::from(RECORDED / HEARD);
    let end = pre_skip + i64::try_from(samples).map_err(|_| Refusal::Broken)? * ticks;
    let rest = u32::try_from(end - writer.granule()).map_err(|_| Refusal::Broken)?;
    writer.write_packet_with_duration(&last, rest).map_err(|_| Refusal::Broken)?;
    let bytes = writer.finish().map_err(|_| Refusal::Broken)?;
    let (duration_ms, waveform) = waveform.finish();
    Ok(Voice { bytes, duration_ms, waveform })
}

/// Writes a voice message while it is being said.
pub struct VoiceWriter {
    encoder: OpusEncoder,
    writer: OggOpusWriter<Vec<u8>>,
    waveform: Waveform,
    /// What is not a whole packet yet.
    pending: Vec<i16>,
    packet: Vec<u8>,
    samples: u64,
    most: u64,
    pre_skip: u64,
}

impl std::fmt::Debug for VoiceWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VoiceWriter").field("samples", &self.samples).finish_non_exhaustive()
    }
}

/// A voice message cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sound cannot be encoded: {0}")]
pub struct EncodeError(String);

impl From<opus_pure::Error> for EncodeError {
    fn from(error: opus_pure::Error) -> Self {
        Self(error.to_string())
    }
}

impl VoiceWriter {
    /// One that nothing was said into.
    ///
    /// # Errors
    /// [`EncodeError`] of the encoder.
    pub fn new() -> Result<Self, EncodeError> {
        Self::of(limits::VOICE_SECONDS)
    }

    fn of(most_seconds: u32) -> Result<Self, EncodeError> {
        let mut encoder = OpusEncoder::new(RECORDED.cast_signed(), 1, Application::Voip)?;
        encoder.bitrate_bps = BITS;
        let head = OpusHead::for_encoder(&encoder, RECORDED);
        let pre_skip = u64::from(head.pre_skip);
        let writer = OggOpusWriter::with_serial(Vec::new(), head, OpusTags::new(), SERIAL)?;
        let (waveform, packet) = (Waveform::new(RECORDED), vec![0; MAX_PACKET_BYTES]);
        let most = u64::from(most_seconds) * u64::from(RECORDED);
        Ok(Self { encoder, writer, waveform, pending: Vec::new(), packet, samples: 0, most, pre_skip })
    }

    /// Takes what the microphone has heard, [`RECORDED`] samples a second. `false` once it is as long as a voice message may be: then
    /// the rest was passed over.
    ///
    /// # Errors
    /// [`EncodeError`] of the encoder.
    pub fn hears(&mut self, samples: &[i16]) -> Result<bool, EncodeError> {
        let room = self.most - self.samples;
        let samples = &samples[..samples.len().min(usize::try_from(room).unwrap_or(usize::MAX))];
        self.samples += samples.len() as u64;
        self.waveform.hears(samples);
        self.pending.extend_from_slice(samples);
        let whole = self.pending.len() / PACKET * PACKET;
        for one in self.pending[..whole].chunks_exact(PACKET) {
            let len = self.encoder.encode_s16(one, PACKET, &mut self.packet)?;
            self.writer.write_packet(&self.packet[..len])?;
        }
        self.pending.drain(..whole);
        Ok(samples.len() as u64 != room)
    }

    /// How loud it is at the moment, 0 to 1.
    #[must_use]
    pub fn level(&self) -> f32 {
        self.waveform.level()
    }

    /// How long it is by now, ms.
    #[must_use]
    pub fn duration_ms(&self) -> u32 {
        self.waveform.duration_ms()
    }

    /// Ends it. `None` if nothing was heard.
    ///
    /// # Errors
    /// [`EncodeError`] of the encoder.
    pub fn finish(mut self) -> Result<Option<Voice>, EncodeError> {
        if self.samples == 0 {
            return Ok(None);
        }
        // The encoder is behind by as much as a player skips: silence brings out what it still holds.
        let end = self.pre_skip + self.samples;
        let mut rest = std::mem::take(&mut self.pending);
        let written = self.writer.granule().unsigned_abs();
        let missing = usize::try_from(end - written).unwrap_or_default().next_multiple_of(PACKET);
        rest.resize(missing, 0);
        for one in rest.chunks_exact(PACKET) {
            let len = self.encoder.encode_s16(one, PACKET, &mut self.packet)?;
            let duration = (end - self.writer.granule().unsigned_abs()).min(PACKET as u64);
            self.writer.write_packet_with_duration(&self.packet[..len], u32::try_from(duration).unwrap_or_default())?;
        }
        let bytes = self.writer.finish()?;
        let (duration_ms, waveform) = self.waveform.finish();
        Ok(Some(Voice { bytes, duration_ms, waveform }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone that grows louder, [`RECORDED`] samples a second.
    pub(crate) fn tone(ms: u32) -> Vec<i16> {
        let all = ms * RECORDED / 1_000;
        let at = |n: u32| {
            let loud = f64::from(n) / f64::from(all) * 20_000.0;
            (f64::from(n) * 440.0 * std::f64::consts::TAU / f64::from(RECORDED)).sin() * loud
        };
        #[expect(clippy::cast_possible_truncation, reason = "of at most 20,000")]
        (0..all).map(|n| at(n) as i16).collect()
    }

    fn recorded(samples: &[i16]) -> Voice {
        let mut writer = VoiceWriter::new().unwrap();
        // As sound comes: in pieces of any length.
        for piece in samples.chunks(1_234) {
            assert!(writer.hears(piece).unwrap());
        }
        writer.finish().unwrap().unwrap()
    }

    fn loudness(samples: &[i16]) -> f64 {
        let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        (sum / samples.len() as f64).sqrt()
    }

    #[test]
    fn what_is_said_is_heard() {
        let said = tone(1_537);
        let voice = recorded(&said);
        assert_eq!(voice.duration_ms, 1_537);
        assert!(voice.bytes.len() < 12_000, "{}", voice.bytes.len());
        let heard = listen(&voice.bytes).unwrap();
        assert_eq!(heard.len(), 1_537 * HEARD as usize / 1_000, "no more and no less");
        let (a, b) = (loudness(&said), loudness(&heard));
        assert!((a - b).abs() < a / 5.0, "{a} {b}");
        // Each half of a wave is there: 2 * 440 zeros a second.
        let crossings = heard.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count();
        assert!((1_250..1_450).contains(&crossings), "{crossings}");
        let loudest = voice.waveform.iter().copied().max().unwrap();
        assert_eq!((voice.waveform.len(), loudest), (crate::waveform::BARS, u8::MAX));
        assert!(voice.waveform[2] < 30 && voice.waveform[32] > 100, "{:?}", voice.waveform);
    }

    #[test]
    fn short_ones_are_whole() {
        for ms in [1, 19, 20, 21, 40, 333] {
            let voice = recorded(&tone(ms));
            assert_eq!(listen(&voice.bytes).unwrap().len(), (ms * HEARD / 1_000) as usize, "{ms}");
        }
        assert_eq!(VoiceWriter::new().unwrap().finish().unwrap(), None);
    }

    #[test]
    fn what_is_made_anew_says_the_same_and_no_more() {
        let mut encoder = OpusEncoder::new(48_000, 2, Application::Audio).unwrap();
        let mut tags = OpusTags::new();
        tags.push("TITLE", "At the notary in Reykjavik").unwrap();
        let head = OpusHead::for_encoder(&encoder, 44_100);
        let mut writer = OggOpusWriter::with_tags(Vec::new(), head, tags).unwrap();
        let mut packet = vec![0; MAX_PACKET_BYTES];
        for piece in tone(500).chunks_exact(960) {
            let stereo: Vec<_> = piece.iter().flat_map(|sample| [*sample; 2]).collect();
            let len = encoder.encode_s16(&stereo, 960, &mut packet).unwrap();
            writer.write_packet(&packet[..len]).unwrap();
        }
        let file = writer.finish().unwrap();
        let holds = |file: &[u8]| file.windows(9).any(|part| part == b"Reykjavik");
        assert!(holds(&file));
        let made = make(&file).unwrap();
        assert!(!holds(&made.bytes));
        assert_eq!(listen(&made.bytes).unwrap(), listen(&file).unwrap());
        assert_eq!(make(&made.bytes).unwrap(), made, "it is the same from then on");
        // 25 packets of 20 ms, without what players skip.
        assert_eq!(made.duration_ms, 500 - 7);
    }

    #[test]
    fn what_is_no_voice_is_refused() {
        let voice = recorded(&tone(200)).bytes;
        let mut torn = voice.clone();
        let middle = torn.len() / 2;
        torn[middle] ^= 0xff;
        for (file, why) in [
            (b"".to_vec(), Refusal::Format),
            (b"OggS and nothing behind it".to_vec(), Refusal::Format),
            (voice[..60].to_vec(), Refusal::Format),
            (torn, Refusal::Broken),
        ] {
            assert_eq!(listen(&file).map(drop), Err(why), "{} bytes", file.len());
            assert_eq!(make(&file).map(drop), Err(why), "{} bytes", file.len());
        }
    }

    /// Few bytes that say hours of nothing.
    #[test]
    fn what_is_too_long_is_not_heard() {
        let head = OpusHead::new(1, 48_000).unwrap();
        let mut writer = OggOpusWriter::new(Vec::new(), head).unwrap();
        // 120 ms of a packet without a frame's data: three frames of 40 ms SILK... of which none is there.
        let silence = [0b1001_1011, 3];
        let ms = opus_pure::packet::samples_48k(&silence).unwrap() as u32 / 48;
        for _ in 0..=limits::VOICE_SECONDS * 1_000 / ms {
            writer.write_packet(&silence).unwrap();
        }
        let file = writer.finish().unwrap();
        assert!(file.len() < 1 << 20, "{}", file.len());
        assert_eq!(listen(&file).map(drop), Err(Refusal::Large));
        assert_eq!(make(&file).map(drop), Err(Refusal::Large));
    }

    #[test]
    fn a_recording_ends_where_it_must() {
        let mut writer = VoiceWriter::of(2).unwrap();
        let piece = vec![0; RECORDED as usize * 3 / 4];
        assert!(writer.hears(&piece).unwrap());
        assert!(writer.hears(&piece).unwrap());
        assert!(!writer.hears(&piece).unwrap());
        assert!(!writer.hears(&piece).unwrap());
        assert_eq!(writer.duration_ms(), 2_000);
        assert_eq!(listen(&writer.finish().unwrap().unwrap().bytes).unwrap().len(), 2 * HEARD as usize);
    }
}
