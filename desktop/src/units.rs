//! Sizes of files as people read them.

use privmsg_client::units;

use crate::lang::Lang;

/// As [`units::size`], in the user's language.
pub(crate) fn size(lang: Lang, bytes: u64) -> String {
    match lang {
        Lang::English => units::size(bytes, ["B", "kB", "MB", "GB", "TB"], '.'),
        Lang::Russian => units::size(bytes, ["Б", "кБ", "МБ", "ГБ", "ТБ"], ','),
    }
}
