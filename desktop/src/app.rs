//! The window: which screen it shows, and what holds for all of them.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use iced::theme::Mode;
use iced::widget::operation::{focus_next, focus_previous};
use iced::{Element, Event, Font, Program, Subscription, Task, Theme, event, system, time, window};
use privmsg_client::Profile;

use crate::idle::{Idle, Moment};
use crate::keys;
use crate::looks::Looks;
use crate::screen::home::{self, Home};
use crate::screen::keep_words::{self, KeepWords};
use crate::screen::locked::{self, Locked};
use crate::screen::opening::{self, Opening, Purpose};
use crate::screen::sign_in::{self, SignIn};
use crate::screen::waiting::{self, Waiting};
use crate::session::Session;
use crate::start::Start;
use crate::theme;
use crate::tools::Tools;

/// The bundled one: the system's own would look different everywhere, and on some there is none.
const FONT: Font = Font::with_name("Fira Sans");

/// Emoji in colour (SIL Open Font License 1.1): few systems have a font with them that can be drawn without a graphics card.
const EMOJI: &[u8] = include_bytes!("../fonts/TwemojiMozilla.ttf");

/// How often it is looked whether somebody is there.
const LOOK_FOR_IDLE: Duration = Duration::from_secs(2);

/// How long a message may take to get into the outbox while the window closes.
const LAST_WORD: Duration = Duration::from_secs(5);

/// All of it.
#[derive(Debug)]
pub struct App {
    profile: Profile,
    tools: Tools,
    looks: Looks,
    /// What holds the next time.
    kept: Looks,
    /// The system's.
    mode: Mode,
    screen: Screen,
    /// What covers it until the passphrase is typed.
    locked: Option<Locked>,
    idle: Idle,
    has_focus: bool,
    /// As long as the start is measured.
    start: Option<Start>,
    /// The window closes as soon as what was sent is in the outbox.
    is_closing: bool,
    /// The engine is being stopped.
    is_leaving: bool,
}

#[derive(Debug)]
enum Screen {
    Opening(Opening),
    SignIn(SignIn),
    Waiting(Waiting),
    KeepWords(KeepWords),
    Home(Box<Home>),
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// While the profile is opened.
    Opening(opening::Message),
    /// While somebody signs in.
    SignIn(sign_in::Message),
    /// While a further device waits.
    Waiting(waiting::Message),
    /// While the words are shown.
    KeepWords(keep_words::Message),
    /// In the chats.
    Home(home::Message),
    /// The system has become light or dark.
    Mode(Mode),
    /// The window has the keyboard, or not any more.
    Focus(bool),
    /// A file was dropped on the window.
    Dropped(PathBuf),
    /// The window is to be closed.
    CloseRequested,
    /// The engine has stopped.
    Left,
    /// The same, so that somebody can sign in.
    SignInAgain,
    /// The same, so that it can begin anew.
    TryAgain,
    /// How the window is to look was kept.
    Kept,
    /// Something was drawn.
    Drawn,
    /// Somebody is there.
    Active,
    /// Whether somebody is.
    IsIdle,
    /// The window is to be locked.
    Lock,
    /// It can be, or not.
    Lockable(bool),
    /// While it is.
    Locked(locked::Message),
    /// The next field is to have the keyboard, or the one before.
    Tab { back: bool },
}

impl App {
    /// Begins with a profile, and with what was chosen about how it looks.
    pub fn new(profile: Profile, tools: Tools, looks: Looks) -> (Self, Task<Message>) {
        let (opening, task) = Opening::new(profile.clone(), Purpose::Read);
        let kept = Looks::of(&profile);
        let start = tools.traced_since.map(Start::new);
        let app = Self {
            profile,
            tools,
            looks,
            kept,
            mode: Mode::None,
            screen: Screen::Opening(opening),
            locked: None,
            idle: Idle::new(Moment::now()),
            has_focus: true,
            start,
            is_closing: false,
            is_leaving: false,
        };
        (app, Task::batch([task.map(Message::Opening), system::theme().map(Message::Mode)]))
    }

    /// Does what a message asks for. What comes for a screen that is not shown any more is passed over.
    pub fn update(&mut self, message: Message) -> Task<Message> {
        let task = self.does(message);
        match &self.screen {
            Screen::Home(home) if self.is_closing && !home.is_sending() => {
                self.is_closing = false;
                Task::batch([task, Task::done(Message::CloseRequested)])
            }
            _ => task,
        }
    }

