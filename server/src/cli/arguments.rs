//! The command line as a whole. What a command takes stands with the command; help is written in both languages, beside
//! each other.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use privmsg_protocol::{Secret, UserId};

use super::CommandError;
use super::desk::Desk;
use super::shown::Whereabouts;
use crate::admin::invitation::MAX_HOURS;
use crate::backup::without_mark;
use crate::config::Config;
use crate::i18n::Language;
use crate::paths::shown;
use crate::storage::sqlite;

const EXAMPLES_EN: &str = "Examples:
  privmsg-server init --domain chat.example.org    write the configuration of server and coturn
  privmsg-server doctor                            say what is wrong, and what to do
  privmsg-server                                   start with config.toml or the one in /etc/privmsg, else with defaults
  privmsg-server run --config /etc/privmsg.toml    start with this configuration
  privmsg-server generate-key --user-id alice      a new user, with the access key
  privmsg-server invite --user-id alice            a link and a QR code by which alice signs in
  privmsg-server revoke-key --user-id alice        sign alice out everywhere, at once

Every key of the configuration can be set by PRIVMSG_<SECTION>_<KEY>, e.g. PRIVMSG_SERVER_PORT=9000, or by a file
that PRIVMSG_<SECTION>_<KEY>_FILE names.

Exit codes: 0 done, 1 server or database failed, 2 wrong arguments, 3 wrong configuration,
4 wrong admin key, 5 unknown or taken user_id, unknown device, 6 a file of `init` exists,
7 `doctor` or `health` found something wrong, 8 the running server does not answer.";

const EXAMPLES_RU: &str = "Примеры:
  privmsg-server init --domain chat.example.org    создать конфигурацию сервера и coturn
  privmsg-server doctor                            сказать, что не так и что делать
  privmsg-server                                   запуск с config.toml или из /etc/privmsg, иначе по умолчанию
  privmsg-server run --config /etc/privmsg.toml    запуск с этой конфигурацией
  privmsg-server generate-key --user-id alice      новый пользователь и его ключ доступа
  privmsg-server invite --user-id alice            ссылка и QR-код, по которым alice войдёт
  privmsg-server revoke-key --user-id alice        немедленно закрыть все сеансы alice

Любой ключ конфигурации можно задать через PRIVMSG_<SECTION>_<KEY>, например PRIVMSG_SERVER_PORT=9000, или файлом,
который называет PRIVMSG_<SECTION>_<KEY>_FILE.

Коды завершения: 0 — готово, 1 — сбой сервера или базы, 2 — неверные аргументы, 3 — неверная конфигурация,
4 — неверный ключ администратора, 5 — user_id неизвестен или занят, устройство неизвестно,
6 — файл для `init` уже есть, 7 — `doctor` или `health` нашли неисправность, 8 — работающий сервер не отвечает.";

/// Who asks, and how to answer.
pub(super) struct Administrator {
    admin_key: Option<Secret>,
    key_file: Option<PathBuf>,
    pub(super) json: bool,
    language: Language,
}

impl Administrator {
    /// Takes its arguments out of those of a command made by [`administration`].
    pub(super) fn take(matches: &mut ArgMatches, language: Language) -> Self {
        Self {
            language,
            admin_key: matches.remove_one::<String>("admin-key").map(Secret::new),
            key_file: matches.remove_one("admin-key-file"),
            json: matches.get_flag("json"),
        }
    }

    /// The desk that serves whoever has the admin key. A file that is named is meant, whatever the environment says.
    pub(super) async fn desk(&self, config: &Config) -> Result<Desk, CommandError> {
        if !self.json && config.storage.database_path.exists() {
            // Before the key is looked at: a key that is refused is mostly one of another database.
            Whereabouts::of(config).tell(sqlite::user_count(&config.storage.database_path).ok(), self.language);
        }
        let Some(path) = &self.key_file else { return Desk::open(config, self.admin_key.as_ref()).await };
        let text =
            std::fs::read_to_string(path).map_err(|source| CommandError::KeyFile { path: shown(path), source })?;
        let key = without_mark(&text).trim();
        Desk::open(config, Some(&Secret::new(key.to_owned()))).await
    }
}

