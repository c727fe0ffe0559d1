//! Errors with their causes, as one line.

use std::error::Error;

/// What happened, then why, from the outside in.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Whether it comes from a file system that takes no changes.
pub(crate) fn is_read_only(error: &(dyn Error + 'static)) -> bool {
    let mut looked_at = Some(error);
    while let Some(error) = looked_at {
        let file = error.downcast_ref::<std::io::Error>();
        let database = error.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
        if file.is_some_and(|error| error.kind() == std::io::ErrorKind::ReadOnlyFilesystem)
            || database == Some(rusqlite::ErrorCode::ReadOnly)
        {
            return true;
        }
        looked_at = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::ServerError;

    #[test]
    fn what_takes_no_changes_is_found_behind_what_it_stopped() {
        let files = |kind: std::io::ErrorKind| ServerError::Files { path: "x".to_owned(), source: kind.into() };
        assert!(is_read_only(&files(std::io::ErrorKind::ReadOnlyFilesystem)));
        assert!(!is_read_only(&files(std::io::ErrorKind::PermissionDenied)));
    }
}
