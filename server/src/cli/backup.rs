//! `backup`, `verify` and `restore`.

use std::borrow::Cow;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches};
use privmsg_protocol::Secret;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::shown::Whereabouts;
use super::{CommandError, arguments, print, taken_back};
use crate::backup::{self, BackupError, Encryption, Manifest, Order, Restore, Unlock};
use crate::clock::{Clock, format_utc};
use crate::config::Config;
use crate::i18n::Language;
use crate::lock::LockError;
use crate::paths::shown;
use crate::storage::sqlite;

pub(super) fn backup_command(language: Language) -> clap::Command {
    let recipient =
        Arg::new("recipient").long("recipient").value_name("AGE1…").action(ArgAction::Append).help(language.say(
            "Encrypt to this public key of age; may be repeated",
            "Зашифровать для этого открытого ключа age; можно указать несколько раз",
        ));
    clap::Command::new("backup")
        .about(language.say(
            "Write database and files into one archive, also while the server runs",
            "Записать базу и файлы в один архив, в том числе при работающем сервере",
        ))
        .args([
            path(language, ("Archive to write; never overwritten", "Создаваемый архив; никогда не перезаписывается")),
            recipient.conflicts_with("passphrase-file"),
            passphrase_file(language),
            arguments::json(language),
        ])
}

pub(super) fn verify_command(language: Language) -> clap::Command {
    clap::Command::new("verify")
        .about(language.say("Prove that an archive can be restored", "Проверить, что архив можно восстановить"))
        .args([
            path(language, ("Archive", "Архив")),
            identity(language),
            passphrase_file(language),
            arguments::json(language),
        ])
}

pub(super) fn restore_command(language: Language) -> clap::Command {
    let force = Arg::new("force").long("force").action(ArgAction::SetTrue).help(language.say(
        "Move the data that is there aside (it is not deleted)",
        "Отложить имеющиеся данные в сторону (они не удаляются)",
    ));
    let verify = Arg::new("verify").long("verify").action(ArgAction::SetTrue).help(language.say(
        "Read everything once more from the disk afterwards",
        "После восстановления ещё раз прочитать всё с диска",
    ));
    clap::Command::new("restore")
        .about(language.say(
            "Restore an archive to where the configuration says; the server must be stopped",
            "Восстановить архив туда, куда указывает конфигурация; сервер должен быть остановлен",
        ))
        .args([
            path(language, ("Archive", "Архив")),
            force,
            verify,
            identity(language),
            passphrase_file(language),
            arguments::json(language),
        ])
}

fn path(language: Language, help: (&str, &str)) -> Arg {
    Arg::new("path").value_name("PATH").required(true).value_parser(file(language)).help(language.say(help.0, help.1))
}

/// A path; `-` is none. It made a file of that name, and a pipe got a sentence in place of a backup.
fn file(language: Language) -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(move |path| {
        if path == Path::new("-") {
            return Err(language.pick(
                "a backup is a file, and never on standard input or output; a file that is called so is ./-",
                "копия — это файл, а не стандартный ввод или вывод; файл с таким именем — это ./-",
            ));
        }
        Ok(path)
    })
}

fn passphrase_file(language: Language) -> Arg {
    Arg::new("passphrase-file").long("passphrase-file").value_name("FILE").value_parser(file(language)).help(
        language.say(
            "File whose first line is the passphrase; or set PRIVMSG_BACKUP_PASSPHRASE",
            "Файл, первая строка которого — парольная фраза; либо задайте PRIVMSG_BACKUP_PASSPHRASE",
        ),
    )
}

fn identity(language: Language) -> Arg {
    Arg::new("identity")
        .long("identity")
        .value_name("FILE")
        .action(ArgAction::Append)
        .value_parser(file(language))
        .help(language.say("File with a secret key of age", "Файл с закрытым ключом age"))
}

pub(super) async fn run_backup(config: Config, matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    if !config.storage.database_path.exists() {
        return Err(CommandError::NoDatabase(Whereabouts::of(&config)));
    }
    let whereabouts = Whereabouts::of(&config);
    let to = archive(&matches);
    let keys = matches.get_many::<String>("recipient").into_iter().flatten().map(String::as_str);
    let mut encryption = backup::recipients(keys)?;
    if matches!(encryption, Encryption::None)
        && let Some(passphrase) = passphrase(&matches)?
    {
        encryption = Encryption::Passphrase(passphrase);
    }
    let encrypted = !matches!(encryption, Encryption::None);
    let path = to.clone();
    let made = work(language, move |progress| {
        let order = Order {
            database: &config.storage.database_path,
            files: &config.storage.files_path,
            to: &path,
            encryption: &encryption,
            now: Clock::system().now(),
        };
        backup::create(&order, progress)
    });
    let manifest = made.await?;
    let bytes = std::fs::metadata(&to).map_or(0, |data| data.len());
    if matches.get_flag("json") {
        let mut json = summary(&to, &manifest);
        json["bytes"] = bytes.into();
        json["encrypted"] = encrypted.into();
        return print(&json.to_string());
    }
    whereabouts.tell(Some(manifest.users), language);
    let done = language.pick("Backup written:", "Резервная копия записана:");
    print(&format!("{done} {} ({bytes} B)\n{}", to.display(), contents(&manifest, language)))
}

