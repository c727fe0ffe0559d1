//! Reading columns as what they hold.

use std::str::FromStr;

use privmsg_protocol::{ConversationId, GroupId, IdError};
use rusqlite::Row;
use rusqlite::types::Type;

/// An identifier in a text column.
pub(super) fn parse<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    row.get_ref(column)?
        .as_str()?
        .parse()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

pub(super) fn parse_group_id(row: &Row<'_>, column: usize) -> rusqlite::Result<GroupId> {
    bytes(row, column)
}

pub(super) fn parse_chat_id(row: &Row<'_>, column: usize) -> rusqlite::Result<ConversationId> {
    bytes(row, column)
}

/// A column of bytes, where it lies.
pub(super) fn blob<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a [u8]> {
    Ok(row.get_ref(column)?.as_blob()?)
}

/// An identifier in a column of bytes.
fn bytes<T: for<'a> TryFrom<&'a [u8], Error = IdError>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    T::try_from(blob(row, column)?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error)))
}
