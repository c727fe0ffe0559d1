//! The command line of `privmsg-server`.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | the server or the database failed |
//! | 2 | the command line is wrong |
//! | 3 | the configuration is wrong |
//! | 4 | the admin key is wrong or missing |
//! | 5 | there is no such user, device or replacement of an identity, or the `user_id` is taken |
//! | 6 | `init`: a file is there already |
//! | 7 | `doctor`: something is wrong; `health`: the server does not answer |
//! | 8 | the running server does not answer to a command |

mod arguments;
mod audit;
mod backup;
mod complaint;
mod delete_user;
mod desk;
mod doctor;
mod generate_key;
mod health;
mod identity_replacement;
mod init;
mod invite;
mod list_devices;
mod list_keys;
mod reactivate_key;
mod reset_key;
mod revoke_key;
mod run;
mod shown;
mod sign_out;
mod stats;
#[cfg(unix)]
mod systemd;
mod taken_back;
mod withdraw_invitation;

use std::borrow::Cow;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ArgMatches;

use crate::backup::BackupError;
use crate::causes::{is_read_only, with_causes};
use crate::config::{Config, ConfigError, Source};
use crate::i18n::Language;
use crate::serve::ServerError;
use crate::storage::StorageError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Storage(StorageError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error("the runtime did not start")]
    Runtime(#[source] std::io::Error),
    #[error("the output could not be written")]
    Output(#[source] std::io::Error),
    #[error("the admin key is wrong or missing")]
    AdminKey,
    #[error("there is no admin key yet")]
    NoAdminKey,
    #[error("there is no database at {0}")]
    NoDatabase(shown::Whereabouts),
    #[error("nothing says where to restore to, and there is no database at {0}")]
    NoConfiguration(shown::Whereabouts),
    #[error("there is no such user")]
    UnknownUser,
    #[error("this user_id is taken")]
    UserExists,
    #[error(transparent)]
    Init(#[from] init::InitError),
    #[error("the server does not answer")]
    Silent(#[source] crate::doctor::http::HttpError),
    /// What is wrong has been printed.
    #[error("something is wrong")]
    Unhealthy,
    #[error("the user has no such device")]
    UnknownDevice,
    #[error("cannot read {path}")]
    KeyFile {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the running server does not answer")]
    NoAnswer,
    #[error("the running server is of another version")]
    AnotherVersion,
    #[error("the address of the server is not known")]
    NoServerUrl,
    #[error("not confirmed")]
    NotConfirmed,
    #[error("no replacement of the user's identity has begun")]
    NoReplacement,
}

impl CommandError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Server(_)
            | Self::Storage(_)
            | Self::Backup(_)
            | Self::Runtime(_)
            | Self::Output(_)
            | Self::NoDatabase(_) => 1,
            Self::NoServerUrl | Self::NotConfirmed => 2,
            Self::Config(_) | Self::NoConfiguration(_) => 3,
            Self::AdminKey | Self::NoAdminKey | Self::KeyFile { .. } => 4,
            Self::UnknownUser | Self::UserExists | Self::UnknownDevice | Self::NoReplacement => 5,
            Self::Init(init::InitError::Argument { .. }) => 2,
            Self::Init(init::InitError::Exists(_)) => 6,
            Self::Init(_) => 1,
            Self::Silent(_) | Self::Unhealthy => 7,
            Self::NoAnswer | Self::AnotherVersion => 8,
        }
    }

    /// What to tell the person at the terminal beyond the bare fact.
    fn advice(&self, language: Language) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::AdminKey => language.pick(
                "The admin key is wrong or missing: give it by --admin-key-file or PRIVMSG_ADMIN_KEY. Where the \
                 configuration has it, give none.",
                "Ключ администратора неверен или не указан: задайте его через --admin-key-file или PRIVMSG_ADMIN_KEY. \
                 Если он есть в конфигурации, указывать его не нужно.",
            ),
            Self::NoAdminKey => language.pick(
                "There is no admin key yet: set admin.master_key in the configuration, or start the server once.",
                "Ключа администратора ещё нет: задайте admin.master_key в конфигурации или запустите сервер один раз.",
            ),
            Self::NoDatabase(_) => language.pick(
                "There is no database here, and none was made. Name the configuration of the server by --config, or start \
                 the server once if it is new.",
                "Базы здесь нет, и она не создана. Укажите конфигурацию сервера через --config или, если он новый, \
                 сначала запустите его.",
            ),
            Self::NoConfiguration(_) => language.pick(
                "Nothing was restored: name the configuration of the server by --config, or the database by \
                 PRIVMSG_STORAGE_DATABASE_PATH.",
                "Ничего не восстановлено: укажите конфигурацию сервера через --config или базу через \
                 PRIVMSG_STORAGE_DATABASE_PATH.",
            ),
            Self::UnknownUser => language.pick("There is no such user.", "Такого пользователя нет."),
            Self::UserExists => language.pick("This user_id is taken.", "Этот user_id уже занят."),
            Self::UnknownDevice => language.pick("The user has no such device.", "У пользователя нет такого устройства."),
            Self::NoReplacement => language.pick(
                "No replacement of the user's identity has begun.",
                "Замена личности этого пользователя не начата.",
            ),
            Self::KeyFile { .. } => language.pick(
                "The file with the admin key cannot be read.",
                "Не удалось прочитать файл с ключом администратора.",
            ),
            Self::NoAnswer => language.pick(
                "The running server did not answer in time, and nothing was done. See its log; restart it if it hangs.",
                "Работающий сервер не ответил вовремя, ничего не сделано. Посмотрите его журнал; если он завис, \
                 перезапустите его.",
            ),
            Self::AnotherVersion => language.pick(
                "The running server is of another version than this program: restart it.",
                "Работающий сервер другой версии, чем эта программа: перезапустите его.",
            ),
            Self::NoServerUrl => language.pick(
                "Say where clients reach the server: --server-url https://chat.example.org, or server.public_url in the \
                 configuration.",
                "Укажите, по какому адресу клиенты видят сервер: --server-url https://chat.example.org или \
                 server.public_url в конфигурации.",
            ),
            Self::NotConfirmed => language.pick(
                "Not confirmed, nothing was done. Where nobody can be asked, say --yes.",
                "Не подтверждено, ничего не сделано. Где спросить некого, укажите --yes.",
            ),
            Self::Config(_) => language.pick(
                "The configuration is wrong; nothing was done.",
                "Ошибка в конфигурации; ничего не сделано.",
            ),
            Self::Server(ServerError::InUse { .. }) => language.pick(
                "Another server is already using this database; stop it first.",
                "С этой базой уже работает другой сервер; сначала остановите его.",
            ),
            Self::Server(ServerError::NewerData { .. }) => language.pick(
                "This database has been used by a newer server, and this one could damage it: install the newer version again, \
                 or restore a backup of before.",
                "С этой базой работал более новый сервер, и этот может её повредить: верните новую версию или восстановите \
                 более раннюю резервную копию.",
            ),
            Self::Server(ServerError::ForeignData { .. }) => language.pick(
                "This database is another program's, and was left as it is: give the server a path of its own in \
                 storage.database_path, or move that file away.",
                "Эта база принадлежит другой программе и не изменена: укажите серверу отдельный путь в \
                 storage.database_path или уберите этот файл.",
            ),
            Self::Server(ServerError::HalfRestored { .. }) => language.pick(
                "Restoring a backup was interrupted: run `privmsg-server restore PATH --force` again.",
                "Восстановление копии было прервано: выполните `privmsg-server restore PATH --force` ещё раз.",
            ),
            Self::Backup(error) => return backup::advice(error, language),
            Self::Server(error) if is_read_only(error) => language.pick(
                "This place is read-only for the server. Under the unit of systemd it writes only where that says: \
                 `systemctl edit privmsg-server`, the lines [Service] and ReadWritePaths=FOLDER.",
                "Это место доступно серверу только для чтения. Под юнитом systemd он пишет только туда, куда разрешает \
                 юнит: `systemctl edit privmsg-server`, строки [Service] и ReadWritePaths=ПАПКА.",
            ),
            Self::Server(_) => language.pick("The server did not start.", "Сервер не запустился."),
            Self::Init(init::InitError::Exists(_)) => language.pick(
                "There is a configuration already. Nothing was changed; move it away to begin anew.",
                "Конфигурация уже есть. Ничего не изменено; чтобы начать заново, уберите её в сторону.",
            ),
            Self::Silent(_) => language.pick("The server does not answer.", "Сервер не отвечает."),
            _ => return None,
        }))
    }
}

