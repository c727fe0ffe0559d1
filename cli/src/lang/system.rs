//! What the system and the network say, as far as it can be said in the user's language.

use std::io;

use super::{Lang, texts};

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

    /// Why the server cannot be reached. The reason comes from libraries, in English; the usual ones are said plainly.
    pub(crate) fn network(self, reason: &str) -> String {
        let reason = ENGINE_SAYS.iter().fold(reason, |rest, prefix| rest.strip_prefix(prefix).unwrap_or(rest));
        let has = |parts: &[&str]| parts.iter().any(|part| reason.contains(part));
        if has(&["Connection refused"]) {
            self.pick(
                "nothing answers at its address; is it running?",
                "по его адресу никто не отвечает; запущен ли он?",
            )
            .to_owned()
        } else if has(&["dns error", "failed to lookup", "Name or service not known"]) {
            self.pick("its name is not known (DNS)", "его имя не найдено (DNS)").to_owned()
        } else if has(&["unreachable", "No route to host"]) {
            self.pick("no way to it; is there a network?", "до него нет пути; есть ли сеть?").to_owned()
        } else if has(&["timed out", "timeout", "the server is silent", "deadline"]) {
            self.pick("no answer in time", "нет ответа").to_owned()
        } else if has(&["Connection reset", "connection closed", "Broken pipe", "without closing", "unexpected end"]) {
            self.pick("the connection broke off", "соединение оборвалось").to_owned()
        } else if has(&["certificate"]) {
            self.bad_certificate(reason)
        } else {
            reason.to_owned()
        }
    }
}

texts! {
    bad_certificate(detail: &str) =>
        "its TLS certificate is not trusted ({detail})", "его сертификату TLS нет доверия ({detail})";
}

/// What the engine and its libraries put in front of a reason.
const ENGINE_SAYS: [&str; 2] = ["the server cannot be reached: ", "IO error: "];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_reasons_are_said_in_the_language_of_the_user() {
        let refused = "the server cannot be reached: IO error: Connection refused (os error 111)";
        assert_eq!(Lang::Ru.network(refused), Lang::Ru.network("Connection refused"));
        assert!(!Lang::Ru.network(refused).contains("refused"));
        assert_eq!(Lang::En.network("IO error: something new"), "something new");
    }
}