/// A command that acts on the data, for somebody with the admin key.
pub(super) fn administration(language: Language, name: &'static str, about: (&str, &str)) -> clap::Command {
    let admin_key = Arg::new("admin-key")
        .long("admin-key")
        .value_name("KEY")
        .env("PRIVMSG_ADMIN_KEY")
        .hide_env_values(true)
        .help(language.say(
            "Admin key; other users of the machine can see it here. Not needed where the configuration has it",
            "Ключ администратора; здесь его видят другие пользователи машины. Не нужен, если он есть в конфигурации",
        ));
    let key_file =
        Arg::new("admin-key-file").long("admin-key-file").value_name("FILE").value_parser(value_parser!(PathBuf)).help(
            language.say(
                "File that holds the admin key, if the configuration does not",
                "Файл с ключом администратора, если его нет в конфигурации",
            ),
        );
    clap::Command::new(name).about(language.say(about.0, about.1)).args([admin_key, key_file, json(language)])
}

pub(super) fn json(language: Language) -> Arg {
    Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help(language.say("Print JSON, for programs", "Вывод в JSON, для программ"))
}

/// `--user-id`.
pub(super) fn user_id(language: Language, help: (&str, &str)) -> Arg {
    Arg::new("user-id")
        .long("user-id")
        .value_name("USER_ID")
        .value_parser(value_parser!(UserId))
        .help(language.say(help.0, help.1))
}

/// `--user-id`, which must be said.
pub(super) fn whom(language: Language) -> Arg {
    user_id(language, ("The user", "Пользователь")).required(true)
}

/// The value of [`whom`].
pub(super) fn take_whom(matches: &mut ArgMatches) -> UserId {
    matches.remove_one("user-id").expect("clap requires it")
}

/// `--qr`, `--expires-in-hours` and `--server-url`.
pub(super) fn invitation(language: Language) -> [Arg; 3] {
    [
        Arg::new("qr").long("qr").action(ArgAction::SetTrue).help(language.say(
            "Draw the QR code also where the output is no terminal",
            "Рисовать QR-код, даже если вывод не на терминал",
        )),
        Arg::new("expires-in-hours")
            .long("expires-in-hours")
            .value_name("HOURS")
            .value_parser(value_parser!(u32).range(1..=i64::from(MAX_HOURS)))
            .help(language.say("How long it can be used [default: 72]", "Срок действия в часах [по умолчанию: 72]")),
        Arg::new("server-url").long("server-url").value_name("URL").help(language.say(
            "Where clients reach the server [default: server.public_url of the configuration]",
            "Адрес сервера для клиентов [по умолчанию: server.public_url из конфигурации]",
        )),
    ]
}

/// The whole command line, with these commands.
pub(super) fn program(language: Language, commands: impl IntoIterator<Item = clap::Command>) -> clap::Command {
    let config = Arg::new("config")
        .long("config")
        .env("PRIVMSG_CONFIG")
        .value_name("FILE")
        .global(true)
        .value_parser(value_parser!(PathBuf))
        .help(language.say(
            "Configuration file [default: config.toml here, or /etc/privmsg/config/server/config.toml, if there]",
            "Файл конфигурации [по умолчанию: config.toml здесь или /etc/privmsg/config/server/config.toml, если есть]",
        ));
    clap::Command::new("privmsg-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about(language.say(
            "Relay server of the PrivMsg messenger. Works with the database also while the server runs.",
            "Сервер мессенджера PrivMsg. Команды работают с базой и при запущенном сервере.",
        ))
        .after_help(language.say(EXAMPLES_EN, EXAMPLES_RU))
        .arg(config)
        .subcommands(commands)
}
