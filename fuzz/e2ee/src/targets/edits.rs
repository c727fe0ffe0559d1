//! Changes to bytes, as an input says.
//!
//! ```text
//! edit = what (1 byte, mod 6) | where (2 bytes, little-endian) | count (1 byte) | bytes that it needs
//! what = 0 overwrite | 1 insert | 2 delete | 3 end here | 4 flip the bits of count | 5 overwrite from the donor
//! ```

/// The bytes after all edits. The donor gives what would be right at the same place of something else.
pub fn edited(original: &[u8], donor: &[u8], mut input: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    while let Some(([what, low, high, count], rest)) = input.split_first_chunk() {
        let at = place(u16::from_le_bytes([*low, *high]), bytes.len());
        let count = usize::from(*count);
        let end = bytes.len().min(at + count);
        let given = if matches!(what % 6, 0 | 1) { count.min(rest.len()) } else { 0 };
        let (given, rest) = rest.split_at(given);
        input = rest;
        match what % 6 {
            0 => drop(bytes.splice(at..bytes.len().min(at + given.len()), given.iter().copied())),
            1 => drop(bytes.splice(at..at, given.iter().copied())),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 => bytes[at..].iter_mut().take(1).for_each(|byte| *byte ^= count as u8),
            _ => {
                let given = donor.get(at..donor.len().min(at + count)).unwrap_or_default();
                drop(bytes.splice(at..bytes.len().min(at + given.len()), given.iter().copied()));
            }
        }
    }
    bytes
}

/// Any place in bytes of any length, the end included. The first 64 KiB can be named one by one.
fn place(number: u16, len: usize) -> usize {
    usize::from(number) * (len / (1 << 16) + 1) % (len + 1)
}
