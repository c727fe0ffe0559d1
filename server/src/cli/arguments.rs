//! The arguments. The help is written here in both languages, beside each other.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use privmsg_protocol::{Secret, UserId};

use crate::i18n::Language;

/// A parsed command line.
pub(super) struct Arguments {
    pub(super) config: Option<PathBuf>,
    pub(super) command: Command,
}

/// What to do.
pub(super) enum Command {
    Run,
    GenerateKey(GenerateKey),
    ListKeys(ListKeys),
    RevokeKey(RevokeKey),
}

/// Who asks, and how to answer.
pub(super) struct Administrator {
    pub(super) admin_key: Option<Secret>,
    pub(super) json: bool,
}

pub(super) struct GenerateKey {
    pub(super) by: Administrator,
    pub(super) user_id: Option<UserId>,
}

pub(super) struct ListKeys {
    pub(super) by: Administrator,
}

pub(super) struct RevokeKey {
    pub(super) by: Administrator,
    pub(super) user_id: UserId,
}

const EXAMPLES_EN: &str = "Examples:
  privmsg-server                                   start with config.toml, or with defaults
  privmsg-server run --config /etc/privmsg.toml    start with this configuration
  privmsg-server generate-key --user-id alice      a new user; asks for the key by PRIVMSG_ADMIN_KEY
  privmsg-server revoke-key --user-id alice        sign alice out everywhere, at once

Every key of the configuration can be set by PRIVMSG_<SECTION>_<KEY>, e.g. PRIVMSG_SERVER_PORT=9000.

Exit codes: 0 done, 1 server or database failed, 2 wrong arguments, 3 wrong configuration,
4 wrong admin key, 5 unknown or taken user_id.";

const EXAMPLES_RU: &str = "Примеры:
  privmsg-server                                   запуск с config.toml или со значениями по умолчанию
  privmsg-server run --config /etc/privmsg.toml    запуск с этой конфигурацией
  privmsg-server generate-key --user-id alice      новый пользователь; ключ берётся из PRIVMSG_ADMIN_KEY
  privmsg-server revoke-key --user-id alice        немедленно закрыть все сеансы alice

Любой ключ конфигурации можно задать через PRIVMSG_<РАЗДЕЛ>_<КЛЮЧ>, например PRIVMSG_SERVER_PORT=9000.

Коды возврата: 0 — готово, 1 — сбой сервера или базы, 2 — неверные аргументы, 3 — неверная конфигурация,
4 — неверный ключ администратора, 5 — user_id неизвестен или занят.";

impl Arguments {
    /// Reads the process's arguments. Ends the process on `--help` and on arguments that make no sense.
    pub(super) fn of_process(language: Language) -> Self {
        let mut matches = command(language).get_matches();
        let config = matches.remove_one("config");
        let command = match matches.remove_subcommand() {
            Some((name, mut matches)) => match name.as_str() {
                "generate-key" => Command::GenerateKey(GenerateKey {
                    user_id: matches.remove_one("user-id"),
                    by: administrator(&mut matches),
                }),
                "list-keys" => Command::ListKeys(ListKeys { by: administrator(&mut matches) }),
                "revoke-key" => Command::RevokeKey(RevokeKey {
                    user_id: matches.remove_one("user-id").expect("clap requires it"),
                    by: administrator(&mut matches),
                }),
                _ => Command::Run,
            },
            None => Command::Run,
        };
        Self { config, command }
    }
}

fn administrator(matches: &mut ArgMatches) -> Administrator {
    Administrator {
        admin_key: matches.remove_one::<String>("admin-key").map(Secret::new),
        json: matches.get_flag("json"),
    }
}

fn command(language: Language) -> clap::Command {
    let say = |english, russian| language.pick(english, russian).to_owned();
    let config =
        Arg::new("config").long("config").value_name("FILE").global(true).value_parser(value_parser!(PathBuf)).help(
            say(
                "Configuration file [default: config.toml, if there is one]",
                "Файл конфигурации [по умолчанию: config.toml, если он есть]",
            ),
        );
    let admin_key =
        Arg::new("admin-key").long("admin-key").value_name("KEY").env("PRIVMSG_ADMIN_KEY").hide_env_values(true).help(
            say(
                "Admin key; better by the environment, which other users cannot see",
                "Ключ администратора; лучше через переменную окружения, её не видят другие пользователи",
            ),
        );
    let json = Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help(say("Print JSON, for programs", "Вывод в JSON, для программ"));
    let user_id = Arg::new("user-id").long("user-id").value_name("USER_ID").value_parser(value_parser!(UserId));
    let administration = |name: &'static str, english, russian| {
        clap::Command::new(name).about(say(english, russian)).args([admin_key.clone(), json.clone()])
    };
    clap::Command::new("privmsg-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about(say(
            "Relay server of the PrivMsg messenger. Works with the database also while the server runs.",
            "Сервер мессенджера PrivMsg. Команды работают с базой и при запущенном сервере.",
        ))
        .after_help(say(EXAMPLES_EN, EXAMPLES_RU))
        .arg(config)
        .subcommand(clap::Command::new("run").about(say(
            "Run the server (this is what happens without a command)",
            "Запустить сервер (так и без команды)",
        )))
        .subcommand(
            administration(
                "generate-key",
                "Make a user, and show the access key, this once",
                "Создать пользователя и показать ключ доступа (только один раз)",
            )
            .arg(user_id.clone().help(say("Chosen name; random without it", "Выбранное имя; без него — случайное"))),
        )
        .subcommand(administration("list-keys", "List users", "Список пользователей"))
        .subcommand(
            administration(
                "revoke-key",
                "Revoke a user's access: open connections are closed within a second",
                "Отозвать доступ пользователя: открытые соединения закроются в течение секунды",
            )
            .arg(user_id.required(true).help(say("Whose access", "Чей доступ"))),
        )
}