    fn does(&mut self, message: Message) -> Task<Message> {
        match (message, &mut self.screen) {
            (Message::Opening(message), Screen::Opening(screen)) => match screen.update(message) {
                opening::Action::None => Task::none(),
                opening::Action::Run(task) => task.map(Message::Opening),
                opening::Action::Open(ready) => self.enters(ready),
                opening::Action::SignIn(unfinished) => {
                    let (screen, task) = SignIn::new(self.profile.clone(), unfinished);
                    self.screen = Screen::SignIn(screen);
                    task.map(Message::SignIn)
                }
            },
            (Message::SignIn(message), Screen::SignIn(screen)) => match screen.update(message, self.looks.lang()) {
                sign_in::Action::None => Task::none(),
                sign_in::Action::Run(task) => task.map(Message::SignIn),
                sign_in::Action::Open(ready) => self.enters(ready),
                sign_in::Action::LookAgain => self.begins(Purpose::Read),
                sign_in::Action::Wait(pending, passphrase) => {
                    let (screen, task) = Waiting::new(self.profile.clone(), pending, passphrase);
                    self.screen = Screen::Waiting(screen);
                    task.map(Message::Waiting)
                }
            },
            (Message::Waiting(message), Screen::Waiting(screen)) => match screen.update(message) {
                waiting::Action::None => Task::none(),
                waiting::Action::Run(task) => task.map(Message::Waiting),
                waiting::Action::Open(ready) => self.enters(ready),
                waiting::Action::LookAgain => self.begins(Purpose::Read),
            },
            (Message::KeepWords(message), Screen::KeepWords(screen)) => match screen.update(message) {
                keep_words::Action::None => Task::none(),
                keep_words::Action::Run(task) => task.map(Message::KeepWords),
                keep_words::Action::Done(session) => self.shows_chats(session),
            },
            (Message::Focus(has_focus), Screen::Home(_)) => {
                self.has_focus = has_focus;
                has_focus.then(|| self.locks_if_idle()).flatten().unwrap_or_else(|| self.is_looked_at())
            }
            (Message::Dropped(_), _) if self.locked.is_some() => Task::none(),
            (Message::Dropped(path), Screen::Home(screen)) => screen.drops(vec![path]).map(Message::Home),
            (Message::Home(message), Screen::Home(screen)) => match screen.update(message) {
                home::Action::Run(task) => task.map(Message::Home),
                home::Action::Lock => self.does(Message::Lock),
                home::Action::TryAgain => {
                    let session = screen.session().clone();
                    Task::perform(async move { session.leave().await }, |()| Message::TryAgain)
                }
                home::Action::Look(looks) => {
                    // What was said for this once is not kept because something else was chosen.
                    if looks.lang != self.looks.lang {
                        self.kept.lang = looks.lang;
                    }
                    if looks.shade != self.looks.shade {
                        self.kept.shade = looks.shade;
                    }
                    (self.kept.notifies, self.kept.hides_content) = (looks.notifies, looks.hides_content);
                    self.kept.lock_after = looks.lock_after;
                    // Who has just chosen it is there.
                    self.idle = Idle::new(Moment::now());
                    self.looks = looks;
                    Task::perform(keep(self.kept, self.profile.clone()), |()| Message::Kept)
                }
                home::Action::SignInAgain => {
                    let session = screen.session().clone();
                    Task::perform(async move { session.leave().await }, |()| Message::SignInAgain)
                }
            },
            (Message::SignInAgain, Screen::Home(_)) => self.begins(Purpose::SignIn),
            (Message::TryAgain, Screen::Home(_)) => self.begins(Purpose::Read),
            (Message::Mode(mode), _) => {
                self.mode = mode;
                Task::none()
            }
            (Message::CloseRequested, Screen::Home(screen)) if screen.is_sending() && !self.is_closing => {
                self.is_closing = true;
                Task::perform(tokio::time::sleep(LAST_WORD), |()| Message::CloseRequested)
            }
            (Message::CloseRequested, Screen::Home(_)) if self.is_leaving => Task::none(),
            (Message::CloseRequested, Screen::Home(screen)) => {
                self.is_leaving = true;
                let session = screen.session().clone();
                let left = Task::perform(async move { session.leave().await }, |()| Message::Left);
                screen.closes().map(Message::Home).chain(left)
            }
            (Message::CloseRequested | Message::Left, _) => iced::exit(),
            (Message::Locked(message), _) => self.unlocks(message),
            (Message::Lock, Screen::Home(screen)) if self.locked.is_none() => {
                Task::perform(Locked::is_possible(screen.session().client().clone()), Message::Lockable)
            }
            (Message::Lockable(true), Screen::Home(screen)) if self.locked.is_none() => {
                screen.locks(true);
                let (locked, task) = Locked::new(screen.session().client().clone());
                self.locked = Some(locked);
                Task::batch([task.map(Message::Locked), self.is_looked_at()])
            }
            (Message::Active, _) => match self.looks.lock_after {
                Some(minutes) if self.idle.ends(Moment::now(), minutes) => self.does(Message::Lock),
                _ => Task::none(),
            },
            // Whoever says or hears something presses nothing meanwhile.
            (Message::IsIdle, Screen::Home(home)) if home.is_heard_or_said() => self.does(Message::Active),
            (Message::IsIdle, _) => self.locks_if_idle().unwrap_or_else(Task::none),
            (Message::Lockable(false), Screen::Home(_)) => {
                // There is nothing to ask for: not at each key that is pressed from now on.
                self.idle = Idle::new(Moment::now());
                self.is_looked_at()
            }
            (Message::Drawn, screen) => {
                let with_chats = matches!(screen, Screen::Home(home) if home.has_chats());
                self.start.take_if(|start| start.is_drawn(with_chats));
                Task::none()
            }
            (Message::Tab { back: false }, _) => focus_next(),
            (Message::Tab { back: true }, _) => focus_previous(),
            _ => Task::none(),
        }
    }