/// Runs the command line of this process. For `main` only: reads the process's arguments and environment.
#[must_use]
pub fn main() -> ExitCode {
    let language = Language::of_environment();
    let commands = [
        init::command,
        run::command,
        doctor::command,
        health::command,
        generate_key::command,
        list_keys::command,
        revoke_key::command,
        backup::backup_command,
        backup::verify_command,
        backup::restore_command,
        reactivate_key::command,
        reset_key::command,
        invite::command,
        withdraw_invitation::command,
        list_devices::command,
        sign_out::command,
        identity_replacement::command,
        delete_user::command,
        audit::command,
        stats::command,
    ]
    .map(|command| command(language));
    let matches = match complaint::in_language(arguments::program(language, commands), language).try_get_matches() {
        Ok(matches) => matches,
        // Also `--help` and `--version`.
        Err(error) => return complaint::tell(&error, language),
    };
    match dispatch(matches, language) {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandError::Unhealthy) => ExitCode::from(CommandError::Unhealthy.exit_code()),
        Err(error) => {
            report(&error, language);
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(mut matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let source = matches.remove_one::<PathBuf>("config").map_or(Source::Default, Source::Explicit);
    // Variables that are not text cannot be ours.
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let (name, matches) = matches.remove_subcommand().unwrap_or_else(|| ("run".to_owned(), ArgMatches::default()));
    if name == "init" {
        return init::run(matches, language);
    }
    let config = Config::load(&source, environment);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CommandError::Runtime)?;
    if name == "doctor" {
        return runtime.block_on(doctor::run(config, matches, language));
    }
    let config = config?;
    runtime.block_on(async move {
        match name.as_str() {
            "health" => health::run(&config).await,
            "generate-key" => generate_key::run(&config, matches, language).await,
            "list-keys" => list_keys::run(&config, matches, language).await,
            "revoke-key" => revoke_key::run(&config, matches, language).await,
            "backup" => backup::run_backup(config, matches, language).await,
            "verify" => backup::run_verify(matches, language).await,
            "restore" => backup::run_restore(config, matches, language).await,
            "reactivate-key" => reactivate_key::run(&config, matches, language).await,
            "reset-key" => reset_key::run(&config, matches, language).await,
            "invite" => invite::run(&config, matches, language).await,
            "withdraw-invitation" => withdraw_invitation::run(&config, matches, language).await,
            "list-devices" => list_devices::run(&config, matches, language).await,
            "identity-replacement" => identity_replacement::run(&config, matches, language).await,
            "sign-out" => sign_out::run(&config, matches, language).await,
            "delete-user" => delete_user::run(&config, matches, language).await,
            "audit" => audit::run(&config, matches, language).await,
            "stats" => stats::run(&config, matches, language).await,
            _ => run::run(config, language).await,
        }
    })
}

/// The advice, then the chain of causes.
fn report(error: &CommandError, language: Language) {
    if let Some(advice) = error.advice(language) {
        eprintln!("{advice}");
        if matches!(error.exit_code(), 2 | 4 | 5 | 8) && !matches!(error, CommandError::KeyFile { .. }) {
            return;
        }
        // All of it has been said in the user's language, and the causes would be in English.
        if let CommandError::Backup(error) = error
            && language == Language::Russian
            && backup::says_all(error)
        {
            return;
        }
    }
    eprintln!("privmsg-server: {}", with_causes(error));
}

/// Writes a line for people or programs.
fn print(text: &str) -> Result<(), CommandError> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{text}").map_err(CommandError::Output)
}