pub(super) async fn run_verify(matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let (path, unlock) = (archive(&matches), unlock(&matches)?);
    let from = path.clone();
    let manifest = work(language, move |progress| backup::verify(&from, &unlock, progress)).await?;
    if matches.get_flag("json") {
        let mut json = summary(&path, &manifest);
        json["restorable"] = true.into();
        return print(&json.to_string());
    }
    let good = language.pick("This backup can be restored:", "Эту резервную копию можно восстановить:");
    print(&format!("{good} {}\n{}", path.display(), contents(&manifest, language)))
}

pub(super) async fn run_restore(config: Config, matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    // Onto another machine a backup is restored before there is any data; but then somebody has said where.
    if config.is_nobodys() && !config.storage.database_path.exists() {
        return Err(CommandError::NoConfiguration(Whereabouts::of(&config)));
    }
    let (whereabouts, database) = (Whereabouts::of(&config), config.storage.database_path.clone());
    let (path, unlock) = (archive(&matches), unlock(&matches)?);
    let (force, verify, from) = (matches.get_flag("force"), matches.get_flag("verify"), path.clone());
    let restored = work(language, move |progress| {
        let order = Restore {
            from: &from,
            unlock: &unlock,
            database: &config.storage.database_path,
            files: &config.storage.files_path,
            force,
            verify,
            now: Clock::system().now(),
        };
        backup::restore(&order, progress)
    });
    let restored = restored.await?;
    let aside: Vec<String> = restored.aside.iter().map(|path| shown(path)).collect();
    if matches.get_flag("json") {
        let mut json = summary(&path, &restored.manifest);
        json["moved_aside"] = aside.into();
        json["taken_back"] = taken_back::json(&restored.taken_back);
        return print(&json.to_string());
    }
    whereabouts.tell(Some(restored.manifest.users), language);
    print(&format!(
        "{} {}\n{}",
        language.pick("Restored:", "Восстановлено:"),
        path.display(),
        contents(&restored.manifest, language)
    ))?;
    for path in aside {
        print(&format!("{} {path}", language.pick("The data of before is in", "Прежние данные лежат в")))?;
    }
    print(&taken_back::text(&restored.taken_back, &sqlite::journal_of(&database), language))?;
    print(language.pick("The server can be started now.", "Теперь сервер можно запускать."))
}

fn archive(matches: &ArgMatches) -> PathBuf {
    matches.get_one::<PathBuf>("path").cloned().expect("clap requires it")
}

/// Runs on a thread for work that blocks, shows on a terminal how far it is, and ends in good order on Ctrl+C.
async fn work<T: Send + 'static>(
    language: Language,
    work: impl FnOnce(backup::Progress<'_>) -> Result<T, BackupError> + Send + 'static,
) -> Result<T, CommandError> {
    let (stop, shown) = (CancellationToken::new(), std::io::stderr().is_terminal());
    let stopped = stop.clone();
    let mut working = tokio::task::spawn_blocking(move || {
        let mut percent = u64::MAX;
        let result = work(&mut |done, total| {
            let now = (done * 100).checked_div(total).unwrap_or(100);
            if shown && now != percent {
                percent = now;
                eprint!("\r{} {percent} %", language.pick("working:", "выполнено:"));
            }
            !stopped.is_cancelled()
        });
        if shown && percent != u64::MAX {
            eprintln!();
        }
        result
    });
    let joined = tokio::select! {
        joined = &mut working => joined,
        _ = tokio::signal::ctrl_c() => {
            stop.cancel();
            working.await
        }
    };
    let result = joined.map_err(|error| CommandError::Runtime(std::io::Error::other(error)))?;
    Ok(result?)
}

fn unlock(matches: &ArgMatches) -> Result<Unlock, CommandError> {
    let files = matches.get_many::<PathBuf>("identity").into_iter().flatten();
    let identities = files.map(|file| secret_file(file)).collect::<Result<_, _>>()?;
    Ok(Unlock { identities, passphrase: passphrase(matches)? })
}

fn passphrase(matches: &ArgMatches) -> Result<Option<Secret>, CommandError> {
    let Some(file) = matches.get_one::<PathBuf>("passphrase-file") else {
        return Ok(std::env::var("PRIVMSG_BACKUP_PASSPHRASE").ok().filter(|text| !text.is_empty()).map(Secret::new));
    };
    let text = secret_file(file)?;
    let line = backup::without_mark(text.expose()).lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(CommandError::Backup(BackupError::NoPassphrase { path: shown(file) }));
    }
    Ok(Some(Secret::new(line.to_owned())))
}