    fn unlocks(&mut self, message: locked::Message) -> Task<Message> {
        let Some(locked) = &mut self.locked else { return Task::none() };
        match locked.update(message) {
            locked::Action::Run(task) => task.map(Message::Locked),
            locked::Action::Unlock => {
                (self.locked, self.idle) = (None, Idle::new(Moment::now()));
                if let Screen::Home(home) = &mut self.screen {
                    home.locks(false);
                }
                self.is_looked_at()
            }
        }
    }

    /// Nobody was there for so long that whoever comes may be anybody.
    fn locks_if_idle(&mut self) -> Option<Task<Message>> {
        let minutes = self.looks.lock_after?;
        self.idle.is_over(Moment::now(), minutes).then(|| self.does(Message::Lock))
    }

    /// Tells the chats whether somebody looks at them.
    fn is_looked_at(&mut self) -> Task<Message> {
        let has_focus = self.has_focus && self.locked.is_none();
        self.does(Message::Home(home::Message::Focus(has_focus)))
    }

    fn begins(&mut self, purpose: Purpose) -> Task<Message> {
        let (screen, task) = Opening::new(self.profile.clone(), purpose);
        self.screen = Screen::Opening(screen);
        task.map(Message::Opening)
    }

    fn enters(&mut self, ready: opening::Ready) -> Task<Message> {
        match KeepWords::new(ready) {
            Ok(screen) => {
                self.screen = Screen::KeepWords(screen);
                Task::none()
            }
            Err(session) => self.shows_chats(session),
        }
    }

    fn shows_chats(&mut self, session: Session) -> Task<Message> {
        self.screen = Screen::Home(Box::new(Home::new(session, self.looks, self.tools.clone())));
        self.idle = Idle::new(Moment::now());
        Task::none()
    }

    /// Draws it.
    pub fn view(&self) -> Element<'_, Message> {
        let lang = self.looks.lang();
        if let Some(locked) = &self.locked {
            return locked.view(lang).map(Message::Locked);
        }
        match &self.screen {
            Screen::Opening(screen) => screen.view(lang).map(Message::Opening),
            Screen::SignIn(screen) => screen.view(lang).map(Message::SignIn),
            Screen::Waiting(screen) => screen.view(lang).map(Message::Waiting),
            Screen::KeepWords(screen) => screen.view(lang).map(Message::KeepWords),
            Screen::Home(screen) => screen.view(lang, now_ms()).map(Message::Home),
        }
    }

    /// What stands above the window.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.screen {
            Screen::Home(home) if home.unread() > 0 && self.locked.is_none() => format!("({}) PrivMsg", home.unread()),
            _ => "PrivMsg".to_owned(),
        }
    }

    /// How it looks.
    #[must_use]
    pub fn theme(&self) -> Theme {
        theme::of(self.looks.shade.mode(self.mode))
    }

    /// What is followed.
    pub fn subscription(&self) -> Subscription<Message> {
        let mut all = vec![
            window::close_requests().map(|_| Message::CloseRequested),
            system::theme_changes().map(Message::Mode),
            event::listen_with(keys::tab),
        ];
        if self.start.is_some() {
            all.push(window::frames().map(|_| Message::Drawn));
        }
        if let Screen::Home(home) = &self.screen {
            all.push(home.subscription().map(Message::Home));
            all.push(event::listen_with(keys::shortcut));
            if self.looks.lock_after.is_some() && self.locked.is_none() {
                all.push(event::listen_with(keys::sign_of_life));
                all.push(time::every(LOOK_FOR_IDLE).map(|_| Message::IsIdle));
            }
            all.push(event::listen_with(|event, _, _| match event {
                Event::Window(window::Event::Focused) => Some(Message::Focus(true)),
                Event::Window(window::Event::FileDropped(path)) => Some(Message::Dropped(path)),
                Event::Window(window::Event::Unfocused) => Some(Message::Focus(false)),
                _ => None,
            }));
        }
        Subscription::batch(all)
    }
}

/// What is lost is chosen anew.
async fn keep(looks: Looks, profile: Profile) {
    let kept = tokio::task::spawn_blocking(move || looks.keep(&profile)).await;
    if let Ok(Err(error)) = kept {
        tracing::warn!(%error, "how the window is to look was not kept");
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The program: see [`App::new`].
pub fn program(
    profile: Profile,
    tools: Tools,
    looks: Looks,
) -> iced::Application<impl Program<State = App, Message = Message, Theme = Theme> + use<>> {
    iced::application(move || App::new(profile.clone(), tools.clone(), looks), App::update, App::view)
        .title(App::title)
        .theme(App::theme)
        .subscription(App::subscription)
        .default_font(FONT)
        .font(EMOJI)
        .window_size((1000.0, 680.0))
        .exit_on_close_request(false)
}
