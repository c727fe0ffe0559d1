//! A window without a display: the real program, with its tasks and subscriptions, drawn into memory.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use iced::futures::channel::mpsc;
use iced::mouse::ScrollDelta;
use iced::{Point, Program, Rectangle, Settings, Size, Theme};
use iced_test::emulator::{Emulator, Event, Mode};
use iced_test::instruction::{Instruction, Interaction, Key, Keyboard, Mouse, Target};
use iced_test::selector::Candidate;
use iced_test::{Simulator, selector};
use privmsg_client::Profile;
use privmsg_desktop::app::{self, App, Message};
use privmsg_desktop::lang::Lang;
use privmsg_desktop::looks::Looks;
use privmsg_desktop::notifications::{Notification, Notifier};
use privmsg_desktop::tools::Tools;
use privmsg_media::Decoder;

use crate::devices::Devices;

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_privmsg-desktop");

/// How long something may take to be there. What nobody disturbs takes a moment.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked again.
const LOOK: Duration = Duration::from_millis(20);

/// Where the list ends and the chat begins.
const SIDEBAR: f32 = 300.0;

const SIZE: Size = Size::new(1000.0, 680.0);

/// A window on a profile.
pub(crate) struct Window<P: Program + 'static> {
    program: P,
    emulator: Emulator<P>,
    events: mpsc::Receiver<Event<P>>,
    lang: Lang,
    size: Size,
    told: Receiver<Notification>,
    pub(crate) devices: Devices,
}

/// Opens the program on the profile in `dir`.
pub(crate) fn open(
    dir: &Path,
    lang: Lang,
) -> Window<impl Program<State = App, Message = Message, Theme = Theme> + use<>> {
    begun(dir, Looks { lang: Some(lang), ..Looks::default() }, SIZE)
}

/// The same, in a window that is high enough for all of the settings.
pub(crate) fn open_high(
    dir: &Path,
    lang: Lang,
) -> Window<impl Program<State = App, Message = Message, Theme = Theme> + use<>> {
    begun(dir, Looks { lang: Some(lang), ..Looks::default() }, Size::new(SIZE.width, 3.0 * SIZE.height))
}

/// The same, as it was set the last time.
pub(crate) fn open_as_kept(dir: &Path) -> Window<impl Program<State = App, Message = Message, Theme = Theme> + use<>> {
    begun(dir, Looks::of(&Profile::at(dir.to_owned())), SIZE)
}

fn begun(
    dir: &Path,
    looks: Looks,
    size: Size,
) -> Window<impl Program<State = App, Message = Message, Theme = Theme> + use<>> {
    let decoder = Decoder::by(PROGRAM.into());
    let (notifier, told) = Notifier::new();
    let (devices, downloads) = (Devices::default(), dir.with_file_name("downloads"));
    let sound = Arc::new(devices.clone());
    let tools = Tools { downloads: downloads.into(), decoder, sound, notifier, traced_since: None };
    let program = app::program(Profile::at(dir.to_owned()), tools, looks);
    let (sender, events) = mpsc::channel(64);
    let emulator = Emulator::new(sender, &program, Mode::Immediate, size);
    let mut window = Window { program, emulator, events, lang: looks.lang(), size, told, devices };
    assert!(window.answer(), "the program does not begin");
    window
}

impl<P: Program<State = App, Message = Message, Theme = Theme>> Window<P> {
    /// Waits until a text of the window, by its name, is to be seen.
    pub(crate) fn shows(&mut self, name: &str) {
        self.shows_text(&self.lang.text(name));
    }

    /// The same for what somebody has written.
    pub(crate) fn shows_text(&mut self, text: &str) {
        self.until(text, |window| window.texts().iter().any(|there| there == text));
    }

    /// The same, while something is done again and again, a few times a second.
    pub(crate) fn shows_text_after(&mut self, text: &str, mut done: impl FnMut()) {
        self.until(text, |window| {
            done();
            window.rests_for(300);
            window.texts().iter().any(|there| there == text)
        });
    }

    /// Waits until a text of the window, by its name, is part of one that is to be seen.
    pub(crate) fn shows_text_with(&mut self, name: &str) {
        let part = self.lang.text(name);
        self.until(&part.clone(), |window| window.texts().iter().any(|text| text.contains(&part)));
    }

    /// Waits until a text is there that begins so. Returns it.
    pub(crate) fn shows_beginning(&mut self, beginning: &str) -> String {
        let mut found = None;
        self.until(beginning, |window| {
            found = window.texts().into_iter().find(|text| text.starts_with(beginning));
            found.is_some()
        });
        found.unwrap()
    }

    /// Waits until none does any more.
    pub(crate) fn hides_beginning(&mut self, beginning: &str) {
        self.until(beginning, |window| !window.texts().iter().any(|text| text.starts_with(beginning)));
    }

