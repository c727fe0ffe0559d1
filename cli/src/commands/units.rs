//! Sizes of files as people read them.

use privmsg_client::units;

use crate::lang::Lang;

/// As [`units::size`], in the user's language.
pub(super) fn size(lang: Lang, bytes: u64) -> String {
    units::size(bytes, lang.pick(["B", "kB", "MB", "GB", "TB"], ["Б", "кБ", "МБ", "ГБ", "ТБ"]), lang.pick('.', ','))
}
