//! What the system says, as far as it can be said in the user's language.

use std::io;

use super::Lang;

impl Lang {
    /// A failed operation on a file.
    pub(crate) fn io(self, error: &io::Error) -> String {
        use io::ErrorKind as E;
        let text = match error.kind() {
            E::NotFound => self.pick("there is no such file or folder", "нет такого файла или папки"),
            E::PermissionDenied => self.pick("no permission", "нет прав доступа"),
            E::AlreadyExists => self.pick("it exists already", "уже существует"),
            E::IsADirectory => self.pick("is a folder", "это папка"),
            E::NotADirectory => self.pick("a part of the path is not a folder", "часть пути — не папка"),
            E::ReadOnlyFilesystem => self.pick("the disk is read-only", "диск доступен только для чтения"),
            E::StorageFull | E::QuotaExceeded => self.pick("the disk is full", "диск заполнен"),
            E::InvalidFilename => self.pick("the name is not possible here", "такое имя здесь недопустимо"),
            E::InvalidData => self.pick("it is not text in UTF-8", "это не текст в UTF-8"),
            E::BrokenPipe => self.pick("the reader has gone", "читающая программа закрылась"),
            _ => return error.to_string(),
        };
        text.to_owned()
    }
}