    /// Waits until a text is not there any more.
    pub(crate) fn hides_text(&mut self, text: &str) {
        self.until(text, |window| !window.texts().iter().any(|there| there == text));
    }

    /// Turns the wheel over the middle of the window until a text is there.
    pub(crate) fn scrolls_back_to(&mut self, text: &str) {
        self.until(text, |window| {
            window.turns_the_wheel();
            window.texts().iter().any(|there| there == text)
        });
    }

    /// Clicks on a text of the window, by its name, as soon as it is there.
    pub(crate) fn clicks(&mut self, name: &str) {
        self.clicks_text(&self.lang.text(name));
    }

    /// The same for what somebody has written.
    pub(crate) fn clicks_text(&mut self, text: &str) {
        let click = Interaction::Mouse(Mouse::Click {
            button: iced::mouse::Button::Left,
            target: Some(Target::Text(text.to_owned())),
        });
        self.until(text, |window| window.does(Instruction::Interact(click.clone())));
    }

    /// Clicks on the text that reads so and is furthest to the right: in the chat, and not in the list beside it.
    pub(crate) fn clicks_in_chat(&mut self, text: &str) {
        let mut found: Option<Rectangle> = None;
        let look = |window: &mut Self| {
            let note = |candidate: Candidate<'_>| {
                if let Candidate::Text { content, visible_bounds: Some(bounds), .. } = candidate
                    && content == text
                    && found.is_none_or(|found| found.x < bounds.x)
                {
                    found = Some(bounds);
                }
                None::<()>
            };
            drop(window.looked_at().find(note));
            found.is_some_and(|bounds| bounds.x > SIDEBAR)
        };
        self.until(text, look);
        let target = found.map(|bounds| Target::Point(bounds.center()));
        let click = Interaction::Mouse(Mouse::Click { button: iced::mouse::Button::Left, target });
        assert!(self.does(Instruction::Interact(click)), "{text:?} cannot be clicked");
    }

    /// Turns the switch that stands behind a text of the window, by its name.
    pub(crate) fn switches(&mut self, name: &str) {
        let text = self.lang.text(name);
        let mut middle = None;
        let look = |window: &mut Self| {
            let note = |candidate: Candidate<'_>| match candidate {
                Candidate::Text { content, visible_bounds: Some(bounds), .. } if content == text => Some(bounds),
                _ => None,
            };
            middle = window.looked_at().find(note).ok();
            middle.is_some()
        };
        self.until(&text, look);
        // The text fills what the switch leaves.
        let target = middle.map(|bounds| Target::Point(Point::new(bounds.x + bounds.width + 10.0, bounds.center_y())));
        let click = Interaction::Mouse(Mouse::Click { button: iced::mouse::Button::Left, target });
        assert!(self.does(Instruction::Interact(click)), "{name} cannot be turned");
    }

    /// From now on its texts are these.
    pub(crate) const fn speaks(&mut self, lang: Lang) {
        self.lang = lang;
    }

    /// Waits until it is dark.
    pub(crate) fn until_dark(&mut self) {
        self.until("the dark", |window| {
            let theme = window.emulator.theme(&window.program);
            theme.is_some_and(|theme| theme.extended_palette().is_dark)
        });
    }

    /// Waits for something outside of the window.
    pub(crate) fn until_now(&mut self, mut look: impl FnMut() -> bool) {
        self.until("what is waited for", |_| look());
    }

    /// Types into whatever has the keyboard.
    pub(crate) fn types(&mut self, text: &str) {
        self.keys(Keyboard::Typewrite(text.to_owned()));
    }

    /// Types a line into whatever has the keyboard.
    pub(crate) fn enters(&mut self, line: &str) {
        self.types(line);
        self.presses_enter();
    }

    /// Says something in the chat that is open.
    pub(crate) fn says(&mut self, text: &str) {
        self.clicks_into("writing");
        self.enters(text);
    }

    /// Ends a line.
    pub(crate) fn presses_enter(&mut self) {
        self.keys(Keyboard::Type(Key::Enter));
    }

    /// Ends a line, as often as it takes until something outside of the window has happened.
    pub(crate) fn presses_enter_until(&mut self, mut look: impl FnMut() -> bool) {
        self.until("what is waited for", |window| {
            window.presses_enter();
            look()
        });
    }

    /// Takes back the last characters.
    pub(crate) fn presses_backspace(&mut self, times: usize) {
        for _ in 0..times {
            self.keys(Keyboard::Type(Key::Backspace));
        }
    }

    /// Clicks into a field.
    pub(crate) fn clicks_into(&mut self, id: &'static str) {
        let mut middle = None;
        let look = |window: &mut Self| {
            middle = window.looked_at().find(selector::id(id)).ok().and_then(|found| found.visible_bounds());
            middle.is_some()
        };
        self.until(id, look);
        let target = middle.map(|bounds| Target::Point(bounds.center()));
        let click = Interaction::Mouse(Mouse::Click { button: iced::mouse::Button::Left, target });
        assert!(self.does(Instruction::Interact(click)), "{id} cannot be clicked");
    }

    /// All that can be read in the window.
    pub(crate) fn texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        let note = |candidate: Candidate<'_>| {
            if let Candidate::Text { content, visible_bounds: Some(_), .. } = candidate {
                texts.push(content.to_owned());
            }
            None::<()>
        };
        drop(self.looked_at().find(note));
        texts
    }

    fn looked_at(&self) -> Simulator<'_, Message, Theme, P::Renderer> {
        Simulator::with_size(Settings::default(), self.size, self.emulator.view(&self.program))
    }

    /// Upwards, over the middle of the window.
    fn turns_the_wheel(&mut self) {
        let delta = ScrollDelta::Pixels { x: 0.0, y: SIZE.height / 2.0 };
        self.hears_of(iced::Event::Mouse(iced::mouse::Event::WheelScrolled { delta }));
    }

    /// What an event of the window leads to that the emulator does not know.
    fn hears_of(&mut self, event: iced::Event) {
        let mut seen = self.looked_at();
        seen.point_at(Point::new(SIZE.width * 0.6, SIZE.height * 0.5));
        drop(seen.simulate([event]));
        let messages: Vec<_> = seen.into_messages().collect();
        for message in messages {
            self.emulator.update(&self.program, message);
        }
    }

    fn keys(&mut self, keys: Keyboard) {
        self.rests();
        assert!(self.does(Instruction::Interact(Interaction::Keyboard(keys))), "the keyboard does nothing");
    }

    /// Somebody closes the window.
    pub(crate) fn closes(mut self) {
        self.emulator.update(&self.program, Message::CloseRequested);
        for _ in 0..25 {
            self.rests();
        }
    }

    /// What somebody who does not look is told next.
    pub(crate) fn tells(&mut self) -> Notification {
        let mut told = None;
        self.until("a notification", |window| {
            told = window.told.try_recv().ok();
            told.is_some()
        });
        told.unwrap()
    }

    /// Nothing was told by now.
    pub(crate) fn tells_nothing(&mut self) {
        self.rests_for(500);
        assert_eq!(self.told.try_recv().ok(), None);
    }

    /// Somebody drops a file on the window.
    pub(crate) fn takes_a_file(&mut self, path: &Path) {
        self.hears(Message::Dropped(path.to_owned()));
    }

    /// Something happens to the window that the emulator does not know.
    pub(crate) fn hears(&mut self, message: Message) {
        self.emulator.update(&self.program, message);
    }

    /// Draws the window into a file, as the last thing that is done with it.
    pub(crate) fn is_drawn(&mut self, path: &Path) {
        let theme = self.emulator.theme(&self.program).unwrap_or(Theme::Light);
        let drawn = self.emulator.screenshot(&self.program, &theme, 1.0);
        let file = std::fs::File::create(path).unwrap();
        let mut encoder = png::Encoder::new(file, drawn.size.width, drawn.size.height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.write_header().unwrap().write_image_data(&drawn.rgba).unwrap();
    }

    pub(crate) fn until(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        while !look(self) {
            if begun.elapsed() > PATIENCE {
                let drawn = std::env::temp_dir().join("privmsg-window.png");
                self.is_drawn(&drawn);
                panic!("{what:?} does not come; the window is drawn in {}", drawn.display());
            }
            self.rests();
        }
    }

    /// The same, for so many milliseconds.
    pub(crate) fn rests_for(&mut self, ms: u64) {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(ms) {
            self.rests();
        }
    }

    /// Lets the program do what it has to, and draws it.
    pub(crate) fn rests(&mut self) {
        std::thread::sleep(LOOK);
        self.hears_of(iced::Event::Window(iced::window::Event::RedrawRequested(Instant::now())));
        while let Ok(event) = self.events.try_recv() {
            if let Event::Action(action) = event {
                self.emulator.perform(&self.program, action);
            }
        }
    }

    fn does(&mut self, instruction: Instruction) -> bool {
        self.emulator.run(&self.program, instruction);
        self.answer()
    }

    /// Waits for the end of an instruction. Returns whether it was possible.
    fn answer(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match self.events.try_recv() {
                Ok(Event::Action(action)) => self.emulator.perform(&self.program, action),
                Ok(Event::Ready) => return true,
                Ok(Event::Failed(_)) => return false,
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        false
    }
}
