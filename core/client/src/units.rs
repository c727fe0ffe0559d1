//! Sizes of files, and lengths of sounds, as people read them.

/// A size in short: 1,000 bytes are a kilobyte, as disks and networks count. `units` are the names of bytes, kilobytes and so on,
/// `point` is what stands before a tenth.
#[must_use]
pub fn size(bytes: u64, units: [&str; 5], point: char) -> String {
    let mut value = bytes;
    let mut rest = 0;
    let mut unit = 0;
    while value >= 1000 && unit + 1 < units.len() {
        rest = value % 1000;
        value /= 1000;
        unit += 1;
    }
    if unit == 0 || value >= 100 {
        format!("{value} {}", units[unit])
    } else {
        format!("{value}{point}{} {}", rest / 100, units[unit])
    }
}

/// A length in minutes and seconds: `0:07`. What is not a whole second counts as one, for nothing that is heard takes no time.
#[must_use]
pub fn length(ms: u32) -> String {
    let seconds = ms.div_ceil(1000);
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_minutes_and_seconds() {
        for (ms, text) in [(0, "0:00"), (1, "0:01"), (61_000, "1:01"), (3_600_000, "60:00"), (u32::MAX, "71582:48")] {
            assert_eq!(length(ms), text);
        }
    }

    #[test]
    fn sizes_are_short() {
        let english = |bytes| size(bytes, ["B", "kB", "MB", "GB", "TB"], '.');
        for (bytes, text) in
            [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (52_428_800, "52.4 MB"), (150_000, "150 kB")]
        {
            assert_eq!(english(bytes), text);
        }
        assert_eq!(size(1_234_567, ["Б", "кБ", "МБ", "ГБ", "ТБ"], ','), "1,2 МБ");
        assert_eq!(english(u64::MAX), "18446744 TB");
    }
}
