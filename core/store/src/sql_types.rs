//! How identifiers stand in SQL columns.

use privmsg_protocol::{DeviceId, FileId, GroupId, MessageId, UserId};
use rusqlite::Row;

use crate::StoreError;

/// Reads a column through a fallible conversion, naming what was wrong.
fn convert<T, R, E>(
    row: &Row<'_>,
    column: usize,
    what: &'static str,
    f: impl FnOnce(R) -> Result<T, E>,
) -> Result<T, StoreError>
where
    R: rusqlite::types::FromSql,
{
    f(row.get(column)?).map_err(|_| StoreError::Invalid(what))
}

pub(crate) fn user_id(row: &Row<'_>, column: usize) -> Result<UserId, StoreError> {
    convert(row, column, "user id", |s: String| UserId::new(&s))
}

pub(crate) fn optional_user_id(row: &Row<'_>, column: usize) -> Result<Option<UserId>, StoreError> {
    convert(row, column, "user id", |s: Option<String>| s.map(|s| UserId::new(&s)).transpose())
}

pub(crate) fn device_id(row: &Row<'_>, column: usize) -> Result<DeviceId, StoreError> {
    convert(row, column, "device id", |s: String| DeviceId::new(&s))
}

pub(crate) fn optional_device_id(row: &Row<'_>, column: usize) -> Result<Option<DeviceId>, StoreError> {
    convert(row, column, "device id", |s: Option<String>| s.map(|s| DeviceId::new(&s)).transpose())
}

pub(crate) fn optional_file_id(row: &Row<'_>, column: usize) -> Result<Option<FileId>, StoreError> {
    convert(row, column, "file id", |s: Option<String>| s.map(|s| FileId::new(&s)).transpose())
}

pub(crate) fn message_id(row: &Row<'_>, column: usize) -> Result<MessageId, StoreError> {
    convert(row, column, "message id", |b: Vec<u8>| b.try_into().map(MessageId::from_bytes))
}

pub(crate) fn group_id(row: &Row<'_>, column: usize) -> Result<GroupId, StoreError> {
    convert(row, column, "group id", |b: Vec<u8>| b.try_into().map(GroupId::from_bytes))
}

pub(crate) fn key_bytes(row: &Row<'_>, column: usize) -> Result<[u8; 32], StoreError> {
    convert(row, column, "key", |b: Vec<u8>| b.try_into())
}

pub(crate) fn optional_key_bytes(row: &Row<'_>, column: usize) -> Result<Option<[u8; 32]>, StoreError> {
    convert(row, column, "key", |b: Option<Vec<u8>>| b.map(TryInto::try_into).transpose())
}

/// Sequence numbers and epochs are unsigned on the wire and signed in SQL; a server that counts past 2^63 is lying.
pub(crate) fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) const fn from_sql(number: i64) -> u64 {
    if number < 0 { 0 } else { number.unsigned_abs() }
}
