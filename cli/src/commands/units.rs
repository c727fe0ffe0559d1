//! Sizes of files as people read them.

use crate::lang::Lang;

/// 1,000 bytes are a kilobyte, as disks and networks count.
pub(super) fn size(lang: Lang, bytes: u64) -> String {
    let units = lang.pick(["B", "kB", "MB", "GB", "TB"], ["Б", "кБ", "МБ", "ГБ", "ТБ"]);
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
        format!("{value}{}{} {}", lang.pick('.', ','), rest / 100, units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, en) in [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (52_428_800, "52.4 MB"), (150_000, "150 kB")]
        {
            assert_eq!(size(Lang::En, bytes), en);
        }
        assert_eq!(size(Lang::Ru, 1_234_567), "1,2 МБ");
        assert_eq!(size(Lang::En, u64::MAX), "18446744 TB");
    }
}
