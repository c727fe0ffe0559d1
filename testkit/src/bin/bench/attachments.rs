//! File encryption on one core, memory to memory.

use std::io::{Read as _, Write as _};
use std::time::Instant;

use anyhow::Result;
use privmsg_e2ee::OsRng;
use privmsg_e2ee::attachment::{DecryptingWriter, EncryptingReader};
use privmsg_testkit::Random;

use super::Bench;
use super::report::Goal;

const SIZE: usize = 256 * 1024 * 1024;

/// As much as the client moves at a time.
const PIECE: usize = 256 * 1024;

pub(super) fn measure(bench: &mut Bench) -> Result<()> {
    let plain = Random::new(1).bytes(SIZE);
    let mut cipher = Vec::with_capacity(SIZE + SIZE / 8);
    let mut piece = vec![0; PIECE];
    let start = Instant::now();
    let mut reader = EncryptingReader::new(plain.as_slice(), SIZE as u64, &mut OsRng)?;
    loop {
        let len = reader.read(&mut piece)?;
        if len == 0 {
            break;
        }
        cipher.extend_from_slice(&piece[..len]);
    }
    let file = reader.finish()?;
    let encrypting = start.elapsed();

    let start = Instant::now();
    let mut writer = DecryptingWriter::new(std::io::sink(), file.key, file.size, file.digest);
    for piece in cipher.chunks(PIECE) {
        writer.write_all(piece)?;
    }
    writer.finish()?;
    let decrypting = start.elapsed();

    let speed = |time: std::time::Duration| SIZE as f64 / 1e6 / time.as_secs_f64();
    bench.report.line("file encrypted, one core", speed(encrypting), "MB/s", Goal::AtLeast(500.0));
    bench.report.line("file decrypted, one core", speed(decrypting), "MB/s", Goal::None);
    Ok(())
}