fn secret_file(path: &Path) -> Result<Secret, CommandError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| BackupError::Io { doing: "read", path: shown(path), source })?;
    Ok(Secret::new(text))
}

fn summary(path: &Path, manifest: &Manifest) -> serde_json::Value {
    json!({
        "path": shown(path),
        "created_at": manifest.created_at,
        "version": manifest.version,
        "schema_version": manifest.schema_version,
        "users": manifest.users,
        "database_bytes": manifest.database.size,
        "files": manifest.files.len(),
        "file_bytes": manifest.total() - manifest.database.size,
        "missing": manifest.missing,
    })
}

/// What is in an archive, for people.
fn contents(manifest: &Manifest, language: Language) -> String {
    let mut text = format!(
        "  {}: {} UTC, privmsg-server {}\n  {}: {} B, {}: {}\n  {}: {} ({} B)",
        language.pick("made", "создана"),
        format_utc(manifest.created_at).unwrap_or_default(),
        manifest.version,
        language.pick("database", "база"),
        manifest.database.size,
        language.pick("users", "пользователей"),
        manifest.users,
        language.pick("files", "файлов"),
        manifest.files.len(),
        manifest.total() - manifest.database.size,
    );
    if !manifest.missing.is_empty() {
        let gone = language.pick("files deleted while it was made", "файлов, удалённых во время создания");
        text.push_str(&format!("\n  {gone}: {}", manifest.missing.len()));
    }
    text
}

/// Whether the advice leaves nothing to be added.
pub(super) const fn says_all(error: &BackupError) -> bool {
    matches!(
        error,
        BackupError::Exists { .. }
            | BackupError::Occupied { .. }
            | BackupError::Locked
            | BackupError::WrongKey(_)
            | BackupError::NoKey
            | BackupError::Foreign { .. }
            | BackupError::Lock(LockError::InUse { .. })
    )
}

/// What to do about it. In English the cause follows, and names the path.
pub(super) fn advice(error: &BackupError, language: Language) -> Option<Cow<'static, str>> {
    Some(Cow::Borrowed(match error {
        BackupError::Full { .. } => language.pick(
            "The disk is full; nothing was left half-done. Make room, or choose another disk.",
            "На диске нет места; незавершённых файлов не осталось. Освободите место или выберите другой диск.",
        ),
        BackupError::Exists { path } => {
            let russian = format!("Выберите имя, которое ещё не занято: {path} уже существует.");
            return Some(language.say("Choose a name that is not taken.", &russian).into());
        }
        BackupError::ForeignDatabase { .. } => language.pick(
            "This database is another program's, and was left as it is; see storage.database_path in the configuration.",
            "Эта база принадлежит другой программе и не изменена; проверьте storage.database_path в конфигурации.",
        ),
        BackupError::NoDatabase { .. } => language.pick(
            "There is no database yet; see storage.database_path in the configuration.",
            "Базы ещё нет; проверьте storage.database_path в конфигурации.",
        ),
        BackupError::Locked => language.pick(
            "The backup is encrypted: give --identity FILE, --passphrase-file FILE or PRIVMSG_BACKUP_PASSPHRASE.",
            "Копия зашифрована: укажите --identity FILE, --passphrase-file FILE или PRIVMSG_BACKUP_PASSPHRASE.",
        ),
        BackupError::WrongKey(_) => {
            language.pick("This key does not open this backup.", "Этот ключ не открывает эту копию.")
        }
        BackupError::NoKey => language.pick(
            "Nothing is wrong with the backup: --identity needs the file that age-keygen has written.",
            "С копией всё в порядке: для --identity нужен файл, созданный age-keygen.",
        ),
        BackupError::Damaged { .. } => language.pick(
            "This is no backup of PrivMsg, or it is damaged, and cannot be restored; use another one.",
            "Это не резервная копия PrivMsg, или она повреждена; восстановить её нельзя, используйте другую.",
        ),
        BackupError::Foreign { .. } => language.pick(
            "This is no backup of PrivMsg and cannot be restored; use another one.",
            "Это не резервная копия PrivMsg, восстановить её нельзя; используйте другую.",
        ),
        BackupError::Newer { .. } => language.pick(
            "This backup was made by a newer server; install that version first.",
            "Копия сделана более новым сервером; сначала установите ту версию.",
        ),
        BackupError::Occupied { path } => {
            let russian = format!("Данные уже есть: {path}. С --force они будут отложены в сторону, но не удалены.");
            return Some(
                language.say("There is data already; with --force it is moved aside, not deleted.", &russian).into(),
            );
        }
        BackupError::Lock(LockError::InUse { .. }) => {
            language.pick("Stop the server first.", "Сначала остановите сервер.")
        }
        _ => return None,
    }))
}
